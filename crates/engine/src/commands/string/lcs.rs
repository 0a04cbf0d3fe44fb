//! LCS: what two strings have in common.

use resp::Reply;
use store::StringCopy;
use store::lcs::{Match, length, matches, subsequence};

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn lcs(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (a, b) = (operand(ctx, args)?, operand(ctx, args)?);
    let options = LcsOptions::parse(args)?;
    within_memory(ctx, a.len(), b.len())?;
    if options.ranges {
        answer_ranges(reply, &matches(&a, &b), &options);
    } else if options.length {
        reply.count(length(&a, &b));
    } else {
        reply.bulk(&subsequence(&a, &b));
    }
    Ok(())
}

/// A string to compare; a missing key is an empty one.
fn operand(ctx: &mut Ctx, args: &mut Args) -> Result<StringCopy, CommandError> {
    let key = args.key()?;
    let string = ctx
        .string(&key)
        .map_err(|_| CommandError::err("The specified keys must contain string values"))?;
    Ok(string.map_or_else(StringCopy::default, |string| string.to_copy()))
}

/// Refuse what Redis refuses: strings whose table of lengths, four bytes a cell,
/// would be larger than a string may be. Ours takes a thirty-second of that, or
/// as much if one string is tiny.
fn within_memory(ctx: &Ctx, a_len: usize, b_len: usize) -> Result<(), CommandError> {
    const LEN_MAX: usize = u32::MAX as usize - 2;
    if a_len > LEN_MAX || b_len > LEN_MAX {
        return Err(CommandError::err("String too long for LCS"));
    }
    let cells = (a_len as u128 + 1) * (b_len as u128 + 1);
    if cells * 4 > ctx.string_bytes_max() as u128 {
        return Err(CommandError::err(
            "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    Ok(())
}

fn answer_ranges(reply: &mut Reply, matches: &[Match], options: &LcsOptions) {
    let long_enough = |stretch: &&Match| stretch.len as i64 >= options.min_len;
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(matches.iter().filter(long_enough).count());
    for stretch in matches.iter().filter(long_enough) {
        reply.array(if options.with_len { 3 } else { 2 });
        for start in [stretch.a, stretch.b] {
            reply.array(2);
            reply.count(start);
            reply.count(start + stretch.len - 1);
        }
        if options.with_len {
            reply.count(stretch.len);
        }
    }
    reply.bulk(b"len");
    reply.count(matches.iter().map(|stretch| stretch.len).sum());
}

#[derive(Default)]
struct LcsOptions {
    /// IDX.
    ranges: bool,
    /// LEN.
    length: bool,
    with_len: bool,
    min_len: i64,
}

impl LcsOptions {
    fn parse(args: &mut Args) -> Result<LcsOptions, CommandError> {
        let mut options = LcsOptions::default();
        while !args.is_done() {
            if args.word("IDX") {
                options.ranges = true;
            } else if args.word("LEN") {
                options.length = true;
            } else if args.word("WITHMATCHLEN") {
                options.with_len = true;
            } else if args.word("MINMATCHLEN") {
                options.min_len = args.i64()?;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        if options.length && options.ranges {
            return Err(CommandError::err(
                "If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}
