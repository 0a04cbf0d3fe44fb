//! The load: phases of requests over connections that stay open.
//!
//! ```text
//!            Generator                       one lane (sockets, epoll) per thread
//!   fill ──► warm-up ──► measured phase      connections are kept between phases
//!                 │
//!   Phase ────────┼─► thread 0: closed_loop or open_loop ─► Recorder ─┐
//!                 └─► thread 1: …                        ─► Recorder ─┴─► Measured
//! ```
//!
//! A phase begins and ends with all connections idle, so that the server's CPU
//! clock can be read in between without charging one phase for another.
//!
//! Threads take requests from one quota, a range at a time; the position in
//! that range is the request's number in the run. The thread that calls
//! [`Generator::run`] only watches: it draws progress and sees interrupts.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};

use crate::bench::closed_loop;
use crate::bench::cores::CoreList;
use crate::bench::error::Error;
use crate::bench::interrupt::Interrupt;
use crate::bench::lane::{Lane, ReplyCounts};
use crate::bench::open_loop::{self, Arrivals};
use crate::bench::recorder::{Recorder, empty_histogram};
use crate::bench::target::Target;
use crate::bench::workload::{Numbers, Workload};

/// Longest wait between looks at the interrupt flag.
pub(super) const LOOK_EVERY_NS: u64 = 100_000_000;
/// How long answers may come in after the end of a timed phase.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// One stretch of load.
#[derive(Debug, Clone)]
pub struct Phase {
    pub workload: Workload,
    /// Requests per write, `-P`.
    pub depth: u32,
    pub limit: Limit,
    pub pace: Pace,
    pub numbers: Numbers,
    pub seed: u64,
    /// Without it a connection serves one write and is opened anew.
    pub keep_alive: bool,
    /// Go on after error replies and count them.
    pub tolerate_errors: bool,
}

/// When a phase ends: at the first of those that are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    pub requests: Option<u64>,
    pub time: Option<Duration>,
}

/// What decides when a request is sent. Rates are requests per second over all
/// threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// A connection sends as soon as its last reply is in.
    Closed,
    /// The same, but all together no faster than this.
    Throttled { rate: f64 },
    /// By the clock, whatever the replies do.
    Open { rate: f64, arrivals: Arrivals },
}

/// What a phase came to, over all threads.
#[derive(Debug, Clone)]
pub struct Measured {
    pub recorder: Recorder,
    pub elapsed: Duration,
    pub errors: u64,
    pub first_error: Option<String>,
    /// Null replies: reads that found nothing.
    pub nulls: u64,
    /// Requests that were sent, or due, and never answered.
    pub unanswered: u64,
    /// How late requests left in an open loop through the generator's own
    /// fault, in nanoseconds; empty in a closed one.
    pub send_lag: Histogram<u64>,
    /// CPU time of the generator's threads.
    pub generator_cpu: Duration,
    pub threads: u32,
}

impl Measured {
    /// Requests that were answered.
    pub fn requests(&self) -> u64 {
        self.recorder.latency().len() - self.unanswered
    }

    /// Answers per second.
    pub fn throughput(&self) -> f64 {
        self.requests() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// CPU use of the busiest possible generator: 1 when all its threads ran
    /// without pause, and then it may have been the bottleneck.
    pub fn generator_load(&self) -> f64 {
        let available = self.elapsed.as_secs_f64() * f64::from(self.threads);
        self.generator_cpu.as_secs_f64() / available.max(1e-9)
    }
}

/// Connections and threads that carry one phase after another.
pub struct Generator {
    lanes: Vec<Lane>,
    cores: Option<CoreList>,
}

impl Generator {
    /// Opens `clients` connections and shares them among `threads`.
    pub fn connect(
        target: &Target,
        clients: u32,
        threads: u32,
        cores: Option<CoreList>,
    ) -> Result<Generator, Error> {
        assert!(clients > 0 && threads > 0, "options refuse zero");
        let threads = threads.min(clients);
        let share = |i: u32| clients / threads + u32::from(i < clients % threads);
        let lanes = (0..threads).map(|i| Lane::open(target, share(i) as usize));
        Ok(Generator {
            lanes: lanes.collect::<Result<_, _>>()?,
            cores,
        })
    }

    /// Carries out one phase. `watch` is called several times a second with
    /// the state of things. An interrupt ends the phase early and is no error.
    pub fn run(
        &mut self,
        phase: &Phase,
        interrupt: &Interrupt,
        watch: &mut dyn FnMut(Sight),
    ) -> Result<Measured, Error> {
        let threads = self.lanes.len();
        let shared = Shared {
            quota: Quota::new(phase.limit),
            halted: AtomicBool::new(false),
            interrupt: interrupt.clone(),
            barrier: Barrier::new(threads),
            started: OnceLock::new(),
            tallies: (0..threads).map(|_| Tally::default()).collect(),
        };
        let cores = self.cores.clone();
        let mut outcomes = Vec::new();
        thread::scope(|scope| {
            let (done, results) = channel();
            for (index, lane) in self.lanes.iter_mut().enumerate() {
                let (done, shared, cores) = (done.clone(), &shared, cores.as_ref());
                scope.spawn(move || {
                    let outcome = run_thread(lane, phase, shared, index, cores);
                    if outcome.is_err() {
                        shared.halt();
                    }
                    // The receiver lives until every thread has sent.
                    let _ = done.send(outcome);
                });
            }
            while outcomes.len() < threads {
                match results.recv_timeout(Duration::from_millis(200)) {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(RecvTimeoutError::Timeout) => watch(shared.sight(phase.limit)),
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        });
        let mut measured = Measured {
            recorder: Recorder::default(),
            elapsed: Duration::ZERO,
            errors: 0,
            first_error: None,
            nulls: 0,
            unanswered: 0,
            send_lag: empty_histogram(),
            generator_cpu: Duration::ZERO,
            threads: threads as u32,
        };
        // A real cause comes before its echo in other threads.
        for outcome in outcomes {
            measured.add(outcome?);
        }
        measured.elapsed = match phase.pace {
            Pace::Open { .. } => {
                let offered = phase.limit.time.filter(|_| !interrupt.is_set());
                measured.recorder.last().max(offered.unwrap_or_default())
            }
            Pace::Closed | Pace::Throttled { .. } => measured.recorder.last(),
        };
        if let Some(answer) = &measured.first_error
            && !phase.tolerate_errors
        {
            let asked = phase.workload.title.clone();
            return Err(Error::Refused {
                asked,
                answer: answer.clone(),
            });
        }
        Ok(measured)
    }
}

impl Measured {
    fn add(&mut self, outcome: Outcome) {
        self.recorder.merge(&outcome.recorder);
        self.errors += outcome.counts.errors;
        self.nulls += outcome.counts.nulls;
        self.first_error = self.first_error.take().or(outcome.counts.first_error);
        self.unanswered += outcome.unanswered;
        self.send_lag
            .add(&outcome.send_lag)
            .expect("histograms have equal bounds");
        self.generator_cpu += outcome.cpu;
    }
}

/// What one thread of a phase came to.
pub(super) struct Outcome {
    pub recorder: Recorder,
    pub counts: ReplyCounts,
    pub unanswered: u64,
    pub send_lag: Histogram<u64>,
    pub cpu: Duration,
}

impl Outcome {
    pub fn new(recorder: Recorder, unanswered: u64) -> Outcome {
        Outcome {
            recorder,
            counts: ReplyCounts::default(),
            unanswered,
            send_lag: empty_histogram(),
            cpu: Duration::ZERO,
        }
    }
}

fn run_thread(
    lane: &mut Lane,
    phase: &Phase,
    shared: &Shared,
    index: usize,
    cores: Option<&CoreList>,
) -> Result<Outcome, Error> {
    // Every thread must reach the barrier, whatever fails before it.
    let pinned = cores.map_or(Ok(()), |cores| cores.pin_thread(index));
    if phase.pace != Pace::Closed {
        // Sleep as exactly as the kernel can; without it we only spin more.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }
    shared.barrier.wait();
    pinned?;
    let cpu_before = thread_cpu();
    let seat = Seat {
        phase,
        shared,
        index,
    };
    let mut outcome = match phase.pace {
        Pace::Closed => closed_loop::run(lane, &seat, None)?,
        Pace::Throttled { rate } => closed_loop::run(lane, &seat, Some(rate))?,
        Pace::Open { rate, arrivals } => open_loop::run(lane, &seat, rate, arrivals)?,
    };
    outcome.cpu = thread_cpu() - cpu_before;
    outcome.counts = lane.take_counts();
    Ok(outcome)
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What the threads of a phase have in common.
pub(super) struct Shared {
    pub quota: Quota,
    halted: AtomicBool,
    interrupt: Interrupt,
    barrier: Barrier,
    started: OnceLock<Instant>,
    tallies: Vec<Tally>,
}

/// One thread's place in a phase.
pub(super) struct Seat<'a> {
    pub phase: &'a Phase,
    pub shared: &'a Shared,
    pub index: usize,
}

impl Seat<'_> {
    /// Nanoseconds since the phase began.
    pub fn now_ns(&self) -> u64 {
        self.shared
            .started
            .get_or_init(Instant::now)
            .elapsed()
            .as_nanos() as u64
    }

    pub fn threads(&self) -> usize {
        self.shared.tallies.len()
    }

    /// A seed of its own for this thread.
    pub fn seed(&self) -> u64 {
        self.phase
            .seed
            .wrapping_add((self.index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The numbers of this thread: random ones differ from the other threads'.
    pub fn numbers(&self) -> Numbers {
        match &self.phase.numbers {
            Numbers::Random { range, .. } => Numbers::of_keyspace(Some(*range), self.seed()),
            same => same.clone(),
        }
    }

    /// Whether no more requests shall be sent.
    pub fn is_stopped(&self) -> bool {
        self.is_halted() || self.shared.interrupt.is_set()
    }

    /// Ends the phase for all threads, because it has failed.
    pub fn halt(&self) {
        self.shared.halt();
    }

    /// Whether the phase has failed and nothing matters any more.
    pub fn is_halted(&self) -> bool {
        self.shared.halted.load(Ordering::Relaxed)
    }

    /// Shows the watching thread how far this one is.
    pub fn tell(&self, done: u64, latency_sum_ns: u64) {
        let tally = &self.shared.tallies[self.index];
        tally.done.store(done, Ordering::Relaxed);
        tally
            .latency_sum_ns
            .store(latency_sum_ns, Ordering::Relaxed);
    }
}

impl Shared {
    fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }

    fn sight(&self, limit: Limit) -> Sight {
        let sum = |of: fn(&Tally) -> &AtomicU64| -> u64 {
            self.tallies
                .iter()
                .map(|tally| of(tally).load(Ordering::Relaxed))
                .sum()
        };
        Sight {
            done: sum(|tally| &tally.done),
            latency_sum: Duration::from_nanos(sum(|tally| &tally.latency_sum_ns)),
            elapsed: self.started.get().map_or(Duration::ZERO, Instant::elapsed),
            limit,
        }
    }
}

/// A phase under way, as the watching thread sees it.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    pub done: u64,
    pub latency_sum: Duration,
    pub elapsed: Duration,
    pub limit: Limit,
}

/// Written by one thread, read by the watcher; on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Tally {
    done: AtomicU64,
    latency_sum_ns: AtomicU64,
}

/// The requests that are left to send.
pub(super) struct Quota {
    requests: u64,
    end_ns: u64,
    claimed: AtomicU64,
}

impl Quota {
    fn new(limit: Limit) -> Quota {
        Quota {
            requests: limit.requests.unwrap_or(u64::MAX),
            end_ns: limit.time.map_or(u64::MAX, |time| time.as_nanos() as u64),
            claimed: AtomicU64::new(0),
        }
    }

    /// Takes up to `wanted` requests at `now_ns`; `None` when the phase is over.
    pub fn claim(&self, wanted: u32, now_ns: u64) -> Option<Range<u64>> {
        if now_ns >= self.end_ns {
            return None;
        }
        let start = self.claimed.fetch_add(u64::from(wanted), Ordering::Relaxed);
        let end = self.requests.min(start.saturating_add(u64::from(wanted)));
        (start < end).then_some(start..end)
    }

    /// When the phase ends, in nanoseconds since it began.
    pub fn end_ns(&self) -> u64 {
        self.end_ns
    }
}

#[cfg(test)]
mod tests;
