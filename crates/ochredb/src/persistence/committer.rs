//! The committer: the thread that writes and syncs the log.
//!
//! ```text
//!   kick ──► commit ──► commit ──► ... while there is something pending; then sleep
//!              └─► durable further: tell the watcher, and who waits here
//! ```
//!
//! Under `always` what is appended while one commit is on its way goes with the
//! next. A commit costs the same for one write as for fifty, so the next one waits
//! a little for those whom the last one has just answered ([`Pace`]). Otherwise the drivers write, and this thread
//! syncs once a second.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::thread::JoinHandle;
use std::time::Duration;

use base::Now;
use parking_lot::{Condvar, Mutex};
use persist::log::{FsyncPolicy, Log};

use super::{Persistence, clock_us, now_ms, unix_secs};

/// The committer's thread, and the way to wake it.
#[derive(Default)]
pub(super) struct Committer {
    asked: Mutex<bool>,
    asking: Condvar,
    sleeps: AtomicBool,
    news: (Mutex<u64>, Condvar),
    stopping: Arc<AtomicBool>,
    /// Sync at once, whatever the policy.
    in_haste: AtomicBool,
    pub(super) pace: Pace,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Removes what rewrites have replaced.
    tidying: Mutex<Option<JoinHandle<()>>>,
}

/// When the next commit begins.
///
/// ```text
///   commit ──────────────┐ n taken, p pending at its end
///   execute  · · · · · · │ · · · · ·  begin the next when n + p are pending,
///                        │            or the oldest has waited a sync's time
/// ```
///
/// In a closed loop n + p is everybody, and one client alone never waits.
/// Measured with 50 clients on two processors, SETs a second: without pacing
/// 78,000 (15 in a commit), at a quarter of n + p 76,000, at a half 93,000, at
/// all of it 102,000 (49 in a commit): what a commit costs in wake-ups weighs
/// more than what could be executed beside it.
#[derive(Default)]
pub(super) struct Pace {
    /// Groups appended since the start, and those before the newest commit.
    appended: AtomicU64,
    taken: AtomicU64,
    target: AtomicU64,
    /// Since when the oldest of the pending waits.
    since_us: AtomicU64,
    sync_us_mean: AtomicU64,
}

impl Pace {
    #[inline]
    pub(super) fn appended(&self, groups: u64) {
        self.appended.fetch_add(groups, Ordering::Relaxed);
    }

    /// Groups appended since the start.
    pub(super) fn groups(&self) -> u64 {
        self.appended.load(Ordering::Relaxed)
    }

    fn pending(&self) -> u64 {
        let taken = self.taken.load(Ordering::Acquire);
        self.appended.load(Ordering::Relaxed).saturating_sub(taken)
    }

    /// Is it time? If not, in how many microseconds it will be; with nothing pending, never.
    pub(super) fn is_time(&self, now_us: u64) -> Result<(), Option<u64>> {
        let pending = self.pending();
        if pending == 0 {
            return Err(None);
        }
        if pending >= self.target.load(Ordering::Relaxed) {
            return Ok(());
        }
        let patience_us = self
            .sync_us_mean
            .load(Ordering::Relaxed)
            .min(PATIENCE_US_MAX);
        let _ = self
            .since_us
            .compare_exchange(0, now_us, Ordering::Relaxed, Ordering::Relaxed);
        let waited_us = now_us.saturating_sub(self.since_us.load(Ordering::Relaxed));
        match patience_us.checked_sub(waited_us) {
            Some(left_us) if left_us > 0 => Err(Some(left_us)),
            _ => Ok(()),
        }
    }

    /// A commit begins. Returns how many groups it takes.
    fn begin(&self) -> u64 {
        let appended = self.appended.load(Ordering::Relaxed);
        self.since_us.store(0, Ordering::Relaxed);
        appended - self.taken.swap(appended, Ordering::AcqRel)
    }

    fn end(&self, taken: u64, sync_us: Option<u64>) {
        let target = taken + self.pending();
        self.target.store(target, Ordering::Relaxed);
        if let Some(sync_us) = sync_us {
            let mean = self.sync_us_mean.load(Ordering::Relaxed);
            self.sync_us_mean
                .store((mean * 7 + sync_us) / 8, Ordering::Relaxed);
        }
    }
}

/// Nobody waits longer than this for company, however slow the disk.
const PATIENCE_US_MAX: u64 = 1_000;

/// Under `everysec` and `no` it looks this often whether a sync is due.
const LOOK: Duration = Duration::from_millis(100);
/// After a full disk it looks this often whether there is room.
const FULL_LOOK: Duration = Duration::from_millis(100);
/// Between two parts of a file that goes.
const PART_PAUSE: Duration = Duration::from_millis(3);

impl Committer {
    pub(super) fn start(
        &self,
        persistence: Arc<Persistence>,
        log: Arc<Log>,
    ) -> std::io::Result<()> {
        let mut slot = self.thread.lock();
        if slot.is_some() {
            return Ok(()); // it goes on while the log is off
        }
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || run(&persistence, &log))?;
        *slot = Some(thread);
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

    /// Have what was appended synced soon.
    pub(super) fn hurry(&self) {
        self.in_haste.store(true, Ordering::SeqCst);
        *self.asked.lock() = true;
        self.asking.notify_one();
    }

    /// Wake the thread if a commit is due. If not yet: in how many microseconds.
    pub(super) fn kick_in_time(&self, now_us: u64) -> Option<u64> {
        // The appended count is written before this flag is read, and read after it is written.
        fence(Ordering::SeqCst);
        if !self.sleeps.load(Ordering::SeqCst) {
            return None; // it looks for itself when it is through
        }
        match self.pace.is_time(now_us) {
            Ok(()) => {
                self.kick();
                None
            }
            Err(left_us) => left_us,
        }
    }

    /// Wait until a commit is over, or some milliseconds have passed.
    pub(super) fn wait_for_news(&self, at_most_us: Option<u64>) {
        let (count, told) = &self.news;
        let mut count = count.lock();
        let at_most = Duration::from_micros(at_most_us.unwrap_or(5_000));
        told.wait_for(&mut count, at_most);
    }

    pub(super) fn is_awake(&self) -> bool {
        !self.sleeps.load(Ordering::Relaxed)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        *self.asked.lock() = true;
        self.asking.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            thread.join().expect("the committer ends by returning");
        }
        // It writes the manifest: nobody else may before it is through. That is soon, as it leaves
        // what is not yet removed to the next start.
        if let Some(thread) = self.tidying.lock().take() {
            thread.join().expect("it ends by returning");
        }
    }

    /// Removes what rewrites have replaced, and generations whose time is over, on a thread of its
    /// own: a large file takes a while to go, and commits do not wait for that. Without a thread it
    /// is tried again.
    fn tidy(&self, log: &Arc<Log>) {
        let mut tidying = self.tidying.lock();
        if tidying.as_ref().is_none_or(JoinHandle::is_finished) {
            let (log, stopping) = (log.clone(), self.stopping.clone());
            let pause = move || {
                // The disk is others' too.
                std::thread::sleep(PART_PAUSE);
                match stopping.load(Ordering::SeqCst) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            };
            let thread = std::thread::Builder::new().name("tidy".into());
            *tidying = thread.spawn(move || log.tidy(&pause)).ok();
        }
    }

    /// Sleep until somebody asks for a commit. What was appended before others could see that
    /// this thread sleeps, nobody asks for: that is found here, and waited for no longer than its
    /// time.
    fn sleep(&self, is_paced: bool, at_most: Duration) {
        let mut asked = self.asked.lock();
        self.sleeps.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let at_most = match self.pace.is_time(clock_us()) {
            Ok(()) if is_paced => Duration::ZERO,
            Err(Some(left_us)) if is_paced => at_most.min(Duration::from_micros(left_us)),
            _ => at_most,
        };
        if !*asked && !at_most.is_zero() {
            self.asking.wait_for(&mut asked, at_most);
        }
        self.sleeps.store(false, Ordering::SeqCst);
        *asked = false;
    }

    pub(super) fn tell(&self) {
        let (count, told) = &self.news;
        *count.lock() += 1;
        told.notify_all();
    }
}

fn run(persistence: &Persistence, log: &Arc<Log>) {
    let committer = &persistence.committer;
    let (mut was_full, mut tidied) = (false, 0);
    while !committer.stopping.load(Ordering::SeqCst) {
        let durable = log.durable_lsn();
        let second = unix_secs(Now::read());
        log.tell_time(second);
        if second != tidied && log.is_untidy() {
            committer.tidy(log);
        }
        tidied = second;
        let taken = committer.pace.begin();
        let commit = match committer.in_haste.swap(false, Ordering::SeqCst) {
            true => log.sync_now(now_ms(), &clock_us),
            false => log.commit(now_ms(), &clock_us),
        };
        let committed = match commit {
            Ok(committed) => committed,
            Err(trouble) => {
                persistence.broken(&trouble);
                committer.tell();
                committer.sleep(false, LOOK);
                continue;
            }
        };
        persistence.outcomes.committed(&committed);
        let groups = committer.pace.taken.load(Ordering::Relaxed);
        persistence
            .commits
            .committed(&committed, groups, log.policy());
        committer.pace.end(taken, committed.fsync_us);
        if committed.awaits_rotation {
            match log.rotate(now_ms(), &clock_us) {
                Ok(_) => persistence.outcomes.rotated(),
                Err(trouble) => {
                    let line = format!("The log could not turn to a new file: {trouble}");
                    persistence.watcher.log(true, &line);
                }
            }
            committer.tell();
        }
        if was_full != committed.is_full {
            was_full = committed.is_full;
            let line = match (was_full, log.trouble()) {
                (true, Some(why)) => format!("Writes are refused until there is room: {why}"),
                (true, None) => "The disk was full for a moment".into(),
                (false, _) => "There is room on the disk again: writes are taken".into(),
            };
            persistence.watcher.log(was_full, &line);
            // Replies may have waited for this to be written, whether or not it is synced.
            persistence.watcher.durable();
        }
        if log.durable_lsn() > durable {
            committer.tell();
            persistence.watcher.durable();
        }
        if persistence.outcomes.take_crowded() {
            persistence.watcher.wake_all();
        }
        if let Err(trouble) = log.prepare() {
            persistence.broken(&trouble);
            committer.tell();
        }
        if was_full {
            committer.sleep(false, FULL_LOOK);
        } else {
            committer.sleep(log.policy() == FsyncPolicy::Always, LOOK);
        }
    }
}
