//! One client as a value: what it chose, what it queued, what it watches.
//!
//! A session has no socket and no thread. A driver (an event loop, a client's
//! own thread, the embedded library) keeps it beside an [`Outbox`] and passes
//! both to [`crate::Executor::execute`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use resp::{Outbox, Protocol};

use crate::clients::Card;
use crate::commands::CommandId;
use crate::host::Lsn;
use crate::transaction::Transaction;
use crate::waits::{Outcome, Ticket};
use crate::watch::{Touched, WatchedKey};

/// A session and what is to be sent to it.
pub struct Client {
    pub session: Session,
    pub outbox: Outbox,
}

/// The state of one client.
pub struct Session {
    pub id: u64,
    pub database: usize,
    pub protocol: Protocol,
    pub authenticated: bool,
    pub reply_mode: ReplyMode,
    /// CLIENT NO-TOUCH: reading leaves the access time alone.
    pub no_touch: bool,
    pub stage: Stage,
    /// Between MULTI and EXEC.
    pub transaction: Option<Box<Transaction>>,
    pub watched: Vec<WatchedKey>,
    pub touched: Touched,
    /// How many commands EXEC is running for this client; zero outside of it.
    pub executing: u32,
    /// What this client asked for last, for CLIENT LIST.
    pub last_command: Option<CommandId>,
    /// Requests executed since the driver last asked; it takes as many off the query.
    pub executed: u32,
    /// Commands ever processed, for CLIENT LIST's `tot-cmds`.
    pub commands: u64,
    /// Its replies show what the log has before here: a driver whose host holds
    /// replies sends them when that is durable.
    pub gate: Lsn,
    /// The snapshot that the present request waits for.
    pub ticket: Option<u64>,
    /// What a client that is blocked waits for.
    pub wait: Option<Arc<Ticket>>,
    /// What others may know and say about this client.
    pub card: Arc<Card>,
}

/// May this session go on?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Running,
    /// Its next request waits until somebody wakes it (CLIENT PAUSE, or a
    /// snapshot that has to make room).
    Parked,
    /// It waits for a key (BLPOP and the like): its request is done, its reply comes
    /// when it is served or its time is up ([`crate::Executor::take_up`]).
    Blocked,
    /// To be closed once its outbox is sent.
    Closing,
    /// To be closed at once, unsent replies lost (killed by another client).
    Closed,
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    #[default]
    On,
    Off,
    /// SKIP was said in the present command: leave out the reply to the next.
    SkipNext,
    /// The present command's reply is left out, then `On` again.
    Skipping,
}

impl Client {
    pub fn new(card: Arc<Card>, authenticated: bool) -> Client {
        Client {
            session: Session {
                id: card.id,
                database: 0,
                protocol: Protocol::Resp2,
                authenticated,
                reply_mode: ReplyMode::On,
                no_touch: false,
                stage: Stage::Running,
                transaction: None,
                watched: Vec::new(),
                touched: Arc::new(AtomicBool::new(false)),
                executing: 0,
                last_command: None,
                executed: 0,
                commands: 0,
                gate: Lsn(0),
                ticket: None,
                wait: None,
                card,
            },
            outbox: Outbox::default(),
        }
    }
}

impl Session {
    /// With this much unread, a client's next requests wait until it has read.
    /// A stranger who has not logged in gets little credit.
    #[inline]
    pub fn outbox_bytes_max(&self) -> usize {
        if self.authenticated {
            1024 * 1024
        } else {
            64 * 1024
        }
    }

    /// The time of a client that is blocked is up: unless somebody serves it at this
    /// moment, its wait is over ([`crate::Executor::take_up`]).
    pub fn time_out(&self) {
        if let Some(ticket) = &self.wait {
            ticket.end(Outcome::TimedOut);
        }
    }

    /// Is the present command's reply left out?
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.reply_mode, ReplyMode::Off | ReplyMode::Skipping)
    }

    /// Has a watched key been touched since WATCH?
    pub fn is_touched(&self) -> bool {
        self.touched.load(Ordering::Relaxed)
    }

    /// Say what others may see of this client now.
    pub fn publish(&self) {
        self.card.publish(self);
    }
}
