//! Lists: strings in a row.
//!
//! ```text
//!   push     LPUSH RPUSH LPUSHX RPUSHX
//!   pop      LPOP RPOP LMPOP
//!   shift    LMOVE RPOPLPUSH
//!   look     LLEN LINDEX LRANGE LPOS
//!   edit     LINSERT LSET LREM LTRIM
//! ```
//!
//! The log is told pushes as they were asked, LPOP and RPOP with the number of
//! elements that were there, also for LMPOP, and LMOVE. A list that has lost its
//! last element is gone, which the command that took it says by itself.
//!
//! What waits for a list takes from it by the same pieces: [`pop::pop_from`] and
//! [`shift::move_between`].

mod edit;
mod look;
pub(super) mod pop;
mod push;
pub(super) mod shift;

use spec::list;
use store::End;

use super::{Row, cmd};
use crate::args::Args;
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[
    cmd(&list::LINDEX, look::lindex),
    cmd(&list::LINSERT, edit::linsert),
    cmd(&list::LLEN, look::llen),
    cmd(&list::LMOVE, shift::lmove),
    cmd(&list::LMPOP, pop::lmpop),
    cmd(&list::LPOP, pop::lpop),
    cmd(&list::LPOS, look::lpos),
    cmd(&list::LPUSH, push::lpush),
    cmd(&list::LPUSHX, push::lpushx),
    cmd(&list::LRANGE, look::lrange),
    cmd(&list::LREM, edit::lrem),
    cmd(&list::LSET, edit::lset),
    cmd(&list::LTRIM, edit::ltrim),
    cmd(&list::RPOP, pop::rpop),
    cmd(&list::RPOPLPUSH, shift::rpoplpush),
    cmd(&list::RPUSH, push::rpush),
    cmd(&list::RPUSHX, push::rpushx),
];

/// LEFT or RIGHT.
pub(super) fn end_word(args: &mut Args) -> Result<End, CommandError> {
    if args.word("LEFT") {
        Ok(End::Front)
    } else if args.word("RIGHT") {
        Ok(End::Back)
    } else {
        Err(CommandError::Syntax)
    }
}

/// Its word.
fn word_of(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LEFT",
        End::Back => b"RIGHT",
    }
}

/// The element that an index of a client means, which is counted from the end if it
/// is negative.
fn resolve(index: i64, len: usize) -> Option<usize> {
    let index = match index {
        0.. => usize::try_from(index).ok()?,
        _ => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
    };
    (index < len).then_some(index)
}

/// The elements from an index to another, which is included; empty if there are none.
fn resolve_range(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let from_front = |index: i64| match index {
        0.. => index,
        _ => index.saturating_add(len as i64),
    };
    let start = from_front(start).clamp(0, len as i64) as usize;
    let end = from_front(stop).saturating_add(1).clamp(0, len as i64) as usize;
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_count_from_either_end() {
        assert_eq!(resolve(0, 3), Some(0));
        assert_eq!(resolve(2, 3), Some(2));
        assert_eq!(resolve(3, 3), None);
        assert_eq!(resolve(-1, 3), Some(2));
        assert_eq!(resolve(-3, 3), Some(0));
        assert_eq!(resolve(-4, 3), None);
        assert_eq!(resolve(0, 0), None);
        assert_eq!(resolve(i64::MIN, 3), None);
        assert_eq!(resolve(i64::MAX, 3), None);
    }

    #[test]
    fn ranges_are_cut_to_the_list() {
        assert_eq!(resolve_range(0, -1, 3), 0..3);
        assert_eq!(resolve_range(-100, 100, 3), 0..3);
        assert_eq!(resolve_range(1, 1, 3), 1..2);
        assert_eq!(resolve_range(2, 1, 3).len(), 0);
        assert_eq!(resolve_range(5, 9, 3).len(), 0);
        assert_eq!(resolve_range(0, -4, 3).len(), 0);
        assert_eq!(resolve_range(i64::MIN, i64::MAX, 3), 0..3);
        assert_eq!(resolve_range(i64::MAX, i64::MIN, 3).len(), 0);
    }
}
