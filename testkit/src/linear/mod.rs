//! Is the engine one machine? Recorded histories and the search for an order that
//! explains them.
//!
//! A history is *linearizable* if every operation can be given one moment between its
//! call and its answer such that a plain, single-threaded model, run in the order of
//! these moments, gives the very same answers. That is what MULTI, MSET, RENAME and
//! WATCH promise, whatever threads, shards and batches are underneath.
//!
//! ```text
//!   scenario ─► commands ─► Door (a Db, a socket, an executor) ─► replies
//!      ▲                      │ called, answered
//!      └── answers ◄──────────┤
//!                             ▼
//!   History   client 0  ├─ MSET a 7 b 7 ─┤      ├─ GET a → 7 ─┤
//!             client 1       ├─ MGET a b → 7 1 ─┤
//!                             │
//!                             ▼                              Linearizable
//!   checker: orders that respect the times, on a model  ───► Violated ─► counterexample
//!                                                            Undecided
//! ```
//!
//! The pieces, in reading order: [`history`] is what is recorded; [`checker`] searches;
//! [`counterexample`] boils a failure down and draws it; [`model`] is the keyspace as
//! documented and [`dialect`] how its commands are spoken; [`scenario`] has
//! the clients' parts; [`campaign`] runs rounds of them on threads, watches for
//! deadlocks, and has every history judged.
//!
//! What it does not see: time to live (the model has no clock), and commands that are
//! documented to look at one shard after the other (SCAN, KEYS, DBSIZE, RANDOMKEY).

pub mod campaign;
pub mod checker;
pub mod cores;
pub mod counterexample;
pub mod dialect;
pub mod dice;
pub mod history;
pub mod model;
pub mod scenario;

#[cfg(test)]
mod tests;
