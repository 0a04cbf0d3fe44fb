//! DEBUG DIGEST is Redis', so that either server can say whether the other holds the
//! same: random writes go to both, and the digests are compared as they go.

use base::Rng;
use ochredb::Db;
use resp::Value;
use testkit::reply::Reply;
use testkit::target::Target;

const STEPS: usize = 4_000;

#[test]
fn digests_are_those_of_the_oracle() {
    let Some((_server, mut oracle)) = crate::oracle::start() else {
        return;
    };
    let options = Db::options().config("enable-debug-command", "yes");
    let db = options.expect("a known parameter").threads(2).memory();
    let mut rng = Rng::new(11);
    oracle.ask(0, &["FLUSHALL"]).expect("the oracle answers");
    for step in 0..STEPS {
        let line = request(&mut rng);
        let words: Vec<&str> = line.split(' ').collect();
        oracle.ask(0, &words).expect("the oracle answers");
        // An error is one on both sides.
        let _ = db.execute(&words);
        if step % 100 == 99 {
            let key = format!("k:{}", rng.below(300));
            for words in [
                &["DEBUG", "DIGEST"][..],
                &["DEBUG", "DIGEST-VALUE", &key, "k:1", "nokey"],
            ] {
                let theirs = oracle.ask(0, words).expect("the oracle answers");
                let ours = db.execute(words).expect("a digest");
                assert_eq!(text(&ours), plain(&theirs), "step {step}: {words:?}");
            }
        }
    }
}

/// Values of all kinds and encodings, with and without a deadline, in a few databases. No
/// deadline is near: when an expired key goes is each server's affair.
fn request(rng: &mut Rng) -> String {
    let key = format!("k:{}", rng.below(300));
    let len = [1, 30, 100, 3_000][rng.below(4) as usize];
    let value = char::from(b'a' + rng.below(26) as u8)
        .to_string()
        .repeat(len);
    let number = rng.below(9);
    let score = (rng.below(2_000) as f64 - 1_000.0) / 8.0;
    match rng.below(50) {
        0..3 => format!("SET {key} {value}"),
        3 => format!("SET {key} {}", rng.next_u64() as i64),
        4 => format!("SET {key} {value} EX 1000"),
        5 => format!("APPEND {key} {value}"),
        6 => format!("SETBIT {key} {} 1", rng.below(30_000)),
        7 => format!("EXPIRE {key} 5000"),
        8 => format!("PERSIST {key}"),
        9 => format!("DEL {key}"),
        10 => format!("INCR {key}"),
        11 | 12 => format!("HSET {key} f{} {value}", rng.below(9)),
        13 => format!("HINCRBY {key} n{} 7", rng.below(9)),
        14 => format!("HDEL {key} f{} n{}", rng.below(9), rng.below(9)),
        15 => format!("PFADD h{key} {} {}", rng.below(9), rng.below(99)),
        16 => format!("PFCOUNT h{key}"),
        17 => format!("PFMERGE h{key} hk:1 hk:2"),
        18 => format!("SADD {key} {number} {}", rng.next_u64() as i32),
        19 => format!("SADD {key} {value} m{number}"),
        20 => format!("SREM {key} {number} m{number} m1"),
        21 => format!("SMOVE {key} k:{} m{number}", rng.below(300)),
        22 => format!("SUNIONSTORE {key} k:{} k:{number}", rng.below(300)),
        23 => format!("SINTERSTORE {key} k:{} {key}", rng.below(300)),
        24 => format!("SDIFFSTORE {key} k:{} k:{number} {key}", rng.below(300)),
        25 | 26 => format!("ZADD {key} {score} m{} 7 {value}", rng.below(9)),
        27 => format!("ZINCRBY {key} 0.1 m{}", rng.below(9)),
        28 => format!("ZREM {key} m{} {value}", rng.below(9)),
        29 => format!("ZPOPMIN {key}"),
        30 => format!("ZUNIONSTORE {key} 2 k:1 k:{} WEIGHTS 1 0.3", rng.below(9)),
        31 => format!("ZREMRANGEBYSCORE {key} (1 {score}"),
        32..35 => format!(
            "XADD s{key} MAXLEN 9 {}-{} f{} {value} n 7",
            rng.below(9),
            rng.below(9),
            rng.below(3)
        ),
        35 => format!(
            "XDEL s{key} {}-{} {}-{}",
            rng.below(9),
            rng.below(9),
            rng.below(9),
            rng.below(9)
        ),
        36 => format!("XGROUP CREATE s{key} g 0 MKSTREAM"),
        37..40 => format!("RPUSH l{key} {value} {} 7", rng.below(9)),
        40 => format!("LPUSH l{key} {} {value}", rng.next_u64() as i64),
        41 => format!("LMOVE l{key} lk:{} LEFT RIGHT", rng.below(300)),
        42 => format!("LREM l{key} {} {}", rng.below(5) as i64 - 2, rng.below(9)),
        43 => format!("LINSERT l{key} BEFORE 7 {value}"),
        44 => format!("LSET l{key} {} {value}", rng.below(9) as i64 - 4),
        45 => format!("LTRIM l{key} {} -2", rng.below(3)),
        46 => format!("RPOP l{key} {}", rng.below(4)),
        47 => format!("LMPOP 2 l{key} lk:{} LEFT COUNT 2", rng.below(300)),
        _ => format!("SELECT {}", rng.below(4)),
    }
}

fn text(value: &Value) -> Vec<String> {
    match value {
        Value::Simple(line) => vec![line.to_string()],
        Value::Array(values) => values.iter().flat_map(text).collect(),
        other => panic!("{other:?} is no digest"),
    }
}

fn plain(reply: &Reply) -> Vec<String> {
    match reply {
        Reply::Simple(line) => vec![String::from_utf8_lossy(line.as_ref()).into_owned()],
        Reply::Array(replies) => replies.iter().flat_map(plain).collect(),
        other => panic!("{other} is no digest"),
    }
}
