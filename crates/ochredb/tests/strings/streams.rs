//! Streams in the log: a replay makes the same entries, groups and deliveries, to the
//! millisecond and the count.

use base::Rng;
use engine::Threads;
use ochredb::Value;

use crate::replay::Recorded;

const NOW_MS: i64 = 1_700_000_000_000;
const STEPS: usize = 2_000;
const KEYS: u64 = 4;

#[test]
fn a_replay_makes_the_same_streams() {
    let seed = match std::env::var("OCHRE_SEED") {
        Ok(seed) => seed.parse().expect("OCHRE_SEED is a number"),
        Err(_) => std::process::id().into(),
    };
    println!("OCHRE_SEED={seed}");
    let mut rng = Rng::new(seed);
    let mut node = Recorded::new(seed, Threads::Many(2));
    node.run(NOW_MS, ["CONFIG", "SET", "stream-node-max-entries", "5"]);
    let (mut now_ms, mut groups) = (NOW_MS, Vec::new());
    for step in 0..STEPS {
        now_ms += rng.below(3) as i64;
        node.run(now_ms, request(&mut rng).split(' '));
        if step % 200 == 199 {
            groups.extend(node.take_groups());
            // Later, and with nodes of another size.
            let mut twin = Recorded::recover(&groups, now_ms + 5_000, seed, Threads::One);
            for key in 0..KEYS {
                let key = format!("s{key}");
                let words = ["XINFO", "STREAM", &key, "FULL", "COUNT", "0"];
                let (ours, theirs) = (node.run(now_ms, words), twin.run(now_ms, words));
                assert_eq!(told(ours), told(theirs), "step {step}, {key}");
            }
        }
    }
}

/// What is told of a stream, but for its nodes and when consumers were seen.
fn told(value: Value) -> Value {
    const PASSING: [&[u8]; 4] = [
        b"seen-time",
        b"active-time",
        b"radix-tree-keys",
        b"radix-tree-nodes",
    ];
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(told).collect()),
        Value::Map(pairs) => {
            let lasts = |name: &Value| name.as_bytes().is_none_or(|name| !PASSING.contains(&name));
            let pairs = pairs.into_iter().filter(|(name, _)| lasts(name));
            Value::Map(pairs.map(|(name, value)| (name, told(value))).collect())
        }
        other => other,
    }
}

fn request(rng: &mut Rng) -> String {
    let key = format!("s{}", rng.below(KEYS));
    let group = format!("g{}", rng.below(3));
    let consumer = format!("c{}", rng.below(3));
    let id = format!("{}-{}", 1 + rng.below(60), rng.below(4));
    let other = format!("{}-{}", 1 + rng.below(60), rng.below(4));
    let number = rng.below(20);
    let references = ["", " KEEPREF", " DELREF", " ACKED"][rng.below(4) as usize];
    match rng.below(34) {
        0..6 => format!("XADD {key} {id} f {number}"),
        6..8 => format!("XADD {key} {}-* f {number}", rng.below(60)),
        8 => format!("XADD {key} * f {number}"),
        9 => format!("XADD {key} MAXLEN ~ 12{references} {id} f {number}"),
        10 => format!("XADD {key} MINID = {other}{references} {id} f {number}"),
        11 => format!("XTRIM {key} MAXLEN {number}{references}"),
        12 => format!("XTRIM {key} MINID ~ {id} LIMIT 7{references}"),
        13 => format!("XDEL {key} {id} {other}"),
        14 => format!("XDELEX {key} IDS 2 {id} {other}{references}"),
        15 => format!("XACKDEL {key} {group} IDS 2 {id} {other}{references}"),
        16 => format!("XGROUP CREATE {key} {group} {id} MKSTREAM"),
        17 => format!("XGROUP CREATE {key} {group} $ ENTRIESREAD {number}"),
        18..22 => format!("XREADGROUP GROUP {group} {consumer} COUNT 3 STREAMS {key} >"),
        22 => format!("XREADGROUP GROUP {group} {consumer} NOACK STREAMS {key} >"),
        23..25 => format!("XREADGROUP GROUP {group} {consumer} COUNT 3 STREAMS {key} 0"),
        25..27 => format!("XACK {key} {group} {id} {other}"),
        27 => format!("XCLAIM {key} {group} {consumer} 1 {id} {other} IDLE 3 FORCE"),
        28 => format!("XCLAIM {key} {group} {consumer} 0 {id} TIME 5 LASTID {other} JUSTID"),
        29 => format!("XAUTOCLAIM {key} {group} {consumer} 2 {id} COUNT 3"),
        30 => format!("XSETID {key} 60-9 ENTRIESADDED {}", 100 + number),
        31 => match rng.below(6) {
            0 => format!("XGROUP DESTROY {key} {group}"),
            1 => format!("XGROUP DELCONSUMER {key} {group} {consumer}"),
            2 => format!("XGROUP SETID {key} {group} {id} ENTRIESREAD {number}"),
            3 => format!("DEL {key}"),
            _ => format!("XGROUP CREATECONSUMER {key} {group} {consumer}"),
        },
        32 => format!("COPY {key} s{} REPLACE", rng.below(KEYS)),
        _ => format!("RENAME {key} s{}", rng.below(KEYS)),
    }
}
