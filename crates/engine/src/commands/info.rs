//! INFO.

use resp::Reply;

use super::{Row, Scope, scoped};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[scoped(&spec::server::INFO, Scope::Each, info)];

fn info(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let text = crate::info::text(ctx, args.rest());
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}
