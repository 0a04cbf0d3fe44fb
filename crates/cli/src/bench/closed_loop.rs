//! Closed loop: a connection sends its next requests when the last ones are
//! answered.
//!
//! This is what redis-benchmark does and what pools of waiting clients do. It
//! finds the highest throughput. Its latencies flatter a server that stalls,
//! since during a stall nothing is sent that could be late: see
//! [`crate::bench::open_loop`] for the other way.
//!
//! With a rate, sends are spaced by a [`Pacer`]; connections that may not send
//! yet wait in a queue.

use std::collections::VecDeque;

use crate::bench::error::Error;
use crate::bench::lane::{Events, Lane, Received};
use crate::bench::load::{GRACE, LOOK_EVERY_NS, Outcome, Seat};
use crate::bench::recorder::Recorder;
use crate::bench::workload::{Block, Numbers};

/// How far sends may fall behind a throttle and still be made up for. What is
/// older is forgotten, or a stall would be followed by a flood.
const DEBT_MAX_NS: f64 = 100_000_000.0;

/// Within this distance from the next send the thread polls instead of
/// sleeping: waking up takes tens of microseconds, hundreds on virtual machines.
pub(super) const SPIN_NS: u64 = 250_000;

/// Runs one thread's part of a phase.
pub(super) fn run(lane: &mut Lane, seat: &Seat, rate: Option<f64>) -> Result<Outcome, Error> {
    let clients = lane.len();
    let mut work = ClosedLoop {
        seat,
        block: Block::new(&seat.phase.workload, seat.phase.depth, seat.seed()),
        numbers: seat.numbers(),
        recorder: Recorder::default(),
        clients: vec![
            Client {
                outstanding: 0,
                sent_at_ns: 0,
                is_used: false
            };
            clients
        ],
        idle: (0..clients).collect(),
        busy: 0,
        pacer: rate.map(|rate| Pacer::new(rate / seat.threads() as f64)),
        is_over: false,
        done: 0,
        latency_sum_ns: 0,
    };
    work.drive(lane)
}

struct ClosedLoop<'a> {
    seat: &'a Seat<'a>,
    block: Block,
    numbers: Numbers,
    recorder: Recorder,
    clients: Vec<Client>,
    /// Connections that may send.
    idle: VecDeque<usize>,
    /// Connections that wait for replies.
    busy: usize,
    pacer: Option<Pacer>,
    /// No more requests are to be sent.
    is_over: bool,
    done: u64,
    latency_sum_ns: u64,
}

#[derive(Clone, Copy)]
struct Client {
    outstanding: u64,
    sent_at_ns: u64,
    is_used: bool,
}

impl ClosedLoop<'_> {
    fn drive(&mut self, lane: &mut Lane) -> Result<Outcome, Error> {
        let mut events = Events::new();
        let mut give_up_ns = u64::MAX;
        loop {
            self.is_over |= self.seat.is_stopped();
            while !self.is_over && self.may_send() {
                let Some(index) = self.idle.pop_front() else {
                    break;
                };
                self.send(lane, index)?;
            }
            if self.is_over {
                let now_ns = self.seat.now_ns();
                // Only an end by the clock is impatient; a number of requests
                // is owed in full, unless somebody stops us.
                let is_timed = self.seat.shared.quota.end_ns() <= now_ns;
                if give_up_ns == u64::MAX && (is_timed || self.seat.is_stopped()) {
                    give_up_ns = now_ns + GRACE.as_nanos() as u64;
                }
                if self.busy == 0 || now_ns >= give_up_ns || self.seat.is_halted() {
                    break;
                }
            }
            lane.wait(self.timeout_ns(), &mut events)?;
            for event in events.iter() {
                if event.writable && lane.is_blocked(event.index) {
                    lane.flush(event.index)?;
                }
                if event.readable {
                    self.receive(lane, event.index)?;
                }
            }
            self.seat.tell(self.done, self.latency_sum_ns);
        }
        let unanswered = self.record_unanswered();
        Ok(Outcome::new(std::mem::take(&mut self.recorder), unanswered))
    }

    /// What was not answered in time is at least as late as now.
    fn record_unanswered(&mut self) -> u64 {
        let now_ns = self.seat.now_ns();
        let mut unanswered = 0;
        for client in self.clients.iter().filter(|client| client.outstanding > 0) {
            self.recorder
                .record(now_ns, now_ns - client.sent_at_ns, client.outstanding);
            unanswered += client.outstanding;
        }
        unanswered
    }

    fn receive(&mut self, lane: &mut Lane, index: usize) -> Result<(), Error> {
        while self.clients[index].outstanding > 0 {
            let Received::Replies(replies) = lane.receive(index)? else {
                return Ok(());
            };
            if lane.has_errors(index) && !self.seat.phase.tolerate_errors {
                self.seat.halt();
                self.is_over = true;
            }
            if replies == 0 {
                continue;
            }
            let now_ns = self.seat.now_ns();
            let client = &mut self.clients[index];
            if replies > client.outstanding {
                return Err(lane.out_of_step());
            }
            let latency_ns = now_ns - client.sent_at_ns;
            client.outstanding -= replies;
            self.done += replies;
            self.latency_sum_ns += latency_ns * replies;
            self.recorder.record(now_ns, latency_ns, replies);
            if client.outstanding == 0 {
                self.busy -= 1;
                if self.pacer.is_some() || self.is_over {
                    self.idle.push_back(index);
                } else {
                    self.send(lane, index)?;
                }
                return Ok(());
            }
        }
        Ok(())
    }

    fn send(&mut self, lane: &mut Lane, index: usize) -> Result<(), Error> {
        let Some(wanted) = self
            .seat
            .shared
            .quota
            .claim(self.seat.phase.depth, self.seat.now_ns())
        else {
            self.is_over = true;
            return Ok(());
        };
        let count = wanted.end - wanted.start;
        let bytes = self.block.next(wanted, &mut self.numbers);
        let client = &mut self.clients[index];
        let sent_at_ns = self.seat.now_ns();
        if client.is_used && !self.seat.phase.keep_alive {
            lane.reopen(index)?;
        }
        lane.send(index, bytes)?;
        *client = Client {
            outstanding: count,
            sent_at_ns,
            is_used: true,
        };
        self.busy += 1;
        if let Some(pacer) = &mut self.pacer {
            pacer.sent(count, sent_at_ns);
        }
        Ok(())
    }

    fn may_send(&self) -> bool {
        match &self.pacer {
            None => true,
            Some(pacer) => pacer.due_ns() <= self.seat.now_ns(),
        }
    }

    fn timeout_ns(&self) -> u64 {
        let now_ns = self.seat.now_ns();
        let end_ns = self.seat.shared.quota.end_ns();
        let mut until_ns = now_ns + LOOK_EVERY_NS;
        if let Some(pacer) = &self.pacer
            && !self.idle.is_empty()
            && !self.is_over
        {
            until_ns = until_ns.min(pacer.due_ns().saturating_sub(SPIN_NS));
            if end_ns > now_ns {
                until_ns = until_ns.min(end_ns);
            }
        }
        until_ns.saturating_sub(now_ns)
    }
}

/// Spaces sends evenly in time.
#[derive(Debug)]
struct Pacer {
    gap_ns: f64,
    due_ns: f64,
}

impl Pacer {
    fn new(rate: f64) -> Pacer {
        Pacer {
            gap_ns: 1e9 / rate,
            due_ns: 0.0,
        }
    }

    fn due_ns(&self) -> u64 {
        self.due_ns as u64
    }

    fn sent(&mut self, count: u64, now_ns: u64) {
        let oldest = now_ns as f64 - DEBT_MAX_NS;
        self.due_ns = self.due_ns.max(oldest) + self.gap_ns * count as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pacer_makes_up_for_small_delays_only() {
        let mut pacer = Pacer::new(1_000.0);
        pacer.sent(1, 0);
        assert_eq!(pacer.due_ns(), 1_000_000);
        // 5 ms late: the next five may go at once.
        pacer.sent(1, 6_000_000);
        assert_eq!(pacer.due_ns(), 2_000_000);
        // A whole second late: only the last 100 ms are made up for.
        pacer.sent(1, 1_000_000_000);
        assert_eq!(pacer.due_ns(), 901_000_000);
    }
}
