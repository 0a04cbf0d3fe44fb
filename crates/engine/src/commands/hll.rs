//! HyperLogLog: PFADD PFCOUNT PFMERGE PFDEBUG PFSELFTEST, over strings as `structs::hll` makes them.
//!
//! What the log is told makes the same bytes again:
//!
//! * PFADD and PFMERGE as they were asked. When a value becomes dense on the way, PFDEBUG TODENSE
//!   follows, since `hll-sparse-max-bytes` may be another one when the log is read.
//! * PFCOUNT of one key writes the count down beside the registers, so that the next one need not
//!   estimate. These are bytes of a string, which GET and DEBUG DIGEST show: it is a change, and
//!   in the log as a PFCOUNT, as with Redis.

use resp::{Block, Reply};
use spec::hyperloglog;
use store::{Key, NewValue, Slot};
use structs::hll::{self, Encoding, Fault, Hll, Mark, Registers};

use super::{Row, cmd, effect_as_asked};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::pipeline::{SHOWN_BYTES_MAX, shown};

pub(super) static TABLE: &[Row] = &[
    cmd(&hyperloglog::PFADD, pfadd),
    cmd(&hyperloglog::PFCOUNT, pfcount),
    cmd(&hyperloglog::PFDEBUG, pfdebug),
    cmd(&hyperloglog::PFMERGE, pfmerge),
    cmd(&hyperloglog::PFSELFTEST, pfselftest),
];

fn pfadd(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let marks = args.rest().map(Mark::of);
    let Some(slot) = ctx.string_slot(&key)? else {
        let mut bytes = hll::create();
        hll::enter(&mut bytes, marks, sparse_bytes_max(ctx)).map_err(refusal)?;
        let is_dense = put(ctx, &key, None, bytes);
        tell(ctx, args, &key, is_dense);
        reply.int(1);
        return Ok(());
    };
    let string = ctx.entry(&key, slot).string();
    let (encoding, news) = string
        .with_bytes(|bytes| {
            let hll = Hll::read(bytes)?;
            Ok((hll.encoding(), raising(hll, marks)?))
        })
        .map_err(refusal)?;
    if news.is_empty() {
        reply.int(0);
        return Ok(());
    }
    match encoding {
        Encoding::Dense => {
            let bytes = ctx.bytes_mut(&key, slot).expect("no integer");
            for mark in news {
                hll::dense::raise(&mut bytes[hll::HEADER_BYTES..], mark);
            }
            hll::forget_count(bytes);
            ctx.changed(&key);
            tell(ctx, args, &key, false);
        }
        Encoding::Sparse => {
            let mut bytes = copy(ctx, &key, slot);
            hll::enter(&mut bytes, news, sparse_bytes_max(ctx)).map_err(refusal)?;
            let is_dense = put(ctx, &key, Some(slot), bytes);
            tell(ctx, args, &key, is_dense);
        }
    }
    reply.int(1);
    Ok(())
}

/// Those that the value has not met, or not as high.
fn raising(hll: Hll<'_>, marks: impl Iterator<Item = Mark>) -> Result<Vec<Mark>, Fault> {
    let mut news = Vec::new();
    for mark in marks {
        if hll.is_raised_by(mark)? {
            news.push(mark);
        }
    }
    Ok(news)
}

fn pfcount(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if args.left() > 1 {
        let mut registers = [0; hll::REGISTERS];
        while !args.is_done() {
            merge(ctx, &args.key()?, &mut registers)?;
        }
        reply.int(hll::count(&registers) as i64);
        return Ok(());
    }
    let key = args.key()?;
    let Some(string) = ctx.string(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let (kept, count) = string
        .with_bytes(|bytes| {
            let hll = Hll::read(bytes)?;
            match hll.kept_count() {
                Some(count) => Ok((true, count)),
                None => Ok((false, hll.count()?)),
            }
        })
        .map_err(refusal)?;
    if !kept && let Some(slot) = ctx.find(&key) {
        let bytes = ctx.bytes_mut(&key, slot).expect("no integer");
        hll::keep_count(bytes, count);
        ctx.changed(&key);
        ctx.effect(&[b"PFCOUNT", key.bytes]);
    }
    reply.int(count as i64);
    Ok(())
}

fn pfmerge(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let target = args.key()?;
    let mut registers = [0; hll::REGISTERS];
    let mut any_dense = merge(ctx, &target, &mut registers)?;
    while !args.is_done() {
        any_dense |= merge(ctx, &args.key()?, &mut registers)?;
    }
    let slot = ctx.string_slot(&target)?;
    let mut bytes = slot.map_or_else(hll::create, |slot| copy(ctx, &target, slot));
    if any_dense {
        hll::make_dense(&mut bytes).map_err(refusal)?;
    }
    let marks = registers.iter().enumerate().filter(|(_, rank)| **rank > 0);
    let marks = marks.map(|(index, &rank)| Mark {
        index: index as u16,
        rank,
    });
    hll::enter(&mut bytes, marks, sparse_bytes_max(ctx)).map_err(refusal)?;
    let is_dense = put(ctx, &target, slot, bytes);
    // With a dense one among them the outcome is dense in any case.
    tell(ctx, args, &target, is_dense && !any_dense);
    reply.ok();
    Ok(())
}

fn pfdebug(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (subcommand, key) = (args.bytes()?, args.key()?);
    let Some(slot) = ctx.string_slot(&key)? else {
        return Err(CommandError::err("The specified key does not exist"));
    };
    let string = ctx.entry(&key, slot).string();
    let encoding = string.with_bytes(|bytes| Hll::read(bytes).map(Hll::encoding));
    let encoding = encoding.map_err(refusal)?;
    let is = |word: &str| base::eq_ignore_case(subcommand, word.as_bytes());
    if is("GETREG") {
        let registers = registers_of(ctx, &key)?;
        make_dense(ctx, &key, slot)?;
        reply.array(hll::REGISTERS);
        registers.iter().for_each(|&rank| reply.int(rank.into()));
    } else if is("DECODE") {
        let string = ctx.entry(&key, slot).string();
        let runs = string.with_bytes(|bytes| Hll::read(bytes).map(Hll::describe_runs));
        let Some(runs) = runs.map_err(refusal)? else {
            return Err(CommandError::err("HLL encoding is not sparse"));
        };
        reply.bulk(runs.map_err(refusal)?.as_bytes());
    } else if is("ENCODING") {
        reply.simple(match encoding {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        });
    } else if is("TODENSE") {
        let was_sparse = make_dense(ctx, &key, slot)?;
        reply.int(was_sparse.into());
    } else {
        let name = shown(subcommand, SHOWN_BYTES_MAX);
        return Err(CommandError::err(format_args!(
            "Unknown PFDEBUG subcommand '{name}'"
        )));
    }
    Ok(())
}

fn pfselftest(_ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    hll::self_test().map_err(|what| CommandError::Line(format!("TESTFAILED {what}").into()))?;
    reply.ok();
    Ok(())
}

fn registers_of(ctx: &mut Ctx, key: &Key<'_>) -> Result<Registers, CommandError> {
    let mut registers = [0; hll::REGISTERS];
    merge(ctx, key, &mut registers)?;
    Ok(registers)
}

/// Merge a key into the registers, if it is there. Is it dense?
fn merge(ctx: &mut Ctx, key: &Key<'_>, into: &mut Registers) -> Result<bool, CommandError> {
    let Some(string) = ctx.string(key)? else {
        return Ok(false);
    };
    string
        .with_bytes(|bytes| {
            let hll = Hll::read(bytes)?;
            hll.merge_into(into)?;
            Ok(hll.encoding() == Encoding::Dense)
        })
        .map_err(refusal)
}

/// Make a value dense and say so. Was it sparse?
fn make_dense(ctx: &mut Ctx, key: &Key<'_>, slot: Slot) -> Result<bool, CommandError> {
    let mut bytes = copy(ctx, key, slot);
    let was_sparse = hll::make_dense(&mut bytes).map_err(refusal)?;
    if was_sparse {
        put(ctx, key, Some(slot), bytes);
        ctx.effect(&[b"PFDEBUG", b"TODENSE", key.bytes]);
    }
    Ok(was_sparse)
}

/// The bytes of a value, to work on: it is of use only if all goes well. What is longer than any
/// sound value is cut off first, and stays as unsound as it was.
fn copy(ctx: &mut Ctx, key: &Key<'_>, slot: Slot) -> Vec<u8> {
    let string = ctx.entry(key, slot).string();
    string.with_bytes(|bytes| bytes[..bytes.len().min(hll::SPARSE_BYTES_MAX + 1)].to_vec())
}

/// Keep a value; the deadline stays. Is it dense?
fn put(ctx: &mut Ctx, key: &Key<'_>, slot: Option<Slot>, bytes: Vec<u8>) -> bool {
    let is_dense = Hll::read(&bytes).is_ok_and(|hll| hll.encoding() == Encoding::Dense);
    let value = match bytes.len() {
        ..=SHORT_BYTES_MAX => NewValue::Raw(&bytes),
        _ => NewValue::Block(Block::new(bytes)),
    };
    match slot {
        Some(slot) => ctx.rewrite(key, slot, value),
        None => ctx.set_at(key, None, value, None),
    }
    is_dense
}

/// Longer values are not copied once more.
const SHORT_BYTES_MAX: usize = 2048;

/// Tell the log what was asked, and what the configuration made of it.
fn tell(ctx: &mut Ctx, args: &Args, key: &Key<'_>, became_dense: bool) {
    effect_as_asked(ctx, args);
    if became_dense {
        ctx.effect(&[b"PFDEBUG", b"TODENSE", key.bytes]);
    }
}

fn sparse_bytes_max(ctx: &Ctx) -> usize {
    ctx.config().live.hll_sparse_max_bytes as usize
}

fn refusal(fault: Fault) -> CommandError {
    CommandError::Line(
        match fault {
            Fault::NotHyperLogLog => "WRONGTYPE Key is not a valid HyperLogLog string value.",
            Fault::Corrupt => "INVALIDOBJ Corrupted HLL object detected",
        }
        .into(),
    )
}
