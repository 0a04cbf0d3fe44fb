//! SAVE BGSAVE BGREWRITEAOF LASTSAVE: what is to be kept on disk, now.
//!
//! A snapshot is taken beside the clients in any case (`crate::snapshot`); SAVE
//! is a client that waits for it. While it does its request stays where it is,
//! and is looked at again when the host wakes the parked.

use resp::Reply;

use super::{Row, cmd};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::host::SaveRequest;

pub(super) static TABLE: &[Row] = &[
    cmd(&spec::server::BGREWRITEAOF, bgrewriteaof),
    cmd(&spec::server::BGSAVE, bgsave),
    cmd(&spec::server::LASTSAVE, lastsave),
    cmd(&spec::server::SAVE, save),
];

fn bgsave(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let schedule = args.left() == 1 && args.word("SCHEDULE");
    args.end()?;
    let waits = ctx.persistence().rewrite_running_secs.is_some();
    request(ctx, SaveRequest::Background { schedule })?;
    reply.simple(match waits {
        true => "Background saving scheduled",
        false => "Background saving started",
    });
    Ok(())
}

fn bgrewriteaof(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let waits = ctx.persistence().snapshot_running_secs.is_some();
    request(ctx, SaveRequest::Rewrite)?;
    reply.simple(match waits {
        true => "Background append only file rewriting scheduled",
        false => "Background append only file rewriting started",
    });
    Ok(())
}

fn lastsave(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.int(ctx.persistence().last_save_unix_secs);
    Ok(())
}

fn save(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let ticket = match ctx.session.ticket {
        Some(ticket) => ticket,
        None => request(ctx, SaveRequest::Wait)?,
    };
    match ctx.engine.host.saved(ticket) {
        None => {
            ctx.session.ticket = Some(ticket);
            ctx.park();
        }
        Some(outcome) => {
            ctx.session.ticket = None;
            outcome.map_err(CommandError::err)?;
            reply.ok();
        }
    }
    Ok(())
}

fn request(ctx: &mut Ctx, request: SaveRequest) -> Result<u64, CommandError> {
    let ticket = ctx.engine.host.save(request, ctx.config());
    ticket.map_err(|line| CommandError::Line(line.into()))
}
