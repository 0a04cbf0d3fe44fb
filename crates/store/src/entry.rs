//! One key and its value in one allocation, packed to the byte.
//!
//! ```text
//!   ┌────────┬──────────┬──────┬──────┬──────────┬─────┬───────┐
//!   │ header │ access   │ klen │ vlen │ deadline │ key │ value │
//!   │ 1      │ 3        │ 1..5 │ 1..5 │ 0 or 8   │klen │ vlen  │
//!   └────────┴──────────┴──────┴──────┴──────────┴─────┴───────┘
//!   header   tag:4 │ encoding:2 │ has deadline:1 │ save parity:1
//!   tag      the value's kind, and how it is packed (see `value`)
//!   access   seconds of the last access (LRU), or minutes:16 counter:8 (LFU)
//!   parity   differs from the table's while a snapshot has yet to save the entry
//! ```
//!
//! A string is kept in one of four encodings: an integer of 1, 2, 4 or 8
//! bytes; its bytes; its bytes with a mark that it was written to in place
//! (OBJECT ENCODING answers `raw` then, whatever its length); or, above
//! [`EMBEDDED_BYTES_MAX`], a counted reference to a [`Block`].
//!
//! A collection that is small is packed into bytes, which lie where those of a
//! string would: in the entry, or in a block. A large one is a counted
//! reference to a [`Large`].
//!
//! The only pointer to an entry is its slot in a bucket, so an entry may move
//! whenever it is convenient. [`EntryRef`] owns the allocation but frees it
//! only on request ([`EntryRef::free`]): buckets are plain memory.
//!
//! Invariants: lengths are canonical LEB128, at most five bytes; an integer's
//! width is the smallest that holds it; a block is longer than what is
//! embedded, or was and shrank in place, or has grown in place.

#![allow(unsafe_code)]

mod kinds;
mod payload;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use structs::processor::prefetch;

use crate::slab::Memory;
use crate::value::{Kind, Large, PackedView, Packing, STRING_TAG, ValueView};
use crate::{Access, Block};

pub use payload::NewValue;
pub(crate) use payload::Payload;

/// Strings up to this length lie inside their entry.
pub const EMBEDDED_BYTES_MAX: usize = 2048;

/// The longest string that OBJECT ENCODING calls `embstr`.
const EMBSTR_BYTES_MAX: usize = 44;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Bytes,
    Int,
    /// Bytes that were written to in place: of strings only.
    Raw,
    Block,
    /// Of collections only.
    Large,
}

impl Encoding {
    /// The two bits in the header.
    fn bits(self) -> u8 {
        match self {
            Encoding::Bytes => 0,
            Encoding::Int => 1,
            Encoding::Raw | Encoding::Large => 2,
            Encoding::Block => 3,
        }
    }
}

/// A string as it is kept.
#[derive(Clone, Copy, Debug)]
pub enum StringView<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Block(BlockView<'a>),
}

/// Something counted that an entry refers to, borrowed. The pointer to it lies
/// unaligned in its entry, so this holds a copy of the pointer rather than a
/// reference to the `Arc`.
#[derive(Debug)]
pub struct Counted<'a, T> {
    raw: *const T,
    _lives: PhantomData<&'a T>,
}

/// A borrowed block.
pub type BlockView<'a> = Counted<'a, Vec<u8>>;
/// A borrowed large collection.
pub type LargeView<'a> = Counted<'a, Large>;

impl<T> Clone for Counted<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Counted<'_, T> {}

impl<'a, T> Counted<'a, T> {
    pub fn get(&self) -> &'a T {
        // SAFETY: the entry holds a count of it for 'a.
        unsafe { &*self.raw }
    }

    /// One more reference to it.
    pub fn share(&self) -> Arc<T> {
        // SAFETY: `raw` comes from `Arc::into_raw`, and the entry's count keeps
        // it alive while another is added.
        unsafe {
            Arc::increment_strong_count(self.raw);
            Arc::from_raw(self.raw)
        }
    }
}

impl<'a> BlockView<'a> {
    pub fn bytes(&self) -> &'a Vec<u8> {
        self.get()
    }
}

/// A borrowed entry: everything there is to know about a key.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    at: EntryRef,
    _lives: PhantomData<&'a [u8]>,
}

impl<'a> Entry<'a> {
    pub(crate) fn of(at: EntryRef) -> Entry<'a> {
        Entry {
            at,
            _lives: PhantomData,
        }
    }

    pub(crate) fn entry_ref(&self) -> EntryRef {
        self.at
    }

    #[inline]
    pub fn kind(&self) -> Kind {
        Kind::of_tag(self.at.tag())
    }

    #[inline]
    pub fn is_string(&self) -> bool {
        self.at.tag() == STRING_TAG
    }

    #[inline]
    pub fn key(&self) -> &'a [u8] {
        let parts = self.at.parts();
        // SAFETY: `parts` comes from this entry's own header, and the entry is
        // borrowed for 'a.
        unsafe { self.at.slice(parts.key_start, parts.key_len) }
    }

    /// Milliseconds of Unix time after which the key is gone.
    #[inline]
    pub fn deadline_ms(&self) -> Option<i64> {
        self.at.deadline_ms()
    }

    /// Is the deadline behind `now_ms`? Redis lets a key live through its last
    /// millisecond.
    #[inline]
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.deadline_ms().is_some_and(|deadline| now_ms > deadline)
    }

    pub fn access(&self) -> Access {
        self.at.access()
    }

    /// The value of an entry that is known to hold a string.
    #[inline]
    pub fn string(&self) -> StringView<'a> {
        assert!(self.is_string(), "a string was asked for");
        let value = self.value_bytes();
        match self.at.encoding() {
            Encoding::Bytes | Encoding::Raw => StringView::Bytes(value),
            Encoding::Int => StringView::Int(read_int(value)),
            Encoding::Block => StringView::Block(self.block()),
            Encoding::Large => unreachable!("no string is a large collection"),
        }
    }

    /// The value, whatever it is.
    pub fn value(&self) -> ValueView<'a> {
        if self.is_string() {
            return ValueView::String(self.string());
        }
        let packed = match self.at.encoding() {
            Encoding::Large => {
                return ValueView::Large(Counted {
                    raw: self.at.large_slot().0,
                    _lives: PhantomData,
                });
            }
            Encoding::Block => PackedView::Block(self.block()),
            Encoding::Bytes | Encoding::Int | Encoding::Raw => {
                PackedView::Bytes(self.value_bytes())
            }
        };
        ValueView::Packed(Packing::of_tag(self.at.tag()), packed)
    }

    /// The bytes of a small collection.
    pub(crate) fn packed_bytes(&self) -> &'a [u8] {
        match self.value() {
            ValueView::Packed(_, packed) => packed.bytes(),
            _ => panic!("a small collection was asked for"),
        }
    }

    #[inline]
    fn value_bytes(&self) -> &'a [u8] {
        let parts = self.at.parts();
        // SAFETY: as in `key`.
        unsafe { self.at.slice(parts.value_start(), parts.value_len) }
    }

    fn block(&self) -> BlockView<'a> {
        Counted {
            raw: self.at.block_slot().0,
            _lives: PhantomData,
        }
    }

    /// The name that OBJECT ENCODING answers.
    pub fn encoding_name(&self) -> &'static str {
        let string = match self.value() {
            ValueView::String(string) => string,
            ValueView::Packed(packing, _) => return packing.encoding_name(),
            ValueView::Large(large) => return large.get().encoding_name(),
        };
        match (self.at.encoding(), string.len()) {
            (Encoding::Int, _) => "int",
            (Encoding::Bytes, 0..=EMBSTR_BYTES_MAX) => "embstr",
            _ => "raw",
        }
    }

    /// Bytes that this key occupies, a block of its own included.
    pub fn memory_bytes(&self) -> usize {
        self.at.memory_bytes()
    }

    /// How many hold the value: more than one after COPY or while it is sent.
    pub fn reference_count(&self) -> usize {
        match self.value() {
            ValueView::String(StringView::Block(block))
            | ValueView::Packed(_, PackedView::Block(block)) => {
                Arc::strong_count(&block.share()) - 1
            }
            ValueView::Large(large) => Arc::strong_count(&large.share()) - 1,
            _ => 1,
        }
    }
}

/// The address of an entry, as a bucket keeps it. Copying it copies the
/// address; exactly one bucket slot (or one `Detached`) owns what is behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryRef(NonNull<u8>);

// SAFETY: an entry has one owner, and what it points to (bytes, an Arc) may be
// used from any thread.
unsafe impl Send for EntryRef {}
// SAFETY: shared access only reads.
unsafe impl Sync for EntryRef {}

/// Where things lie in an entry.
#[derive(Clone, Copy)]
struct Parts {
    /// Byte after the lengths: the deadline, or the key if there is none.
    lengths_end: usize,
    key_start: usize,
    key_len: usize,
    value_len: usize,
}

impl Parts {
    fn value_start(&self) -> usize {
        self.key_start + self.key_len
    }

    fn end(&self) -> usize {
        self.value_start() + self.value_len
    }
}

const LENGTHS_START: usize = 4;
const DEADLINE_BYTES: usize = 8;
const HAS_DEADLINE: u8 = 0b0000_0010;
const PARITY: u8 = 0b0000_0001;
const ENCODING_SHIFT: u32 = 2;
const TAG_SHIFT: u32 = 4;
const POINTER_BYTES: usize = size_of::<*const Vec<u8>>();

impl EntryRef {
    /// An entry of its own allocation.
    pub(crate) fn new(
        memory: &mut impl Memory,
        key: &[u8],
        payload: Payload<'_>,
        deadline_ms: Option<i64>,
        access: Access,
        parity: bool,
    ) -> EntryRef {
        let mut lengths = [0u8; 10];
        let mut used = write_length(&mut lengths, key.len());
        used += write_length(&mut lengths[used..], payload.len());
        let deadline_bytes = deadline_ms.map_or(0, |_| DEADLINE_BYTES);
        let key_start = LENGTHS_START + used + deadline_bytes;
        let value_start = key_start + key.len();
        let entry = EntryRef(memory.allocate(rounded(value_start + payload.len())));
        // SAFETY: all writes stay within what was just allocated.
        unsafe {
            let at = entry.0;
            let start = at.as_ptr();
            *start = payload.tag() << TAG_SHIFT
                | payload.encoding().bits() << ENCODING_SHIFT
                | if deadline_ms.is_some() {
                    HAS_DEADLINE
                } else {
                    0
                }
                | if parity { PARITY } else { 0 };
            entry.set_access(access);
            start.add(LENGTHS_START).copy_from(lengths.as_ptr(), used);
            if let Some(deadline_ms) = deadline_ms {
                let bytes = deadline_ms.to_le_bytes();
                start
                    .add(LENGTHS_START + used)
                    .copy_from(bytes.as_ptr(), DEADLINE_BYTES);
            }
            start.add(key_start).copy_from(key.as_ptr(), key.len());
            match payload {
                Payload::Int(bytes, width) => {
                    start.add(value_start).copy_from(bytes.as_ptr(), width);
                }
                Payload::Bytes(_, bytes) | Payload::Packed(_, bytes) => {
                    start
                        .add(value_start)
                        .copy_from(bytes.as_ptr(), bytes.len());
                }
                Payload::Block(block) | Payload::PackedBlock(_, block) => {
                    let slot = start.add(value_start).cast::<*const Vec<u8>>();
                    slot.write_unaligned(Arc::into_raw(block));
                }
                Payload::Large(large) => {
                    let slot = start.add(value_start).cast::<*const Large>();
                    slot.write_unaligned(Arc::into_raw(large));
                }
            }
            entry
        }
    }

    pub(crate) fn as_ptr(self) -> *const u8 {
        self.0.as_ptr()
    }

    /// Ask for the lines that a lookup will read.
    #[inline]
    pub(crate) fn prefetch(address: *const u8) {
        prefetch(address);
        prefetch(address.wrapping_add(64));
    }

    #[inline]
    fn header(self) -> u8 {
        // SAFETY: an entry has at least six bytes.
        unsafe { *self.0.as_ptr() }
    }

    #[inline]
    fn encoding(self) -> Encoding {
        match self.header() >> ENCODING_SHIFT & 3 {
            0 => Encoding::Bytes,
            1 => Encoding::Int,
            2 if self.tag() == STRING_TAG => Encoding::Raw,
            2 => Encoding::Large,
            _ => Encoding::Block,
        }
    }

    #[inline]
    fn tag(self) -> u8 {
        self.header() >> TAG_SHIFT
    }

    #[inline]
    fn parts(self) -> Parts {
        // SAFETY: the two bytes of the shortest lengths are always there.
        let (klen, vlen) = unsafe {
            let at = self.0.as_ptr().add(LENGTHS_START);
            (*at, *at.add(1))
        };
        let deadline = (self.header() & HAS_DEADLINE != 0) as usize * DEADLINE_BYTES;
        if (klen | vlen) & 0x80 == 0 {
            return Parts {
                lengths_end: LENGTHS_START + 2,
                key_start: LENGTHS_START + 2 + deadline,
                key_len: klen as usize,
                value_len: vlen as usize,
            };
        }
        self.long_parts(deadline)
    }

    fn long_parts(self, deadline: usize) -> Parts {
        let mut at = LENGTHS_START;
        // SAFETY: `build` wrote two lengths here.
        let mut next = || unsafe {
            let (len, used) = read_length(self.0.as_ptr().add(at));
            at += used;
            len
        };
        let (key_len, value_len) = (next(), next());
        Parts {
            lengths_end: at,
            key_start: at + deadline,
            key_len,
            value_len,
        }
    }

    /// # Safety
    /// The range must lie within the entry, and the entry must live for 'a.
    unsafe fn slice<'a>(self, start: usize, len: usize) -> &'a [u8] {
        // SAFETY: by the caller's promise.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().add(start), len) }
    }

    /// Is this the entry of `key`?
    #[inline]
    pub(crate) fn is_for(self, key: &[u8]) -> bool {
        let parts = self.parts();
        // SAFETY: the range comes from the entry's header and is only compared.
        parts.key_len == key.len() && unsafe { self.slice(parts.key_start, parts.key_len) } == key
    }

    pub(crate) fn access(self) -> Access {
        let mut bytes = [0u8; 4];
        // SAFETY: bytes 1 to 3 of the entry.
        unsafe { bytes.as_mut_ptr().copy_from(self.0.as_ptr().add(1), 3) };
        Access::of_bits(u32::from_le_bytes(bytes))
    }

    pub(crate) fn set_access(self, access: Access) {
        let bytes = access.bits().to_le_bytes();
        // SAFETY: bytes 1 to 3 of the entry.
        unsafe { self.0.as_ptr().add(1).copy_from(bytes.as_ptr(), 3) };
    }

    #[inline]
    pub(crate) fn deadline_ms(self) -> Option<i64> {
        if self.header() & HAS_DEADLINE == 0 {
            return None;
        }
        let mut bytes = [0u8; DEADLINE_BYTES];
        let at = self.parts().lengths_end;
        // SAFETY: with the flag set, eight bytes of deadline follow the lengths.
        unsafe {
            bytes
                .as_mut_ptr()
                .copy_from(self.0.as_ptr().add(at), DEADLINE_BYTES);
        }
        Some(i64::from_le_bytes(bytes))
    }

    /// Change the deadline in place if the entry keeps its shape.
    pub(crate) fn try_set_deadline(self, deadline_ms: Option<i64>) -> bool {
        match deadline_ms {
            Some(deadline_ms) if self.header() & HAS_DEADLINE != 0 => {
                let bytes = deadline_ms.to_le_bytes();
                let at = self.parts().lengths_end;
                // SAFETY: as in `deadline_ms`.
                unsafe {
                    self.0
                        .as_ptr()
                        .add(at)
                        .copy_from(bytes.as_ptr(), DEADLINE_BYTES);
                }
                true
            }
            Some(_) => false,
            None => self.header() & HAS_DEADLINE == 0,
        }
    }

    /// Replace the value in place if the new one fits the same allocation and
    /// the same header.
    #[inline]
    pub(crate) fn try_set(self, payload: &Payload<'_>, deadline_ms: Option<i64>) -> bool {
        let bytes = match payload {
            Payload::Int(bytes, width) => &bytes[..*width],
            Payload::Bytes(_, bytes) | Payload::Packed(_, bytes) => bytes,
            Payload::Block(_) | Payload::PackedBlock(..) | Payload::Large(_) => return false,
        };
        let parts = self.parts();
        let end = parts.value_start() + bytes.len();
        if self.owns_more()
            || deadline_ms.is_some() != (self.header() & HAS_DEADLINE != 0)
            || length_bytes(bytes.len()) != length_bytes(parts.value_len)
            || rounded(end) != rounded(parts.end())
        {
            return false;
        }
        // SAFETY: the allocation has `rounded(end)` bytes, and the length
        // field keeps its width.
        unsafe {
            let start = self.0.as_ptr();
            let field = start.add(LENGTHS_START + length_bytes(parts.key_len));
            if bytes.len() < 0x80 {
                *field = bytes.len() as u8;
            } else {
                let mut length = [0u8; 5];
                let used = write_length(&mut length, bytes.len());
                field.copy_from(length.as_ptr(), used);
            }
            start
                .add(parts.value_start())
                .copy_from(bytes.as_ptr(), bytes.len());
        }
        self.set_form(payload.tag(), payload.encoding());
        let fits = self.try_set_deadline(deadline_ms);
        debug_assert!(fits);
        true
    }

    fn set_form(self, tag: u8, encoding: Encoding) {
        let rest = self.header() & ((1 << ENCODING_SHIFT) - 1);
        let header = tag << TAG_SHIFT | encoding.bits() << ENCODING_SHIFT | rest;
        // SAFETY: the first byte of the entry.
        unsafe { *self.0.as_ptr() = header };
    }

    /// The bytes in a block are packed in another way now.
    pub(crate) fn repack(self, packing: Packing) {
        debug_assert!(self.encoding() == Encoding::Block && self.tag() != STRING_TAG);
        self.set_form(packing.tag(), Encoding::Block);
    }

    /// The bytes of a string that can be written in place. `None` for integers.
    /// A shared block is copied first. Marks the string as written to.
    pub(crate) fn bytes_mut<'a>(self) -> Option<&'a mut [u8]> {
        assert!(self.tag() == STRING_TAG, "a string was asked for");
        match self.encoding() {
            Encoding::Int | Encoding::Large => None,
            Encoding::Bytes | Encoding::Raw => {
                self.set_form(STRING_TAG, Encoding::Raw);
                let parts = self.parts();
                // SAFETY: the value's range, from the entry's header. The shard
                // that owns the entry is borrowed mutably by every caller.
                Some(unsafe {
                    std::slice::from_raw_parts_mut(
                        self.0.as_ptr().add(parts.value_start()),
                        parts.value_len,
                    )
                })
            }
            Encoding::Block => self.with_block(|block| {
                let bytes: *mut [u8] = Arc::make_mut(block).as_mut_slice();
                // SAFETY: the vector's memory stays where it is while nobody
                // else writes to the entry, and the caller holds it mutably.
                Some(unsafe { &mut *bytes })
            }),
        }
    }

    /// Change a block in place; the entry keeps its address.
    pub(crate) fn modify_block<R>(self, change: impl FnOnce(&mut Vec<u8>) -> R) -> Option<R> {
        (self.encoding() == Encoding::Block)
            .then(|| self.with_block(|block| change(Arc::make_mut(block))))
    }

    /// Change a large collection, or a copy if it is shared, and say what it took and takes.
    pub(crate) fn modify_large<R>(self, change: impl FnOnce(&mut Large) -> R) -> (R, [usize; 2]) {
        assert!(self.encoding() == Encoding::Large);
        let measured = |large: &mut Arc<Large>| {
            let before = large.memory_bytes();
            (change(Arc::make_mut(large)), [before, large.memory_bytes()])
        };
        // SAFETY: with this encoding the value is a `Large`.
        unsafe { self.with_counted(measured) }
    }

    pub(crate) fn with_block<R>(self, change: impl FnOnce(&mut Block) -> R) -> R {
        assert!(self.encoding() == Encoding::Block);
        // SAFETY: with this encoding the value is a block.
        unsafe { self.with_counted(change) }
    }

    /// Lend the entry's reference to what it owns, and keep what it becomes.
    ///
    /// # Safety
    /// The value must be a pointer from `Arc::<T>::into_raw`.
    unsafe fn with_counted<T, R>(self, change: impl FnOnce(&mut Arc<T>) -> R) -> R {
        struct PutBack<T>(Option<Arc<T>>, *mut *const T);
        impl<T> Drop for PutBack<T> {
            fn drop(&mut self) {
                let raw = Arc::into_raw(self.0.take().expect("set at birth"));
                // SAFETY: the value's eight bytes in the entry.
                unsafe { self.1.write_unaligned(raw) };
            }
        }
        // SAFETY: by the caller's promise.
        let (raw, slot) = unsafe { self.counted_slot::<T>() };
        // SAFETY: the entry's count is lent as an Arc, and put back by the
        // guard even should `change` unwind.
        let mut lent = PutBack(Some(unsafe { Arc::from_raw(raw) }), slot);
        change(lent.0.as_mut().expect("set at birth"))
    }

    /// The pointer to the block, and where in the entry it lies.
    fn block_slot(self) -> (*const Vec<u8>, *mut *const Vec<u8>) {
        assert!(self.encoding() == Encoding::Block);
        // SAFETY: with this encoding the value is a block.
        unsafe { self.counted_slot() }
    }

    fn large_slot(self) -> (*const Large, *mut *const Large) {
        assert!(self.encoding() == Encoding::Large);
        // SAFETY: with this encoding the value is a `Large`.
        unsafe { self.counted_slot() }
    }

    /// # Safety
    /// The value must be a pointer from `Arc::<T>::into_raw`.
    unsafe fn counted_slot<T>(self) -> (*const T, *mut *const T) {
        let at = self.parts().value_start();
        // SAFETY: by the caller's promise.
        unsafe {
            let slot = self.0.as_ptr().add(at).cast::<*const T>();
            (slot.read_unaligned(), slot)
        }
    }

    #[inline]
    pub(crate) fn parity(self) -> bool {
        self.header() & PARITY != 0
    }

    pub(crate) fn set_parity(self, parity: bool) {
        let header = self.header() & !PARITY | u8::from(parity);
        // SAFETY: the first byte of the entry.
        unsafe { *self.0.as_ptr() = header };
    }

    /// The entry's own allocation, without a block or a large collection.
    pub(crate) fn own_bytes(self) -> usize {
        rounded(self.parts().end())
    }

    pub(crate) fn memory_bytes(self) -> usize {
        const COUNTS_BYTES: usize = 2 * size_of::<usize>();
        let owned = match self.encoding() {
            Encoding::Bytes | Encoding::Int | Encoding::Raw => 0,
            Encoding::Block => {
                // SAFETY: the entry's own count keeps the block alive.
                let capacity = unsafe { (*self.block_slot().0).capacity() };
                capacity + size_of::<Vec<u8>>() + COUNTS_BYTES
            }
            Encoding::Large => {
                // SAFETY: the entry's own count keeps it alive.
                let pages = unsafe { (*self.large_slot().0).memory_bytes() };
                pages + size_of::<Large>() + COUNTS_BYTES
            }
        };
        self.own_bytes() + owned
    }

    /// A second entry for `key` with the same value; large ones are shared.
    pub(crate) fn copy_as(
        self,
        memory: &mut impl Memory,
        key: &[u8],
        deadline_ms: Option<i64>,
        access: Access,
    ) -> EntryRef {
        let payload = match Entry::of(self).value() {
            ValueView::String(StringView::Int(value)) => Payload::int(value),
            ValueView::String(StringView::Bytes(bytes)) => Payload::Bytes(self.encoding(), bytes),
            ValueView::String(StringView::Block(block)) => Payload::Block(block.share()),
            ValueView::Packed(packing, PackedView::Bytes(bytes)) => Payload::Packed(packing, bytes),
            ValueView::Packed(packing, PackedView::Block(block)) => {
                Payload::PackedBlock(packing, block.share())
            }
            ValueView::Large(large) => Payload::Large(large.share()),
        };
        EntryRef::new(memory, key, payload, deadline_ms, access, self.parity())
    }

    /// Let go of the block or the large collection, if there is one, without
    /// freeing the entry.
    pub(crate) fn release_owned(self) {
        // SAFETY: the entry owns one count, put there by `Arc::into_raw`.
        unsafe {
            match self.encoding() {
                Encoding::Bytes | Encoding::Int | Encoding::Raw => {}
                Encoding::Block => drop(Arc::from_raw(self.block_slot().0)),
                Encoding::Large => drop(Arc::from_raw(self.large_slot().0)),
            }
        }
    }

    /// Does this entry own anything outside of its allocation?
    #[inline]
    pub(crate) fn owns_more(self) -> bool {
        matches!(self.encoding(), Encoding::Block | Encoding::Large)
    }

    /// Give the memory back to where it came from. The reference must not be
    /// used after it.
    pub(crate) fn free(self, memory: &mut impl Memory) {
        self.free_but_large(memory);
    }

    /// The same, but a large collection is handed out.
    pub(crate) fn free_but_large(self, memory: &mut impl Memory) -> Option<Arc<Large>> {
        let (bytes, is_large) = (self.own_bytes(), self.encoding() == Encoding::Large);
        // SAFETY: the entry's count, put there by `Arc::into_raw`, becomes this one.
        let large = is_large.then(|| unsafe { Arc::from_raw(self.large_slot().0) });
        if !is_large {
            self.release_owned();
        }
        // SAFETY: allocated by `new` from the same memory: a table frees what
        // it allocated, and what lies between tables is the heap's.
        unsafe { memory.release(self.0, bytes) };
        large
    }
}

#[inline]
fn read_int(bytes: &[u8]) -> i64 {
    match *bytes {
        [a] => i64::from(a as i8),
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        _ => i64::from_le_bytes(bytes.try_into().expect("an integer has 1, 2, 4 or 8 bytes")),
    }
}

/// Entries come in steps of eight bytes.
#[inline]
fn rounded(bytes: usize) -> usize {
    bytes.next_multiple_of(8)
}

fn length_bytes(len: usize) -> usize {
    match len {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        0x20_0000..=0xfff_ffff => 4,
        _ => 5,
    }
}

fn write_length(out: &mut [u8], mut len: usize) -> usize {
    debug_assert!(len <= u32::MAX as usize);
    let mut used = 0;
    while len >= 0x80 {
        out[used] = len as u8 | 0x80;
        len >>= 7;
        used += 1;
    }
    out[used] = len as u8;
    used + 1
}

/// # Safety
/// A length written by [`write_length`] must lie at `at`.
unsafe fn read_length(at: *const u8) -> (usize, usize) {
    let (mut len, mut used) = (0, 0);
    loop {
        // SAFETY: by the caller's promise a byte without the high bit follows.
        let byte = unsafe { *at.add(used) };
        len |= (byte as usize & 0x7f) << (7 * used);
        used += 1;
        if byte & 0x80 == 0 {
            return (len, used);
        }
    }
}
