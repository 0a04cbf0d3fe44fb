//! Lists in the workload: pushes and pops at both ends, LMOVE, LINSERT, LSET, LREM, LTRIM.

use std::collections::VecDeque;

use super::content::Content;
use super::state::{Key, State};
use super::workload::Argv;
use crate::linear::dice::Dice;
use crate::reply::Reply;

pub const LISTS: std::ops::Range<u16> = 50..54;

pub type Elements = VecDeque<Vec<u8>>;

/// An end of a list.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Left,
    Right,
}

/// A change of one.
#[derive(Clone, Debug)]
pub enum ListChange {
    Push(End, Vec<Vec<u8>>),
    Pop(End, usize),
    /// To an end of another key of the database.
    Move(End, u16, End),
    Trim(usize, i64),
    /// At an index that is there.
    Set(usize, Vec<u8>),
    /// Before an element that is there.
    Insert(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
}

impl ListChange {
    /// One that is drawn for a list that holds these. `value` is a value that no other write has.
    pub fn draw(dice: &mut Dice, list: &Elements, value: Vec<u8>) -> ListChange {
        let end = End::draw(dice);
        let any = list.get(dice.below(list.len().max(1)));
        match (dice.below(16), any) {
            (6..10, _) => ListChange::Pop(end, 1 + dice.below(1 + list.len() / 3)),
            (10..12, _) => {
                let to = LISTS.start + dice.below(LISTS.len()) as u16;
                ListChange::Move(end, to, End::draw(dice))
            }
            (12, Some(_)) if list.len() > 60 => {
                ListChange::Trim(dice.below(40), -1 - dice.below(20) as i64)
            }
            (13, Some(_)) => ListChange::Set(dice.below(list.len()), value),
            (14, Some(any)) => ListChange::Insert(any.clone(), value),
            (15, Some(any)) => ListChange::Remove(any.clone()),
            // Large ones come and go, too.
            _ => {
                let many = [3, 8, 8, 150][dice.below(4)];
                let one = |at: usize| [&value[..], at.to_string().as_bytes()].concat();
                let count = match value.len() > 200 {
                    true => 1,
                    false => 1 + dice.below(many),
                };
                ListChange::Push(end, (0..count).map(one).collect())
            }
        }
    }

    /// `name_of` names another key of the database by its number.
    pub fn words(&self, name: Vec<u8>, name_of: impl Fn(u16) -> Vec<u8>) -> Argv {
        let text = |word: &str| word.as_bytes().to_vec();
        let with = |word: &str, rest: Argv| [vec![text(word), name.clone()], rest].concat();
        match self {
            ListChange::Push(End::Left, values) => with("LPUSH", values.clone()),
            ListChange::Push(End::Right, values) => with("RPUSH", values.clone()),
            ListChange::Pop(End::Left, count) => with("LPOP", vec![text(&count.to_string())]),
            ListChange::Pop(End::Right, count) => with("RPOP", vec![text(&count.to_string())]),
            ListChange::Move(from, to, at) => with(
                "LMOVE",
                vec![name_of(*to), text(from.word()), text(at.word())],
            ),
            ListChange::Trim(from, to) => with(
                "LTRIM",
                vec![text(&from.to_string()), text(&to.to_string())],
            ),
            ListChange::Set(at, value) => with("LSET", vec![text(&at.to_string()), value.clone()]),
            ListChange::Insert(pivot, value) => with(
                "LINSERT",
                vec![text("BEFORE"), pivot.clone(), value.clone()],
            ),
            ListChange::Remove(value) => with("LREM", vec![text("0"), value.clone()]),
        }
    }

    pub(super) fn apply(&self, state: &mut State, key: Key) -> Reply {
        if let ListChange::Move(from, to, at) = self {
            return shift(state, key, *from, Key { number: *to, ..key }, *at);
        }
        let reply = self.change(list_at(state, key));
        tidy(state, key);
        reply
    }

    fn change(&self, list: &mut Elements) -> Reply {
        let place = |list: &Elements, value: &Vec<u8>| list.iter().position(|it| it == value);
        match self {
            ListChange::Push(end, values) => {
                values
                    .iter()
                    .for_each(|value| end.push(list, value.clone()));
                Reply::Integer(list.len() as i64)
            }
            ListChange::Pop(_, _) if list.is_empty() => Reply::NullArray,
            ListChange::Pop(end, count) => {
                let popped = (0..*count).map_while(|_| end.pop(list));
                Reply::Array(popped.map(Reply::Bulk).collect())
            }
            ListChange::Trim(from, to) => {
                let end = list.len().saturating_add_signed(*to as isize + 1);
                list.truncate(end);
                list.drain(..(*from).min(list.len()));
                ok()
            }
            ListChange::Set(at, value) => {
                list[*at] = value.clone();
                ok()
            }
            ListChange::Insert(pivot, value) => {
                let at = place(list, pivot).expect("it was drawn from there");
                list.insert(at, value.clone());
                Reply::Integer(list.len() as i64)
            }
            ListChange::Remove(value) => {
                let before = list.len();
                list.retain(|it| it != value);
                Reply::Integer((before - list.len()) as i64)
            }
            ListChange::Move(..) => unreachable!("it has two keys"),
        }
    }
}

impl End {
    fn draw(dice: &mut Dice) -> End {
        match dice.once_in(2) {
            true => End::Left,
            false => End::Right,
        }
    }

    fn word(self) -> &'static str {
        match self {
            End::Left => "LEFT",
            End::Right => "RIGHT",
        }
    }

    fn push(self, list: &mut Elements, value: Vec<u8>) {
        match self {
            End::Left => list.push_front(value),
            End::Right => list.push_back(value),
        }
    }

    fn pop(self, list: &mut Elements) -> Option<Vec<u8>> {
        match self {
            End::Left => list.pop_front(),
            End::Right => list.pop_back(),
        }
    }
}

fn shift(state: &mut State, key: Key, from: End, to: Key, at: End) -> Reply {
    let moved = from.pop(list_at(state, key));
    let Some(value) = moved else {
        tidy(state, key);
        return Reply::NullBulk;
    };
    // A list that moves its only element to itself keeps its deadline.
    at.push(list_at(state, to), value.clone());
    tidy(state, key);
    Reply::Bulk(value)
}

/// The list at a key, for a moment perhaps empty.
fn list_at(state: &mut State, key: Key) -> &mut Elements {
    match state.content(key, || Content::List(Elements::new())) {
        Content::List(list) => list,
        other => panic!("{key} holds {other}"),
    }
}

/// A list without elements is gone.
fn tidy(state: &mut State, key: Key) {
    if list_at(state, key).is_empty() {
        state.0.remove(&key);
    }
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}
