//! `notify-keyspace-events`: which changes of keys are published, one letter per class.
//!
//! ```text
//!  g generic   $ string   l list   s set   h hash   z sorted set   t stream   x expired   e evicted   d module
//!  A all of these         K on channels named after the key        E on channels named after the event
//!  m lookup misses        n new keys       (neither is part of A)
//! ```

use crate::config::error::Reason;
use std::fmt;

/// A set of classes of keyspace events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceEvents(u16);

/// The letters in the order in which they are answered; the place is the bit.
const LETTERS: &[u8; 14] = b"g$lshzxetdnKEm";
/// The classes of `A`: those before `n`.
const ALL: u16 = (1 << 10) - 1;

impl KeyspaceEvents {
    /// Reads letters, in any order, repeated or not.
    pub fn parse(letters: &[u8]) -> Result<KeyspaceEvents, Reason> {
        let mut bits = 0;
        for letter in letters {
            bits |= match LETTERS.iter().position(|l| l == letter) {
                Some(bit) => 1 << bit,
                None if *letter == b'A' => ALL,
                None => {
                    return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into());
                }
            };
        }
        Ok(KeyspaceEvents(bits))
    }

    /// Whether the class with this letter is in the set.
    pub fn has(self, letter: u8) -> bool {
        LETTERS
            .iter()
            .position(|l| *l == letter)
            .is_some_and(|bit| self.0 & (1 << bit) != 0)
    }

    /// Whether nothing is published at all.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for KeyspaceEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Redis drops the `n` when there is an `A`, and forgets it when its file is rewritten; we keep it.
        let all = self.0 & ALL == ALL;
        if all {
            f.write_str("A")?;
        }
        for (bit, letter) in LETTERS.iter().enumerate() {
            let covered = all && ALL & (1 << bit) != 0;
            if self.0 & (1 << bit) != 0 && !covered {
                write!(f, "{}", char::from(*letter))?;
            }
        }
        Ok(())
    }
}
