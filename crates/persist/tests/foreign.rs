//! Directories that other servers wrote.

use std::path::Path;

use persist::log::{Options, Recovery};
use persist::{Place, Storage};
use testkit::disk::SimDisk;

#[test]
fn a_base_of_valkey_9_is_a_snapshot() {
    let disk = SimDisk::new(Path::new("/data"));
    let place = Place::usual("/data");
    disk.create_dir(&place.log_dir()).expect("a directory");
    let manifest = b"file appendonly.aof.1.base.rdb seq 1 type b\n";
    disk.put(&place.file(&place.manifest_name()), manifest);
    disk.put(&place.file(&place.base_name(1)), b"VALKEY080...");
    let options = Options {
        load_truncated: false,
    };
    let recovery = Recovery::survey(&disk, &place, options, &mut |_, _| Ok(12));
    let base = recovery.expect("a log").base;
    assert_eq!(base.map(|base| base.rdb_bytes), Some(12));
}
