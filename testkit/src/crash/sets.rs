//! Sets in the workload.
//!
//! ```text
//!   sets    SADD SREM SMOVE     whose members are known at any time
//!   pools   SADD SPOP           whose members are known but for what was popped unseen
//! ```
//!
//! What SPOP drew stands in its reply only. Of a pool it is known which members it can have, and how
//! many of these were popped by units whose reply nobody has seen. A member comes to a pool once, so
//! that every other reply can be foretold.

use std::collections::BTreeSet;
use std::fmt;

use super::content::Content;
use super::state::{Key, State};
use super::workload::Argv;
use crate::linear::dice::Dice;
use crate::reply::Reply;

pub const SETS: std::ops::Range<u16> = 20..24;
pub const POOLS: std::ops::Range<u16> = 24..26;

/// A set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    possible: BTreeSet<Vec<u8>>,
    /// So many of these are not there any more.
    popped: usize,
}

/// A change of one.
#[derive(Clone, Debug)]
pub enum SetChange {
    Add(Vec<Vec<u8>>),
    Remove(Vec<Vec<u8>>),
    /// To another key of the database.
    Move(u16, Vec<u8>),
    Pop(usize),
}

impl Members {
    pub fn of(members: Vec<Vec<u8>>) -> Members {
        Members {
            possible: members.into_iter().collect(),
            popped: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.possible.len() - self.popped
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Can it be this one? Of that one everything is known.
    pub fn allows(&self, shown: &Members) -> bool {
        shown.len() == self.len() && shown.possible.is_subset(&self.possible)
    }

    fn add(&mut self, member: &[u8]) -> bool {
        self.possible.insert(member.to_vec())
    }
}

impl SetChange {
    /// One that is drawn, for a set or a pool. `unique` makes numbers that come once.
    pub fn draw(key: Key, dice: &mut Dice, mut unique: impl FnMut() -> i64) -> SetChange {
        // Large ones come and go, too.
        let many = [3, 8, 8, 150][dice.below(4)];
        let count = 1 + dice.below(many);
        let is_of_integers = key.number.is_multiple_of(2);
        let member = |number: i64| match is_of_integers && number % 50 != 7 {
            true => number.to_string().into_bytes(),
            false => format!("member {number}").into_bytes(),
        };
        if POOLS.contains(&key.number) {
            return match dice.below(3) {
                0 => SetChange::Add((0..count).map(|_| member(unique())).collect()),
                _ => SetChange::Pop(count),
            };
        }
        let from = dice.below(200) as i64;
        let members = (from..from + count as i64).map(member).collect();
        match dice.below(8) {
            0..4 => SetChange::Add(members),
            4..7 => SetChange::Remove(members),
            _ => {
                let to = SETS.start + dice.below(SETS.len()) as u16;
                SetChange::Move(to, member(from))
            }
        }
    }

    pub fn words(&self, name_of: impl Fn(u16) -> Vec<u8>, key: Key) -> Argv {
        let with = |word: &str, rest: &[Vec<u8>]| {
            let front = [word.as_bytes().to_vec(), name_of(key.number)];
            front.into_iter().chain(rest.iter().cloned()).collect()
        };
        match self {
            SetChange::Add(members) => with("SADD", members),
            SetChange::Remove(members) => with("SREM", members),
            SetChange::Move(to, member) => with("SMOVE", &[name_of(*to), member.clone()]),
            SetChange::Pop(count) => with("SPOP", &[count.to_string().into_bytes()]),
        }
    }

    /// Does it, and returns the reply that is due; of a pop it is known how many it tells.
    pub(super) fn apply(&self, state: &mut State, key: Key) -> Result<Reply, usize> {
        let done = match self {
            SetChange::Add(members) => {
                let set = set_at(state, key);
                members.iter().filter(|member| set.add(member)).count()
            }
            SetChange::Remove(members) => {
                let set = set_at(state, key);
                let gone = members.iter().filter(|member| set.possible.remove(*member));
                gone.count()
            }
            SetChange::Move(to, member) => {
                let to = Key { number: *to, ..key };
                let is_there = match to == key {
                    true => set_at(state, key).possible.contains(member),
                    false => set_at(state, key).possible.remove(member),
                };
                if is_there {
                    set_at(state, to).add(member);
                }
                tidy(state, to);
                is_there.into()
            }
            SetChange::Pop(count) => {
                let set = set_at(state, key);
                let popped = (*count).min(set.len());
                set.popped += popped;
                tidy(state, key);
                return Err(popped);
            }
        };
        tidy(state, key);
        Ok(Reply::Integer(done as i64))
    }

    /// Does a pop whose reply is known.
    pub(super) fn apply_shown(
        state: &mut State,
        key: Key,
        shown: &[Vec<u8>],
    ) -> Result<(), String> {
        let set = set_at(state, key);
        for member in shown {
            if !set.possible.remove(member) {
                return Err(format!("{key}: {} was popped twice", member.escape_ascii()));
            }
        }
        if set.popped > set.possible.len() {
            return Err(format!("{key}: more was popped than there was"));
        }
        tidy(state, key);
        Ok(())
    }
}

/// The set at a key, for a moment perhaps empty.
fn set_at(state: &mut State, key: Key) -> &mut Members {
    let content = state.content(key, || Content::Set(Members::default()));
    match content {
        Content::Set(set) => set,
        other => panic!("{key} holds {other}"),
    }
}

/// A set without members is gone.
fn tidy(state: &mut State, key: Key) {
    if set_at(state, key).is_empty() {
        state.0.remove(&key);
    }
}

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a set of {} among", self.len())?;
        for member in self.possible.iter().take(8) {
            write!(f, " {}", member.escape_ascii())?;
        }
        Ok(())
    }
}
