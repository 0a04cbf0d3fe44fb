//! The example of `docs/formats/log.md`, byte for byte: written so today, and read so forever.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use persist::Storage;
use persist::log::{FsyncPolicy, Log, Settings, Tail};
use testkit::disk::SimDisk;

use crate::story::{DIR, append, groups, place, settings, survey};

const MANIFEST: &str = "\
#OCH1 base=0 crc=9d488701
file appendonly.aof.1.incr.aof seq 1 type i
";

const LOG: &str = "\
#OCH1 lsn=0 len=0 synced=0 crc=8e7c1e9b\r
#OCH1 lsn=0 len=50 synced=0 crc=cca5cec9\r
*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n\
#OCH1 lsn=50 len=99 synced=50 crc=7e73430b\r
*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n\
*2\r\n$3\r\nDEL\r\n$1\r\nc\r\n*1\r\n$4\r\nEXEC\r\n\
#OCH1 lsn=149 len=0 synced=149 crc=08db2912\r
";

/// The same with `aof-timestamp-enabled`: two commits in one second, one in the next.
const LOG_WITH_TIMES: &str = "\
#OCH1 lsn=0 len=0 synced=0 crc=8e7c1e9b\r
#TS:1700000000\r
#OCH1 lsn=0 len=50 synced=0 time=1700000000 crc=13e2d4f7\r
*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n\
#OCH1 lsn=50 len=20 synced=50 crc=61578693\r
*2\r\n$3\r\nDEL\r\n$1\r\nc\r\n\
#TS:1700000001\r
#OCH1 lsn=70 len=20 synced=70 time=1700000001 crc=236e62a1\r
*2\r\n$3\r\nDEL\r\n$1\r\nd\r\n\
#OCH1 lsn=90 len=0 synced=90 crc=51743d6f\r
";

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn the_example_is_written_and_read() {
    let disk = SimDisk::new(DIR.as_ref());
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let open = || {
        let recovery = survey(&disk).expect("whole");
        Log::open(storage.clone(), &recovery, settings(FsyncPolicy::Always)).expect("opens")
    };
    let log = open();
    let first = vec![(0, words(&["SET", "a", "1"]))];
    let second = vec![(3, words(&["SET", "b", "2"])), (3, words(&["DEL", "c"]))];
    append(&log, &first);
    log.commit(0, &|| 0).expect("commits");
    append(&log, &second);
    log.commit(0, &|| 0).expect("commits");
    log.close(0, &|| 0).expect("closes");
    let text =
        |path: &Path| String::from_utf8(disk.contents(path).expect("a file")).expect("ASCII");
    let path = place().file("appendonly.aof.1.incr.aof");
    assert_eq!(text(&path), LOG);
    assert_eq!(text(&place().file("appendonly.aof.manifest")), MANIFEST);

    let recovery = survey(&disk).expect("whole");
    assert_eq!(recovery.parts[0].tail, Tail::Clean);
    assert_eq!(recovery.end_lsn, 149);
    let served = groups(&recovery, &disk).expect("served");
    assert_eq!(served, [(first, 50), (second, 149)]);
}

#[test]
fn the_example_with_times_is_written_and_read() {
    let disk = SimDisk::new(DIR.as_ref());
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let recovery = survey(&disk).expect("nothing there");
    let settings = Settings {
        timestamps: true,
        ..settings(FsyncPolicy::Always)
    };
    let log = Log::open(storage, &recovery, settings).expect("opens");
    let groups = [
        (["SET", "a", "1"].as_slice(), 0),
        (&["DEL", "c"], 0),
        (&["DEL", "d"], 1),
    ];
    for (group, second) in groups {
        append(&log, &vec![(0, words(group))]);
        log.tell_time(1_700_000_000 + second);
        log.commit(0, &|| 0).expect("commits");
    }
    log.close(0, &|| 0).expect("closes");
    let path = place().file("appendonly.aof.1.incr.aof");
    let bytes = disk.contents(&path).expect("a file");
    assert_eq!(String::from_utf8(bytes).expect("ASCII"), LOG_WITH_TIMES);

    let recovery = survey(&disk).expect("whole");
    assert_eq!((recovery.end_lsn, recovery.parts[0].groups), (90, 5));
    let mut commands = recovery.commands(&disk);
    let mut seen = Vec::new();
    while let Some(command) = commands.advance().expect("sound") {
        seen.push((command.end_lsn, command.unix_secs));
    }
    let (first, second) = (Some(1_700_000_000), Some(1_700_000_001));
    assert_eq!(seen, [(23, first), (50, first), (70, first), (90, second)]);
}

/// A driver that writes while the policy becomes `always` syncs with that, and says so to nobody.
#[test]
fn what_was_synced_by_a_write_is_published_by_the_next_commit() {
    let disk = SimDisk::new(DIR.as_ref());
    disk.set_writes_through(true);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let recovery = survey(&disk).expect("nothing there");
    let log = Log::open(storage, &recovery, settings(FsyncPolicy::Always)).expect("opens");
    let end = append(&log, &vec![(0, words(&["SET", "k", "v"]))]);
    log.write().expect("writes");
    assert_eq!(log.written_lsn(), end);
    log.commit(0, &|| 0).expect("commits");
    assert_eq!(log.durable_lsn(), end);
}

/// Many threads append while one commits: the file has the order that the LSNs say.
#[test]
fn threads_append_and_one_commits() {
    const THREADS: usize = 4;
    const GROUPS: usize = 3_000;
    let disk = SimDisk::new(DIR.as_ref());
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let recovery = survey(&disk).expect("nothing there");
    let log = Log::open(storage, &recovery, settings(FsyncPolicy::Always)).expect("opens");
    let is_over = AtomicBool::new(false);
    let appended: BTreeMap<u64, Vec<Vec<u8>>> = thread::scope(|scope| {
        let committer = scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                log.commit(0, &|| 0).expect("commits");
                assert!(log.durable_lsn() <= log.written_lsn());
                assert!(log.written_lsn() <= log.appended_lsn());
            }
        });
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let log = &log;
                let write = move |number: usize| {
                    while log.admit(100).is_err() {
                        thread::yield_now();
                    }
                    let key = format!("{thread}:{number}");
                    let set = words(&["SET", &key, "v"]);
                    (append(log, &vec![(thread as u32, set.clone())]), set)
                };
                scope.spawn(move || (0..GROUPS).map(write).collect::<Vec<_>>())
            })
            .collect();
        let joined = writers
            .into_iter()
            .map(|writer| writer.join().expect("writes"));
        let appended = joined.flatten().collect();
        is_over.store(true, Ordering::Release);
        committer.join().expect("commits");
        appended
    });
    log.close(0, &|| 0).expect("closes");
    assert_eq!(log.durable_lsn(), log.appended_lsn());
    let recovery = survey(&disk).expect("whole");
    let served = groups(&recovery, &disk).expect("served");
    let served: BTreeMap<u64, _> = served
        .into_iter()
        .map(|(group, end)| (end, group[0].1.clone()))
        .collect();
    assert_eq!(served.len(), THREADS * GROUPS);
    assert_eq!(served, appended);
}
