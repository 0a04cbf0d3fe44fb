//! Ochre as a library: a Redis-compatible data store inside your program.
//!
//! ```
//! let db = ochredb::Db::memory();
//! db.execute(["SET", "user:1:name", "Ada"])?;
//! let name = db.execute(["GET", "user:1:name"])?;
//! assert_eq!(name.as_bytes(), Some(&b"Ada"[..]));
//! # Ok::<(), ochredb::CommandFailed>(())
//! ```
//!
//! [`Db::execute`] takes any command the server knows and returns its RESP3
//! reply as a [`Value`]. The engine behind it is the server's: the same
//! commands, the same encodings, the same shards and locks. A handle is a
//! session of its own (selected database, MULTI, WATCH); cloning it opens
//! another session on the same data, and sessions run in parallel.
//!
//! The library installs no allocator and no signal handler, starts no thread
//! and never forks. Expired keys go when they are met, and whenever
//! [`Db::tick`] is called. A large value that was removed is freed by and by, a
//! slice by each call and more by each tick.

mod clock;
mod codec;
mod db;
mod error;
mod garbage;
mod host;
pub mod persistence;

pub use clock::{Clock, ManualClock, SystemClock};
pub use codec::RdbCodec;
pub use db::{Db, DbOptions};
pub use error::CommandFailed;
pub use garbage::free_slowly;
pub use resp::Value;
