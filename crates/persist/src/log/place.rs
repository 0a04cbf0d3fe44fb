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

    /// The number in the name of an incremental file.
    pub(crate) fn incr_seq(&self, name: &str) -> Option<u64> {
        let rest = name.strip_prefix(&self.name)?.strip_prefix('.')?;
        base::parse_u64(rest.strip_suffix(".incr.aof")?.as_bytes())
    }

    /// Is this the name of a base file, of either form?
    pub(crate) fn is_base(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.name);
        rest.is_some_and(|rest| rest.ends_with(".base.rdb") || rest.ends_with(".base.aof"))
    }
}
