//! The commands about keys as such, against what they promise.
//!
//! - `random`: sequences of commands, several databases, a clock that jumps, a
//!   second session that watches; every reply predicted by a naive `model`.
//! - `replay`: the effects of such a sequence, run again on an empty engine,
//!   make the same keyspace.
//! - `stale`: expired keys that nobody has removed yet, and who watches them.
//! - `walks`: what SCAN, KEYS and RANDOMKEY guarantee over several shards,
//!   while keys come and go.
//!
//! Each run prints its seed; `OCHRE_SEED` repeats one.

mod model;
mod random;
mod replay;
mod stale;
mod walks;

use base::Rng;

/// One word of a request.
type Word = Vec<u8>;

/// Words of any kind, as one request.
fn words(text: &str) -> Vec<Word> {
    text.split(' ').map(|word| word.into()).collect()
}

/// Randomness from a seed that is printed, or given.
fn seeded(test: &str) -> (u64, Rng) {
    let given = std::env::var("OCHRE_SEED").ok();
    let seed = match given {
        Some(seed) => seed.parse().expect("OCHRE_SEED is a number"),
        None => base::Now::read().unix_us as u64,
    };
    println!("OCHRE_SEED={seed} for {test}");
    (seed, Rng::new(seed))
}

/// One of several things.
fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.below(from.len() as u64) as usize]
}
