//! What an entry holds, as the view of its kind; and when something of it is due.

use std::marker::PhantomData;

use structs::stream::Stream;

use super::{Encoding, Entry, LargeView};
use crate::value::{HASH_TAG, Large, TIMED_HASH_TAG, stream_of};
use crate::{HashView, ListView, SetView, ZSetView};

impl<'a> Entry<'a> {
    /// The value if it is a list.
    pub fn list(&self) -> Option<ListView<'a>> {
        ListView::of(self.value())
    }

    /// The value if it is a set.
    pub fn set(&self) -> Option<SetView<'a>> {
        SetView::of(self.value())
    }

    /// The value if it is a sorted set.
    #[inline]
    pub fn zset(&self) -> Option<ZSetView<'a>> {
        ZSetView::of(self.value())
    }

    /// The value if it is a hash.
    pub fn hash(&self) -> Option<HashView<'a>> {
        HashView::of(self.value())
    }

    /// The value if it is a stream.
    #[inline]
    pub fn stream(&self) -> Option<&'a Stream> {
        stream_of(self.value())
    }

    /// The value if it is a large collection, whatever its kind: one byte tells.
    #[inline]
    pub(crate) fn large(&self) -> Option<&'a Large> {
        if self.at.encoding() != Encoding::Large {
            return None;
        }
        let large = LargeView {
            raw: self.at.large_slot().0,
            _lives: PhantomData,
        };
        Some(large.get())
    }

    /// No field of a hash is due before this; `None` without deadlines of fields.
    #[inline]
    pub fn next_field_deadline_ms(&self) -> Option<i64> {
        let may_have_some = match self.at.tag() {
            TIMED_HASH_TAG => true,
            HASH_TAG => self.at.encoding() == Encoding::Large,
            _ => false,
        };
        if !may_have_some {
            return None;
        }
        self.hash()?.next_deadline_ms()
    }

    /// When there is something to remove here, if ever: the key or some field.
    #[inline]
    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        match (self.deadline_ms(), self.next_field_deadline_ms()) {
            (Some(key_ms), Some(field_ms)) => Some(key_ms.min(field_ms)),
            (key_ms, field_ms) => key_ms.or(field_ms),
        }
    }
}
