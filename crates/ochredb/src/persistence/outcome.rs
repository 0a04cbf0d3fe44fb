//! What became of snapshots, rewrites and commits, and what follows from it.
//!
//! The figures of INFO persistence, and the decisions that hang on them: is a
//! save point reached, has the log grown enough, did the last snapshot fail.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base::Now;
use engine::config::{Config, SavePoint};
use engine::{LogFacts, PersistenceFacts};
use parking_lot::Mutex;
use persist::Trouble;
use persist::log::Committed;

use super::load::Loaded;
use super::save::Kind;

#[derive(Default)]
pub(super) struct Outcomes {
    state: Mutex<State>,
    has_failed: AtomicBool,
    crowded: AtomicBool,
    /// Bytes of the log's files since the last rewrite, and of its base.
    log_bytes: AtomicU64,
    base_bytes: AtomicU64,
    syncs: AtomicU64,
    sync_us: AtomicU64,
    sync_us_max: AtomicU64,
}

#[derive(Default)]
struct State {
    under_way: Option<(Kind, Now)>,
    keys_total: u64,
    /// The newest ticket whose snapshot is over, and how it ended.
    tickets: Vec<(u64, Result<(), String>)>,
    snapshot: Past,
    rewrite: Past,
    /// Changes before the last good snapshot.
    saved_changes: u64,
    loaded_keys: u64,
    expired_keys: u64,
    log_error: Option<String>,
    log_broke: Option<Now>,
    /// What the log's files hold besides what the present rewrite replaces.
    log_bytes_at_cut: u64,
}

/// The last snapshot or rewrite.
#[derive(Default)]
struct Past {
    count: u64,
    failed: bool,
    failures: u64,
    /// When it ended well.
    saved: Option<Now>,
    tried: Option<Now>,
    took_secs: Option<i64>,
}

/// After a failed snapshot the next by itself waits so long.
const RETRY_SECS: i64 = 5;
/// So long a log that is down is left alone, twice as long after a failure, up to five minutes.
const REVIVAL_SECS: i64 = 5;

impl Outcomes {
    pub(super) fn loaded(&self, loaded: &Loaded, now: Now) {
        let mut state = self.state.lock();
        state.loaded_keys = loaded.keys;
        state.expired_keys = loaded.expired;
        state.snapshot.saved = Some(now);
    }

    pub(super) fn log_began(&self, (log_bytes, base_bytes): (u64, u64)) {
        self.log_bytes.store(log_bytes, Ordering::Relaxed);
        self.base_bytes.store(base_bytes, Ordering::Relaxed);
        self.state.lock().log_bytes_at_cut = 0;
    }

    pub(super) fn committed(&self, committed: &Committed) {
        if let Some(us) = committed.fsync_us {
            self.syncs.fetch_add(1, Ordering::Relaxed);
            self.sync_us.fetch_add(us, Ordering::Relaxed);
            self.sync_us_max.fetch_max(us, Ordering::Relaxed);
        }
        self.log_bytes.fetch_add(committed.bytes, Ordering::Relaxed);
    }

    /// What the syncs of the log came to.
    pub(super) fn syncs(&self) -> LogFacts {
        LogFacts {
            syncs: self.syncs.load(Ordering::Relaxed),
            sync_us: self.sync_us.load(Ordering::Relaxed),
            sync_us_max: self.sync_us_max.load(Ordering::Relaxed),
            ..LogFacts::default()
        }
    }

    pub(super) fn wrote(&self, bytes: u64) {
        self.log_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn rotated(&self) {
        let bytes = self.log_bytes.load(Ordering::Relaxed);
        self.state.lock().log_bytes_at_cut = bytes;
    }

    /// Says whether this is news.
    pub(super) fn log_broke(&self, trouble: &Trouble, now: Now) -> bool {
        let text = trouble.to_string();
        let mut state = self.state.lock();
        let is_news = state.log_error.replace(text).is_none();
        if is_news {
            state.log_broke = Some(now);
        }
        is_news
    }

    /// Says whether it was broken.
    pub(super) fn log_healed(&self) -> bool {
        let mut state = self.state.lock();
        state.log_broke = None;
        state.log_error.take().is_some()
    }

    /// Has a log that is down been left alone for long enough? Each failure makes it longer.
    pub(super) fn may_revive(&self, now: Now) -> bool {
        let state = self.state.lock();
        let secs_since = |past: Option<Now>| past.map(|p| now.unix_secs() - p.unix_secs());
        let pause_secs = REVIVAL_SECS << state.rewrite.failures.min(6);
        let is_over = |secs: Option<i64>, pause: i64| secs.is_none_or(|secs| secs >= pause);
        let is_new = state.rewrite.failures == 0;
        is_over(secs_since(state.log_broke), REVIVAL_SECS)
            && (is_new || is_over(secs_since(state.rewrite.tried), pause_secs))
    }

    pub(super) fn crowd(&self) {
        self.crowded.store(true, Ordering::SeqCst);
    }

    pub(super) fn take_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed) && self.crowded.swap(false, Ordering::SeqCst)
    }

    pub(super) fn log_bytes(&self) -> u64 {
        self.log_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn base_bytes(&self) -> u64 {
        self.base_bytes.load(Ordering::Relaxed)
    }

    // ---- snapshots ---------------------------------------------------------

    pub(super) fn began(&self, kind: Kind, now: Now) {
        let mut state = self.state.lock();
        state.under_way = Some((kind, now));
        state.past(kind).tried = Some(now);
    }

    /// So many keys will be in the one under way.
    pub(super) fn has_keys(&self, keys_total: u64) {
        self.state.lock().keys_total = keys_total;
    }

    pub(super) fn ended(
        &self,
        kind: Kind,
        ticket: u64,
        changes: u64,
        now: Now,
        outcome: Result<u64, &Trouble>,
    ) {
        let mut state = self.state.lock();
        let began = state.under_way.take().map_or(now, |(_, began)| began);
        let past = state.past(kind);
        past.took_secs = Some(now.unix_secs() - began.unix_secs());
        past.failed = outcome.is_err();
        match outcome {
            Ok(bytes) => {
                past.count += 1;
                past.failures = 0;
                past.saved = Some(now);
                if kind == Kind::Rewrite {
                    let replaced = std::mem::take(&mut state.log_bytes_at_cut);
                    self.log_bytes.fetch_sub(replaced, Ordering::Relaxed);
                    self.log_bytes.fetch_add(bytes, Ordering::Relaxed);
                    self.base_bytes.store(self.log_bytes(), Ordering::Relaxed);
                } else {
                    state.saved_changes = changes;
                }
            }
            Err(_) => past.failures += 1,
        }
        if kind == Kind::Snapshot {
            self.has_failed.store(outcome.is_err(), Ordering::Release);
            let outcome = outcome.map(|_| ()).map_err(ToString::to_string);
            state.tickets.retain(|(before, _)| *before + 64 > ticket);
            state.tickets.push((ticket, outcome));
        }
    }

    /// It is over and came to nothing, as nobody wants it any more.
    pub(super) fn given_up(&self) {
        self.state.lock().under_way = None;
    }

    /// Is there something that no snapshot has?
    pub(super) fn is_changed(&self, changes: u64) -> bool {
        let state = self.state.lock();
        changes != state.saved_changes || state.snapshot.failed
    }

    /// Why the last snapshot failed, if it did.
    pub(super) fn snapshot_error(&self) -> Option<String> {
        let state = self.state.lock();
        let last = state.tickets.last();
        last.and_then(|(_, outcome)| outcome.as_ref().err().cloned())
    }

    pub(super) fn under_way(&self) -> Option<Kind> {
        self.state.lock().under_way.map(|(kind, _)| kind)
    }

    /// A snapshot that began after `ticket` was given out, if it is over.
    pub(super) fn of_ticket(&self, ticket: u64) -> Option<Result<(), String>> {
        let state = self.state.lock();
        let found = state.tickets.iter().find(|(upto, _)| *upto >= ticket);
        found.map(|(_, outcome)| outcome.clone())
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Did the last snapshot in the background fail, of those that are wanted?
    pub(super) fn snapshot_failed(&self, config: &Config) -> bool {
        self.has_failed() && !config.live.save_points.is_empty()
    }

    pub(super) fn save_point_due(
        &self,
        config: &Config,
        changes: u64,
        now: Now,
    ) -> Option<SavePoint> {
        if config.live.save_points.is_empty() {
            return None;
        }
        let state = self.state.lock();
        let changed = changes.saturating_sub(state.saved_changes);
        let secs_since = |past: Option<Now>| past.map_or(0, |p| now.unix_secs() - p.unix_secs());
        let elapsed_secs = secs_since(state.snapshot.saved);
        if state.snapshot.failed && secs_since(state.snapshot.tried) <= RETRY_SECS {
            return None;
        }
        let points = config.live.save_points.iter();
        points
            .copied()
            .find(|p| changed >= u64::from(p.changes) && elapsed_secs > i64::from(p.seconds))
    }

    pub(super) fn is_rewrite_due(&self, config: &Config, has_log: bool, now: Now) -> bool {
        let live = &config.live;
        let log_bytes = self.log_bytes();
        if !has_log
            || live.auto_aof_rewrite_percentage == 0
            || log_bytes <= live.auto_aof_rewrite_min_size_bytes
        {
            return false;
        }
        let base_bytes = self.base_bytes().max(1);
        let growth = log_bytes.saturating_mul(100) / base_bytes;
        let wanted = 100 + u64::from(live.auto_aof_rewrite_percentage);
        let state = self.state.lock();
        // After failures wait longer each time, up to an hour.
        let pause_secs = match state.rewrite.failures {
            0 => 0,
            failures => 60i64 << failures.min(6),
        };
        let tried = state.rewrite.tried;
        let waited = tried.is_none_or(|tried| now.unix_secs() - tried.unix_secs() >= pause_secs);
        growth >= wanted && waited
    }

    pub(super) fn facts(&self, now: Now, changes: u64) -> PersistenceFacts {
        let state = self.state.lock();
        let running = |kind| match state.under_way {
            Some((under_way, began)) if under_way == kind => {
                Some(now.unix_secs() - began.unix_secs())
            }
            _ => None,
        };
        PersistenceFacts {
            changes_since_save: changes.saturating_sub(state.saved_changes),
            snapshot_running_secs: running(Kind::Snapshot),
            rewrite_running_secs: running(Kind::Rewrite),
            last_save_unix_secs: state.snapshot.saved.map_or(0, |now| now.unix_secs()),
            snapshot_failed: state.snapshot.failed,
            rewrite_failed: state.rewrite.failed,
            snapshots: state.snapshot.count,
            rewrites: state.rewrite.count,
            rewrite_failures: state.rewrite.failures,
            snapshot_took_secs: state.snapshot.took_secs,
            rewrite_took_secs: state.rewrite.took_secs,
            keys_total: state.keys_total,
            loaded_keys: state.loaded_keys,
            loaded_expired_keys: state.expired_keys,
            ..PersistenceFacts::default()
        }
    }
}

impl State {
    fn past(&mut self, kind: Kind) -> &mut Past {
        match kind {
            Kind::Snapshot => &mut self.snapshot,
            Kind::Rewrite => &mut self.rewrite,
        }
    }
}
