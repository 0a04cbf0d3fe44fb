//! Any request gets one whole reply, whatever was asked before and whoever asked.
//!
//! Three handles on one embedded database send requests in turn while a clock that the tape sets
//! moves on. At the end a fresh handle looks around: what the commands say about the keyspace must
//! agree with itself.

use std::collections::BTreeSet;

use ochredb::{Db, ManualClock, Value};

use crate::requests::{self, Patience};
use crate::tape::Tape;

const REQUESTS_MAX: usize = 300;
const HANDLES: usize = 3;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let clock = ManualClock::at_ms(1_700_000_000_000);
    let db = open(&mut tape, &clock);
    let handles: Vec<Db> = (0..HANDLES).map(|_| db.clone()).collect();
    let mut patience = Patience::default();
    // CLIENT REPLY and CLIENT PAUSE are ways not to be answered.
    let mut may_be_silent = false;
    for _ in 0..REQUESTS_MAX {
        if tape.is_over() {
            break;
        }
        let handle = &handles[tape.below(HANDLES as u64) as usize];
        if tape.below(4) == 0 {
            clock.advance_ms(*tape.pick(&[1, 20, 1_000, 100_000]));
            handle.tick();
        }
        let argv = requests::draw(&mut tape);
        if patience.has(&argv) {
            may_be_silent |= argv[0].eq_ignore_ascii_case(b"client");
            let reply = ask(handle, &argv);
            assert!(reply.is_some() || may_be_silent, "no reply to {argv:?}");
        }
    }
    look_around(&db);
}

fn open(tape: &mut Tape<'_>, clock: &ManualClock) -> Db {
    let mut options = Db::options().clock(clock.clone()).seed(7);
    let policy = *tape.pick(&["noeviction", "allkeys-lfu"]);
    for (name, value) in [
        ("databases", "4"),
        ("proto-max-bulk-len", "1mb"),
        ("enable-debug-command", "yes"),
        ("maxmemory-policy", policy),
    ] {
        options = options.config(name, value).expect("a known parameter");
    }
    options.memory()
}

/// One request and its reply: one value, whole, with nothing behind it; or silence.
fn ask<A: AsRef<[u8]>>(db: &Db, argv: &[A]) -> Option<Value> {
    let bytes = db.execute_raw(argv);
    if bytes.is_empty() {
        return None;
    }
    let (value, used) = Value::read(&bytes)
        .expect("a valid reply")
        .expect("a whole reply");
    assert_eq!(used, bytes.len(), "one reply and nothing behind it");
    Some(value)
}

/// Count and read all keys of each database, in several ways. A paused server does not answer.
fn look_around(db: &Db) -> Option<()> {
    let db = db.clone();
    for database in ["0", "1", "2", "3"] {
        ask(&db, &["SELECT", database])?;
        let keys = strings(ask(&db, &["KEYS", "*"])?);
        let mut cursor = b"0".to_vec();
        let mut scanned = BTreeSet::new();
        loop {
            let Value::Array(reply) = ask(&db, &[b"SCAN", &cursor[..]])? else {
                panic!("SCAN answers a pair");
            };
            let [next, page] = <[Value; 2]>::try_from(reply).expect("a pair");
            cursor = next.as_bytes().expect("a cursor").to_vec();
            for key in strings(page) {
                assert!(scanned.insert(key), "a key is scanned once");
            }
            if cursor == b"0" {
                break;
            }
        }
        // The empty key matches no pattern, not even the one that matches all.
        let matched = scanned.iter().filter(|key| !key.is_empty()).count();
        assert_eq!(matched, keys.iter().filter(|key| !key.is_empty()).count());
        for key in &scanned {
            check_key(&db, key)?;
        }
        let size = ask(&db, &["DBSIZE"])?.as_int().expect("a count");
        // Those that have expired are counted until they are met.
        assert!(size as usize >= scanned.len());
    }
    Some(())
}

fn check_key(db: &Db, key: &[u8]) -> Option<()> {
    let value = ask(db, &[b"GET", key])?;
    let len = ask(db, &[b"STRLEN", key])?.as_int();
    let value = value.as_bytes().expect("a scanned key is there");
    assert_eq!(len, Some(value.len() as i64));
    assert_eq!(ask(db, &[b"EXISTS", key])?, Value::Int(1));
    assert_eq!(ask(db, &[b"TYPE", key])?, Value::Simple("string".into()));
    let ttl_ms = ask(db, &[b"PTTL", key])?.as_int().expect("a number");
    assert!(ttl_ms >= -1, "it is there and not overdue");
    Some(())
}

fn strings(reply: Value) -> Vec<Vec<u8>> {
    let Value::Array(items) = reply else {
        panic!("a list of keys: {reply:?}");
    };
    let bytes = |item: &Value| item.as_bytes().expect("a key").to_vec();
    items.iter().map(bytes).collect()
}
