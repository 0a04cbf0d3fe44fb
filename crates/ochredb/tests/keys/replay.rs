//! Effects replayed on an empty engine make the same keyspace.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Now;
use engine::config::Config;
use engine::effect::Effects;
use engine::{Card, Client, Engine, EngineOptions, Executor, Host, Lsn, Threads};
use ochredb::Value;
use parking_lot::Mutex;
use resp::{OwnedArgv, Protocol};

use crate::model::DATABASES;
use crate::random::{START_MS, command};
use crate::{Word, seeded};

/// Keeps all effects: the database and the words of each.
#[derive(Default)]
struct Recorder(Mutex<Vec<(usize, Vec<Word>)>>);

impl Host for Recorder {
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
        let mut all = self.0.lock();
        for (database, bytes) in effects.iter() {
            let Ok(Some((Value::Array(words), _))) = Value::read(bytes) else {
                panic!("an effect is a request: {}", bytes.escape_ascii());
            };
            let words = words
                .iter()
                .map(|word| word.as_bytes().expect("a word").to_vec());
            all.push((database, words.collect()));
        }
        Lsn(all.len() as u64)
    }
}

/// An engine, and one session on it.
struct Node {
    executor: Executor,
    client: Client,
    recorder: Arc<Recorder>,
}

impl Node {
    fn new(seed: u64, threads: Threads) -> Node {
        let recorder = Arc::new(Recorder::default());
        let options = EngineOptions {
            config: Config::default(),
            threads,
            seed: [seed, seed],
            now: at(START_MS),
        };
        let mut client = Client::new(Card::internal(), true);
        client.session.protocol = Protocol::Resp3;
        Node {
            executor: Engine::new(options, recorder.clone()).executor(),
            client,
            recorder,
        }
    }

    fn run<W: AsRef<[u8]>>(&mut self, now_ms: i64, argv: impl IntoIterator<Item = W>) -> Value {
        let argv = OwnedArgv::new(argv);
        let Node {
            executor, client, ..
        } = self;
        executor.execute_one(at(now_ms), argv.as_argv(), client);
        let reply = Value::read(&client.outbox.take_bytes()).expect("a valid reply");
        reply.expect("a whole reply").0
    }

    /// All living keys with their values and deadlines.
    fn content(&mut self, now_ms: i64) -> BTreeMap<(usize, Word), (Value, Value)> {
        let mut content = BTreeMap::new();
        for database in 0..DATABASES {
            self.run(now_ms, ["SELECT", &database.to_string()]);
            let Value::Array(keys) = self.run(now_ms, ["KEYS", "*"]) else {
                panic!("KEYS gives an array");
            };
            for key in keys {
                let key = key.as_bytes().expect("a key is a string").to_vec();
                let value = self.run(now_ms, [b"GET", key.as_slice()]);
                let deadline = self.run(now_ms, [b"PEXPIRETIME", key.as_slice()]);
                content.insert((database, key), (value, deadline));
            }
        }
        content
    }
}

fn at(unix_ms: i64) -> Now {
    Now {
        unix_us: unix_ms * 1000,
        mono_us: unix_ms as u64 * 1000,
    }
}

#[test]
fn effects_make_the_same_keyspace_again() {
    for threads in [Threads::One, Threads::Many(4)] {
        let (seed, mut rng) = seeded("replay");
        let mut first = Node::new(seed, threads);
        let mut now_ms = START_MS;
        for _ in 0..4_000 {
            now_ms += rng.below(600) as i64;
            match rng.below(30) {
                0 => {
                    first.executor.sweep(at(now_ms), 0, 1, 4);
                }
                1 => {
                    let mut cursor = Word::from("0");
                    while cursor != b"" {
                        cursor = next_cursor(&first.run(now_ms, [b"SCAN", cursor.as_slice()]));
                    }
                }
                _ => {
                    first.run(now_ms, command(&mut rng));
                }
            }
        }
        let effects = std::mem::take(&mut *first.recorder.0.lock());
        assert!(effects.len() > 1_000);
        // Replay decides nothing: at this time no deadline is past.
        let mut second = Node::new(!seed, Threads::One);
        for (database, argv) in &effects {
            second.run(0, ["SELECT", &database.to_string()]);
            let reply = second.run(0, argv);
            let failed = matches!(reply, Value::Error(_));
            assert!(!failed, "{argv:?} gave {reply:?}");
        }
        assert_eq!(first.content(now_ms), second.content(now_ms));
        // Each effect changed something, and so says the same when it is replayed.
        let again = std::mem::take(&mut *second.recorder.0.lock());
        let replayed = again.into_iter().take(effects.len()).collect::<Vec<_>>();
        assert_eq!(replayed, effects);
    }
}

/// The cursor of a page of SCAN, empty at the end.
fn next_cursor(page: &Value) -> Word {
    match page {
        Value::Array(parts) => match parts[0].as_bytes() {
            Some(b"0") | None => Word::new(),
            Some(cursor) => cursor.to_vec(),
        },
        other => panic!("SCAN gives {other:?}"),
    }
}
