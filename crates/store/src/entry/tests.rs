//! Entries of every shape and length come back as they were put in.

use super::*;
use crate::slab::Heap;

fn entry(key: &[u8], value: NewValue<'_>, deadline_ms: Option<i64>) -> EntryRef {
    EntryRef::new(
        &mut Heap,
        key,
        Payload::of(value),
        deadline_ms,
        Access::lru(7),
        true,
    )
}

fn text(at: EntryRef) -> Vec<u8> {
    match Entry::of(at).string() {
        StringView::Int(value) => value.to_string().into_bytes(),
        StringView::Bytes(bytes) => bytes.to_vec(),
        StringView::Block(block) => block.bytes().clone(),
    }
}

#[test]
fn everything_comes_back_at_every_length() {
    let lens = [0, 1, 44, 45, 127, 128, 2047, 2048, 2049, 20_000];
    for klen in [0, 1, 16, 127, 128, 300, 70_000] {
        for vlen in lens {
            for deadline in [None, Some(0), Some(i64::MAX)] {
                let (key, value) = (vec![b'k'; klen], vec![b'v'; vlen]);
                let at = entry(&key, NewValue::String(&value), deadline);
                let read = Entry::of(at);
                assert_eq!(read.key(), key);
                assert!(at.is_for(&key) && !at.is_for(b"other"));
                assert_eq!(read.deadline_ms(), deadline);
                assert_eq!((read.access(), at.parity()), (Access::lru(7), true));
                assert_eq!(text(at), value);
                assert_eq!(read.string().len(), vlen);
                let want = if vlen <= 44 { "embstr" } else { "raw" };
                assert_eq!(read.encoding_name(), want);
                at.free(&mut Heap);
            }
        }
    }
}

#[test]
fn integers_take_the_bytes_they_need() {
    for number in [0, -1, 127, 128, -129, 32_767, 65_536, i64::MIN, i64::MAX] {
        let digits = number.to_string();
        let at = entry(b"k", NewValue::String(digits.as_bytes()), None);
        assert_eq!(Entry::of(at).encoding_name(), "int");
        assert_eq!(text(at), digits.as_bytes());
        at.free(&mut Heap);
    }
    let small = entry(b"0123456789abcdef", NewValue::Int(5), None);
    assert_eq!(small.memory_bytes(), 24);
    small.free(&mut Heap);
}

#[test]
fn a_value_of_the_same_size_is_replaced_in_place() {
    let at = entry(b"key", NewValue::String(b"abcdef"), Some(5));
    assert!(at.try_set(&Payload::of(NewValue::String(b"ghij")), Some(6)));
    assert_eq!((text(at), at.deadline_ms()), (b"ghij".to_vec(), Some(6)));
    assert!(at.try_set(&Payload::of(NewValue::String(b"42")), Some(6)));
    assert_eq!(Entry::of(at).encoding_name(), "int");
    assert!(!at.try_set(&Payload::of(NewValue::String(b"42")), None));
    assert!(!at.try_set(&Payload::of(NewValue::String(&[b'x'; 40])), Some(6)));
    at.free(&mut Heap);
}

#[test]
fn blocks_are_shared_until_written_to() {
    let block = Block::new(vec![b'x'; 5000]);
    let at = entry(b"k", NewValue::Block(block.clone()), None);
    assert_eq!(Arc::strong_count(&block), 2);
    let twin = at.copy_as(&mut Heap, b"k2", Some(9), Access::lru(1));
    assert_eq!(Entry::of(at).reference_count(), 3);
    at.bytes_mut().unwrap()[0] = b'y';
    assert_eq!(Entry::of(at).reference_count(), 1);
    assert_eq!((text(at)[0], text(twin)[0]), (b'y', b'x'));
    twin.modify_block(|bytes| bytes.push(b'!'));
    assert_eq!(Entry::of(twin).string().len(), 5001);
    let moved = twin.copy_as(&mut Heap, b"a longer key", None, Access::lru(1));
    twin.free(&mut Heap);
    assert_eq!(Entry::of(moved).key(), b"a longer key");
    assert_eq!(Arc::strong_count(&block), 1);
    at.free(&mut Heap);
    moved.free(&mut Heap);
}

#[test]
fn access_counts_seconds_round_the_clock() {
    let access = Access::lru(0xff_ffff);
    assert_eq!(access.idle_secs(0x100_0004), 5);
    let access = Access::lfu(120, 9);
    assert_eq!((access.counter(), access.idle_minutes(60 * 5)), (9, 3));
}
