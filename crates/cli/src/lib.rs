//! What a person at a terminal runs beside the server.
//!
//! ```text
//!   ochre bench …   bench   load generator: latency, throughput, CPU per request, comparisons
//! ```
//!
//! Each tool is a module with one entry point that takes the words of its
//! command line and returns an exit code; the binary only chooses among them.

pub mod bench;
