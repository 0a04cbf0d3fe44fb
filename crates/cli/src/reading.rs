//! The real files, with a line on the terminal that says how much has been read.
//!
//! Drawn on standard error over itself and only if that is a terminal; nothing is drawn for what
//! is over within half a second.

use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use persist::{Access, Disk, File, Guard, Storage, Trouble};

/// The file system, watched.
pub struct Reading {
    line: Arc<Line>,
}

struct Line {
    is_terminal: bool,
    state: Mutex<State>,
}

struct State {
    read_bytes: u64,
    due: Instant,
    is_drawn: bool,
}

struct WatchedFile {
    file: Box<dyn File>,
    line: Arc<Line>,
}

const EVERY: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_millis(500);

impl Reading {
    pub fn new() -> Reading {
        let state = State {
            read_bytes: 0,
            due: Instant::now() + PATIENCE,
            is_drawn: false,
        };
        let line = Line {
            is_terminal: stderr().is_terminal(),
            state: Mutex::new(state),
        };
        Reading {
            line: Arc::new(line),
        }
    }

    /// Takes the line away, before other output.
    pub fn wipe(&self) {
        self.line.wipe();
    }
}

impl Line {
    fn add(&self, bytes: usize) {
        if !self.is_terminal {
            return;
        }
        let Ok(mut state) = self.state.lock() else {
            return; // no line is worth a second panic
        };
        state.read_bytes += bytes as u64;
        if Instant::now() >= state.due {
            state.due = Instant::now() + EVERY;
            state.is_drawn = true;
            let mib = state.read_bytes >> 20;
            // A terminal that is gone needs no line.
            let _ = write!(stderr(), "\r\x1b[2K{mib} MiB read");
        }
    }

    fn wipe(&self) {
        if let Ok(mut state) = self.state.lock()
            && std::mem::take(&mut state.is_drawn)
        {
            let _ = write!(stderr(), "\r\x1b[2K");
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl Storage for Reading {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn File>, Trouble> {
        let line = self.line.clone();
        let file = Disk.open(path, access)?;
        Ok(Box::new(WatchedFile { file, line }))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, Trouble> {
        Disk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), Trouble> {
        Disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), Trouble> {
        Disk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> Result<(), Trouble> {
        Disk.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> Result<(), Trouble> {
        Disk.sync_dir(path)
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Guard>, Trouble> {
        Disk.lock(dir)
    }

    fn free_bytes(&self, dir: &Path) -> Result<u64, Trouble> {
        Disk.free_bytes(dir)
    }
}

impl File for WatchedFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, Trouble> {
        let read = self.file.read_at(offset, into)?;
        self.line.add(read);
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<usize, Trouble> {
        self.file.write_at(offset, bytes)
    }

    fn sync_data(&self) -> Result<(), Trouble> {
        self.file.sync_data()
    }

    fn len(&self) -> Result<u64, Trouble> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> Result<(), Trouble> {
        self.file.set_len(len)
    }

    fn allocate(&self, end: u64) -> Result<(), Trouble> {
        self.file.allocate(end)
    }
}
