//! Commands as data: one table from which everything that is *about* commands follows.
//!
//! ```text
//!   families/*.rs ──► table ──┬─► gate        arity, flags, ACL categories
//!   one `pub static Spec`     ├─► lock stage  keys_of(spec, argv)
//!   per command, written      ├─► COMMAND     INFO, DOCS, GETKEYS, LIST
//!   with a const builder      ├─► shell       usage lines, completion
//!                             └─► tests       sample(spec): random valid argv
//! ```
//!
//! Nothing here runs a command. A [`Spec`] says what a command is called, how many words it
//! takes, which of them are keys and what happens to those keys, what its option grammar looks
//! like and since which version. The engine joins each spec to a handler; the handler parses its
//! arguments by hand, and a property test feeds it draws of [`sample()`] so that the grammar and the
//! parser cannot drift apart.
//!
//! Everything is built at compile time, so every [`Spec`] has one address for the life of the
//! process, and a lookup by name allocates nothing.

pub mod arg;
pub mod category;
pub mod families;
pub mod flags;
pub mod keys;
mod sample;
mod spec;
pub mod table;
mod usage;

pub use arg::{Arg, ArgKind};
pub use category::Categories;
pub use families::{
    bitmap, connection, field, generic, geo, hash, hyperloglog, list, scripting, server, set,
    stream, string, transaction, zset,
};
pub use flags::Flags;
pub use keys::{Begin, Find, FindKeys, KeyAt, KeyFlags, KeySpec, KeysError, keys_of};
pub use sample::sample;
pub use spec::{Deprecated, Group, Spec, at_least, exactly};
pub use table::{COMMANDS, every, find, find_sub};

#[cfg(test)]
mod tests;
