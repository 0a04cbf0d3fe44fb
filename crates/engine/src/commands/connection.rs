//! The client's own affairs: PING, ECHO, SELECT, QUIT.

use resp::Reply;

use super::{Row, cmd};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::session::Stage;

pub(super) static TABLE: &[Row] = &[
    cmd(&spec::connection::ECHO, echo),
    cmd(&spec::connection::PING, ping),
    cmd(&spec::connection::QUIT, quit),
    cmd(&spec::connection::SELECT, select),
];

fn ping(_ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if args.left() > 1 {
        return Err(CommandError::Arity("ping".into()));
    }
    match args.bytes() {
        Ok(message) => reply.bulk(message),
        Err(_) => reply.simple("PONG"),
    }
    Ok(())
}

fn echo(_ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.bulk(args.bytes()?);
    Ok(())
}

fn select(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let index = args.i64()?;
    match usize::try_from(index) {
        Ok(index) if index < ctx.engine.databases() => ctx.session.database = index,
        _ => return Err(CommandError::DbIndexOutOfRange),
    }
    reply.ok();
    Ok(())
}

fn quit(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    ctx.session.stage = Stage::Closing;
    reply.ok();
    Ok(())
}
