//! SORT and SORT_RO: the elements of a list, set or sorted set, in order.
//!
//! ```text
//!   key ─► elements ─► weights: themselves, or BY other keys ─► order ─► LIMIT ─► GET other keys
//! ```
//!
//! BY and GET name keys by a pattern, which the element is put into (`pattern`). Such keys may lie
//! in any shard, so a request with a pattern holds all of them. Elements of equal weight are in the
//! order of their bytes, and what SORT keeps at another key stands in the log as elements: neither
//! depends on how the elements lay in memory.

use std::cmp::Ordering;
use std::ops::Range;

use resp::Reply;
use store::{Direction, Item, Key, Kind, NewList};

use super::{Row, Scope, effect_in_parts, scoped};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

mod pattern;
mod texts;

use pattern::{Looked, Pattern};
use texts::Texts;

pub(super) static TABLE: &[Row] = &[
    scoped(&spec::generic::SORT, Scope::KeysOrPatterns, sort),
    scoped(&spec::generic::SORT_RO, Scope::KeysOrPatterns, sort_ro),
];

fn sort(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let query = Query::read(args, true)?;
    run(ctx, &key, query, reply)
}

fn sort_ro(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let query = Query::read(args, false)?;
    run(ctx, &key, query, reply)
}

/// What was asked for.
#[derive(Default)]
struct Query<'a> {
    by: Option<Pattern<'a>>,
    /// A BY that names no other key: the elements stay as they are.
    unsorted: bool,
    by_text: bool,
    descending: bool,
    skip: i64,
    /// Below zero for all.
    count: Option<i64>,
    gets: Vec<Pattern<'a>>,
    destination: Option<Key<'a>>,
}

impl<'a> Query<'a> {
    fn read(args: &mut Args<'a>, may_store: bool) -> Result<Query<'a>, CommandError> {
        let mut query = Query::default();
        while !args.is_done() {
            if args.word("ASC") {
                query.descending = false;
            } else if args.word("DESC") {
                query.descending = true;
            } else if args.word("ALPHA") {
                query.by_text = true;
            } else if args.left() >= 3 && args.word("LIMIT") {
                query.skip = args.i64()?;
                query.count = Some(args.i64()?);
            } else if args.left() < 2 {
                return Err(CommandError::Syntax);
            } else if may_store && args.word("STORE") {
                let key = args.bytes()?;
                query.destination = Some(args.key_of(key));
            } else if args.word("BY") {
                let pattern = Pattern::of(args.bytes()?);
                // Said once, it holds, whatever BY follows.
                query.unsorted |= !pattern.names_keys();
                query.by = Some(pattern);
            } else if args.word("GET") {
                query.gets.push(Pattern::of(args.bytes()?));
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(query)
    }

    /// The places of the result among so many elements.
    fn range(&self, len: usize) -> Range<usize> {
        let within = |number: i64| usize::try_from(number).unwrap_or(0).min(len);
        let start = within(self.skip);
        let end = match self.count {
            Some(count @ 0..) => start.saturating_add(within(count)).min(len),
            _ => len,
        };
        start..end
    }
}

fn run(
    ctx: &mut Ctx,
    key: &Key<'_>,
    mut query: Query<'_>,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let kind = ctx.read(key).map(|entry| entry.kind());
    match kind {
        None | Some(Kind::List | Kind::Set | Kind::SortedSet) => {}
        Some(_) => return Err(CommandError::WrongType),
    }
    if query.unsorted && kind == Some(Kind::Set) && query.destination.is_some() {
        // A set has no order to keep.
        (query.unsorted, query.by_text, query.by) = (false, true, None);
    }
    let elements = match kind {
        None => Texts::default(),
        Some(kind) => ctx.elements(key, kind, &query),
    };
    let elements = match query.unsorted {
        true => Sorted::unsorted(elements, kind, &query),
        false => Sorted::new(ctx, elements, &query)?,
    };
    match &query.destination {
        Some(destination) => {
            let kept = ctx.keep_sorted(destination, &elements, &query);
            reply.count(kept);
        }
        None => ctx.answer_sorted(&elements, &query, reply),
    }
    Ok(())
}

/// Elements, and which of them are wanted in which order.
struct Sorted {
    elements: Texts,
    order: Vec<u32>,
}

impl Sorted {
    /// As they came: of lists and sorted sets no more than wanted did.
    fn unsorted(elements: Texts, kind: Option<Kind>, query: &Query<'_>) -> Sorted {
        let range = match kind {
            Some(Kind::Set) => query.range(elements.len()),
            _ => 0..elements.len(),
        };
        let order = range.map(|at| at as u32).collect();
        Sorted { elements, order }
    }

    fn new(ctx: &mut Ctx, elements: Texts, query: &Query<'_>) -> Result<Sorted, CommandError> {
        let weights = match (&query.by, query.by_text) {
            (None, true) => None,
            (Some(by), true) => Some(Weights::Texts(ctx.texts_by(&elements, by))),
            (by, false) => {
                let numbers = ctx.numbers_by(&elements, by.as_ref());
                let text = "One or more scores can't be converted into double";
                Some(Weights::Numbers(
                    numbers.ok_or_else(|| CommandError::err(text))?,
                ))
            }
        };
        let by_bytes = |a: u32, b: u32| elements.get(a).cmp(elements.get(b));
        let ascending = |a: u32, b: u32| match &weights {
            None => by_bytes(a, b),
            Some(Weights::Numbers(numbers)) => numbers[a as usize]
                .partial_cmp(&numbers[b as usize])
                .unwrap_or(Ordering::Equal)
                .then_with(|| by_bytes(a, b)),
            Some(Weights::Texts(texts)) => texts.given(a).cmp(&texts.given(b)),
        };
        let compare = |a: &u32, b: &u32| {
            let order = ascending(*a, *b);
            let order = match query.descending {
                true => order.reverse(),
                false => order,
            };
            // Equals stay as they came.
            order.then(a.cmp(b))
        };
        let mut order: Vec<u32> = (0..elements.len() as u32).collect();
        let range = query.range(order.len());
        if range.end < order.len() && !range.is_empty() {
            order.select_nth_unstable_by(range.end, compare);
        }
        order.truncate(range.end);
        order.sort_unstable_by(compare);
        order.drain(..range.start);
        Ok(Sorted { elements, order })
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.order.iter().map(|at| self.elements.get(*at))
    }
}

/// What elements are compared by.
enum Weights {
    Numbers(Vec<f64>),
    Texts(Texts),
}

/// C's strtod to the end of the text, which a zero byte is: blanks before the number, nothing for
/// zero; no number that has no place in a double.
fn number(text: &[u8]) -> Option<f64> {
    if let Some(whole) = base::parse_i64(text) {
        return Some(whole as f64);
    }
    let end = text.iter().position(|byte| *byte == 0);
    let text = &text[..end.unwrap_or(text.len())];
    if text.is_empty() {
        return Some(0.0);
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_blank(byte))?;
    base::parse_f64(&text[start..])
}

impl Ctx<'_> {
    /// The elements of a key. If they are to stay as they are in a list or a sorted set, those alone
    /// that are wanted.
    fn elements(&mut self, key: &Key<'_>, kind: Kind, query: &Query<'_>) -> Texts {
        let slot = self.find(key).expect("it was there");
        let mut texts = Texts::default();
        let mut add = |item: Item<'_>| texts.push_item(item);
        match kind {
            Kind::Set => self.set_view_at(key, slot).iter().for_each(add),
            Kind::SortedSet => {
                let zset = self.zset_at(key, slot);
                let len = zset.len();
                let (ranks, direction) = match (query.unsorted, query.descending) {
                    (false, _) => (0..len, Direction::Up),
                    (true, false) => (query.range(len), Direction::Up),
                    (true, true) => (mirrored(query.range(len), len), Direction::Down),
                };
                let members = zset.walk(ranks, direction);
                members.for_each(|(member, _)| add(member));
            }
            _ => {
                let list = self.list_at(key, slot);
                let len = list.len();
                match (query.unsorted, query.descending) {
                    (false, _) => list.iter().for_each(add),
                    (true, false) => {
                        let range = query.range(len);
                        let ahead = list.iter_from(range.start);
                        ahead.take(range.len()).for_each(add);
                    }
                    (true, true) => {
                        let range = mirrored(query.range(len), len);
                        if !range.is_empty() {
                            let astern = list.iter_back_from(range.end - 1);
                            astern.take(range.len()).for_each(add);
                        }
                    }
                }
            }
        }
        texts
    }

    /// The weight of each element as a number; `None` if one is no number.
    fn numbers_by(&mut self, elements: &Texts, by: Option<&Pattern<'_>>) -> Option<Vec<f64>> {
        let Some(by) = by else {
            return elements.iter().map(number).collect();
        };
        let mut name = Vec::new();
        let mut is_sound = true;
        let numbers = elements.iter().map(|element| {
            let found = by.look(self, element, &mut name).map(Looked::number);
            // A key that is not there weighs nothing.
            found.unwrap_or(Some(0.0)).unwrap_or_else(|| {
                is_sound = false;
                0.0
            })
        });
        let numbers = numbers.collect();
        is_sound.then_some(numbers)
    }

    /// The weight of each element as a text, if it has one.
    fn texts_by(&mut self, elements: &Texts, by: &Pattern<'_>) -> Texts {
        let (mut texts, mut name) = (Texts::default(), Vec::new());
        for element in elements.iter() {
            match by.look(self, element, &mut name) {
                Some(found) => texts.push_with(|text| found.append_to(text)),
                None => texts.push_none(),
            }
        }
        texts
    }

    fn answer_sorted(&mut self, sorted: &Sorted, query: &Query<'_>, reply: &mut Reply) {
        let mut name = Vec::new();
        reply.array(sorted.order.len() * query.gets.len().max(1));
        for element in sorted.iter() {
            if reply.has_overflowed() {
                break;
            }
            if query.gets.is_empty() {
                reply.bulk(element);
            }
            for get in &query.gets {
                match get.look(self, element, &mut name) {
                    Some(found) => found.answer(reply),
                    None => reply.null(),
                }
            }
        }
    }

    /// Keep the result at another key, as a list; of nothing, no key remains. Says how long it is.
    fn keep_sorted(&mut self, key: &Key<'_>, sorted: &Sorted, query: &Query<'_>) -> usize {
        let (mut got, mut name) = (Texts::default(), Vec::new());
        for element in sorted.iter() {
            if query.gets.is_empty() {
                got.push(element);
            }
            for get in &query.gets {
                match get.look(self, element, &mut name) {
                    Some(found) => got.push_with(|text| found.append_to(text)),
                    None => got.push(b""),
                }
            }
        }
        let taken = self.find(key);
        if taken.is_some() {
            self.effect(&[b"DEL", key.bytes]);
        }
        if got.len() == 0 {
            if let Some(slot) = taken {
                self.remove(key, slot);
            }
            return 0;
        }
        let mut list = NewList::new(self.config().live.list_limit);
        got.iter().for_each(|text| list.push(text));
        self.set(key, list.finish(), None);
        let words: Vec<&[u8]> = got.iter().collect();
        effect_in_parts(self, &[b"RPUSH", key.bytes], &words, 1);
        got.len()
    }
}

/// The same places counted from the other end.
fn mirrored(range: Range<usize>, len: usize) -> Range<usize> {
    len - range.end..len - range.start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_brought_within_what_there_is() {
        for (skip, count, expected) in [
            (0, None, 0..5),
            (0, Some(-1), 0..5),
            (1, Some(2), 1..3),
            (-7, Some(2), 0..2),
            (4, Some(9), 4..5),
            (5, Some(1), 5..5),
            (i64::MAX, Some(i64::MAX), 5..5),
            (2, Some(0), 2..2),
            (3, Some(i64::MIN), 3..5),
        ] {
            let query = Query {
                skip,
                count,
                ..Query::default()
            };
            assert_eq!(query.range(5), expected, "{skip} {count:?}");
            assert!(query.range(0).is_empty());
        }
    }

    #[test]
    fn weights_are_read_as_c_does() {
        for (text, expected) in [
            (&b"1.5"[..], Some(1.5)),
            (b"", Some(0.0)),
            (b" \t7", Some(7.0)),
            (b"-inf", Some(f64::NEG_INFINITY)),
            (b"0x10", Some(16.0)),
            (b"3\0junk", Some(3.0)),
            (b"1 ", None),
            (b" ", None),
            (b"1e999", None),
            (b"nan", None),
            (b"one", None),
        ] {
            assert_eq!(number(text), expected, "{text:?}");
        }
    }
}
