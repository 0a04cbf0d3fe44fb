//! What a log holds is enough: the effects of any requests, replayed, give the same keyspace.
//!
//! ```text
//!   requests ──► engine ──► effects ──► engine, empty     same keys, values, deadlines?
//! ```
//!
//! The second engine's clock stands still at zero while it replays, as nobody decides expiry then:
//! what had expired was told as a deletion. Afterwards both are looked at as of the same moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base::Now;
use engine::config::Config;
use engine::{Client, Engine, EngineOptions, Executor, Host, Lsn, NoWake, Origin, Stage, Threads};
use resp::{OwnedArgv, Protocol, Value};

use crate::requests::{self, Patience};
use crate::tape::Tape;

const REQUESTS_MAX: usize = 300;
const DATABASES: usize = 4;
const START_MS: i64 = 1_700_000_000_000;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let log = Arc::new(Log::default());
    let mut first = Node::new(log.clone(), &mut tape);
    let mut patience = Patience::default();
    let mut now_ms = START_MS;
    for _ in 0..REQUESTS_MAX {
        if tape.is_over() {
            break;
        }
        if tape.below(4) == 0 {
            now_ms += *tape.pick(&[1, 20, 1_000, 100_000]);
            first.executor.sweep(at(now_ms), 0, 1, 4);
        }
        let argv = requests::draw(&mut tape);
        let is = |name: &str| argv[0].eq_ignore_ascii_case(name.as_bytes());
        // DEBUG changes keys behind the log's back, and a paused client runs nothing.
        if patience.has(&argv) && !is("debug") && !is("client") {
            let seat = tape.below(first.clients.len() as u64) as usize;
            first.ask(seat, now_ms, &argv);
        }
    }
    let mut second = Node::new(Arc::new(Log::default()), &mut Tape::new(&[]));
    for (database, argv) in log.effects() {
        second.clients[0].session.database = database;
        let reply = second.ask(0, 0, &argv);
        assert!(
            !matches!(reply, Value::Error(_)),
            "{argv:?} was refused: {reply:?}"
        );
    }
    let (before, after) = (first.keyspace(now_ms), second.keyspace(now_ms));
    assert!(before == after, "{before:?}\n is not\n{after:?}");
}

fn at(unix_ms: i64) -> Now {
    Now {
        unix_us: unix_ms * 1000,
        mono_us: unix_ms as u64 * 1000,
    }
}

/// An engine with some clients.
struct Node {
    executor: Executor,
    clients: Vec<Client>,
}

/// What is in a database: values and deadlines by key.
type Keyspace = BTreeMap<(usize, Vec<u8>), (Value, Value)>;

impl Node {
    fn new(log: Arc<Log>, tape: &mut Tape<'_>) -> Node {
        let threads = *tape.pick(&[Threads::One, Threads::Many(1)]);
        let settings: [(&[u8], &[u8]); 2] = [(b"databases", b"4"), (b"proto-max-bulk-len", b"1mb")];
        let config = Config::default().set_at_start(&settings);
        let options = EngineOptions {
            config: config.expect("known parameters"),
            threads,
            seed: [7, tape.below(256)],
            now: at(START_MS),
        };
        let engine = Engine::new(options, log);
        let client = |_| {
            let card = engine
                .clients
                .register(Origin::default(), 0, Box::new(NoWake));
            Client::new(card, true)
        };
        Node {
            executor: engine.executor(),
            clients: (0..3).map(client).collect(),
        }
    }

    fn ask<A: AsRef<[u8]>>(&mut self, seat: usize, now_ms: i64, argv: &[A]) -> Value {
        let argv = OwnedArgv::new(argv);
        let client = &mut self.clients[seat];
        if client.session.stage == Stage::Blocked {
            // It has been served meanwhile, or has waited long enough.
            client.session.time_out();
            assert!(self.executor.take_up(at(now_ms), client));
            assert!(!client.outbox.take_bytes().is_empty());
        }
        self.executor
            .execute_one(at(now_ms), argv.as_argv(), client);
        if client.session.stage == Stage::Blocked {
            assert!(client.outbox.is_empty());
            return Value::Null;
        }
        client.session.stage = Stage::Running;
        let bytes = client.outbox.take_bytes();
        let (value, used) = Value::read(&bytes)
            .expect("a valid reply")
            .expect("a whole reply");
        assert_eq!(used, bytes.len());
        value
    }

    fn keyspace(&mut self, now_ms: i64) -> Keyspace {
        let mut keyspace = Keyspace::new();
        // Whatever the client was in the middle of.
        self.ask(0, now_ms, &["RESET"]);
        self.clients[0].session.protocol = Protocol::Resp3;
        self.clients[0].session.authenticated = true;
        for database in 0..DATABASES {
            self.clients[0].session.database = database;
            let Value::Array(keys) = self.ask(0, now_ms, &["KEYS", "*"]) else {
                panic!("KEYS answers a list");
            };
            let keys = keys
                .iter()
                .map(|key| key.as_bytes().expect("a key").to_vec());
            for key in keys.chain([Vec::new()]) {
                let value = self.ask(0, now_ms, &[b"GET", &key[..]]);
                let deadline = self.ask(0, now_ms, &[b"PEXPIRETIME", &key[..]]);
                keyspace.insert((database, key), (value, deadline));
            }
        }
        keyspace
    }
}

/// A host that writes down what happened.
#[derive(Default)]
struct Log {
    effects: Mutex<Vec<(usize, Vec<u8>)>>,
}

impl Log {
    /// Each effect, its database first.
    fn effects(&self) -> Vec<(usize, Vec<Vec<u8>>)> {
        let effects = self.effects.lock().expect("one thread");
        effects
            .iter()
            .map(|(db, bytes)| (*db, argv_of(bytes)))
            .collect()
    }
}

/// A request is, as bytes, an array of strings.
fn argv_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (value, used) = Value::read(bytes).expect("valid").expect("whole");
    assert_eq!(used, bytes.len());
    let Value::Array(items) = value else {
        panic!("an effect is a request: {value:?}");
    };
    let bytes = |item: &Value| item.as_bytes().expect("a word").to_vec();
    items.iter().map(bytes).collect()
}

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

    fn append(&self, effects: &engine::effect::Effects) -> Lsn {
        let mut all = self.effects.lock().expect("one thread");
        let owned = effects
            .iter()
            .map(|(database, bytes)| (database, bytes.to_vec()));
        all.extend(owned);
        Lsn(all.len() as u64)
    }
}
