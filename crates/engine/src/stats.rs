//! Counters, kept where they are counted and added up when asked.
//!
//! Each executor has its own block, written by its thread alone with plain
//! loads and stores, so counting costs no locked instruction and no shared
//! cache line. INFO sums the blocks. CONFIG RESETSTAT cannot write into other
//! threads' blocks: it remembers the sums as a baseline to be subtracted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::latency::{Counts, Histogram};

/// A counter with one writer and many readers.
#[derive(Default, Debug)]
pub struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub fn add(&self, more: u64) {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now.wrapping_add(more), Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    fn raise(&self, at_least: u64) {
        if at_least > self.get() {
            self.0.store(at_least, Ordering::Relaxed);
        }
    }
}

macro_rules! totals {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What one executor has counted.
        #[derive(Default, Debug)]
        pub struct Block {
            $($(#[$doc])* pub $name: Counter,)*
            /// The longest turn of a loop, waiting not included.
            eventloop_ns_max: Counter,
            /// The most requests in one turn.
            eventloop_requests_max: Counter,
            commands: Box<[CommandBlock]>,
        }

        /// The sums over all executors since the last CONFIG RESETSTAT.
        #[derive(Clone, Debug, Default)]
        pub struct Totals {
            $($(#[$doc])* pub $name: u64,)*
            pub eventloop_ns_max: u64,
            pub eventloop_requests_max: u64,
            /// One per command; empty if only the counters were asked for.
            pub commands: Vec<CommandTotals>,
        }

        impl Totals {
            fn add_counters(&mut self, block: &Block) {
                $(self.$name += block.$name.get();)*
                self.eventloop_ns_max = self.eventloop_ns_max.max(block.eventloop_ns_max.get());
                self.eventloop_requests_max =
                    self.eventloop_requests_max.max(block.eventloop_requests_max.get());
            }

            /// These counters without what was counted per command.
            fn counters(&self) -> Totals {
                Totals {
                    $($name: self.$name,)*
                    eventloop_ns_max: self.eventloop_ns_max,
                    eventloop_requests_max: self.eventloop_requests_max,
                    commands: Vec::new(),
                }
            }

            fn add(&mut self, block: &Block) {
                self.add_counters(block);
                self.commands.resize(block.commands.len(), CommandTotals::default());
                for (total, command) in self.commands.iter_mut().zip(&block.commands) {
                    total.add(command);
                }
            }

            fn subtract(&mut self, earlier: &Totals) {
                $(self.$name = self.$name.saturating_sub(earlier.$name);)*
                for (total, earlier) in self.commands.iter_mut().zip(&earlier.commands) {
                    total.subtract(earlier);
                }
            }
        }
    };
}

totals! {
    commands_processed,
    keyspace_hits,
    keyspace_misses,
    expired_keys,
    /// Fields of hashes whose deadline was over.
    expired_subkeys,
    /// Changes to the keyspace: Redis' dirty counter.
    changes,
    error_replies,
    connections_received,
    rejected_connections,
    received_bytes,
    sent_bytes,
    reads_processed,
    writes_processed,
    /// Turns of a loop.
    eventloop_cycles,
    /// Time spent in those turns, waiting not included.
    eventloop_ns,
    /// Time spent executing commands.
    command_ns,
    query_buffer_limit_disconnections,
    output_buffer_limit_disconnections,
    /// Times that an expiry slice ran out of time with keys still due.
    expired_time_cap_reached,
    /// Time spent looking for expired keys that nobody asked for.
    sweep_ns,
}

/// What one executor counted of one command.
#[derive(Debug, Default)]
pub struct CommandBlock {
    calls: Counter,
    ns: Counter,
    rejected: Counter,
    failed: Counter,
    latency: Histogram,
}

/// The sums of one command.
#[derive(Clone, Debug, Default)]
pub struct CommandTotals {
    pub calls: u64,
    pub ns: u64,
    pub rejected: u64,
    pub failed: u64,
    /// How long they took, if `latency-tracking` is on.
    pub latency: Counts,
}

impl CommandTotals {
    fn add(&mut self, block: &CommandBlock) {
        self.calls += block.calls.get();
        self.ns += block.ns.get();
        self.rejected += block.rejected.get();
        self.failed += block.failed.get();
        self.latency.add(&block.latency);
    }

    fn subtract(&mut self, earlier: &CommandTotals) {
        self.calls = self.calls.saturating_sub(earlier.calls);
        self.ns = self.ns.saturating_sub(earlier.ns);
        self.rejected = self.rejected.saturating_sub(earlier.rejected);
        self.failed = self.failed.saturating_sub(earlier.failed);
        self.latency.subtract(&earlier.latency);
    }
}

impl Block {
    pub(crate) fn new(commands: usize) -> Block {
        Block {
            commands: (0..commands).map(|_| CommandBlock::default()).collect(),
            ..Block::default()
        }
    }

    /// `calls` calls of a command took `ns` together.
    pub(crate) fn ran(&self, command: usize, calls: u64, ns: u64, keep_latency: bool) {
        let block = &self.commands[command];
        block.calls.add(calls);
        block.ns.add(ns);
        self.command_ns.add(ns);
        if keep_latency {
            block.latency.record(ns / calls.max(1), calls);
        }
    }

    /// A turn of a loop is over that took `ns` and ran so many requests.
    pub fn cycle(&self, ns: u64, requests: usize) {
        self.eventloop_cycles.add(1);
        self.eventloop_ns.add(ns);
        self.eventloop_ns_max.raise(ns);
        self.eventloop_requests_max.raise(requests as u64);
    }

    pub(crate) fn rejected(&self, command: usize) {
        self.commands[command].rejected.add(1);
    }

    pub(crate) fn failed(&self, command: usize) {
        self.commands[command].failed.add(1);
    }
}

/// All blocks of an engine, and what is counted rarely enough for a lock.
#[derive(Default)]
pub struct Stats {
    blocks: Mutex<Blocks>,
    baseline: Mutex<Totals>,
    errors: Mutex<BTreeMap<String, u64>>,
    peak_memory_bytes: AtomicU64,
}

/// The blocks of the executors that there are, and the sums of those gone.
#[derive(Default)]
struct Blocks {
    live: Vec<Arc<Block>>,
    retired: Totals,
}

impl Stats {
    /// Redis stops telling error codes apart at this many.
    const ERROR_CODES_MAX: usize = 128;

    /// A block for one more executor. Blocks that only this list still knows
    /// are added up and freed: with a thread per client, executors come and go.
    pub(crate) fn block(&self, commands: usize) -> Arc<Block> {
        let block = Arc::new(Block::new(commands));
        let mut blocks = self.blocks.lock();
        let Blocks { live, retired } = &mut *blocks;
        live.retain_mut(|block| match Arc::get_mut(block) {
            Some(unused) => {
                retired.add(unused);
                false
            }
            None => true,
        });
        live.push(block.clone());
        block
    }

    pub fn totals(&self) -> Totals {
        let mut totals = self.lifetime();
        totals.subtract(&self.baseline.lock());
        totals
    }

    /// The sums since the start, whatever was reset.
    pub fn lifetime(&self) -> Totals {
        let blocks = self.blocks.lock();
        let mut totals = blocks.retired.clone();
        for block in &blocks.live {
            totals.add(block);
        }
        totals
    }

    /// [`Stats::lifetime`] without the sums per command, cheap enough to be
    /// asked ten times a second.
    pub fn lifetime_counters(&self) -> Totals {
        let blocks = self.blocks.lock();
        let mut totals = blocks.retired.counters();
        for block in &blocks.live {
            totals.add_counters(block);
        }
        totals
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        self.forget_maxima();
        *self.baseline.lock() = self.lifetime();
        self.errors.lock().clear();
    }

    /// A maximum has no baseline to be subtracted: it starts again. Should its
    /// writer be at it just now, then it starts from there.
    fn forget_maxima(&self) {
        let mut blocks = self.blocks.lock();
        let Blocks { live, retired } = &mut *blocks;
        retired.eventloop_ns_max = 0;
        retired.eventloop_requests_max = 0;
        for block in live {
            block.eventloop_ns_max.0.store(0, Ordering::Relaxed);
            block.eventloop_requests_max.0.store(0, Ordering::Relaxed);
        }
    }

    /// An error line with this code was sent.
    pub(crate) fn error(&self, code: &str) {
        let mut errors = self.errors.lock();
        if let Some(count) = errors.get_mut(code) {
            *count += 1;
        } else if errors.len() < Stats::ERROR_CODES_MAX {
            errors.insert(code.to_owned(), 1);
        }
    }

    /// Error lines by code, in alphabetical order.
    pub fn errors(&self) -> Vec<(String, u64)> {
        let errors = self.errors.lock();
        errors.iter().map(|(code, n)| (code.clone(), *n)).collect()
    }

    /// The highest memory use seen so far, now that it is `bytes`.
    pub fn peak_memory_bytes(&self, bytes: u64) -> u64 {
        self.peak_memory_bytes
            .fetch_max(bytes, Ordering::Relaxed)
            .max(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_a_baseline() {
        let stats = Stats::default();
        let block = stats.block(2);
        block.commands_processed.add(5);
        block.ran(1, 4, 4_000, true);
        assert_eq!(stats.totals().commands[1].latency.percentile_ns(50.0), 1023);
        stats.reset();
        block.commands_processed.add(2);
        assert_eq!(stats.totals().commands_processed, 2);
        assert_eq!(stats.totals().commands[1].calls, 0);
        assert_eq!(stats.lifetime().commands_processed, 7);
        assert_eq!(stats.lifetime_counters().commands_processed, 7);
    }

    #[test]
    fn what_executors_counted_outlives_them() {
        let stats = Stats::default();
        for _ in 0..3 {
            let block = stats.block(2);
            block.ran(0, 1, 10, false);
            block.cycle(7, 1);
        }
        let block = stats.block(2);
        assert_eq!(stats.blocks.lock().live.len(), 1);
        assert_eq!(stats.totals().commands[0].calls, 3);
        assert_eq!(stats.totals().eventloop_ns_max, 7);
        stats.reset();
        assert_eq!(stats.totals().eventloop_ns_max, 0);
        assert_eq!(stats.totals().eventloop_cycles, 0);
        block.cycle(5, 2);
        assert_eq!(stats.totals().eventloop_requests_max, 2);
        assert_eq!(stats.totals().eventloop_ns_max, 5);
    }
}
