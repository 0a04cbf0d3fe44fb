//! A set of integers in one byte string: the intset of Redis, byte for byte.
//!
//! ```text
//!   width    count    members, ascending, each of `width` bytes, all little endian
//!   u32 LE   u32 LE
//!   02000000 03000000 feff 0500 0703
//! ```
//!
//! The width is 2, 4 or 8 bytes: what the widest member that was ever in it needs. A wider one
//! makes all of them wider; nothing makes them narrower.
//!
//! [`Intset`] looks at bytes that are known to be sound: they were made here or have passed
//! [`Intset::check`]. How large a set should get is for its owner to say.

#[cfg(test)]
mod tests;

use crate::flaw::Flaw;

const HEADER_BYTES: usize = 8;

/// A set without a member. Redis keeps none, so a check refuses it.
pub const EMPTY: [u8; HEADER_BYTES] = [2, 0, 0, 0, 0, 0, 0, 0];

/// Sound bytes, looked at as a set.
#[derive(Clone, Copy)]
pub struct Intset<'a> {
    bytes: &'a [u8],
}

/// How wide the members are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Two = 2,
    Four = 4,
    Eight = 8,
}

impl<'a> Intset<'a> {
    /// Bytes that are sound.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Intset<'a> {
        let set = Intset { bytes };
        debug_assert_eq!(bytes.len(), HEADER_BYTES + set.len() * set.width() as usize);
        set
    }

    /// The set, if its lengths are right and its members ascend.
    pub fn check(bytes: &'a [u8]) -> Result<Intset<'a>, Flaw> {
        if bytes.len() < HEADER_BYTES {
            return Err(Flaw::new(0, "an intset that is shorter than its header"));
        }
        if !matches!(word(bytes, 0), 2 | 4 | 8) {
            return Err(Flaw::new(0, "an intset of no known width"));
        }
        let set = Intset { bytes };
        let members = set.len() as u64 * set.width() as u64;
        if bytes.len() as u64 != HEADER_BYTES as u64 + members {
            return Err(Flaw::new(4, "an intset's count that is not its count"));
        }
        if set.is_empty() {
            return Err(Flaw::new(4, "an intset without a member"));
        }
        let later = set.iter().skip(1);
        match set.iter().zip(later).position(|(one, next)| one >= next) {
            None => Ok(set),
            Some(index) => {
                let at = HEADER_BYTES + (index + 1) * set.width() as usize;
                Err(Flaw::new(
                    at,
                    "an intset's member that is not above the one before",
                ))
            }
        }
    }

    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    pub fn len(self) -> usize {
        word(self.bytes, 4) as usize
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub fn contains(self, member: i64) -> bool {
        self.search(member).is_ok()
    }

    /// The member of this index, in ascending order.
    #[inline]
    pub fn get(self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.member(index))
    }

    /// A member that chance names, if there is one.
    pub fn random(self, rng: &mut base::Rng) -> Option<i64> {
        let len = self.len() as u64;
        (len > 0).then(|| self.member(rng.below(len) as usize))
    }

    /// Ascending.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + use<'a> {
        (0..self.len()).map(move |index| self.member(index))
    }

    /// Where a member is, or where it would be.
    fn search(self, member: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // New members are most often the greatest or the least.
        if high == 0 || member > self.member(high - 1) {
            return Err(high);
        }
        if member < self.member(0) {
            return Err(0);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.member(middle);
            if found == member {
                return Ok(middle);
            }
            if found < member {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Err(low)
    }

    #[inline]
    fn member(self, index: usize) -> i64 {
        self.width().load(&self.bytes[HEADER_BYTES..], index)
    }

    #[inline]
    fn width(self) -> Width {
        match self.bytes[0] {
            2 => Width::Two,
            4 => Width::Four,
            8 => Width::Eight,
            width => panic!("an intset of width {width}"),
        }
    }
}

/// Begin an empty set, whatever the vector held.
pub fn create(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend_from_slice(&EMPTY);
}

/// Put a member in; was it not there?
pub fn insert(bytes: &mut Vec<u8>, member: i64) -> bool {
    let set = Intset::new(bytes);
    let (width, len) = (set.width(), set.len());
    let needed = Width::of(member);
    if needed > width {
        // Wider than all members, so it is below or above all of them.
        widen(bytes, needed);
        let index = if member < 0 { 0 } else { len };
        insert_at(bytes, index, member);
        return true;
    }
    match set.search(member) {
        Ok(_) => false,
        Err(index) => {
            insert_at(bytes, index, member);
            true
        }
    }
}

/// Take a member out; was it there?
pub fn remove(bytes: &mut Vec<u8>, member: i64) -> bool {
    let set = Intset::new(bytes);
    let (width, len) = (set.width() as usize, set.len());
    let Ok(index) = set.search(member) else {
        return false;
    };
    let at = HEADER_BYTES + index * width;
    bytes.copy_within(at + width.., at);
    bytes.truncate(HEADER_BYTES + (len - 1) * width);
    set_len(bytes, len - 1);
    true
}

fn insert_at(bytes: &mut Vec<u8>, index: usize, member: i64) {
    let set = Intset::new(bytes);
    let (width, len) = (set.width() as usize, set.len());
    let (at, end) = (HEADER_BYTES + index * width, bytes.len());
    bytes.resize(end + width, 0);
    bytes.copy_within(at..end, at + width);
    bytes[at..at + width].copy_from_slice(&member.to_le_bytes()[..width]);
    set_len(bytes, len + 1);
}

/// Make all members wider, from the last one on, so that none is written over unread.
fn widen(bytes: &mut Vec<u8>, width: Width) {
    let set = Intset::new(bytes);
    let (old, len, new) = (set.width(), set.len(), width as usize);
    bytes.resize(HEADER_BYTES + len * new, 0);
    let members = &mut bytes[HEADER_BYTES..];
    for index in (0..len).rev() {
        let member = old.load(members, index);
        members[index * new..(index + 1) * new].copy_from_slice(&member.to_le_bytes()[..new]);
    }
    bytes[..4].copy_from_slice(&(new as u32).to_le_bytes());
}

fn set_len(bytes: &mut [u8], len: usize) {
    let len = u32::try_from(len).expect("a set of less than 4 G members");
    bytes[4..HEADER_BYTES].copy_from_slice(&len.to_le_bytes());
}

impl Width {
    fn of(member: i64) -> Width {
        if i16::try_from(member).is_ok() {
            Width::Two
        } else if i32::try_from(member).is_ok() {
            Width::Four
        } else {
            Width::Eight
        }
    }

    /// The member of this index among members of this width.
    #[inline]
    fn load(self, members: &[u8], index: usize) -> i64 {
        let of = |width: usize| &members[index * width..(index + 1) * width];
        let told = "a slice of the width";
        match self {
            Width::Two => i64::from(i16::from_le_bytes(of(2).try_into().expect(told))),
            Width::Four => i64::from(i32::from_le_bytes(of(4).try_into().expect(told))),
            Width::Eight => i64::from_le_bytes(of(8).try_into().expect(told)),
        }
    }
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
