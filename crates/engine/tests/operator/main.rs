//! What an operator reads and sets: INFO, CONFIG, DEBUG.
//!
//! The replies as such are the transcripts' business. Here is what takes a host
//! that can be looked into: what it is told, when, and in how many groups.

mod config;
mod debug;
mod info;
mod node;
