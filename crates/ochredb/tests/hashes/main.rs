//! Hashes whose fields expire: what the log is told, and that it says all of it.
//!
//! - `effects`: what goes to the log for which command, case by case.
//! - `again`: random commands on a clock that jumps; their effects, replayed on an empty engine,
//!   make the same hashes with the same deadlines.
//!
//! Each run prints its seed; `OCHRE_SEED` repeats one.

mod again;
mod effects;
#[allow(dead_code)]
#[path = "../common/replay.rs"]
mod replay;

/// One word of a request.
type Word = Vec<u8>;
