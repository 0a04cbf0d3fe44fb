//! The hash of client data: keyed and flood-safe.
//!
//! SipHash-1-3 under a random 128-bit key per process, so that nobody who can
//! choose keys can choose collisions. It costs about 10 ns for a key of 16
//! bytes; the faster hashes promise less (see docs/decisions/0003).
//!
//! The 64 bits are used from the top:
//!
//! ```text
//!   63            16 15      8 7        0
//!   │ position: shard, directory, bucket │ unused │ fingerprint │
//! ```
//!
//! A hash value never leaves the process: SCAN cursors show a prefix of it,
//! which tells nothing about the key of the hash.

use siphasher::sip::SipHasher13;

/// The secret of one keyspace.
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher {
    hasher: SipHasher13,
}

impl KeyHasher {
    /// `seed` must be random in a server; a fixed one makes runs repeatable.
    pub fn new(seed: [u64; 2]) -> KeyHasher {
        KeyHasher {
            hasher: SipHasher13::new_with_keys(seed[0], seed[1]),
        }
    }

    /// A secret for the hashes of what large collections hold: not that of keys.
    pub fn secret_for_members(&self) -> [u64; 2] {
        [self.hash(b"members, one"), self.hash(b"members, two")]
    }

    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }
}

/// A key and its hash, computed once per command.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    pub bytes: &'a [u8],
    pub hash: u64,
}
