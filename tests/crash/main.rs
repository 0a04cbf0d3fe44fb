//! Servers that are killed, and files that are damaged: what was acknowledged is there, and what
//! is not whole is refused.
//!
//! Each campaign prints its seed; `OCHRE_SEED` repeats its workload. The quick run is bounded by
//! rounds; `OCHRE_CRASH_ROUNDS=100` makes a campaign longer. `tests/sabotage` shows that servers
//! which forget are caught.

mod damage;
mod full;
mod heal;
mod jobs;
mod kills;
mod latency;
mod node;
mod removal;
mod rotation;
mod slow;

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long campaigns are.
fn rounds() -> usize {
    let rounds = std::env::var("OCHRE_CRASH_ROUNDS").ok();
    let rounds = rounds.map(|rounds| rounds.parse().expect("OCHRE_CRASH_ROUNDS is a number"));
    rounds.unwrap_or(4)
}

fn seed() -> u64 {
    if let Ok(seed) = std::env::var("OCHRE_SEED") {
        return seed.parse().expect("OCHRE_SEED is a number");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_nanos() as u64
}

/// Says that nothing was checked. Past the test harness, which keeps the output of a passing
/// test to itself.
fn skipped(why: &str) {
    let word = format!("SKIPPED: {why}\n");
    std::io::stderr()
        .write_all(word.as_bytes())
        .expect("stderr is open");
}
