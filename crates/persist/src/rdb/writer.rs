//! The writer: what a data set holds into the bytes of a stream.
//!
//! ```text
//!   preamble ─► function* ─► ( select_db ─► key* )* ─► finish
//!                                            │
//!                 begin_large ─► slice ─► slice ─► ...
//! ```
//!
//! The bytes gather in a buffer that the caller drains when it likes, so the writer waits for
//! nobody and a walk over a shard can encode under the lock and write after it. A string above
//! [`Writer::WHOLE_BYTES_MAX`] is written in slices: its length first, then its bytes as they come,
//! so it is never copied as a whole. Such strings are not compressed, because the compressed length
//! would have to be known before the first byte.
//!
//! Strings are written as Redis writes them: the text of a 32-bit integer as that integer; what is
//! longer than 20 bytes and shrinks, compressed; all else as it is.

use std::io::{self, Write};
use std::sync::Arc;

use base::Crc64;
use store::{Block, Entry, Large, Packing, SetView, StringView, ValueView};

use super::{VERSION, field, list, opcode, set, stream, zset};

/// How to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// [`VERSION`], [`super::VERSION_OF_REDIS_7_0`], or [`super::VERSION_OF_FIELD_DEADLINES`] where
    /// there are such ([`super::version_for`] knows).
    pub version: u16,
    /// `rdbcompression`.
    pub compress: bool,
    /// `rdbchecksum`.
    pub checksum: bool,
}

impl Default for WriteOptions {
    fn default() -> WriteOptions {
        WriteOptions {
            version: VERSION,
            compress: true,
            checksum: true,
        }
    }
}

/// What the fields at the beginning say.
#[derive(Clone, Debug, Default)]
pub struct Preamble<'a> {
    /// Unix time.
    pub created_secs: i64,
    pub used_memory_bytes: u64,
    /// The stream begins an append-only log, which goes on where it ends.
    pub is_log_base: bool,
    /// The place in the replication stream that this data set stands for.
    pub replication: Option<Replication<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replication<'a> {
    /// The database that the stream has selected; none if it has not selected one.
    pub database: Option<u32>,
    pub id: &'a [u8],
    pub offset: u64,
}

/// What an eviction policy knows of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    #[default]
    Unknown,
    IdleSecs(u64),
    Freq(u8),
}

/// What is left of a key to be written.
#[derive(Clone, Debug)]
pub enum Rest {
    /// The bytes of a string, through [`Writer::slice`].
    Text(Block),
    /// All of it, through [`Writer::large_key`].
    Large(Arc<Large>),
}

/// Writes a stream.
#[derive(Debug)]
pub struct Writer {
    options: WriteOptions,
    out: Vec<u8>,
    /// The checksum of what was drained and of `out` up to `crc_end`.
    crc: Crc64,
    crc_end: usize,
    drained_bytes: u64,
    /// Bytes of a large string that are still to come.
    slice_bytes_left: u64,
}

impl Writer {
    /// Longer strings are written in slices.
    pub const WHOLE_BYTES_MAX: usize = 64 << 10;

    /// Begins a stream with its header.
    pub fn new(options: WriteOptions) -> Writer {
        let mut out = Vec::new();
        write!(out, "REDIS{:04}", options.version).expect("a vector takes everything");
        Writer {
            options,
            out,
            crc: Crc64::new(),
            crc_end: 0,
            drained_bytes: 0,
            slice_bytes_left: 0,
        }
    }

    /// The fields that Redis writes, in its order. `redis-ver` is the release whose format this is.
    pub fn preamble(&mut self, preamble: &Preamble<'_>) {
        let release: &[u8] = match self.options.version {
            ..VERSION => b"7.0.15",
            VERSION => b"7.2.4",
            _ => b"7.4.0",
        };
        self.aux(b"redis-ver", release);
        self.aux(b"redis-bits", b"64");
        self.aux_number(b"ctime", preamble.created_secs);
        self.aux_number(b"used-mem", preamble.used_memory_bytes as i64);
        if let Some(replication) = &preamble.replication {
            let database = replication.database.map_or(-1, i64::from);
            self.aux_number(b"repl-stream-db", database);
            self.aux(b"repl-id", replication.id);
            self.aux_number(b"repl-offset", replication.offset as i64);
        }
        self.aux_number(b"aof-base", preamble.is_log_base.into());
    }

    /// A field. Readers pass over fields that they do not know.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.begin(opcode::AUX);
        self.string(name);
        self.string(value);
    }

    /// The source of a function library.
    pub fn function(&mut self, code: &[u8]) {
        self.begin(opcode::FUNCTION);
        self.string(code);
    }

    /// The keys that follow are in this database. The counts are hints.
    pub fn select_db(&mut self, database: u32, keys: u64, volatile: u64) {
        self.begin(opcode::SELECT_DB);
        write_length(&mut self.out, database.into());
        self.out.push(opcode::RESIZE_DB);
        write_length(&mut self.out, keys);
        write_length(&mut self.out, volatile);
    }

    /// A key and its value as they lie in the store.
    ///
    /// A value longer than [`Writer::WHOLE_BYTES_MAX`] is only begun: it is returned, and its bytes
    /// must follow through [`Writer::slice`] before anything else. A large collection is returned
    /// too, and nothing of it is written: [`Writer::large_key`] does that.
    #[must_use = "a value that is returned has still to be written"]
    pub fn entry(&mut self, entry: &Entry<'_>, usage: Usage) -> Option<Rest> {
        let (key, deadline_ms) = (entry.key(), entry.deadline_ms());
        let string = match entry.value() {
            ValueView::String(string) => string,
            ValueView::Packed(packing, packed) => {
                self.packed_key(key, deadline_ms, usage, packing, packed.bytes());
                return None;
            }
            ValueView::Large(large) => return Some(Rest::Large(large.share())),
        };
        match string {
            StringView::Int(number) => self.int_key(key, deadline_ms, usage, number),
            StringView::Bytes(bytes) => self.string_key(key, deadline_ms, usage, bytes),
            StringView::Block(block) if block.bytes().len() <= Writer::WHOLE_BYTES_MAX => {
                self.string_key(key, deadline_ms, usage, block.bytes());
            }
            StringView::Block(block) => {
                self.begin_large(key, deadline_ms, usage, block.bytes().len() as u64);
                return Some(Rest::Text(block.share()));
            }
        }
        None
    }

    /// A key with a small collection.
    pub fn packed_key(
        &mut self,
        key: &[u8],
        deadline_ms: Option<i64>,
        usage: Usage,
        packing: Packing,
        bytes: &[u8],
    ) {
        if packing == Packing::Set && self.options.version < VERSION {
            self.key(set::PLAIN_TYPE, key, deadline_ms, usage);
            let members = SetView::packed(packing, bytes);
            set::write_plain_whole(&mut self.out, members, self.options.compress);
            return;
        }
        self.key(packed_type(packing, bytes), key, deadline_ms, usage);
        write_packed(&mut self.out, packing, bytes, self.options.compress);
    }

    /// A key with a large collection. `drain` is called again and again on the way, to take what has
    /// gathered.
    pub fn large_key<E>(
        &mut self,
        key: &[u8],
        deadline_ms: Option<i64>,
        usage: Usage,
        large: &Large,
        drain: &mut dyn FnMut(&mut Writer) -> Result<(), E>,
    ) -> Result<(), E> {
        self.key(
            large_type(large, self.options.version),
            key,
            deadline_ms,
            usage,
        );
        let WriteOptions {
            version, compress, ..
        } = self.options;
        // The elements are written to where the rest is, and the checksum follows when it is drained.
        let mut out = std::mem::take(&mut self.out);
        let outcome = write_large(&mut out, large, version, compress, &mut |out| {
            if out.len() < Writer::WHOLE_BYTES_MAX {
                return Ok(());
            }
            std::mem::swap(&mut self.out, out);
            let drained = drain(self);
            std::mem::swap(&mut self.out, out);
            drained
        });
        self.out = out;
        outcome
    }

    /// A key with a string.
    pub fn string_key(&mut self, key: &[u8], deadline_ms: Option<i64>, usage: Usage, value: &[u8]) {
        self.key(STRING_TYPE, key, deadline_ms, usage);
        self.string(value);
    }

    /// A key with a string that is an integer.
    pub fn int_key(&mut self, key: &[u8], deadline_ms: Option<i64>, usage: Usage, value: i64) {
        self.key(STRING_TYPE, key, deadline_ms, usage);
        self.int(value);
    }

    /// A key with a string of so many bytes, which follow through [`Writer::slice`].
    pub fn begin_large(&mut self, key: &[u8], deadline_ms: Option<i64>, usage: Usage, bytes: u64) {
        self.key(STRING_TYPE, key, deadline_ms, usage);
        write_length(&mut self.out, bytes);
        self.slice_bytes_left = bytes;
    }

    /// The next bytes of a large string.
    ///
    /// # Panics
    /// If they are more than were announced.
    pub fn slice(&mut self, bytes: &[u8]) {
        let left = self.slice_bytes_left.checked_sub(bytes.len() as u64);
        self.slice_bytes_left = left.expect("a large string has the length that was announced");
        self.out.extend_from_slice(bytes);
    }

    /// The end and the checksum. Nothing may follow.
    pub fn finish(&mut self) {
        self.begin(opcode::END);
        self.feed_crc();
        let checksum = if self.options.checksum {
            self.crc.value()
        } else {
            0
        };
        self.out.extend_from_slice(&checksum.to_le_bytes());
        self.crc_end = self.out.len();
    }

    /// Bytes that wait to be drained.
    pub fn pending_bytes(&self) -> usize {
        self.out.len()
    }

    /// Length of the stream so far, drained or not.
    pub fn written_bytes(&self) -> u64 {
        self.drained_bytes + self.out.len() as u64
    }

    /// What has gathered. The buffer starts anew.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        self.exchange(Vec::new())
    }

    /// What has gathered. The buffer starts anew in this memory, which is empty.
    #[must_use]
    pub fn exchange(&mut self, empty: Vec<u8>) -> Vec<u8> {
        assert!(empty.is_empty());
        self.settle();
        std::mem::replace(&mut self.out, empty)
    }

    /// Write out what has gathered, and keep the buffer's room.
    pub fn drain_into(&mut self, mut to: impl Write) -> io::Result<()> {
        // Before the bytes are let go, so that a failed write leaves nothing half done.
        to.write_all(&self.out)?;
        self.settle();
        self.out.clear();
        Ok(())
    }

    fn settle(&mut self) {
        self.feed_crc();
        self.drained_bytes += self.out.len() as u64;
        self.crc_end = 0;
    }

    fn feed_crc(&mut self) {
        if self.options.checksum {
            self.crc.update(&self.out[self.crc_end..]);
        }
        self.crc_end = self.out.len();
    }

    fn begin(&mut self, opcode: u8) {
        assert_eq!(
            self.slice_bytes_left, 0,
            "a large string is whole before the next item"
        );
        self.out.push(opcode);
    }

    fn aux_number(&mut self, name: &[u8], value: i64) {
        self.begin(opcode::AUX);
        self.string(name);
        self.int(value);
    }

    fn key(&mut self, value_type: u8, key: &[u8], deadline_ms: Option<i64>, usage: Usage) {
        if let Some(deadline_ms) = deadline_ms {
            self.begin(opcode::DEADLINE_MS);
            self.out.extend_from_slice(&deadline_ms.to_le_bytes());
        }
        match usage {
            Usage::Unknown => {}
            Usage::IdleSecs(secs) => {
                self.begin(opcode::IDLE);
                write_length(&mut self.out, secs);
            }
            Usage::Freq(counter) => {
                self.begin(opcode::FREQ);
                self.out.push(counter);
            }
        }
        self.begin(value_type);
        self.string(key);
    }

    fn string(&mut self, bytes: &[u8]) {
        write_string(&mut self.out, bytes, self.options.compress);
    }

    fn int(&mut self, number: i64) {
        write_int(&mut self.out, number);
    }
}

/// The type byte of a string.
pub(super) const STRING_TYPE: u8 = 0;

/// The type byte of a small collection.
pub(super) fn packed_type(packing: Packing, bytes: &[u8]) -> u8 {
    match packing {
        Packing::List => 18,
        Packing::TimedHash if field::first_or_pairs(bytes).is_ok() => field::PACKED_TYPE,
        Packing::TimedHash => packed_type(Packing::Hash, bytes),
        Packing::Integers => 11,
        Packing::Hash => 16,
        Packing::SortedSet => 17,
        Packing::Set => 20,
    }
}

pub(super) fn large_type(large: &Large, version: u16) -> u8 {
    match large {
        Large::Hash(fields) if fields.volatile() > 0 => field::LARGE_TYPE,
        Large::List(_) => 18,
        Large::Set(_) => set::PLAIN_TYPE,
        Large::SortedSet(_) => 5,
        Large::Hash(_) => 4,
        Large::Stream(_) => stream::type_of(version),
    }
}

/// A small collection, behind its type.
pub(super) fn write_packed(out: &mut Vec<u8>, packing: Packing, bytes: &[u8], compress: bool) {
    match packing {
        Packing::List => list::write_small(out, bytes, compress),
        Packing::TimedHash => field::write_small(out, bytes, compress),
        _ => write_string(out, bytes, compress),
    }
}

/// The elements of a large collection, with their count before them. `drain` is called after each.
pub(super) fn write_large<E>(
    out: &mut Vec<u8>,
    large: &Large,
    version: u16,
    compress: bool,
    drain: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let fields = match large {
        Large::List(list) => return list::write_large(out, list, compress, drain),
        Large::Set(members) => {
            return set::write_plain(out, SetView::Large(members), compress, drain);
        }
        Large::SortedSet(zset) => return zset::write_large(out, zset, compress, drain),
        Large::Hash(fields) => fields,
        Large::Stream(stream) => return stream::write(out, stream, version, compress, drain),
    };
    if let Some(first_ms) = field::first_ms(fields) {
        return field::write_large(out, fields, first_ms, compress, drain);
    }
    write_length(out, fields.len() as u64);
    for item in fields.iter() {
        write_string(out, item.name, compress);
        write_string(out, item.value, compress);
        drain(out)?;
    }
    Ok(())
}

/// The longest text of a 32-bit integer.
const INT_TEXT_BYTES_MAX: usize = 11;
/// Shorter strings are not worth compressing.
const COMPRESSED_BYTES_MIN: usize = 21;
/// How much smaller a compressed string must be.
const SAVED_BYTES_MIN: usize = 4;

/// A string in the form that suits it.
#[inline]
pub(super) fn write_string(out: &mut Vec<u8>, bytes: &[u8], compress: bool) {
    let is_number = bytes
        .first()
        .is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'-'));
    if is_number && bytes.len() <= INT_TEXT_BYTES_MAX {
        let number = base::parse_i64(bytes);
        if let Some(number) = number.and_then(|number| i32::try_from(number).ok()) {
            return write_int32(out, number);
        }
    }
    if compress && bytes.len() >= COMPRESSED_BYTES_MIN {
        let packed = base::lzf::compress(bytes, bytes.len() - SAVED_BYTES_MIN);
        if let Some(packed) = packed {
            out.push(0xc3);
            write_length(out, packed.len() as u64);
            write_length(out, bytes.len() as u64);
            out.extend_from_slice(&packed);
            return;
        }
    }
    write_length(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// An integer, as text if it has more than 32 bits.
#[inline]
pub(super) fn write_int(out: &mut Vec<u8>, number: i64) {
    if let Ok(number) = i32::try_from(number) {
        return write_int32(out, number);
    }
    write_length(out, base::i64_len(number) as u64);
    base::write_i64(out, number);
}

fn write_int32(out: &mut Vec<u8>, number: i32) {
    if let Ok(number) = i8::try_from(number) {
        out.extend_from_slice(&[0xc0, number as u8]);
    } else if let Ok(number) = i16::try_from(number) {
        let [low, high] = number.to_le_bytes();
        out.extend_from_slice(&[0xc1, low, high]);
    } else {
        let [a, b, c, d] = number.to_le_bytes();
        out.extend_from_slice(&[0xc2, a, b, c, d]);
    }
}

/// A length in one, two, five or nine bytes.
#[inline]
pub(super) fn write_length(out: &mut Vec<u8>, len: u64) {
    match len {
        0..=0x3f => out.push(len as u8),
        0x40..=0x3fff => out.extend_from_slice(&[0x40 | (len >> 8) as u8, len as u8]),
        0x4000..=0xffff_ffff => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
}
