//! Which replies wait for the log, seen from a batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use resp::OwnedArgv;

use super::*;
use crate::clients::Card;
use crate::config::Config;
use crate::effect::Effects;
use crate::engine::{EngineOptions, Threads};
use crate::host::{Host, LogMode, Lsn};

type Meanwhile = Box<dyn FnOnce() + Send>;

/// A log that replies wait for, unless it says otherwise. What somebody else does at the same
/// moment happens right after effects were appended, while their shards are held.
#[derive(Default)]
struct Log {
    is_awaited_by_nobody: AtomicBool,
    end: Mutex<u64>,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl Host for Log {
    fn monotonic_ns(&self) -> u64 {
        0
    }

    fn log_mode(&self) -> LogMode {
        match self.is_awaited_by_nobody.load(Ordering::Relaxed) {
            true => LogMode::Appended,
            false => LogMode::Awaited,
        }
    }

    fn append(&self, effects: &Effects) -> Lsn {
        let bytes: usize = effects.iter().map(|(_, effect)| effect.len()).sum();
        let end = {
            let mut end = self.end.lock();
            *end += bytes as u64;
            Lsn(*end)
        };
        let meanwhile = self.meanwhile.lock().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        end
    }

    fn log_end(&self) -> Lsn {
        Lsn(*self.end.lock())
    }
}

fn engine(log: &Arc<Log>) -> Arc<Engine> {
    let options = EngineOptions {
        config: Config::default(),
        threads: Threads::Many(2),
        seed: [3, 4],
        now: Now::default(),
    };
    Engine::new(options, log.clone())
}

/// A thread with a client, and the end of its replies' wait.
struct Seat {
    executor: Executor,
    clients: Vec<Option<Box<Client>>>,
}

impl Seat {
    fn new(engine: &Arc<Engine>) -> Seat {
        Seat {
            executor: engine.executor(),
            clients: vec![Some(Box::new(Client::new(Card::internal(), true)))],
        }
    }

    /// Run these lines as one batch. Returns the gate of their replies.
    fn say(&mut self, lines: &[String]) -> Lsn {
        let argvs: Vec<OwnedArgv> = lines
            .iter()
            .map(|line| OwnedArgv::new(line.split(' ').map(str::as_bytes).collect::<Vec<_>>()))
            .collect();
        let requests: Vec<Request> = argvs
            .iter()
            .map(|argv| Request {
                seat: 0,
                argv: argv.as_argv(),
            })
            .collect();
        self.executor
            .execute(Now::default(), &requests, &mut self.clients);
        let client = self.clients[0].as_mut().expect("it stays");
        assert_eq!(client.session.executed as usize, lines.len());
        client.session.executed = 0;
        client.session.gate
    }
}

/// Once a pipeline of more than one window was answered before a write of
/// somebody else that it had read was durable: the client's own writes of the
/// first window, handed over but with their place in the log not yet noted in
/// its session, hid the place that the read had found.
#[test]
fn a_read_waits_for_the_writes_of_others_behind_own_ones_of_an_earlier_window() {
    let log = Arc::new(Log::default());
    let engine = engine(&log);
    let shard_of = |key: &str| engine.shards.of(engine.hasher.hash(key.as_bytes()));
    let theirs = (0..)
        .map(|n| format!("theirs:{n}"))
        .find(|key| shard_of(key) != shard_of("ours"))
        .expect("there are many shards");
    let mut lines = vec!["SET ours 1".to_owned(); Executor::WINDOW];
    lines.push(format!("GET {theirs}"));

    let (mut other, line) = (Seat::new(&engine), format!("SET {theirs} 2"));
    let their_gate = Arc::new(Mutex::new(Lsn(0)));
    let noted = their_gate.clone();
    let meanwhile = move || *noted.lock() = other.say(&[line]);
    *log.meanwhile.lock() = Some(Box::new(meanwhile));

    let gate = Seat::new(&engine).say(&lines);
    let theirs = *their_gate.lock();
    assert!(theirs > Lsn(0), "the other has written");
    assert!(
        gate >= theirs,
        "the reply shows what ends at {theirs:?}, and waits for {gate:?} only"
    );
}

/// Who waits for a key is answered by another thread, which may find that replies are held back by
/// now. Once that thread knew nothing to hold the reply back for: the batch that served it had begun
/// before, and had not yet ended.
#[test]
fn what_is_served_says_how_far_the_log_must_be_whatever_the_mode() {
    let log = Arc::new(Log {
        is_awaited_by_nobody: AtomicBool::new(true),
        ..Log::default()
    });
    let engine = engine(&log);
    for (wait, push) in [
        ("BLPOP list 0", "RPUSH list x"),
        ("XREAD BLOCK 0 STREAMS stream $", "XADD stream * f x"),
    ] {
        let (mut waiting, mut pushing) = (Seat::new(&engine), Seat::new(&engine));
        assert_eq!(waiting.say(&[wait.to_owned()]), Lsn(0));
        assert_eq!(pushing.say(&[push.to_owned()]), Lsn(0));
        let client = waiting.clients[0].as_mut().expect("it stays");
        assert!(waiting.executor.take_up(Now::default(), client), "{wait}");
        assert_eq!(client.session.gate, log.log_end(), "{wait}");
    }
}

/// With a log switched off and on under load, some clients were never answered again: their writes
/// were in one batch with the CONFIG SET after which nobody waited for the log, and what they waited
/// for was to be noted at its end, if anybody did.
#[test]
fn a_batch_in_which_waiting_ends_leaves_no_gate_open() {
    let log = Arc::new(Log::default());
    let engine = engine(&log);
    let mut seat = Seat::new(&engine);
    seat.clients
        .push(Some(Box::new(Client::new(Card::internal(), true))));
    let argvs = ["SET k 1", "CONFIG SET maxclients 100"]
        .map(|line| OwnedArgv::new(line.split(' ').map(str::as_bytes)));
    let requests: Vec<Request> = argvs
        .iter()
        .zip(0..)
        .map(|(argv, seat)| Request {
            seat,
            argv: argv.as_argv(),
        })
        .collect();
    let noted = log.clone();
    let meanwhile = move || noted.is_awaited_by_nobody.store(true, Ordering::Relaxed);
    *log.meanwhile.lock() = Some(Box::new(meanwhile));
    seat.executor
        .execute(Now::default(), &requests, &mut seat.clients);
    let gates = seat.clients.iter().flatten().map(|it| it.session.gate);
    assert!(gates.max() <= Some(log.log_end()));
}
