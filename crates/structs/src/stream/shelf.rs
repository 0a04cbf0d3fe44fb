//! A map from ids to small values, in the order of the ids: a row of sorted pages.
//!
//! ```text
//!   Shelf  ┌──────┬──────┬──────┐
//!          │ 5-0  │ 90-1 │ 700-0│   the first id of each page, and the page
//!          └──┼───┴──┼───┴──┼───┘
//!             ▼      ▼      ▼
//!           5-0 a  90-1 d  700-0 f
//!           7-3 b  95-0 e          4 KiB each, counted
//! ```
//!
//! An id is found by two binary searches. Ids mostly come in ascending order: a page that is full
//! when one comes behind its last stays full, any other is divided. A clone costs a count per page,
//! and a change copies the page that it touches, if somebody else holds it.
//!
//! Invariants: no page is empty or above [`Shelf::PAGE_LEN_MAX`]; ids ascend over all pages; the
//! row names the first of each.

use std::collections::{VecDeque, vec_deque};
use std::iter::Rev;
use std::slice;
use std::sync::Arc;

use super::StreamId;

/// Values by their ids.
#[derive(Clone)]
pub struct Shelf<V> {
    row: VecDeque<Slot<V>>,
    len: usize,
    page_bytes: usize,
}

type Page<V> = Vec<(StreamId, V)>;

#[derive(Clone)]
struct Slot<V> {
    first: StreamId,
    page: Arc<Page<V>>,
}

/// Ids and values, ascending.
#[derive(Clone)]
pub struct Forward<'a, V> {
    rest: vec_deque::Iter<'a, Slot<V>>,
    page: slice::Iter<'a, (StreamId, V)>,
}

/// Ids and values, descending.
#[derive(Clone)]
pub struct Backward<'a, V> {
    rest: Rev<vec_deque::Iter<'a, Slot<V>>>,
    page: Rev<slice::Iter<'a, (StreamId, V)>>,
}

impl<V: Clone> Shelf<V> {
    const PAGE_LEN_MAX: usize = 4096 / size_of::<(StreamId, V)>();

    pub fn new() -> Shelf<V> {
        Shelf {
            row: VecDeque::new(),
            len: 0,
            page_bytes: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is allocated for it, shared or not; not what its values own.
    pub fn memory_bytes(&self) -> usize {
        self.page_bytes + self.row.capacity() * size_of::<Slot<V>>()
    }

    pub fn get(&self, id: StreamId) -> Option<&V> {
        let (at, inner) = self.find(id).ok()?;
        Some(&self.row[at].page[inner].1)
    }

    pub fn first(&self) -> Option<(StreamId, &V)> {
        self.iter_from(StreamId::MIN).next()
    }

    pub fn last(&self) -> Option<(StreamId, &V)> {
        self.iter_back_from(StreamId::MAX).next()
    }

    /// Those from this id on, ascending.
    pub fn iter_from(&self, id: StreamId) -> Forward<'_, V> {
        let (Ok((at, inner)) | Err((at, inner))) = self.find(id);
        let page = self.row.get(at).map_or(&[][..], |slot| &slot.page[inner..]);
        Forward {
            rest: self.row.range((at + 1).min(self.row.len())..),
            page: page.iter(),
        }
    }

    /// Those up to this id, descending.
    pub fn iter_back_from(&self, id: StreamId) -> Backward<'_, V> {
        let (at, end) = match self.find(id) {
            Ok((at, inner)) => (at, inner + 1),
            Err(place) => place,
        };
        let page = self.row.get(at).map_or(&[][..], |slot| &slot.page[..end]);
        Backward {
            rest: self.row.range(..at.min(self.row.len())).rev(),
            page: page.iter().rev(),
        }
    }

    /// Put a value in, and return the one that it replaces.
    pub fn insert(&mut self, id: StreamId, value: V) -> Option<V> {
        let (mut at, mut inner) = match self.find(id) {
            Ok((at, inner)) => {
                let old = self.change(at, |page| std::mem::replace(&mut page[inner].1, value));
                return Some(old);
            }
            Err(place) => place,
        };
        self.len += 1;
        match self.row.get(at).map(|slot| slot.page.len()) {
            None => {
                self.insert_page(at, vec![(id, value)]);
                return None;
            }
            Some(len) if len < Self::PAGE_LEN_MAX => {}
            Some(len) if inner == len && at + 1 == self.row.len() => {
                self.insert_page(at + 1, vec![(id, value)]);
                return None;
            }
            Some(len) => {
                let half = len / 2;
                let tail = self.change(at, |page| page.split_off(half));
                self.insert_page(at + 1, tail);
                if inner > half {
                    (at, inner) = (at + 1, inner - half);
                }
            }
        }
        self.change(at, |page| {
            if page.len() == page.capacity() {
                let more = page.len().min(Self::PAGE_LEN_MAX - page.len());
                page.reserve_exact(more.max(1));
            }
            page.insert(inner, (id, value));
        });
        None
    }

    /// Change the value of an id, if it is there.
    pub fn update<R>(&mut self, id: StreamId, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        let (at, inner) = self.find(id).ok()?;
        Some(self.change(at, |page| change(&mut page[inner].1)))
    }

    pub fn remove(&mut self, id: StreamId) -> Option<V> {
        let (at, inner) = self.find(id).ok()?;
        self.len -= 1;
        let (_, value) = self.change(at, |page| page.remove(inner));
        self.settle(at);
        Some(value)
    }

    pub fn pop_back(&mut self) -> Option<(StreamId, V)> {
        let at = self.row.len().checked_sub(1)?;
        self.len -= 1;
        let popped = self.change(at, Vec::pop);
        self.settle(at);
        popped
    }

    /// Take the first so many off. Whole pages are moved, so this costs little for each value.
    pub fn take_front(&mut self, count: usize) -> Shelf<V> {
        let (mut taken, mut left) = (Shelf::new(), count.min(self.len));
        while let Some(slot) = self.row.front()
            && slot.page.len() <= left
        {
            left -= slot.page.len();
            let slot = self.remove_page(0);
            self.len -= slot.page.len();
            taken.len += slot.page.len();
            taken.page_bytes += page_bytes(&slot.page);
            taken.row.push_back(slot);
        }
        if left > 0 {
            self.len -= left;
            taken.len += left;
            let part: Page<V> = self.change(0, |page| page.drain(..left).collect());
            taken.insert_page(taken.row.len(), part);
            self.settle(0);
        }
        taken
    }

    /// Free up to so many pages, from the back; true when nothing is left.
    pub fn free_some(&mut self, pages: usize) -> bool {
        for _ in 0..pages.min(self.row.len()) {
            let slot = self.remove_page(self.row.len() - 1);
            self.len -= slot.page.len();
        }
        if self.row.is_empty() {
            self.row = VecDeque::new();
        }
        self.row.is_empty()
    }

    /// Assert the invariants.
    pub fn check(&self) {
        let (mut len, mut bytes, mut last) = (0, 0, None);
        for slot in &self.row {
            assert!((1..=Self::PAGE_LEN_MAX).contains(&slot.page.len()));
            assert_eq!(slot.first, slot.page[0].0);
            for (id, _) in &*slot.page {
                assert!(last < Some(*id), "ids ascend");
                last = Some(*id);
            }
            len += slot.page.len();
            bytes += page_bytes(&slot.page);
        }
        assert_eq!((self.len, self.page_bytes), (len, bytes));
    }

    // ---- pages -----------------------------------------------------------

    /// The page and the place of an id, or where it would be put.
    fn find(&self, id: StreamId) -> Result<(usize, usize), (usize, usize)> {
        // What is new is most often above all others, and looked for soon after.
        if let Some(slot) = self.row.back()
            && let Some((last, _)) = slot.page.last()
            && *last <= id
        {
            let (at, len) = (self.row.len() - 1, slot.page.len());
            return if *last == id {
                Ok((at, len - 1))
            } else {
                Err((at, len))
            };
        }
        let behind = self.row.partition_point(|slot| slot.first <= id);
        let Some(at) = behind.checked_sub(1) else {
            return Err((0, 0));
        };
        match self.row[at].page.binary_search_by_key(&id, |(own, _)| *own) {
            Ok(inner) => Ok((at, inner)),
            Err(inner) => Err((at, inner)),
        }
    }

    /// Change a page, which is copied if somebody else holds it.
    fn change<R>(&mut self, at: usize, change: impl FnOnce(&mut Page<V>) -> R) -> R {
        let slot = &mut self.row[at];
        self.page_bytes -= page_bytes(&slot.page);
        let page = Arc::make_mut(&mut slot.page);
        let result = change(page);
        if let Some((first, _)) = page.first() {
            slot.first = *first;
        }
        self.page_bytes += page_bytes(page);
        result
    }

    fn insert_page(&mut self, at: usize, page: Page<V>) {
        self.page_bytes += page_bytes(&page);
        let first = page[0].0;
        let page = Arc::new(page);
        self.row.insert(at, Slot { first, page });
    }

    fn remove_page(&mut self, at: usize) -> Slot<V> {
        let slot = self.row.remove(at).expect("a page");
        self.page_bytes -= page_bytes(&slot.page);
        if self.row.capacity() > 64 && self.row.len() < self.row.capacity() / 4 {
            self.row.shrink_to(self.row.len() * 2);
        }
        slot
    }

    /// After a removal: an empty page goes, a nearly empty one joins the next or the one before, a
    /// half empty one gives back room.
    fn settle(&mut self, at: usize) {
        let len = self.row[at].page.len();
        if len == 0 {
            self.remove_page(at);
            return;
        }
        if len < Self::PAGE_LEN_MAX / 4 {
            let fits = |one: usize, next: usize| {
                let page = |at: usize| self.row.get(at).map(|slot| slot.page.len());
                Some(page(one)? + page(next)? <= Self::PAGE_LEN_MAX / 4 * 3)
            };
            if fits(at, at + 1) == Some(true) {
                return self.join(at);
            }
            if at > 0 && fits(at - 1, at) == Some(true) {
                return self.join(at - 1);
            }
        }
        if self.row[at].page.capacity() > 4 * len {
            self.change(at, |page| page.shrink_to(2 * len));
        }
    }

    /// Append the next page to this one.
    fn join(&mut self, at: usize) {
        let next = self.remove_page(at + 1);
        self.change(at, |page| page.extend(next.page.iter().cloned()));
    }
}

impl<V: Clone> Default for Shelf<V> {
    fn default() -> Shelf<V> {
        Shelf::new()
    }
}

impl<'a, V> Iterator for Forward<'a, V> {
    type Item = (StreamId, &'a V);

    #[inline]
    fn next(&mut self) -> Option<(StreamId, &'a V)> {
        loop {
            if let Some((id, value)) = self.page.next() {
                return Some((*id, value));
            }
            self.page = self.rest.next()?.page.iter();
        }
    }
}

impl<'a, V> Iterator for Backward<'a, V> {
    type Item = (StreamId, &'a V);

    #[inline]
    fn next(&mut self) -> Option<(StreamId, &'a V)> {
        loop {
            if let Some((id, value)) = self.page.next() {
                return Some((*id, value));
            }
            self.page = self.rest.next()?.page.iter().rev();
        }
    }
}

/// The vector behind an `Arc`, and what it holds.
fn page_bytes<V>(page: &Page<V>) -> usize {
    let counts_bytes = 2 * size_of::<usize>();
    counts_bytes + size_of::<Page<V>>() + page.capacity() * size_of::<(StreamId, V)>()
}
