//! HyperLogLogs in the log: a replay makes the same bytes, the kept count included.

use base::Rng;
use engine::Threads;

use crate::replay::Recorded;

const NOW_MS: i64 = 1_700_000_000_000;
const STEPS: usize = 1_500;

#[test]
fn a_replay_makes_the_same_bytes() {
    let seed = match std::env::var("OCHRE_SEED") {
        Ok(seed) => seed.parse().expect("OCHRE_SEED is a number"),
        Err(_) => std::process::id().into(),
    };
    println!("OCHRE_SEED={seed}");
    let mut rng = Rng::new(seed);
    let mut node = Recorded::new(seed, Threads::Many(2));
    for _ in 0..STEPS {
        node.run(NOW_MS, request(&mut rng));
    }
    node.check_replay(NOW_MS, seed);
}

/// The default limit is there when the log is replayed; what a lower one made dense stays so.
#[test]
fn a_replay_does_not_depend_on_the_limit() {
    let mut node = Recorded::new(3, Threads::One);
    node.run(NOW_MS, ["CONFIG", "SET", "hll-sparse-max-bytes", "22"]);
    for request in [
        "PFADD a 1",
        "PFADD a 2 3",
        "PFADD b 1 2 3",
        "PFADD c 1",
        "PFMERGE d a c",
    ] {
        node.run(NOW_MS, request.split(' '));
    }
    node.run(NOW_MS, ["PFADD", "e", "1"]);
    node.run(NOW_MS, ["PFADD", "f", "2"]);
    node.run(NOW_MS, ["PFMERGE", "g", "e", "f"]);
    let before = node.keyspace(NOW_MS);
    let groups = node.take_groups();
    let mut twin = Recorded::replay(&groups, 4, Threads::One);
    assert_eq!(before, twin.keyspace(NOW_MS));
}

fn request(rng: &mut Rng) -> Vec<String> {
    let key = |rng: &mut Rng| format!("k{}", rng.below(6));
    let mut words = vec![
        ["PFADD", "PFCOUNT", "PFMERGE"][rng.below(3) as usize].into(),
        key(rng),
    ];
    match rng.below(10) {
        0 => words = vec!["PFDEBUG".into(), "GETREG".into(), key(rng)],
        1 => words = vec!["DEL".into(), key(rng)],
        2 => words = vec!["EXPIRE".into(), key(rng), "1000".into()],
        3 => words = vec!["COPY".into(), key(rng), key(rng), "REPLACE".into()],
        _ if words[0] == "PFADD" => {
            let elements = (0..rng.below(60)).map(|_| rng.below(3_000).to_string());
            words.extend(elements.collect::<Vec<_>>());
        }
        _ => {
            let keys = (0..rng.below(3)).map(|_| key(rng));
            words.extend(keys.collect::<Vec<_>>());
        }
    }
    words
}
