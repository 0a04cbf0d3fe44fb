//! What is kept on disk, and how it comes back.
//!
//! ```text
//!  rdb     a whole data set in one stream: read any of Redis' or Valkey's, write Redis 7's
//! ```
//!
//! There is no thread, no clock and no chance in here. Files are the caller's: a reader takes
//! anything that reads, a writer hands out bytes.

mod error;
pub mod rdb;

pub use error::Trouble;
