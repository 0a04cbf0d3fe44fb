//! The way of batches from a walk to the thread that encodes them, and back when they are empty.
//!
//! ```text
//!   walk ─── full ──► [ at most 16 ] ──► scribe
//!        ◄── empty ──────────────────────┘
//! ```
//!
//! The queue is bounded: a slow disk stops the walk. A batch's memory goes round, as a fresh one
//! costs the walk 150 us, with the pages that it takes from the system and the other thread's that
//! the allocator clears up meanwhile, and clients wait for as long.
//!
//! The walk waits for nothing here. The other thread gives way to everybody and may be stopped
//! anywhere, with the lock in its hands too: then there is no room, and the walk comes again soon.
//! That is why this is no channel of the standard library, whose ends wait for each other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

use parking_lot::Mutex;

use super::batch::Batch;

/// Batches are handed over at about this size.
pub(super) const BATCH_BYTES: usize = 256 * 1024;
const QUEUED_BATCHES: usize = 16;

pub(super) fn queue() -> (Inlet, Outlet) {
    let queue = Arc::<Queue>::default();
    (Inlet(queue.clone()), Outlet(queue))
}

#[derive(Default)]
struct Queue {
    line: Mutex<Line>,
    is_without_inlet: AtomicBool,
    is_without_outlet: AtomicBool,
}

#[derive(Default)]
struct Line {
    /// `None` is the end.
    full: VecDeque<Option<Batch>>,
    empty: Vec<Batch>,
    /// Waits for the next one.
    reader: Option<Thread>,
}

/// The walk's end. One that goes before [`Inlet::end`] leaves no file.
pub(super) struct Inlet(Arc<Queue>);

/// What came of an attempt that does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Taken,
    /// There is no room at present.
    Full,
    /// The other end is gone, and says why elsewhere.
    Refused,
}

impl Inlet {
    /// An empty batch with room for what a walk puts into it.
    pub(super) fn empty(&self) -> Batch {
        let used = self.0.line.try_lock().and_then(|mut line| line.empty.pop());
        used.unwrap_or_else(|| Batch::with_room(BATCH_BYTES + BATCH_BYTES / 8))
    }

    /// Hand a batch over and have an empty one in its place.
    pub(super) fn offer(&self, batch: &mut Batch) -> Given {
        let given = self.offer_next(|| Some(std::mem::take(batch)));
        if given == Given::Taken {
            *batch = self.empty();
        }
        given
    }

    /// There will be no more.
    pub(super) fn offer_end(&self) -> Given {
        self.offer_next(|| None)
    }

    /// As `offer`, but waits for room. What nobody takes any more is lost.
    pub(super) fn push(&self, batch: &mut Batch) {
        loop {
            match self.offer(batch) {
                Given::Taken => return,
                Given::Full => std::thread::sleep(LOOK),
                Given::Refused => return batch.empty().for_each(drop),
            }
        }
    }

    /// As `offer_end`, but waits for room.
    pub(super) fn end(self) {
        while self.offer_end() == Given::Full {
            std::thread::sleep(LOOK);
        }
    }

    fn offer_next(&self, next: impl FnOnce() -> Option<Batch>) -> Given {
        if self.0.is_without_outlet.load(Ordering::Acquire) {
            return Given::Refused;
        }
        let Some(mut line) = self.0.line.try_lock() else {
            return Given::Full;
        };
        if line.full.len() >= QUEUED_BATCHES {
            return Given::Full;
        }
        line.full.push_back(next());
        let reader = line.reader.take();
        drop(line);
        if let Some(reader) = reader {
            reader.unpark();
        }
        Given::Taken
    }
}

const LOOK: Duration = Duration::from_micros(200);

impl Drop for Inlet {
    fn drop(&mut self) {
        self.0.is_without_inlet.store(true, Ordering::Release);
        // Where the lock is not free, the reader looks by itself soon.
        let reader = self
            .0
            .line
            .try_lock()
            .and_then(|mut line| line.reader.take());
        if let Some(reader) = reader {
            reader.unpark();
        }
    }
}

/// The end of whoever encodes them.
pub(super) struct Outlet(Arc<Queue>);

/// The other end went before it had said that it was done.
#[derive(Debug)]
pub(super) struct GivenUp;

impl Outlet {
    /// Waits for the next one; none behind the last.
    pub(super) fn next(&self) -> Result<Option<Batch>, GivenUp> {
        const PATIENCE: Duration = Duration::from_millis(10);
        loop {
            // Looked at before the line: what was put into it first is seen.
            let is_last_look = self.0.is_without_inlet.load(Ordering::Acquire);
            let mut line = self.0.line.lock();
            if let Some(next) = line.full.pop_front() {
                return Ok(next);
            }
            if is_last_look {
                return Err(GivenUp);
            }
            line.reader = Some(std::thread::current());
            drop(line);
            std::thread::park_timeout(PATIENCE);
        }
    }

    pub(super) fn give_back(&self, batch: Batch) {
        debug_assert!(batch.is_empty());
        self.0.line.lock().empty.push(batch);
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.0.is_without_outlet.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use store::NewValue;

    use super::*;

    fn filled(number: i64) -> Batch {
        let mut batch = Batch::default();
        batch.push_read(0, b"key", None, NewValue::Int(number));
        batch
    }

    #[test]
    fn what_is_spent_goes_round() {
        let (inlet, outlet) = queue();
        let mut batch = filled(1);
        batch.push_read(0, b"a", None, NewValue::String(&[7; 9_999_999]));
        assert_eq!(inlet.offer(&mut batch), Given::Taken);
        assert!(batch.is_empty());
        let mut taken = outlet.next().expect("one").expect("one");
        let room_bytes = taken.room_bytes();
        assert!(room_bytes >= 9_999_999);
        taken.empty().for_each(drop);
        outlet.give_back(taken);
        assert_eq!(inlet.empty().room_bytes(), room_bytes);
        assert!(inlet.empty().room_bytes() < room_bytes);
    }

    #[test]
    fn it_is_bounded_and_ends() {
        let (inlet, outlet) = queue();
        for number in 0..QUEUED_BATCHES {
            assert_eq!(inlet.offer(&mut filled(number as i64)), Given::Taken);
        }
        let mut batch = filled(99);
        assert_eq!(inlet.offer(&mut batch), Given::Full);
        assert_eq!((inlet.offer_end(), batch.len()), (Given::Full, 1));
        assert!(outlet.next().expect("the first").is_some());
        assert_eq!(inlet.offer_end(), Given::Taken);
        drop(inlet);
        for _ in 1..QUEUED_BATCHES {
            assert!(outlet.next().expect("another").is_some());
        }
        assert!(outlet.next().expect("the end").is_none());
        assert!(outlet.next().is_err());
    }

    #[test]
    fn nobody_waits_for_a_reader_that_is_gone() {
        let (inlet, outlet) = queue();
        drop(outlet);
        let mut batch = filled(1);
        assert_eq!(inlet.offer(&mut batch), Given::Refused);
        inlet.push(&mut batch);
        assert!(batch.is_empty());
        assert_eq!(inlet.offer_end(), Given::Refused);
        inlet.end();
    }

    /// The reader may be stopped with the lock in its hands.
    #[test]
    fn the_walk_does_not_wait_for_the_lock() {
        let (inlet, outlet) = queue();
        outlet.give_back(Batch::with_room(7_000_000));
        let held = outlet.0.line.lock();
        assert!(inlet.empty().room_bytes() < 7_000_000);
        let mut batch = filled(1);
        assert_eq!((inlet.offer(&mut batch), batch.len()), (Given::Full, 1));
        drop(held);
        assert_eq!(inlet.offer(&mut batch), Given::Taken);
        // Somebody who takes a snapshot down does not either.
        let held = outlet.0.line.lock();
        drop(inlet);
        drop(held);
        assert!(outlet.next().expect("one").is_some());
        assert!(outlet.next().is_err());
    }

    #[test]
    fn a_reader_that_waits_is_woken_for_each() {
        const BATCHES: i64 = 20_000;
        let (inlet, outlet) = queue();
        let walk = std::thread::spawn(move || {
            for number in 0..BATCHES {
                let mut batch = inlet.empty();
                batch.push_read(0, b"key", None, NewValue::Int(number));
                inlet.push(&mut batch);
            }
            inlet.end();
        });
        let mut seen = 0;
        while let Some(mut batch) = outlet.next().expect("it ends well") {
            seen += batch.len() as i64;
            batch.empty().for_each(drop);
            outlet.give_back(batch);
        }
        walk.join().expect("all was taken");
        assert_eq!(seen, BATCHES);
    }
}
