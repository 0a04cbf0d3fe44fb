//! The log is switched on and off while everything goes on.
//!
//! ```text
//!   appendonly yes ─► [off, wanted] ─ a snapshot's cut ─► [rising] ─ its base is listed ─► [on]
//!                          ▲                                  │                              │
//!                          └──────────── failed ──────────────┘        appendonly no ─► off ◄┘
//! ```
//!
//! It comes on by a rewrite: a base of what is there, and a file for what comes behind the cut.
//! From the cut on everything is written, and nothing counts: replies wait for no sync, and a
//! restart finds what it would have found before. Both begin when the base is listed. What fails
//! on the way is tried again, with longer and longer pauses, and said each time.
//!
//! A broken log heals in the same way, but there writes are refused until the base is there.
//!
//! The mode and the policy follow from this, from `appendfsync`, and from whether a snapshot is
//! written for which syncs are left out (`no-appendfsync-on-rewrite`); [`Persistence::settle`] is
//! where they are decided.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::Now;
use engine::config::Config;
use engine::{Executor, LogMode, Lsn};
use persist::log::{FsyncPolicy, Log, State};
use persist::{Kind, Trouble};

use super::{Persistence, clock_us, now_ms, policy, save};

/// What decides about the mode.
pub(super) struct Switch {
    pub(super) phase: Phase,
    /// `appendfsync` and `no-appendfsync-on-rewrite`.
    policy: FsyncPolicy,
    spares_syncs: bool,
}

/// How far the switch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Off,
    /// Behind the cut, and its base is not listed.
    Rising,
    On,
}

impl Default for Switch {
    fn default() -> Switch {
        Switch {
            phase: Phase::default(),
            policy: FsyncPolicy::EverySec,
            spares_syncs: false,
        }
    }
}

impl Persistence {
    /// The log, once everything has been read.
    #[inline]
    pub(super) fn log(&self) -> Option<&Arc<Log>> {
        self.log.get()
    }

    /// `appendonly yes`, or a log that was found at the start.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Acquire)
    }

    /// CONFIG SET appendonly yes: what can be refused is refused now, the rest comes with the
    /// next step of the driver.
    pub(super) fn switch_on(self: &Arc<Persistence>) -> Result<(), Trouble> {
        let log = self.log().expect("settled by the load");
        self.own()?;
        log.take_stock()?;
        self.start_committer(log.clone())?;
        self.outcomes.log_began((0, 0));
        self.is_wanted.store(true, Ordering::Release);
        self.requests.rewrite.store(true, Ordering::Release);
        self.watcher.wake_all();
        Ok(())
    }

    /// CONFIG SET appendonly no: what was appended is written and synced, and the file ends. If
    /// that fails the log is broken, as nobody knows what it holds; once more gives it up.
    pub(super) fn switch_off(&self) -> Result<(), Trouble> {
        let log = self.log().expect("settled by the load");
        let mut switch = self.switch.lock();
        if let Err(trouble) = log.switch_off(now_ms(), &clock_us) {
            drop(switch);
            self.broken(&trouble);
            return Err(trouble);
        }
        switch.phase = Phase::Off;
        self.is_wanted.store(false, Ordering::Release);
        self.requests.rewrite.store(false, Ordering::Release);
        self.mode.store(LogMode::Off as u8, Ordering::Release);
        drop(switch);
        // Whoever waited for a sync or for room does so no longer.
        self.watcher.durable();
        self.watcher.wake_all();
        self.outcomes.log_healed();
        let line = "The log is off: what is in appendonlydir is out of date from now on";
        self.watcher.log(false, line);
        Ok(())
    }

    /// A snapshot is being cut, for a rewrite: all shards are held.
    pub(super) fn cut_and_rotate(&self, log: &Log) -> Lsn {
        let mut switch = self.switch.lock();
        if !self.is_wanted() {
            return Lsn(log.appended_lsn());
        }
        let lsn = log.begin_rotation();
        if switch.phase == Phase::Off {
            switch.phase = Phase::Rising;
            self.mode.store(LogMode::Appended as u8, Ordering::Release);
        }
        Lsn(lsn)
    }

    /// A rewrite is over.
    pub(super) fn rewrite_ended(&self, is_adopted: bool) {
        let Some(log) = self.log() else { return };
        let mut switch = self.switch.lock();
        if !is_adopted {
            log.give_up_rising();
        }
        let was_rising = switch.phase == Phase::Rising;
        if was_rising {
            switch.phase = match is_adopted {
                true => Phase::On,
                false => Phase::Off,
            };
        }
        drop(switch);
        match is_adopted {
            true if was_rising => self.watcher.log(false, "The log is on"),
            true if self.outcomes.log_healed() && !log.is_broken() => {
                let line = "The log is written again, in new files: writes are taken";
                self.watcher.log(true, line);
            }
            false if was_rising => {
                let line = "The log could not be switched on and is off: it will be tried again";
                self.watcher.log(true, line);
            }
            _ => {}
        }
    }

    /// Takes note of what the configuration says about syncs.
    pub(super) fn note(&self, config: &Config) {
        let mut switch = self.switch.lock();
        switch.policy = policy(config);
        switch.spares_syncs = config.live.no_appendfsync_on_rewrite;
    }

    /// Puts the policy and the mode in force that follow from everything. `is_saving`: a snapshot
    /// or a rewrite is under way.
    pub(super) fn settle(&self, is_saving: bool) {
        let Some(log) = self.log() else { return };
        let switch = self.switch.lock();
        let asked = switch.policy;
        let is_spared = is_saving && switch.spares_syncs;
        let (policy, mode) = match (switch.phase, asked) {
            (Phase::Off, _) => (asked, LogMode::Off),
            (Phase::Rising, FsyncPolicy::Always) => (FsyncPolicy::EverySec, LogMode::Appended),
            (Phase::Rising, _) => (asked, LogMode::Appended),
            (Phase::On, _) if is_spared => (FsyncPolicy::No, LogMode::Appended),
            (Phase::On, FsyncPolicy::Always) => (asked, LogMode::Awaited),
            (Phase::On, _) => (asked, LogMode::Appended),
        };
        log.set_policy(policy);
        let before = self.log_mode();
        // Replies that wait for a broken log are never sent, whatever is asked for meanwhile.
        if mode < before && log.is_broken() {
            return;
        }
        self.mode.store(mode as u8, Ordering::Release);
        drop(switch);
        if before == LogMode::Awaited && mode != before {
            // Batches have left it to the committer to write, which does not hurry any more.
            self.write_out(log);
            self.watcher.durable();
        }
        self.committer.kick();
    }

    /// Does a restart find what is written now?
    pub(super) fn is_on(&self) -> bool {
        self.switch.lock().phase == Phase::On
    }

    /// Is the log down although it is wanted, and is it time to try to bring it up?
    pub(super) fn is_revival_due(&self, now: Now) -> bool {
        let Some(log) = self.log() else { return false };
        let is_down = matches!(log.state(), State::Off | State::Broken);
        self.is_wanted() && is_down && self.outcomes.may_revive(now)
    }

    /// Nobody changes anything any more: a log that is wanted comes on before the end, since what
    /// lies in its directory is out of date.
    pub fn switch_at_last(&self, executor: &mut Executor) -> Result<(), Trouble> {
        if !self.is_wanted() || self.is_on() {
            return Ok(());
        }
        self.requests.rewrite.store(true, Ordering::Release);
        save::finish(self, executor);
        match self.switch.lock().phase {
            Phase::On => Ok(()),
            Phase::Off | Phase::Rising => {
                let what = "the log was asked for and could not be switched on";
                Err(Trouble::new(Kind::System, &self.place.dir, what))
            }
        }
    }

    /// The directory is ours from here on.
    fn own(&self) -> Result<(), Trouble> {
        let mut guard = self.guard.lock();
        if guard.is_none() {
            *guard = Some(self.storage.lock(&self.place.dir)?);
            save::remove_leftovers(&*self.storage, &self.place);
        }
        Ok(())
    }
}
