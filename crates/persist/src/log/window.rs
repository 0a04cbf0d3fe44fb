//! A stretch of a file in memory, moved along as it is read.
//!
//! Memory is bounded by what is asked for, and what is asked for is bounded by the file: nothing
//! is reserved for a length that the file does not have.

use std::path::{Path, PathBuf};

use super::frame::Frame;
use crate::error::{Kind, Trouble};
use crate::storage::{Access, File, Storage, read_full};

/// Read at once.
const STEP_BYTES: usize = 256 * 1024;
/// A window that had to grow beyond this is given back.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

pub(super) struct Window {
    file: Box<dyn File>,
    path: PathBuf,
    /// The file's length when it was opened.
    len: u64,
    /// Where `bytes` lies in the file.
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(super) fn open(storage: &dyn Storage, path: &Path) -> Result<Window, Trouble> {
        let file = storage.open(path, Access::Read)?;
        let len = file.len()?;
        Ok(Window {
            file,
            path: path.to_owned(),
            len,
            start: 0,
            bytes: Vec::new(),
        })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn file(&self) -> &dyn File {
        &*self.file
    }

    /// All that is loaded from `offset` on: at least `want` bytes, or up to the end of the file.
    pub(super) fn at(&mut self, offset: u64, want: usize) -> Result<&[u8], Trouble> {
        let left = self.len.saturating_sub(offset);
        let want = want.min(usize::try_from(left).unwrap_or(usize::MAX));
        let loaded = self.start..=self.start + self.bytes.len() as u64;
        if !loaded.contains(&offset) || *loaded.end() - offset < want as u64 {
            self.load(offset, want)?;
        }
        Ok(&self.bytes[(offset - self.start) as usize..])
    }

    fn load(&mut self, offset: u64, want: usize) -> Result<(), Trouble> {
        let end = self.start + self.bytes.len() as u64;
        if (self.start..=end).contains(&offset) {
            self.bytes.drain(..(offset - self.start) as usize);
        } else {
            self.bytes.clear();
        }
        self.start = offset;
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let goal = want.max(STEP_BYTES).min(left);
        if self.bytes.capacity() > KEPT_BYTES && goal <= STEP_BYTES {
            self.bytes.shrink_to(STEP_BYTES);
        }
        let have = self.bytes.len();
        if have >= goal {
            return Ok(());
        }
        self.bytes.resize(goal, 0);
        let read = read_full(&*self.file, offset + have as u64, &mut self.bytes[have..])?;
        self.bytes.truncate(have + read);
        if self.bytes.len() < want {
            let what = "the file became shorter while it was read";
            return Err(Trouble::new(Kind::System, &self.path, what).at(offset));
        }
        Ok(())
    }

    /// Is the group behind a line, at `offset`, what the line says?
    pub(super) fn passes(&mut self, frame: &Frame, offset: u64) -> Result<bool, Trouble> {
        let mut check = frame.check();
        let mut left = frame.len;
        let mut at = offset;
        while left > 0 {
            let step = left.min(STEP_BYTES as u64) as usize;
            let bytes = self.at(at, step)?;
            if bytes.len() < step {
                return Ok(false);
            }
            check.update(&bytes[..step]);
            at += step as u64;
            left -= step as u64;
        }
        Ok(check.value() == frame.crc)
    }

    /// Is there nothing but zeros from `offset` to the end?
    pub(super) fn is_zero_from(&mut self, mut offset: u64) -> Result<bool, Trouble> {
        while offset < self.len {
            let bytes = self.at(offset, STEP_BYTES)?;
            if bytes.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            offset += bytes.len() as u64;
        }
        Ok(true)
    }

    /// Where `needle` is found next, from `offset` on.
    pub(super) fn find(&mut self, mut offset: u64, needle: &[u8]) -> Result<Option<u64>, Trouble> {
        let finder = memchr::memmem::Finder::new(needle);
        while offset < self.len {
            let bytes = self.at(offset, STEP_BYTES)?;
            if let Some(at) = finder.find(bytes) {
                return Ok(Some(offset + at as u64));
            }
            let overlap = needle.len() - 1;
            if bytes.len() <= overlap {
                break;
            }
            offset += (bytes.len() - overlap) as u64;
        }
        Ok(None)
    }
}
