//! A handle to a database, and how one is opened.

use std::sync::Arc;
use std::time::Duration;

use base::Now;
use engine::config::Config;
use engine::{Client, Engine, EngineOptions, Executor, Origin, Stage, Threads, Wake};
use parking_lot::{Condvar, Mutex};
use resp::{Outbox, OwnedArgv, Protocol, Value};

use crate::clock::{Clock, SystemClock};
use crate::error::CommandFailed;
use crate::host::Embedded;

/// A session on a database inside this program.
///
/// Cheap to clone; a clone is another session on the same data. Sharing one
/// handle between threads is safe, and their commands then run in turn.
pub struct Db {
    engine: Arc<Engine>,
    host: Arc<Embedded>,
    clock: Arc<dyn Clock>,
    seat: Mutex<Seat>,
}

/// A session and this handle's way into the engine.
struct Seat {
    executor: Executor,
    client: Client,
    bell: Arc<Bell>,
}

/// What other sessions ring when one that is blocked may go on.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock() = true;
        self.heard.notify_all();
    }

    fn wait(&self, at_most: Duration) {
        let mut rung = self.rung.lock();
        if !*rung {
            self.heard.wait_for(&mut rung, at_most);
        }
        *rung = false;
    }
}

struct RingsBell(Arc<Bell>);

impl Wake for RingsBell {
    fn close(&self) {
        self.0.ring();
    }

    fn go_on(&self) {
        self.0.ring();
    }
}

/// How a database is opened.
pub struct DbOptions {
    seed: Option<[u64; 2]>,
    clock: Arc<dyn Clock>,
    threads: usize,
    config: Config,
}

impl Default for DbOptions {
    fn default() -> DbOptions {
        DbOptions {
            seed: None,
            clock: Arc::new(SystemClock),
            threads: 2,
            config: Config::default(),
        }
    }
}

impl DbOptions {
    /// Fix all randomness, so that a run can be repeated. Only for tests: a
    /// known seed lets whoever chooses keys choose collisions.
    pub fn seed(mut self, seed: u64) -> DbOptions {
        self.seed = Some([seed, !seed]);
        self
    }

    /// Take time from elsewhere.
    pub fn clock(mut self, clock: impl Clock + 'static) -> DbOptions {
        self.clock = Arc::new(clock);
        self
    }

    /// About how many threads will use the database at once.
    pub fn threads(mut self, threads: usize) -> DbOptions {
        self.threads = threads.max(1);
        self
    }

    /// A parameter of `redis.conf`, as CONFIG SET takes it.
    pub fn config(mut self, name: &str, value: &str) -> Result<DbOptions, CommandFailed> {
        let change = [(name.as_bytes(), value.as_bytes())];
        self.config = self
            .config
            .set_at_start(&change)
            .map_err(|error| CommandFailed {
                line: format!("ERR {error}"),
            })?;
        Ok(self)
    }

    /// A database that lives and dies with this process.
    pub fn memory(mut self) -> Db {
        let nothing = [(&b"appendonly"[..], &b"no"[..]), (b"save", b"")];
        let config = self.config.set_at_start(&nothing);
        self.config = config.expect("legal values");
        let seed = self.seed.unwrap_or_else(random_seed);
        let host = Arc::new(Embedded::new(self.clock.clone()));
        let options = EngineOptions {
            config: self.config,
            threads: Threads::Many(self.threads),
            seed,
            now: self.clock.now(),
        };
        let engine = Engine::new(options, host.clone());
        Db::on(engine, host, self.clock)
    }
}

impl Db {
    /// An empty database in memory.
    pub fn memory() -> Db {
        DbOptions::default().memory()
    }

    pub fn options() -> DbOptions {
        DbOptions::default()
    }

    fn on(engine: Arc<Engine>, host: Arc<Embedded>, clock: Arc<dyn Clock>) -> Db {
        Db {
            seat: Mutex::new(Seat::new(engine.executor(), clock.now())),
            engine,
            host,
            clock,
        }
    }

    /// Run any command and return its reply. An error reply is an `Err`;
    /// errors inside of an EXEC's array stay where they are.
    ///
    /// A command that waits for a key (BLPOP and the like) waits here, in the calling
    /// thread, until another session serves it, its timeout is over or CLIENT UNBLOCK
    /// ends it. Whoever shares this handle waits too; a clone does not.
    pub fn execute<A: AsRef<[u8]>>(
        &self,
        argv: impl IntoIterator<Item = A>,
    ) -> Result<Value, CommandFailed> {
        let bytes = self.execute_raw(argv);
        // A command that answers nothing (CLIENT REPLY OFF) answers null here.
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        let read = Value::read(&bytes).expect("the engine writes valid replies");
        match read.expect("the engine writes whole replies").0 {
            Value::Error(line) => Err(CommandFailed { line }),
            value => Ok(value),
        }
    }

    /// Run any command and return the very bytes that a client would read.
    pub fn execute_raw<A: AsRef<[u8]>>(&self, argv: impl IntoIterator<Item = A>) -> Vec<u8> {
        let argv = OwnedArgv::new(argv);
        if argv.as_argv().is_empty() {
            return b"-ERR an empty command\r\n".to_vec();
        }
        let now = self.clock.now();
        let mut seat = self.seat.lock();
        seat.renew_if_killed(now);
        let Seat {
            executor,
            client,
            bell,
        } = &mut *seat;
        executor.execute_one(now, argv.as_argv(), client);
        while client.session.stage == Stage::Parked {
            // This call waits as a client would: for the end of CLIENT PAUSE, or for
            // something that is to be done first, perhaps by itself.
            if !self.host.work() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let now = self.clock.now();
            if self.engine.pause.mode_at(now.unix_ms()).is_none() {
                client.session.stage = Stage::Running;
                executor.execute_one(now, argv.as_argv(), client);
            }
        }
        client.session.publish();
        while client.session.stage == Stage::Blocked {
            let now = self.clock.now();
            let wait = client.session.wait.as_ref();
            let deadline_us = wait.and_then(|wait| wait.deadline_us);
            let left_us = deadline_us.map(|us| us.saturating_sub(now.mono_us));
            if left_us == Some(0) {
                client.session.time_out();
            }
            if !executor.take_up(now, client) {
                let slice_us = self.clock.slice_us_max();
                let left_us = left_us.filter(|&us| us > 0).unwrap_or(slice_us);
                bell.wait(Duration::from_micros(left_us.min(slice_us)));
            } else if client.session.stage == Stage::Closed {
                return b"-UNBLOCKED this session was killed while it waited\r\n".to_vec();
            }
        }
        // An embedded session never closes; QUIT and the like just answer.
        client.session.stage = Stage::Running;
        client.session.publish();
        if client.outbox.has_overflowed() {
            client.outbox = Outbox::default();
            return b"-ERR the reply is larger than a client may hold\r\n".to_vec();
        }
        let bytes = client.outbox.take_bytes();
        self.host.free_some(Db::FREED_PER_CALL);
        bytes
    }

    /// Pages of large values that were removed: what each call frees of them, a few
    /// microseconds, and what a tick does.
    const FREED_PER_CALL: usize = 16;
    const FREED_PER_TICK: usize = 1024;

    /// Remove expired keys that nobody asked for, and free large values that were
    /// removed. Call it now and then, a few times a second; each call does a bounded
    /// amount of work and returns whether more is due.
    pub fn tick(&self) -> bool {
        let now = self.clock.now();
        let executor = &mut self.seat.lock().executor;
        executor.tick(now);
        let expires = executor.sweep(now, 0, 1, 16);
        self.host.free_some(Db::FREED_PER_TICK) || expires
    }
}

impl Clone for Db {
    fn clone(&self) -> Db {
        Db::on(self.engine.clone(), self.host.clone(), self.clock.clone())
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        let Seat {
            executor, client, ..
        } = self.seat.get_mut();
        executor.disconnect(client);
    }
}

impl Seat {
    fn new(executor: Executor, now: Now) -> Seat {
        let bell = Arc::new(Bell::default());
        Seat {
            client: session(executor.engine(), now, &bell),
            executor,
            bell,
        }
    }

    /// After CLIENT KILL: go on as a client does that connects again.
    fn renew_if_killed(&mut self, now: Now) {
        if self.client.session.card.is_doomed() {
            self.executor.disconnect(&mut self.client);
            self.client = session(self.executor.engine(), now, &self.bell);
        }
    }
}

/// A new session, which CLIENT LIST shows beside those that came from outside.
fn session(engine: &Engine, now: Now, bell: &Arc<Bell>) -> Client {
    let origin = Origin {
        peer: "embedded:0".into(),
        local: "embedded:0".into(),
        descriptor: -1,
        is_local: true,
        ..Origin::default()
    };
    let clients = &engine.clients;
    let card = clients.register(origin, now.unix_secs(), Box::new(RingsBell(bell.clone())));
    let mut client = Client::new(card, true);
    client.session.protocol = Protocol::Resp3;
    client
}

fn random_seed() -> [u64; 2] {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    let half = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    [half(0), half(8)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_data_but_not_sessions() {
        let db = Db::memory();
        let other = db.clone();
        db.execute(["SELECT", "3"]).unwrap();
        db.execute(["SET", "k", "v"]).unwrap();
        assert!(other.execute(["GET", "k"]).unwrap().is_nil());
        other.execute(["SELECT", "3"]).unwrap();
        assert_eq!(other.execute(["GET", "k"]), Ok(Value::Bulk(b"v".to_vec())));
        let error = db.execute(["SELECT", "99"]).unwrap_err();
        assert_eq!(error.code(), "ERR");
    }

    #[test]
    fn who_writes_to_a_long_string_that_is_shared_waits_for_its_copy() {
        let db = Db::memory();
        db.execute(["SETRANGE", "k", "5000000", "x"]).unwrap();
        for _ in 0..3 {
            db.execute(["COPY", "k", "copy", "REPLACE"]).unwrap();
            db.execute(["SETRANGE", "k", "0", "y"]).unwrap();
            db.execute(["APPEND", "k", "z"]).unwrap();
        }
        let len = |key: &str| db.execute(["STRLEN", key]).unwrap().as_int();
        assert_eq!((len("k"), len("copy")), (Some(5_000_004), Some(5_000_003)));
        let tail = db.execute(["GETRANGE", "copy", "4999999", "-1"]);
        assert_eq!(tail, Ok(Value::Bulk(b"\0xzz".to_vec())));
    }

    #[test]
    fn large_values_are_freed_by_slices() {
        let db = Db::memory();
        for number in 0..100_000 {
            let field = number.to_string();
            db.execute_raw(["HSET", "hash", &field, &field]);
        }
        db.execute(["COPY", "hash", "copy"]).unwrap();
        db.execute(["DEL", "hash"]).unwrap();
        assert!(!db.tick(), "the copy holds all of it");
        db.execute(["SET", "copy", "over"]).unwrap();
        assert!(db.host.free_some(1), "a part of it waits");
        while db.tick() {}
        assert!(!db.host.free_some(1));
    }

    #[test]
    fn a_long_reply_is_the_short_ones_in_a_row() {
        const COUNT: usize = 20_000;
        let db = Db::memory();
        let name = |n: usize| format!("an element of forty bytes, number {n:07}");
        for number in 0..COUNT {
            let (name, id) = (name(number), (number + 1).to_string());
            db.execute(["RPUSH", "list", &name]).unwrap();
            db.execute(["ZADD", "zset", &id, &name]).unwrap();
            db.execute(["SADD", "set", &name]).unwrap();
            db.execute(["XADD", "stream", &id, "field", &name]).unwrap();
        }
        let items = |words: &[&str]| match db.execute(words) {
            Ok(Value::Array(items) | Value::Set(items)) => items,
            other => panic!("{words:?}: {other:?}"),
        };
        for (front, back) in [
            (["LRANGE", "list"], &[][..]),
            (["ZRANGE", "zset"], &["WITHSCORES"]),
            (["ZREVRANGE", "zset"], &["WITHSCORES"]),
        ] {
            let range = |from: usize, to: usize| {
                let (from, to) = (from.to_string(), to.to_string());
                items(&[&front[..], &[&from, &to], back].concat())
            };
            let parts: Vec<Value> = (0..COUNT)
                .step_by(1000)
                .flat_map(|at| range(at, at + 999))
                .collect();
            assert!(
                range(0, COUNT) == parts && parts.len() == COUNT,
                "{front:?}"
            );
            assert_eq!(range(5, COUNT - 7), parts[5..COUNT - 6]);
        }
        let entries = items(&["XRANGE", "stream", "-", "+"]);
        let part = |at: usize| {
            let (from, to) = ((at + 1).to_string(), (at + 1000).to_string());
            items(&["XRANGE", "stream", &from, &to])
        };
        let parts: Vec<Value> = (0..COUNT).step_by(1000).flat_map(part).collect();
        assert!(entries == parts && parts.len() == COUNT);
        let mut backwards = items(&["XREVRANGE", "stream", "+", "-"]);
        backwards.reverse();
        assert!(entries == backwards);
        assert_eq!(items(&["SMEMBERS", "set"]).len(), COUNT);
    }

    #[test]
    fn a_call_waits_for_another_handle_and_no_longer_than_its_time() {
        let db = Db::memory();
        assert!(db.execute(["BLPOP", "k", "0.005"]).unwrap().is_nil());
        let clients = || {
            let info = db.execute(["INFO", "clients"]).unwrap();
            String::from_utf8_lossy(info.as_bytes().unwrap()).into_owned()
        };
        let until = |done: &dyn Fn() -> bool| {
            while !done() {
                std::thread::yield_now();
            }
        };
        std::thread::scope(|scope| {
            let waiter = db.clone();
            let id = waiter.execute(["CLIENT", "ID"]).unwrap().as_int().unwrap();
            let id = id.to_string();
            let calls = scope.spawn(move || [(); 4].map(|()| waiter.execute(["BLPOP", "k", "0"])));
            until(&|| clients().contains("blocked_clients:1"));
            db.execute(["RPUSH", "k", "v"]).unwrap();
            for reason in ["TIMEOUT", "ERROR"] {
                let unblock = ["CLIENT", "UNBLOCK", &id, reason];
                until(&|| db.execute(unblock) == Ok(Value::Int(1)));
            }
            until(&|| clients().contains("blocked_clients:1"));
            db.execute(["CLIENT", "KILL", "ID", &id]).unwrap();
            let [served, unblocked, refused, killed] = calls.join().unwrap();
            let pair = ["k", "v"].map(|word| Value::Bulk(word.as_bytes().to_vec()));
            assert_eq!(served, Ok(Value::Array(pair.to_vec())));
            assert!(unblocked.unwrap().is_nil());
            assert_eq!(refused.unwrap_err().code(), "UNBLOCKED");
            assert_eq!(killed.unwrap_err().code(), "UNBLOCKED");
        });
        assert!(clients().contains("total_blocking_keys:0"));
    }
}
