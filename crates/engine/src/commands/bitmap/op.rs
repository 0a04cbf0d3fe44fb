//! BITOP.

use resp::{Block, Reply};
use store::bitop::{BitOp, combine};
use store::{NewValue, StringCopy};

use crate::args::Args;
use crate::commands::effect_as_asked;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn bitop(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let op = operation(args)?;
    let target = args.key()?;
    check_sources(op, args.left())?;
    let mut sources = Vec::with_capacity(args.left());
    while !args.is_done() {
        let key = args.key()?;
        let string = ctx.string(&key)?;
        sources.push(string.map_or_else(StringCopy::default, |string| string.to_copy()));
    }
    let slices: Vec<&[u8]> = sources.iter().map(|source| &**source).collect();
    let result = combine(op, &slices);
    let len = result.len();
    if len == 0 {
        if let Some(slot) = ctx.find(&target) {
            ctx.remove(&target, slot);
            ctx.effect(&[b"DEL", target.bytes]);
        }
    } else {
        // A short result is no integer, whatever it reads as.
        if len <= SHORT_BYTES_MAX {
            ctx.set(&target, NewValue::Raw(&result), None);
        } else {
            ctx.set(&target, NewValue::Block(Block::new(result)), None);
        }
        // Its result can be 512 MiB.
        effect_as_asked(ctx, args);
    }
    reply.count(len);
    Ok(())
}

/// Longer results are not copied once more.
const SHORT_BYTES_MAX: usize = 2048;

fn operation(args: &mut Args) -> Result<BitOp, CommandError> {
    [
        ("AND", BitOp::And),
        ("OR", BitOp::Or),
        ("XOR", BitOp::Xor),
        ("NOT", BitOp::Not),
        ("DIFF", BitOp::Diff),
        ("DIFF1", BitOp::Diff1),
        ("ANDOR", BitOp::AndOr),
        ("ONE", BitOp::One),
    ]
    .into_iter()
    .find_map(|(word, op)| args.word(word).then_some(op))
    .ok_or(CommandError::Syntax)
}

fn check_sources(op: BitOp, sources: usize) -> Result<(), CommandError> {
    let name = match op {
        BitOp::Not if sources != 1 => {
            return Err(CommandError::err(
                "BITOP NOT must be called with a single source key.",
            ));
        }
        BitOp::Diff => "DIFF",
        BitOp::Diff1 => "DIFF1",
        BitOp::AndOr => "ANDOR",
        _ => return Ok(()),
    };
    if sources < 2 {
        return Err(CommandError::err(format_args!(
            "BITOP {name} must be called with at least two source keys."
        )));
    }
    Ok(())
}
