//! Servers that are killed, and files that are damaged: what was acknowledged is there, and what
//! is not whole is refused.
//!
//! Each campaign prints its seed; `OCHRE_SEED` repeats its workload. The quick run is bounded by
//! rounds; `OCHRE_CRASH_ROUNDS=100` makes a campaign longer. `tests/sabotage` shows that servers
//! which forget are caught.

mod kills;
mod node;
mod rotation;
