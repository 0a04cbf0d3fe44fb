//! A value by itself, in bytes: what DUMP answers and RESTORE takes.
//!
//! ```text
//!   DUMP     entry   ─► Codec::dump    ─► payload
//!   RESTORE  payload ─► Codec::restore ─► value, lent to whoever puts it in
//! ```
//!
//! The bytes are those of files, which the engine does not know. Its host brings somebody who
//! does ([`crate::Host::codec`]).

use store::{Entry, KeyHasher, NewValue};

use crate::config::Live;

/// Writes values down and reads them again.
pub trait Codec: Send + Sync {
    /// The payload of a value, for readers of this version of the format.
    fn dump(&self, entry: &Entry<'_>, version: u16) -> Vec<u8>;

    /// Reads a payload, nothing in which is trusted, and lends its value to `take`, once and only
    /// if all of it is sound. Large collections are guarded by the secret of `hasher`; how small
    /// ones may be is in the settings. Returns the oldest version that can read the same bytes.
    fn restore(
        &self,
        payload: &[u8],
        hasher: KeyHasher,
        live: &Live,
        take: &mut dyn FnMut(NewValue<'_>),
    ) -> Result<u16, BadPayload>;
}

/// Why a payload is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPayload {
    /// Cut off, damaged on its way, or of a version that is not known.
    VersionOrChecksum,
    /// Whole, but no value.
    Format,
}
