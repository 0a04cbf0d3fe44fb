//! What large sets, hashes and sorted sets weigh per element over their payload, and how long their
//! operations take.
//!
//! ```sh
//! cargo run --release -p ochre-structs --example weigh            # memory
//! cargo run --release -p ochre-structs --example weigh -- time    # memory and time
//! ```

use std::hint::black_box;
use std::time::Instant;

use base::Rng;
use structs::dict::{Deadline, Dict};
use structs::zset::ZSet;

const SECRET: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
const VALUE: &[u8] = b"a value of 24 bytes here";

fn main() {
    weigh_dicts();
    weigh_zsets();
    if std::env::args().any(|arg| arg == "time") {
        for count in [100_000, 1_000_000] {
            time(count);
        }
    }
}

fn member(i: usize) -> Vec<u8> {
    format!("member:{i:08}").into_bytes()
}

/// Print how the overhead goes while something grows.
fn weigh(what: &str, counts: (usize, usize), mut add: impl FnMut(usize) -> (usize, usize)) {
    let (from, to) = counts;
    let (mut sum, mut most, mut looks, mut payload) = (0.0, 0.0f64, 0, 0);
    for i in 0..to {
        let (more, memory_bytes) = add(i);
        payload += more;
        if i + 1 >= from && (i + 1) % 10_000 == 0 {
            let each = (memory_bytes as f64 - payload as f64) / (i + 1) as f64;
            (sum, most, looks) = (sum + each, most.max(each), looks + 1);
        }
        if [1_000, 10_000, 100_000, 1_000_000].contains(&(i + 1)) {
            let each = (memory_bytes as f64 - payload as f64) / (i + 1) as f64;
            println!("{what:24} {:>9} elements: {each:6.2} bytes each", i + 1);
        }
    }
    let mean = sum / f64::from(looks);
    println!("{what:24} {from} to {to}: {mean:.2} bytes each on average, {most:.2} at most");
}

fn weigh_dicts() {
    let mut set = Dict::of_members(SECRET);
    weigh("set", (500_000, 2_000_000), |i| {
        let name = member(i);
        set.add(&name);
        (name.len(), set.memory_bytes())
    });
    let mut hash = Dict::of_fields(SECRET);
    weigh("hash", (500_000, 2_000_000), |i| {
        let name = member(i);
        hash.put(&name, VALUE, Deadline::None);
        (name.len() + VALUE.len(), hash.memory_bytes())
    });
    while hash.len() > 20_000 {
        hash.pop(&mut Rng::new(hash.len() as u64));
    }
    println!(
        "hash after mass removal: {} bytes each",
        hash.memory_bytes() / hash.len()
    );
}

fn weigh_zsets() {
    let mut rng = Rng::new(1);
    let random = move |_| rng.f64();
    let orders: [(&str, Box<dyn FnMut(usize) -> f64>); 3] = [
        ("zset, random", Box::new(random)),
        ("zset, ascending", Box::new(|i| i as f64)),
        ("zset, equal scores", Box::new(|_| 0.0)),
    ];
    for (what, mut score) in orders {
        let mut zset = ZSet::new(SECRET);
        weigh(what, (500_000, 1_000_000), |i| {
            let name = member(i);
            zset.set(&name, score(i));
            (name.len() + 8, zset.memory_bytes())
        });
    }
}

/// Run something for each member in a random order and print what one takes.
fn each(what: &str, members: &[Vec<u8>], mut run: impl FnMut(&[u8])) {
    let start = Instant::now();
    members.iter().for_each(|member| run(member));
    let took = start.elapsed().as_nanos() as f64 / members.len() as f64;
    println!(
        "{what:24} {:>9} elements: {took:6.0} ns each",
        members.len()
    );
}

fn time(count: usize) {
    let mut rng = Rng::new(2);
    let mut members: Vec<Vec<u8>> = (0..count).map(member).collect();
    let mut shuffle = |members: &mut Vec<Vec<u8>>| {
        for i in 0..members.len() {
            members.swap(i, rng.below(i as u64 + 1) as usize);
        }
    };
    shuffle(&mut members);
    let mut set = Dict::of_members(SECRET);
    each("set add", &members, |name| assert!(set.add(name)));
    shuffle(&mut members);
    each("set contains", &members, |name| assert!(set.contains(name)));
    let mut random = Rng::new(3);
    each("set random", &members, |_| {
        black_box(set.random(&mut random));
    });
    shuffle(&mut members);
    each("set remove", &members, |name| assert!(set.remove(name)));
    let mut hash = Dict::of_fields(SECRET);
    each("hash put", &members, |name| {
        assert!(hash.put(name, VALUE, Deadline::None))
    });
    shuffle(&mut members);
    each("hash put again", &members, |name| {
        assert!(!hash.put(name, VALUE, Deadline::Keep))
    });
    each("hash get", &members, |name| {
        assert_eq!(hash.get(name).unwrap().value, VALUE)
    });
    let mut zset = ZSet::new(SECRET);
    let mut scores = Rng::new(4);
    each("zset add", &members, |name| {
        zset.set(name, scores.f64());
    });
    shuffle(&mut members);
    each("zset score", &members, |name| {
        black_box(zset.score(name));
    });
    each("zset rank", &members, |name| {
        black_box(zset.rank(name));
    });
    each("zset change", &members, |name| {
        zset.set(name, scores.f64());
    });
    each("zset nudge", &members, |name| {
        let score = zset.score(name).unwrap();
        zset.set(name, score + 1e-9);
    });
    shuffle(&mut members);
    each("zset remove", &members, |name| {
        black_box(zset.remove(name));
    });
}
