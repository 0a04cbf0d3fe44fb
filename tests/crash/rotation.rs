//! While the log turns to a new file, what is acknowledged is in a file.
//!
//! Found by killing servers soon after BGREWRITEAOF: what came behind the cut was answered before
//! the committer had opened the file that it belonged to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::Now;
use ochredb::persistence::Driven;
use persist::{Access, Disk, File, Guard, Storage, Trouble};
use testkit::process::fresh_directory;
use testkit::reply::Reply;

use super::node::{Node, config};

#[test]
fn a_batch_behind_the_cut_is_written_when_it_has_ended() {
    for policy in ["everysec", "no"] {
        let directory = fresh_directory("rotation").expect("a directory");
        let config = config(&directory, policy);
        let node = Node::begin(Arc::new(Slow(Disk)), &config).expect("an empty directory");
        let mut session = node.session();
        for round in 0..5 {
            assert_eq!(session.ask(["SET", "k", "before"]), ok());
            node.persistence.end_batch(Now::read());
            let asked = session.ask(["BGREWRITEAOF"]);
            assert!(matches!(asked, Reply::Simple(_)), "{asked}");
            // The cut is made here.
            node.persistence.drive(session.executor(), Now::read());
            assert_eq!(session.ask(["SET", "k", &round.to_string()]), ok());
            node.persistence.end_batch(Now::read());
            let facts = node.persistence.facts(Now::read(), 0).log.expect("a log");
            assert_eq!(facts.written, facts.appended, "{policy}, round {round}");
            while node.persistence.drive(session.executor(), Now::read()) != Driven::Idle {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        drop(session);
        node.persistence.close().expect("the log ends well");
        std::fs::remove_dir_all(&directory).expect("it is ours");
    }
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

/// A disk whose syncs take their time.
struct Slow(Disk);

struct SlowFile(Box<dyn File>);

const SYNC_TIME: Duration = Duration::from_millis(20);

impl Storage for Slow {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn File>, Trouble> {
        Ok(Box::new(SlowFile(self.0.open(path, access)?)))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, Trouble> {
        self.0.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), Trouble> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), Trouble> {
        self.0.remove(path)
    }

    fn create_dir(&self, path: &Path) -> Result<(), Trouble> {
        self.0.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> Result<(), Trouble> {
        self.0.sync_dir(path)
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Guard>, Trouble> {
        self.0.lock(dir)
    }

    fn free_bytes(&self, dir: &Path) -> Result<u64, Trouble> {
        self.0.free_bytes(dir)
    }
}

impl File for SlowFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, Trouble> {
        self.0.read_at(offset, into)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<usize, Trouble> {
        self.0.write_at(offset, bytes)
    }

    fn sync_data(&self) -> Result<(), Trouble> {
        std::thread::sleep(SYNC_TIME);
        self.0.sync_data()
    }

    fn len(&self) -> Result<u64, Trouble> {
        self.0.len()
    }

    fn set_len(&self, len: u64) -> Result<(), Trouble> {
        self.0.set_len(len)
    }

    fn allocate(&self, end: u64) -> Result<(), Trouble> {
        self.0.allocate(end)
    }
}
