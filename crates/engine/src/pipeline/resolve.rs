//! First stage: which command is it, and what are the hashes of its keys?
//!
//! Done for a whole window of requests before any of them runs, so that the
//! prefetch stage knows every line that will be needed.

use resp::Argv;
use spec::KeyAt;

use crate::commands::{Command, CommandId, KeyShape, Named};
use crate::engine::Engine;

/// What the first stage found out about a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolved {
    pub(crate) named: Named,
    /// Its keys' hashes, in the resolver's list.
    hashes_start: u32,
    hashes_end: u32,
}

impl Resolved {
    pub(crate) fn command(&self) -> Option<CommandId> {
        match self.named {
            Named::Command(id) => Some(id),
            _ => None,
        }
    }
}

/// The hashes of a window's keys, and scratch space.
#[derive(Default)]
pub(crate) struct Resolver {
    pub(crate) hashes: Vec<u64>,
    positions: Vec<KeyAt>,
}

impl Resolver {
    /// Forget the last window.
    pub(crate) fn clear(&mut self) {
        self.hashes.clear();
        if self.hashes.capacity() > 1 << 16 {
            self.hashes = Vec::new();
        }
    }

    #[inline]
    pub(crate) fn resolve(&mut self, engine: &Engine, argv: Argv<'_>) -> Resolved {
        let named = engine.commands.named(argv);
        let start = self.hashes.len();
        if let Named::Command(id) = named {
            let command = engine.commands.get(id);
            if command.spec.arity_ok(argv.len()) {
                self.hash_keys(engine, command, argv);
            }
        }
        Resolved {
            named,
            hashes_start: start as u32,
            hashes_end: self.hashes.len() as u32,
        }
    }

    #[inline]
    pub(crate) fn hashes(&self, resolved: Resolved) -> &[u64] {
        &self.hashes[resolved.hashes_start as usize..resolved.hashes_end as usize]
    }

    #[inline]
    pub(crate) fn hash_keys(&mut self, engine: &Engine, command: &Command, argv: Argv<'_>) {
        match command.keys {
            KeyShape::None => {}
            KeyShape::One(at) => self.hashes.push(engine.hasher.hash(argv.get(at))),
            KeyShape::Range { first, last, step } => {
                let last = if last < 0 {
                    argv.len().saturating_sub(last.unsigned_abs() as usize)
                } else {
                    first + last as usize
                };
                let keys = (first..=last.min(argv.len() - 1)).step_by(step);
                self.hashes
                    .extend(keys.map(|at| engine.hasher.hash(argv.get(at))));
            }
            KeyShape::Spec => self.hash_by_spec(engine, command, argv),
        }
    }

    fn hash_by_spec(&mut self, engine: &Engine, command: &Command, argv: Argv<'_>) {
        self.positions.clear();
        let arg = |index: usize| argv.get(index);
        // Keys that cannot be told make the handler refuse the request.
        let _ = spec::keys_of(command.spec, argv.len(), &arg, &mut self.positions);
        self.positions.sort_unstable_by_key(|key| key.index);
        let keys = self.positions.iter();
        self.hashes
            .extend(keys.map(|key| engine.hasher.hash(argv.get(key.index))));
    }
}
