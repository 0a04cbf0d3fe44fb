//! Tests of the configuration as a whole; what they share.

mod file;
mod live_server;
mod random;
mod rewrite;
mod set;
mod start;
mod table;

use super::{Config, ConfigError, ConfigFiles, Launch, Loaded, StartError};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// Files in memory.
#[derive(Default)]
struct Files {
    files: BTreeMap<PathBuf, Vec<u8>>,
    stdin: Vec<u8>,
}

impl Files {
    fn of(files: &[(&str, &str)]) -> Files {
        let file = |(path, text): &(&str, &str)| (PathBuf::from(path), text.as_bytes().to_vec());
        Files {
            files: files.iter().map(file).collect(),
            stdin: Vec::new(),
        }
    }
}

impl ConfigFiles for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        Ok(self.stdin.clone())
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let directory = if directory == Path::new(".") {
            Path::new("")
        } else {
            directory
        };
        let below = self
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(directory).ok());
        let names: BTreeSet<_> = below.filter_map(|path| path.iter().next()).collect();
        if names.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(names.into_iter().map(OsStr::to_owned).collect())
    }
}

/// What a server makes of these files, the first being its configuration file.
fn load(files: &[(&str, &str)]) -> Result<Loaded, StartError> {
    let config_file = files.first().map(|(path, _)| PathBuf::from(path));
    let launch = Launch {
        config_file,
        ..Launch::default()
    };
    launch.configure(&Files::of(files), None)
}

/// The configuration that one file gives.
fn config_of(text: &str) -> Config {
    load(&[("o.conf", text)])
        .unwrap_or_else(|error| panic!("{error}"))
        .config
}

fn set(config: &Config, name: &str, value: &str) -> Result<Config, ConfigError> {
    config.set(&[(name.as_bytes(), value.as_bytes())])
}

/// The answer to CONFIG GET of one name.
fn get(config: &Config, name: &str) -> String {
    let answer = config.get(&[name.as_bytes()]);
    let [(_, value)] = answer.as_slice() else {
        panic!("{name}: {answer:?}")
    };
    String::from_utf8(value.clone()).expect("text")
}
