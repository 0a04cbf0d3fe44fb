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
    // CLIENT REPLY is a way not to be answered.
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
        // A handle that waits would do so for ever: nobody else is here.
        if patience.has(&argv) && !requests::may_wait(&argv) {
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

/// As [`ask`], of a handle that never asked for silence.
fn answer<A: AsRef<[u8]>>(db: &Db, argv: &[A]) -> Value {
    ask(db, argv).expect("a reply")
}

/// Count and read all keys of each database, in several ways.
fn look_around(db: &Db) {
    let db = db.clone();
    for database in ["0", "1", "2", "3"] {
        answer(&db, &["SELECT", database]);
        let listed = strings(answer(&db, &["KEYS", "*"]));
        let scanned = scan(&db);
        // The empty key may match no pattern, not even the one that matches all.
        let listed = listed.into_iter().filter(|key| !key.is_empty());
        let named = scanned.iter().filter(|key| !key.is_empty());
        assert_eq!(listed.count(), named.count());
        scanned.iter().for_each(|key| check_key(&db, key));
        // Those that have expired are counted until they are met.
        let size = answer(&db, &["DBSIZE"]).as_int().expect("a count");
        assert!(size as usize >= scanned.len());
    }
}

fn scan(db: &Db) -> BTreeSet<Vec<u8>> {
    let mut cursor = b"0".to_vec();
    let mut scanned = BTreeSet::new();
    loop {
        let Value::Array(reply) = answer(db, &[b"SCAN", &cursor[..]]) else {
            panic!("SCAN answers a pair");
        };
        let [next, page] = <[Value; 2]>::try_from(reply).expect("a pair");
        for key in strings(page) {
            assert!(scanned.insert(key), "a key is scanned once");
        }
        cursor = next.as_bytes().expect("a cursor").to_vec();
        if cursor == b"0" {
            return scanned;
        }
    }
}

fn check_key(db: &Db, key: &[u8]) {
    match answer(db, &[b"TYPE", key]) {
        Value::Simple(kind) if kind == "string" => check_string(db, key),
        Value::Simple(kind) if kind == "list" => check_list(db, key),
        Value::Simple(kind) if kind == "set" => check_set(db, key),
        Value::Simple(kind) if kind == "zset" => check_zset(db, key),
        Value::Simple(kind) if kind == "hash" => check_hash(db, key),
        Value::Simple(kind) if kind == "stream" => check_stream(db, key),
        other => panic!("a scanned key is there, not {other:?}"),
    }
    assert_eq!(answer(db, &[b"EXISTS", key]), Value::Int(1));
    let ttl_ms = answer(db, &[b"PTTL", key]).as_int().expect("a number");
    assert!(ttl_ms >= -1, "it is there and not overdue");
}

fn check_string(db: &Db, key: &[u8]) {
    let value = answer(db, &[b"GET", key]);
    let value = value.as_bytes().expect("a string");
    let len = answer(db, &[b"STRLEN", key]).as_int();
    assert_eq!(len, Some(value.len() as i64));
}

fn check_list(db: &Db, key: &[u8]) {
    let elements = strings(answer(db, &[b"LRANGE", key, b"0", b"-1"]));
    let len = answer(db, &[b"LLEN", key]).as_int();
    assert_eq!(len, Some(elements.len() as i64));
    assert!(!elements.is_empty(), "an empty list is gone");
    let last = answer(db, &[b"LINDEX", key, b"-1"]);
    assert_eq!(last.as_bytes(), elements.last().map(Vec::as_slice));
}

fn check_set(db: &Db, key: &[u8]) {
    let (Value::Set(members) | Value::Array(members)) = answer(db, &[b"SMEMBERS", key]) else {
        panic!("a set has members");
    };
    let len = answer(db, &[b"SCARD", key]).as_int();
    assert_eq!(len, Some(members.len() as i64));
    assert!(!members.is_empty(), "an empty set is gone");
    for member in &members {
        let member = member.as_bytes().expect("a member");
        assert_eq!(answer(db, &[b"SISMEMBER", key, member]), Value::Int(1));
    }
}

fn check_zset(db: &Db, key: &[u8]) {
    let members = strings(answer(db, &[b"ZRANGE", key, b"0", b"-1"]));
    let len = answer(db, &[b"ZCARD", key]).as_int();
    assert_eq!(len, Some(members.len() as i64));
    assert!(!members.is_empty(), "an empty sorted set is gone");
    for (rank, member) in members.iter().enumerate() {
        let found = answer(db, &[b"ZRANK", key, member]);
        assert_eq!(found, Value::Int(rank as i64));
    }
}

fn check_stream(db: &Db, key: &[u8]) {
    let Value::Array(entries) = answer(db, &[b"XRANGE", key, b"-", b"+"]) else {
        panic!("a stream has entries");
    };
    let len = answer(db, &[b"XLEN", key]).as_int();
    assert_eq!(len, Some(entries.len() as i64));
}

fn check_hash(db: &Db, key: &[u8]) {
    let fields = strings(answer(db, &[b"HKEYS", key]));
    // Fields that are over are counted until they are removed.
    let len = answer(db, &[b"HLEN", key]).as_int().expect("a count");
    assert!(len >= fields.len() as i64 && len > 0);
    for field in fields {
        assert_eq!(answer(db, &[b"HEXISTS", key, &field]), Value::Int(1));
    }
}

fn strings(reply: Value) -> Vec<Vec<u8>> {
    let Value::Array(items) = reply else {
        panic!("a list of keys: {reply:?}");
    };
    let bytes = |item: &Value| item.as_bytes().expect("a key").to_vec();
    items.iter().map(bytes).collect()
}
