//! Random commands against the model.

use std::collections::BTreeSet;

use base::Rng;
use ochredb::{CommandFailed, Db, ManualClock, Value};

use crate::model::{DATABASES, Expected, Model, Watched};
use crate::{Word, pick, seeded, words};

const STEPS: usize = 12_000;
pub const START_MS: i64 = 1_700_000_000_123;
/// Few enough that commands meet the same ones again and again.
const KEYS: [&[u8]; 9] = [
    b"a",
    b"b",
    b"c",
    b"ab",
    b"abc",
    b"",
    b"*",
    b"\x00\xff\r\n",
    b"d",
];
/// The databases in use; 16 is one that there is not.
const USED: [&str; 4] = ["0", "1", "2", "15"];

#[test]
fn replies_are_those_of_the_model_in_one_shard_or_many() {
    for threads in [1, 4] {
        let (seed, mut rng) = seeded("random");
        let mut run = Run::new(seed, threads);
        for step in 0..STEPS {
            run.step(step, &mut rng);
        }
    }
}

/// A database, a second session on it, and their model.
struct Run {
    db: Db,
    watcher: Db,
    clock: ManualClock,
    model: Model,
    watched: Vec<Watched>,
}

impl Run {
    fn new(seed: u64, threads: usize) -> Run {
        let clock = ManualClock::at_ms(START_MS);
        let options = Db::options().seed(seed).threads(threads);
        let db = options.clock(clock.clone()).memory();
        Run {
            watcher: db.clone(),
            db,
            clock,
            model: Model::new(START_MS),
            watched: Vec::new(),
        }
    }

    fn step(&mut self, step: usize, rng: &mut Rng) {
        match rng.below(40) {
            0..=3 => {
                let ms = pick(rng, &[1, 7, 499, 500, 1000, 30_000]);
                self.clock.advance_ms(ms);
                self.model.now_ms += ms;
            }
            4 => {
                self.db.tick();
            }
            5 => self.watch(rng),
            6 => self.exec(step),
            7 => self.scan(step, rng),
            8 => {
                let argv = command(rng);
                assert_eq!(self.db.execute(["MULTI"]), simple("OK"));
                assert_eq!(self.db.execute(&argv), simple("QUEUED"));
                let Ok(Value::Array(replies)) = self.db.execute(["EXEC"]) else {
                    panic!("step {step}: EXEC of {argv:?} gives no array");
                };
                let [reply] = <[Value; 1]>::try_from(replies).expect("one reply");
                let reply = match reply {
                    Value::Error(line) => Err(CommandFailed { line }),
                    reply => Ok(reply),
                };
                self.check(step, &argv, reply);
            }
            _ => {
                let argv = command(rng);
                let reply = self.db.execute(&argv);
                self.check(step, &argv, reply);
            }
        }
    }

    fn check(&mut self, step: usize, argv: &[Word], reply: Result<Value, CommandFailed>) {
        let expected = self.model.answer(argv);
        let agrees = match (&expected, &reply) {
            (Expected::Exactly(expected), Ok(reply)) => expected == reply,
            (Expected::Error(expected), Err(error)) => *expected == error.line,
            (Expected::AllOf(keys), Ok(Value::Array(found))) => {
                found.len() == keys.len() && set(found) == *keys
            }
            (Expected::OneOf(keys), Ok(Value::Null)) => keys.is_empty(),
            (Expected::OneOf(keys), Ok(Value::Bulk(key))) => keys.contains(key),
            (Expected::Between(low, high), Ok(Value::Int(found))) => (*low..=*high).contains(found),
            _ => false,
        };
        let argv: Vec<_> = argv
            .iter()
            .map(|word| word.escape_ascii().to_string())
            .collect();
        assert!(
            agrees,
            "step {step}: {argv:?} gave {reply:?}, not {expected:?}"
        );
    }

    /// A walk in pages of any size, with nothing else going on.
    fn scan(&mut self, step: usize, rng: &mut Rng) {
        let mut found = Vec::new();
        let mut cursor = Word::from("0");
        loop {
            let count = (1 + rng.below(12)).to_string();
            let argv: [&[u8]; 4] = [b"SCAN", &cursor, b"COUNT", count.as_bytes()];
            let Ok(Value::Array(page)) = self.db.execute(argv) else {
                panic!("step {step}: SCAN gives no array");
            };
            let [Value::Bulk(next), Value::Array(keys)] = page.as_slice() else {
                panic!("step {step}: a page is a cursor and keys, not {page:?}");
            };
            found.extend_from_slice(keys);
            cursor = next.clone();
            if cursor == b"0" {
                break;
            }
        }
        let alive = self.model.alive(|_| true);
        assert_eq!(found.len(), alive.len(), "step {step}: a key is given once");
        assert_eq!(set(&found), alive, "step {step}");
    }

    fn watch(&mut self, rng: &mut Rng) {
        let (database, key) = (pick(rng, &USED), pick(rng, &KEYS).to_vec());
        assert_eq!(self.watcher.execute(["SELECT", database]), simple("OK"));
        let reply = self.watcher.execute([b"WATCH", key.as_slice()]);
        assert_eq!(reply, simple("OK"));
        let database = database.parse().expect("a number");
        self.watched.push(self.model.watch(database, &key));
    }

    fn exec(&mut self, step: usize) {
        for line in ["MULTI", "PING"] {
            self.watcher.execute(words(line)).expect("no error");
        }
        let reply = self.watcher.execute(["EXEC"]).expect("no error");
        let watched = std::mem::take(&mut self.watched);
        let broken = watched.iter().any(|watched| self.model.is_broken(watched));
        assert_eq!(reply.is_nil(), broken, "step {step}: EXEC after WATCH");
    }
}

fn simple(text: &str) -> Result<Value, CommandFailed> {
    Ok(Value::Simple(text.into()))
}

fn set(keys: &[Value]) -> BTreeSet<Word> {
    let bytes = |key: &Value| key.as_bytes().expect("a key is a string").to_vec();
    keys.iter().map(bytes).collect()
}

/// A random command that the model knows.
pub fn command(rng: &mut Rng) -> Vec<Word> {
    let choice = rng.below(64);
    let key = pick(rng, &KEYS).to_vec();
    let other = pick(rng, &KEYS).to_vec();
    let line = |name: &str, args: &[&[u8]]| {
        let name = std::iter::once(name.as_bytes());
        name.chain(args.iter().copied()).map(Word::from).collect()
    };
    let database = |rng: &mut Rng| match rng.below(20) {
        0 => DATABASES.to_string(),
        _ => pick(rng, &USED).to_string(),
    };
    match choice {
        0..=9 => line("SET", &[&key, &value(rng)]),
        10..=13 => line("GET", &[&key]),
        14..=15 => line("APPEND", &[&key, &value(rng)]),
        16..=18 => line(pick(rng, &["DEL", "UNLINK"]), &[&key, &other]),
        19..=20 => line(pick(rng, &["EXISTS", "TOUCH"]), &[&key, &other, &key]),
        21 => line("TYPE", &[&key]),
        22..=25 => line(pick(rng, &["RENAME", "RENAMENX"]), &[&key, &other]),
        26..=29 => copy(rng, &key, &other),
        30..=32 => line("MOVE", &[&key, database(rng).as_bytes()]),
        33..=44 => expire(rng, &key),
        45..=49 => {
            let names = ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"];
            line(pick(rng, &names), &[&key])
        }
        50..=51 => line("PERSIST", &[&key]),
        52..=53 => line(
            "KEYS",
            &[pick(rng, &[&b"*"[..], b"a*", b"ab*", b"abc", b"", b"zz"])],
        ),
        54 => line("RANDOMKEY", &[]),
        55 => line("DBSIZE", &[]),
        56 => line("FLUSHDB", &[]),
        57 if rng.below(4) == 0 => line("FLUSHALL", &[b"ASYNC"]),
        57..=59 => line(
            "SWAPDB",
            &[database(rng).as_bytes(), database(rng).as_bytes()],
        ),
        _ => line("SELECT", &[pick(rng, &USED).as_bytes()]),
    }
}

/// Integers, short strings, strings that are blocks of their own, large ones.
fn value(rng: &mut Rng) -> Word {
    match rng.below(12) {
        0..=3 => (rng.next_u64() as i64 >> rng.below(64)).to_string().into(),
        4 => vec![b'x'; 2_000 + rng.below(200) as usize],
        5 if rng.below(8) == 0 => vec![b'y'; 300_000],
        _ => vec![b'z'; rng.below(60) as usize],
    }
}

fn copy(rng: &mut Rng, from: &[u8], to: &[u8]) -> Vec<Word> {
    let mut argv = vec![b"COPY".to_vec(), from.to_vec(), to.to_vec()];
    if rng.below(2) == 0 {
        argv.push(b"REPLACE".to_vec());
    }
    if rng.below(2) == 0 {
        argv.extend(words(&format!("DB {}", pick(rng, &USED))));
    }
    argv
}

fn expire(rng: &mut Rng, key: &[u8]) -> Vec<Word> {
    let (name, unit_ms, zero_ms) = pick(
        rng,
        &[
            ("EXPIRE", 1000, 0),
            ("PEXPIRE", 1, 0),
            ("EXPIREAT", 1000, START_MS),
            ("PEXPIREAT", 1, START_MS),
        ],
    );
    let ms = rng.below(200_000) as i64 - 20_000;
    let number = (zero_ms + ms) / unit_ms;
    let mut argv = vec![name.into(), key.to_vec(), number.to_string().into()];
    for condition in ["NX", "XX", "GT", "LT"] {
        if rng.below(6) == 0 {
            argv.push(condition.into());
        }
    }
    argv
}
