//! A file that is written once, from its beginning to its end.
//!
//! ```text
//!   write ─► ▓▓▓▓ 64 KiB ─► past the page cache      room reserved ahead, cut off at the end
//!                    └────► or into it
//!                      └─► synced every 16 MiB, lest the last one be long
//!   finish ─► the rest ─► length ─► sync
//! ```
//!
//! What goes through the page cache is copied there, and written back by a thread of the kernel's
//! that does not give way: clients of a loop on the same processor waited up to a millisecond for
//! it (decision 19). It also pushes out what others have there, for pages that nobody reads again
//! soon. So large files go past it, where the file system knows how.
//!
//! Where no room can be reserved so far ahead, what is left is written the other way: a disk that
//! is nearly full takes what fits.

use super::{Blocks, File, Past, write_all};
use crate::error::Trouble;

/// See the module. Durable when [`NewFile::finish`] returns; its name may not be.
pub struct NewFile<'a> {
    file: &'a dyn File,
    way: Way,
    /// What was written ends here, and so many bytes are yet in `blocks`.
    at: u64,
    blocks: Blocks,
    /// Up to here it is durable.
    synced: u64,
}

enum Way {
    /// There is room up to here.
    PastCache {
        reserved: u64,
    },
    Cached,
}

/// So much goes to the disk at once: little enough for whoever else wants the processor.
const WRITE_BYTES: usize = 64 * 1024;
/// And so much is taken ahead of others, who may need the room.
const RESERVED_BYTES: u64 = 4 << 20;
const SYNC_BYTES: u64 = 16 << 20;

impl<'a> NewFile<'a> {
    /// `file` is empty.
    pub fn new(file: &'a dyn File) -> NewFile<'a> {
        let mut blocks = Blocks::default();
        blocks.begin(0, &[], WRITE_BYTES);
        NewFile {
            file,
            way: Way::PastCache { reserved: 0 },
            at: 0,
            blocks,
            synced: 0,
        }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.blocks.end()
    }

    /// Goes on with these bytes. After an error the file is not worth anything.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Trouble> {
        while !bytes.is_empty() {
            let room = WRITE_BYTES - (self.blocks.end() - self.at) as usize;
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.blocks.bytes().extend_from_slice(now);
            bytes = rest;
            if now.len() == room {
                self.write_blocks()?;
            }
        }
        Ok(())
    }

    /// Writes the rest, the last call. Returns how many bytes the file has, all of them durable.
    pub fn finish(&mut self) -> Result<u64, Trouble> {
        let end = self.blocks.end();
        let (at, blocks, _) = self.blocks.finish();
        write_all(self.file, at, &blocks[..(end - at) as usize])?;
        if matches!(self.way, Way::PastCache { reserved } if reserved > end) {
            self.file.set_len(end)?;
        }
        self.file.sync_data()?;
        Ok(end)
    }

    /// Writes what has been collected: whole blocks.
    fn write_blocks(&mut self) -> Result<(), Trouble> {
        let end = self.blocks.end();
        let (at, blocks, _) = self.blocks.finish();
        if let Way::PastCache { reserved } = &mut self.way
            && past(self.file, at, blocks, reserved)? == Past::Unknown
        {
            self.file.set_len(at)?;
            self.way = Way::Cached;
        }
        if let Way::Cached = self.way {
            write_all(self.file, at, blocks)?;
        }
        if end - self.synced >= SYNC_BYTES {
            self.file.sync_data()?;
            self.synced = end;
        }
        self.at = end;
        self.blocks.begin(end, &[], WRITE_BYTES);
        Ok(())
    }
}

/// Past the cache, into room that is reserved here where it does not reach so far.
fn past(file: &dyn File, at: u64, blocks: &[u8], reserved: &mut u64) -> Result<Past, Trouble> {
    if at + blocks.len() as u64 > *reserved {
        if file.allocate(at + RESERVED_BYTES).is_err() {
            return Ok(Past::Unknown);
        }
        *reserved = at + RESERVED_BYTES;
    }
    file.write_past(at, blocks)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::error::Kind;
    use crate::storage::read_full;

    /// A file in memory that keeps count, on a disk of so many bytes.
    struct Sheet {
        goes_past_cache: bool,
        disk_bytes: usize,
        state: Mutex<State>,
    }

    #[derive(Default)]
    struct State {
        bytes: Vec<u8>,
        durable_bytes: usize,
        past: usize,
        syncs: usize,
    }

    impl Sheet {
        fn new(goes_past_cache: bool, disk_bytes: usize) -> Sheet {
            Sheet {
                goes_past_cache,
                disk_bytes,
                state: Mutex::default(),
            }
        }

        fn full() -> Trouble {
            Trouble::new(Kind::Full, std::path::Path::new("sheet"), "no space left")
        }
    }

    impl File for Sheet {
        fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, Trouble> {
            let state = self.state.lock().unwrap();
            let rest = &state.bytes[(offset as usize).min(state.bytes.len())..];
            let len = rest.len().min(into.len());
            into[..len].copy_from_slice(&rest[..len]);
            Ok(len)
        }

        /// Takes few at a time.
        fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<usize, Trouble> {
            let mut state = self.state.lock().unwrap();
            let (at, taken) = (offset as usize, bytes.len().min(10_000));
            let end = at + taken;
            if end > self.disk_bytes {
                return Err(Sheet::full());
            }
            let len = state.bytes.len().max(end);
            state.bytes.resize(len, 0);
            state.bytes[at..end].copy_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn write_past(&self, offset: u64, blocks: &[u8]) -> Result<Past, Trouble> {
            if !self.goes_past_cache {
                return Ok(Past::Unknown);
            }
            let mut state = self.state.lock().unwrap();
            assert!(offset.is_multiple_of(super::super::BLOCK_BYTES));
            let at = offset as usize;
            state.bytes[at..at + blocks.len()].copy_from_slice(blocks); // there is room
            state.past += 1;
            Ok(Past::Written)
        }

        fn sync_data(&self) -> Result<(), Trouble> {
            let mut state = self.state.lock().unwrap();
            (state.durable_bytes, state.syncs) = (state.bytes.len(), state.syncs + 1);
            Ok(())
        }

        fn len(&self) -> Result<u64, Trouble> {
            Ok(self.state.lock().unwrap().bytes.len() as u64)
        }

        fn set_len(&self, len: u64) -> Result<(), Trouble> {
            self.state.lock().unwrap().bytes.resize(len as usize, 0);
            Ok(())
        }

        fn allocate(&self, end: u64) -> Result<(), Trouble> {
            let mut state = self.state.lock().unwrap();
            if end as usize > self.disk_bytes {
                return Err(Sheet::full());
            }
            let len = state.bytes.len().max(end as usize);
            state.bytes.resize(len, 0);
            Ok(())
        }
    }

    fn numbered(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at / 7) as u8).collect()
    }

    fn written(sheet: &Sheet, bytes: &[u8], piece_bytes: usize) -> Result<u64, Trouble> {
        let mut file = NewFile::new(sheet);
        for piece in bytes.chunks(piece_bytes) {
            let before = file.bytes();
            file.write(piece)?;
            assert_eq!(file.bytes(), before + piece.len() as u64);
        }
        file.finish()
    }

    #[test]
    fn what_is_written_is_there_and_durable() {
        for goes_past_cache in [true, false] {
            for len in [
                0,
                1,
                WRITE_BYTES - 1,
                WRITE_BYTES,
                3 * WRITE_BYTES + 5,
                (16 << 20) + 5,
            ] {
                for piece_bytes in [1000, WRITE_BYTES, 9 << 20] {
                    let sheet = Sheet::new(goes_past_cache, usize::MAX);
                    let bytes = numbered(len);
                    assert_eq!(written(&sheet, &bytes, piece_bytes).unwrap(), len as u64);
                    let mut back = vec![0; len + 1];
                    assert_eq!(read_full(&sheet, 0, &mut back).unwrap(), len);
                    assert!(
                        back[..len] == bytes,
                        "{goes_past_cache} {len} {piece_bytes}"
                    );
                    let state = sheet.state.lock().unwrap();
                    assert_eq!(state.durable_bytes, len);
                    let past = if goes_past_cache {
                        len / WRITE_BYTES
                    } else {
                        0
                    };
                    assert_eq!(state.past, past);
                    assert_eq!(state.syncs, 1 + (len >> 24));
                }
            }
        }
    }

    /// Room for what is written, but not for what is reserved ahead.
    #[test]
    fn a_disk_that_is_nearly_full_takes_what_fits() {
        for len in [5 << 20, 16 << 20, 21 << 20] {
            let sheet = Sheet::new(true, len);
            let bytes = numbered(len);
            assert_eq!(written(&sheet, &bytes, 100_000).unwrap(), len as u64);
            let state = sheet.state.lock().unwrap();
            assert!(state.bytes == bytes && state.durable_bytes == len);
            drop(state);
            let sheet = Sheet::new(true, len - 1);
            assert_eq!(
                written(&sheet, &bytes, 100_000).unwrap_err().kind,
                Kind::Full
            );
        }
    }
}
