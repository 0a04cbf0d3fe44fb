//! The folder of transcripts: finding them, running them all, and what the
//! documentation takes from them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::outline::{FormatError, Outline};
use crate::play::{Player, Tally};
use crate::socket::Socket;
use crate::target::Target;
use crate::{transcript, wire};

/// The folder of raw-byte cases inside a corpus; all other folders hold transcripts.
const WIRE: &str = "wire";

/// A folder with one subfolder per group of commands.
pub struct Corpus {
    folder: PathBuf,
    /// Only files whose path contains this text.
    filter: String,
}

/// A case in which Ochre differs from Redis on purpose.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    pub path: PathBuf,
    pub line: usize,
    pub title: String,
    pub reason: String,
}

impl Corpus {
    pub fn new(folder: impl Into<PathBuf>) -> Corpus {
        Corpus {
            folder: folder.into(),
            filter: String::new(),
        }
    }

    /// Keeps only the files whose path contains `filter`.
    pub fn only(mut self, filter: impl Into<String>) -> Corpus {
        self.filter = filter.into();
        self
    }

    /// Every file, in order of name; paths start at the corpus folder.
    pub fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        collect(&self.folder, &mut files)?;
        files.retain(|path| path.to_string_lossy().contains(&self.filter));
        files.sort();
        Ok(files)
    }

    /// Plays every transcript on a target.
    pub fn play(&self, target: &mut dyn Target) -> io::Result<Tally> {
        let mut tally = Tally::default();
        let mut player = Player::new(target);
        for path in self.files()?.iter().filter(|path| !is_wire(path)) {
            let transcript =
                transcript::parse(path, &fs::read_to_string(path)?).map_err(malformed)?;
            tally.add(player.play(&transcript));
        }
        Ok(tally)
    }

    /// Plays every transcript and every raw case on a server.
    pub fn play_server(&self, server: &mut Socket) -> io::Result<Tally> {
        let mut tally = self.play(server)?;
        let address = server.address();
        for path in self.files()?.iter().filter(|path| is_wire(path)) {
            let script = wire::parse(path, &fs::read_to_string(path)?).map_err(malformed)?;
            tally.add(wire::replay(&script, server, address));
        }
        Ok(tally)
    }

    /// The cases marked `! differs`, for the page on compatibility.
    pub fn differences(&self) -> io::Result<Vec<Difference>> {
        let mut differences = Vec::new();
        for path in self.files()? {
            let outline = Outline::parse(&path, &fs::read_to_string(&path)?).map_err(malformed)?;
            for case in outline.cases {
                if let Some(reason) = case.conditions.differs {
                    let title = case.title.lines().next().unwrap_or_default().to_string();
                    differences.push(Difference {
                        path: path.clone(),
                        line: case.line,
                        title,
                        reason,
                    });
                }
            }
        }
        Ok(differences)
    }
}

fn is_wire(path: &Path) -> bool {
    path.parent()
        .and_then(Path::file_name)
        .is_some_and(|folder| folder == WIRE)
}

fn malformed(error: FormatError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    Ok(())
}
