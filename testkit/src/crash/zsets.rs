//! Sorted sets in the workload: ZADD, ZINCRBY, ZREM, ZREMRANGEBYRANK, ZPOPMIN, ZUNIONSTORE.
//!
//! Scores are quarters, so that sums are exact and their texts are those of Rust.

use std::collections::BTreeMap;

use super::content::Content;
use super::state::{Key, State};
use super::workload::Argv;
use crate::linear::dice::Dice;
use crate::reply::Reply;

pub const ZSETS: std::ops::Range<u16> = 40..44;

/// Scores in quarters.
pub type Scores = BTreeMap<Vec<u8>, i64>;

/// A change of one.
#[derive(Clone, Debug)]
pub enum ZSetChange {
    Add(Vec<(Vec<u8>, i64)>),
    /// Only to higher scores, and changes are counted.
    Raise(Vec<(Vec<u8>, i64)>),
    IncrBy(Vec<u8>, i64),
    Remove(Vec<Vec<u8>>),
    RemoveRange(usize, usize),
    Pop(usize),
    /// It and another of the database, the higher score of both.
    Union(u16),
}

impl ZSetChange {
    pub fn draw(dice: &mut Dice) -> ZSetChange {
        // Large ones come and go, too.
        let many = [3, 8, 8, 160][dice.below(4)];
        let members = dice.below(200)..;
        let members = members.take(1 + dice.below(many));
        let name = |at: usize| format!("member {at}").into_bytes();
        let base = dice.below(4_000) as i64 - 2_000;
        let scored = |at: usize| (name(at), base + (at as i64 * 7) % 40);
        match dice.below(16) {
            0..6 => ZSetChange::Add(members.map(scored).collect()),
            6..8 => ZSetChange::Raise(members.map(scored).collect()),
            8..10 => ZSetChange::IncrBy(name(dice.below(200)), base),
            10..12 => ZSetChange::Remove(members.map(name).collect()),
            12 => ZSetChange::RemoveRange(dice.below(30), dice.below(60)),
            13..15 => ZSetChange::Pop(1 + dice.below(12)),
            _ => ZSetChange::Union(ZSETS.start + dice.below(ZSETS.len()) as u16),
        }
    }

    /// `name_of` names another key of the database by its number.
    pub fn words(&self, name: Vec<u8>, name_of: impl Fn(u16) -> Vec<u8>) -> Argv {
        let text = |word: &str| word.as_bytes().to_vec();
        let front = |word: &str| vec![text(word), name.clone()];
        let pairs = |pairs: &[(Vec<u8>, i64)]| -> Argv {
            let words = pairs
                .iter()
                .flat_map(|(member, quarters)| [score(*quarters), member.clone()]);
            words.collect()
        };
        match self {
            ZSetChange::Add(members) => [front("ZADD"), pairs(members)].concat(),
            ZSetChange::Raise(members) => {
                [front("ZADD"), vec![text("GT"), text("CH")], pairs(members)].concat()
            }
            ZSetChange::IncrBy(member, by) => {
                [front("ZINCRBY"), vec![score(*by), member.clone()]].concat()
            }
            ZSetChange::Remove(members) => [front("ZREM"), members.clone()].concat(),
            ZSetChange::RemoveRange(from, to) => {
                let ranks = vec![text(&from.to_string()), text(&to.to_string())];
                [front("ZREMRANGEBYRANK"), ranks].concat()
            }
            ZSetChange::Pop(count) => [front("ZPOPMIN"), vec![text(&count.to_string())]].concat(),
            ZSetChange::Union(other) => {
                let sources = vec![text("2"), name.clone(), name_of(*other)];
                let rest = ["AGGREGATE", "MAX"].map(text).to_vec();
                [front("ZUNIONSTORE"), sources, rest].concat()
            }
        }
    }

    pub(super) fn apply(&self, state: &mut State, key: Key) -> Reply {
        if let ZSetChange::Union(other) = self {
            return unite(state, key, *other);
        }
        let content = state.content(key, || Content::SortedSet(Scores::new()));
        let Content::SortedSet(zset) = content else {
            panic!("{key} holds {content}");
        };
        let reply = self.change(zset);
        if zset.is_empty() {
            state.0.remove(&key);
        }
        reply
    }

    fn change(&self, zset: &mut Scores) -> Reply {
        Reply::Integer(match self {
            ZSetChange::Add(members) => {
                let mut put = |(member, quarters): &(Vec<u8>, i64)| {
                    zset.insert(member.clone(), *quarters).is_none()
                };
                members.iter().filter(|member| put(member)).count() as i64
            }
            ZSetChange::Raise(members) => {
                let mut raise = |(member, quarters): &(Vec<u8>, i64)| {
                    let is_higher = zset.get(member).is_none_or(|before| before < quarters);
                    if is_higher {
                        zset.insert(member.clone(), *quarters);
                    }
                    is_higher
                };
                members.iter().filter(|member| raise(member)).count() as i64
            }
            ZSetChange::IncrBy(member, by) => {
                let sum = zset.entry(member.clone()).or_insert(0);
                *sum += by;
                return Reply::Bulk(score(*sum));
            }
            ZSetChange::Remove(members) => {
                let gone = members
                    .iter()
                    .filter(|member| zset.remove(*member).is_some());
                gone.count() as i64
            }
            ZSetChange::RemoveRange(from, to) => {
                let ranks = in_order(zset).into_iter().take(to + 1).skip(*from);
                let gone: Vec<(i64, Vec<u8>)> = ranks.collect();
                gone.iter().for_each(|(_, member)| {
                    zset.remove(member);
                });
                gone.len() as i64
            }
            ZSetChange::Pop(count) => {
                let popped: Vec<(i64, Vec<u8>)> = in_order(zset).into_iter().take(*count).collect();
                let words = popped.into_iter().flat_map(|(quarters, member)| {
                    zset.remove(&member);
                    [Reply::Bulk(member), Reply::Bulk(score(quarters))]
                });
                return Reply::Array(words.collect());
            }
            ZSetChange::Union(_) => unreachable!("it has two keys"),
        })
    }
}

/// Of each member the higher score of both keys; the time to live is gone.
fn unite(state: &mut State, key: Key, other: u16) -> Reply {
    let other = Key {
        number: other,
        ..key
    };
    let scores = |state: &State, key: Key| match state.0.get(&key).map(|value| &value.content) {
        Some(Content::SortedSet(scores)) => scores.clone(),
        _ => Scores::new(),
    };
    let mut union = scores(state, key);
    for (member, score) in scores(state, other) {
        let quarters = union.entry(member).or_insert(score);
        *quarters = (*quarters).max(score);
    }
    let len = union.len();
    state.0.remove(&key);
    if len > 0 {
        *state.content(key, || Content::SortedSet(Scores::new())) = Content::SortedSet(union);
    }
    Reply::Integer(len as i64)
}

fn in_order(zset: &Scores) -> Vec<(i64, Vec<u8>)> {
    let members = zset
        .iter()
        .map(|(member, quarters)| (*quarters, member.clone()));
    let mut members: Vec<(i64, Vec<u8>)> = members.collect();
    members.sort();
    members
}

fn score(quarters: i64) -> Vec<u8> {
    (quarters as f64 / 4.0).to_string().into_bytes()
}

/// What ZRANGE answered, WITHSCORES.
pub(super) fn scores_of(words: &[Vec<u8>]) -> Result<Scores, String> {
    let pairs = words.chunks_exact(2).map(|two| {
        let text = std::str::from_utf8(&two[1]).ok();
        let score: Option<f64> = text.and_then(|text| text.parse().ok());
        let score = score.ok_or_else(|| format!("a score {:?}", two[1].escape_ascii()))?;
        Ok((two[0].clone(), (score * 4.0) as i64))
    });
    pairs.collect()
}
