//! Phases against a server that is a few lines of this file.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use super::*;
use crate::bench::workload::TESTS;

/// Answers every line that it is sent. It counts lines, and may stall once.
struct LineServer {
    port: u16,
    lines: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
}

#[derive(Clone, Copy)]
struct Manners {
    answer: &'static [u8],
    /// Waits so long before it answers this line.
    stall: Option<(u64, Duration)>,
    /// Closes the connection instead of answering this line.
    closes_at: u64,
}

const FRIENDLY: Manners = Manners {
    answer: b"+PONG\r\n",
    stall: None,
    closes_at: u64::MAX,
};

impl LineServer {
    fn start(manners: Manners) -> LineServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = LineServer {
            port: listener.local_addr().unwrap().port(),
            lines: Arc::default(),
            connections: Arc::default(),
        };
        let (lines, connections) = (server.lines.clone(), server.connections.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::Relaxed);
                let lines = lines.clone();
                thread::spawn(move || serve(stream, manners, &lines));
            }
        });
        server
    }

    fn generator(&self, clients: u32, threads: u32) -> Generator {
        Generator::connect(&Target::on_port(self.port), clients, threads, None).unwrap()
    }
}

fn serve(mut stream: TcpStream, manners: Manners, lines: &AtomicU64) {
    // Two small writes would otherwise wait for each other's acknowledgement.
    stream.set_nodelay(true).unwrap();
    let mut bytes = [0; 1000];
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        for _ in bytes[..count].iter().filter(|&&byte| byte == b'\n') {
            let line = lines.fetch_add(1, Ordering::Relaxed);
            if line == manners.closes_at {
                return;
            }
            match manners.stall {
                Some((at, time)) if at == line => thread::sleep(time),
                _ => {}
            }
            // In two pieces, so that replies arrive cut.
            let (head, tail) = manners.answer.split_at(3);
            if stream
                .write_all(head)
                .and_then(|()| stream.write_all(tail))
                .is_err()
            {
                return;
            }
        }
    }
}

fn phase(requests: u64, depth: u32, pace: Pace) -> Phase {
    let inline_ping = &TESTS[0];
    Phase {
        workload: inline_ping.workload(b""),
        depth,
        limit: Limit {
            requests: Some(requests),
            time: None,
        },
        pace,
        numbers: Numbers::Zero,
        seed: 1,
        keep_alive: true,
        tolerate_errors: false,
    }
}

fn run(generator: &mut Generator, phase: &Phase) -> Result<Measured, Error> {
    generator.run(phase, &Interrupt::default(), &mut |_| {})
}

#[test]
fn a_closed_loop_sends_exactly_what_is_asked_phase_after_phase() {
    let server = LineServer::start(FRIENDLY);
    let mut generator = server.generator(5, 2);
    for depth in [1, 16] {
        let before = server.lines.load(Ordering::Relaxed);
        let measured = run(&mut generator, &phase(1_003, depth, Pace::Closed)).unwrap();
        assert_eq!(measured.requests(), 1_003);
        assert_eq!(server.lines.load(Ordering::Relaxed) - before, 1_003);
        assert!(measured.throughput() > 0.0 && measured.unanswered == 0);
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 5);
}

#[test]
fn without_keep_alive_every_write_has_its_connection() {
    let server = LineServer::start(FRIENDLY);
    let mut generator = server.generator(2, 1);
    let mut phase = phase(40, 2, Pace::Closed);
    phase.keep_alive = false;
    let measured = run(&mut generator, &phase).unwrap();
    assert_eq!(measured.requests(), 40);
    assert_eq!(server.connections.load(Ordering::Relaxed), 20);
}

#[test]
fn a_throttle_holds_the_rate() {
    let server = LineServer::start(FRIENDLY);
    let mut generator = server.generator(4, 1);
    let started = Instant::now();
    run(
        &mut generator,
        &phase(100, 1, Pace::Throttled { rate: 500.0 }),
    )
    .unwrap();
    assert!(
        started.elapsed() > Duration::from_millis(190),
        "{:?}",
        started.elapsed()
    );
}

/// A stall of 300 ms at 1,000 requests a second makes about 300 requests late.
/// A closed loop with one connection sees a single late one.
#[test]
fn an_open_loop_omits_nothing_during_a_stall() {
    let stalling = Manners {
        stall: Some((100, Duration::from_millis(300))),
        ..FRIENDLY
    };
    let late = |pace| {
        let server = LineServer::start(stalling);
        let measured = run(&mut server.generator(1, 1), &phase(600, 1, pace)).unwrap();
        assert_eq!(measured.requests(), 600);
        measured
            .recorder
            .latency()
            .count_between(30_000_000, u64::MAX / 2)
    };
    let open = late(Pace::Open {
        rate: 1_000.0,
        arrivals: Arrivals::Even,
    });
    assert!(open > 200, "{open} late requests in an open loop");
    assert!(late(Pace::Closed) < 50);
}

#[test]
fn error_replies_end_a_phase_unless_tolerated() {
    let server = LineServer::start(Manners {
        answer: b"-ERR no\r\n",
        ..FRIENDLY
    });
    let mut phase = phase(100, 1, Pace::Closed);
    let error = run(&mut server.generator(3, 1), &phase).unwrap_err();
    assert!(error.to_string().ends_with("refused: ERR no"), "{error}");
    assert!(server.lines.load(Ordering::Relaxed) < 50);
    phase.tolerate_errors = true;
    let measured = run(&mut server.generator(3, 2), &phase).unwrap();
    assert_eq!((measured.requests(), measured.errors), (100, 100));
}

#[test]
fn a_server_that_goes_away_is_an_error_in_either_loop() {
    for pace in [
        Pace::Closed,
        Pace::Open {
            rate: 5_000.0,
            arrivals: Arrivals::Poisson,
        },
    ] {
        let server = LineServer::start(Manners {
            closes_at: 20,
            ..FRIENDLY
        });
        let result = run(&mut server.generator(2, 2), &phase(1_000, 1, pace));
        assert!(matches!(result, Err(Error::Lost { .. })), "{pace:?}");
    }
}

#[test]
fn a_quota_hands_out_each_number_once_and_ends() {
    let quota = Quota::new(Limit {
        requests: Some(10),
        time: None,
    });
    assert_eq!(quota.claim(4, 0), Some(0..4));
    assert_eq!(quota.claim(4, u64::MAX - 1), Some(4..8));
    assert_eq!(quota.claim(4, 0), Some(8..10));
    assert_eq!(quota.claim(4, 0), None);
}

#[test]
fn a_timed_quota_ends_at_its_time() {
    let quota = Quota::new(Limit {
        requests: None,
        time: Some(Duration::from_nanos(5)),
    });
    assert_eq!(quota.claim(1, 4), Some(0..1));
    assert_eq!(quota.claim(1, 5), None);
}
