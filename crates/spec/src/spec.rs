//! A command's spec, and the const builder that the family files write it with.
//!
//! ```
//! pub static GETRANGE: Spec = Spec::read("getrange", exactly(4))
//!     .keys(&[KeySpec::at(1, KeyFlags::READ)])
//!     .group(Group::String)
//!     .since("2.4.0")
//!     .summary("Returns the bytes of a string between two offsets.")
//!     .complexity("O(N), N the length of the reply.")
//!     .args(&[key("key"), int("start"), int("end")]);
//! ```
//!
//! Containers (`CLIENT`, `CONFIG`, ...) list their subcommands, which are specs like any other: they
//! know their container's name, count it in their arity and number their keys on the whole line.
//!
//! What follows from something else is computed, never written twice: the legacy key triple and the
//! flag MOVABLEKEYS from the key specs, the categories `read`, `slow`, ... from the flags.

use std::borrow::Cow;
use std::fmt;

use crate::arg::Arg;
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{Begin, Find, FindKeys, KeyFlags, KeySpec};

/// Everything there is to know of a command without running it.
pub struct Spec {
    /// Lower case; a subcommand has its own word alone (`getname`).
    pub name: &'static str,
    /// For a subcommand: the name of its container (`client`).
    pub container: Option<&'static str>,
    /// How many words the whole line has, names counted. Negative: at least so many.
    pub arity: i16,
    pub flags: Flags,
    pub keys: &'static [KeySpec],
    /// Answers for [`crate::keys_of`] in place of `keys`, where those do not say everything.
    pub find_keys: Option<FindKeys>,
    pub group: Group,
    /// First version of Redis (or, where only that has it, Valkey) with this command.
    pub since: &'static str,
    pub complexity: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The categories of its subject; [`Spec::implied`] adds those that follow from the flags.
    pub categories: Categories,
    /// Hints to clients and proxies: how to route it in a cluster, whether its answers can vary.
    pub tips: &'static [&'static str],
    /// Versions that changed the command, and how.
    pub history: &'static [(&'static str, &'static str)],
    pub deprecated: Option<Deprecated>,
    /// For the server's own use: documents leave it out.
    pub internal: bool,
    /// Grammar of the words after the names.
    pub args: &'static [Arg],
    pub subcommands: &'static [&'static Spec],
}

/// Since when a command is discouraged, and what to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deprecated {
    pub since: &'static str,
    pub replaced_by: &'static str,
}

/// The chapter of the manual that a command belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    PubSub,
    Transactions,
    Connection,
    Server,
    Scripting,
    HyperLogLog,
    Cluster,
    Geo,
    Stream,
    Bitmap,
}

impl Group {
    /// The name in `COMMAND DOCS`.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::HyperLogLog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
        }
    }
}

/// An arity of exactly `words`, names counted.
pub const fn exactly(words: i16) -> i16 {
    assert!(words > 0);
    words
}

/// An arity of `words` or more, names counted.
pub const fn at_least(words: i16) -> i16 {
    assert!(words > 0);
    -words
}

/// The builder.
impl Spec {
    /// A command that neither reads nor writes keys.
    pub const fn new(name: &'static str, arity: i16) -> Spec {
        Spec {
            name,
            container: None,
            arity,
            flags: Flags::NONE,
            keys: &[],
            find_keys: None,
            group: Group::Generic,
            since: "",
            complexity: "O(1).",
            summary: "",
            categories: Categories::NONE,
            tips: &[],
            history: &[],
            deprecated: None,
            internal: false,
            args: &[],
            subcommands: &[],
        }
    }

    /// A command that reads the keyspace.
    pub const fn read(name: &'static str, arity: i16) -> Spec {
        Spec::new(name, arity).flags(Flags::READONLY)
    }

    /// A command that may change the keyspace.
    pub const fn write(name: &'static str, arity: i16) -> Spec {
        Spec::new(name, arity).flags(Flags::WRITE)
    }

    /// A command that is only the first half of others, which `.subcommands(...)` names.
    pub const fn holding(name: &'static str) -> Spec {
        Spec::new(name, at_least(2)).complexity("That of the subcommand.")
    }

    pub const fn subcommands(mut self, subcommands: &'static [&'static Spec]) -> Spec {
        self.subcommands = subcommands;
        self
    }

    /// The container that this is a subcommand of.
    pub const fn of(mut self, container: &'static str) -> Spec {
        self.container = Some(container);
        self
    }

    /// Adds flags.
    pub const fn flags(mut self, more: Flags) -> Spec {
        self.flags = self.flags.with(more);
        self
    }

    /// The key specs; sets MOVABLEKEYS when the legacy triple does not say the same.
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Spec {
        self.keys = keys;
        if legacy_triple(keys).1 {
            self.flags = self.flags.with(Flags::MOVABLEKEYS);
        }
        self
    }

    pub const fn find_keys(mut self, find: FindKeys) -> Spec {
        self.find_keys = Some(find);
        self
    }

    pub const fn group(mut self, group: Group) -> Spec {
        self.group = group;
        self
    }

    /// Adds categories.
    pub const fn category(mut self, more: Categories) -> Spec {
        self.categories = self.categories.with(more);
        self
    }

    pub const fn since(mut self, version: &'static str) -> Spec {
        self.since = version;
        self
    }

    pub const fn complexity(mut self, sentence: &'static str) -> Spec {
        self.complexity = sentence;
        self
    }

    pub const fn summary(mut self, sentence: &'static str) -> Spec {
        self.summary = sentence;
        self
    }

    pub const fn tips(mut self, tips: &'static [&'static str]) -> Spec {
        self.tips = tips;
        self
    }

    pub const fn history(mut self, changes: &'static [(&'static str, &'static str)]) -> Spec {
        self.history = changes;
        self
    }

    pub const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> Spec {
        self.deprecated = Some(Deprecated { since, replaced_by });
        self
    }

    pub const fn internal(mut self) -> Spec {
        self.internal = true;
        self
    }

    pub const fn args(mut self, args: &'static [Arg]) -> Spec {
        self.args = args;
        self
    }
}

/// What readers of the table ask.
impl Spec {
    /// True when a line of `argc` words, names counted, has neither too few nor too many.
    pub const fn arity_ok(&self, argc: usize) -> bool {
        if self.arity >= 0 {
            argc == self.argc_min()
        } else {
            argc >= self.argc_min()
        }
    }

    /// The fewest words of a line, names counted.
    pub const fn argc_min(&self) -> usize {
        self.arity.unsigned_abs() as usize
    }

    /// True for a command that does nothing without a subcommand (COMMAND alone does something).
    pub const fn is_container(&self) -> bool {
        !self.subcommands.is_empty() && self.arity != -1
    }

    /// The legacy form of the key specs: first key, last key (negative: from the end of the line,
    /// -1 the last word), step. All zero when there is no key that it can describe.
    pub const fn first_last_step(&self) -> (i16, i16, i16) {
        legacy_triple(self.keys).0
    }

    pub const fn is_write(&self) -> bool {
        self.flags.contains(Flags::WRITE)
    }

    pub const fn is_readonly(&self) -> bool {
        self.flags.contains(Flags::READONLY)
    }

    /// True when a call can have keys; what only looks like one does not count.
    pub const fn has_keys(&self) -> bool {
        let mut i = 0;
        while i < self.keys.len() {
            if !self.keys[i].access.contains(KeyFlags::NOT_KEY) {
                return true;
            }
            i += 1;
        }
        self.find_keys.is_some()
    }

    /// All ACL categories, those that follow from the flags included.
    pub const fn implied(&self) -> Categories {
        self.categories.implied(self.flags)
    }

    /// `get`, or `client|getname` for a subcommand: how ACL rules and statistics name it.
    pub fn full_name(&self) -> Cow<'static, str> {
        match self.container {
            Some(container) => Cow::Owned(format!("{container}|{}", self.name)),
            None => Cow::Borrowed(self.name),
        }
    }

    /// Names of the documentation flags in `COMMAND DOCS`.
    pub fn doc_flag_names(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.deprecated.is_some(), "deprecated"),
            (self.internal, "syscmd"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
    }
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spec({})", self.full_name())
    }
}

/// The triple that covers the key specs as well as it can, and whether it leaves something out.
///
/// One plain range is taken as it is. Of several, those are joined that step by one word and follow
/// each other without a gap; everything else is what clients have to ask COMMAND GETKEYS about.
const fn legacy_triple(keys: &[KeySpec]) -> ((i16, i16, i16), bool) {
    if keys.is_empty() {
        return ((0, 0, 0), false);
    }
    let mut movable = false;
    let (mut first, mut last, mut step_shown) = (0, 0, 1);
    let mut i = 0;
    while i < keys.len() {
        let KeySpec {
            begin,
            find,
            access,
            ..
        } = keys[i];
        i += 1;
        let (
            Begin::Index(start),
            Find::Range {
                last: relative,
                step,
                ..
            },
        ) = (begin, find)
        else {
            movable = true;
            continue;
        };
        if keys.len() == 1 {
            step_shown = step;
        } else if step != 1 || (last != 0 && last != start - 1) {
            movable = true;
            continue;
        }
        movable |= access.contains(KeyFlags::INCOMPLETE);
        if first == 0 {
            first = start;
        }
        last = if relative < 0 {
            relative
        } else {
            start + relative
        };
    }
    if first == 0 {
        ((0, 0, 0), true)
    } else {
        ((first, last, step_shown), movable)
    }
}
