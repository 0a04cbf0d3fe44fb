//! What the simulated disk keeps, loses and tears, and that it does so the same way each time.

use super::*;

fn disk_with_file(bytes: &[u8]) -> (SimDisk, Box<dyn File>) {
    let disk = SimDisk::new(Path::new("/d"));
    let file = disk.open(Path::new("/d/a"), Access::Create).expect("opens");
    file.write_at(0, bytes).expect("writes");
    (disk, file)
}

fn after(disk: &SimDisk, mode: Crash) -> Option<Vec<u8>> {
    disk.crash(1, mode).contents(Path::new("/d/a"))
}

#[test]
fn nothing_is_durable_before_its_sync() {
    let (disk, file) = disk_with_file(b"one");
    assert_eq!(after(&disk, Crash::Drop), None);
    file.sync_data().expect("syncs");
    assert_eq!(after(&disk, Crash::Drop), None, "the name is not durable");
    disk.sync_dir(Path::new("/d")).expect("syncs");
    assert_eq!(after(&disk, Crash::Drop), Some(b"one".to_vec()));
    file.write_at(3, b"two").expect("writes");
    assert_eq!(after(&disk, Crash::Drop), Some(b"one".to_vec()));
    assert_eq!(after(&disk, Crash::Process), Some(b"onetwo".to_vec()));
}

#[test]
fn only_what_goes_through_the_cache_needs_no_sync() {
    let (disk, file) = disk_with_file(&[7; 4096]);
    file.sync_data().expect("syncs");
    disk.sync_dir(Path::new("/d")).expect("syncs");
    assert_eq!(file.write_past(0, &[9; 4096]), Ok(Past::Written));
    assert_eq!(after(&disk, Crash::Drop), Some(vec![7; 4096]));
    assert_eq!(after(&disk, Crash::Process), Some(vec![9; 4096]));
    file.sync_data().expect("syncs");
    assert_eq!(after(&disk, Crash::Drop), Some(vec![9; 4096]));
    assert_eq!(file.write_through(0, &[5; 4096]), Ok(Through::Durable));
    assert_eq!(after(&disk, Crash::Drop), Some(vec![5; 4096]));
}

#[test]
fn a_failed_sync_loses_for_good() {
    let (disk, file) = disk_with_file(b"one");
    disk.sync_dir(Path::new("/d")).expect("syncs");
    disk.fail_at(disk.calls(), Fault::Device);
    assert_eq!(file.sync_data().expect_err("fails").kind, Kind::Device);
    file.sync_data()
        .expect("the next one says that all is well");
    assert_eq!(after(&disk, Crash::Drop), Some(Vec::new()));
    let again = disk.crash(1, Crash::Process);
    assert_eq!(again.contents(Path::new("/d/a")), Some(b"one".to_vec()));
    assert_eq!(after(&again, Crash::Drop), Some(Vec::new()));
}

#[test]
fn renames_are_whole_and_wait_for_their_directory() {
    let (disk, file) = disk_with_file(b"one");
    file.sync_data().expect("syncs");
    disk.sync_dir(Path::new("/d")).expect("syncs");
    disk.rename(Path::new("/d/a"), Path::new("/d/b"))
        .expect("renames");
    for seed in 0..20 {
        let names = disk.crash(seed, Crash::Random).files();
        assert_eq!(names.len(), 1, "{names:?}");
    }
    assert_eq!(disk.crash(0, Crash::Drop).files(), [Path::new("/d/a")]);
    disk.sync_dir(Path::new("/d")).expect("syncs");
    assert_eq!(disk.crash(0, Crash::Drop).files(), [Path::new("/d/b")]);
}

#[test]
fn room_ends() {
    let (disk, file) = disk_with_file(b"one");
    disk.set_capacity(5);
    assert_eq!(file.write_at(3, b"four"), Ok(2));
    let full = file.write_at(5, b"x").expect_err("no room");
    assert_eq!(full.kind, Kind::Full);
    assert_eq!(file.write_at(0, b"1"), Ok(1));
    assert_eq!(file.allocate(6).expect_err("no room").kind, Kind::Full);
}

#[test]
fn a_power_cut_is_for_good() {
    let (disk, file) = disk_with_file(b"one");
    disk.fail_at(disk.calls(), Fault::PowerCut);
    assert!(file.sync_data().is_err());
    assert!(file.len().is_err());
    assert!(disk.open(Path::new("/d/a"), Access::Read).is_err());
    assert!(
        disk.crash(0, Crash::Prefix)
            .open(Path::new("/d/x"), Access::Create)
            .is_ok()
    );
}

#[test]
fn torn_writes_differ_by_seed_and_repeat_by_seed() {
    let (disk, file) = disk_with_file(&[7; 4096]);
    file.sync_data().expect("syncs");
    disk.sync_dir(Path::new("/d")).expect("syncs");
    file.write_at(0, &[9; 4096]).expect("writes");
    let outcome = |seed| disk.crash(seed, Crash::Torn).contents(Path::new("/d/a"));
    let outcomes: BTreeSet<_> = (0..50).map(outcome).collect();
    assert!(outcomes.len() > 20);
    assert_eq!(outcome(3), outcome(3));
}
