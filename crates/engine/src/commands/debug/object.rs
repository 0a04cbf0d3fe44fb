//! DEBUG OBJECT: how a value is kept, in one line.
//!
//! `serializedlength` is the number of bytes that the value would take in an
//! RDB file written now: a small integer, also one that is kept as text, as 2,
//! 3 or 5 bytes; other strings as a length and their bytes, compressed if
//! `rdbcompression` is on and the string longer than twenty bytes and the
//! result shorter. Another compressor may find a few bytes more or less.

mod list;

use std::sync::Arc;

use base::lzf;
use resp::{Block, Reply};
use store::{
    Entry, HashForm, HashView, Item, Large, PackedView, Packing, SetView, StringView, ValueView,
    ZSetView,
};
use structs::stream::{Stream, StreamId};

use crate::args::Args;
use crate::config::Value;
use crate::ctx::{Ctx, is_lfu};
use crate::error::CommandError;

pub(super) fn object(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let compressing = ctx.config().value("rdbcompression") == Some(&Value::Bool(true));
    let (now_secs, database) = (ctx.now.unix_secs(), ctx.session.database);
    let counts_uses = is_lfu(ctx.config().live.maxmemory_policy);

    let integer = |name| match ctx.config().value(name) {
        Some(Value::Integer(number)) => *number,
        _ => 0,
    };
    let listpack_max = integer("list-max-listpack-size");
    let compress_depth = integer("list-compress-depth");

    // The key as it lies there: not used, and found though it may have expired.
    let index = ctx.engine.shards.of(key.hash);
    let table = ctx.enter_shard(index).keys.database(database);
    let slot = table.find(&key).ok_or(CommandError::NoSuchKey)?;
    let entry = table.entry(slot);
    let access = entry.access();
    let idle_secs = match counts_uses {
        false => access.idle_secs(now_secs),
        true => 60 * u32::from(access.idle_minutes(now_secs)),
    };
    let mut line = format!(
        "Value at:{:p} refcount:{} encoding:{} serializedlength:",
        entry.key().as_ptr(),
        entry.reference_count(),
        entry.encoding_name(),
    );
    let of_nodes = list::nodes_of(entry, listpack_max, compress_depth);
    let serialized_bytes = match Measured::of(entry, compressing) {
        Measured::Done(bytes) => bytes,
        // Compressing half a gigabyte takes seconds: not inside of the shard.
        Measured::String(block) => {
            ctx.leave_shards();
            string_bytes(&block, compressing)
        }
        Measured::Large(large) => {
            ctx.leave_shards();
            large_bytes(&large, compressing)
        }
    };
    line.push_str(&format!(
        "{serialized_bytes} lru:{} lru_seconds_idle:{idle_secs}",
        access.bits()
    ));
    line.push_str(&of_nodes);
    reply.simple(&line);
    Ok(())
}

/// The length of a value in an RDB file, or what is left to be measured.
enum Measured {
    Done(usize),
    /// A string, or what a small collection is packed into.
    String(Block),
    Large(Arc<Large>),
}

impl Measured {
    fn of(entry: Entry<'_>, compressing: bool) -> Measured {
        match entry.value() {
            ValueView::String(StringView::Int(value)) => Measured::Done(integer_bytes(value)),
            ValueView::Packed(Packing::List, packed) => {
                Measured::Done(list::small_bytes(packed.bytes(), compressing))
            }
            ValueView::Packed(Packing::TimedHash, packed) => {
                Measured::Done(DEADLINE_BYTES + string_bytes(packed.bytes(), compressing))
            }
            ValueView::String(StringView::Bytes(bytes))
            | ValueView::Packed(_, PackedView::Bytes(bytes)) => {
                Measured::Done(string_bytes(bytes, compressing))
            }
            ValueView::String(StringView::Block(block))
            | ValueView::Packed(_, PackedView::Block(block)) => Measured::String(block.share()),
            ValueView::Large(large) => Measured::Large(large.share()),
        }
    }
}

/// An integer: a byte that says how wide, and the integer; from 33 bits on its digits.
fn integer_bytes(value: i64) -> usize {
    if i8::try_from(value).is_ok() {
        2
    } else if i16::try_from(value).is_ok() {
        3
    } else if i32::try_from(value).is_ok() {
        5
    } else {
        1 + base::i64_len(value)
    }
}

fn string_bytes(bytes: &[u8], compressing: bool) -> usize {
    /// The digits and sign of 32 bits.
    const INTEGER_MAX: usize = 11;
    const COMPRESSED_MIN: usize = 21;
    /// What a compressed string has beside its length and bytes, or a little more.
    const OVERHEAD: usize = 4;

    if bytes.len() <= INTEGER_MAX
        && let Some(value) = base::parse_i64(bytes)
        && i32::try_from(value).is_ok()
    {
        return integer_bytes(value);
    }
    let plain = length_bytes(bytes.len()) + bytes.len();
    if !compressing || bytes.len() < COMPRESSED_MIN {
        return plain;
    }
    match lzf::compress(bytes, bytes.len() - OVERHEAD) {
        Some(packed) => 1 + length_bytes(packed.len()) + length_bytes(bytes.len()) + packed.len(),
        None => plain,
    }
}

/// A count, and what is in it.
fn large_bytes(large: &Large, compressing: bool) -> usize {
    let item_bytes = |item: Item<'_>| match item {
        Item::Int(value) => integer_bytes(value),
        Item::Bytes(bytes) => string_bytes(bytes, compressing),
    };
    let fields = match large {
        Large::List(list) => return list::large_bytes(list, compressing),
        Large::Set(members) => {
            let members = SetView::Large(members);
            return length_bytes(members.len()) + members.iter().map(item_bytes).sum::<usize>();
        }
        Large::SortedSet(zset) => {
            let members = ZSetView::Large(zset).iter();
            let members = members.map(|(member, _)| item_bytes(member) + size_of::<f64>());
            return length_bytes(zset.len()) + members.sum::<usize>();
        }
        Large::Hash(fields) => HashView::new(HashForm::Large(fields)),
        Large::Stream(stream) => return stream_bytes(stream, compressing),
    };
    let pairs = fields
        .iter()
        .map(|(field, value)| item_bytes(field) + item_bytes(value));
    length_bytes(fields.len()) + pairs.sum::<usize>() + deadlines_bytes(fields)
}

/// The first deadline in a file, as it is.
const DEADLINE_BYTES: usize = 8;

/// The first, and how much later each is.
fn deadlines_bytes(fields: HashView<'_>) -> usize {
    let deadlines = || fields.fields().map(|field| field.deadline_ms);
    let Some(first_ms) = deadlines().flatten().min() else {
        return 0;
    };
    let distance = |ms: i64| (ms - first_ms + 1) as usize;
    let each = deadlines().map(|ms| length_bytes(ms.map_or(0, distance)));
    DEADLINE_BYTES + each.sum::<usize>()
}

/// Nodes with their ids, what the stream knows about itself, and its groups.
fn stream_bytes(stream: &Stream, compressing: bool) -> usize {
    /// An id where it is not written as two lengths.
    const ID_BYTES: usize = 16;
    const TIME_BYTES: usize = 8;

    let number = |number: u64| length_bytes(number as usize);
    let id_bytes = |id: StreamId| number(id.ms) + number(id.seq);
    let nodes = stream
        .nodes()
        .map(|(_, node)| 1 + ID_BYTES + string_bytes(node, compressing));
    let marks = stream.marks();
    let ids = [marks.last_id, marks.first_id, marks.max_deleted_id];
    let mut bytes = length_bytes(stream.node_count()) + nodes.sum::<usize>();
    bytes += number(marks.len) + ids.into_iter().map(id_bytes).sum::<usize>();
    bytes += number(marks.entries_added) + length_bytes(stream.groups().len());
    for group in stream.groups() {
        bytes += string_bytes(group.name(), compressing);
        bytes += id_bytes(group.last_delivered_id());
        bytes += number(group.entries_read().unwrap_or(u64::MAX));
        let pending = group.pending();
        bytes += length_bytes(pending.len());
        for (_, pending) in pending.iter_from(StreamId::MIN) {
            bytes += ID_BYTES + TIME_BYTES + number(pending.deliveries);
        }
        bytes += length_bytes(group.consumers().len());
        for (_, consumer) in group.consumers() {
            let own = consumer.pending_len();
            bytes += string_bytes(consumer.name(), compressing) + 2 * TIME_BYTES;
            bytes += length_bytes(own) + own * ID_BYTES;
        }
    }
    bytes
}

/// The bytes of a length: 6 bits, 14 bits, or a mark and 32 or 64 bits.
fn length_bytes(len: usize) -> usize {
    match len {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..=0xffff_ffff => 5,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths that redis-server 7.0 answers.
    #[test]
    fn lengths_in_an_rdb_file() {
        let cases: [(&[u8], usize); 11] = [
            (b"", 1),
            (b"hello", 6),
            (b"12", 2),
            (b"-129", 3),
            (b"70000", 5),
            (b"2147483648", 11),
            (b"012", 4),
            (b"-2147483648", 5),
            (b"abcdefghijklmnopqrst", 21),
            (b"abcdefghijklmnopqrstu", 22),
            (&[b'x'; 20], 21),
        ];
        for (bytes, len) in cases {
            assert_eq!(string_bytes(bytes, true), len, "{bytes:?}");
        }
        assert_eq!(string_bytes(&[b'x'; 100], false), 102);
        // A mark, two lengths, one literal with its head, one long copy.
        assert_eq!(string_bytes(&[b'x'; 100], true), 1 + 1 + 2 + 2 + 3);
        assert_eq!(integer_bytes(i64::MIN), 21);
    }
}
