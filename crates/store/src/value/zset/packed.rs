//! A small sorted set in its bytes: member, score, member, score ... in order.
//!
//! ```text
//!   member  score    member  score      member  score
//!   "ada"   1        "bob"   1          "cy"    2.5 as text
//! ```
//!
//! A score that is a whole number is an integer of the listpack, another one the text that
//! clients read. So minus zero comes back as zero, as it does in Redis.
//!
//! Everything here is a walk over at most some hundred pairs.

use std::cmp::Ordering;

use structs::listpack::{Editor, Item, Listpack, Place};

/// The pairs of a small sorted set.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a>(pub(super) Listpack<'a>);

impl<'a> Packed<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Packed<'a> {
        Packed(Listpack::new(bytes))
    }

    pub(super) fn len(self) -> usize {
        self.0.len() / 2
    }

    /// Where the member is, and its score.
    pub(super) fn find(self, member: &[u8]) -> Option<(Place, f64)> {
        let place = self.0.find(member, 2)?;
        let score = self.0.next(place).expect("a member has a score");
        Some((place, score_of(self.0.item(score))))
    }

    /// Where the member is, its score, and how many come before.
    pub(super) fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        let needle = structs::listpack::Needle::new(member);
        let mut items = self.0.iter();
        let mut rank = 0;
        while let (Some(name), Some(score)) = (items.next(), items.next()) {
            if needle.is(name) {
                return Some((rank, score_of(score)));
            }
            rank += 1;
        }
        None
    }

    pub(super) fn get(self, rank: usize) -> Option<(Item<'a>, f64)> {
        let place = self.0.place(2 * rank)?;
        let score = self.0.next(place).expect("a member has a score");
        Some((self.0.item(place), score_of(self.0.item(score))))
    }

    /// How many pairs from the first on are such as is asked for.
    pub(super) fn count_while(self, mut is_before: impl FnMut(Item<'a>, f64) -> bool) -> usize {
        let mut items = self.0.iter();
        let mut count = 0;
        while let (Some(name), Some(score)) = (items.next(), items.next()) {
            if !is_before(name, score_of(score)) {
                break;
            }
            count += 1;
        }
        count
    }

    /// Before which member this one belongs; none if behind the last.
    fn place_for(self, member: &[u8], score: f64) -> Option<Place> {
        let mut entries = self.0.entries();
        while let (Some((place, name)), Some((_, other))) = (entries.next(), entries.next()) {
            let other = score_of(other);
            if other > score || other == score && compare(name, member).is_gt() {
                return Some(place);
            }
        }
        None
    }
}

/// The order of names.
pub(super) fn compare(item: Item<'_>, name: &[u8]) -> Ordering {
    match item {
        Item::Bytes(own) => own.cmp(name),
        Item::Int(own) => itoa::Buffer::new().format(own).as_bytes().cmp(name),
    }
}

/// What a score says. The bytes were written here, or checked when they were read.
#[inline]
pub(super) fn score_of(item: Item<'_>) -> f64 {
    match item {
        Item::Int(score) => score as f64,
        Item::Bytes(text) => base::parse_f64(text).expect("a score is a number"),
    }
}

/// Put in a member that is not there.
pub(super) fn insert(bytes: &mut Vec<u8>, member: &[u8], score: f64) {
    let place = Packed::of(bytes).place_for(member, score);
    let mut text = Vec::new();
    let score = item_of(score, &mut text);
    let mut edit = Editor::new(bytes);
    match place {
        None => edit.extend([Item::of(member), score]),
        Some(place) => {
            edit.insert_before(place, Item::of(member));
            edit.insert_after(place, score);
        }
    }
}

/// Give a member that was found another score.
pub(super) fn rescore(bytes: &mut Vec<u8>, place: Place, member: &[u8], score: f64) {
    Editor::new(bytes).remove(place, 2);
    insert(bytes, member, score);
}

/// The form in which a score is kept: an integer where it is one.
fn item_of(score: f64, text: &mut Vec<u8>) -> Item<'_> {
    const INTEGERS: f64 = (1u64 << 62) as f64;
    if score.abs() <= INTEGERS && score.trunc() == score {
        return Item::Int(score as i64);
    }
    base::write_double(text, score);
    Item::Bytes(text)
}
