//! A client that writes to a disk which may be full, and knows what was taken.
//!
//! Each writer has keys of its own. A value is a function of its key and version, so what must be
//! there is a number per key; and since nobody dies while a writer waits, it is known exactly.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base::rng::Rng;
use testkit::crash::writer::Connection;
use testkit::reply::Reply;

pub(super) struct Writer {
    connection: Connection,
    rng: Rng,
    number: usize,
    version: u64,
    /// The acknowledged version of each key that is there.
    versions: BTreeMap<u64, u64>,
    /// What a refusal must say.
    advice: &'static [&'static str],
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Taken,
    Refused,
}

const KEYS: u64 = 250;
const VALUE_BYTES_MAX: u64 = 10_000;
/// So often a writer is told "no" before it believes that the disk is full.
const REFUSALS: usize = 40;
const PATIENCE: Duration = Duration::from_secs(30);

impl Writer {
    pub(super) fn new(
        number: usize,
        seed: u64,
        address: SocketAddr,
        advice: &'static [&'static str],
    ) -> Writer {
        Writer {
            connection: Connection::open(address).expect("the server accepts"),
            rng: Rng::new(seed ^ number as u64),
            number,
            version: 0,
            versions: BTreeMap::new(),
            advice,
            acknowledged: 0,
            refused: 0,
        }
    }

    /// The server is another one now.
    pub(super) fn reconnect(&mut self, address: SocketAddr) {
        self.connection = Connection::open(address).expect("the server accepts");
    }

    pub(super) fn write_until_refused(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let mut in_a_row = 0;
        while in_a_row < REFUSALS {
            assert!(Instant::now() < deadline, "writes are never refused");
            match self.write() {
                Outcome::Taken => in_a_row = 0,
                Outcome::Refused => {
                    in_a_row += 1;
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }

    /// Tries until something is taken.
    pub(super) fn write_until_taken(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.write() == Outcome::Refused {
            assert!(Instant::now() < deadline, "writes do not resume");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// All of these must be taken.
    pub(super) fn write_some(&mut self, count: usize) {
        for _ in 0..count {
            assert_eq!(self.write(), Outcome::Taken, "there is room");
        }
    }

    /// A key is set, or now and then removed.
    fn write(&mut self) -> Outcome {
        let key = self.rng.below(KEYS);
        let name = self.name(key);
        self.version += 1;
        let removes = self.rng.below(16) == 0;
        let argv = match removes {
            true => vec![b"DEL".to_vec(), name],
            false => vec![b"SET".to_vec(), name, self.value(key, self.version)],
        };
        let replies = self.connection.ask_all(&[argv]).expect("an answer");
        match &replies[0] {
            Reply::Error(line) => {
                self.expect_advice(line);
                self.refused += 1;
                Outcome::Refused
            }
            Reply::Simple(_) if !removes => {
                self.versions.insert(key, self.version);
                self.acknowledged += 1;
                Outcome::Taken
            }
            Reply::Integer(removed) if removes => {
                let was_there = self.versions.remove(&key).is_some();
                assert_eq!(*removed, i64::from(was_there), "key {key}");
                self.acknowledged += 1;
                Outcome::Taken
            }
            other => panic!("{other}"),
        }
    }

    /// Reads all keys: each must be what was acknowledged last, and no refused write may show.
    pub(super) fn compare(&mut self, when: &str) {
        let names: Vec<_> = (0..KEYS).map(|key| self.name(key)).collect();
        let requests: Vec<_> = names
            .into_iter()
            .map(|name| vec![b"GET".to_vec(), name])
            .collect();
        let replies = self.connection.ask_all(&requests).expect("reads go on");
        for (key, reply) in (0..KEYS).zip(replies) {
            let due = match self.versions.get(&key) {
                Some(version) => Reply::Bulk(self.value(key, *version)),
                None => Reply::NullBulk,
            };
            assert!(
                reply == due,
                "{when}: key {key} of writer {}: {reply:.120?} came, {due:.120?} was due",
                self.number
            );
        }
    }

    /// A value that is larger than what may be left of the disk.
    pub(super) fn expect_large_is_refused(&mut self) {
        let argv = vec![b"SET".to_vec(), b"large".to_vec(), vec![b'x'; 40 << 20]];
        let replies = self.connection.ask_all(&[argv]).expect("an answer");
        match &replies[0] {
            Reply::Error(line) => self.expect_advice(line),
            other => panic!("{other}"),
        }
    }

    /// A refusal has Redis' first word, and says what to do.
    fn expect_advice(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        assert!(line.starts_with("MISCONF "), "{line}");
        for words in self.advice {
            assert!(line.contains(words), "{words:?} is not in: {line}");
        }
    }

    fn name(&self, key: u64) -> Vec<u8> {
        format!("{}:{key}", self.number).into_bytes()
    }

    /// Bytes that cannot be compressed, of a length of their own.
    fn value(&self, key: u64, version: u64) -> Vec<u8> {
        let mut rng = Rng::new((self.number as u64) << 56 ^ key << 40 ^ version);
        let mut value = vec![0; 1 + rng.below(VALUE_BYTES_MAX) as usize];
        rng.fill(&mut value);
        value
    }
}
