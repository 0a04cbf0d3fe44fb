//! Every fuzz target on saved inputs and on random ones, without a fuzzer.
//!
//! Random inputs are bytes, saved inputs damaged in a few places, and pieces of two of them joined.
//! By default each target runs a fixed number of them from a fixed seed, so that a test run is the
//! same everywhere. `OCHRE_FUZZ_SECONDS` runs each target for so long instead, from a seed that
//! `OCHRE_SEED` gives or the clock.
//!
//! An input that fails is written to the folder for temporary files and named. To keep it, move it
//! to `fuzz/seeds/<target>/`: from then on every run begins with it.

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use base::Rng;
use bodies::{TARGETS, Target};

const RUNS: u32 = 300;
const INPUT_BYTES_MAX: u64 = 2_000;

macro_rules! target_tests {
    ($($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                drive(stringify!($name));
            }
        )+

        #[test]
        fn every_target_is_driven() {
            let driven = [$(stringify!($name)),+];
            assert!(TARGETS.iter().map(|target| target.name).eq(driven));
        }
    };
}

target_tests! {
    config_file
    deque
    dict
    engine_argv
    glob
    hll
    intset
    listpack
    log_recovery
    rdb
    replay
    resp_query
    restore
    split_args
    stream
    table
    value_read
    zset
}

#[test]
fn cargo_fuzz_knows_every_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("fuzz/Cargo.toml");
    for Target { name, .. } in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let path = folder.join(format!("fuzz_targets/{name}.rs"));
        let text = fs::read_to_string(path).expect("each target has a file");
        assert!(text.contains(&format!("bodies::{name}::run(")), "{name}");
    }
}

/// Run a target on its seeds, and then on what chance makes of them.
fn drive(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.expect("a target of this name");
    let seeds = seeds(name);
    for seed in &seeds {
        try_one(target, seed, "a saved input");
    }
    let (first_seed, until) = match env::var("OCHRE_FUZZ_SECONDS") {
        Err(_) => (0, None),
        Ok(seconds) => {
            let seconds = seconds.parse().expect("OCHRE_FUZZ_SECONDS is a number");
            let end = Instant::now() + Duration::from_secs(seconds);
            (chosen_seed(), Some(end))
        }
    };
    let goes_on = |run: u32| match until {
        None => run < RUNS,
        Some(end) => Instant::now() < end,
    };
    let mut run = 0;
    while goes_on(run) {
        let seed = first_seed + u64::from(run);
        let input = input(&mut Rng::new(seed), &seeds);
        try_one(target, &input, &format!("seed {seed}"));
        run += 1;
    }
    println!(
        "{name}: {} saved inputs, {run} random ones from seed {first_seed}",
        seeds.len()
    );
}

fn chosen_seed() -> u64 {
    match env::var("OCHRE_SEED") {
        Ok(seed) => seed.parse().expect("OCHRE_SEED is a number"),
        Err(_) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.expect("after 1970").as_micros() as u64
        }
    }
}

fn try_one(target: &Target, input: &[u8], origin: &str) {
    let run = target.run;
    let input_again = input.to_vec();
    if let Err(panic) = catch_unwind(move || run(&input_again)) {
        let path = env::temp_dir().join(format!("ochre-fuzz-{}", target.name));
        fs::write(&path, input).expect("the folder for temporary files is writable");
        eprintln!(
            "{} fails on {origin}; the input is {}",
            target.name,
            path.display()
        );
        std::panic::resume_unwind(panic);
    }
}

/// The saved inputs of a target, in the order of their names; none where none
/// were worth saving, as git keeps no empty folders.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../seeds")
        .join(name);
    let Ok(entries) = fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let read = |path| fs::read(path).expect("a seed is readable");
    paths.iter().map(read).collect()
}

/// An input that chance makes.
fn input(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    if seeds.is_empty() || rng.below(3) == 0 {
        let mut bytes = vec![0; rng.below(INPUT_BYTES_MAX) as usize];
        rng.fill(&mut bytes);
        return bytes;
    }
    let some = |rng: &mut Rng| seeds[rng.below(seeds.len() as u64) as usize].clone();
    let mut bytes = some(rng);
    if rng.below(2) == 0 {
        let other = some(rng);
        bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
        bytes.extend(&other[rng.below(other.len() as u64 + 1) as usize..]);
    }
    for _ in 0..rng.below(8) {
        if !bytes.is_empty() {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] = rng.next_u64() as u8;
        }
    }
    bytes
}
