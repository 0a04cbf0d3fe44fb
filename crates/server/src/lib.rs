//! Ochre as a server: sockets, loops, signals and the log.
//!
//! ```text
//!   start ── listeners ──► loops::event     N loops, many clients each (default)
//!     │                └─► loops::threaded  a thread per client
//!     │                         │
//!     └── World: clock, log, garbage thread, wake-ups ◄── Host ── engine
//! ```
//!
//! Both loops drive the same [`connection::Connection`] over the same engine;
//! only when they read and how they wait differs.

mod banner;
mod bell;
mod connection;
mod facts;
mod files;
mod garbage;
mod limits;
mod listener;
mod log;
mod loops;
mod mailbox;
mod os;
mod signals;
mod start;
mod world;

pub use garbage::Allocator;
pub use start::serve;
