//! Looking ahead at members: what a command will read behind its key, asked for before it runs.
//!
//! Keys are told by their fingerprints alone. Should that be another key, some lines come for
//! nothing.

use structs::dict::{Ahead, Dict};

use super::{Table, fingerprint};
use crate::entry::Entry;
use crate::value::Large;

/// So many misses are under way at once.
const TOGETHER: usize = 16;

impl Table {
    /// Ask for what lookups of members will read. Each is a key's hash, and the name of a member.
    pub fn prefetch_members<'m>(&self, members: impl Iterator<Item = (u64, &'m [u8])>) {
        let (mut lookups, mut count) = ([None; TOGETHER], 0);
        // Members of one collection mostly follow each other.
        let mut last = None;
        for (hash, name) in members {
            let dict = match last {
                Some((known, dict)) if known == hash => dict,
                _ => self.likely_dict(hash),
            };
            last = Some((hash, dict));
            let Some(dict) = dict else {
                continue;
            };
            lookups[count] = dict.look_ahead(name);
            count += 1;
            if count == TOGETHER {
                look_further(&lookups);
                count = 0;
            }
        }
        look_further(&lookups[..count]);
    }

    /// The large set or hash at a key of this hash, as far as its home bucket tells.
    #[inline]
    fn likely_dict(&self, hash: u64) -> Option<&Dict> {
        let segment = self.directory.get(self.index(hash))?;
        let bucket = segment.bucket(self.home(*segment, hash));
        let lane = bucket.matches(fingerprint(hash)).next()?;
        match Entry::of(bucket.slot(lane)?).large()? {
            Large::Set(dict) | Large::Hash(dict) => Some(dict),
            Large::List(_) | Large::SortedSet(_) | Large::Stream(_) => None,
        }
    }
}

fn look_further(lookups: &[Option<Ahead<'_>>]) {
    let lookups = lookups.iter().flatten();
    lookups.clone().for_each(|lookup| lookup.ask_for_places());
    lookups.for_each(|lookup| lookup.ask_for_items());
}
