//! Foreign bytes: is this a node of a stream?

use super::StreamId;
use super::node::{DELETED, SAME_FIELDS};
use crate::flaw::Flaw;
use crate::listpack::{Entries, Item, Listpack};

/// What a sound node has.
pub(super) struct Facts {
    pub(super) live: u64,
    /// Of its entries, marked or not.
    pub(super) last_id: StreamId,
}

/// Walk all entries. Each must be whole, with an id above the one before it and above `floor`, and
/// the counts in front must be those of the entries.
pub(super) fn check(
    bytes: &[u8],
    master: StreamId,
    floor: Option<StreamId>,
) -> Result<Facts, Flaw> {
    let list = Listpack::check_deep(bytes)?;
    let mut items = Items {
        rest: list.entries(),
        at: 0,
    };
    let (mut live, mut deleted) = (items.count()?, items.count()?);
    let field_count = items.count()?;
    items.skip(field_count)?;
    if items.int()? != 0 {
        return Err(items.flaw("a stream's master entry without an end"));
    }
    let mut last_id = floor;
    let mut is_empty = true;
    while !items.is_over() {
        let flags = items.int()?;
        let id = StreamId::new(
            master.ms.wrapping_add(items.int()? as u64),
            master.seq.wrapping_add(items.int()? as u64),
        );
        if last_id >= Some(id) {
            return Err(items.flaw("a stream's entry whose id is not above the one before"));
        }
        let item_count = if flags & SAME_FIELDS != 0 {
            items.skip(field_count)?;
            field_count + 3
        } else {
            let own = items.count()?;
            items.skip(own.saturating_mul(2))?;
            2 * own + 4
        };
        if items.count()? != item_count {
            return Err(items.flaw("a stream's entry with a count that is not its own"));
        }
        let count = if flags & DELETED != 0 {
            &mut deleted
        } else {
            &mut live
        };
        *count = count
            .checked_sub(1)
            .ok_or_else(|| items.flaw("more entries than a stream's node has"))?;
        (last_id, is_empty) = (Some(id), false);
    }
    if live != 0 || deleted != 0 {
        return Err(items.flaw("fewer entries than a stream's node has"));
    }
    match last_id {
        Some(last_id) if !is_empty => Ok(Facts {
            live: super::node::Node::new(master, bytes).head().live,
            last_id,
        }),
        _ => Err(items.flaw("a stream's node without an entry")),
    }
}

/// The items of the list, and where the last one was.
struct Items<'a> {
    rest: Entries<'a>,
    at: usize,
}

impl<'a> Items<'a> {
    fn is_over(&self) -> bool {
        self.rest.clone().next().is_none()
    }

    fn next(&mut self) -> Result<Item<'a>, Flaw> {
        let (place, item) = self
            .rest
            .next()
            .ok_or_else(|| self.flaw("a stream's entry that is cut off"))?;
        self.at = place.offset();
        Ok(item)
    }

    fn int(&mut self) -> Result<i64, Flaw> {
        let item = self.next()?;
        item.int()
            .ok_or_else(|| self.flaw("a text where a stream has a number"))
    }

    fn count(&mut self) -> Result<u64, Flaw> {
        let int = self.int()?;
        u64::try_from(int).map_err(|_| self.flaw("a negative count in a stream"))
    }

    fn skip(&mut self, count: u64) -> Result<(), Flaw> {
        // Ends with the items, however many are said to be there.
        (0..count).try_for_each(|_| self.next().map(|_| ()))
    }

    fn flaw(&self, what: &'static str) -> Flaw {
        Flaw::new(self.at, what)
    }
}
