//! APPEND, SETRANGE, GETRANGE and its old name SUBSTR: parts of strings.

use resp::Reply;
use store::StringView;

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn append(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let tail = args.peek().ok_or(CommandError::Syntax)?;
    let len = match ctx.string_slot(&key)? {
        Some(slot) => {
            let len = ctx.entry(&key, slot).string().len();
            let len = bounded(ctx, len, tail.len())?;
            if ctx.waits_for_copy(&key, Some(slot), len) {
                return Ok(());
            }
            ctx.append(&key, slot, tail)
        }
        None => {
            let value = args.value()?;
            ctx.set_at(&key, None, value, None);
            tail.len()
        }
    };
    ctx.effect(&[b"APPEND", key.bytes, tail]);
    reply.count(len);
    Ok(())
}

pub(super) fn setrange(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let offset_text = args.bytes()?;
    let offset = base::parse_i64(offset_text).ok_or(CommandError::NotInteger)?;
    let offset =
        usize::try_from(offset).map_err(|_| CommandError::err("offset is out of range"))?;
    let patch = args.bytes()?;
    let slot = ctx.string_slot(&key)?;
    if patch.is_empty() {
        let len = slot.map_or(0, |slot| ctx.entry(&key, slot).string().len());
        reply.count(len);
        return Ok(());
    }
    let end = bounded(ctx, offset, patch.len())?;
    if ctx.waits_for_copy(&key, slot, end) {
        return Ok(());
    }
    let bytes = ctx.room(&key, slot, end);
    bytes[offset..end].copy_from_slice(patch);
    reply.count(bytes.len());
    ctx.changed(&key);
    ctx.effect(&[b"SETRANGE", key.bytes, offset_text, patch]);
    Ok(())
}

/// The length of a string that is to have `more` bytes behind the first `len`.
fn bounded(ctx: &Ctx, len: usize, more: usize) -> Result<usize, CommandError> {
    len.checked_add(more)
        .filter(|sum| *sum <= ctx.string_bytes_max())
        .ok_or(CommandError::StringTooLong)
}

pub(super) fn getrange(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (start, end) = (args.i64()?, args.i64()?);
    let Some(string) = ctx.string(&key)? else {
        reply.bulk(b"");
        return Ok(());
    };
    match (clip(start, end, string.len() as u64), string) {
        (None, _) => reply.bulk(b""),
        (Some((first, last)), StringView::Block(block)) => {
            let block = block.share();
            ctx.answer_block(block, first as usize..last as usize + 1, reply);
        }
        (Some((first, last)), _) => {
            string.with_bytes(|bytes| reply.bulk(&bytes[first as usize..=last as usize]));
        }
    }
    Ok(())
}

/// What a client means by `start` and `end`, both included, of a row of `len`:
/// negative ones count from the row's end. `None` if nothing is left.
pub(in crate::commands) fn clip(start: i64, end: i64, len: u64) -> Option<(u64, u64)> {
    // Both before the row's start would otherwise mean its first element.
    if start < 0 && end < 0 && start > end {
        return None;
    }
    clip_each(start, end, len)
}

/// The same by BITPOS, which moves each end into the row by itself.
pub(in crate::commands) fn clip_each(start: i64, end: i64, len: u64) -> Option<(u64, u64)> {
    let place = |at: i64| match u64::try_from(at) {
        Ok(from_start) => from_start,
        Err(_) => len.saturating_sub(at.unsigned_abs()),
    };
    let (first, last) = (place(start), place(end).min(len.checked_sub(1)?));
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_moved_into_the_row() {
        assert_eq!(clip(0, -1, 5), Some((0, 4)));
        assert_eq!(clip(-3, 100, 5), Some((2, 4)));
        assert_eq!(clip(i64::MIN, i64::MAX, 5), Some((0, 4)));
        assert_eq!(clip(i64::MIN, i64::MIN, 5), Some((0, 0)));
        assert_eq!(clip(-100, -50, 5), Some((0, 0)));
        assert_eq!(clip(5, 9, 5), None);
        assert_eq!(clip(3, 2, 5), None);
        assert_eq!(clip(0, -1, 0), None);
        assert_eq!(
            (clip(-1, -2, 1), clip_each(-1, -2, 1)),
            (None, Some((0, 0)))
        );
    }
}
