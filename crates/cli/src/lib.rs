//! What a person at a terminal runs beside the server.
//!
//! ```text
//!   ochre bench …   bench   load generator: latency, throughput, CPU per request, comparisons
//!   ochre check …   check   is a data directory, or one of its files, whole?
//!   ochre export …  export  a data set as JSON lines, RDB or commands
//!   ochre import …  import  a new data directory from these
//!   ochre restore … restore a data directory as it was, in a new one
//! ```
//!
//! Each tool is a module with one entry point that takes the words of its
//! command line and returns an exit code; the binary only chooses among them.

mod args;
pub mod bench;
pub mod check;
mod dataset;
pub mod export;
pub mod import;
mod json_line;
mod moment;
mod place;
mod reading;
pub mod restore;
mod sinks;
mod stream;
mod tool;
