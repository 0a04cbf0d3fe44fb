//! The lock around one shard, in two sorts.
//!
//! *Shared*: a mutex of one byte that spins a little and then sleeps, for
//! engines that several threads enter. *Sole*: for an engine with one event
//! loop. The first thread that enters owns the lock for good; entering is then
//! a comparison and a plain store, no atomic read-modify-write, and any other
//! thread panics instead of racing. So "one thread needs no lock" is checked,
//! not trusted.
//!
//! A shard whose holder panicked may be half changed: it stays locked out
//! (poisoned), and whoever asks for it panics too.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::RawMutex;
use parking_lot::lock_api::RawMutex as _;

/// How many threads will ever enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrants {
    /// One, whichever comes first.
    Sole,
    /// Any number.
    Shared,
}

/// A lock and what it guards. Whoever enters must leave: guards live in
/// [`crate::shards::Held`], which keeps several and leaves them all when dropped.
pub(crate) struct Lock<T> {
    entrants: Entrants,
    /// The sole owner's token, or zero before it came.
    owner: AtomicUsize,
    /// For the sole owner: has it entered?
    entered: AtomicBool,
    mutex: RawMutex,
    poisoned: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached only by the one who entered: by the mutex, or
// by being the one thread that ever enters.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) fn new(entrants: Entrants, value: T) -> Lock<T> {
        Lock {
            entrants,
            owner: AtomicUsize::new(0),
            entered: AtomicBool::new(false),
            mutex: RawMutex::INIT,
            poisoned: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Enter, waiting if somebody is inside. The pointer is good until
    /// [`Lock::leave`], which must follow exactly once, from this thread.
    #[inline]
    pub(crate) fn enter(&self) -> NonNull<T> {
        match self.entrants {
            Entrants::Sole => self.enter_as_owner(),
            Entrants::Shared => self.mutex.lock(),
        }
        self.entered_value()
    }

    #[inline]
    fn entered_value(&self) -> NonNull<T> {
        if self.poisoned.load(Ordering::Relaxed) {
            self.refuse_poisoned();
        }
        NonNull::new(self.value.get()).expect("the address of a field")
    }

    /// Leave. A panicking holder poisons the lock.
    ///
    /// # Safety
    /// This thread must be inside, and the pointer from `enter` must not be
    /// used afterwards.
    #[inline]
    pub(crate) unsafe fn leave(&self) {
        if std::thread::panicking() {
            self.poisoned.store(true, Ordering::Relaxed);
        }
        match self.entrants {
            Entrants::Sole => self.entered.store(false, Ordering::Relaxed),
            // SAFETY: this thread holds the mutex, by the caller's promise.
            Entrants::Shared => unsafe { self.mutex.unlock() },
        }
    }

    #[inline]
    fn enter_as_owner(&self) {
        let me = thread_token();
        if self.owner.load(Ordering::Relaxed) != me {
            self.claim(me);
        }
        assert!(!self.entered.load(Ordering::Relaxed), "entered twice");
        self.entered.store(true, Ordering::Relaxed);
    }

    #[cold]
    fn claim(&self, me: usize) {
        let claimed = self
            .owner
            .compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire);
        assert!(
            claimed.is_ok(),
            "this engine was made for one thread, and a second one entered"
        );
    }

    #[cold]
    fn refuse_poisoned(&self) {
        // SAFETY: entered by the caller, and left by nobody else.
        unsafe { self.leave() };
        panic!("a command panicked inside this shard; its data may be half changed");
    }
}

/// A number that differs between threads that live at the same time.
#[inline]
fn thread_token() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sole_lock_refuses_a_second_thread() {
        let lock = Lock::new(Entrants::Sole, 1);
        lock.enter();
        // SAFETY: just entered.
        unsafe { lock.leave() };
        let intruder =
            std::thread::scope(|scope| scope.spawn(|| lock.enter().as_ptr() as usize).join());
        assert!(intruder.is_err());
    }

    #[test]
    fn a_panic_inside_locks_everybody_out() {
        struct Leave<'a>(&'a Lock<i32>);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                // SAFETY: entered below.
                unsafe { self.0.leave() };
            }
        }
        let lock = Lock::new(Entrants::Shared, 1);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            lock.enter();
            let _leave = Leave(&lock);
            panic!("half way");
        }));
        assert!(result.is_err());
        let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lock.enter()));
        assert!(again.is_err());
    }
}
