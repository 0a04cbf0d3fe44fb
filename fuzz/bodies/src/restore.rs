//! RESTORE of anything: a key as DUMP writes it, or an error and no key.
//!
//! The tape is a type, a version and a body, which get a right frame, or bytes without one; the
//! body may be that of a sound value, damaged. What comes in is looked at by every command that
//! reads its kind, written down, and read again: the second key must have the digest of the first.

use ochredb::{Db, Value};

use crate::tape::Tape;

const VERSIONS: &[u16] = &[10, 11, 12, 9, 80, 6];

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let options = Db::options().seed(7);
    let options = options.config("enable-debug-command", "yes");
    let db = options.expect("a known parameter").memory();
    let payload = payload(&mut tape, &db);
    let limit = *tape.pick(&["512", "3"]);
    ok(&db, &["CONFIG", "SET", "hash-max-listpack-entries", limit]);
    let words: [&[u8]; 5] = [b"RESTORE", b"a", b"0", &payload, b"REPLACE"];
    let Ok(_) = db.execute(words) else {
        let there = ok(&db, &["EXISTS", "a", "b"]);
        assert_eq!(there, Value::Int(0), "a payload was refused");
        return;
    };
    read(&db, "a");
    let again = ok(&db, &["DUMP", "a"]);
    let again = again.as_bytes().expect("the key is there");
    let words: [&[u8]; 4] = [b"RESTORE", b"b", b"0", again];
    db.execute(words).expect("what was written is read");
    let digest = |key: &str| ok(&db, &["DEBUG", "DIGEST-VALUE", key]);
    assert_eq!(digest("a"), digest("b"));
    ok(&db, &["DEL", "a"]);
    read(&db, "b");
}

fn payload(tape: &mut Tape<'_>, db: &Db) -> Vec<u8> {
    let mut body = match tape.below(4) {
        0 => return tape.rest().to_vec(),
        1 => body_of_ours(tape, db),
        _ => Vec::new(),
    };
    let version = *tape.pick(VERSIONS);
    if body.is_empty() {
        body.push(tape.below(26) as u8);
        body.extend_from_slice(tape.rest());
    }
    body.extend_from_slice(&version.to_le_bytes());
    body.extend_from_slice(&base::crc64(&body).to_le_bytes());
    body
}

/// What DUMP gives of a key made of the tape, with up to two bytes that are others.
fn body_of_ours(tape: &mut Tape<'_>, db: &Db) -> Vec<u8> {
    let words = tape.below(40);
    let mut argv = vec![tape.pick(MAKERS).to_vec(), b"k".to_vec()];
    argv.extend((0..words).map(|_| match tape.bool() {
        true => tape.integer().to_string().into_bytes(),
        false => tape.text(100),
    }));
    // Not every line makes a key.
    let _ = db.execute(&argv);
    let dumped = ok(db, &["DUMP", "k"]);
    ok(db, &["FLUSHALL"]);
    let Some(payload) = dumped.as_bytes() else {
        return Vec::new();
    };
    let mut body = payload[..payload.len() - 10].to_vec();
    for _ in 0..tape.below(3) {
        let at = tape.below(body.len() as u64) as usize;
        body[at] = tape.byte();
    }
    body
}

/// Commands that make a key of many words.
const MAKERS: &[&[u8]] = &[b"HSET", b"SET", b"APPEND", b"PFADD"];

/// Every reader of a whole value; those of other kinds answer an error.
fn read(db: &Db, key: &str) {
    for line in [
        &["GET"][..],
        &["HGETALL"],
        &["HRANDFIELD"],
        &["TYPE"],
        &["MEMORY", "USAGE"],
        &["OBJECT", "ENCODING"],
        &["DEBUG", "OBJECT"],
    ] {
        let _ = db.execute([line, &[key]].concat());
    }
}

fn ok(db: &Db, argv: &[&str]) -> Value {
    let reply = db.execute(argv);
    reply.unwrap_or_else(|error| panic!("{argv:?}: {error}"))
}
