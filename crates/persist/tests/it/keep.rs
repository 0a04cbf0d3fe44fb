//! Older generations, and a disk that has no room for anything else.

use std::ops::ControlFlow;
use std::sync::Arc;

use persist::Storage;
use persist::log::{FsyncPolicy, Keep, Log, Manifest, Settings};
use testkit::disk::SimDisk;

use super::story::{DIR, append, place, write_base};

/// A list without them needs room before they can make some: on a full disk that was not there, and
/// they stayed although nobody wanted them any more.
#[test]
fn generations_that_nobody_wants_make_room_on_a_full_disk() {
    let disk = SimDisk::new(DIR.as_ref());
    let settings = Settings {
        keep: Keep {
            generations: 3,
            secs: 0,
        },
        ..Settings::new(FsyncPolicy::EverySec)
    };
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let log = Log::create(storage, &place(), None, 0, settings).expect("a log");
    let write = || {
        append(&log, &vec![(0, vec![b"SET".to_vec(), b"k".to_vec()])]);
        log.commit(0, &|| 0).expect("the disk is well")
    };
    for count in 1..=2 {
        write();
        let cut = log.begin_rotation();
        log.rotate(0, &|| 0).expect("there is room");
        let (name, seq) = log.next_base();
        write_base(&disk, &name, count, cut).expect("there is room");
        log.adopt_base(&name, seq, cut).expect("there is room");
    }
    let used = u64::MAX - disk.free_bytes(DIR.as_ref()).expect("it is well");
    disk.set_capacity(used);
    // What is asked for is more than what is reserved.
    let wanted = settings.reserve_bytes_min * 2;
    log.admit(wanted).expect_err("it is not there");
    assert!(write().is_full);
    let refusal = log.admit(1).expect_err("the disk is full").to_string();
    for words in ["make room", "2 of them", "aof-keep-generations"] {
        assert!(refusal.contains(words), "{refusal}");
    }

    log.set_keep(Keep::default());
    assert!(log.is_untidy());
    log.tidy(&|| ControlFlow::Continue(()));
    assert!(!log.is_untidy());
    let path = place().file(&place().manifest_name());
    let text = disk.contents(&path).expect("it is there");
    let manifest = Manifest::parse(&text, &path).expect("whole");
    assert_eq!((manifest.kept.len(), manifest.history.len()), (0, 0));
    write();
    log.close(0, &|| 0).expect("all of it is written");
}
