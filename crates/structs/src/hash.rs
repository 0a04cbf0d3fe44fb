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

/// How a hash begins: its first bits, then zeros. No bits: nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prefix {
    pub(crate) hash: u64,
    pub(crate) bits: u32,
}

/// What is known of the hash of one name, for all dicts that share a secret: found once.
#[derive(Clone, Copy, Default)]
pub struct Hashed(Option<(Hasher, Known)>);

#[derive(Clone, Copy)]
enum Known {
    Prefix(Prefix),
    Whole(u64),
}

impl Hashed {
    #[inline]
    pub(crate) fn told(hasher: Hasher, prefix: Prefix) -> Hashed {
        Hashed(Some((hasher, Known::Prefix(prefix))))
    }

    #[inline]
    pub(crate) fn of(&mut self, hasher: Hasher, name: &[u8]) -> u64 {
        match self.0 {
            Some((known, Known::Whole(hash))) if known == hasher => hash,
            _ => {
                let hash = hasher.hash(name);
                self.0 = Some((hasher, Known::Whole(hash)));
                hash
            }
        }
    }

    /// How the hash begins, while no more is known of it.
    #[inline]
    pub(crate) fn prefix(&self, hasher: Hasher) -> Option<Prefix> {
        match self.0 {
            Some((known, Known::Prefix(prefix))) if known == hasher => Some(prefix),
            _ => None,
        }
    }
}
