//! What appending, committing and recovering cost on this machine.
//!
//! ```text
//!   cargo run --release -p ochre-persist --example log_cost -- <directory>
//! ```
//!
//! Medians of the syncs, with room reserved ahead and with zeros written ahead, interleaved.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use persist::log::{FsyncPolicy, Log, Options, Recovery, Settings};
use persist::{Disk, Place, Storage};

fn main() {
    let dir = std::env::args().nth(1).expect("a directory to write in");
    for round in 0..3 {
        append_cost();
        for group_count in [1, 50] {
            for (what, ahead) in [("reserved", 0), ("zeros ahead", 512 << 10)] {
                sync_cost(Path::new(&dir), round, what, ahead, group_count);
            }
        }
    }
    recovery_cost(Path::new(&dir));
}

fn open(dir: &Path, settings: Settings) -> Log {
    let recovery = survey(dir);
    let storage: Arc<dyn Storage> = Arc::new(Disk);
    Log::open(storage, &recovery, settings).expect("opens")
}

fn survey(dir: &Path) -> Recovery {
    let options = Options {
        load_truncated: true,
    };
    Recovery::survey(&Disk, &Place::usual(dir), options, &mut |_, _| Ok(0)).expect("whole")
}

fn effect() -> Vec<u8> {
    let mut bytes = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$64\r\n".to_vec();
    bytes.extend([b'x'; 64]);
    bytes.extend(b"\r\n");
    bytes
}

/// Appends alone, with a commit to memory's disk every hundred.
fn append_cost() {
    const APPENDS: u32 = 1_000_000;
    let shm = Path::new("/dev/shm").join(format!("ochre-log-cost-{}", std::process::id()));
    std::fs::create_dir_all(&shm).expect("made");
    let log = open(&shm, Settings::new(FsyncPolicy::No));
    let effect = effect();
    let (mut in_append, mut in_commit) = (0, 0);
    for _ in 0..APPENDS / 100 {
        let began = Instant::now();
        for _ in 0..100 {
            log.append([(0, effect.as_slice())]);
        }
        in_append += began.elapsed().as_nanos();
        let began = Instant::now();
        log.commit(0, &|| 0).expect("commits");
        in_commit += began.elapsed().as_nanos();
    }
    let per = |nanos: u128| nanos as f64 / f64::from(APPENDS);
    println!(
        "append {:.1} ns, commit without sync {:.1} ns for each of 100 groups of {} bytes",
        per(in_append),
        per(in_commit),
        effect.len()
    );
    let began = Instant::now();
    let mut admitted = 0;
    for _ in 0..10_000_000 {
        admitted += u64::from(std::hint::black_box(&log).admit(100).is_ok());
    }
    println!(
        "admit {:.1} ns ({admitted})",
        began.elapsed().as_nanos() as f64 / 1e7
    );
    drop(log);
    std::fs::remove_dir_all(&shm).expect("removed");
}

fn sync_cost(dir: &Path, round: u32, what: &str, ahead: u64, group_count: u32) {
    let dir = dir.join(format!("ochre-log-cost-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("made");
    let mut settings = Settings::new(FsyncPolicy::Always);
    settings.zero_ahead_bytes = ahead;
    let log = open(&dir, settings);
    let effect = effect();
    let start = Instant::now();
    let clock = || start.elapsed().as_micros() as u64;
    let (mut syncs, mut commits) = (Vec::new(), Vec::new());
    for _ in 0..1500 {
        for _ in 0..group_count {
            log.append([(0, effect.as_slice())]);
        }
        let began = Instant::now();
        let committed = log.commit(0, &clock).expect("commits");
        commits.push(began.elapsed().as_micros() as u64);
        syncs.push(committed.fsync_us.expect("synced"));
    }
    syncs.sort_unstable();
    commits.sort_unstable();
    let at = |times: &[u64], part: f64| times[(times.len() as f64 * part) as usize];
    println!(
        "round {round}, {group_count} groups per commit, {what}: fdatasync median {} p99 {} us, \
         commit median {} p99 {} us, mean {} us",
        at(&syncs, 0.5),
        at(&syncs, 0.99),
        at(&commits, 0.5),
        at(&commits, 0.99),
        commits.iter().sum::<u64>() / commits.len() as u64
    );
    drop(log);
    std::fs::remove_dir_all(&dir).expect("removed");
}

fn recovery_cost(dir: &Path) {
    const GROUPS: u32 = 3_000_000;
    let dir = dir.join(format!("ochre-log-cost-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("made");
    let log = open(&dir, Settings::new(FsyncPolicy::No));
    let effect = effect();
    for number in 0..GROUPS {
        log.append([(0, effect.as_slice())]);
        if number % 50 == 0 {
            log.commit(0, &|| 0).expect("commits");
        }
    }
    log.close(0, &|| 0).expect("closes");
    for _ in 0..3 {
        let began = Instant::now();
        let recovery = survey(&dir);
        let surveyed = began.elapsed();
        let began = Instant::now();
        let mut commands = recovery.commands(&Disk);
        let mut count = 0u64;
        while commands.advance().expect("whole").is_some() {
            count += 1;
        }
        let read = began.elapsed();
        let mb = recovery.parts[0].len as f64 / 1e6;
        println!(
            "{count} commands, {mb:.0} MB: survey {:.0} MB/s, read {:.0} MB/s, {:.1} M commands/s",
            mb / surveyed.as_secs_f64(),
            mb / read.as_secs_f64(),
            count as f64 / read.as_secs_f64() / 1e6
        );
    }
    std::fs::remove_dir_all(&dir).expect("removed");
}
