//! Strings and bitmaps against what they promise.
//!
//! - `random`: sequences of commands on a clock that jumps, every reply, every
//!   value and every encoding predicted by a naive `model` (with `bits` for the
//!   bitmaps); at the end their effects are replayed on an empty engine.
//! - `effects`: what goes to the log for which command, case by case.
//! - `hll`: HyperLogLogs, whose bytes a replay has to make again.
//! - `streams`: streams, whose entries, groups and deliveries it has to make.
//!
//! Each run prints its seed; `OCHRE_SEED` repeats one.

mod bits;
mod effects;
mod hll;
mod model;
mod random;
#[path = "../common/replay.rs"]
mod replay;
mod streams;

/// One word of a request.
type Word = Vec<u8>;
