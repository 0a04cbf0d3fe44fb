//! The keyspace as the commands of sets see it.

use store::{Key, KeyHasher, Kind, NewSet, SetCopy, SetEdit, SetLimits, SetView, Slot};

use super::Ctx;
use crate::error::CommandError;

impl Ctx<'_> {
    /// Look a set up to read it.
    #[inline]
    pub fn set_view(&mut self, key: &Key<'_>) -> Result<Option<SetView<'_>>, CommandError> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => entry.set().ok_or(CommandError::WrongType).map(Some),
        }
    }

    /// The same for a command that reads several.
    pub fn set_copy(&mut self, key: &Key<'_>) -> Result<Option<SetCopy>, CommandError> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => SetCopy::of(entry).ok_or(CommandError::WrongType).map(Some),
        }
    }

    /// Look a set up to change it: no hit, no miss, but a use.
    pub fn set_slot(&mut self, key: &Key<'_>) -> Result<Option<Slot>, CommandError> {
        self.slot_of(key, Kind::Set)
    }

    /// The set at a slot that [`Ctx::set_slot`] has found.
    #[inline]
    pub fn set_view_at(&mut self, key: &Key<'_>, slot: Slot) -> SetView<'_> {
        let set = self.entry(key, slot).set();
        set.expect("the slot is a set's")
    }

    /// Change a set, or make one if there is none. Perhaps nothing changes: [`Ctx::changed`] is left
    /// to the caller, and so is [`Ctx::remove_empty`].
    pub fn change_set<R>(
        &mut self,
        key: &Key<'_>,
        slot: Option<Slot>,
        change: impl FnOnce(&mut SetEdit<'_>) -> R,
    ) -> R {
        let limits = self.set_limits();
        let (now_ms, access) = (self.now_ms(), self.local.clock.fresh());
        let table = self.table(self.session.database, key.hash);
        match slot {
            Some(slot) => table.change_set(slot, limits, change),
            None => table.insert_set(key, limits, access, now_ms, change),
        }
    }

    /// Put a set, whatever there was, at a key.
    pub fn put_set(&mut self, key: &Key<'_>, set: NewSet) {
        set.put(|value| self.set(key, value, None));
    }

    /// Put another set in the place of one; deadline and access time stay.
    pub fn replace_set(&mut self, key: &Key<'_>, slot: Slot, set: NewSet) {
        self.retire(self.session.database, key, slot);
        set.put(|value| self.rewrite(key, slot, value));
    }

    pub fn set_limits(&self) -> SetLimits {
        self.config().live.set_limits
    }

    /// Has the secret of large collections that are born here.
    pub fn hasher(&self) -> KeyHasher {
        self.engine.hasher
    }
}
