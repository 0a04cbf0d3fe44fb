//! Engines whose log is kept, clients that wait when they are told to, and
//! sinks that remember.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use base::{Now, Rng};
use engine::config::Config;
use engine::effect::Effects;
use engine::{
    Budget, Card, Client, Engine, EngineOptions, Executor, Garbage, Host, Lsn, Progress, Request,
    Sink, Snapshot, Stage, Threads,
};
use parking_lot::Mutex;
use resp::{OwnedArgv, Value};
use store::Entry;

/// Steps of a walk as long as their slices say.
pub(crate) const ANY_TIME: u64 = u64::MAX;
pub const START_MS: i64 = 1_700_000_000_000;

/// Database and key, value and deadline.
pub type Content = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Option<i64>)>;

/// A host that keeps the log. A position in it is a number of effects.
#[derive(Default)]
pub struct Log {
    effects: Mutex<Vec<(usize, Vec<u8>)>>,
    pub wakes: AtomicUsize,
    pub discarded_tables: AtomicUsize,
}

impl Host for Log {
    fn monotonic_ns(&self) -> u64 {
        0
    }

    fn log_mode(&self) -> engine::LogMode {
        engine::LogMode::Appended
    }

    fn append(&self, effects: &Effects) -> Lsn {
        let mut log = self.effects.lock();
        log.extend(effects.iter().map(|(db, bytes)| (db, bytes.to_vec())));
        Lsn(log.len() as u64)
    }

    fn cut(&self) -> Lsn {
        Lsn(self.effects.lock().len() as u64)
    }

    fn wake_all(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }

    fn discard(&self, garbage: Garbage) {
        if matches!(garbage, Garbage::Table(_)) {
            self.discarded_tables.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// An engine and its log.
pub struct World {
    pub log: Arc<Log>,
    pub engine: Arc<Engine>,
    now_ms: AtomicI64,
    pub parked: AtomicU64,
}

impl World {
    pub fn new(threads: Threads) -> Arc<World> {
        let log = Arc::new(Log::default());
        let options = EngineOptions {
            config: Config::default(),
            threads,
            seed: [3, 4],
            now: at(START_MS),
        };
        Arc::new(World {
            engine: Engine::new(options, log.clone()),
            log,
            now_ms: AtomicI64::new(START_MS),
            parked: AtomicU64::new(0),
        })
    }

    pub fn now(&self) -> Now {
        at(self.now_ms.load(Ordering::Relaxed))
    }

    pub fn advance_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub fn seat(self: &Arc<World>) -> Seat {
        Seat {
            world: self.clone(),
            executor: self.engine.executor(),
            clients: vec![Some(Box::new(Client::new(Card::internal(), true)))],
        }
    }

    /// What the log makes of an empty engine: from `content` on, the effects of
    /// this range.
    pub fn replayed(&self, content: Option<&Content>, from: Lsn, to: Option<Lsn>) -> Content {
        let twin = World::new(Threads::One);
        let mut seat = twin.seat();
        for ((db, key), (value, deadline)) in content.into_iter().flatten() {
            seat.run(&[b"SELECT", db.to_string().as_bytes()]);
            seat.run(&[b"SET", key, value]);
            if let Some(deadline) = deadline {
                let deadline = deadline.to_string();
                seat.run(&[b"PEXPIREAT", key, deadline.as_bytes()]);
            }
        }
        let log = self.log.effects.lock();
        let to = to.map_or(log.len(), |lsn| lsn.0 as usize);
        for (db, bytes) in &log[from.0 as usize..to] {
            seat.run(&[b"SELECT", db.to_string().as_bytes()]);
            let words = words(bytes);
            let reply = seat.run(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
            assert!(!reply.starts_with(b"-"), "the log has a bad command");
        }
        seat.content()
    }
}

fn at(ms: i64) -> Now {
    Now {
        unix_us: ms * 1000,
        mono_us: (ms - START_MS) as u64 * 1000,
    }
}

/// The words of one command.
fn words(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (value, len) = Value::read(bytes).unwrap().unwrap();
    assert_eq!(len, bytes.len());
    let Value::Array(words) = value else {
        panic!("an effect is an array")
    };
    let word = |value| match value {
        Value::Bulk(word) => word,
        other => panic!("{other:?} in an effect"),
    };
    words.into_iter().map(word).collect()
}

/// One thread with one client.
pub struct Seat {
    pub world: Arc<World>,
    pub executor: Executor,
    clients: Vec<Option<Box<Client>>>,
}

impl Seat {
    fn client(&mut self) -> &mut Client {
        self.clients[0].as_mut().unwrap()
    }

    /// Offer a request once. `None` if the client has to wait.
    pub fn offer(&mut self, words: &[&[u8]]) -> Option<Vec<u8>> {
        let argv = OwnedArgv::new(words);
        let request = Request {
            seat: 0,
            argv: argv.as_argv(),
        };
        let now = self.world.now();
        self.executor.execute(now, &[request], &mut self.clients);
        let client = self.client();
        if client.session.stage == Stage::Parked {
            client.session.stage = Stage::Running;
            assert!(client.outbox.is_empty());
            self.world.parked.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(client.outbox.take_bytes())
    }

    /// The reply to a request, however long it takes.
    pub fn run(&mut self, words: &[&[u8]]) -> Vec<u8> {
        loop {
            match self.offer(words) {
                Some(reply) => return reply,
                None => std::thread::yield_now(),
            }
        }
    }

    /// Words divided by blanks.
    pub fn say(&mut self, line: &str) -> Vec<u8> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.run(&words)
    }

    pub fn content(&mut self) -> Content {
        let mut content = Content::new();
        for db in 0..self.world.engine.databases() {
            self.say(&format!("SELECT {db}"));
            let Some((Value::Array(keys), _)) = Value::read(&self.say("KEYS *")).unwrap() else {
                panic!("KEYS answers an array")
            };
            for key in keys {
                let Value::Bulk(key) = key else { panic!() };
                let Some((Value::Bulk(value), _)) =
                    Value::read(&self.run(&[b"GET", &key])).unwrap()
                else {
                    panic!("a key has a value")
                };
                let reply = self.run(&[b"PEXPIRETIME", &key]);
                let deadline = std::str::from_utf8(&reply[1..]).unwrap().trim();
                let deadline = deadline.parse().ok().filter(|&ms: &i64| ms >= 0);
                content.insert((db, key), (value, deadline));
            }
        }
        content
    }

    /// Step until the snapshot is done.
    pub fn save_all(&mut self, snapshot: &mut Snapshot, sink: &mut Memory) {
        while self.executor.save_step(snapshot, Budget::default(), sink) != Progress::Done {
            assert!(!sink.is_full);
        }
    }
}

/// A sink that keeps what it gets.
#[derive(Default)]
pub struct Memory {
    pub content: Content,
    pub is_full: bool,
}

impl Sink for Memory {
    fn entry(&mut self, database: usize, entry: Entry<'_>) {
        let value = entry.string().with_bytes(<[u8]>::to_vec);
        let key = (database, entry.key().to_vec());
        let before = self.content.insert(key, (value, entry.deadline_ms()));
        assert!(before.is_none(), "a key twice");
    }

    fn has_room(&self) -> bool {
        !self.is_full
    }
}

/// A snapshot is what the log says, and with the log behind it makes all.
pub fn judge(world: &World, snapshot: &Snapshot, saved: &Content) {
    let cut = snapshot.cut();
    let at_cut = world.replayed(None, Lsn(0), Some(cut.lsn));
    assert!(*saved == at_cut, "not what the log says");
    assert_eq!(snapshot.saved(), saved.len() as u64);
    assert_eq!(snapshot.total(), saved.len() as u64);
    for (database, counts) in cut.counts.iter().enumerate() {
        let of_it = || saved.iter().filter(|((db, _), _)| *db == database);
        let volatile = of_it().filter(|(_, (_, deadline))| deadline.is_some());
        assert_eq!(counts.keys, of_it().count());
        assert_eq!(counts.volatile, volatile.count());
    }
}

/// A snapshot and the log behind it are what there is now.
pub fn judge_recovery(world: &World, snapshot: &Snapshot, saved: &Content) {
    let all = world.replayed(None, Lsn(0), None);
    let recovered = world.replayed(Some(saved), snapshot.cut().lsn, None);
    assert!(
        recovered == all,
        "a snapshot and its log differ from the log"
    );
}

/// A request at random, on few keys of three databases.
pub fn request(rng: &mut Rng, world: &World) -> Vec<Vec<u8>> {
    let mut key = || format!("k:{}", rng.below(300));
    let (a, b) = (key(), key());
    let database = rng.below(3);
    let len = [3, 40, 500, 4000][rng.below(4) as usize];
    let value = "v".repeat(len as usize);
    let soon_ms = world.now().unix_ms() + rng.below(400) as i64;
    let line = match rng.below(100) {
        0..20 => format!("SET {a} {value}"),
        20..26 => format!("SET {a} {value} PXAT {soon_ms}"),
        26..32 => format!("SET {a} {}", rng.next_u64() as i64),
        32..40 => format!("APPEND {a} {}", &value[..len as usize / 3]),
        40..44 => format!("SETRANGE {a} {} xyz", rng.below(600)),
        44..48 => format!("SETBIT {a} {} 1", rng.below(20_000)),
        48..56 => format!("DEL {a} {b}"),
        56..62 => format!("RENAME {a} {b}"),
        62..66 => format!("COPY {a} {b} DB {database} REPLACE"),
        66..69 => format!("MOVE {a} {database}"),
        69..74 => format!("PEXPIREAT {a} {soon_ms}"),
        74..76 => format!("PERSIST {a}"),
        76..80 => format!("MSET {a} {value} {b} {value}"),
        80..83 => format!("GETDEL {a}"),
        83..86 => format!("INCRBY n:{} 7", rng.below(20)),
        86..88 => format!("GETEX {a} PXAT {soon_ms}"),
        88..94 => format!("GET {a}"),
        94..98 => format!("SELECT {database}"),
        98 => format!("SWAPDB {} {database}", rng.below(3)),
        _ => match rng.below(12) {
            0 => "FLUSHDB".to_owned(),
            _ => format!("BITOP NOT {a} {b}"),
        },
    };
    line.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

/// Run a request at random.
pub fn disturb(seat: &mut Seat, rng: &mut Rng) {
    let words = request(rng, &seat.world);
    seat.run(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
}
