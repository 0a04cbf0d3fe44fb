//! Snapshots against the log: what the walk hands over must be what the effects
//! up to the cut make of an empty engine, whatever went on meanwhile.

mod cap;
mod one_thread;
mod threads;
mod world;
