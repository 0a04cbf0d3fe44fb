//! The keyspace as the commands of streams see it.

use store::{Key, Kind, Slot};
use structs::stream::{Group, NodeLimit, Stream};

use super::Ctx;
use crate::error::CommandError;

impl Ctx<'_> {
    /// Look a stream up to read it.
    #[inline]
    pub fn stream(&mut self, key: &Key<'_>) -> Result<Option<&Stream>, CommandError> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => entry.stream().ok_or(CommandError::WrongType).map(Some),
        }
    }

    /// Look a stream up without counting that.
    pub fn stream_to_peek(&mut self, key: &Key<'_>) -> Result<Option<&Stream>, CommandError> {
        let Some(slot) = self.find(key) else {
            return Ok(None);
        };
        let stream = self.entry(key, slot).stream();
        stream.ok_or(CommandError::WrongType).map(Some)
    }

    /// Look a stream up to read it and to change it then: a hit or a miss, and a use.
    pub fn stream_slot_to_read(&mut self, key: &Key<'_>) -> Result<Option<Slot>, CommandError> {
        let Some(slot) = self.find_to_read(key) else {
            return Ok(None);
        };
        match self.entry(key, slot).kind() {
            Kind::Stream => Ok(Some(slot)),
            _ => Err(CommandError::WrongType),
        }
    }

    /// Look a stream up to change it: no hit, no miss, but a use.
    pub fn stream_slot(&mut self, key: &Key<'_>) -> Result<Option<Slot>, CommandError> {
        self.slot_of(key, Kind::Stream)
    }

    /// The stream at a slot that [`Ctx::stream_slot`] has found.
    #[inline]
    pub fn stream_at(&mut self, key: &Key<'_>, slot: Slot) -> &Stream {
        let stream = self.entry(key, slot).stream();
        stream.expect("the slot is a stream's")
    }

    /// Change a stream, or make one if there is none.
    pub fn change_stream<R>(
        &mut self,
        key: &Key<'_>,
        slot: Option<Slot>,
        change: impl FnOnce(&mut Stream) -> R,
    ) -> R {
        let (now_ms, access) = (self.now_ms(), self.local.clock.fresh());
        let table = self.table(self.session.database, key.hash);
        let result = match slot {
            Some(slot) => table.change_stream(slot, change),
            None => table.insert_stream(key, access, now_ms, change),
        };
        self.changed(key);
        result
    }

    /// Change a group of a stream that has it. Only entries wake who waits for some: a consumer
    /// whose group is set back hears of that with the next one, as in Redis.
    pub fn change_group<R>(
        &mut self,
        key: &Key<'_>,
        slot: Slot,
        group: &[u8],
        change: impl FnOnce(&mut Group) -> R,
    ) -> R {
        let result = self.note_in_group(key, slot, group, change);
        self.changed_unawaited(key);
        result
    }

    /// Write down in a group what is no change to those who watch the key: that a consumer was
    /// here.
    pub fn note_in_group<R>(
        &mut self,
        key: &Key<'_>,
        slot: Slot,
        group: &[u8],
        change: impl FnOnce(&mut Group) -> R,
    ) -> R {
        let table = self.table(self.session.database, key.hash);
        let result = table.change_stream(slot, |stream| stream.change_group(group, change));
        result.expect("a group that was looked up")
    }

    /// How much goes into a node of a stream.
    pub fn stream_node_limit(&self) -> NodeLimit {
        let live = &self.config().live;
        NodeLimit {
            bytes: live.stream_node_max_bytes as usize,
            entries: live.stream_node_max_entries,
        }
    }
}
