//! Behaviour tests: what a client can see, on every target that there is.
//!
//! One binary with a module per concern. The transcripts under `tests/transcripts` hold nearly all of the behaviour;
//! the modules here only say what they are played on.

mod oracle;
