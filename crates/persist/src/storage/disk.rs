//! The real file system.
//!
//! The lock is `flock` on `ochre.lock`: it goes with the process however that ends, and it keeps
//! out a second opener inside the same process too. The file stays; it names its last owner.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{self, FallocateFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::{Access, BLOCK_BYTES, File, Guard, Past, Storage, Through, write_all};
use crate::error::{Kind, Trouble};

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

struct DiskFile {
    fd: OwnedFd,
    path: PathBuf,
    through: Mutex<PastCache>,
    past: Mutex<PastCache>,
}

/// The same file, opened for writes past the page cache.
enum PastCache {
    Untried,
    Open(OwnedFd),
    /// The file system has no such thing (`tmpfs`), or asks for other sizes than ours.
    Unknown,
}

struct DiskGuard {
    /// Closing it releases the lock.
    _fd: OwnedFd,
}

const LOCK_NAME: &str = "ochre.lock";
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);
const DIR_MODE: Mode = Mode::from_raw_mode(0o755);

impl Storage for Disk {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn File>, Trouble> {
        let flags = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
            Access::Create => OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC,
        };
        let fd = open(path, flags)?;
        let stat = fs::fstat(&fd).map_err(|e| Trouble::system(e, path, "look at the file"))?;
        if !fs::FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(Trouble::new(Kind::System, path, "this is no regular file"));
        }
        let path = path.to_owned();
        Ok(Box::new(DiskFile {
            fd,
            path,
            through: Mutex::new(PastCache::Untried),
            past: Mutex::new(PastCache::Untried),
        }))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, Trouble> {
        let trouble = |errno| Trouble::system(errno, dir, "list the directory");
        let fd = open(dir, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&fd).map_err(trouble)? {
            let entry = entry.map_err(trouble)?;
            // What is not UTF-8 is none of ours.
            if let Ok(name) = entry.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), Trouble> {
        let doing = || format!("rename to {}", to.display());
        fs::rename(from, to).map_err(|errno| Trouble::system(errno, from, &doing()))
    }

    fn remove(&self, path: &Path) -> Result<(), Trouble> {
        fs::unlink(path).map_err(|errno| Trouble::system(errno, path, "remove"))
    }

    fn create_dir(&self, path: &Path) -> Result<(), Trouble> {
        fs::mkdir(path, DIR_MODE).map_err(|e| Trouble::system(e, path, "make the directory"))
    }

    fn sync_dir(&self, path: &Path) -> Result<(), Trouble> {
        let fd = open(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        fs::fsync(&fd).map_err(|errno| Trouble::system(errno, path, "sync the directory"))
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Guard>, Trouble> {
        let path = dir.join(LOCK_NAME);
        let fd = open(&path, OFlags::RDWR | OFlags::CREATE)?;
        match fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let owner = owner_named(&fd);
                let what = format!("process {owner} has this directory open");
                return Err(Trouble::new(Kind::InUse, dir, what));
            }
            Err(errno) => return Err(Trouble::system(errno, &path, "lock")),
        }
        let owner = format!("{}\n", rustix::process::getpid().as_raw_nonzero());
        // The name is for people: on a full disk the lock holds without it.
        let _ = fs::ftruncate(&fd, 0);
        let _ = rustix::io::pwrite(&fd, owner.as_bytes(), 0);
        Ok(Box::new(DiskGuard { _fd: fd }))
    }

    fn free_bytes(&self, dir: &Path) -> Result<u64, Trouble> {
        let stat = fs::statvfs(dir).map_err(|e| Trouble::system(e, dir, "ask for free space"))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

impl Disk {
    /// Who has locked this directory: the process that its lock names, if somebody has. Takes
    /// part in the lock for a moment and changes no file.
    pub fn owner(dir: &Path) -> Result<Option<String>, Trouble> {
        let path = dir.join(LOCK_NAME);
        let fd = match open(&path, OFlags::RDONLY) {
            Ok(fd) => fd,
            Err(trouble) if trouble.kind == Kind::Missing => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        match fs::flock(&fd, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(None),
            Err(Errno::WOULDBLOCK) => Ok(Some(owner_named(&fd))),
            Err(errno) => Err(Trouble::system(errno, &path, "look at the lock")),
        }
    }
}

/// What a lock file says.
fn owner_named(fd: &OwnedFd) -> String {
    let mut owner = [0; 32];
    let len = rustix::io::pread(fd, &mut owner, 0).unwrap_or(0);
    String::from_utf8_lossy(&owner[..len]).trim().to_owned()
}

impl DiskFile {
    fn trouble(&self, errno: Errno, doing: &str) -> Trouble {
        Trouble::system(errno, &self.path, doing)
    }
}

impl File for DiskFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, Trouble> {
        rustix::io::retry_on_intr(|| rustix::io::pread(&self.fd, &mut *into, offset))
            .map_err(|errno| self.trouble(errno, "read").at(offset))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<usize, Trouble> {
        match rustix::io::retry_on_intr(|| rustix::io::pwrite(&self.fd, bytes, offset)) {
            // The kernel gives a reason or takes a byte; a file system in user space may not.
            Ok(0) if !bytes.is_empty() => Err(self.trouble(Errno::NOSPC, "write").at(offset)),
            Ok(taken) => Ok(taken),
            Err(errno) => Err(self.trouble(errno, "write").at(offset)),
        }
    }

    fn write_through(&self, offset: u64, blocks: &[u8]) -> Result<Through, Trouble> {
        let flags = OFlags::DIRECT | OFlags::DSYNC;
        let is_written = self.write_blocks(&self.through, flags, offset, blocks)?;
        Ok(if is_written {
            Through::Durable
        } else {
            Through::Unknown
        })
    }

    fn write_past(&self, offset: u64, blocks: &[u8]) -> Result<Past, Trouble> {
        let is_written = self.write_blocks(&self.past, OFlags::DIRECT, offset, blocks)?;
        Ok(if is_written {
            Past::Written
        } else {
            Past::Unknown
        })
    }

    fn sync_data(&self) -> Result<(), Trouble> {
        // An interrupted sync has not failed and has lost nothing.
        rustix::io::retry_on_intr(|| fs::fdatasync(&self.fd))
            .map_err(|errno| self.trouble(errno, "sync"))
    }

    fn len(&self) -> Result<u64, Trouble> {
        let stat = fs::fstat(&self.fd).map_err(|e| self.trouble(e, "look at the file"))?;
        Ok(stat.st_size as u64)
    }

    fn links(&self) -> Result<u64, Trouble> {
        let stat = fs::fstat(&self.fd).map_err(|e| self.trouble(e, "look at the file"))?;
        Ok(stat.st_nlink)
    }

    fn set_len(&self, len: u64) -> Result<(), Trouble> {
        rustix::io::retry_on_intr(|| fs::ftruncate(&self.fd, len))
            .map_err(|errno| self.trouble(errno, "change the length").at(len))
    }

    fn allocate(&self, end: u64) -> Result<(), Trouble> {
        let len = self.len()?;
        if end <= len {
            return Ok(());
        }
        let flags = FallocateFlags::empty();
        match rustix::io::retry_on_intr(|| fs::fallocate(&self.fd, flags, len, end - len)) {
            Ok(()) => Ok(()),
            // Where reserving is unknown, zeros take the room.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_zeros(len, end),
            Err(errno) => Err(self.trouble(errno, "reserve room").at(len)),
        }
    }
}

impl DiskFile {
    /// Past the cache. Returns false, and has written nothing, where this is not known.
    fn write_blocks(
        &self,
        way: &Mutex<PastCache>,
        flags: OFlags,
        offset: u64,
        blocks: &[u8],
    ) -> Result<bool, Trouble> {
        const BLOCK: usize = BLOCK_BYTES as usize;
        assert!(offset.is_multiple_of(BLOCK_BYTES) && is_whole(blocks));
        let mut way = way.lock().expect("no panic while it is held");
        if matches!(*way, PastCache::Untried) {
            *way = self.open_past_cache(flags);
        }
        let PastCache::Open(fd) = &*way else {
            return Ok(false);
        };
        let mut done = 0;
        while done < blocks.len() {
            let at = offset + done as u64;
            match rustix::io::retry_on_intr(|| rustix::io::pwrite(fd, &blocks[done..], at)) {
                // Opened and yet refused: other sizes are wanted here.
                Err(Errno::INVAL) if done == 0 => {
                    *way = PastCache::Unknown;
                    return Ok(false);
                }
                Err(errno) => return Err(self.trouble(errno, "write").at(at)),
                Ok(0..BLOCK) => return Err(self.trouble(Errno::NOSPC, "write").at(at)),
                // Where a short write ends within a block, that is written again.
                Ok(taken) => done += taken - taken % BLOCK,
            }
        }
        Ok(true)
    }

    fn open_past_cache(&self, flags: OFlags) -> PastCache {
        match open(&self.path, OFlags::WRONLY | flags) {
            // Somebody may have put another file in its place.
            Ok(fd) if is_same_file(&fd, &self.fd) => PastCache::Open(fd),
            _ => PastCache::Unknown,
        }
    }

    fn write_zeros(&self, from: u64, end: u64) -> Result<(), Trouble> {
        const STEP_BYTES: u64 = 64 * 1024;
        let zeros = [0; STEP_BYTES as usize];
        let mut at = from;
        while at < end {
            let step = STEP_BYTES.min(end - at);
            write_all(self, at, &zeros[..step as usize])?;
            at += step;
        }
        Ok(())
    }
}

impl Guard for DiskGuard {}

fn is_whole(blocks: &[u8]) -> bool {
    let block_bytes = BLOCK_BYTES as usize;
    blocks.len().is_multiple_of(block_bytes) && blocks.as_ptr().addr().is_multiple_of(block_bytes)
}

fn is_same_file(one: &OwnedFd, other: &OwnedFd) -> bool {
    match (fs::fstat(one), fs::fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

fn open(path: &Path, flags: OFlags) -> Result<OwnedFd, Trouble> {
    let flags = flags | OFlags::CLOEXEC;
    rustix::io::retry_on_intr(|| fs::open(path, flags, FILE_MODE))
        .map_err(|errno| Trouble::system(errno, path, "open"))
}
