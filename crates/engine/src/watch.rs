//! WATCH: who wants to know that a key was touched.
//!
//! Each shard keeps the watched keys of its own, exactly: a write looks here
//! only while anybody watches anything in the shard, and then marks the
//! watching sessions. EXEC holds the shards of all its watched keys when it
//! reads its mark, so nothing can slip in between.
//!
//! A key that had expired when it was watched, but was still there, may go
//! without breaking the transaction; whether a watched key has expired since
//! is looked up at EXEC. Watches belong to a database's number: when FLUSHDB or
//! SWAPDB puts another content behind it, [`Watches::exchange`] compares.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A session's mark: set once a watched key was touched.
pub type Touched = Arc<AtomicBool>;

/// The watched keys of one shard.
#[derive(Default)]
pub struct Watches {
    by_key: HashMap<(u32, Box<[u8]>), Vec<Watcher>>,
}

struct Watcher {
    touched: Touched,
    /// Was the key there, but expired, when the watch began? Or has SWAPDB
    /// brought such a key where there was none?
    was_expired: bool,
}

/// What there is of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Absent,
    /// Still there, but nobody sees it any more.
    Expired,
    Alive,
}

/// What a session remembers of one watched key.
#[derive(Clone, Debug)]
pub struct WatchedKey {
    pub database: u32,
    pub key: Box<[u8]>,
    pub hash: u64,
}

impl Watches {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Begin to watch a key; `false` if this session does already.
    pub fn add(&mut self, watched: &WatchedKey, touched: &Touched, was_expired: bool) -> bool {
        let watchers = self
            .by_key
            .entry((watched.database, watched.key.clone()))
            .or_default();
        let is_new = !watchers.iter().any(|w| Arc::ptr_eq(&w.touched, touched));
        if is_new {
            watchers.push(Watcher {
                touched: touched.clone(),
                was_expired,
            });
        }
        is_new
    }

    pub fn remove(&mut self, watched: &WatchedKey, touched: &Touched) {
        let key = (watched.database, watched.key.clone());
        if let Some(watchers) = self.by_key.get_mut(&key) {
            watchers.retain(|watcher| !Arc::ptr_eq(&watcher.touched, touched));
            if watchers.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }

    /// A key was written to, or removed.
    #[cold]
    pub fn touch(&mut self, database: usize, key: &[u8]) {
        self.mark(database, key, |_| true);
    }

    /// An expired key was removed: who watched it expired loses nothing.
    #[cold]
    pub fn touch_expired(&mut self, database: usize, key: &[u8]) {
        self.mark(database, key, |watcher| !watcher.was_expired);
    }

    fn mark(&mut self, database: usize, key: &[u8], whom: impl Fn(&Watcher) -> bool) {
        let Some(watchers) = self.by_key.get(&(database as u32, key.into())) else {
            return;
        };
        for watcher in watchers.iter().filter(|watcher| whom(watcher)) {
            watcher.touched.store(true, Ordering::Relaxed);
        }
    }

    /// Is this session not to mind that the key has expired?
    pub fn was_expired(&self, watched: &WatchedKey, touched: &Touched) -> bool {
        let watchers = self.by_key.get(&(watched.database, watched.key.clone()));
        let mut watchers = watchers.into_iter().flatten();
        watchers.any(|watcher| watcher.was_expired && Arc::ptr_eq(&watcher.touched, touched))
    }

    /// A database gets another content at once: `change` tells of a key what
    /// there was and what there will be. A key that nobody could see before
    /// and nobody can see after has not changed.
    pub fn exchange(
        &mut self,
        database: usize,
        mut change: impl FnMut(&[u8]) -> (Presence, Presence),
    ) {
        let of_database = |((db, _), _): &(&(u32, _), &mut _)| *db == database as u32;
        for ((_, key), watchers) in self.by_key.iter_mut().filter(of_database) {
            let (before, after) = change(key);
            if (before, after) != (Presence::Absent, Presence::Absent) {
                for watcher in watchers {
                    watcher.exchange(before, after);
                }
            }
        }
    }
}

impl Watcher {
    fn exchange(&mut self, before: Presence, after: Presence) {
        match (self.was_expired, before, after) {
            (true, _, Presence::Absent) => self.was_expired = false,
            (true, _, Presence::Expired) => {}
            (false, Presence::Absent, Presence::Expired) => self.was_expired = true,
            _ => self.touched.store(true, Ordering::Relaxed),
        }
    }
}
