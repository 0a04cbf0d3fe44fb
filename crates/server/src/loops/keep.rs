//! What an event loop does for the disk: hold replies until the log has what
//! they show, bring the data back at the start, take snapshots on by slices.
//!
//! ```text
//!   execute ─► end of batch: the log is written, or its thread woken
//!   settle  ─► gate beyond what is durable? held : sent
//!   Durable ─► held ones whose gate is reached are sent, and read on
//! ```
//!
//! A client whose replies are held is not read from: what it sends next waits in
//! its socket. So a commit takes what all clients sent during the one before, and
//! nobody's replies wait for later writes of their own.
//!
//! The first loop also loads and saves, a slice per turn. With one loop nobody
//! else may enter the shards; with more it is as good as any.

use std::io;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

use base::Now;
use ochredb::persistence::{Driven, Load, Progress};

use super::event::EventLoop;
use crate::mailbox::Mailbox;

/// What a loop keeps in mind for the disk.
#[derive(Default)]
pub(super) struct Keep {
    /// Seats whose replies wait for the log.
    held: Vec<u32>,
    /// How far the log was when the held were last looked at.
    seen: u64,
    /// The log came further while a client was put among the held: look at once.
    has_news: bool,
    /// In so many microseconds a commit is due that nobody has asked for yet.
    pub(super) due_us: Option<u64>,
    /// Data that is still to come back.
    pub(super) load: Option<Load>,
    state: State,
    /// When a breath is over, on the monotonic clock.
    breath_ends_us: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    /// Go on at once.
    Busy,
    /// Go on after a breath.
    Breathing,
    /// Look again soon.
    Waiting,
}

/// A slice of loading, in microseconds; clients that ask meanwhile wait so long.
const LOAD_SLICE_US: u64 = 2_000;
/// Between two steps of a snapshot, of 20 us each: clients seldom meet one, and a loop that is busy
/// all the time gives it a quarter. One that never sleeps is made to by the scheduler, for
/// milliseconds, once others want its processor.
pub(super) const BREATH_US: u64 = 60;
/// While something of ours waits for the disk, it is looked at so often.
const LOOK_US: u64 = 500;

/// With so many clients held a loop stays awake for the log ...
const HELD_MIN: usize = 16;
/// ... but not longer than this: a disk that takes more is slow anyway.
const WATCH_US: u64 = 300;

impl Keep {
    /// Should a loop with nothing to do stay awake until the commit that is on its way is over?
    ///
    /// Falling asleep and being woken costs the log's thread and the loop some twenty microseconds
    /// each on a virtual machine, once in each commit, while all clients wait (decision 12). For a
    /// few of them that is not worth a processor.
    pub(super) fn is_worth_watching(&self) -> bool {
        self.held.len() >= HELD_MIN
    }

    pub(super) fn is_busy(&self) -> bool {
        self.state == State::Busy || self.has_news
    }

    pub(super) fn wait_us_max(&self, now: Now) -> u64 {
        let look_us = match self.state {
            State::Waiting => LOOK_US,
            State::Breathing => self.breath_ends_us.saturating_sub(now.mono_us),
            State::Idle | State::Busy => u64::MAX,
        };
        look_us.min(self.due_us.unwrap_or(u64::MAX))
    }

    /// Before going to sleep: should news of the log wake this loop?
    pub(super) fn announce(&self, mailbox: &Mailbox) {
        let awaits = !self.held.is_empty();
        if mailbox.awaits_log.load(Ordering::Relaxed) != awaits {
            mailbox.awaits_log.store(awaits, Ordering::SeqCst);
        }
    }
}

impl EventLoop {
    /// Keep a client's replies until the log has what they show.
    pub(super) fn hold(&mut self, seat: u32) {
        if let Some(entry) = &mut self.seats[seat as usize]
            && !entry.held
        {
            entry.held = true;
            self.keep.held.push(seat);
            self.mailbox.awaits_log.store(true, Ordering::SeqCst);
            // The log may have come so far before the flag could be seen.
            fence(Ordering::SeqCst);
            let gate = self.clients[seat as usize].as_ref().map(|c| c.session.gate);
            let persistence = self.world.persistence();
            if gate.is_some_and(|gate| persistence.released(gate)) || persistence.is_broken() {
                self.keep.has_news = true;
            }
        }
    }

    /// Send replies that waited for the log, as far as it has come.
    pub(super) fn release(&mut self, now: Now) {
        if self.keep.held.is_empty() {
            return;
        }
        let world = self.world.clone();
        let persistence = world.persistence();
        let progress = persistence.progress();
        if progress == self.keep.seen && !self.keep.has_news {
            return;
        }
        self.keep.seen = progress;
        self.keep.has_news = false;
        let mut still = Vec::new();
        for seat in std::mem::take(&mut self.keep.held) {
            let index = seat as usize;
            let (Some(entry), Some(client)) = (&mut self.seats[index], &self.clients[index]) else {
                continue; // closed meanwhile
            };
            if !entry.held {
                continue; // another client's seat by now
            }
            if persistence.released(client.session.gate) {
                entry.held = false;
                self.settle(seat, now);
            } else if persistence.is_broken() {
                // Nobody knows whether what it wrote is durable: say neither yes nor no.
                self.close(seat);
            } else {
                still.push(seat);
            }
        }
        self.keep.held.append(&mut still);
    }

    /// Stay awake until the log has come further, a client sends something, or the disk is due;
    /// false if nothing of it happens soon.
    pub(super) fn watch_log(&mut self) -> io::Result<bool> {
        let due_us = self.keep.wait_us_max(self.turn_ended);
        let until = Instant::now() + Duration::from_micros(due_us.min(WATCH_US));
        while Instant::now() < until {
            if self.world.persistence().progress() != self.keep.seen {
                self.events.clear();
                return Ok(true);
            }
            if self.poll(0)? {
                return Ok(true);
            }
            // The log's thread may want this processor, or a client of ours.
            std::thread::yield_now();
        }
        self.turn_ended = Now::read();
        Ok(due_us <= WATCH_US)
    }

    /// The first loop's turn for the disk.
    pub(super) fn keep(&mut self, now: Now) -> io::Result<()> {
        let breathes = self.keep.state == State::Breathing;
        if self.index != 0 || (breathes && now.mono_us < self.keep.breath_ends_us) {
            return Ok(());
        }
        self.keep.state = match self.keep.load.take() {
            Some(load) => self.load(load)?,
            None => match self.world.persistence().drive(&mut self.executor, now) {
                Driven::Idle => State::Idle,
                Driven::Busy => {
                    self.keep.breath_ends_us = Now::read().mono_us + BREATH_US;
                    State::Breathing
                }
                Driven::Waiting => State::Waiting,
            },
        };
        Ok(())
    }

    fn load(&mut self, mut load: Load) -> io::Result<State> {
        let progress = load.step(&mut self.executor, LOAD_SLICE_US);
        let progress = progress.map_err(io::Error::other)?;
        self.world.publish_loading(&load);
        if let Some(line) = load.progress_line() {
            self.world.log.notice(&line);
        }
        let state = match progress {
            Progress::More => State::Busy,
            Progress::Waiting => State::Waiting,
            Progress::Done => {
                let loaded = load.into_loaded();
                self.world
                    .loaded(&self.engine, &loaded)
                    .map_err(io::Error::other)?;
                return Ok(State::Busy);
            }
        };
        self.keep.load = Some(load);
        Ok(state)
    }
}
