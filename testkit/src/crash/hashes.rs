//! Hashes in the workload: HSET, HDEL, HINCRBY.

use std::collections::BTreeMap;

use super::content::Content;
use super::state::{Key, State};
use super::workload::Argv;
use crate::linear::dice::Dice;
use crate::reply::Reply;

pub const HASHES: std::ops::Range<u16> = 30..34;

pub type Fields = BTreeMap<Vec<u8>, Vec<u8>>;

/// A change of one.
#[derive(Clone, Debug)]
pub enum HashChange {
    Set(Vec<(Vec<u8>, Vec<u8>)>),
    Delete(Vec<Vec<u8>>),
    /// Of a field that nothing else sets.
    IncrBy(Vec<u8>, i64),
}

impl HashChange {
    /// One that is drawn. `value` makes a value that no other write has.
    pub fn draw(dice: &mut Dice, value: Vec<u8>) -> HashChange {
        // Large ones come and go, too.
        let many = [3, 8, 8, 60][dice.below(4)];
        let fields = dice.below(120)..;
        let fields = fields.take(1 + dice.below(many));
        let name = |at: usize| format!("field {at}").into_bytes();
        match dice.below(8) {
            0..4 => {
                let mut value = value;
                value.truncate(100);
                let pair = |at| (name(at), [&value[..], &name(at)].concat());
                HashChange::Set(fields.map(pair).collect())
            }
            4..7 => HashChange::Delete(fields.map(name).collect()),
            _ => {
                let field = format!("count {}", dice.below(3)).into_bytes();
                HashChange::IncrBy(field, 1 + dice.below(900) as i64)
            }
        }
    }

    pub fn words(&self, name: Vec<u8>) -> Argv {
        let front = |word: &str| vec![word.as_bytes().to_vec(), name.clone()];
        match self {
            HashChange::Set(pairs) => {
                let words = pairs.iter().flat_map(|(field, value)| [field, value]);
                front("HSET").into_iter().chain(words.cloned()).collect()
            }
            HashChange::Delete(fields) => front("HDEL")
                .into_iter()
                .chain(fields.iter().cloned())
                .collect(),
            HashChange::IncrBy(field, by) => {
                let more = [field.clone(), by.to_string().into_bytes()];
                front("HINCRBY").into_iter().chain(more).collect()
            }
        }
    }

    pub(super) fn apply(&self, state: &mut State, key: Key) -> Reply {
        let content = state.content(key, || Content::Hash(Fields::new()));
        let Content::Hash(hash) = content else {
            panic!("{key} holds {content}");
        };
        let done = match self {
            HashChange::Set(pairs) => {
                let mut put = |(field, value): &(Vec<u8>, Vec<u8>)| {
                    hash.insert(field.clone(), value.clone()).is_none()
                };
                pairs.iter().filter(|pair| put(pair)).count() as i64
            }
            HashChange::Delete(fields) => {
                let gone = fields.iter().filter(|field| hash.remove(*field).is_some());
                gone.count() as i64
            }
            HashChange::IncrBy(field, by) => {
                let before = hash
                    .get(field)
                    .and_then(|text| std::str::from_utf8(text).ok());
                let before = before.and_then(|text| text.parse().ok()).unwrap_or(0);
                let after: i64 = before + by;
                hash.insert(field.clone(), after.to_string().into_bytes());
                after
            }
        };
        if hash.is_empty() {
            state.0.remove(&key);
        }
        Reply::Integer(done)
    }
}
