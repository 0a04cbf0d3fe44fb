//! What the tests here share: chance from a seed that is printed.

use base::Rng;

/// A random sequence; `OCHRE_SEED` repeats one.
pub(crate) fn rng() -> Rng {
    let given = std::env::var("OCHRE_SEED").ok();
    let seed = match given {
        Some(seed) => seed.parse().expect("OCHRE_SEED is a number"),
        None => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.expect("after 1970").as_micros() as u64
        }
    };
    println!("OCHRE_SEED={seed}");
    Rng::new(seed)
}
