//! Where the data comes from at the start: the log first, a snapshot if there is
//! none or if it is marked as older, nothing otherwise.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use engine::config::Live;
use persist::log::{Options, Recovery, is_outdated};
use persist::rdb::{Item, Reader};
use persist::{Access, File, Kind, Place, Storage, Trouble};

/// What is to be read.
pub enum Source {
    Nothing,
    Log(Box<Recovery>),
    Snapshot(PathBuf),
    /// A snapshot with the keys whose time is over: of their end the log is told by somebody else.
    Whole(PathBuf),
}

/// Looks, and refuses what cannot be served.
pub(super) fn find(storage: &dyn Storage, place: &Place, live: &Live) -> Result<Source, Trouble> {
    let snapshot = place.dir.join(&live.dbfilename);
    if live.appendonly && is_outdated(storage, place)? {
        return match storage.open(&snapshot, Access::Read) {
            Ok(_) => Ok(Source::Snapshot(snapshot)),
            Err(mut trouble) if trouble.kind == Kind::Missing => {
                trouble.path = place.file(&place.outdated_name());
                trouble.what = format!(
                    "this says that the log is older than {}, which is not there: bring it back, \
                     or remove this mark to serve the log as it is",
                    snapshot.display()
                );
                Err(trouble)
            }
            Err(trouble) => Err(trouble),
        };
    }
    if live.appendonly {
        let options = Options {
            load_truncated: live.aof_load_truncated,
        };
        let recovery = Recovery::survey(storage, place, options, &mut rdb_end)?;
        if !recovery.is_empty() {
            return Ok(Source::Log(Box::new(recovery)));
        }
    }
    match storage.open(&snapshot, Access::Read) {
        Ok(_) => Ok(Source::Snapshot(snapshot)),
        Err(trouble) if trouble.kind == Kind::Missing => Ok(Source::Nothing),
        Err(trouble) => Err(trouble),
    }
}

/// Where the RDB at the front of an old-style log ends.
pub fn rdb_end(file: &dyn File, path: &Path) -> Result<u64, Trouble> {
    let bytes = Bytes::new(file)?;
    let mut reader = Reader::new(bytes).map_err(|fault| fault.in_file(path))?;
    loop {
        match reader.next().map_err(|fault| fault.in_file(path))? {
            Some(Item::End { .. }) | None => return Ok(reader.offset()),
            Some(_) => {}
        }
    }
}

/// A file, read from its beginning.
pub struct Bytes<'a> {
    file: &'a dyn File,
    at: u64,
    end: u64,
}

impl<'a> Bytes<'a> {
    pub fn new(file: &'a dyn File) -> Result<Bytes<'a>, Trouble> {
        Ok(Bytes {
            end: file.len()?,
            file,
            at: 0,
        })
    }

    /// Only the first so many bytes.
    pub fn up_to(mut self, end: u64) -> Bytes<'a> {
        self.end = self.end.min(end);
        self
    }

    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> u64 {
        self.end
    }
}

impl Read for Bytes<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let want = into.len().min(left);
        if want == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(self.at, &mut into[..want]);
        let read = read.map_err(|trouble| io::Error::other(trouble.what))?;
        self.at += read as u64;
        Ok(read)
    }
}
