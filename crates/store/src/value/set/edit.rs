//! A set while it is changed, and where it grows from one form to the next.
//!
//! ```text
//!              an integer too many
//!   integers ───────────────────────────────┐
//!      │                                    ▼
//!      │ a member that is no integer ──►  large
//!      ▼   if there are few and it is short ▲
//!   small ──────────────────────────────────┘
//!              a member too many, or a long one
//! ```
//!
//! Nothing grows back while a set is changed. A new set has no members yet and takes the form that
//! its first member and the number of those to come suggest ([`SetEdit::expect`]).

use std::sync::Arc;

use structs::dict::Dict;
use structs::intset::{self, Intset};
use structs::listpack::{EMPTY, Editor, Item, Listpack};

use super::super::{Large, PACKED_BYTES_MAX, Packing};
use super::algebra::Probe;
use super::{SetLimits, SetView};
use crate::entry::{EMBEDDED_BYTES_MAX, NewValue};
use crate::hash::KeyHasher;

/// A set while it is changed.
pub struct SetEdit<'a> {
    form: Form<'a>,
    limits: SetLimits,
    hasher: KeyHasher,
    is_changed: bool,
}

enum Form<'a> {
    /// An intset or a listpack.
    Packed(Packing, &'a mut Vec<u8>),
    Large(&'a mut Dict),
    /// It was packed when the change began.
    Grown(Box<Dict>),
}

/// The greatest intset, whatever its limit.
const INTEGERS_MAX: usize = 1 << 30;

impl<'a> SetEdit<'a> {
    pub(super) fn small(
        packing: Packing,
        bytes: &'a mut Vec<u8>,
        limits: SetLimits,
        hasher: KeyHasher,
    ) -> SetEdit<'a> {
        SetEdit::of(Form::Packed(packing, bytes), limits, hasher)
    }

    pub(super) fn large(dict: &'a mut Dict, limits: SetLimits, hasher: KeyHasher) -> SetEdit<'a> {
        SetEdit::of(Form::Large(dict), limits, hasher)
    }

    fn of(form: Form<'a>, limits: SetLimits, hasher: KeyHasher) -> SetEdit<'a> {
        SetEdit {
            form,
            limits,
            hasher,
            is_changed: false,
        }
    }

    /// So many members are about to come, the first of which is this one.
    pub fn expect(&mut self, count: usize, first: &[u8]) {
        let is_empty = self.is_empty();
        let Form::Packed(packing, bytes) = &mut self.form else {
            return;
        };
        if is_empty {
            let suits_integers = count <= self.limits.integers && base::parse_i64(first).is_some();
            let suits = match suits_integers {
                true => Packing::Integers,
                false => Packing::Set,
            };
            if *packing != suits {
                *packing = suits;
                begin(suits, bytes);
            }
        }
        let limit = match packing {
            Packing::Integers => self.limits.integers,
            _ => self.limits.small.entries,
        };
        if count > limit {
            self.grow();
        }
    }

    /// Add a member; false if it was there.
    pub fn add(&mut self, member: &[u8]) -> bool {
        self.add_probe(&mut Probe::new(Item::Bytes(member)))
    }

    /// The same for a member about which something is known already.
    pub fn add_probe(&mut self, member: &mut Probe<'_>) -> bool {
        let is_new = match &mut self.form {
            Form::Packed(Packing::Integers, bytes) => match member.int() {
                Some(int) => {
                    let is_new = intset::insert(bytes, int);
                    if is_new && Intset::new(bytes).len() > self.limits.integers.min(INTEGERS_MAX) {
                        self.grow();
                    }
                    is_new
                }
                None => self.add_first_text(member),
            },
            Form::Packed(_, bytes) => {
                let list = Listpack::new(bytes);
                if member.is_in_list(list) {
                    false
                } else if self.limits.takes(list.len(), list.bytes().len(), member) {
                    Editor::new(bytes).push_back(member.packed());
                    true
                } else {
                    self.grow_with(member)
                }
            }
            Form::Large(dict) => member.add_to(dict),
            Form::Grown(dict) => member.add_to(dict),
        };
        self.is_changed |= is_new;
        is_new
    }

    /// The first member that is no integer, among integers.
    fn add_first_text(&mut self, member: &mut Probe<'_>) -> bool {
        let Form::Packed(packing, bytes) = &mut self.form else {
            unreachable!("a set of integers")
        };
        let set = Intset::new(bytes);
        let ends = set.get(0).into_iter().chain(set.iter().next_back());
        let longest = ends.map(base::i64_len).max().unwrap_or(0);
        let fits = self
            .limits
            .takes(set.len(), set.len() * LONGEST_INT_BYTES, member)
            && longest <= self.limits.small.value_bytes;
        if !fits {
            return self.grow_with(member);
        }
        let mut list = Vec::with_capacity(EMPTY.len() + bytes.len() + member.item().text_len() + 8);
        Editor::create(&mut list).extend(set.iter().map(Item::Int).chain([member.packed()]));
        **bytes = list;
        *packing = Packing::Set;
        true
    }

    fn grow_with(&mut self, member: &mut Probe<'_>) -> bool {
        self.grow();
        let Form::Grown(dict) = &mut self.form else {
            unreachable!("it has just grown")
        };
        member.add_to(dict)
    }

    fn grow(&mut self) {
        if let Form::Packed(packing, bytes) = &self.form {
            let mut dict = Dict::of_members(self.hasher.secret_for_members());
            for item in SetView::packed(*packing, bytes).iter() {
                Probe::new(item).add_to(&mut dict);
            }
            self.form = Form::Grown(Box::new(dict));
            self.is_changed = true;
        }
    }

    /// Remove a member; false if it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        self.remove_probe(&mut Probe::new(Item::Bytes(member)))
    }

    pub fn remove_probe(&mut self, member: &mut Probe<'_>) -> bool {
        let was_there = match &mut self.form {
            Form::Packed(Packing::Integers, bytes) => {
                member.int().is_some_and(|int| intset::remove(bytes, int))
            }
            Form::Packed(_, bytes) => {
                let found = member.place_in(Listpack::new(bytes));
                if let Some(place) = found {
                    Editor::new(bytes).remove(place, 1);
                }
                found.is_some()
            }
            Form::Large(dict) => dict.remove(member.text()),
            Form::Grown(dict) => dict.remove(member.text()),
        };
        self.is_changed |= was_there;
        was_there
    }

    /// Remove a member at random, each equally likely. The set must not be empty.
    pub fn pop(&mut self, rng: &mut base::Rng) -> Vec<u8> {
        let dict = match &mut self.form {
            Form::Packed(..) => {
                let drawn = self.view().random(rng).expect("there is a member");
                let member = drawn.to_vec();
                self.remove(&member);
                return member;
            }
            Form::Large(dict) => dict,
            Form::Grown(dict) => &mut **dict,
        };
        self.is_changed = true;
        dict.pop(rng).expect("there is a member").0
    }

    /// Go through a set that is packed and keep those that `keep` approves of.
    pub fn retain_packed(&mut self, mut keep: impl FnMut(Item<'_>) -> bool) {
        match &mut self.form {
            Form::Packed(Packing::Integers, bytes) => {
                let set = Intset::new(bytes);
                let mut kept = Vec::with_capacity(bytes.len());
                intset::create(&mut kept);
                for int in set.iter().filter(|int| keep(Item::Int(*int))) {
                    intset::insert(&mut kept, int);
                }
                **bytes = kept;
            }
            Form::Packed(_, bytes) => {
                Editor::new(bytes).retain(1, |_, item| keep(item));
            }
            Form::Large(_) | Form::Grown(_) => panic!("it is packed"),
        }
        self.is_changed = true;
    }

    pub fn view(&self) -> SetView<'_> {
        match &self.form {
            Form::Packed(packing, bytes) => SetView::packed(*packing, bytes),
            Form::Large(dict) => SetView::Large(dict),
            Form::Grown(dict) => SetView::Large(dict),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Is it not what it was, in content or form?
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// What it has become. Of one that is packed the bytes are where they were.
    pub(super) fn into_form(self) -> NewForm {
        match self.form {
            Form::Packed(packing, _) => NewForm::Packed(packing),
            Form::Grown(dict) => NewForm::Large(Arc::new(Large::Set(*dict))),
            Form::Large(_) => unreachable!("it was packed when the change began"),
        }
    }
}

/// What a packed set has become.
pub(super) enum NewForm {
    Packed(Packing),
    Large(Arc<Large>),
}

impl NewForm {
    pub(super) fn with(self, bytes: &[u8]) -> NewValue<'_> {
        match self {
            NewForm::Packed(packing) => NewValue::Packed(packing, bytes),
            NewForm::Large(large) => NewValue::Large(large),
        }
    }
}

/// What an integer takes in a listpack at most, its own length included.
const LONGEST_INT_BYTES: usize = 10;

impl SetLimits {
    /// Does a listpack of so many entries and bytes take this one too?
    fn takes(&self, entries: usize, bytes: usize, member: &Probe<'_>) -> bool {
        let len = member.item().text_len();
        entries < self.small.entries
            && len <= self.small.value_bytes
            && bytes + len <= PACKED_BYTES_MAX
    }
}

fn begin(packing: Packing, bytes: &mut Vec<u8>) {
    match packing {
        Packing::Integers => intset::create(bytes),
        _ => drop(Editor::create(bytes)),
    }
}

/// A set outside of any table: the outcome of a command, or read from somewhere.
pub struct NewSet {
    packing: Packing,
    bytes: Vec<u8>,
    grown: Option<Box<Dict>>,
    limits: SetLimits,
    hasher: KeyHasher,
}

impl NewSet {
    /// An empty one, which is an intset as long as nothing but integers comes.
    pub fn new(limits: SetLimits, hasher: KeyHasher) -> NewSet {
        NewSet::of(Packing::Integers, limits, hasher)
    }

    /// An empty one, which is a listpack first also if integers come.
    pub fn small(limits: SetLimits, hasher: KeyHasher) -> NewSet {
        NewSet::of(Packing::Set, limits, hasher)
    }

    /// An empty one that is large from the beginning.
    pub fn large(limits: SetLimits, hasher: KeyHasher) -> NewSet {
        let mut set = NewSet::new(limits, hasher);
        set.change(|edit| edit.grow());
        set
    }

    fn of(packing: Packing, limits: SetLimits, hasher: KeyHasher) -> NewSet {
        let mut bytes = Vec::new();
        begin(packing, &mut bytes);
        NewSet {
            packing,
            bytes,
            grown: None,
            limits,
            hasher,
        }
    }

    /// The members of another one, in the form that they make one by one. A large one shares its
    /// pages until they change.
    pub fn copy_of(set: SetView<'_>, limits: SetLimits, hasher: KeyHasher) -> NewSet {
        let mut copy = NewSet::new(limits, hasher);
        match set {
            SetView::Large(dict) if dict.len() > limits.integers.max(limits.small.entries) => {
                copy.grown = Some(Box::new(dict.clone()));
            }
            _ => {
                for item in set.iter() {
                    copy.add_probe(&mut Probe::new(item));
                }
            }
        }
        copy
    }

    fn change<R>(&mut self, change: impl FnOnce(&mut SetEdit<'_>) -> R) -> R {
        let form = match &mut self.grown {
            Some(dict) => Form::Large(dict),
            None => Form::Packed(self.packing, &mut self.bytes),
        };
        let mut edit = SetEdit::of(form, self.limits, self.hasher);
        let result = change(&mut edit);
        match edit.form {
            Form::Packed(packing, _) => self.packing = packing,
            Form::Grown(dict) => self.grown = Some(dict),
            Form::Large(_) => {}
        }
        result
    }

    /// Add a member; false if it was there.
    pub fn add(&mut self, member: &[u8]) -> bool {
        self.change(|edit| edit.add(member))
    }

    pub fn add_item(&mut self, member: Item<'_>) -> bool {
        self.add_probe(&mut Probe::new(member))
    }

    pub fn add_probe(&mut self, member: &mut Probe<'_>) -> bool {
        self.change(|edit| edit.add_probe(member))
    }

    pub fn remove_probe(&mut self, member: &mut Probe<'_>) -> bool {
        self.change(|edit| edit.remove_probe(member))
    }

    /// Make an intset of members that are all integers, if so many may be one.
    pub fn pack_integers(&mut self) {
        let view = self.view();
        if self.packing == Packing::Integers && self.grown.is_none()
            || view.len() > self.limits.integers.min(INTEGERS_MAX)
        {
            return;
        }
        let integers: Option<Vec<i64>> = view.iter().map(Item::int).collect();
        let mut integers = integers.expect("all are integers");
        integers.sort_unstable();
        intset::create(&mut self.bytes);
        for int in integers {
            intset::insert(&mut self.bytes, int);
        }
        self.packing = Packing::Integers;
        self.grown = None;
    }

    pub fn view(&self) -> SetView<'_> {
        match &self.grown {
            Some(dict) => SetView::Large(dict),
            None => SetView::packed(self.packing, &self.bytes),
        }
    }

    /// The value in the form that it has.
    pub fn finish(self) -> NewValue<'static> {
        match self.grown {
            Some(dict) => NewValue::Large(Arc::new(Large::Set(*dict))),
            None => NewValue::PackedBlock(self.packing, Arc::new(self.bytes)),
        }
    }

    /// The same for a table, which copies what it keeps within an entry.
    pub fn put<R>(self, put: impl FnOnce(NewValue<'_>) -> R) -> R {
        match &self.grown {
            None if self.bytes.len() <= EMBEDDED_BYTES_MAX => {
                put(NewValue::Packed(self.packing, &self.bytes))
            }
            _ => put(self.finish()),
        }
    }
}
