//! Where a log lies: the data directory, and the two names that Redis lets one choose.

use std::path::PathBuf;

/// The names of a log's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The data directory, `dir`.
    pub dir: PathBuf,
    /// The directory of the log inside it, `appenddirname`.
    pub folder: String,
    /// What its files' names begin with, `appendfilename`.
    pub name: String,
}

impl Place {
    /// The usual names in this data directory.
    pub fn usual(dir: impl Into<PathBuf>) -> Place {
        Place {
            dir: dir.into(),
            folder: "appendonlydir".into(),
            name: "appendonly.aof".into(),
        }
    }

    /// The directory of the log.
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join(&self.folder)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.log_dir().join(name)
    }

    pub fn manifest_name(&self) -> String {
        format!("{}.manifest", self.name)
    }

    /// What the manifest is called until it is whole.
    pub fn manifest_temporary_name(&self) -> String {
        format!("temp-{}.manifest", self.name)
    }

    pub fn base_name(&self, seq: u64) -> String {
        format!("{}.{seq}.base.rdb", self.name)
    }

    pub fn incr_name(&self, seq: u64) -> String {
        format!("{}.{seq}.incr.aof", self.name)
    }

    /// The mark on a log that a snapshot has taken the place of.
    pub fn outdated_name(&self) -> String {
        format!("{}.outdated", self.name)
    }

    /// A base or incremental file of a generation that was begun while the log was down. It keeps
    /// this name when it is listed; where it is not, a crash came first, and it means nothing.
    pub(crate) fn rising_base_name(&self, seq: u64) -> String {
        format!("{}.{seq}{RISING_BASE}", self.name)
    }

    pub(crate) fn rising_incr_name(&self, seq: u64) -> String {
        format!("{}.{seq}{RISING_INCR}", self.name)
    }

    /// Is this such a name?
    pub(crate) fn is_rising(&self, name: &str) -> bool {
        self.number(name, RISING_BASE)
            .or(self.number(name, RISING_INCR))
            .is_some()
    }

    /// The number in the name of an incremental file.
    pub(crate) fn incr_seq(&self, name: &str) -> Option<u64> {
        self.number(name, ".incr.aof")
    }

    /// The number in the name of a base file, of either form.
    pub(crate) fn base_seq(&self, name: &str) -> Option<u64> {
        self.number(name, ".base.rdb")
            .or(self.number(name, ".base.aof"))
    }

    fn number(&self, name: &str, ending: &str) -> Option<u64> {
        let rest = name.strip_prefix(&self.name)?.strip_prefix('.')?;
        base::parse_u64(rest.strip_suffix(ending)?.as_bytes())
    }
}

const RISING_BASE: &str = ".rising.base.rdb";
const RISING_INCR: &str = ".rising.incr.aof";
