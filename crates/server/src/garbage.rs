//! Freeing large things where nobody waits for it: on a thread of its own.
//!
//! FLUSHALL of five million keys, or DEL of half a gigabyte, hands its memory
//! over here and answers at once. It is freed a slice at a time, with breaths in
//! between. INFO's `lazyfree_pending_objects` says how much is still on its way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use engine::Garbage;
use ochredb::free_slowly;

/// After so long without garbage, memory goes back to the system, and then
/// again each time: an allocator that nobody calls keeps what it has.
const QUIET: Duration = Duration::from_secs(1);

/// The allocator of this program, as far as the server must know it.
#[derive(Clone, Copy)]
pub struct Allocator {
    /// As `INFO memory` and `--version` name it.
    pub name: &'static str,
    /// Return pages that hold nothing to the system.
    pub give_back: fn(),
}

/// The way to the freeing thread.
pub(crate) struct GarbageThread {
    sender: Sender<Garbage>,
    pending: Arc<AtomicU64>,
    freed: Arc<AtomicU64>,
}

impl GarbageThread {
    /// `give_back` lets the allocator return unused pages to the system.
    pub(crate) fn start(give_back: fn()) -> std::io::Result<GarbageThread> {
        let (sender, receiver) = channel::<Garbage>();
        let pending = Arc::new(AtomicU64::new(0));
        let freed = Arc::new(AtomicU64::new(0));
        let (waiting, done) = (pending.clone(), freed.clone());
        std::thread::Builder::new()
            .name("lazyfree".into())
            .spawn(move || {
                loop {
                    match receiver.recv_timeout(QUIET) {
                        Ok(garbage) => {
                            let objects = garbage.objects();
                            free_slowly(garbage);
                            waiting.fetch_sub(objects, Ordering::Relaxed);
                            done.fetch_add(objects, Ordering::Relaxed);
                        }
                        Err(RecvTimeoutError::Timeout) => give_back(),
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            })?;
        Ok(GarbageThread {
            sender,
            pending,
            freed,
        })
    }

    pub(crate) fn discard(&self, garbage: Garbage) {
        self.pending.fetch_add(garbage.objects(), Ordering::Relaxed);
        if let Err(refused) = self.sender.send(garbage) {
            // The thread is gone: the process is ending. Free it here.
            drop(refused.0);
        }
    }

    pub(crate) fn pending_objects(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }

    pub(crate) fn freed_objects(&self) -> u64 {
        self.freed.load(Ordering::Relaxed)
    }
}
