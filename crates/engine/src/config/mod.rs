//! The configuration: every parameter of a server as one value that never changes.
//!
//! ```text
//!   table ──► default ──► file ──► environment ──► command line ──► Config ──CONFIG SET──► another Config
//!  (params)              (file)                   (start)           │    │
//!                                                                   │    └─ live: typed fields, made once per change,
//!                                                      CONFIG GET ◄─┘             that hot paths read
//!                                                      REWRITE
//! ```
//!
//! - [`params`] is the table, one row per parameter; [`value`] is what its kinds of values look like.
//! - A change makes a new [`Config`] or fails and says why in Redis' words; there is nothing to roll back.
//!   The caller shares the current one and swaps it, so that readers see all of a change or nothing of it.
//! - Putting a value into effect is the caller's: this module opens no file, binds no port, reads no clock.
//!   What cannot be put into effect is answered with [`ConfigError::refused`], and the old value stays.
//!
//! Invariants: `values` has one entry per row of [`params::PARAMS`], of the row's kind; `live` follows from it.

mod draft;
mod error;
pub mod file;
mod live;
pub mod params;
mod rewrite;
mod start;
mod start_error;
#[cfg(test)]
mod tests;
mod value;
mod words;

pub use error::{ConfigError, Reason};
pub use file::{ConfigFiles, NoFiles};
pub use live::Live;
pub use params::{Meaning, Mutability, Param};
pub use rewrite::{Extent, rewrite};
pub use start::{Launch, Loaded, StartUp, USAGE, parse_command_line};
pub use start_error::{Origin, StartError};
pub use value::{
    BindAddress, KeyspaceEvents, Kind, OutputLimit, OutputLimits, Primary, SavePoint, Value,
};
pub use words::{FsyncPolicy, LogLevel, MaxmemoryPolicy, Mode, Permission, RdbVersion};

use draft::Draft;
use params::{Found, PARAMS};
use std::collections::BTreeSet;

/// The value of every parameter at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What the server reads, typed.
    pub live: Live,
    values: Box<[Value]>,
}

/// Who asks for a change, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// The client connects from this machine.
    pub is_local: bool,
    /// The data set is still being loaded.
    pub while_loading: bool,
}

impl Default for Config {
    fn default() -> Config {
        Draft::default().finish()
    }
}

impl Config {
    /// Names and values of the parameters that the patterns match, as CONFIG GET answers them, each once.
    ///
    /// A pattern without `*`, `?` and `[` is a name: it finds hidden parameters too, and is answered as the client
    /// spelled it. The others match names and aliases, both, whatever the case, and are answered in alphabetical
    /// order.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(String, Vec<u8>)> {
        let mut answered = BTreeSet::new();
        let mut out = Vec::new();
        let mut answer = |spelling: &'static str, name: &[u8], index: usize| {
            if answered.insert(spelling) {
                let name = String::from_utf8_lossy(name).into_owned();
                out.push((name, self.values[index].text()));
            }
        };
        for pattern in patterns {
            if !pattern.iter().any(|b| matches!(b, b'*' | b'?' | b'[')) {
                if let Some(found) = params::find(pattern) {
                    answer(found.spelling, pattern, found.index);
                }
                continue;
            }
            let shown = PARAMS.iter().enumerate().filter(|(_, param)| !param.hidden);
            let mut matches: Vec<_> = shown
                .flat_map(|(index, param)| param.spellings().map(move |s| (s, index)))
                .filter(|(spelling, _)| base::glob_match(pattern, spelling.as_bytes(), true))
                .collect();
            matches.sort_unstable();
            for (spelling, index) in matches {
                answer(spelling, spelling.as_bytes(), index);
            }
        }
        out
    }

    /// The value of one parameter, by name or alias.
    pub fn value(&self, name: &str) -> Option<&Value> {
        params::find(name.as_bytes()).map(|found| &self.values[found.index])
    }

    /// CONFIG SET by a remote client on a server that has loaded its data: see [`Config::set_by`].
    pub fn set(&self, changes: &[(&[u8], &[u8])]) -> Result<Config, ConfigError> {
        self.set_by(Asker::default(), changes)
    }

    /// CONFIG SET: the configuration after all of these changes, or why one of them cannot be.
    ///
    /// As in Redis, every name is checked before any value, and a parameter may be named only once, although once
    /// more by its alias.
    pub fn set_by(&self, asker: Asker, changes: &[(&[u8], &[u8])]) -> Result<Config, ConfigError> {
        let mut found: Vec<Found> = Vec::with_capacity(changes.len());
        for (name, _) in changes {
            let here = params::find(name).ok_or_else(|| ConfigError::unknown(name))?;
            self.check_asker(asker, here.param, name)?;
            if found
                .iter()
                .any(|earlier| earlier.spelling == here.spelling)
            {
                return Err(ConfigError::refused_as(name, "duplicate parameter"));
            }
            found.push(here);
        }
        self.with_values(found.iter().zip(changes.iter().map(|(_, value)| *value)))
    }

    /// The configuration after changes made by the program itself, which may change what clients may not.
    pub fn set_at_start(&self, changes: &[(&[u8], &[u8])]) -> Result<Config, ConfigError> {
        let find = |name: &[u8]| params::find(name).ok_or_else(|| ConfigError::unknown(name));
        let found: Vec<_> = changes
            .iter()
            .map(|(name, _)| find(name))
            .collect::<Result<_, _>>()?;
        self.with_values(found.iter().zip(changes.iter().map(|(_, value)| *value)))
    }

    /// The parameters whose values differ from those of an earlier configuration.
    pub fn changed_since(&self, earlier: &Config) -> impl Iterator<Item = &'static Param> {
        let differs = |index: &usize| self.values[*index] != earlier.values[*index];
        (0..PARAMS.len())
            .filter(differs)
            .map(|index| &PARAMS[index])
    }

    fn check_asker(&self, asker: Asker, param: &Param, name: &[u8]) -> Result<(), ConfigError> {
        let protection = self.live.enable_protected_configs;
        match param.mutability {
            Mutability::Immutable => {
                Err(ConfigError::refused_as(name, "can't set immutable config"))
            }
            Mutability::Protected if !protection.allows(asker.is_local) => {
                Err(ConfigError::refused_as(name, "can't set protected config"))
            }
            _ if param.settled_by_load && asker.while_loading => Err(ConfigError::Loading),
            _ => Ok(()),
        }
    }

    fn with_values<'a>(
        &self,
        changes: impl Iterator<Item = (&'a Found, &'a [u8])>,
    ) -> Result<Config, ConfigError> {
        let mut draft = Draft::of(self);
        for (found, value) in changes {
            draft
                .replace(found.index, value)
                .map_err(|reason| ConfigError::refused(found.spelling, reason))?;
        }
        Ok(draft.finish())
    }
}
