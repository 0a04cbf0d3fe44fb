//! A server is killed again and again, and whatever it had acknowledged must be there.
//!
//! ```text
//!   writers ──► server ──x kill -9 ──► start ─x kill ... ──► start ──► read all back
//!      │                                                                    │
//!      └─ histories: sent, answered ─────────────► fit? ◄───────────────────┘
//! ```
//!
//! Each writer owns its keys and knows what every one of its units makes of them. What comes back
//! must be its state after some unit at or behind the last one that was answered: under every
//! policy, since only the process dies and a reply follows the write. A transaction is one unit,
//! so a torn one fits nowhere. Deadlines must be the same to the millisecond.
//!
//! A seed repeats the workload, not the timing. The pieces, in reading order: [`state`] is what
//! keys hold, with a file for each kind beside strings, and [`history`] how a state fits; [`workload`]
//! draws units, in the words of [`request`]; [`writer`] sends them; [`kills`] is the campaign.

pub mod content;
pub mod hashes;
pub mod history;
pub mod kills;
pub mod lists;
pub mod request;
pub mod sets;
pub mod state;
pub mod streams;
pub mod workload;
pub mod writer;
pub mod zsets;

pub use kills::{Kills, Tally};
