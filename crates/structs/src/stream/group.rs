//! A consumer group: what was delivered to whom and not yet acknowledged.
//!
//! ```text
//!   Group ─┬─ pending of all      id ─► consumer, when, how often
//!          └─ consumers by name ─┬─ seen, active
//!                                └─ own pending      id
//! ```
//!
//! Both lists of pending entries are shelves in the order of ids. The own one holds ids only: the
//! rest is looked up in that of all. Consumers are named by an index that holds while they live.
//!
//! Invariant: an id is pending for exactly the consumer that the list of all names.

use std::sync::Arc;

use super::StreamId;
use super::shelf::{Forward, Shelf};

/// The readers of a stream who share its entries.
#[derive(Clone)]
pub struct Group {
    name: Box<[u8]>,
    last_delivered_id: StreamId,
    entries_read: Option<u64>,
    pending: Shelf<Pending>,
    /// By index; a place is free when its consumer has gone.
    consumers: Vec<Option<Arc<Consumer>>>,
    /// Indices in the order of names.
    by_name: Vec<ConsumerIndex>,
    consumer_bytes: usize,
}

/// One of the readers of a group.
#[derive(Clone)]
pub struct Consumer {
    name: Box<[u8]>,
    seen_ms: i64,
    active_ms: Option<i64>,
    pending: Shelf<()>,
}

/// Names a consumer of a group while it lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerIndex(u32);

/// A delivery that was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    pub consumer: ConsumerIndex,
    pub delivered_ms: i64,
    /// How often it was delivered.
    pub deliveries: u64,
}

impl Group {
    /// A group whose readers get what comes behind an id. How many entries have been read up to it
    /// may not be known.
    pub fn new(name: &[u8], last_delivered_id: StreamId, entries_read: Option<u64>) -> Group {
        Group {
            name: name.into(),
            last_delivered_id,
            entries_read,
            pending: Shelf::new(),
            consumers: Vec::new(),
            by_name: Vec::new(),
            consumer_bytes: 0,
        }
    }

    pub fn name(&self) -> &[u8] {
        &self.name
    }

    pub fn last_delivered_id(&self) -> StreamId {
        self.last_delivered_id
    }

    pub fn entries_read(&self) -> Option<u64> {
        self.entries_read
    }

    pub fn set_position(&mut self, last_delivered_id: StreamId, entries_read: Option<u64>) {
        self.last_delivered_id = last_delivered_id;
        self.entries_read = entries_read;
    }

    /// What is pending for anybody.
    pub fn pending(&self) -> &Shelf<Pending> {
        &self.pending
    }

    // ---- consumers -------------------------------------------------------

    /// In the order of their names.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = (ConsumerIndex, &Consumer)> {
        self.by_name
            .iter()
            .map(|index| (*index, self.consumer(*index)))
    }

    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerIndex> {
        self.search(name).ok().map(|at| self.by_name[at])
    }

    pub fn consumer(&self, index: ConsumerIndex) -> &Consumer {
        let slot = &self.consumers[index.0 as usize];
        slot.as_ref().expect("a consumer that lives")
    }

    /// Add a consumer that was seen now; `None` if there is one of this name.
    pub fn add_consumer(&mut self, name: &[u8], seen_ms: i64) -> Option<ConsumerIndex> {
        let at = self.search(name).err()?;
        let consumer = Consumer {
            name: name.into(),
            seen_ms,
            active_ms: None,
            pending: Shelf::new(),
        };
        self.consumer_bytes += consumer.memory_bytes();
        let consumer = Some(Arc::new(consumer));
        let has_free = self.by_name.len() < self.consumers.len();
        let free = has_free.then(|| self.consumers.iter().position(Option::is_none));
        let index = match free.flatten() {
            Some(index) => {
                self.consumers[index] = consumer;
                index
            }
            None => {
                self.consumers.push(consumer);
                self.consumers.len() - 1
            }
        };
        let index = ConsumerIndex(index as u32);
        self.by_name.insert(at, index);
        Some(index)
    }

    /// Remove a consumer with all that is pending for it, and say how much that was.
    pub fn remove_consumer(&mut self, index: ConsumerIndex) -> usize {
        let name = self.consumer(index).name.clone();
        let at = self.search(&name).expect("its name");
        self.by_name.remove(at);
        let consumer = self.consumers[index.0 as usize]
            .take()
            .expect("a consumer that lives");
        self.consumer_bytes -= consumer.memory_bytes();
        for (id, ()) in consumer.pending.iter_from(StreamId::MIN) {
            self.pending.remove(id);
        }
        consumer.pending.len()
    }

    /// A consumer has come back; it may have got something, too.
    pub fn touch(&mut self, index: ConsumerIndex, seen_ms: i64, active_ms: Option<i64>) {
        self.change(index, |consumer| {
            consumer.seen_ms = seen_ms;
            consumer.active_ms = active_ms.or(consumer.active_ms);
        });
    }

    // ---- deliveries ------------------------------------------------------

    /// Note that an entry was delivered; it is no longer pending for anybody else.
    pub fn deliver(&mut self, id: StreamId, pending: Pending) {
        let old = self.pending.insert(id, pending);
        if old.is_some_and(|old| old.consumer == pending.consumer) {
            return;
        }
        if let Some(old) = old {
            self.change(old.consumer, |consumer| consumer.pending.remove(id));
        }
        self.change(pending.consumer, |consumer| consumer.pending.insert(id, ()));
    }

    /// An entry was dealt with; was it pending?
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(id) else {
            return false;
        };
        self.change(pending.consumer, |consumer| consumer.pending.remove(id));
        true
    }

    /// What is pending for a consumer, from an id on.
    pub fn pending_of(
        &self,
        index: ConsumerIndex,
        from: StreamId,
    ) -> impl Iterator<Item = (StreamId, &Pending)> {
        let ids = self.consumer(index).pending_from(from);
        ids.map(|(id, ())| (id, self.pending.get(id).expect("pending for the group")))
    }

    // ---- memory ----------------------------------------------------------

    /// What is allocated for it, shared or not.
    pub fn memory_bytes(&self) -> usize {
        let counts_bytes = 2 * size_of::<usize>();
        let tables = self.consumers.capacity() * size_of::<Option<Arc<Consumer>>>()
            + self.by_name.capacity() * size_of::<ConsumerIndex>();
        let own = counts_bytes + size_of::<Group>() + self.name.len();
        own + tables + self.consumer_bytes + self.pending.memory_bytes()
    }

    /// Free up to so many pages; true when nothing is pending any more. The group is of no use then.
    pub fn free_some(&mut self, pages: usize) -> bool {
        for at in 0..self.consumers.len() {
            let index = ConsumerIndex(at as u32);
            let is_full = |slot: &Option<Arc<Consumer>>| {
                slot.as_ref()
                    .is_some_and(|consumer| !consumer.pending.is_empty())
            };
            if is_full(&self.consumers[at]) {
                self.change(index, |consumer| consumer.pending.free_some(pages));
                return false;
            }
        }
        self.pending.free_some(pages)
    }

    /// Assert the invariants.
    pub fn check(&self) {
        self.pending.check();
        let mut of_consumers = 0;
        let mut bytes = 0;
        for (index, consumer) in self.consumers() {
            consumer.pending.check();
            of_consumers += consumer.pending.len();
            bytes += consumer.memory_bytes();
            let owners = self.pending_of(index, StreamId::MIN);
            assert!({ owners }.all(|(_, pending)| pending.consumer == index));
        }
        assert_eq!(of_consumers, self.pending.len());
        assert_eq!(bytes, self.consumer_bytes);
        assert!(
            self.by_name
                .is_sorted_by_key(|index| self.consumer(*index).name())
        );
        let living = self.consumers.iter().flatten().count();
        assert_eq!(living, self.by_name.len());
    }

    fn search(&self, name: &[u8]) -> Result<usize, usize> {
        self.by_name
            .binary_search_by(|index| (*self.consumer(*index).name).cmp(name))
    }

    /// Change a consumer, which is copied if somebody else holds it.
    fn change<R>(&mut self, index: ConsumerIndex, change: impl FnOnce(&mut Consumer) -> R) -> R {
        let slot = self.consumers[index.0 as usize].as_mut();
        let consumer = slot.expect("a consumer that lives");
        self.consumer_bytes -= consumer.memory_bytes();
        let consumer = Arc::make_mut(consumer);
        let result = change(consumer);
        self.consumer_bytes += consumer.memory_bytes();
        result
    }
}

impl Consumer {
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// When it last asked for something.
    pub fn seen_ms(&self) -> i64 {
        self.seen_ms
    }

    /// When it last got something, if it ever did.
    pub fn active_ms(&self) -> Option<i64> {
        self.active_ms
    }

    /// How many entries are pending for it.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The ids of what is pending for it, from one on.
    pub fn pending_from(&self, id: StreamId) -> Forward<'_, ()> {
        self.pending.iter_from(id)
    }

    fn memory_bytes(&self) -> usize {
        let counts_bytes = 2 * size_of::<usize>();
        counts_bytes + size_of::<Consumer>() + self.name.len() + self.pending.memory_bytes()
    }
}
