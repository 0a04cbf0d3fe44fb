//! The keyspace as the commands of hashes see it.
//!
//! A field whose deadline is over counts as gone at once: what is handed out here
//! does not show it. It goes when somebody names it ([`Ctx::hash_of`],
//! [`Ctx::without_expired`]), or soon by itself; either way the log hears HDEL.
//! While the log itself is replayed, nothing expires.

use store::{FieldNames, HashEdit, HashView, Key, Kind, Slot};

use super::Ctx;
use crate::error::CommandError;

impl Ctx<'_> {
    /// Fields with a deadline before this have expired.
    #[inline]
    pub fn fields_now_ms(&self) -> i64 {
        if self.local.replaying {
            return i64::MIN;
        }
        self.now_ms()
    }

    /// Look a hash up to read it.
    #[inline]
    pub fn hash(&mut self, key: &Key<'_>) -> Result<Option<HashView<'_>>, CommandError> {
        let now_ms = self.fields_now_ms();
        match self.read(key) {
            None => Ok(None),
            Some(entry) => match entry.hash() {
                None => Err(CommandError::WrongType),
                Some(hash) => Ok(Some(hash.at(now_ms))),
            },
        }
    }

    /// Look a hash up to read these fields of it. Those that have expired go.
    #[inline]
    pub fn hash_of<'f>(
        &mut self,
        key: &Key<'_>,
        fields: impl IntoIterator<Item = &'f [u8]>,
    ) -> Result<Option<HashView<'_>>, CommandError> {
        let Some(slot) = self.find_to_read(key) else {
            return Ok(None);
        };
        if self.without_expired(key, slot, fields).is_none() {
            return Ok(None);
        }
        let now_ms = self.fields_now_ms();
        match self.entry(key, slot).hash() {
            None => Err(CommandError::WrongType),
            Some(hash) => Ok(Some(hash.at(now_ms))),
        }
    }

    /// Look a hash up to read whatever is in it. All that has expired goes.
    pub fn hash_without_expired(
        &mut self,
        key: &Key<'_>,
    ) -> Result<Option<HashView<'_>>, CommandError> {
        let is_due = self.hash(key)?.is_some_and(HashView::is_due);
        if is_due && self.local.pause.is_none() {
            self.expire_all_fields(key);
        }
        let now_ms = self.fields_now_ms();
        let slot = self.find(key);
        let hash = slot.and_then(|slot| self.entry(key, slot).hash());
        Ok(hash.map(|hash| hash.at(now_ms)))
    }

    /// Look a hash up to change it: no hit, no miss, but a use.
    pub fn hash_slot(&mut self, key: &Key<'_>) -> Result<Option<Slot>, CommandError> {
        self.slot_of(key, Kind::Hash)
    }

    /// Remove those of these fields that have expired. None is left of a hash that
    /// had no others.
    #[inline]
    pub fn without_expired<'f>(
        &mut self,
        key: &Key<'_>,
        slot: Slot,
        fields: impl IntoIterator<Item = &'f [u8]>,
    ) -> Option<Slot> {
        let now_ms = self.fields_now_ms();
        let next_ms = self.entry(key, slot).next_field_deadline_ms();
        if next_ms.is_none_or(|ms| ms >= now_ms) || self.local.pause.is_some() {
            return Some(slot);
        }
        let all = self
            .entry(key, slot)
            .hash()
            .expect("only fields of hashes expire");
        let shown = all.at(now_ms);
        let is_over = |field: &&[u8]| all.contains(field) && !shown.contains(field);
        let over: Vec<&[u8]> = fields.into_iter().filter(is_over).collect();
        self.expire_fields(key, slot, &over)
    }

    /// The hash at a slot that [`Ctx::hash_slot`] has found.
    #[inline]
    pub fn hash_at(&mut self, key: &Key<'_>, slot: Slot) -> HashView<'_> {
        let now_ms = self.fields_now_ms();
        let hash = self.entry(key, slot).hash();
        hash.expect("the slot is a hash's").at(now_ms)
    }

    /// Change a hash, or make one if there is none. Whoever leaves it empty calls
    /// [`Ctx::remove_empty`].
    pub fn change_hash<R>(
        &mut self,
        key: &Key<'_>,
        slot: Option<Slot>,
        change: impl FnOnce(&mut HashEdit<'_>) -> R,
    ) -> R {
        let limits = self.config().live.hash_limits;
        let (now_ms, access) = (self.now_ms(), self.local.clock.fresh());
        let table = self.table(self.session.database, key.hash);
        let result = match slot {
            Some(slot) => table.change_hash(slot, limits, now_ms, change),
            None => table.insert_hash(key, limits, access, now_ms, change),
        };
        self.changed(key);
        result
    }

    /// So many fields are gone because their deadline was over when it was set.
    pub fn fields_removed(&mut self, key: &Key<'_>, fields: usize) {
        self.local.stats.expired_subkeys.add(fields as u64);
        self.remove_if_empty(key);
    }

    /// A hash that was changed a moment ago may have lost its last field.
    pub fn remove_if_empty(&mut self, key: &Key<'_>) {
        let slot = self.find(key).expect("it was changed a moment ago");
        if self.hash_at(key, slot).is_empty() {
            self.remove(key, slot);
        }
    }

    /// An effect that ends with the fields that it is about, and counts as so many
    /// changes.
    pub fn effect_on_fields(&mut self, front: &[&[u8]], fields: &[&[u8]]) {
        self.effect_of_parts(front, fields);
        self.count_changes(fields.len() - 1);
    }

    /// The same with fields and values.
    pub fn effect_on_pairs(&mut self, front: &[&[u8]], words: &[&[u8]]) {
        self.effect_of_parts(front, words);
        self.count_changes(words.len() / 2 - 1);
    }

    fn effect_of_parts(&mut self, front: &[&[u8]], words: &[&[u8]]) {
        if self.effects_wanted() {
            let argv: Vec<&[u8]> = front.iter().chain(words).copied().collect();
            self.effect(&argv);
        } else {
            self.effect(&[]);
        }
    }

    #[cold]
    fn expire_fields(&mut self, key: &Key<'_>, slot: Slot, over: &[&[u8]]) -> Option<Slot> {
        if over.is_empty() {
            return Some(slot);
        }
        let (removed, is_empty) = self.change_hash(key, Some(slot), |hash| {
            let removed = over.iter().filter(|field| hash.remove(field)).count();
            (removed, hash.is_empty())
        });
        self.local.stats.expired_subkeys.add(removed as u64);
        if is_empty {
            self.remove(key, slot);
        }
        self.effect_of_parts(&[b"HDEL", key.bytes], over);
        (!is_empty).then_some(slot)
    }

    #[cold]
    fn expire_all_fields(&mut self, key: &Key<'_>) {
        let (database, now_ms) = (self.session.database, self.now_ms());
        let slot = self.find(key).expect("it was read a moment ago");
        let mut names = FieldNames::default();
        let table = self.table(database, key.hash);
        while table.expire_fields(slot, now_ms, usize::MAX, &mut names) {}
        if names.is_empty() {
            return;
        }
        self.changed(key);
        self.local.stats.expired_subkeys.add(names.len() as u64);
        self.remove_if_empty(key);
        self.local
            .effects
            .emit_fields_gone(database, key.bytes, &names);
    }
}
