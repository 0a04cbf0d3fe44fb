//! Who is connected: what CLIENT LIST shows and CLIENT KILL reaches.
//!
//! Every session has a [`Card`]: facts that never change, counters that its
//! driver publishes once per turn, and names behind a small lock. Cards are
//! registered by id. Nobody reads another session itself; to end one, its card
//! is marked and its driver woken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering,
};

use parking_lot::Mutex;

use crate::host::{NoWake, Wake};
use crate::session::{Session, Stage};
use crate::waits::{Outcome, Ticket};

/// All connected clients.
#[derive(Default)]
pub struct Clients {
    last_id: AtomicU64,
    by_id: Mutex<BTreeMap<u64, Arc<Card>>>,
}

/// Where a client comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// `127.0.0.1:50000`, or the socket's path with `:0` behind it.
    pub peer: String,
    pub local: String,
    pub descriptor: i64,
    /// Does it come from this very machine?
    pub is_local: bool,
    pub is_unix: bool,
    /// Which loop drives it, the `io-thread` of CLIENT LIST.
    pub loop_index: u32,
}

/// What others may know about a client.
pub struct Card {
    pub id: u64,
    pub origin: Origin,
    pub created_unix_secs: i64,
    pub names: Mutex<Names>,
    pub no_evict: AtomicBool,
    doomed: AtomicBool,
    pub last_active_unix_secs: AtomicI64,
    pub database: AtomicU32,
    pub protocol: AtomicU8,
    /// Position in the engine's command table plus one, or zero.
    pub last_command: AtomicU16,
    pub flags: AtomicU32,
    /// Queued commands, or -1 outside MULTI.
    pub multi: AtomicI64,
    pub multi_bytes: AtomicU64,
    pub watched: AtomicU32,
    pub query_bytes: AtomicU64,
    pub query_free_bytes: AtomicU64,
    pub outbox_pieces: AtomicU32,
    pub outbox_tail_bytes: AtomicU64,
    pub outbox_bytes: AtomicU64,
    pub memory_bytes: AtomicU64,
    pub received_bytes: AtomicU64,
    pub sent_bytes: AtomicU64,
    pub commands: AtomicU64,
    /// What it waits for, if it is blocked.
    pub(crate) wait: Mutex<Option<Arc<Ticket>>>,
    waker: Box<dyn Wake>,
}

/// What a client calls itself.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub name: Vec<u8>,
    pub lib_name: Vec<u8>,
    pub lib_version: Vec<u8>,
}

/// Bits of [`Card::flags`]; each has a letter in CLIENT LIST.
pub mod flag {
    pub const IN_MULTI: u32 = 1 << 0;
    pub const WATCH_BROKEN: u32 = 1 << 1;
    pub const CLOSING: u32 = 1 << 2;
    pub const PARKED: u32 = 1 << 3;
    pub const NO_TOUCH: u32 = 1 << 4;
    pub const AUTHENTICATED: u32 = 1 << 5;
}

impl Clients {
    /// Register a client and give it the next id.
    pub fn register(
        &self,
        origin: Origin,
        created_unix_secs: i64,
        waker: Box<dyn Wake>,
    ) -> Arc<Card> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let card = Arc::new(Card::new(id, origin, created_unix_secs, waker));
        self.by_id.lock().insert(id, card.clone());
        card
    }

    pub fn unregister(&self, id: u64) {
        self.by_id.lock().remove(&id);
    }

    /// End a client from outside and forget it at once, whenever its driver gets
    /// to close it. Returns whether it was there.
    pub fn kill(&self, id: u64) -> bool {
        let card = self.by_id.lock().remove(&id);
        card.is_some_and(|card| {
            card.kill();
            true
        })
    }

    pub fn len(&self) -> usize {
        self.by_id.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn find(&self, id: u64) -> Option<Arc<Card>> {
        self.by_id.lock().get(&id).cloned()
    }

    /// The cards of all clients, oldest first.
    pub fn all(&self) -> Vec<Arc<Card>> {
        self.by_id.lock().values().cloned().collect()
    }
}

impl Card {
    fn new(id: u64, origin: Origin, created_unix_secs: i64, waker: Box<dyn Wake>) -> Card {
        Card {
            id,
            origin,
            created_unix_secs,
            names: Mutex::default(),
            no_evict: AtomicBool::new(false),
            doomed: AtomicBool::new(false),
            last_active_unix_secs: AtomicI64::new(created_unix_secs),
            database: AtomicU32::new(0),
            protocol: AtomicU8::new(2),
            last_command: AtomicU16::new(0),
            flags: AtomicU32::new(0),
            multi: AtomicI64::new(-1),
            multi_bytes: AtomicU64::new(0),
            watched: AtomicU32::new(0),
            query_bytes: AtomicU64::new(0),
            query_free_bytes: AtomicU64::new(0),
            outbox_pieces: AtomicU32::new(0),
            outbox_tail_bytes: AtomicU64::new(0),
            outbox_bytes: AtomicU64::new(0),
            memory_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            wait: Mutex::default(),
            waker,
        }
    }

    /// A card that no registry knows, for sessions of the program itself.
    pub fn internal() -> Arc<Card> {
        Arc::new(Card::new(0, Origin::default(), 0, Box::new(NoWake)))
    }

    /// End this client from outside: its driver closes it without a reply.
    pub fn kill(&self) {
        self.doomed.store(true, Ordering::Release);
        // From here on nothing is taken out of a key for it.
        self.end_wait(Outcome::Abandoned);
        self.waker.close();
    }

    /// End the wait of a client that is blocked, from outside. Returns whether it was.
    pub(crate) fn unblock(&self, outcome: Outcome) -> bool {
        let ended = self.end_wait(outcome);
        if ended {
            self.waker.go_on();
        }
        ended
    }

    fn end_wait(&self, outcome: Outcome) -> bool {
        let wait = self.wait.lock();
        wait.as_ref().is_some_and(|ticket| ticket.end(outcome))
    }

    /// Let the driver see what came of the client's wait.
    pub(crate) fn go_on(&self) {
        self.waker.go_on();
    }

    #[inline]
    pub fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::Acquire)
    }

    pub(crate) fn publish(&self, session: &Session) {
        let relaxed = Ordering::Relaxed;
        let (multi, multi_bytes) = match &session.transaction {
            Some(transaction) => (transaction.len() as i64, transaction.bytes() as u64),
            None if session.executing > 0 => (i64::from(session.executing), 0),
            None => (-1, 0),
        };
        let mut flags = 0;
        let mut set = |bit, on| flags |= if on { bit } else { 0 };
        set(flag::IN_MULTI, multi >= 0);
        set(flag::WATCH_BROKEN, session.is_touched());
        set(
            flag::CLOSING,
            matches!(session.stage, Stage::Closing | Stage::Closed),
        );
        let waits = matches!(session.stage, Stage::Parked | Stage::Blocked);
        set(flag::PARKED, waits);
        set(flag::NO_TOUCH, session.no_touch);
        set(flag::AUTHENTICATED, session.authenticated);
        self.flags.store(flags, relaxed);
        self.multi.store(multi, relaxed);
        self.multi_bytes.store(multi_bytes, relaxed);
        self.watched.store(session.watched.len() as u32, relaxed);
        self.database.store(session.database as u32, relaxed);
        self.protocol
            .store(session.protocol.number() as u8, relaxed);
        self.commands.store(session.commands, relaxed);
        let last = session.last_command.map_or(0, |id| id.index() as u16 + 1);
        self.last_command.store(last, relaxed);
    }
}
