//! Streams: entries by ascending ids, and the groups that read them.
//!
//! A stream has one form, that of `structs`, whatever its size, and stays when its last entry has
//! gone: it remembers ids and groups.
//!
//! How far a group has read is counted in entries ever added, which needs no walk as long as nothing
//! was removed from within:
//!
//! ```text
//!   entries added       1   2   3   4   5   6   7   8
//!                      └── trimmed ──┘  first      last
//!   a group at the 6th has read 6, and lags 2 behind
//! ```
//!
//! A removal behind the place of a group spoils its count; the ends of the stream mend it. The rules
//! are Redis', so that both answer the same.

use std::sync::Arc;

use structs::stream::{Group, Marks, Stream, StreamId};

use super::{Large, ValueView};
use crate::Access;
use crate::entry::NewValue;
use crate::hash::Key;
use crate::table::{Slot, Table};

/// The view of a value that is a stream.
#[inline]
pub(crate) fn stream_of(value: ValueView<'_>) -> Option<&Stream> {
    match value {
        ValueView::Large(large) => match large.get() {
            Large::Stream(stream) => Some(stream),
            _ => None,
        },
        _ => None,
    }
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub last_id: StreamId,
    /// How many entries of those ever added that is, if it is known.
    pub entries_read: Option<u64>,
}

impl Progress {
    pub fn of(group: &Group) -> Progress {
        Progress {
            last_id: group.last_delivered_id(),
            entries_read: group.entries_read(),
        }
    }

    /// The next entry is read, which has this id.
    #[inline]
    pub fn advance(&mut self, marks: &Marks, id: StreamId) {
        let is_within = self.last_id >= marks.first_id && !has_gaps_from(marks, self.last_id);
        self.entries_read = match self.entries_read {
            // Nobody reads more than there ever was, whatever SETID has claimed.
            Some(count) if is_within => Some(count.saturating_add(1).min(marks.entries_added)),
            _ if marks.entries_added > 0 => entries_up_to(marks, id),
            unknown => unknown,
        };
        self.last_id = id;
    }

    /// Find out how much was read up to here, if the stream can tell.
    pub fn settle(&mut self, marks: &Marks) {
        self.entries_read = entries_up_to(marks, self.last_id);
    }

    /// How many entries there are still to be read, if that can be told.
    pub fn lag(&self, marks: &Marks) -> Option<i64> {
        if marks.entries_added == 0 || marks.len == 0 {
            return Some(0);
        }
        if self.last_id < marks.first_id && marks.max_deleted_id < marks.first_id {
            return Some(marks.len as i64);
        }
        let read = match self.entries_read {
            Some(count) if !has_gaps_from(marks, self.last_id) => count,
            _ => entries_up_to(marks, self.last_id)?,
        };
        Some((marks.entries_added as i64).wrapping_sub(read as i64))
    }
}

/// Was anything removed by name at this id or behind it?
#[inline]
fn has_gaps_from(marks: &Marks, id: StreamId) -> bool {
    let gap = marks.max_deleted_id;
    marks.len > 0 && gap != StreamId::MIN && marks.first_id <= gap && id <= gap
}

/// How many entries were ever added up to this id, if the ends of the stream tell.
fn entries_up_to(marks: &Marks, id: StreamId) -> Option<u64> {
    if marks.entries_added == 0 {
        return Some(0);
    }
    if marks.len == 0 && id <= marks.last_id {
        return Some(marks.entries_added);
    }
    if id != StreamId::MIN && id < marks.max_deleted_id {
        return None;
    }
    if id >= marks.last_id {
        return (id == marks.last_id).then_some(marks.entries_added);
    }
    let has_gaps = marks.max_deleted_id != StreamId::MIN && marks.max_deleted_id >= marks.first_id;
    if has_gaps || id > marks.first_id {
        return None;
    }
    let before = marks.entries_added.saturating_sub(marks.len);
    Some(before + u64::from(id == marks.first_id))
}

impl Table {
    /// Change a stream.
    pub fn change_stream<R>(&mut self, slot: Slot, change: impl FnOnce(&mut Stream) -> R) -> R {
        self.change_large(slot, |large| match large {
            Large::Stream(stream) => change(stream),
            _ => unreachable!("a stream was asked for"),
        })
    }

    /// Add a key that is not there, with a stream that `change` fills.
    pub fn insert_stream<R>(
        &mut self,
        key: &Key<'_>,
        access: Access,
        now_ms: i64,
        change: impl FnOnce(&mut Stream) -> R,
    ) -> R {
        let mut stream = Stream::new();
        let result = change(&mut stream);
        let value = NewValue::Large(Arc::new(Large::Stream(stream)));
        self.insert(key, value, None, access, now_ms);
        result
    }
}

#[cfg(test)]
mod tests;
