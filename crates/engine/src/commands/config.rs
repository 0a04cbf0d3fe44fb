//! CONFIG: the parameters of the running server.
//!
//! A change is a new [`Config`]: made whole or not at all, put into effect by
//! the host, then shared. The thread that made it goes by it at once, the
//! others from their next turn on.

use resp::Reply;

use super::help::help;
use super::{Row, Scope, bare_container, cmd, container, scoped};
use crate::args::Args;
use crate::config::{Asker, Config, ConfigError};
use crate::ctx::Ctx;
use crate::error::CommandError;

// With `Scope::Each` nobody waits for a shard while the host works on a file.
pub(super) static TABLE: &[Row] = &[container(
    &spec::server::CONFIG,
    bare_container,
    &[
        cmd(&spec::server::CONFIG_GET, get),
        cmd(&spec::server::CONFIG_HELP, help),
        cmd(&spec::server::CONFIG_RESETSTAT, reset_stat),
        scoped(&spec::server::CONFIG_REWRITE, Scope::Each, rewrite),
        scoped(&spec::server::CONFIG_SET, Scope::Each, set),
    ],
)];

fn get(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let patterns: Vec<&[u8]> = args.rest().collect();
    let found = ctx.engine.config().get(&patterns);
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(name.as_bytes());
        reply.bulk(&value);
    }
    Ok(())
}

fn set(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if !args.left().is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    let words: Vec<&[u8]> = args.rest().collect();
    let changes: Vec<_> = words.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    let asker = Asker {
        is_local: ctx.session.card.origin.is_local,
        while_loading: false,
    };
    let change = |config: &Config| config.set_by(asker, &changes).map_err(Refusal::from);
    ctx.engine.change_config(change)?;
    ctx.local.refresh_config(ctx.engine, ctx.now);
    reply.ok();
    Ok(())
}

fn reset_stat(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    ctx.engine.stats.reset();
    ctx.engine.rates.reset();
    reply.ok();
    Ok(())
}

fn rewrite(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let config = ctx.engine.config();
    let rewritten = ctx.engine.host.rewrite_config(&config);
    rewritten.map_err(CommandError::err)?;
    reply.ok();
    Ok(())
}

/// Why a change is refused, by the configuration or by the host, as the line to answer.
struct Refusal(String);

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Refusal {
        Refusal(format!("{} {error}", error.code()))
    }
}

impl From<String> for Refusal {
    fn from(text: String) -> Refusal {
        Refusal(format!("ERR {text}"))
    }
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> CommandError {
        CommandError::Line(refusal.0.into())
    }
}
