//! A disk whose syncs take their time.

use std::path::Path;
use std::time::Duration;

use persist::{Access, Disk, File, Guard, Storage, Trouble};

pub(crate) struct Slow(pub(crate) Disk);

struct SlowFile(Box<dyn File>);

pub(crate) const SYNC_TIME: Duration = Duration::from_millis(20);

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

    fn links(&self) -> Result<u64, Trouble> {
        self.0.links()
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
