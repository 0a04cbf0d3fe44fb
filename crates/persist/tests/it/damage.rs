//! Small logs, damaged in every way that fits on a screen: what is served is a prefix of what was
//! written, in whole groups, or nothing is served at all.

use std::path::PathBuf;
use std::sync::Arc;

use crate::story::{DIR, Group, append, groups, place, settings, some_group, survey};
use base::Rng;
use persist::log::{FsyncPolicy, Log, Options, Recovery, Settings, Tail};
use persist::{Kind, Lsn, Place, Storage, Trouble};
use proptest::prelude::*;
use testkit::disk::SimDisk;

struct Written {
    disk: SimDisk,
    history: Vec<(Group, Lsn)>,
    /// How many groups had been synced when a later line was written.
    proved: usize,
}

/// When the logs of these tests begin, in unix seconds.
const BEGAN_SECS: u64 = 1_700_000_000;

/// A log of some groups, each committed with the given chance, in one file. Half of the seeds have
/// times in it.
fn written(seed: u64, count: usize, policy: FsyncPolicy, is_closed: bool) -> Written {
    let mut rng = Rng::new(seed);
    let disk = SimDisk::new(DIR.as_ref());
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let recovery = survey(&disk).expect("nothing there");
    let settings = Settings {
        timestamps: seed % 4 < 2,
        ..settings(policy)
    };
    let log = Log::open(storage, &recovery, settings).expect("opens");
    let mut history = Vec::new();
    let mut synced_before_last = 0;
    let mut last_commit = 0;
    for number in 0..count {
        let group = some_group(&mut rng, number);
        history.push((group.clone(), append(&log, &group)));
        if rng.below(2) == 0 || number + 1 == count {
            synced_before_last = last_commit;
            last_commit = history.len();
            log.tell_time(BEGAN_SECS + number as u64 / 2);
            log.commit(number as u64 * 300, &|| 0).expect("commits");
        }
    }
    if is_closed {
        log.close(0, &|| 0).expect("closes");
        synced_before_last = history.len();
    }
    let proved = if policy == FsyncPolicy::Always {
        synced_before_last
    } else {
        0
    };
    Written {
        disk,
        history,
        proved,
    }
}

fn log_path() -> PathBuf {
    place().file("appendonly.aof.1.incr.aof")
}

/// The number of groups served, or the refusal. Panics if something else than a prefix is served.
fn served(disk: &SimDisk, history: &[(Group, Lsn)]) -> Result<usize, Trouble> {
    let recovery = survey(disk)?;
    let served = groups(&recovery, disk)?;
    assert!(served.len() <= history.len());
    assert_eq!(served, history[..served.len()], "a prefix");
    Ok(served.len())
}

/// Damages the file, and looks at what is served. `keeps` says how many groups must be served or
/// refused: fewer may not be served in silence.
fn check(it: &Written, what: &str, keeps: usize, damage: impl FnOnce(&mut Vec<u8>)) -> bool {
    let original = it.disk.contents(&log_path()).expect("a log");
    let mut bytes = original.clone();
    damage(&mut bytes);
    it.disk.put(&log_path(), &bytes);
    let outcome = served(&it.disk, &it.history);
    it.disk.put(&log_path(), &original);
    match outcome {
        Ok(count) => {
            assert!(count >= keeps, "{what}: {count} served, {keeps} were there");
            true
        }
        Err(trouble) => {
            let place = trouble.path == log_path() && trouble.offset.is_some();
            let kind = matches!(trouble.kind, Kind::Damaged | Kind::Foreign);
            assert!(kind && place, "{what}: {trouble}");
            false
        }
    }
}

/// Where each group line begins, found without the code under test.
fn lines(bytes: &[u8]) -> Vec<usize> {
    // Some values look like lines.
    let is_value = |at: usize| bytes[at..].starts_with(b"#OCH1 lsn=0 len=0 synced=0 crc=00000000");
    let is_line = |at: &usize| bytes[*at..].starts_with(b"#OCH1 lsn=") && !is_value(*at);
    (0..bytes.len()).filter(is_line).collect()
}

#[test]
fn an_undamaged_log_is_served_whole() {
    for policy in [FsyncPolicy::Always, FsyncPolicy::EverySec, FsyncPolicy::No] {
        for is_closed in [false, true] {
            let it = written(1, 30, policy, is_closed);
            assert_eq!(served(&it.disk, &it.history), Ok(30));
            let tail = survey(&it.disk).expect("whole").parts[0].tail.clone();
            assert_eq!(
                tail,
                if is_closed {
                    Tail::Clean
                } else {
                    Tail::Reserved
                }
            );
        }
    }
}

#[test]
fn cut_at_every_byte() {
    let mut checks = 0;
    for seed in 0..4 {
        let it = written(seed, 12, FsyncPolicy::Always, true);
        let bytes = it.disk.contents(&log_path()).expect("a log");
        let mut last = 0;
        for cut in 0..=bytes.len() {
            let mut count = 0;
            let is_served = check(&it, &format!("seed {seed} cut at {cut}"), 0, |bytes| {
                bytes.truncate(cut);
            });
            assert!(is_served, "a short log starts: seed {seed}, cut at {cut}");
            // More bytes never serve less.
            it.disk.put(&log_path(), &bytes[..cut]);
            count += served(&it.disk, &it.history).expect("starts");
            assert!(count >= last);
            last = count;
            it.disk.put(&log_path(), &bytes);
            checks += 1;
        }
        assert_eq!(last, it.history.len());
    }
    println!("{checks} cuts");
}

#[test]
fn every_bit_flipped() {
    let (mut checks, mut refused) = (0, 0);
    for (seed, is_closed) in [(1, true), (2, false), (3, true), (4, false)] {
        let it = written(seed, 10, FsyncPolicy::Always, is_closed);
        let bytes = it.disk.contents(&log_path()).expect("a log");
        let recovery = survey(&it.disk).expect("whole");
        let end = recovery.parts[0].end as usize;
        for bit in 0..8 * end {
            let what = format!("seed {seed}, bit {bit}");
            let is_served = check(&it, &what, it.proved, |bytes| {
                bytes[bit / 8] ^= 1 << (bit % 8)
            });
            checks += 1;
            refused += u64::from(!is_served);
        }
        // A closed log proves all of itself: only its last line may be cut.
        if is_closed {
            let last = *lines(&bytes).last().expect("a line");
            for byte in 0..last {
                let refused = !check(&it, "flip", it.proved, |bytes| bytes[byte] ^= 0x10);
                assert!(
                    refused,
                    "seed {seed}: a flip at {byte} of {last} was not noticed"
                );
            }
        }
    }
    println!("{checks} flips, {refused} refused");
}

#[test]
fn blocks_zeroed_filled_and_exchanged() {
    let mut checks = 0;
    for seed in 0..6 {
        let it = written(seed, 40, FsyncPolicy::Always, seed % 2 == 0);
        let end = survey(&it.disk).expect("whole").parts[0].end as usize;
        let bytes = it.disk.contents(&log_path()).expect("a log");
        let last = *lines(&bytes).last().expect("a line");
        let mut rng = Rng::new(seed);
        for at in (0..end).step_by(37) {
            let len = 1 + rng.below(600) as usize;
            let block = at..(at + len).min(end);
            let what = format!("seed {seed}, {block:?}");
            // Who destroys the last line destroys the proof.
            let proved = if block.end <= last { it.proved } else { 0 };
            check(&it, &what, proved, |bytes| bytes[block.clone()].fill(0));
            check(&it, &what, proved, |bytes| {
                rng.fill(&mut bytes[block.clone()])
            });
            let from = rng.below((end - block.len() + 1) as u64) as usize;
            check(&it, &what, proved, |bytes| {
                bytes.copy_within(from..from + block.len(), block.start);
            });
            // A hole: what is behind moves up.
            check(&it, &what, proved, |bytes| drop(bytes.drain(block)));
            checks += 4;
        }
    }
    println!("{checks} blocks");
}

#[test]
fn repeated_and_foreign_tails() {
    for seed in 0..6 {
        let it = written(seed, 20, FsyncPolicy::Always, true);
        let bytes = it.disk.contents(&log_path()).expect("a log");
        let mut starts = lines(&bytes);
        starts.extend((0..bytes.len()).step_by(53));
        for start in starts {
            let what = format!("seed {seed}, repeated from {start}");
            let all = it.history.len();
            let is_served = check(&it, &what, all, |whole| {
                whole.extend_from_slice(&bytes[start..])
            });
            // A tail that begins with a command looks like a stock server's and is not whole.
            assert!(is_served || bytes[start] == b'*', "{what}: refused");
        }
        for tail in [
            &b"\0\0\0#OCH1 "[..],
            b"garbage",
            b"#OCH1 lsn=",
            &[0; 5000],
            &[255; 700],
        ] {
            let is_served = check(&it, "a tail", it.history.len(), |bytes| bytes.extend(tail));
            assert!(is_served, "{tail:?} is cut");
        }
    }
}

/// A crash may leave the line with a time and nothing whole behind it, which is no stock server's
/// beginning and is cut, whatever the group begins with.
#[test]
fn a_time_without_its_group_is_cut() {
    let it = written(1, 1, FsyncPolicy::Always, false);
    let whole = it.disk.contents(&log_path()).expect("a log");
    let line = lines(&whole)[1];
    let time = b"#TS:1700000000\r\n";
    let start = line - time.len();
    assert_eq!(&whole[start..line], time);
    let group = line
        + whole[line..]
            .iter()
            .position(|b| *b == b'\n')
            .expect("an end")
        + 1;
    assert!(whole[group..].starts_with(b"*2\r\n$6\r\nSELECT"));
    for hole in [
        start + 6..start + 9,
        start + 6..line + 3,
        line..group - 2,
        line + 4..line + 9,
        start + 14..line + 1,
    ] {
        let what = format!("a hole at {hole:?}, time at {start}, line at {line}");
        let is_served = check(&it, &what, 0, |bytes| bytes[hole.clone()].fill(0));
        assert!(is_served, "{what}");
        let mut bytes = whole.clone();
        bytes[hole].fill(0);
        it.disk.put(&log_path(), &bytes);
        assert_eq!(survey(&it.disk).expect("served").end_lsn, 0, "{what}");
    }
}

#[test]
fn what_was_cut_is_reported() {
    let it = written(5, 10, FsyncPolicy::Always, true);
    let mut bytes = it.disk.contents(&log_path()).expect("a log");
    let start = *lines(&bytes).last().expect("the seal");
    bytes.truncate(start);
    bytes.extend_from_slice(b"#OCH1 lsn=5 len=6 synced=5 crc=00000000\r\n*1\r\n$4\r\nPING\r\n");
    it.disk.put(&log_path(), &bytes);
    let recovery = survey(&it.disk).expect("starts");
    let cut = recovery.cut().expect("a cut");
    assert_eq!((cut.offset, cut.commands), (start as u64, 1));
    assert_eq!(cut.bytes, (bytes.len() - start) as u64);
    let strict = Options {
        load_truncated: false,
    };
    let refused = Recovery::survey(&it.disk, &place(), strict, &mut |_, _| Ok(0));
    assert_eq!(refused.expect_err("refused").kind, Kind::Truncated);
}

#[test]
fn a_newer_version_is_told_from_damage() {
    let it = written(5, 3, FsyncPolicy::Always, true);
    let mut bytes = it.disk.contents(&log_path()).expect("a log");
    bytes.extend_from_slice(b"#OCH2 something else\r\n");
    it.disk.put(&log_path(), &bytes);
    let trouble = served(&it.disk, &it.history).expect_err("refused");
    assert_eq!(trouble.kind, Kind::Foreign);
}

/// Every file missing, emptied, or of an earlier time: refused, or whole, never less.
#[test]
fn files_of_another_time() {
    let disk = SimDisk::new(DIR.as_ref());
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let start = || {
        let recovery = survey(&disk).expect("whole");
        Log::open(storage.clone(), &recovery, settings(FsyncPolicy::Always)).expect("opens")
    };
    let mut rng = Rng::new(1);
    let mut history = Vec::new();
    let mut snapshots = Vec::new();
    for round in 0..3 {
        let log = start();
        for _ in 0..5 {
            let group = some_group(&mut rng, history.len());
            history.push((group.clone(), append(&log, &group)));
        }
        log.commit(0, &|| 0).expect("commits");
        let files = disk.files();
        let contents = |path: &PathBuf| (path.clone(), disk.contents(path).expect("a file"));
        snapshots.push(files.iter().map(contents).collect::<Vec<_>>());
        if round < 2 {
            log.begin_rotation();
            log.rotate(0, &|| 0).expect("rotates");
        }
        log.close(0, &|| 0).expect("closes");
    }
    assert_eq!(served(&disk, &history), Ok(history.len()));
    let last = disk.files();
    assert_eq!(last.len(), 4, "three files and a manifest: {last:?}");
    for path in &last {
        let now = disk.contents(path).expect("a file");
        disk.take_away(path);
        served(&disk, &history).expect_err("a file is missing");
        disk.put(path, b"");
        let outcome = served(&disk, &history);
        let is_newest = path.ends_with("appendonly.aof.3.incr.aof");
        assert!(outcome.is_err() || is_newest, "{} emptied", path.display());
        for (old_path, old) in snapshots.iter().flatten().filter(|(old, _)| old == path) {
            disk.put(path, old);
            match served(&disk, &history) {
                Err(trouble) => assert_eq!(trouble.kind, Kind::Damaged),
                Ok(count) => assert_eq!(count, history.len(), "{}", old_path.display()),
            }
        }
        disk.put(path, &now);
    }
    assert_eq!(served(&disk, &history), Ok(history.len()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    /// Any log, any few edits.
    #[test]
    fn edits(
        seed in 0u64..1000,
        count in 1usize..40,
        policy in 0usize..3,
        edits in prop::collection::vec((0usize..5, any::<u32>(), any::<u32>(), any::<u8>()), 1..4),
    ) {
        let policies = [FsyncPolicy::Always, FsyncPolicy::EverySec, FsyncPolicy::No];
        let it = written(seed, count, policies[policy], seed % 2 == 0);
        let mut bytes = it.disk.contents(&log_path()).expect("a log");
        for (kind, a, b, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = a as usize % bytes.len();
            let len = 1 + b as usize % (bytes.len() - at).min(700);
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => bytes[at..at + len].fill(byte & 1),
                3 => drop(bytes.drain(at..at + len)),
                _ => {
                    let copy = bytes[at..at + len].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
        }
        it.disk.put(&log_path(), &bytes);
        // Panics if anything but a prefix is served.
        let first = served(&it.disk, &it.history);
        prop_assert_eq!(&first, &served(&it.disk, &it.history));
        if first.is_ok() {
            // What is repaired starts again, with the same.
            let storage: Arc<dyn Storage> = Arc::new(it.disk.clone());
            let recovery = survey(&it.disk).expect("served");
            let log = Log::open(storage, &recovery, settings(FsyncPolicy::Always));
            drop(log.expect("opens"));
            prop_assert_eq!(first, served(&it.disk, &it.history));
        }
    }
}

/// The names are those of Redis unless they are chosen.
#[test]
fn names_can_be_chosen() {
    let disk = SimDisk::new(DIR.as_ref());
    let place = Place {
        dir: DIR.into(),
        folder: "my logs".into(),
        name: "my log.aof".into(),
    };
    let options = Options {
        load_truncated: true,
    };
    let look = || Recovery::survey(&disk, &place, options, &mut |_, _| Ok(0)).expect("whole");
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let log = Log::open(storage, &look(), settings(FsyncPolicy::Always)).expect("opens");
    append(&log, &vec![(0, vec![b"DEL".to_vec(), b"k".to_vec()])]);
    log.close(0, &|| 0).expect("closes");
    assert_eq!(groups(&look(), &disk).expect("served").len(), 1);
    let manifest = disk
        .contents(&place.file("my log.aof.manifest"))
        .expect("a manifest");
    let text = String::from_utf8(manifest).expect("ASCII");
    assert!(
        text.ends_with("\nfile \"my log.aof.1.incr.aof\" seq 1 type i\n"),
        "{text}"
    );
}
