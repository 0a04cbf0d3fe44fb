//! Effects of commands on fields make the same hashes again.

use std::collections::BTreeMap;

use base::Rng;
use engine::Threads;
use ochredb::Value;

use crate::Word;
use crate::replay::Recorded;

const START_MS: i64 = 1_700_000_000_000;
const FIELDS: u64 = 14;
const KEYS: [&str; 4] = ["h:0", "h:1", "h:2", "h:3"];

/// Of each field the value and the deadline.
type Hashes = BTreeMap<(Word, Word), (Word, i64)>;

fn content(node: &mut Recorded, now_ms: i64) -> Hashes {
    let mut content = Hashes::new();
    for key in KEYS {
        let pairs = match node.run(now_ms, ["HGETALL", key]) {
            Value::Map(pairs) => pairs,
            other => panic!("HGETALL gave {other:?}"),
        };
        for (field, value) in pairs {
            let word = |value: &Value| value.as_bytes().expect("a word").to_vec();
            let (field, value) = (word(&field), word(&value));
            let argv: [&[u8]; 5] = [b"HPEXPIRETIME", key.as_bytes(), b"FIELDS", b"1", &field];
            let Value::Array(times) = node.run(now_ms, argv) else {
                panic!("a time for each field");
            };
            let Value::Int(ms) = times[0] else {
                panic!("a time is a number");
            };
            content.insert((key.into(), field), (value, ms));
        }
    }
    content
}

fn request(rng: &mut Rng, now_ms: i64) -> String {
    let key = KEYS[rng.below(4) as usize];
    let other = KEYS[rng.below(4) as usize];
    let field = |rng: &mut Rng| format!("f{}", rng.below(FIELDS));
    let (f, g) = (field(rng), field(rng));
    // Long ones make a hash large.
    let value = "v".repeat(if rng.below(200) == 0 { 70 } else { 3 });
    let life = rng.below(3_000) as i64 - 300;
    let (life, at) = (life.max(0), now_ms + life);
    let condition = ["", "NX ", "XX ", "GT ", "LT "][rng.below(5) as usize];
    match rng.below(24) {
        0..4 => format!("HSET {key} {f} {value} {g} 7"),
        4..7 => format!("HPEXPIRE {key} {life} {condition}FIELDS 2 {f} {g}"),
        7 => format!("HPEXPIREAT {key} {at} {condition}FIELDS 2 {f} {f}"),
        8 => format!("HPERSIST {key} FIELDS 2 {f} {g}"),
        9 => format!("HGETEX {key} PX {life} FIELDS 2 {f} {g}"),
        10 => format!("HGETEX {key} PERSIST FIELDS 1 {f}"),
        11 => format!("HGETDEL {key} FIELDS 2 {f} {g}"),
        12 => format!("HSETEX {key} PX {life} FIELDS 2 {f} {value} {g} 8"),
        13 => format!("HSETEX {key} KEEPTTL FIELDS 2 {f} {value} {g} 8"),
        14 => format!("HSETEX {key} FNX PXAT {at} FIELDS 1 {f} 3"),
        15 => format!("HINCRBY {key} n 3"),
        16 => format!("HINCRBYFLOAT {key} n 0.5"),
        17 => format!("HPEXPIRE {key} {life} FIELDS 1 n"),
        18 => format!("HSETNX {key} {f} {value}"),
        19 => format!("HDEL {key} {f} {g}"),
        20 => format!("HMGET {key} {f} {g}"),
        21 => format!("HRANDFIELD {key} 3"),
        22 if key != other && rng.below(6) == 0 => format!("COPY {key} {other} REPLACE"),
        22 if rng.below(9) == 0 => format!("DEL {key}"),
        _ => format!("HGETALL {key}"),
    }
}

#[test]
fn effects_make_the_same_hashes_again() {
    for threads in [Threads::One, Threads::Many(4)] {
        let seed = std::env::var("OCHRE_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
        println!("OCHRE_SEED={seed}");
        let mut rng = Rng::new(seed);
        let mut first = Recorded::new(seed, threads);
        let mut now_ms = START_MS;
        for step in 0..6_000 {
            now_ms += rng.below(120) as i64;
            if rng.below(12) == 0 {
                first.sweep(now_ms);
                continue;
            }
            let request = request(&mut rng, now_ms);
            let reply = first.run(now_ms, request.split(' '));
            let is_no_number = matches!(&reply, Value::Error(line)
                if line.ends_with("not an integer"));
            let failed = matches!(reply, Value::Error(_)) && !is_no_number;
            assert!(!failed, "step {step}: {request} gave {reply:?}");
        }
        let groups = first.take_groups();
        assert!(groups.len() > 1_000);
        let mut second = Recorded::replay(&groups, !seed, Threads::One);
        let (first, second) = (content(&mut first, now_ms), content(&mut second, now_ms));
        assert!(!first.is_empty());
        assert_eq!(first, second);
    }
}
