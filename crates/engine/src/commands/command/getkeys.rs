//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a command line.
//!
//! The line is not run. Its keys are found as the lock stage finds them, so the
//! answer is what the engine itself believes.

use resp::{Argv, Reply};
use spec::{Flags, KeyAt};

use super::entry::write_access;
use crate::args::Args;
use crate::commands::Named;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn getkeys(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let line = args.argv().behind(2);
    let keys = keys_in(ctx, line)?;
    reply.array(keys.len());
    for key in keys {
        reply.bulk(line.get(key.index));
    }
    Ok(())
}

pub(super) fn getkeysandflags(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let line = args.argv().behind(2);
    let keys = keys_in(ctx, line)?;
    reply.array(keys.len());
    for key in keys {
        reply.array(2);
        reply.bulk(line.get(key.index));
        write_access(reply, key.access);
    }
    Ok(())
}

/// The keys of a line whose first word is its command.
fn keys_in(ctx: &Ctx, line: Argv<'_>) -> Result<Vec<KeyAt>, CommandError> {
    let Named::Command(id) = ctx.engine.commands.named(line) else {
        return Err(CommandError::err("Invalid command specified"));
    };
    let spec = ctx.engine.commands.get(id).spec;
    if !spec.has_keys() {
        return Err(CommandError::err("The command has no key arguments"));
    }
    if !spec.arity_ok(line.len()) {
        return Err(CommandError::err(
            "Invalid number of arguments specified for command",
        ));
    }
    let mut keys = Vec::new();
    let found = spec::keys_of(spec, line.len(), &|index| line.get(index), &mut keys);
    if (found.is_err() || keys.is_empty()) && !spec.flags.contains(Flags::NO_MANDATORY_KEYS) {
        return Err(CommandError::err("Invalid arguments specified for command"));
    }
    Ok(keys)
}
