//! What several sets have in common, have together, and have alone.
//!
//! ```text
//!   intersect   members of the smallest that are in all others
//!   unite       members of the largest; of each other those that are in none before
//!   subtract    members of the first that are in no other, or what is left of a copy
//! ```
//!
//! Nothing is built on the way where looking into the sets is enough. A member that is looked for
//! in several sets is a [`Probe`]: parsed once, spelled once, hashed once for all dicts that share a
//! secret.

use std::ops::ControlFlow;

use structs::dict::{Dict, Hashed};
use structs::intset::Intset;
use structs::listpack::{Index, Item, Listpack, Needle, Place};

use super::{NewSet, SetLimits, SetView};
use crate::hash::KeyHasher;

/// What is done with each member; it may end the walk.
pub type Visit<'v> = &'v mut dyn FnMut(&mut Probe<'_>) -> ControlFlow<()>;

/// A member that is looked for, and what was found out about it.
pub struct Probe<'a> {
    item: Item<'a>,
    int: Number,
    digits: itoa::Buffer,
    hashed: Hashed,
}

/// The integer that a text spells.
#[derive(Clone, Copy)]
enum Number {
    NotAsked,
    Known(Option<i64>),
}

impl<'a> Probe<'a> {
    #[inline]
    pub fn new(item: Item<'a>) -> Probe<'a> {
        Probe {
            item,
            int: match item {
                Item::Int(int) => Number::Known(Some(int)),
                Item::Bytes(_) => Number::NotAsked,
            },
            digits: itoa::Buffer::new(),
            hashed: Hashed::default(),
        }
    }

    /// A member of a dict that knows this of its hash.
    #[inline]
    fn told(name: &'a [u8], hashed: Hashed) -> Probe<'a> {
        Probe {
            hashed,
            ..Probe::new(Item::Bytes(name))
        }
    }

    #[inline]
    pub fn item(&self) -> Item<'a> {
        self.item
    }

    /// The integer that it is or spells.
    #[inline]
    pub fn int(&mut self) -> Option<i64> {
        match (self.int, self.item) {
            (Number::Known(int), _) => int,
            (Number::NotAsked, item) => {
                let int = item.int();
                self.int = Number::Known(int);
                int
            }
        }
    }

    #[inline]
    pub fn text(&mut self) -> &[u8] {
        match self.item {
            Item::Bytes(text) => text,
            Item::Int(int) => self.digits.format(int).as_bytes(),
        }
    }

    /// As a listpack keeps it.
    pub(super) fn packed(&mut self) -> Item<'a> {
        self.int().map_or(self.item, Item::Int)
    }

    #[inline]
    pub fn is_in(&mut self, set: SetView<'_>) -> bool {
        match set {
            SetView::Integers(set) => self.int().is_some_and(|int| set.contains(int)),
            SetView::Small(list) => self.is_in_list(list),
            SetView::Large(dict) => self.is_in_dict(dict),
        }
    }

    fn is_in_dict(&mut self, dict: &Dict) -> bool {
        let mut hashed = self.hashed;
        let found = dict.contains_hashed(self.text(), &mut hashed);
        self.hashed = hashed;
        found
    }

    pub(super) fn is_in_list(&mut self, list: Listpack<'_>) -> bool {
        self.place_in(list).is_some()
    }

    pub(super) fn place_in(&mut self, list: Listpack<'_>) -> Option<Place> {
        let int = self.int();
        let needle = Needle::parsed(self.text(), int);
        list.find_from(list.first()?, &needle, 1)
    }

    /// False if it was there.
    pub(super) fn add_to(&mut self, dict: &mut Dict) -> bool {
        let mut hashed = self.hashed;
        dict.add_hashed(self.text(), &mut hashed)
    }
}

/// Visit what is in all of the sets, of which there must be one.
pub fn intersect(sets: &[SetView<'_>], visit: Visit<'_>) {
    let mut sets = sets.to_vec();
    sets.sort_by_key(|set| set.len());
    let (smallest, others) = sets.split_first().expect("of no sets all have everything");
    if let (SetView::Integers(one), [SetView::Integers(other)]) = (smallest, others) {
        return merge(*one, *other, visit);
    }
    let haystacks = Haystack::all(others, smallest.len());
    let mut check = |probe: &mut Probe<'_>| match haystacks.iter().all(|set| set.has(probe)) {
        true => visit(probe),
        false => ControlFlow::Continue(()),
    };
    let _ = match smallest {
        SetView::Large(dict) => {
            let large = others.iter().filter_map(|set| match set {
                SetView::Large(other) => Some(*other),
                _ => None,
            });
            dict.visit_likely(&large.collect::<Vec<_>>(), |item, hashed| {
                check(&mut Probe::told(item.name, hashed))
            })
        }
        _ => each(*smallest, check),
    };
}

/// A set in which many members are looked for. A walk over a listpack for each of them would take
/// their number times its length.
struct Haystack<'a> {
    set: SetView<'a>,
    index: Option<Index<'a>>,
}

/// Making an index takes about as long as so many walks.
const INDEXED_FROM: usize = 8;

impl<'a> Haystack<'a> {
    fn new(set: SetView<'a>, looks: usize) -> Haystack<'a> {
        let index = match set {
            SetView::Small(list) if looks.min(list.len()) >= INDEXED_FROM => Some(Index::of(list)),
            _ => None,
        };
        Haystack { set, index }
    }

    fn all(sets: &[SetView<'a>], looks: usize) -> Vec<Haystack<'a>> {
        let new = |set: &SetView<'a>| Haystack::new(*set, looks);
        sets.iter().map(new).collect()
    }

    #[inline]
    fn has(&self, probe: &mut Probe<'_>) -> bool {
        match &self.index {
            Some(index) => index.contains(probe.packed()),
            None => probe.is_in(self.set),
        }
    }
}

/// Two sets of integers side by side. What is skipped in the larger is skipped in leaps.
fn merge(small: Intset<'_>, large: Intset<'_>, visit: Visit<'_>) {
    let mut from = 0;
    for int in small.iter() {
        from = lower_bound(large, from, int);
        match large.get(from) {
            None => return,
            Some(found) if found == int => {
                if visit(&mut Probe::new(Item::Int(int))).is_break() {
                    return;
                }
            }
            Some(_) => {}
        }
    }
}

/// The index of the first member from `from` on that is not below `int`: leaps that double, and
/// then halves.
fn lower_bound(set: Intset<'_>, from: usize, int: i64) -> usize {
    let is_below = |at: usize| set.get(at).is_some_and(|member| member < int);
    let (mut low, mut leap) = (from, 1);
    while is_below(low + leap - 1) {
        low += leap;
        leap *= 2;
    }
    let mut high = (low + leap - 1).min(set.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match is_below(middle) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    low
}

/// More sets than this are united in a new one: looking into all that came before would take longer.
const LOOKED_INTO_MAX: usize = 4;

/// Visit what is in any of the sets, once.
pub fn unite(sets: &[SetView<'_>], limits: SetLimits, hasher: KeyHasher, visit: Visit<'_>) {
    let mut sets = sets.to_vec();
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let mut known = match sets.len() > LOOKED_INTO_MAX {
        true => Some(NewSet::large(limits, hasher)),
        false => None,
    };
    let mut before: Vec<Haystack<'_>> = Vec::new();
    for (at, set) in sets.iter().enumerate() {
        let ended = each(*set, |probe| {
            let is_new = match &mut known {
                Some(known) => known.add_probe(probe),
                None => !before.iter().any(|set| set.has(probe)),
            };
            match is_new {
                true => visit(probe),
                false => ControlFlow::Continue(()),
            }
        });
        if ended.is_break() {
            return;
        }
        if known.is_none() {
            let looks = sets[at + 1..].iter().map(|set| set.len()).sum();
            before.push(Haystack::new(*set, looks));
        }
    }
}

/// Visit what is in the first set and in no other.
pub fn subtract(
    first: SetView<'_>,
    others: &[SetView<'_>],
    limits: SetLimits,
    hasher: KeyHasher,
    visit: Visit<'_>,
) {
    if looks_into_others(first, others) {
        subtract_looking(first, others, visit);
    } else {
        let rest = subtract_copying(first, others, limits, hasher);
        let _ = each(rest.view(), visit);
    }
}

/// Is it less work to look for each member of the first in the others than to take each member of
/// the others out of a copy of the first? Looking ends at the first set that has it, so it is given
/// the advantage that Redis gives it.
pub fn looks_into_others(first: SetView<'_>, others: &[SetView<'_>]) -> bool {
    let looking = first.len() * (1 + others.len()) / 2;
    let copying = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
    looking <= copying
}

pub fn subtract_looking(first: SetView<'_>, others: &[SetView<'_>], visit: Visit<'_>) {
    let mut others = others.to_vec();
    // In a larger set it is more likely to be found.
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let others = Haystack::all(&others, first.len());
    let _ = each(first, |probe| {
        match others.iter().any(|set| set.has(probe)) {
            true => ControlFlow::Continue(()),
            false => visit(probe),
        }
    });
}

/// What is left of the first, once all others are taken out of a copy of it.
pub fn subtract_copying(
    first: SetView<'_>,
    others: &[SetView<'_>],
    limits: SetLimits,
    hasher: KeyHasher,
) -> NewSet {
    let mut rest = NewSet::copy_of(first, limits, hasher);
    for set in others {
        let ended = each(*set, |probe| {
            rest.remove_probe(probe);
            match rest.view().is_empty() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        if ended.is_break() {
            break;
        }
    }
    rest
}

/// Visit all members.
pub fn each(
    set: SetView<'_>,
    mut visit: impl FnMut(&mut Probe<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match set {
        SetView::Large(dict) => dict.visit_likely(&[], |item, hashed| {
            visit(&mut Probe::told(item.name, hashed))
        }),
        _ => {
            for item in set.iter() {
                visit(&mut Probe::new(item))?;
            }
            ControlFlow::Continue(())
        }
    }
}
