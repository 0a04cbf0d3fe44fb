//! The keyspace as the commands of lists see it.

use store::{Key, Kind, ListEdit, ListView, Slot};

use super::Ctx;
use crate::error::CommandError;

impl Ctx<'_> {
    /// Look a list up to read it.
    #[inline]
    pub fn list(&mut self, key: &Key<'_>) -> Result<Option<ListView<'_>>, CommandError> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => entry.list().ok_or(CommandError::WrongType).map(Some),
        }
    }

    /// Look a list up to change it: no hit, no miss, but a use.
    #[inline]
    pub fn list_slot(&mut self, key: &Key<'_>) -> Result<Option<Slot>, CommandError> {
        self.slot_of(key, Kind::List)
    }

    /// The list at a slot that [`Ctx::list_slot`] has found.
    #[inline]
    pub fn list_at(&mut self, key: &Key<'_>, slot: Slot) -> ListView<'_> {
        let list = self.entry(key, slot).list();
        list.expect("the slot is a list's")
    }

    /// Change a list, or make one if there is none. It must not be left empty:
    /// whoever takes its last element removes the key instead.
    #[inline]
    pub fn change_list<R>(
        &mut self,
        key: &Key<'_>,
        slot: Option<Slot>,
        change: impl FnOnce(&mut ListEdit<'_>) -> R,
    ) -> R {
        let limit = self.local.config.live.list_limit;
        let database = self.session.database;
        let result = match slot {
            Some(slot) => {
                let table = self.table(database, key.hash);
                table.change_list(slot, limit, change)
            }
            None => {
                let (now_ms, access) = (self.now_ms(), self.local.clock.fresh());
                let table = self.table(database, key.hash);
                table.insert_list(key, limit, access, now_ms, change)
            }
        };
        self.changed(key);
        result
    }
}
