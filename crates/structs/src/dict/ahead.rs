//! Looking ahead: the lines that a lookup will read are asked for before it comes.
//!
//! ```text
//!   first     the bucket of the name's hash
//!   then      where the items of its tag begin      (the slot in their page)
//!   at last   those items
//! ```
//!
//! Each step reads what the one before has asked for. Taken for many names in turn, their misses
//! overlap instead of following one another. A name in the stash is not looked for.

use super::Dict;
use crate::arena::Arena;
use crate::slots::Likely;

/// A lookup that is about to come.
#[derive(Clone, Copy)]
pub struct Ahead<'a> {
    arena: &'a Arena,
    likely: Likely<'a>,
}

impl Dict {
    /// Ask for the bucket of a name; `None` if the dict is empty.
    #[inline]
    pub fn look_ahead(&self, name: &[u8]) -> Option<Ahead<'_>> {
        let likely = self.slots.look_ahead(self.hasher.hash(name))?;
        Some(Ahead {
            arena: &self.arena,
            likely,
        })
    }
}

impl Ahead<'_> {
    /// Ask where the items begin that the lookup will read.
    #[inline]
    pub fn ask_for_places(self) {
        let items = self.likely.items();
        items.for_each(|at| self.arena.prefetch_place(at));
    }

    /// Ask for those items.
    #[inline]
    pub fn ask_for_items(self) {
        let items = self.likely.items();
        items.for_each(|at| self.arena.prefetch_item(at));
    }
}
