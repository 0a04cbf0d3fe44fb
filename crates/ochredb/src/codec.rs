//! Values by themselves: DUMP's payloads are written and read as files are.

use engine::config::Live;
use engine::{BadPayload, Codec};
use persist::rdb::{self, BadDump, Value};
use store::{Entry, KeyHasher, NewValue};

/// The codec of every host that has files, or could have.
pub struct RdbCodec;

impl Codec for RdbCodec {
    fn dump(&self, entry: &Entry<'_>, version: u16) -> Vec<u8> {
        rdb::dump(entry, version)
    }

    fn restore(
        &self,
        payload: &[u8],
        hasher: KeyHasher,
        live: &Live,
        take: &mut dyn FnMut(NewValue<'_>),
    ) -> Result<u16, BadPayload> {
        let restored = rdb::restore_with(payload, &build(hasher, live));
        let (value, version) = restored.map_err(|bad| match bad {
            BadDump::VersionOrChecksum => BadPayload::VersionOrChecksum,
            BadDump::Format(_) => BadPayload::Format,
        })?;
        match value {
            Value::String(mut text) => take(text.take_new_value()),
            Value::Collection(collection) => take(collection.value),
            Value::Other(_) => return Err(BadPayload::Format),
        }
        Ok(version)
    }
}

/// How the collections of a payload or a file are built.
pub(crate) fn build(hasher: KeyHasher, live: &Live) -> rdb::Build {
    rdb::Build {
        hasher,
        list: live.list_limit,
        set: live.set_limits,
        zset: live.zset_limits,
        hash: live.hash_limits,
    }
}
