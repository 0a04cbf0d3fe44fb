//! An engine whose effects are kept, to see that they tell the whole story.
//!
//! ```text
//!   commands ─► Recorded ─► groups of effects ─► replay ─► Recorded
//!                  │                                          │
//!               keyspace            must be equal          keyspace
//! ```
//!
//! A test includes this file by its path:
//!
//! ```ignore
//! #[path = "../common/replay.rs"]
//! mod replay;
//! ```
//!
//! Effects decide nothing, so they are replayed at the beginning of time: no
//! deadline is past then, and a key lives until its DEL.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Now;
use engine::config::Config;
use engine::effect::Effects;
use engine::{Card, Client, Engine, EngineOptions, Executor, Host, Lsn, Threads};
use ochredb::Value;
use parking_lot::Mutex;
use resp::{OwnedArgv, Protocol};

/// One effect: its database and its words.
pub type Effect = (usize, Vec<Vec<u8>>);

/// What one command, or one transaction, did.
pub type Group = Vec<Effect>;

/// Every living key of every database: its string, or the digest of what else it is, and its
/// deadline.
pub type Keyspace = BTreeMap<(usize, Vec<u8>), (Value, Value)>;

/// An engine with one session, and all effects so far.
pub struct Recorded {
    executor: Executor,
    client: Client,
    log: Arc<Log>,
}

/// The host that keeps the effects.
#[derive(Default)]
struct Log(Mutex<Vec<Group>>);

impl Host for Log {
    fn monotonic_ns(&self) -> u64 {
        0
    }

    fn codec(&self) -> Option<&dyn engine::Codec> {
        Some(&ochredb::RdbCodec)
    }

    fn log_mode(&self) -> engine::LogMode {
        engine::LogMode::Appended
    }

    fn append(&self, effects: &Effects) -> Lsn {
        let group = effects.iter().map(|(database, bytes)| {
            let read = Value::read(bytes).expect("an effect is RESP");
            let Some((Value::Array(words), _)) = read else {
                panic!("an effect is a request: {}", bytes.escape_ascii());
            };
            let word = |word: &Value| word.as_bytes().expect("words are strings").to_vec();
            (database, words.iter().map(word).collect())
        });
        let mut groups = self.0.lock();
        groups.push(group.collect());
        Lsn(groups.len() as u64)
    }
}

impl Recorded {
    pub fn new(seed: u64, threads: Threads) -> Recorded {
        let log = Arc::new(Log::default());
        let config = Config::default().set_at_start(&[(b"enable-debug-command", b"yes")]);
        let options = EngineOptions {
            config: config.expect("a known parameter"),
            threads,
            seed: [seed, !seed],
            now: Now::default(),
        };
        let mut client = Client::new(Card::internal(), true);
        client.session.protocol = Protocol::Resp3;
        Recorded {
            executor: Engine::new(options, log.clone()).executor(),
            client,
            log,
        }
    }

    /// Run a command at a time in milliseconds since 1970.
    pub fn run<A: AsRef<[u8]>>(&mut self, now_ms: i64, argv: impl IntoIterator<Item = A>) -> Value {
        let argv = OwnedArgv::new(argv);
        let client = &mut self.client;
        self.executor
            .execute_one(at(now_ms), argv.as_argv(), client);
        let reply = client.outbox.take_bytes();
        Value::read(&reply)
            .expect("a valid reply")
            .expect("a whole reply")
            .0
    }

    /// Remove expired keys as a driver does between turns.
    pub fn sweep(&mut self, now_ms: i64) {
        self.executor.sweep(at(now_ms), 0, 1, 16);
    }

    /// The groups since the last time, in the order of the log.
    pub fn take_groups(&self) -> Vec<Group> {
        std::mem::take(&mut *self.log.0.lock())
    }

    /// All that lives at a time. Selects another database.
    pub fn keyspace(&mut self, now_ms: i64) -> Keyspace {
        let mut keyspace = Keyspace::new();
        for database in 0..Config::default().live.databases {
            self.run(now_ms, ["SELECT", &database.to_string()]);
            let Value::Array(keys) = self.run(now_ms, ["KEYS", "*"]) else {
                panic!("KEYS gives an array");
            };
            for key in keys {
                let key = key.as_bytes().expect("keys are strings").to_vec();
                let mut value = self.run(now_ms, [b"GET", key.as_slice()]);
                if matches!(value, Value::Error(_)) {
                    let words = [b"DEBUG", &b"DIGEST-VALUE"[..], &key];
                    value = self.run(now_ms, words);
                }
                let deadline = self.run(now_ms, [b"PEXPIRETIME", key.as_slice()]);
                keyspace.insert((database as usize, key), (value, deadline));
            }
        }
        keyspace
    }

    /// An engine that knows nothing but these effects.
    pub fn replay(groups: &[Group], seed: u64, threads: Threads) -> Recorded {
        let mut twin = Recorded::new(seed, threads);
        for (database, argv) in groups.iter().flatten() {
            twin.run(0, ["SELECT", &database.to_string()]);
            let reply = twin.run(0, argv);
            assert!(!matches!(reply, Value::Error(_)), "{argv:?} gave {reply:?}");
        }
        twin
    }

    /// An engine that has recovered these effects, as one that starts does.
    pub fn recover(groups: &[Group], now_ms: i64, seed: u64, threads: Threads) -> Recorded {
        let mut twin = Recorded::new(seed, threads);
        for (database, words) in groups.iter().flatten() {
            let select = OwnedArgv::new(["SELECT", &database.to_string()]);
            let words = OwnedArgv::new(words);
            let commands = [select.as_argv(), words.as_argv()];
            let replayed = twin.executor.replay(at(now_ms), &commands);
            replayed.expect("an effect applies again");
        }
        twin
    }

    /// Assert that the effects so far, on an empty engine, make the same keyspace
    /// and cause the very same effects again.
    pub fn check_replay(&mut self, now_ms: i64, seed: u64) {
        let groups = self.take_groups();
        let effects: Vec<Effect> = groups.iter().flatten().cloned().collect();
        for threads in [Threads::One, Threads::Many(3)] {
            let mut twin = Recorded::replay(&groups, seed, threads);
            let again: Vec<Effect> = twin.take_groups().into_iter().flatten().collect();
            let differs = effects.iter().zip(&again).find(|(one, two)| one != two);
            assert_eq!(differs, None, "an effect means the same again");
            assert_eq!(effects.len(), again.len(), "each effect changes something");
            assert_eq!(self.keyspace(now_ms), twin.keyspace(now_ms));
        }
    }
}

fn at(unix_ms: i64) -> Now {
    Now {
        unix_us: unix_ms * 1000,
        mono_us: unix_ms as u64 * 1000,
    }
}
