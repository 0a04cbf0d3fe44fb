//! Who waits for which keys: BLPOP, BLMOVE, XREAD BLOCK and their like.
//!
//! ```text
//!   BLPOP a b 0   finds nothing ─► Ticket 7, in the queues of a and of b; the client is Blocked
//!   LPUSH b x     changes b ─► signals b ─► when it is done: ticket 7 is served from b
//!                 ─► the reply goes to the client's driver, which takes 7 out of a as well
//! ```
//!
//! Each shard keeps the queues of its own keys, and a write looks here only while
//! anybody waits for anything in the shard. A key that is written to is *signaled*:
//! the thread that did it serves the key's tickets, in the order of their arrival,
//! before it goes on (`pipeline/serve.rs`). Until then nobody who comes later may
//! help himself by a blocking command: what is there belongs to those in the queue.
//!
//! Waits belong to a database's number. A ticket ends once, whoever comes first
//! (see [`Ticket`]); its driver takes it out of all queues, so that one that has
//! ended may still stand in some, where it is passed over.

#[cfg(test)]
mod tests;
mod ticket;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use store::Kind;

use crate::engine::Engine;

pub(crate) use ticket::{Awaited, Serve, Served, Wish};
pub use ticket::{Outcome, Ticket};

/// The waits of one shard.
pub struct Waits {
    /// For each key the databases in which it is awaited: nearly always one.
    by_key: BTreeMap<Box<[u8]>, Vec<Queue>>,
    tally: Arc<Tally>,
}

/// Those who wait for one key, by arrival.
struct Queue {
    database: u32,
    /// The key was written to, and whoever did it is about to serve the queue.
    signaled: bool,
    tickets: BTreeMap<u64, Arc<Ticket>>,
    /// How many of them want to hear that there is no key.
    on_no_key: usize,
}

/// How many wait, for INFO, and who came when.
#[derive(Default)]
pub struct Tally {
    arrivals: AtomicU64,
    pub clients: AtomicU64,
    /// Of these, those who will not wait for ever.
    pub timed_clients: AtomicU64,
    pub keys: AtomicU64,
    /// Keys with somebody who wants to hear that there is none.
    pub keys_on_no_key: AtomicU64,
}

impl Tally {
    /// The number of one who begins to wait now.
    pub(crate) fn next_arrival(&self) -> u64 {
        self.arrivals.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A key that was signaled and whose queue is to be served.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) database: usize,
    pub(crate) key: Box<[u8]>,
    pub(crate) hash: u64,
    /// Shards besides its own that its queue was found to need. They add up, or two who
    /// wait on would send each other's away for ever.
    pub(crate) needs: Vec<u32>,
}

impl Ready {
    pub(crate) fn of(engine: &Engine, database: usize, key: &[u8]) -> Ready {
        Ready {
            database,
            key: key.into(),
            hash: engine.hasher.hash(key),
            needs: Vec::new(),
        }
    }
}

impl Waits {
    pub(crate) fn new(tally: Arc<Tally>) -> Waits {
        Waits {
            by_key: BTreeMap::new(),
            tally,
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Put a ticket at the end of a key's queue.
    pub(crate) fn add(&mut self, key: &[u8], ticket: &Arc<Ticket>) {
        let queues = self.by_key.entry(key.into()).or_default();
        let database = ticket.database as u32;
        let at = queues.iter().position(|queue| queue.database == database);
        let queue = match at {
            Some(at) => &mut queues[at],
            None => {
                self.tally.keys.fetch_add(1, Ordering::Relaxed);
                queues.push(Queue::new(database));
                queues.last_mut().expect("just pushed")
            }
        };
        if queue
            .tickets
            .insert(ticket.arrival, ticket.clone())
            .is_none()
            && ticket.on_no_key
        {
            queue.on_no_key += 1;
            if queue.on_no_key == 1 {
                self.tally.keys_on_no_key.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Take a ticket out of a key's queue, if it is there.
    pub(crate) fn remove(&mut self, key: &[u8], ticket: &Ticket) {
        let Some(queues) = self.by_key.get_mut(key) else {
            return;
        };
        let database = ticket.database as u32;
        let Some(at) = queues.iter().position(|queue| queue.database == database) else {
            return;
        };
        let queue = &mut queues[at];
        if queue.tickets.remove(&ticket.arrival).is_none() {
            return;
        }
        if ticket.on_no_key {
            queue.on_no_key -= 1;
            if queue.on_no_key == 0 {
                self.tally.keys_on_no_key.fetch_sub(1, Ordering::Relaxed);
            }
        }
        if queue.tickets.is_empty() {
            self.tally.keys.fetch_sub(1, Ordering::Relaxed);
            queues.swap_remove(at);
            if queues.is_empty() {
                self.by_key.remove(key);
            }
        }
    }

    /// A key was written to, or has gone. Returns whether its queue is to be served
    /// because of that: not if nobody waits for it, nor if somebody is at it.
    #[cold]
    pub(crate) fn signal(&mut self, database: usize, key: &[u8]) -> bool {
        let queue = self.queue_mut(database, key);
        queue.is_some_and(|queue| !std::mem::replace(&mut queue.signaled, true))
    }

    /// A database has got another content at once. `ready` is told of each key whose
    /// queue is to be served.
    pub(crate) fn signal_all(&mut self, database: usize, mut ready: impl FnMut(&[u8])) {
        for (key, queues) in &mut self.by_key {
            let queue = queues.iter_mut().find(|it| it.database == database as u32);
            if let Some(queue) = queue
                && !std::mem::replace(&mut queue.signaled, true)
            {
                ready(key);
            }
        }
    }

    /// The queue of a key has been served as far as it goes.
    pub(crate) fn was_served(&mut self, database: usize, key: &[u8]) {
        if let Some(queue) = self.queue_mut(database, key) {
            queue.signaled = false;
        }
    }

    /// Is what this key has meant for those who wait for it?
    pub(crate) fn is_promised(&self, database: usize, key: &[u8]) -> bool {
        self.queue(database, key).is_some_and(|it| it.signaled)
    }

    /// The first ticket behind arrival `after` that may be for a key which holds this,
    /// or is not there.
    pub(crate) fn next(
        &self,
        database: usize,
        key: &[u8],
        after: u64,
        holds: Option<Kind>,
    ) -> Option<Arc<Ticket>> {
        let queue = self.queue(database, key)?;
        if holds.is_none() && queue.on_no_key == 0 {
            return None;
        }
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let mut tickets = queue.tickets.range(behind).map(|(_, ticket)| ticket);
        let found = tickets.find(|ticket| ticket.on_no_key || holds == Some(ticket.kind));
        found.cloned()
    }

    fn queue(&self, database: usize, key: &[u8]) -> Option<&Queue> {
        let mut queues = self.by_key.get(key)?.iter();
        queues.find(|queue| queue.database == database as u32)
    }

    fn queue_mut(&mut self, database: usize, key: &[u8]) -> Option<&mut Queue> {
        let mut queues = self.by_key.get_mut(key)?.iter_mut();
        queues.find(|queue| queue.database == database as u32)
    }
}

impl Queue {
    fn new(database: u32) -> Queue {
        Queue {
            database,
            signaled: false,
            tickets: BTreeMap::new(),
            on_no_key: 0,
        }
    }
}
