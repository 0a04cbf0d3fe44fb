//! How long commands take, without two clock reads for each.
//!
//! Commands come in runs: sixty-four SETs of a pipeline, fifty GETs of as many
//! clients. The clock is read when a run begins and when it ends, so the total
//! per command is exact, and a run of one is timed alone. While somebody
//! watches for commands that take long, each call is a run of its own.

use base::Now;
use spec::Flags;

use crate::commands::CommandId;
use crate::config::Config;
use crate::engine::Engine;
use crate::latency::Event;
use crate::stats::Block;

/// Times the present run of equal commands.
#[derive(Default)]
pub(crate) struct Stopwatch {
    current: Option<CommandId>,
    calls: u64,
    since_ns: u64,
    /// Histograms are kept.
    keeps: bool,
    /// Each call is timed alone.
    watches: bool,
    /// What time it was when the turn began.
    turn: Now,
}

impl Stopwatch {
    /// A turn begins, under this configuration.
    #[inline]
    pub(crate) fn wind(&mut self, turn: Now, config: &Config) {
        self.turn = turn;
        self.keeps = config.live.latency_tracking;
        self.watches = config.live.latency_monitor_threshold_ms > 0;
    }

    /// A call of `command` begins.
    #[inline]
    pub(crate) fn call(&mut self, command: CommandId, engine: &Engine, stats: &Block) {
        if self.current != Some(command) || self.watches {
            self.turn(Some(command), engine, stats);
        }
        self.calls += 1;
    }

    /// The window is over: nothing runs any more.
    pub(crate) fn stop(&mut self, engine: &Engine, stats: &Block) {
        if self.current.is_some() {
            self.turn(None, engine, stats);
        }
    }

    fn turn(&mut self, next: Option<CommandId>, engine: &Engine, stats: &Block) {
        let now_ns = engine.host.monotonic_ns();
        if let Some(command) = self.current {
            let ns = now_ns.saturating_sub(self.since_ns);
            stats.ran(command.index(), self.calls, ns, self.keeps);
            if self.watches {
                self.tell(command, engine, ns / 1000);
            }
        }
        self.current = next;
        self.calls = 0;
        self.since_ns = now_ns;
    }

    #[cold]
    fn tell(&self, command: CommandId, engine: &Engine, us: u64) {
        let is_fast = engine
            .commands
            .get(command)
            .spec
            .flags
            .contains(Flags::FAST);
        let event = match is_fast {
            true => Event::FastCommand,
            false => Event::Command,
        };
        // A long call ends long after its turn has begun.
        let unix_secs = (self.turn.unix_us + us as i64).div_euclid(1_000_000);
        engine.latency.observe(event, unix_secs, us);
    }
}
