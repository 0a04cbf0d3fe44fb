//! How long commands take, without two clock reads for each.
//!
//! Commands come in runs: sixty-four SETs of a pipeline, fifty GETs of as many
//! clients. The clock is read when a run begins and when it ends, so the total
//! per command is exact, and a run of one is timed alone.

use crate::commands::CommandId;
use crate::engine::Engine;
use crate::stats::Block;

/// Times the present run of equal commands.
#[derive(Default)]
pub(crate) struct Stopwatch {
    current: Option<CommandId>,
    calls: u64,
    since_ns: u64,
}

impl Stopwatch {
    /// A call of `command` begins.
    #[inline]
    pub(crate) fn call(&mut self, command: CommandId, engine: &Engine, stats: &Block, keep: bool) {
        if self.current != Some(command) {
            self.turn(Some(command), engine, stats, keep);
        }
        self.calls += 1;
    }

    /// The window is over: nothing runs any more.
    pub(crate) fn stop(&mut self, engine: &Engine, stats: &Block, keep: bool) {
        if self.current.is_some() {
            self.turn(None, engine, stats, keep);
        }
    }

    fn turn(&mut self, next: Option<CommandId>, engine: &Engine, stats: &Block, keep: bool) {
        let now_ns = engine.host.monotonic_ns();
        if let Some(command) = self.current {
            let ns = now_ns.saturating_sub(self.since_ns);
            stats.ran(command.index(), self.calls, ns, keep);
        }
        self.current = next;
        self.calls = 0;
        self.since_ns = now_ns;
    }
}
