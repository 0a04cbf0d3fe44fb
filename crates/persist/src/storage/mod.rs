//! What is asked of a file system, and no more: the seam where a simulated disk comes in.
//!
//! ```text
//!   log ──► dyn Storage ──┬── Disk       the real one
//!                         └── SimDisk    testkit: lost, torn and reordered writes, every error
//! ```
//!
//! Nothing is durable before it is synced, and a name is durable only once its directory is:
//! a new file needs `sync_data` of the file and `sync_dir` of its directory. A call that failed
//! may have been done in part; a failed sync may have lost what it was to save, for good.

mod blocks;
mod disk;
mod new_file;
mod removal;

use std::path::Path;

use crate::error::Trouble;

pub(crate) use blocks::Blocks;
pub use disk::Disk;
pub use new_file::NewFile;
pub use removal::Pause;
pub(crate) use removal::remove_by_parts;

/// A file system.
pub trait Storage: Send + Sync {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn File>, Trouble>;
    /// The names in a directory, sorted.
    fn list(&self, dir: &Path) -> Result<Vec<String>, Trouble>;
    /// Replaces `to` if it is there. Both are on the same file system.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), Trouble>;
    fn remove(&self, path: &Path) -> Result<(), Trouble>;
    /// Makes one directory; its parent must be there. [`Kind::Exists`] if it is there already.
    ///
    /// [`Kind::Exists`]: crate::Kind::Exists
    fn create_dir(&self, path: &Path) -> Result<(), Trouble>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> Result<(), Trouble>;
    /// Locks a directory by its file `ochre.lock`, which names the owner, until the guard goes.
    /// [`Kind::InUse`] names the process that has it.
    ///
    /// [`Kind::InUse`]: crate::Kind::InUse
    fn lock(&self, dir: &Path) -> Result<Box<dyn Guard>, Trouble>;
    /// Bytes that an ordinary process may still write in this directory's file system.
    fn free_bytes(&self, dir: &Path) -> Result<u64, Trouble>;
}

/// An open file. Reads and writes name their place; there is no cursor.
#[expect(clippy::len_without_is_empty, reason = "nobody asks")]
pub trait File: Send + Sync {
    /// Fewer bytes than asked for may come; none means the end.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, Trouble>;
    /// Fewer bytes than given may be taken, but at least one.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<usize, Trouble>;
    /// Writes whole blocks past any cache and returns when they are durable: one call where a
    /// write and a sync are two. Place and length are multiples of [`BLOCK_BYTES`], as is the
    /// memory's address, the room has been [allocated](File::allocate), and nothing that was
    /// written there otherwise is unsynced. What else is unsynced in the file stays so. After an
    /// error any of it may be there.
    fn write_through(&self, _offset: u64, _blocks: &[u8]) -> Result<Through, Trouble> {
        Ok(Through::Unknown)
    }
    /// As [`File::write_through`], but durable only once the file is synced: for much that is
    /// written in a row.
    fn write_past(&self, _offset: u64, _blocks: &[u8]) -> Result<Past, Trouble> {
        Ok(Past::Unknown)
    }
    /// Makes content and length durable. After an error nothing may rely on it again.
    fn sync_data(&self) -> Result<(), Trouble>;
    fn len(&self) -> Result<u64, Trouble>;
    /// How many names it has. Where a file system knows but one name, that one.
    fn links(&self) -> Result<u64, Trouble> {
        Ok(1)
    }
    fn set_len(&self, len: u64) -> Result<(), Trouble>;
    /// Reserves room up to `end`: the file is at least so long then, what is new reads as zeros,
    /// and writing there finds room.
    fn allocate(&self, end: u64) -> Result<(), Trouble>;
}

/// What became of [`File::write_through`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    Durable,
    /// This file system has no such way, and nothing was written: write, then sync.
    Unknown,
}

/// What became of [`File::write_past`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    Written,
    /// As [`Through::Unknown`].
    Unknown,
}

/// The unit of [`File::write_through`]: a page, and at least a block of any device.
pub const BLOCK_BYTES: u64 = 4096;

/// A held lock; dropping it releases.
pub trait Guard: Send + Sync {}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It must be there.
    Read,
    /// Reading and writing; it must be there.
    Write,
    /// Reading and writing; made new and empty, whatever was there.
    Create,
}

/// Writes all of it, however short the single writes.
pub(crate) fn write_all(file: &dyn File, mut offset: u64, bytes: &[u8]) -> Result<(), Trouble> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let taken = file.write_at(offset, rest)?;
        assert!(0 < taken && taken <= rest.len(), "a write takes some bytes");
        offset += taken as u64;
        rest = &rest[taken..];
    }
    Ok(())
}

/// Reads until the buffer is full or the file ends; returns how many bytes came.
pub(crate) fn read_full(file: &dyn File, offset: u64, into: &mut [u8]) -> Result<usize, Trouble> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read_at(offset + filled as u64, &mut into[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
