//! How late do keys go?
//!
//! A million keys of database 0 are due at random moments of the next minute.
//! Among them a thousand probes in database 1 are due too, and DBSIZE, which
//! looks at no key, tells when each is really gone: the lag of the k-th to go
//! is the time from the k-th deadline to the moment when only the others are
//! left. Nobody touches an expired key, so only active expiry removes it.

use std::time::{Duration, Instant, SystemTime};

use base::Rng;

use crate::Result;
use crate::client::{key, push};
use crate::server::{Commands, Server};

const VOLATILE: u64 = 1_000_000;
const PROBES: u64 = 1_000;
const SPREAD_MS: u64 = 60_000;
/// How long to wait for the last probe.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn run(commands: &Commands) -> Result<()> {
    println!(
        "Lag of deletion of {PROBES} probes, {VOLATILE} other keys due within {} s\n",
        SPREAD_MS / 1000
    );
    println!("| server | gone | p50 ms | p99 ms | max ms |");
    println!("|---|---|---|---|---|");
    for command in commands.each() {
        let server = Server::start(command)?;
        let lags_ms = measure(&server)?;
        let at = |share: f64| match lags_ms.len() {
            0 => "-".to_owned(),
            n => format!("{:.0}", lags_ms[((n - 1) as f64 * share) as usize]),
        };
        let gone = format!("{}/{PROBES}", lags_ms.len());
        let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
        println!("| {} | {gone} | {p50} | {p99} | {max} |", server.name);
    }
    Ok(())
}

fn measure(server: &Server) -> Result<Vec<f64>> {
    let mut client = server.connect()?;
    let mut rng = Rng::new(1);
    // Loading takes a while: the first deadline comes after it.
    let first_ms = unix_ms() + 15_000;
    client.pipeline(0..VOLATILE, |number, out| {
        let due = (first_ms + rng.below(SPREAD_MS)).to_string();
        push(out, &["SET", &key(number), "v", "PXAT", &due]);
    })?;
    let mut deadlines_ms: Vec<u64> = (0..PROBES)
        .map(|_| first_ms + rng.below(SPREAD_MS))
        .collect();
    deadlines_ms.sort_unstable();
    client.call(&["SELECT", "1"])?;
    client.pipeline(0..PROBES, |number, out| {
        let due = deadlines_ms[number as usize].to_string();
        push(out, &["SET", &key(number), "v", "PXAT", &due]);
    })?;
    if unix_ms() > first_ms {
        return Err("loading took longer than the time set aside for it".into());
    }
    let give_up = Instant::now() + Duration::from_millis(15_000 + SPREAD_MS) + PATIENCE;
    let mut lags_ms = Vec::new();
    while lags_ms.len() < PROBES as usize && Instant::now() < give_up {
        let left = client.int(&["DBSIZE"])? as u64;
        let now_ms = unix_ms();
        while lags_ms.len() < (PROBES - left) as usize {
            let deadline_ms = deadlines_ms[lags_ms.len()];
            lags_ms.push(now_ms as f64 - deadline_ms as f64);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    lags_ms.sort_by(f64::total_cmp);
    Ok(lags_ms)
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
