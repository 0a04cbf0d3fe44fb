//! WATCH: who wants to know that a key was touched.
//!
//! Each shard keeps the watched keys of its own, exactly: a write looks here
//! only while anybody watches anything in the shard, and then marks the
//! watching sessions. EXEC holds the shards of all its watched keys when it
//! reads its mark, so nothing can slip in between.
//!
//! A key that had expired when it was watched, but was still there, may go
//! without breaking the transaction; whether a watched key has expired since
//! is looked up at EXEC.

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
    /// Was the key there, but expired, when the watch began?
    was_expired: bool,
}

/// What a session remembers of one watched key.
#[derive(Clone, Debug)]
pub struct WatchedKey {
    pub database: u32,
    pub key: Box<[u8]>,
    pub hash: u64,
    pub was_expired: bool,
}

impl Watches {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    pub fn add(&mut self, watched: &WatchedKey, touched: &Touched) {
        let watchers = self
            .by_key
            .entry((watched.database, watched.key.clone()))
            .or_default();
        watchers.push(Watcher {
            touched: touched.clone(),
            was_expired: watched.was_expired,
        });
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

    /// The watched keys of a database. FLUSHDB and SWAPDB touch those that are
    /// there, or will be.
    pub fn keys(&self, database: usize) -> Vec<Box<[u8]>> {
        let of_database = |(db, _): &&(u32, Box<[u8]>)| *db == database as u32;
        let keys = self.by_key.keys().filter(of_database);
        keys.map(|(_, key)| key.clone()).collect()
    }
}
