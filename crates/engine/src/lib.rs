//! The command engine: requests in, replies and effects out.
//!
//! ```text
//!   driver ─► Executor ─► pipeline ─► handler ─► store
//!     ▲          │           │
//!     │          │           └─► effects ─► Host (log, replicas)
//!     └─ Outbox ◄┘
//! ```
//!
//! N threads execute directly on one keyspace that is cut into locked shards.
//! There is no message passing and no executor thread; an event loop, a thread
//! per client and the embedded library are three drivers of the same code.
//!
//! The engine opens no socket, starts no thread, reads no clock and draws no
//! randomness of its own: time and seeds come in, and [`Host`] supplies the
//! rest. One seed replays everything.

pub mod args;
pub mod clients;
mod codec;
pub mod commands;
pub mod config;
mod copies;
pub mod ctx;
pub mod effect;
mod engine;
pub mod error;
mod executor;
mod garbage;
pub mod host;
mod info;
pub mod latency;
mod lock;
mod pause;
mod pipeline;
mod replay;
mod session;
mod shards;
mod snapshot;
pub mod stats;
mod transaction;
pub mod version;
mod waits;
mod watch;

pub use clients::{Card, Clients, Origin};
pub use codec::{BadPayload, Codec};
pub use engine::{Engine, EngineOptions, Threads};
pub use error::CommandError;
pub use executor::{Executor, Request};
pub use garbage::{Freeing, Garbage};
pub use host::{
    Admission, Facts, Fresh, Host, HostRef, Kept, Keys, LoadingFacts, LogFacts, LogMode, Lsn,
    NoWake, PersistenceFacts, SaveRequest, Shutdown, Wake,
};
pub use pause::{Pause, PauseMode};
pub use replay::{ReplayError, Restored};
pub use session::{Client, ReplyMode, Session, Stage};
#[cfg(feature = "sabotage")]
pub use shards::sabotage::Sabotage;
pub use snapshot::{
    Budget, Cut, IMAGES_BYTES_MAX, NO_CAP, Progress, Sink, Snapshot, SnapshotError,
};
pub use version::{OCHRE_VERSION, REDIS_VERSION};
pub use waits::Ticket;
