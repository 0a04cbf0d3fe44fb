//! The keyspace as the commands of sorted sets see it.

use store::{Key, Kind, Slot, ZSetEdit, ZSetView};

use super::Ctx;
use crate::error::CommandError;

impl Ctx<'_> {
    /// Look a sorted set up to read it.
    #[inline]
    pub fn zset(&mut self, key: &Key<'_>) -> Result<Option<ZSetView<'_>>, CommandError> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => entry.zset().ok_or(CommandError::WrongType).map(Some),
        }
    }

    /// Look a sorted set up to change it: no hit, no miss, but a use.
    pub fn zset_slot(&mut self, key: &Key<'_>) -> Result<Option<Slot>, CommandError> {
        self.slot_of(key, Kind::SortedSet)
    }

    /// The sorted set at a slot that [`Ctx::zset_slot`] has found.
    #[inline]
    pub fn zset_at(&mut self, key: &Key<'_>, slot: Slot) -> ZSetView<'_> {
        let zset = self.entry(key, slot).zset();
        zset.expect("the slot is a sorted set's")
    }

    /// Change a sorted set, or make one if there is none. Whoever leaves it changed calls
    /// [`Ctx::changed`], and [`Ctx::remove_empty`] if it is empty then.
    pub fn edit_zset<R>(
        &mut self,
        key: &Key<'_>,
        slot: Option<Slot>,
        change: impl FnOnce(&mut ZSetEdit<'_>) -> R,
    ) -> R {
        let limits = self.config().live.zset_limits;
        let (now_ms, access) = (self.now_ms(), self.local.clock.fresh());
        let table = self.table(self.session.database, key.hash);
        match slot {
            Some(slot) => table.change_zset(slot, limits, change),
            None => table.insert_zset(key, limits, access, now_ms, change),
        }
    }
}
