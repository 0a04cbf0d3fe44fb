//! The keyspace as the commands of hashes see it.

use store::{HashEdit, HashView, Key, Kind, Slot};

use super::Ctx;
use crate::error::CommandError;

impl Ctx<'_> {
    /// Look a hash up to read it.
    #[inline]
    pub fn hash(&mut self, key: &Key<'_>) -> Result<Option<HashView<'_>>, CommandError> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => entry.hash().ok_or(CommandError::WrongType).map(Some),
        }
    }

    /// Look a hash up to change it: no hit, no miss, but a use.
    pub fn hash_slot(&mut self, key: &Key<'_>) -> Result<Option<Slot>, CommandError> {
        self.slot_of(key, Kind::Hash)
    }

    /// The hash at a slot that [`Ctx::hash_slot`] has found.
    #[inline]
    pub fn hash_at(&mut self, key: &Key<'_>, slot: Slot) -> HashView<'_> {
        let hash = self.entry(key, slot).hash();
        hash.expect("the slot is a hash's")
    }

    /// Change a hash, or make one if there is none. Whoever leaves it empty calls
    /// [`Ctx::remove_empty`].
    pub fn change_hash<R>(
        &mut self,
        key: &Key<'_>,
        slot: Option<Slot>,
        change: impl FnOnce(&mut HashEdit<'_>) -> R,
    ) -> R {
        let limits = self.config().live.hash_limits();
        let (now_ms, access) = (self.now_ms(), self.local.clock.fresh());
        let table = self.table(self.session.database, key.hash);
        let result = match slot {
            Some(slot) => table.change_hash(slot, limits, change),
            None => table.insert_hash(key, limits, access, now_ms, change),
        };
        self.changed(key);
        result
    }
}
