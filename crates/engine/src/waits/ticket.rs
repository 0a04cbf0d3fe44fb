//! A client that waits, as those see it who may serve it.
//!
//! ```text
//!   Waiting ──► Taken ──► Over(Served)              somebody changed a key it waits for
//!      └──────────────►── Over(TimedOut, ...)       its time is up, it was told to go on, it is gone
//! ```
//!
//! The client's request is kept here, with all that is needed to run it in the
//! client's name on any thread. Whoever leads the ticket out of `Waiting` under its
//! lock is the one who answers: a push on this shard, one on another, a timeout, CLIENT
//! UNBLOCK and CLIENT KILL cannot both do it. A ticket that is served is `Taken` until
//! it is known how far the log must be for the reply to be sent.
//!
//! Shards are entered before a ticket's lock, never while it is held.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use resp::{Outbox, OwnedArgv, Protocol};
use store::{Key, Kind};

use super::Tally;
use crate::args::Args;
use crate::clients::Card;
use crate::commands::CommandId;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::host::Lsn;

/// One client's wait.
pub struct Ticket {
    pub(crate) arrival: u64,
    pub(crate) card: Arc<Card>,
    pub(crate) command: CommandId,
    pub(crate) request: OwnedArgv,
    pub(crate) database: usize,
    pub(crate) protocol: Protocol,
    pub(crate) no_touch: bool,
    /// CLIENT REPLY OFF or SKIP: the answer is for nobody.
    pub(crate) silent: bool,
    pub(crate) kind: Kind,
    pub(crate) on_no_key: bool,
    pub(crate) serve: Serve,
    pub(crate) keys: Box<[AwaitedKey]>,
    /// Shards that serving it takes besides that of the key which is ready.
    pub(crate) needs: Box<[u32]>,
    /// On the clock that never goes back.
    pub deadline_us: Option<u64>,
    tally: Arc<Tally>,
    state: Mutex<State>,
}

/// A key of a ticket.
pub(crate) struct AwaitedKey {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) hash: u64,
}

/// What a command wants to wait for.
pub(crate) struct Wish<'a> {
    pub(crate) request: OwnedArgv,
    pub(crate) keys: &'a [Key<'a>],
    /// Other keys that it will touch once it is served.
    pub(crate) touches: &'a [Key<'a>],
    pub(crate) awaited: Awaited,
    pub(crate) deadline_us: Option<u64>,
    pub(crate) serve: Serve,
}

/// What must be at a key for a ticket to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A value of this kind.
    Value(Kind),
    /// Anything or nothing: what is not of this kind, it wants to hear of.
    Whatever(Kind),
}

/// Run a request that waits, now that a key of it is ready, in its client's name.
/// The arguments are those of the request from the first one on.
pub(crate) type Serve =
    fn(&mut Ctx<'_>, &mut Args<'_>, &Key<'_>, &mut resp::Reply<'_>) -> Result<Served, CommandError>;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    Yes,
    /// Nothing was changed or answered: it goes on waiting.
    NotYet,
}

enum State {
    Waiting,
    /// It has been served, and the reply is on its way.
    Taken,
    Over(Outcome),
    /// Its driver knows.
    Done,
}

/// How a wait ended.
pub enum Outcome {
    /// With this reply, once the log is as far as that.
    Served {
        reply: Outbox,
        gate: Lsn,
    },
    TimedOut,
    /// CLIENT UNBLOCK ERROR.
    Refused,
    /// Its client is gone or has to go.
    Abandoned,
}

impl Ticket {
    /// A ticket for the command that a client runs now.
    pub(crate) fn new(
        wish: Wish<'_>,
        session: &crate::session::Session,
        command: CommandId,
        needs: Box<[u32]>,
        tally: &Arc<Tally>,
    ) -> Ticket {
        let keys = wish.keys.iter().map(|key| AwaitedKey {
            bytes: key.bytes.into(),
            hash: key.hash,
        });
        let (kind, on_no_key) = match wish.awaited {
            Awaited::Value(kind) => (kind, false),
            Awaited::Whatever(kind) => (kind, true),
        };
        tally.clients.fetch_add(1, Ordering::Relaxed);
        if wish.deadline_us.is_some() {
            tally.timed_clients.fetch_add(1, Ordering::Relaxed);
        }
        Ticket {
            arrival: tally.next_arrival(),
            card: session.card.clone(),
            command,
            request: wish.request,
            database: session.database,
            protocol: session.protocol,
            no_touch: session.no_touch,
            silent: session.is_silent(),
            kind,
            on_no_key,
            serve: wish.serve,
            keys: keys.collect(),
            needs,
            deadline_us: wish.deadline_us,
            tally: tally.clone(),
            state: Mutex::new(State::Waiting),
        }
    }

    /// Serve the ticket if it still waits: `serve` is called with its lock held and
    /// says what came of it. `None` if the wait was over before.
    pub(crate) fn try_serve(&self, serve: impl FnOnce() -> Served) -> Option<Served> {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting) {
            return None;
        }
        let served = serve();
        if served == Served::Yes {
            *state = State::Taken;
            self.count_out();
        }
        Some(served)
    }

    /// Give a ticket that was served its reply, and tell its driver.
    pub(crate) fn deliver(&self, reply: Outbox, gate: Lsn) {
        *self.state.lock() = State::Over(Outcome::Served { reply, gate });
        self.card.go_on();
    }

    /// End the wait unless it is over. Returns whether that was so; whoever is not the
    /// driver has to wake it then.
    pub(crate) fn end(&self, outcome: Outcome) -> bool {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting) {
            return false;
        }
        *state = State::Over(outcome);
        self.count_out();
        true
    }

    /// For the driver: what came of the wait, if it is over.
    pub(crate) fn take_outcome(&self) -> Option<Outcome> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Done) {
            State::Over(outcome) => Some(outcome),
            before => {
                *state = before;
                None
            }
        }
    }

    fn count_out(&self) {
        self.tally.clients.fetch_sub(1, Ordering::Relaxed);
        if self.deadline_us.is_some() {
            self.tally.timed_clients.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
