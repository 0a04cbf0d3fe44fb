//! A log that a rewrite has replaced goes by parts, and nobody waits for that who ends or starts.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use persist::log::Manifest;
use persist::log::manifest::Entry;
use persist::{Disk, Place};
use testkit::process::fresh_directory;

use super::node::{Node, config};

/// Longer than anybody would wait: a minute in parts, if each took no time but its pause.
const BYTES: u64 = 320 << 30;

/// The removal of what a rewrite had replaced held the end up: 9 ms for each 16 MiB. Now what is
/// not gone by then is left to the next start, which does not wait for it either.
#[test]
fn who_ends_leaves_the_rest_of_a_removal_to_the_next_start() {
    let directory = fresh_directory("removal").expect("a directory");
    let config = config(&directory, "everysec");
    let node = || Node::begin(Arc::new(Disk), &config).expect("a log of ours");
    node().persistence.close().expect("the log ends well");

    let place = Place::usual(&directory);
    let replaced = replaced(&place, BYTES);
    let begun = node();
    // It has begun to serve while the file is there, and at some time the file gets shorter.
    let len = || replaced.metadata().map_or(0, |it| it.len());
    wait(|| len() < BYTES);
    begun.persistence.close().expect("the log ends well");
    drop(begun);
    assert!(len() > 0, "it was waited for");
    let listed = manifest(&place).history;
    assert_eq!(listed.len(), 1, "what is there is listed: {listed:?}");

    shorten(&replaced);
    let begun = node();
    wait(|| !replaced.exists() && manifest(&place).history.is_empty());
    begun.persistence.close().expect("the log ends well");
    fs::remove_dir_all(&directory).expect("it is ours");
}

/// A file of nothing that is listed for removal.
fn replaced(place: &Place, bytes: u64) -> std::path::PathBuf {
    let mut manifest = manifest(place);
    let name = "appendonly.aof.1.base.rdb".to_owned();
    let path = place.file(&name);
    let file = File::create(&path).expect("a new file");
    file.set_len(bytes).expect("a sparse file");
    file.write_all_at(b"replaced", bytes - 8)
        .expect("there is room");
    manifest.history.push(Entry { name, seq: 1 });
    fs::write(place.file(&place.manifest_name()), manifest.encode()).expect("written");
    path
}

fn shorten(path: &Path) {
    let file = File::options().write(true).open(path);
    file.expect("it is there").set_len(1 << 20).expect("cut");
}

fn manifest(place: &Place) -> Manifest {
    let path = place.file(&place.manifest_name());
    let text = fs::read(&path).expect("it is there");
    Manifest::parse(&text, &path).expect("whole")
}

fn wait(mut is_there: impl FnMut() -> bool) {
    while !is_there() {
        std::thread::sleep(Duration::from_millis(1));
    }
}
