//! Replay: what was decided before, done again.
//!
//! A log has the canonical effects of commands, a snapshot has keys. Bringing
//! them back asks nobody: no password, no limit that has been lowered since, no
//! clock. Keys whose time is over stay until everything is back, as a later
//! effect may count on them; nothing is logged or counted as a change.
//!
//! Invariant: an effect that was once applied applies again. If one does not,
//! the log does not belong to these keys, and the caller must not go on.

use base::Now;
use resp::{Argv, Outbox, Protocol, Reply};
use spec::Flags;
use store::{Key, NewValue};

use crate::args::Args;
use crate::commands::{Command, Named};
use crate::ctx::Ctx;
use crate::executor::Executor;
use crate::pipeline;

/// Why a command of a log cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayError {
    /// Which of those given.
    pub index: usize,
    /// The command's name and what is wrong, for people.
    pub reason: String,
}

/// A key of a snapshot.
pub struct Restored<'a> {
    pub database: usize,
    pub name: &'a [u8],
    pub value: NewValue<'a>,
    pub deadline_ms: Option<i64>,
}

impl Executor {
    /// Commands of a log are resolved and prefetched in windows of this size.
    const REPLAY_WINDOW: usize = 64;

    /// Apply commands of a log in their order. SELECT holds from one call to the
    /// next; MULTI and EXEC are passed over, as whole groups are handed in.
    pub fn replay(&mut self, now: Now, commands: &[Argv<'_>]) -> Result<(), ReplayError> {
        self.begin_replay(now);
        let mut outcome = Ok(());
        for (window, commands) in commands.chunks(Executor::REPLAY_WINDOW).enumerate() {
            if let Err((index, reason)) = self.replay_window(now, commands) {
                let index = window * Executor::REPLAY_WINDOW + index;
                outcome = Err(ReplayError { index, reason });
                break;
            }
        }
        self.end_replay();
        outcome
    }

    /// A log begins: its first commands are for database 0.
    pub fn replay_from_start(&mut self) {
        self.session_mut().database = 0;
    }

    /// A snapshot will bring so many keys: make room for them at once.
    pub fn expect_keys(&mut self, database: usize, keys: usize) {
        let (engine, local) = self.parts_mut();
        let shards = engine.shards.len();
        for shard in 0..shards {
            local.held.one(shard);
            let keyspace = &mut local.held.shard(shard).keys;
            keyspace.database_mut(database).reserve(keys / shards);
        }
        local.held.none();
    }

    /// Put keys of a snapshot in. Returns how many; a key that is there already
    /// stays as it is.
    pub fn restore(&mut self, now: Now, keys: Vec<Restored<'_>>) -> u64 {
        let mut keys = keys.into_iter().peekable();
        let mut hashes = Vec::with_capacity(Executor::REPLAY_WINDOW);
        let mut window = Vec::with_capacity(Executor::REPLAY_WINDOW);
        let mut restored = 0;
        while keys.peek().is_some() {
            window.extend(keys.by_ref().take(Executor::REPLAY_WINDOW));
            let names = window
                .iter()
                .map(|key: &Restored<'_>| (key.name, key.database));
            self.look_for(names, &mut hashes);
            let (engine, local) = self.parts_mut();
            let access = local.clock.fresh();
            for (key, &hash) in window.drain(..).zip(&hashes) {
                let shard = engine.shards.of(hash);
                local.held.one(shard);
                let keyspace = &mut local.held.shard(shard).keys;
                let table = keyspace.database_mut(key.database);
                let name = Key {
                    bytes: key.name,
                    hash,
                };
                if table.find(&name).is_none() {
                    table.insert(&name, key.value, key.deadline_ms, access, now.unix_ms());
                    restored += 1;
                }
            }
        }
        self.parts_mut().1.held.none();
        restored
    }

    fn begin_replay(&mut self, now: Now) {
        let (engine, local) = self.parts_mut();
        local.replaying = true;
        local.refresh_config(engine, now);
    }

    fn end_replay(&mut self) {
        let (engine, local) = self.parts_mut();
        local.held.none();
        local.replaying = false;
        for garbage in local.garbage.drain(..) {
            engine.host.discard(garbage);
        }
    }

    fn replay_window(&mut self, now: Now, commands: &[Argv<'_>]) -> Result<(), (usize, String)> {
        self.look_ahead_for(commands);
        let mut outbox = Outbox::default();
        for (index, &argv) in commands.iter().enumerate() {
            let (ctx, resolved, hashes) = self.replaying(now, index);
            let Named::Command(id) = resolved.named else {
                return Err((index, format!("{} is not a command", shown(argv))));
            };
            let mut ctx = ctx;
            let command = ctx.engine.commands.get(id);
            let mut reply = Reply::new(&mut outbox, Protocol::Resp2);
            if let Err(reason) = replay_one(&mut ctx, command, argv, hashes, &mut reply) {
                return Err((index, format!("{}: {reason}", shown(argv))));
            }
            outbox.clear();
        }
        Ok(())
    }
}

fn replay_one(
    ctx: &mut Ctx<'_>,
    command: &Command,
    argv: Argv<'_>,
    hashes: &[u64],
    reply: &mut Reply<'_>,
) -> Result<(), String> {
    use spec::{connection, transaction};
    let is = |spec: &'static spec::Spec| std::ptr::eq(command.spec, spec);
    if is(&transaction::MULTI) || is(&transaction::EXEC) {
        return Ok(());
    }
    if !command.spec.arity_ok(argv.len()) {
        return Err("wrong number of arguments".into());
    }
    // PFCOUNT is a reader that writes the count down.
    let writes = [Flags::WRITE, Flags::MAY_REPLICATE];
    let writes = writes.iter().any(|flag| command.spec.flags.contains(*flag));
    if !writes && !is(&connection::SELECT) {
        return Err("it writes nothing, and has no place in a log".into());
    }
    pipeline::enter(ctx, command, argv, hashes);
    let mut args = Args::new(argv, command.words, &ctx.engine.hasher, hashes);
    let outcome = (command.handler)(ctx, &mut args, reply);
    ctx.local.effects.clear();
    outcome.map_err(|error| error.to_string())
}

fn shown(argv: Argv<'_>) -> String {
    pipeline::shown(argv.get(0), pipeline::SHOWN_BYTES_MAX).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::{Engine, EngineOptions, Host, Threads};
    use resp::OwnedArgv;
    use std::sync::Arc;

    struct Nothing;

    impl Host for Nothing {
        fn monotonic_ns(&self) -> u64 {
            0
        }
    }

    #[test]
    fn deadlines_that_are_over_keep_their_keys_until_all_is_back() {
        let now = Now {
            unix_us: 2_000_000_000_000_000,
            mono_us: 0,
        };
        let options = EngineOptions {
            config: Config::default(),
            threads: Threads::One,
            seed: [1, 2],
            now,
        };
        let mut executor = Engine::new(options, Arc::new(Nothing)).executor();
        let lines = [
            &["SET", "k", "5"][..],
            &["PEXPIREAT", "k", "1000"],
            // Made anew, it would be 1 and live for ever.
            &["INCRBY", "k", "1"],
            &["RENAME", "k", "other"],
        ];
        let lines: Vec<OwnedArgv> = lines.iter().map(|line| OwnedArgv::new(*line)).collect();
        let commands: Vec<Argv<'_>> = lines.iter().map(|line| line.as_argv()).collect();
        executor.replay(now, &commands).expect("it applied before");
        let table = {
            let (_, local) = executor.parts_mut();
            local.held.one(0);
            local.held.shard(0).keys.database(0)
        };
        assert_eq!((table.len(), table.volatile()), (1, 1));
    }
}
