//! Which processor cores run what.
//!
//! On a small machine a server and its load generator disturb each other less
//! when each keeps to its own core, and results then repeat better. Threads and
//! children inherit the cores of the thread that starts them, so a server is
//! started from a thread that has moved to the server's cores for a moment:
//! there is no instant at which it runs elsewhere.

use std::fmt;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::bench::error::Error;

/// Some cores by number, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreList(Vec<usize>);

/// Who runs where under `--pin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinning {
    pub server: CoreList,
    pub generator: CoreList,
}

impl CoreList {
    /// `0`, `0-3`, `0,2,4-7`.
    pub fn parse(text: &str) -> Option<CoreList> {
        let mut cores = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            if first > last || last >= CpuSet::MAX_CPU {
                return None;
            }
            cores.extend(first..=last);
        }
        Some(CoreList(cores))
    }

    /// Binds the calling thread to the core of its turn.
    pub fn pin_thread(&self, turn: usize) -> Result<(), Error> {
        self.one(turn).bind_thread()
    }

    /// Binds the calling thread to all these cores.
    pub fn bind_thread(&self) -> Result<(), Error> {
        let mut set = CpuSet::new();
        for &core in &self.0 {
            set.set(core);
        }
        sched_setaffinity(None, &set)
            .map_err(|errno| Error::system(format!("cannot run on core {self}"))(errno.into()))
    }

    /// The cores on which the calling thread may run.
    pub fn allowed() -> Result<CoreList, Error> {
        let set = sched_getaffinity(None)
            .map_err(|errno| Error::system("sched_getaffinity")(errno.into()))?;
        Ok(CoreList(
            (0..CpuSet::MAX_CPU)
                .filter(|&core| set.is_set(core))
                .collect(),
        ))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn one(&self, turn: usize) -> CoreList {
        CoreList(vec![self.0[turn % self.0.len()]])
    }
}

impl Pinning {
    /// The first core for the server, the second for the generator.
    pub fn first_two() -> Result<Pinning, Error> {
        let allowed = CoreList::allowed()?;
        if allowed.len() < 2 {
            let text = "--pin needs two cores, one for the server and one for the generator";
            return Err(Error::Usage(text.to_string()));
        }
        Ok(Pinning {
            server: allowed.one(0),
            generator: allowed.one(1),
        })
    }

    /// `SERVER:GENERATOR`, each a list of cores.
    pub fn parse(text: &str) -> Option<Pinning> {
        let (server, generator) = text.split_once(':')?;
        Some(Pinning {
            server: CoreList::parse(server)?,
            generator: CoreList::parse(generator)?,
        })
    }
}

impl fmt::Display for CoreList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, core) in self.0.iter().enumerate() {
            write!(f, "{}{core}", if i > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores() {
        let show = |text: &str| CoreList::parse(text).map(|cores| cores.to_string());
        assert_eq!(show("3").as_deref(), Some("3"));
        assert_eq!(show("0,2-4").as_deref(), Some("0,2,3,4"));
        for wrong in ["", "a", "3-1", "1,", "0-99999999", "-1"] {
            assert_eq!(show(wrong), None, "{wrong}");
        }
        let pinning = Pinning::parse("0-1:2").unwrap();
        assert_eq!(pinning.server.len(), 2);
        assert_eq!(pinning.generator.to_string(), "2");
        assert_eq!(Pinning::parse("0"), None);
    }
}
