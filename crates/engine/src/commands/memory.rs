//! MEMORY: what a key costs.

use resp::Reply;

use super::{Row, bare_container, cmd, container, help};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[container(
    &spec::server::MEMORY,
    bare_container,
    &[
        cmd(&spec::server::MEMORY_HELP, help::help),
        cmd(&spec::server::MEMORY_USAGE, usage),
    ],
)];

/// A key's share of its table: seven slots to a line of 64 bytes, five in six
/// of them in use.
const SLOT_BYTES_MEAN: usize = 11;

/// Counts the entry, the block of a large value, and the share of the table.
/// A string is measured, so SAMPLES is read and makes no difference.
fn usage(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    while !args.is_done() {
        if args.left() < 2 || !args.word("SAMPLES") || args.i64()? < 0 {
            return Err(CommandError::Syntax);
        }
    }
    match ctx.find(&key) {
        Some(slot) => {
            let entry = ctx.entry(&key, slot);
            reply.count(entry.memory_bytes() + SLOT_BYTES_MEAN);
        }
        None => reply.null(),
    }
    Ok(())
}
