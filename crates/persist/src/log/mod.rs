//! The log: every change in one total order, in files that stock servers load too.
//!
//! ```text
//!   <dir>/appendonlydir/
//!     appendonly.aof.manifest        which files, in which order          manifest
//!     appendonly.aof.2.base.rdb      everything up to an LSN
//!     appendonly.aof.3.incr.aof      what happened since: groups          frame, writer
//!     appendonly.aof.4.incr.aof      the newest one is appended to
//! ```
//!
//! The *stream* is the RESP of effects, as a replica would get it: SELECT where the database
//! changes, MULTI and EXEC around what belongs together. An [`Lsn`] is a byte's place in it since
//! the data set began; lines of our own do not count.
//!
//! The pieces, in reading order: [`frame`] is the line before each group; [`manifest`] the list
//! of files; [`command`] reads commands; [`writer`] is [`Log`], and [`State`] what becomes of it;
//! [`survey`] looks at what a
//! directory holds before anything is served, [`Inspection`] what a tool wants to know of a
//! damaged one, and [`reader`] hands out its commands. [`generation`] is what is kept behind the
//! present base.

mod command;
mod desk;
pub mod frame;
pub mod generation;
mod health;
mod inspection;
pub mod manifest;
mod open;
mod outdated;
mod place;
pub mod reader;
mod rotation;
pub mod survey;
mod switch;
mod window;
pub mod writer;

pub use command::Argv;
pub use generation::{Generation, Keep};
pub use health::State;
pub use inspection::Inspection;
pub use manifest::Manifest;
pub use outdated::{fresh_base, is_outdated, mark_outdated};
pub use place::Place;
pub use reader::{Command, Commands, Role};
pub use survey::{Base, Cut, Options, Part, Recovery, Tail};
pub use writer::{Committed, FsyncPolicy, Log, Refusal, Settings};

/// A place in the stream: bytes since the data set began.
pub type Lsn = u64;
