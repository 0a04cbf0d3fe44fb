//! Lists in every form, there and back; what is damaged inside is refused.

use persist::rdb::{
    BadDump, Build, Item, Reader, Rest, Usage, Value, WriteOptions, Writer, dump, restore,
};
use store::{Access, Key, KeyHasher, ListLimit, ListView, NewList, NewValue, Slot, Table};

type Elements = Vec<Vec<u8>>;

/// A table that holds one list at `k`.
fn holding(value: NewValue<'_>) -> (Table, Slot) {
    let hasher = KeyHasher::new([1, 2]);
    let mut table = Table::new(hasher, 0, 0);
    let key = Key {
        bytes: b"k",
        hash: hasher.hash(b"k"),
    };
    let slot = table.insert(&key, value, None, Access::lru(0), 0);
    (table, slot)
}

fn elements_of((table, slot): &(Table, Slot)) -> (Elements, &'static str) {
    let entry = table.entry(*slot);
    let list = entry.list().expect("a list");
    if let ListView::Large(deque) = list {
        deque.check();
    }
    let elements = list.iter().map(|element| element.to_vec());
    (elements.collect(), entry.encoding_name())
}

fn list_of(elements: &[Vec<u8>]) -> (Table, Slot) {
    let mut list = NewList::new(Build::plainly().list);
    elements.iter().for_each(|element| list.push(element));
    holding(list.finish())
}

fn numbered(count: usize) -> Elements {
    let element = |at: usize| match at % 3 {
        0 => at.to_string(),
        1 => format!("element {at}"),
        _ => format!("0{at}"),
    };
    (0..count).map(|at| element(at).into_bytes()).collect()
}

fn restored(payload: &[u8]) -> (Elements, &'static str) {
    match restore(payload) {
        Ok(Value::Collection(collection)) => elements_of(&holding(collection.value)),
        other => panic!("no list: {other:?}"),
    }
}

#[test]
fn dumps_come_back_in_the_form_that_fits() {
    for (elements, form) in [
        (numbered(1), "listpack"),
        (numbered(500), "listpack"),
        (numbered(5_000), "quicklist"),
        (vec![vec![b'x'; 8_000]], "listpack"),
        (vec![vec![b'x'; 9_000]], "quicklist"),
        (
            vec![b"a".to_vec(), vec![b'y'; 200_000], b"".to_vec()],
            "quicklist",
        ),
    ] {
        let (table, slot) = list_of(&elements);
        let payload = dump(&table.entry(slot), 11);
        assert!(restored(&payload) == (elements, form));
    }
}

#[test]
fn a_stream_holds_what_was_written_in_slices() {
    let (small, large) = (numbered(3), numbered(200_000));
    let mut writer = Writer::new(WriteOptions::default());
    let mut file = Vec::new();
    writer.select_db(0, 2, 0);
    for elements in [&small, &large] {
        let (table, slot) = list_of(elements);
        let entry = table.entry(slot);
        match writer.entry(&entry, Usage::Unknown) {
            None => assert!(elements.len() < 10),
            Some(Rest::Large(shared)) => {
                let mut drains = 0;
                let drain = &mut |writer: &mut Writer| {
                    drains += 1;
                    writer.drain_into(&mut file)
                };
                let written = writer.large_key(b"k", None, Usage::Unknown, &shared, drain);
                written.expect("a vector takes everything");
                assert!(drains > 2);
            }
            Some(Rest::Text(_)) => panic!("it is no string"),
        }
    }
    writer.finish();
    writer
        .drain_into(&mut file)
        .expect("a vector takes everything");

    let reader = Reader::with_len(&file[..], file.len() as u64).expect("a header");
    let mut reader = reader.building(Build::plainly());
    let mut read = Vec::new();
    while let Some(item) = reader.next().expect("it is sound") {
        match item {
            Item::Key {
                value: Value::Collection(collection),
                ..
            } => read.push(elements_of(&holding(collection.value)).0),
            Item::End { checksum } => checksum.verdict(0).expect("it is right"),
            _ => {}
        }
    }
    assert!(read == [small, large]);
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut payload = [body, &11u16.to_le_bytes()].concat();
    payload.extend_from_slice(&base::crc64(&payload).to_le_bytes());
    payload
}

/// In a string: its length first.
const ZIPLIST: &[u8] = b"\x10\x10\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\xf8\xff";

#[test]
fn every_form_is_read() {
    let listpack = b"\x0c\x0c\0\0\0\x02\0\x81a\x02\x07\x01\xff";
    let bodies = [
        b"\x01\x02\x01a\xc0\x07".to_vec(),
        [b"\x0a", ZIPLIST].concat(),
        [b"\x0e\x01", ZIPLIST].concat(),
        [b"\x12\x01\x02", &listpack[..]].concat(),
        b"\x12\x02\x01\x01a\x01\xc0\x07".to_vec(),
        // A node without an element is passed over.
        [b"\x12\x02\x02\x07\x07\0\0\0\0\0\xff\x02", &listpack[..]].concat(),
    ];
    let expected = vec![b"a".to_vec(), b"7".to_vec()];
    for body in bodies {
        assert_eq!(
            restored(&framed(&body)),
            (expected.clone(), "listpack"),
            "{body:?}"
        );
    }
    let twice = [b"\x0e\x02", ZIPLIST, ZIPLIST].concat();
    assert_eq!(
        restored(&framed(&twice)).0,
        [&expected[..], &expected].concat()
    );
}

/// A server with a larger `list-max-listpack-size` wrote it, or somebody who means harm.
#[test]
fn a_node_that_is_too_large_is_divided() {
    let mut listpack = structs::listpack::EMPTY.to_vec();
    let elements = numbered(40_000);
    let items = elements.iter().map(|it| structs::listpack::Item::of(it));
    structs::listpack::Editor::new(&mut listpack).extend(items);
    let mut body = b"\x12\x01\x02\x80".to_vec();
    body.extend_from_slice(&(listpack.len() as u32).to_be_bytes());
    body.extend_from_slice(&listpack);
    assert!(restored(&framed(&body)) == (elements, "quicklist"));
}

#[test]
fn limits_are_those_of_the_reader() {
    let elements = numbered(10);
    let (table, slot) = list_of(&elements);
    let mut writer = Writer::new(WriteOptions::default());
    assert!(writer.entry(&table.entry(slot), Usage::Unknown).is_none());
    writer.finish();
    let file = writer.take();
    let form = |size| {
        let reader = Reader::with_len(&file[..], file.len() as u64).expect("a header");
        let mut reader = reader.building(Build {
            list: ListLimit::of(size),
            ..Build::plainly()
        });
        match reader.next() {
            Ok(Some(Item::Key {
                value: Value::Collection(collection),
                ..
            })) => {
                let (read, form) = elements_of(&holding(collection.value));
                assert_eq!(read, elements);
                form
            }
            other => panic!("no list: {other:?}"),
        }
    };
    assert_eq!(form(-1), "listpack");
    assert_eq!(form(10), "listpack");
    assert_eq!(form(9), "quicklist");
}

#[test]
fn what_is_damaged_inside_is_refused() {
    let why = |body: &[u8]| match restore(&framed(body)) {
        Err(BadDump::Format(fault)) => fault.what.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(why(b"\x01\x00").contains("no elements"));
    assert!(why(b"\x0a\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff").contains("no elements"));
    assert!(why(b"\x0a\x03abc").contains("ziplist"));
    assert!(why(b"\x0a\xc0\x07").contains("no packed list"));
    assert!(why(b"\x0e\x00").contains("no elements"));
    assert!(why(b"\x0e\x01\x03abc").contains("ziplist"));
    assert!(why(b"\x12\x00").contains("no elements"));
    assert!(why(b"\x12\x01\x02\x07\x07\0\0\0\0\0\xff").contains("no elements"));
    assert!(why(b"\x12\x01\x02\x02lp").contains("listpack"));
    assert!(why(b"\x12\x01\x02\xc0\x07").contains("no packed list"));
    assert!(why(b"\x12\x01\x03\x01a").contains("node"));
    // Counts that nothing follows reserve nothing.
    for body in [b"\x01\x81", b"\x0e\x81", b"\x12\x81"] {
        let body = [&body[..], &u64::MAX.to_be_bytes()].concat();
        assert!(!why(&body).is_empty());
    }
}

/// Whatever the bytes, the answer is a list or a fault.
#[test]
fn damage_is_no_reason_to_panic() {
    let listpack = b"\x12\x01\x02\x0c\x0c\0\0\0\x02\0\x81a\x02\x07\x01\xff".to_vec();
    let plain = b"\x12\x02\x01\x01a\x01\xc0\x07".to_vec();
    let ziplist = [b"\x0a", ZIPLIST].concat();
    for sound in [listpack, plain, ziplist] {
        for at in 0..sound.len() {
            for byte in 0..=255 {
                let mut body = sound.clone();
                body[at] = byte;
                if let Ok(Value::Collection(collection)) = restore(&framed(&body)) {
                    let (table, slot) = holding(collection.value);
                    if let Some(list) = table.entry(slot).list() {
                        assert_eq!(list.iter().count(), list.len());
                    }
                }
            }
        }
    }
}
