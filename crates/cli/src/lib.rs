//! What a person at a terminal runs beside the server.
//!
//! ```text
//!   ochre bench …   bench   load generator: latency, throughput, CPU per request, comparisons
//!   ochre check …   check   is a data directory, or one of its files, whole?
//! ```
//!
//! Each tool is a module with one entry point that takes the words of its
//! command line and returns an exit code; the binary only chooses among them.

mod args;
pub mod bench;
pub mod check;
mod place;
mod reading;
