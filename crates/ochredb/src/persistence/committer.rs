//! The committer: the thread that writes and syncs the log.
//!
//! ```text
//!   kick ──► commit ──► commit ──► ... while there is something pending; then sleep
//!              └─► durable further: tell the watcher, and who waits here
//! ```
//!
//! Under `always` commits follow each other without a pause: what is appended
//! while one is on its way goes with the next, so a commit takes as many writes
//! as came in during one sync. Otherwise the drivers write, and this thread
//! syncs once a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use persist::log::{FsyncPolicy, Log};

use super::{Persistence, clock_us, now_ms};

/// The committer's thread, and the way to wake it.
#[derive(Default)]
pub(super) struct Committer {
    asked: Mutex<bool>,
    asking: Condvar,
    sleeps: AtomicBool,
    news: (Mutex<u64>, Condvar),
    stopping: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Under `everysec` and `no` it looks this often whether a sync is due.
const LOOK: Duration = Duration::from_millis(100);
/// After a full disk it looks this often whether there is room.
const FULL_LOOK: Duration = Duration::from_millis(100);

impl Committer {
    pub(super) fn start(
        &self,
        persistence: Arc<Persistence>,
        log: Arc<Log>,
    ) -> std::io::Result<()> {
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || run(&persistence, &log))?;
        *self.thread.lock() = Some(thread);
        Ok(())
    }

    /// Something was appended, or has changed.
    #[inline]
    pub(super) fn kick(&self) {
        if self.sleeps.load(Ordering::SeqCst) {
            *self.asked.lock() = true;
            self.asking.notify_one();
        }
    }

    /// Wait until a commit is over, or some milliseconds have passed.
    pub(super) fn wait_for_news(&self) {
        let (count, told) = &self.news;
        let mut count = count.lock();
        told.wait_for(&mut count, Duration::from_millis(5));
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        *self.asked.lock() = true;
        self.asking.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            thread.join().expect("the committer ends by returning");
        }
    }

    fn sleep(&self, log: &Log, at_most: Duration) {
        let mut asked = self.asked.lock();
        self.sleeps.store(true, Ordering::SeqCst);
        // What was appended before the flag was seen is found here.
        let is_behind = log.policy() == FsyncPolicy::Always && log.has_work();
        if !*asked && !is_behind {
            self.asking.wait_for(&mut asked, at_most);
        }
        self.sleeps.store(false, Ordering::SeqCst);
        *asked = false;
    }

    fn tell(&self) {
        let (count, told) = &self.news;
        *count.lock() += 1;
        told.notify_all();
    }
}

fn run(persistence: &Persistence, log: &Log) {
    let committer = &persistence.committer;
    let mut was_full = false;
    while !committer.stopping.load(Ordering::SeqCst) {
        let durable = log.durable_lsn();
        let committed = match log.commit(now_ms(), &clock_us) {
            Ok(committed) => committed,
            Err(trouble) => {
                persistence.broken(&trouble);
                committer.tell();
                committer.sleep(log, LOOK);
                continue;
            }
        };
        persistence.outcomes.committed(&committed);
        if committed.awaits_rotation {
            match log.rotate(now_ms(), &clock_us) {
                Ok(_) => persistence.outcomes.rotated(),
                Err(trouble) => {
                    let line = format!("The log could not turn to a new file: {trouble}");
                    persistence.watcher.log(true, &line);
                }
            }
        }
        if was_full != committed.is_full {
            was_full = committed.is_full;
            let line = match was_full {
                true => "The disk is full: writes are refused until there is room",
                false => "There is room on the disk again: writes are taken",
            };
            persistence.watcher.log(was_full, line);
        }
        if log.durable_lsn() > durable {
            committer.tell();
            persistence.watcher.durable();
        }
        if persistence.outcomes.take_crowded() {
            persistence.watcher.wake_all();
        }
        if was_full {
            committer.sleep(log, FULL_LOOK);
        } else if log.policy() != FsyncPolicy::Always || !log.has_work() {
            committer.sleep(log, LOOK);
        }
    }
}
