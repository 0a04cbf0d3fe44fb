//! Sorted sets in the log: a replay of their effects makes the same members and scores, to the bit.

#[allow(dead_code)]
#[path = "../common/replay.rs"]
mod replay;

use base::Rng;
use engine::Threads;

use replay::Recorded;

const NOW_MS: i64 = 1_700_000_000_000;
const STEPS: usize = 3_000;

#[test]
fn a_replay_makes_the_same_sets() {
    let seed = match std::env::var("OCHRE_SEED") {
        Ok(seed) => seed.parse().expect("OCHRE_SEED is a number"),
        Err(_) => std::process::id().into(),
    };
    println!("OCHRE_SEED={seed}");
    let mut rng = Rng::new(seed);
    let mut node = Recorded::new(seed, Threads::Many(2));
    for _ in 0..STEPS {
        let request = request(&mut rng);
        node.run(NOW_MS, request.split(' '));
    }
    node.check_replay(NOW_MS, seed);
}

/// What is told to the log, for each command that changes something.
#[test]
fn effects_are_canonical() {
    let mut node = Recorded::new(1, Threads::One);
    for (request, effects) in [
        ("ZADD z 1 a 2 b", "ZADD z 1 a 2 b"),
        ("ZADD z CH 1 a 3e0 b 4 c", "ZADD z 3e0 b 4 c"),
        ("ZADD z NX 9 a", ""),
        ("ZADD z GT 0 a 5 b", "ZADD z 5 b"),
        ("ZADD nokey XX 1 a", ""),
        ("ZADD z INCR 0.1 a", "ZADD z 1.1 a"),
        ("ZINCRBY z 0.2 a", "ZADD z 1.3 a"),
        ("ZINCRBY z 0 a", ""),
        ("ZREM z nobody c b b", "ZREM z c b"),
        ("ZREM z nobody", ""),
        ("ZADD z 1 x 2 y 3 z", "ZADD z 1 x 2 y 3 z"),
        ("ZPOPMIN z", "ZPOPMIN z 1"),
        ("ZMPOP 2 nokey z MAX COUNT 2", "ZPOPMAX z 2"),
        ("ZREMRANGEBYRANK z 5 9", ""),
        ("ZUNIONSTORE d 1 z", "ZUNIONSTORE d 1 z"),
        ("ZRANGESTORE d nokey 0 -1", "ZRANGESTORE d nokey 0 -1"),
        ("ZRANGESTORE d nokey 0 -1", ""),
        ("ZREMRANGEBYSCORE z -inf inf", "ZREMRANGEBYSCORE z -inf inf"),
        ("ZPOPMAX z 3", ""),
    ] {
        node.run(NOW_MS, request.split(' '));
        let told = node.take_groups().into_iter().flatten();
        let told = told.map(|(_, argv)| String::from_utf8(argv.join(&b' ')).expect("plain text"));
        assert_eq!(told.collect::<Vec<_>>().join("; "), effects, "{request}");
    }
}

fn request(rng: &mut Rng) -> String {
    let key = |rng: &mut Rng| format!("k{}", rng.below(6));
    let member = |rng: &mut Rng| match rng.below(3) {
        0 => rng.below(200).to_string(),
        _ => format!("member:{}", rng.below(200)),
    };
    let score = |rng: &mut Rng| match rng.below(9) {
        0 => "inf".to_owned(),
        1 => "-inf".to_owned(),
        2 => format!("{}e-7", rng.below(1_000)),
        3..6 => format!("{}.{}", rng.below(50), rng.below(1_000)),
        _ => (rng.below(40) as i64 - 20).to_string(),
    };
    let (one, other) = (key(rng), key(rng));
    match rng.below(16) {
        0..6 => {
            let options = ["", "NX ", "XX ", "GT ", "LT CH ", "INCR ", "XX GT "];
            let option = options[rng.below(options.len() as u64) as usize];
            let mut line = format!("ZADD {one} {option}{} {}", score(rng), member(rng));
            let more = if option == "INCR " { 0 } else { rng.below(40) };
            for _ in 0..more {
                line += &format!(" {} {}", score(rng), member(rng));
            }
            line
        }
        6 => format!("ZINCRBY {one} {} {}", score(rng), member(rng)),
        7 => format!("ZREM {one} {} {} {}", member(rng), member(rng), member(rng)),
        8 => format!("ZREMRANGEBYRANK {one} {} {}", rng.below(9), rng.below(20)),
        9 => format!("ZREMRANGEBYSCORE {one} ({} {}", score(rng), score(rng)),
        10 => format!("ZPOPMIN {one} {}", rng.below(5)),
        11 => format!("ZMPOP 2 {one} {other} MAX COUNT {}", 1 + rng.below(4)),
        12 => format!(
            "ZUNIONSTORE {} 3 k1 {one} {other} WEIGHTS 0.1 {} 3 AGGREGATE SUM",
            key(rng),
            score(rng)
        ),
        13 => format!("ZINTERSTORE {} 2 {one} {other} AGGREGATE MAX", key(rng)),
        14 => format!("ZRANGESTORE {one} {other} {} -1 REV", rng.below(9)),
        _ => format!("ZDIFFSTORE {} 2 {one} {other}", key(rng)),
    }
}
