//! What commits come to: how many groups and bytes one takes, and how long a sync.
//!
//! ```text
//!   committer's thread ─┐
//!   loops (everysec) ───┴─► Commits ─► INFO persistence: ochre_log_commits, ..., ochre_log_sync_us_p99
//!                              └─────► the engine's monitor: LATENCY LATEST aof-write log-sync ...
//! ```
//!
//! A commit is a write of the log that wrote something, with or without a sync. Groups are told
//! by how many had been appended when the write began; what other threads append meanwhile counts
//! for the next. So the sums are exact, and a single commit is off by what came in between.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use base::Now;
use engine::LogFacts;
use engine::latency::{Event, Histogram, Monitor};
use persist::log::{Committed, FsyncPolicy};

#[derive(Default)]
pub(super) struct Commits {
    /// Where the engine keeps what took long.
    monitor: OnceLock<Arc<Monitor>>,
    commits: AtomicU64,
    bytes: AtomicU64,
    bytes_max: AtomicU64,
    /// Groups in all commits so far.
    groups: AtomicU64,
    groups_max: AtomicU64,
    /// Written by the committer's thread alone: it is the one that syncs.
    syncs: Histogram,
}

/// What goes on beside a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Nothing,
    Sync,
    Snapshot,
}

impl Commits {
    pub(super) fn watched_by(&self, monitor: Arc<Monitor>) {
        // A second engine on the same directory there is not.
        let _ = self.monitor.set(monitor);
    }

    /// The committer is through; `groups` had been appended since the start when it began.
    pub(super) fn committed(&self, committed: &Committed, groups: u64, policy: FsyncPolicy) {
        self.count(committed.bytes, groups);
        let Some(us) = committed.fsync_us else {
            return;
        };
        self.syncs.record(us * 1000, 1);
        self.tell(Event::LogSync, us);
        if policy == FsyncPolicy::Always {
            self.tell(Event::AofFsyncAlways, us);
        }
    }

    /// The time when a write begins, if anybody wants to know how long it takes.
    pub(super) fn clock_us(&self) -> Option<u64> {
        let is_on = self.monitor.get().is_some_and(|monitor| monitor.is_on());
        is_on.then(super::clock_us)
    }

    /// A loop has written; it began at that time, beside that, if anybody wants to know.
    pub(super) fn wrote(&self, bytes: u64, groups: u64, began: Option<(u64, Beside)>) {
        self.count(bytes, groups);
        let Some((began_us, beside)) = began else {
            return;
        };
        let us = super::clock_us().saturating_sub(began_us);
        self.tell(Event::AofWrite, us);
        self.tell(
            match beside {
                Beside::Nothing => Event::AofWriteAlone,
                Beside::Sync => Event::AofWritePendingFsync,
                Beside::Snapshot => Event::AofWriteActiveChild,
            },
            us,
        );
    }

    /// Adds the figures of INFO.
    pub(super) fn facts(&self, rest: LogFacts) -> LogFacts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let syncs = self.syncs.counts();
        LogFacts {
            commits: load(&self.commits),
            commit_bytes: load(&self.bytes),
            commit_bytes_max: load(&self.bytes_max),
            commit_groups: load(&self.groups),
            commit_groups_max: load(&self.groups_max),
            sync_us_p50: syncs.percentile_ns(50.0) / 1000,
            sync_us_p99: syncs.percentile_ns(99.0) / 1000,
            ..rest
        }
    }

    fn count(&self, bytes: u64, groups: u64) {
        if bytes == 0 {
            return;
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes_max.fetch_max(bytes, Ordering::Relaxed);
        let before = self.groups.fetch_max(groups, Ordering::Relaxed);
        let taken = groups.saturating_sub(before);
        self.groups_max.fetch_max(taken, Ordering::Relaxed);
    }

    fn tell(&self, event: Event, us: u64) {
        if let Some(monitor) = self.monitor.get()
            && monitor.is_on()
        {
            monitor.observe(event, Now::read().unix_secs(), us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_bytes_of_a_commit_are_counted() {
        let commits = Commits::default();
        for (bytes, groups, us) in [(100, 2, Some(40)), (0, 3, None), (300, 7, Some(2_000))] {
            let committed = Committed {
                bytes,
                fsync_us: us,
                ..Committed::default()
            };
            commits.committed(&committed, groups, FsyncPolicy::Always);
        }
        commits.wrote(50, 8, None);
        let facts = commits.facts(LogFacts::default());
        assert_eq!((facts.commits, facts.commit_groups), (3, 8));
        assert_eq!((facts.commit_bytes, facts.commit_bytes_max), (450, 300));
        assert_eq!(facts.commit_groups_max, 5);
        assert!((40..=45).contains(&facts.sync_us_p50), "{facts:?}");
        assert!((2_000..=2_250).contains(&facts.sync_us_p99), "{facts:?}");
    }

    #[test]
    fn who_watches_is_told() {
        let commits = Commits::default();
        assert_eq!(commits.clock_us(), None);
        let monitor = Arc::new(Monitor::default());
        commits.watched_by(monitor.clone());
        assert_eq!(commits.clock_us(), None);
        monitor.set_threshold_ms(1);
        let began_us = commits.clock_us().expect("it is on");
        commits.wrote(1, 1, Some((began_us.saturating_sub(5_000), Beside::Sync)));
        let committed = Committed {
            fsync_us: Some(3_000),
            ..Committed::default()
        };
        commits.committed(&committed, 1, FsyncPolicy::EverySec);
        let names: Vec<_> = monitor.latest().into_iter().map(|it| it.0).collect();
        assert_eq!(names, ["aof-write", "aof-write-pending-fsync", "log-sync"]);
    }
}
