//! What a tool can learn of a log, sound or not.

use std::path::Path;
use std::sync::Arc;

use persist::log::{FsyncPolicy, Inspection, Log, Settings, Tail};
use persist::{File, Kind, Place, Trouble};
use testkit::disk::SimDisk;

const DIR: &str = "/data";

/// Some RDB of so many bytes: nobody looks into it here.
fn rdb_end(_: &dyn File, _: &Path) -> Result<u64, Trouble> {
    Ok(12)
}

fn write(disk: &SimDisk, groups: usize) {
    let place = Place::usual(DIR);
    let settings = Settings::new(FsyncPolicy::Always);
    let log = Log::create(Arc::new(disk.clone()), &place, None, 0, settings).expect("a log");
    for _ in 0..groups {
        log.append([(0, &b"*1\r\n$4\r\nPING\r\n"[..])]);
        log.commit(0, &|| 0).expect("committed");
    }
    log.close(0, &|| 0).expect("closed");
}

fn inspect(disk: &SimDisk) -> Inspection {
    Inspection::of_log(disk, &Place::usual(DIR), &mut rdb_end)
}

#[test]
fn what_lies_before_damage_is_known() {
    let disk = SimDisk::new(Path::new(DIR));
    write(&disk, 5);
    let path = Place::usual(DIR).file("appendonly.aof.1.incr.aof");
    let whole = inspect(&disk);
    assert_eq!(whole.damage, None);
    let groups = whole.recovery.parts[0].groups;
    let mut bytes = disk.contents(&path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    disk.put(&path, &bytes);
    let damaged = inspect(&disk);
    assert_eq!(damaged.damage.expect("damage").kind, Kind::Damaged);
    let part = &damaged.recovery.parts[0];
    assert!(0 < part.groups && part.groups < groups, "{}", part.groups);
    assert_eq!(part.end_lsn, damaged.recovery.end_lsn);
    let mut commands = damaged.recovery.commands(&disk);
    let mut end_lsn = 0;
    while let Some(command) = commands.advance().expect("sound") {
        end_lsn = command.end_lsn;
    }
    assert_eq!(end_lsn, part.end_lsn);
}

#[test]
fn a_file_alone_is_read_like_a_listed_one() {
    let disk = SimDisk::new(Path::new(DIR));
    write(&disk, 3);
    let path = Place::usual(DIR).file("appendonly.aof.1.incr.aof");
    let alone = Inspection::of_file(&disk, &path, &mut rdb_end);
    assert_eq!(alone.damage, None);
    let listed = inspect(&disk).recovery.parts;
    assert_eq!(alone.recovery.parts, listed);

    let old = Path::new("/data/old.aof");
    disk.put(old, b"REDIS0010...*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI");
    let torn = Inspection::of_file(&disk, old, &mut rdb_end);
    assert_eq!(torn.damage, None);
    assert_eq!(
        torn.recovery.base.as_ref().map(|base| base.rdb_bytes),
        Some(12)
    );
    assert!(matches!(torn.recovery.parts[0].tail, Tail::Cut(_)));
    let cut = torn.recovery.cut_off(&disk).expect("cut").expect("torn");
    assert_eq!((cut.offset, cut.bytes), (26, 10));
    assert_eq!(disk.contents(old).map(|bytes| bytes.len()), Some(26));
}

/// An emptied base is not a base of no commands.
#[test]
fn a_base_that_is_no_snapshot_is_damage() {
    let disk = SimDisk::new(Path::new(DIR));
    write(&disk, 3);
    let place = Place::usual(DIR);
    let manifest = b"file appendonly.aof.1.base.rdb seq 1 type b\n\
                     file appendonly.aof.1.incr.aof seq 1 type i\n";
    disk.put(&place.file("appendonly.aof.manifest"), manifest);
    let base = place.file("appendonly.aof.1.base.rdb");
    for (bytes, is_sound) in [(&b"REDIS0011..."[..], true), (b"", false), (b"*1\r\n$4\r\nPING\r\n", false)] {
        disk.put(&base, bytes);
        let damage = inspect(&disk).damage;
        assert_eq!(damage.is_none(), is_sound, "{damage:?}");
        assert!(damage.is_none_or(|it| it.kind == Kind::Damaged && it.path == base));
    }
}

#[test]
fn readers_stop_where_they_are_told() {
    let disk = SimDisk::new(Path::new(DIR));
    write(&disk, 5);
    let mut recovery = inspect(&disk).recovery;
    let mut commands = recovery.commands(&disk);
    let mut ends = Vec::new();
    while let Some(lsn) = commands.advance().expect("sound").map(|c| c.end_lsn) {
        let (part, offset) = commands.position();
        ends.push((part, offset, lsn));
    }
    for (kept, (part, offset, lsn)) in ends.iter().enumerate().rev() {
        recovery.stop_at(*part, *offset, *lsn);
        let mut commands = recovery.commands(&disk);
        let mut count = 0;
        while commands.advance().expect("sound").is_some() {
            count += 1;
        }
        assert_eq!(count, kept + 1);
    }
}

#[test]
fn timestamps_are_told_with_the_commands_behind_them() {
    let disk = SimDisk::new(Path::new(DIR));
    let path = Path::new("/data/a.aof");
    let ping = "*1\r\n$4\r\nPING\r\n";
    let text = format!("{ping}#TS:1700000000\r\n{ping}{ping}#TS:1700000009\r\n{ping}");
    disk.put(path, text.as_bytes());
    let recovery = Inspection::of_file(&disk, path, &mut rdb_end).recovery;
    let mut commands = recovery.commands(&disk);
    let mut times = Vec::new();
    while let Some(command) = commands.advance().expect("sound") {
        times.push(command.unix_secs);
    }
    let (first, second) = (Some(1_700_000_000), Some(1_700_000_009));
    assert_eq!(times, [None, first, first, second]);
}
