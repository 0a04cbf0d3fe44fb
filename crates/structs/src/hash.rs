//! The hash of members: keyed and flood-safe, SipHash-1-3 as for the keys of the keyspace.

use siphasher::sip::SipHasher13;

/// A 128-bit secret. It must be random in a server; a fixed one makes runs repeatable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hasher([u64; 2]);

impl Hasher {
    pub(crate) fn new(secret: [u64; 2]) -> Hasher {
        Hasher(secret)
    }

    #[inline]
    pub(crate) fn hash(self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.0[0], self.0[1]).hash(bytes)
    }
}

/// The hash of one name, found once for all dicts that share a secret.
#[derive(Clone, Copy, Default)]
pub struct Hashed(Option<(Hasher, u64)>);

impl Hashed {
    #[inline]
    pub(crate) fn of(&mut self, hasher: Hasher, name: &[u8]) -> u64 {
        match self.0 {
            Some((known, hash)) if known == hasher => hash,
            _ => {
                let hash = hasher.hash(name);
                self.0 = Some((hasher, hash));
                hash
            }
        }
    }
}
