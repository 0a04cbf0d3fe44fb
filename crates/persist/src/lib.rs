//! Floor 2: what outlives the process. A log of every change, and the files around it.
//!
//! ```text
//!   engine ─ effects ─► Log::append ─ pending ─► Log::commit ─► appendonlydir/…incr.aof
//!                        (any thread)           (one thread)         │
//!   engine ◄─ commands ─ Recovery::commands ◄── Recovery::survey ◄───┘
//! ```
//!
//! Nothing here starts a thread, reads a clock or draws chance. Files are reached through
//! [`Storage`] alone, so that a simulated disk with every fault there is can take the place of
//! the real one. What goes wrong outside is a [`Trouble`]: which file, where in it, what to do.
//!
//! The pieces, in reading order: [`storage`] is what we ask of a file system and [`Disk`] the
//! real one; [`log`] is the log: its lines, its manifest, its writer and its reader; [`rdb`] is a
//! whole data set in one stream. The formats are described in `docs/formats/`.

mod error;
pub mod log;
pub mod rdb;
pub mod storage;

pub use error::{Kind, Trouble};
pub use log::{Lsn, Place};
pub use storage::{Access, BLOCK_BYTES, Disk, File, Guard, NewFile, Past, Storage, Through};
