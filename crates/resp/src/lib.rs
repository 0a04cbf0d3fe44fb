//! The wire: RESP2, RESP3 and inline commands, as bytes and nothing more.
//!
//! ```text
//!   socket ─► Query ─► Argv ─► (engine) ─► Reply ─► Outbox ─► socket
//!             what a client    one request          what it is
//!             has sent         as slices            still to be sent
//! ```
//!
//! This crate never touches a socket: drivers read into a [`Query`] and write
//! from an [`Outbox`]. It knows no command either; a request is a list of byte
//! strings. The other direction, reading replies, is [`Value`].

mod argv;
mod decode;
mod outbox;
mod query;
mod reply;
mod value;

pub use argv::{Argv, AsSent, Block, OwnedArgv, Span};
pub use decode::ProtocolError;
pub use outbox::{Mark, Outbox, Source};
pub use query::{Limits, Query, QueryBuffer, QueryPool};
pub use reply::{Protocol, Reply};
pub use value::{Value, ValueError};
