//! Behaviour tests as data.
//!
//! A *transcript* is a plain text file that shows a conversation with the server: what
//! a client sends and what it gets back. It reads as documentation and runs as a test,
//! against any server that speaks the protocol, so the same file judges Ochre in every
//! mode and an oracle (a stock Redis or Valkey) beside it.
//!
//! ```text
//!  tests/transcripts/strings/set.txt        tests/transcripts/wire/inline.txt
//!             │ transcript::parse                       │ wire::parse
//!             ▼                                         ▼
//!      Transcript { cases }                       WireScript { cases }
//!             │ Player::play                            │ wire::replay
//!             ▼                                         ▼
//!    dyn Target: a socket, or an engine          a socket, whole and split
//!      inside this process                         at every byte
//! ```
//!
//! The pieces, in reading order: [`quote`] and [`glob`] are the two small languages
//! borrowed from Redis; [`reply`] is a reply and its notation; [`pattern`] is what a
//! transcript expects of one; [`outline`] is the skeleton that both kinds of file
//! share; [`transcript`] and [`wire`] are those two kinds; [`target`] is what they run
//! on, with [`socket`] and [`process`] for servers outside; [`control`] cleans up
//! between cases; [`play`] runs, [`corpus`] finds the files and sums up.
//!
//! For what lies under the server there is [`disk`], a simulated file system with every
//! fault that a real one has, and [`crash`], which kills real servers and reads back what they
//! kept. [`linear`] judges histories of concurrent clients.
//!
//! Apart from the seam that the disk fills and signals, the crate depends on the standard
//! library alone. In particular it decodes replies with its own few lines and not with the codec
//! of the server: a test that shares the code under test shares its mistakes.

pub mod control;
pub mod corpus;
pub mod crash;
pub mod disk;
pub mod glob;
pub mod linear;
pub mod outline;
pub mod pattern;
pub mod play;
pub mod process;
pub mod quote;
pub mod reply;
pub mod socket;
pub mod target;
pub mod transcript;
pub mod wire;
