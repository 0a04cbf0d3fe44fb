//! The world as an embedded engine sees it: a clock and little else.
//!
//! There is no thread to free large values on. So they wait here, and every call
//! frees a slice once it has its reply, and a tick some more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::Now;
use engine::{Facts, Freeing, Garbage, Host};
use parking_lot::Mutex;

use crate::clock::Clock;

type Work = Box<dyn FnOnce() + Send>;

/// The host of an engine inside somebody's program.
pub(crate) struct Embedded {
    clock: Arc<dyn Clock>,
    garbage: Mutex<VecDeque<Freeing>>,
    /// What is to be done by a call that waits for it, outside of the shards.
    aside: Mutex<Vec<Work>>,
    /// How many wait, and how many did.
    pending: AtomicU64,
    freed: AtomicU64,
}

impl Embedded {
    /// Pages that are freed where they are thrown away, some tens of microseconds.
    const FREED_AT_ONCE: usize = 64;

    pub(crate) fn new(clock: Arc<dyn Clock>) -> Embedded {
        Embedded {
            clock,
            garbage: Mutex::default(),
            aside: Mutex::default(),
            pending: AtomicU64::new(0),
            freed: AtomicU64::new(0),
        }
    }

    /// Do what somebody waits for. False if there is nothing.
    pub(crate) fn work(&self) -> bool {
        let work = self.aside.lock().pop();
        work.map(|work| work()).is_some()
    }

    /// Free so many pages of what waits. True if there is more.
    #[inline]
    pub(crate) fn free_some(&self, pages: usize) -> bool {
        self.pending.load(Ordering::Relaxed) > 0 && self.free_slice(pages)
    }

    #[cold]
    fn free_slice(&self, pages: usize) -> bool {
        let Some(mut garbage) = self.garbage.try_lock() else {
            return true; // somebody else is at it
        };
        if garbage.front_mut().is_some_and(|first| first.step(pages)) {
            garbage.pop_front();
            self.pending.fetch_sub(1, Ordering::Relaxed);
            self.freed.fetch_add(1, Ordering::Relaxed);
        }
        !garbage.is_empty()
    }
}

impl Host for Embedded {
    fn monotonic_ns(&self) -> u64 {
        self.clock.now().mono_us * 1000
    }

    fn codec(&self) -> Option<&dyn engine::Codec> {
        Some(&crate::RdbCodec)
    }

    fn sleep_us(&self, us: u64, _now: Now) -> Now {
        self.clock.sleep_us(us);
        self.clock.now()
    }

    fn discard(&self, garbage: Garbage) {
        let mut freeing = Freeing::begin(garbage);
        if freeing.step(Embedded::FREED_AT_ONCE) {
            return;
        }
        self.garbage.lock().push_back(freeing);
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    fn aside(&self, work: Work) {
        self.aside.lock().push(work);
    }

    fn shutdown(&self, _how: engine::Shutdown) -> Result<(), String> {
        Err("SHUTDOWN is for servers; drop the last handle to close an embedded database".into())
    }

    fn facts(&self) -> Facts {
        Facts {
            process_id: std::process::id(),
            mode: "embedded",
            threads: 1,
            multiplexing: "none",
            allocator: "the program's",
            garbage_pending_objects: self.pending.load(Ordering::Relaxed),
            garbage_freed_objects: self.freed.load(Ordering::Relaxed),
            ..Facts::default()
        }
    }
}
