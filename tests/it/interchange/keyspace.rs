//! Keys and values with everything that a file format can trip over.

use std::time::Duration;

use base::Rng;
use testkit::reply::Reply;

use super::streams;
use crate::node::Node;

pub(super) const SHORT_LIFE: Duration = Duration::from_millis(300);

pub(super) type Words = Vec<Vec<u8>>;

/// Encodings and lengths at their bounds, all kinds of bytes, one very large value. Each leg of a
/// relay has names of its own, so that those of all legs stay.
pub(super) fn write_corners(node: &mut Node, leg: u64) {
    let mut rng = Rng::new(leg);
    let mut requests: Vec<Words> = vec![words(&["SELECT", "3"])];
    let mut set = |name: &str, value: Vec<u8>| {
        let name = format!("corner:{leg}:{name}").into_bytes();
        requests.push(vec![b"SET".to_vec(), name, value]);
    };
    let bounds = [
        0,
        1,
        -1,
        99,
        127,
        128,
        -128,
        -129,
        32_767,
        32_768,
        -32_768,
        -32_769,
        2_147_483_647,
        2_147_483_648,
        -2_147_483_648,
        -2_147_483_649,
        i64::MAX,
        i64::MIN,
        9_999,
        10_000,
    ];
    for number in bounds {
        set(&format!("int{number}"), number.to_string().into_bytes());
    }
    // Like numbers, and none.
    for text in [
        "",
        "00",
        "-0",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "9223372036854775808",
        "0x10",
    ] {
        set(&format!("text{text}"), text.into());
    }
    for len in [
        1,
        4,
        5,
        20,
        21,
        43,
        44,
        45,
        63,
        64,
        255,
        256,
        16_383,
        16_384,
        65_535,
        65_536,
        1 << 20,
    ] {
        set(&format!("same{len}"), vec![b'a'; len]);
        set(&format!("mixed{len}"), noise(&mut rng, len));
    }
    if leg == 1 {
        set("large", noise(&mut rng, 6 << 20));
        set("large and even", vec![b'e'; 20 << 20]);
    }
    requests.push(words(&["SELECT", "15"]));
    for key in [
        &b""[..],
        b"\0",
        b"\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"#OCH1",
        b"\xff\xfe",
        b" ",
    ] {
        requests.push(vec![
            b"SET".to_vec(),
            key.to_vec(),
            b"\r\n#OCH1 lsn=0\r\n".to_vec(),
        ]);
    }
    requests.push(vec![
        b"SET".to_vec(),
        noise(&mut rng, 70_000),
        b"long name".to_vec(),
    ]);
    requests.extend(lists(leg));
    requests.extend(sets(leg));
    requests.extend(zsets(leg));
    requests.extend(hashes(leg));
    requests.extend(streams::corners(leg));
    requests.extend(restored(leg));
    requests.push(words(&["SELECT", "0"]));
    expect_no_error(node, &requests);
}

/// Lists of both forms, with elements that look like numbers and like nothing.
fn lists(leg: u64) -> Vec<Words> {
    let mut requests = Vec::new();
    for elements in [1i64, 30, 700, 5_000] {
        let name = format!("corner:{leg}:list{elements}");
        let mut request = words(&["RPUSH", &name, ""]);
        for at in 0..elements {
            let element = match at % 3 {
                0 => (at * at * 1_000 - 7).to_string(),
                1 => format!("0{at}"),
                _ => format!("element {at}").repeat(1 + at as usize % 9),
            };
            request.push(element.into_bytes());
        }
        requests.push(request);
    }
    for len in [63, 64, 4_095, 4_096, 8_100, 8_200, 100_000] {
        let name = format!("corner:{leg}:list of {len}");
        requests.push(words(&["RPUSH", &name, "a", &"v".repeat(len), "", "7"]));
    }
    requests
}

/// Sets of all forms, with members that look like numbers and like nothing.
fn sets(leg: u64) -> Vec<Words> {
    let mut requests = Vec::new();
    for members in [1, 2, 128, 129, 512, 513, 3_000] {
        let integers = |at: i64| (at - 7) << (at % 50);
        let mut request = words(&["SADD", &format!("corner:{leg}:integers{members}")]);
        request.extend((0..members).map(|at| integers(at).to_string().into_bytes()));
        requests.push(request);
        let mut request = words(&["SADD", &format!("corner:{leg}:set{members}")]);
        request.extend((0..members).map(|at| match at % 3 {
            0 => format!("member {at}").into_bytes(),
            1 => format!("0{at}").into_bytes(),
            _ => integers(at).to_string().into_bytes(),
        }));
        requests.push(request);
    }
    for len in [0, 63, 64, 65, 100_000] {
        let name = format!("corner:{leg}:set of {len}");
        requests.push(words(&["SADD", &name, &"v".repeat(len), "\0\r\n", "7"]));
    }
    requests
}

/// Sorted sets of both forms, with names that look like numbers and like nothing.
fn zsets(leg: u64) -> Vec<Words> {
    let mut requests = Vec::new();
    for members in [1, 30, 128, 129, 3_000] {
        let name = format!("corner:{leg}:zset{members}");
        let mut request = words(&["ZADD", &name]);
        for at in 0..members {
            let score = match at % 4 {
                0 => at.to_string(),
                1 => format!("-{at}.1"),
                2 => "inf".to_owned(),
                _ => format!("{at}e-9"),
            };
            let member = match at % 3 {
                0 => at.to_string(),
                1 => format!("0{at}"),
                _ => format!("member {at}"),
            };
            request.extend([score.into_bytes(), member.into_bytes()]);
        }
        requests.push(request);
    }
    for len in [0, 63, 64, 65, 100_000] {
        let name = format!("corner:{leg}:zset of {len}");
        let bound = "9007199254740993";
        requests.push(words(&["ZADD", &name, "-0", &"m".repeat(len), bound, "b"]));
    }
    requests
}

/// Hashes of both forms, with fields and values that look like numbers and like nothing.
fn hashes(leg: u64) -> Vec<Words> {
    let mut requests = Vec::new();
    for fields in [1, 30, 512, 513, 3_000] {
        let name = format!("corner:{leg}:hash{fields}");
        let mut request = words(&["HSET", &name]);
        for at in 0..fields {
            let field = match at % 3 {
                0 => at.to_string(),
                1 => format!("0{at}"),
                _ => format!("field {at}"),
            };
            let value = (at - 100).to_string().repeat(1 + at as usize % 9);
            request.extend([field.into_bytes(), value.into_bytes()]);
        }
        requests.push(request);
    }
    for len in [0, 63, 64, 65, 100_000] {
        let name = format!("corner:{leg}:hash of {len}");
        requests.push(words(&["HSET", &name, "f", &"v".repeat(len), "", ""]));
    }
    requests
}

/// Values that come as payloads, with and without a deadline.
fn restored(leg: u64) -> Vec<Words> {
    let hash = b"\x10\x12\x12\0\0\0\x04\0\x81f\x02\x81v\x02\x81n\x02\x07\x01\xff";
    let mut requests = Vec::new();
    for (kind, body) in [("text", &b"\0\x05hello"[..]), ("hash", hash)] {
        for ttl in ["0", "987654321"] {
            let mut payload = [body, &10u16.to_le_bytes()].concat();
            payload.extend_from_slice(&base::crc64(&payload).to_le_bytes());
            let name = format!("corner:{leg}:restored:{kind}:{ttl}");
            let mut request = words(&["RESTORE", &name, ttl]);
            request.push(payload);
            requests.push(request);
        }
    }
    requests
}

/// Writes of every kind, with and without MULTI, in four databases.
pub(super) fn write_at_random(node: &mut Node, rng: &mut Rng, count: usize) {
    let mut requests = Vec::new();
    while requests.len() < count {
        if rng.below(40) == 0 {
            requests.push(words(&["MULTI"]));
            for _ in 0..1 + rng.below(4) {
                requests.push(request(rng));
            }
            requests.push(words(&["EXEC"]));
        } else {
            requests.push(request(rng));
        }
    }
    requests.push(words(&["SELECT", "0"]));
    node.try_ask_all(&requests).expect("the server answers");
}

/// Keys that are over when the next server reads them.
pub(super) fn write_short_lived(node: &mut Node) {
    let life = (SHORT_LIFE.as_millis() - 50).to_string();
    let requests: Vec<Words> = (0..50)
        .map(|i| words(&["SET", &format!("short:{i}"), "lived", "PX", &life]))
        .collect();
    expect_no_error(node, &requests);
}

/// Some are errors, as INCR of a text is: those change nothing, in any server.
fn request(rng: &mut Rng) -> Words {
    if rng.below(6) == 0 {
        return streams::request(rng);
    }
    let key = key(rng);
    let other = self::key(rng);
    let value = value(rng);
    let secs = (1_000 + rng.below(100_000)).to_string();
    let number = (rng.next_u64() as i64 >> rng.below(64)).to_string();
    let bit = rng.below(30_000).to_string();
    let database = rng.below(4).to_string();
    let sketch = format!("sketch:{}", rng.below(20));
    let with = |name: &str, tail: &[&[u8]]| {
        let mut words = vec![name.as_bytes().to_vec(), key.clone()];
        words.extend(tail.iter().map(|word| word.to_vec()));
        words
    };
    let field = format!("f{}", rng.below(9));
    let field = field.as_bytes();
    let some = (number.len() % 7).to_string();
    let some = some.as_bytes();
    let score = format!("{}.{}", secs.len(), secs);
    let score = score.as_bytes();
    match rng.below(60) {
        0..6 => with("SET", &[&value]),
        6 => with("SET", &[number.as_bytes()]),
        7 => with("SET", &[&value, b"EX", secs.as_bytes()]),
        8 => with("SET", &[&value, b"KEEPTTL"]),
        9 => with("SETEX", &[secs.as_bytes(), &value]),
        10 => with("GETSET", &[&value]),
        11 => with("APPEND", &[&value[..value.len().min(200)]]),
        12 => with("SETRANGE", &[&bit.as_bytes()[..bit.len().min(4)], b"patch"]),
        13 => with("SETBIT", &[bit.as_bytes(), b"1"]),
        14 => with(
            "BITFIELD",
            &[b"SET", b"u7", b"#3", b"99", b"INCRBY", b"i5", b"100", b"1"],
        ),
        15 => with("INCR", &[]),
        16 => with("INCRBYFLOAT", &[b"0.1"]),
        17 => with("DECRBY", &[b"77"]),
        18 => with("EXPIRE", &[secs.as_bytes()]),
        19 => with("PEXPIRE", &[b"987654321", b"NX"]),
        20 => with("PERSIST", &[]),
        21 => with("GETEX", &[b"EX", secs.as_bytes()]),
        22 => with("DEL", &[&other]),
        23 => with("GETDEL", &[]),
        24 => with("RENAME", &[&other]),
        25 => with("COPY", &[&other, b"DB", database.as_bytes(), b"REPLACE"]),
        26 => with("MOVE", &[database.as_bytes()]),
        27 => with("MSET", &[&value, &other, number.as_bytes()]),
        29..32 => with("HSET", &[field, &value, b"n", number.as_bytes()]),
        32 => with("HINCRBY", &[b"count", b"-7"]),
        33 => with("HINCRBYFLOAT", &[b"sum", b"0.1"]),
        34 => with("HDEL", &[field, b"n"]),
        35 => words(&["PFADD", &sketch, &number, &secs, &bit]),
        36 => words(&["PFCOUNT", &sketch]),
        37 => words(&["PFMERGE", &sketch, "sketch:1", "sketch:2"]),
        38 => with("SADD", &[number.as_bytes(), some]),
        39 => with("SADD", &[&value, field, some]),
        40 => with("SREM", &[field, some]),
        41 => with("SMOVE", &[&other, some]),
        42 => with("SUNIONSTORE", &[&other, b"k:1", b"k:2"]),
        43 => with("SDIFFSTORE", &[&other, b"k:3"]),
        44 => with("SINTERSTORE", &[&other, &other]),
        45 => with("SPOP", &[some]),
        46..48 => with("ZADD", &[score, &value, number.as_bytes(), field]),
        48 => with("ZINCRBY", &[b"0.1", field]),
        49 => with("ZREM", &[field, b"n"]),
        50 => with("ZPOPMAX", &[b"2"]),
        51 => with(
            "ZUNIONSTORE",
            &[b"2", &key, &other, b"WEIGHTS", b"0.3", b"2"],
        ),
        52..54 => with("RPUSH", &[&value, number.as_bytes()]),
        54 => with("LPUSH", &[&value]),
        55 => with("LSET", &[b"-1", &value]),
        56 => with("LMOVE", &[&other, b"LEFT", b"RIGHT"]),
        57 => with("LREM", &[b"0", number.as_bytes()]),
        58 => with("RPOP", &[]),
        28 if rng.below(40) == 0 => words(&["SWAPDB", "1", "2"]),
        28 if rng.below(150) == 0 => words(&["FLUSHDB"]),
        _ => words(&["SELECT", &database]),
    }
}

fn key(rng: &mut Rng) -> Vec<u8> {
    let number = rng.below(600);
    match rng.below(5) {
        0 => format!("k\r\n\0\u{e9}{number}").into_bytes(),
        _ => format!("k:{number}").into_bytes(),
    }
}

fn value(rng: &mut Rng) -> Vec<u8> {
    let len = [0, 3, 10, 44, 45, 100, 1_000, 5_000][rng.below(8) as usize];
    match rng.below(3) {
        0 => noise(rng, len),
        1 => b"abc"[..].repeat(len / 3),
        _ => vec![b'a' + rng.below(26) as u8; len],
    }
}

fn noise(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend(rng.next_u64().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn expect_no_error(node: &mut Node, requests: &[Words]) {
    for reply in node.try_ask_all(requests).expect("the server answers") {
        assert!(!matches!(reply, Reply::Error(_)), "{reply}");
    }
}
