//! What large sets, hashes and sorted sets weigh per element over their payload, and how much time of
//! a processor their operations take (on Linux, which counts it for each thread).
//!
//! ```sh
//! cargo run --release -p ochre-structs --example weigh            # memory
//! cargo run --release -p ochre-structs --example weigh -- time    # time
//! ```

use std::hint::black_box;

use base::Rng;
use structs::dict::{Deadline, Dict};
use structs::zset::ZSet;

const SECRET: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
const VALUE: &[u8] = b"a value of 24 bytes here";

fn main() {
    if std::env::args().any(|arg| arg == "time") {
        [100_000, 1_000_000].into_iter().for_each(time);
    } else {
        weigh_dicts();
        weigh_zsets();
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

/// The score of the member of a number.
type Score = Box<dyn FnMut(usize) -> f64>;

fn weigh_zsets() {
    let mut rng = Rng::new(1);
    let random = move |_| rng.f64();
    let orders: [(&str, Score); 3] = [
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

/// Time that a processor has spent on this thread.
fn processor_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next().unwrap_or_default();
    first.parse().unwrap_or(f64::NAN)
}

/// Run something for each member in the order given and print what one takes.
fn each(what: &str, members: &Members, mut run: impl FnMut(&[u8])) {
    let start = processor_ns();
    members.0.chunks(members.1).for_each(&mut run);
    let count = members.0.len() / members.1;
    let took = (processor_ns() - start) / count as f64;
    println!("{what:24} {count:>9} elements: {took:6.0} ns each");
}

/// Names one behind the other, so that reading them costs next to nothing, and their length.
struct Members(Vec<u8>, usize);

impl Members {
    fn new(count: usize) -> Members {
        let names: Vec<Vec<u8>> = (0..count).map(member).collect();
        Members(names.concat(), names[0].len())
    }

    fn shuffle(&mut self, rng: &mut Rng) {
        let mut names: Vec<&[u8]> = self.0.chunks(self.1).collect();
        for i in 0..names.len() {
            names.swap(i, rng.below(i as u64 + 1) as usize);
        }
        self.0 = names.concat();
    }
}

fn time(count: usize) {
    let mut rng = Rng::new(2);
    let mut members = Members::new(count);
    let mut shuffle = |members: &mut Members| members.shuffle(&mut rng);
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
