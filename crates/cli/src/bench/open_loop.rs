//! Open loop: requests leave by the clock, whatever the replies do.
//!
//! ```text
//!   intended   |  |||   | |   |      drawn in advance from the rate
//!   sent       |  |||   .....|||     a connection that does not take bytes delays sending
//!   answered     |  |||        …     latency = answered − intended
//! ```
//!
//! This is what many independent users do. Latency counts from the moment at
//! which a request *should* have left. A server that stalls for a second makes
//! a second's worth of requests late, and all of them are counted; a closed
//! loop would have counted one per connection (coordinated omission).
//!
//! Arrivals go to the connections in turn. One that still waits for replies
//! gets the next request behind them, as a pipelining client would send it. What
//! the generator itself is late by is recorded apart, as send lag.

use std::collections::VecDeque;

use base::Rng;
use hdrhistogram::Histogram;

use crate::bench::closed_loop::SPIN_NS;
use crate::bench::error::Error;
use crate::bench::lane::{Events, Lane, Received};
use crate::bench::load::{GRACE, LOOK_EVERY_NS, Outcome, Seat};
use crate::bench::recorder::{Recorder, empty_histogram};
use crate::bench::workload::{Block, Numbers};

/// Requests that may be due and unanswered before the run is given up.
const BACKLOG_MAX: u64 = 8_000_000;
/// Sends between two looks at the sockets.
const SENDS_PER_TURN: usize = 128;

/// How requests are spread in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Independent of each other: exponential gaps.
    Poisson,
    /// Equal gaps.
    Even,
}

/// Runs one thread's share of `rate` requests per second.
pub(super) fn run(
    lane: &mut Lane,
    seat: &Seat,
    rate: f64,
    arrivals: Arrivals,
) -> Result<Outcome, Error> {
    let depth = seat.phase.depth;
    let schedule = Schedule::new(rate / f64::from(depth), arrivals, seat);
    let mut work = OpenLoop {
        seat,
        schedule,
        block: Block::new(&seat.phase.workload, depth, seat.seed()),
        numbers: seat.numbers(),
        recorder: Recorder::default(),
        send_lag: empty_histogram(),
        clients: vec![Client::default(); lane.len()],
        turn: 0,
        backlog: 0,
        is_over: false,
        done: 0,
        latency_sum_ns: 0,
    };
    work.drive(lane)
}

struct OpenLoop<'a> {
    seat: &'a Seat<'a>,
    schedule: Schedule,
    block: Block,
    numbers: Numbers,
    recorder: Recorder,
    send_lag: Histogram<u64>,
    clients: Vec<Client>,
    /// Whose turn it is to send.
    turn: usize,
    /// Requests due and not answered.
    backlog: u64,
    is_over: bool,
    done: u64,
    latency_sum_ns: u64,
}

#[derive(Debug, Clone, Default)]
struct Client {
    /// Due, but the socket is full.
    unsent: VecDeque<Arrival>,
    sent: VecDeque<Arrival>,
}

/// Some requests that leave in one write.
#[derive(Debug, Clone)]
struct Arrival {
    intended_ns: u64,
    /// Number of the first request in the run.
    first: u64,
    count: u64,
}

impl OpenLoop<'_> {
    fn drive(&mut self, lane: &mut Lane) -> Result<Outcome, Error> {
        let mut events = Events::new();
        let mut give_up_ns = u64::MAX;
        loop {
            self.send_due(lane)?;
            let now_ns = self.seat.now_ns();
            if self.is_over {
                if give_up_ns == u64::MAX {
                    give_up_ns = now_ns + GRACE.as_nanos() as u64;
                }
                if self.backlog == 0 || now_ns >= give_up_ns || self.seat.is_halted() {
                    break;
                }
            }
            lane.wait(self.timeout_ns(now_ns), &mut events)?;
            for event in events.iter() {
                if event.writable && lane.is_blocked(event.index) {
                    lane.flush(event.index)?;
                    self.send_delayed(lane, event.index)?;
                }
                if event.readable {
                    self.receive(lane, event.index)?;
                }
            }
            self.seat.tell(self.done, self.latency_sum_ns);
        }
        let unanswered = self.record_unanswered();
        let mut outcome = Outcome::new(std::mem::take(&mut self.recorder), unanswered);
        outcome.send_lag = self.send_lag.clone();
        Ok(outcome)
    }

    /// Sends what the schedule says is due, but looks at the sockets now and
    /// then when that is a lot.
    fn send_due(&mut self, lane: &mut Lane) -> Result<(), Error> {
        for _ in 0..SENDS_PER_TURN {
            let intended_ns = self.schedule.next_ns();
            if self.is_over || self.seat.is_stopped() {
                self.is_over = true;
                return Ok(());
            }
            if intended_ns > self.seat.now_ns() && intended_ns < self.seat.shared.quota.end_ns() {
                return Ok(());
            }
            let Some(range) = self
                .seat
                .shared
                .quota
                .claim(self.seat.phase.depth, intended_ns)
            else {
                self.is_over = true;
                return Ok(());
            };
            let count = range.end - range.start;
            self.schedule.advance();
            self.backlog += count;
            if self.backlog > BACKLOG_MAX {
                return Err(Error::Unmeasurable(format!(
                    "the server is {} requests behind and does not catch up; offer a lower --rate",
                    self.backlog
                )));
            }
            let index = self.turn;
            self.turn = (self.turn + 1) % self.clients.len();
            let arrival = Arrival {
                intended_ns,
                first: range.start,
                count,
            };
            if lane.is_blocked(index) {
                self.clients[index].unsent.push_back(arrival);
            } else {
                let lag_ns = self.seat.now_ns().saturating_sub(intended_ns);
                self.send_lag.saturating_record_n(lag_ns, count);
                self.send(lane, index, arrival)?;
            }
        }
        Ok(())
    }

    fn send_delayed(&mut self, lane: &mut Lane, index: usize) -> Result<(), Error> {
        while !lane.is_blocked(index)
            && let Some(arrival) = self.clients[index].unsent.pop_front()
        {
            self.send(lane, index, arrival)?;
        }
        Ok(())
    }

    fn send(&mut self, lane: &mut Lane, index: usize, arrival: Arrival) -> Result<(), Error> {
        let wanted = arrival.first..arrival.first + arrival.count;
        lane.send(index, self.block.next(wanted, &mut self.numbers))?;
        self.clients[index].sent.push_back(arrival);
        Ok(())
    }

    fn receive(&mut self, lane: &mut Lane, index: usize) -> Result<(), Error> {
        while !self.clients[index].sent.is_empty() {
            let Received::Replies(mut replies) = lane.receive(index)? else {
                return Ok(());
            };
            if lane.has_errors(index) && !self.seat.phase.tolerate_errors {
                self.seat.halt();
                self.is_over = true;
            }
            let now_ns = self.seat.now_ns();
            while replies > 0 {
                let Some(oldest) = self.clients[index].sent.front_mut() else {
                    return Err(lane.out_of_step());
                };
                let ended = replies.min(oldest.count);
                // The clock of another core may be a little behind.
                let latency_ns = now_ns.saturating_sub(oldest.intended_ns);
                oldest.count -= ended;
                replies -= ended;
                self.backlog -= ended;
                self.done += ended;
                self.latency_sum_ns += latency_ns * ended;
                self.recorder.record(now_ns, latency_ns, ended);
                if oldest.count == 0 {
                    self.clients[index].sent.pop_front();
                }
            }
        }
        Ok(())
    }

    /// What was never answered is at least as late as now; leaving it out
    /// would be the very omission that this loop is there to avoid.
    fn record_unanswered(&mut self) -> u64 {
        let now_ns = self.seat.now_ns();
        let mut unanswered = 0;
        for client in &self.clients {
            for arrival in client.sent.iter().chain(&client.unsent) {
                let latency_ns = now_ns.saturating_sub(arrival.intended_ns);
                self.recorder.record(now_ns, latency_ns, arrival.count);
                unanswered += arrival.count;
            }
        }
        unanswered
    }

    fn timeout_ns(&self, now_ns: u64) -> u64 {
        if self.is_over {
            return LOOK_EVERY_NS;
        }
        self.schedule
            .next_ns()
            .saturating_sub(now_ns)
            .saturating_sub(SPIN_NS)
            .min(LOOK_EVERY_NS)
    }
}

/// The moments at which requests are due.
struct Schedule {
    rng: Rng,
    arrivals: Arrivals,
    gap_ns: f64,
    next_ns: f64,
}

impl Schedule {
    /// One thread's part of `rate` arrivals per second over all threads.
    fn new(rate: f64, arrivals: Arrivals, seat: &Seat) -> Schedule {
        let threads = seat.threads() as f64;
        let gap_ns = 1e9 * threads / rate;
        let mut schedule = Schedule {
            rng: Rng::new(seat.seed() ^ 0x6172_7269_7665),
            arrivals,
            gap_ns,
            // Threads with equal gaps take turns instead of sending together.
            next_ns: gap_ns * seat.index as f64 / threads,
        };
        if arrivals == Arrivals::Poisson {
            schedule.next_ns = 0.0;
            schedule.advance();
        }
        schedule
    }

    fn next_ns(&self) -> u64 {
        self.next_ns as u64
    }

    fn advance(&mut self) {
        self.next_ns += match self.arrivals {
            Arrivals::Even => self.gap_ns,
            // 1 − u lies in (0, 1], so the logarithm is finite.
            Arrivals::Poisson => -(1.0 - self.rng.f64()).ln() * self.gap_ns,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(arrivals: Arrivals) -> Schedule {
        Schedule {
            rng: Rng::new(1),
            arrivals,
            gap_ns: 1_000.0,
            next_ns: 0.0,
        }
    }

    #[test]
    fn both_kinds_of_arrivals_keep_the_rate() {
        for arrivals in [Arrivals::Even, Arrivals::Poisson] {
            let mut schedule = schedule(arrivals);
            for _ in 0..100_000 {
                schedule.advance();
            }
            let mean = schedule.next_ns / 100_000.0;
            assert!((980.0..1_020.0).contains(&mean), "{arrivals:?}: {mean}");
        }
    }

    #[test]
    fn poisson_gaps_vary_as_much_as_they_last() {
        let mut schedule = schedule(Arrivals::Poisson);
        let gaps: Vec<f64> = (0..100_000)
            .map(|_| {
                let before = schedule.next_ns;
                schedule.advance();
                schedule.next_ns - before
            })
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let ratio = variance.sqrt() / mean;
        assert!((0.97..1.03).contains(&ratio), "{ratio}");
    }
}
