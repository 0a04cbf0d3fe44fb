//! Hashes in every form, there and back; what is damaged inside is refused.

use std::collections::BTreeMap;

use persist::rdb::{
    BadDump, Build, Item, Reader, Rest, Usage, Value, WriteOptions, Writer, dump, restore,
};
use store::{Access, Key, KeyHasher, Limits, NewHash, NewValue, Slot, Table};

type Fields = BTreeMap<Vec<u8>, Vec<u8>>;

/// A table that holds one hash at `k`.
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

fn fields_of((table, slot): &(Table, Slot)) -> (Fields, &'static str) {
    let entry = table.entry(*slot);
    let hash = entry.hash().expect("a hash");
    let fields = hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec()));
    (fields.collect(), entry.encoding_name())
}

fn hash_of(fields: &Fields) -> (Table, Slot) {
    let build = Build::plainly();
    let mut hash = NewHash::new(build.hash, build.hasher);
    fields.iter().for_each(|(f, v)| assert!(hash.put(f, v)));
    holding(hash.finish())
}

fn numbered(count: u32) -> Fields {
    let field = |at: u32| {
        (
            format!("field:{at}").into_bytes(),
            at.to_string().into_bytes(),
        )
    };
    (0..count).map(field).collect()
}

fn restored(payload: &[u8]) -> (Fields, &'static str) {
    match restore(payload) {
        Ok(Value::Collection(collection)) => fields_of(&holding(collection.value)),
        other => panic!("no hash: {other:?}"),
    }
}

#[test]
fn dumps_come_back_in_the_form_that_fits() {
    for (count, form) in [
        (1, "listpack"),
        (512, "listpack"),
        (513, "hashtable"),
        (9_000, "hashtable"),
    ] {
        let fields = numbered(count);
        let (table, slot) = hash_of(&fields);
        let payload = dump(&table.entry(slot), 11);
        assert_eq!(restored(&payload), (fields, form));
    }
}

#[test]
fn a_stream_holds_what_was_written_in_slices() {
    let (small, large) = (numbered(3), numbered(20_000));
    let mut writer = Writer::new(WriteOptions::default());
    let mut file = Vec::new();
    writer.select_db(0, 2, 0);
    for fields in [&small, &large] {
        let (table, slot) = hash_of(fields);
        let entry = table.entry(slot);
        match writer.entry(&entry, Usage::Unknown) {
            None => assert!(fields.len() < 10),
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
            } => read.push(fields_of(&holding(collection.value)).0),
            Item::End { checksum } => checksum.verdict(0).expect("it is right"),
            _ => {}
        }
    }
    assert!(read == [small, large]);
}

fn framed(body: &[u8]) -> Vec<u8> {
    framed_as(11, body)
}

fn framed_as(version: u16, body: &[u8]) -> Vec<u8> {
    let mut payload = [body, &version.to_le_bytes()].concat();
    payload.extend_from_slice(&base::crc64(&payload).to_le_bytes());
    payload
}

#[test]
fn old_forms_are_read() {
    let expected: Fields = [
        (b"f".to_vec(), b"v".to_vec()),
        (b"n".to_vec(), b"7".to_vec()),
    ]
    .into();
    let plain = b"\x04\x02\x01f\x01v\x01n\xc0\x07";
    let zipmap = b"\x09\x0e\x02\x01f\x01\x00v\x01n\x01\x02700\xff";
    let ziplist = b"\x0d\x16\x16\0\0\0\x13\0\0\0\x04\0\0\x01f\x03\x01v\x03\x01n\x03\xf8\xff";
    for body in [&plain[..], zipmap, ziplist] {
        assert_eq!(
            restored(&framed(body)),
            (expected.clone(), "listpack"),
            "{body:?}"
        );
    }
}

#[test]
fn limits_are_those_of_the_reader() {
    let fields = numbered(10);
    let (table, slot) = hash_of(&fields);
    let mut writer = Writer::new(WriteOptions::default());
    assert!(writer.entry(&table.entry(slot), Usage::Unknown).is_none());
    writer.finish();
    let file = writer.take();
    let form = |entries, value_bytes| {
        let hash = Limits {
            entries,
            value_bytes,
        };
        let reader = Reader::with_len(&file[..], file.len() as u64).expect("a header");
        let mut reader = reader.building(Build {
            hash,
            ..Build::plainly()
        });
        match reader.next() {
            Ok(Some(Item::Key {
                value: Value::Collection(collection),
                ..
            })) => {
                let (read, form) = fields_of(&holding(collection.value));
                assert_eq!(read, fields);
                form
            }
            other => panic!("no hash: {other:?}"),
        }
    };
    assert_eq!(form(10, 64), "listpack");
    assert_eq!(form(9, 64), "hashtable");
    assert_eq!(form(10, 6), "hashtable");
}

#[test]
fn what_is_damaged_inside_is_refused() {
    let why = |body: &[u8]| match restore(&framed(body)) {
        Err(BadDump::Format(fault)) => fault.what.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(why(b"\x04\x00").contains("no fields"));
    assert!(why(b"\x04\x02\x01f\x01v\x01f\x01w").contains("twice"));
    assert!(why(b"\x10\x02lp").contains("listpack"));
    assert!(why(b"\x10\x07\x07\0\0\0\0\0\xff").contains("no fields"));
    assert!(why(b"\x10\x0a\x0a\0\0\0\x01\0\x81f\x02\xff").contains("without a value"));
    let twice = b"\x10\x13\x13\0\0\0\x04\0\x81f\x02\x81v\x02\x81f\x02\x81w\x02\xff";
    assert!(why(twice).contains("twice"));
    assert!(why(b"\x09\x04\x01\x05f\xff").contains("zipmap"));
    assert!(why(b"\x0d\x03abc").contains("ziplist"));
}

/// Fields with what they hold and when they expire.
type Timed = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn timed_of((table, slot): &(Table, Slot)) -> (Timed, &'static str) {
    table.check();
    let entry = table.entry(*slot);
    let fields = entry.hash().expect("a hash").fields();
    let fields = fields.map(|f| (f.name.to_vec(), (f.value.to_vec(), f.deadline_ms)));
    (fields.collect(), entry.encoding_name())
}

fn timed(count: u32, deadline_ms: impl Fn(u32) -> Option<i64>) -> (Timed, (Table, Slot)) {
    let build = Build::plainly();
    let (mut hash, mut fields) = (NewHash::new(build.hash, build.hasher), Timed::new());
    for at in 0..count {
        let (field, value) = (format!("field:{at}").into_bytes(), at.to_string());
        assert!(hash.put_until(&field, value.as_bytes(), deadline_ms(at)));
        fields.insert(field, (value.into_bytes(), deadline_ms(at)));
    }
    (fields, holding(hash.finish()))
}

fn restored_timed(payload: &[u8]) -> (Timed, &'static str) {
    match restore(payload) {
        Ok(Value::Collection(collection)) => timed_of(&holding(collection.value)),
        other => panic!("no hash: {other:?}"),
    }
}

const SOON_MS: i64 = 1_700_000_000_000;

#[test]
fn deadlines_of_fields_come_back() {
    let some = |at: u32| (!at.is_multiple_of(3)).then(|| SOON_MS + i64::from(at * 7919 % 1000));
    for (count, form, value_type) in [
        (2, "listpackex", 25),
        (512, "listpackex", 25),
        (513, "hashtable", 24),
        (9_000, "hashtable", 24),
    ] {
        let (fields, (table, slot)) = timed(count, some);
        let payload = dump(&table.entry(slot), 11);
        assert_eq!(payload[0], value_type);
        assert_eq!(payload[payload.len() - 10..][..2], 12u16.to_le_bytes());
        assert_eq!(restored_timed(&payload), (fields, form));
    }
}

#[test]
fn a_hash_that_has_lost_its_deadlines_is_one_without() {
    for (count, value_type, form) in [(3, 16, "listpack"), (600, 4, "hashtable")] {
        let (_, (mut table, slot)) = timed(count, |_| Some(SOON_MS));
        table.change_hash(slot, Build::plainly().hash, SOON_MS, |hash| {
            for at in 0..count {
                assert!(hash.set_deadline(format!("field:{at}").as_bytes(), None));
            }
        });
        let payload = dump(&table.entry(slot), 11);
        assert_eq!(payload[0], value_type);
        assert_eq!(payload[payload.len() - 10..][..2], 10u16.to_le_bytes());
        assert_eq!(restored(&payload), (numbered(count), form));
    }
}

#[test]
fn every_form_with_deadlines_is_read() {
    let (at, first) = (5_000i64, 5_000u64.to_le_bytes());
    let expected: Timed = [
        (b"f".to_vec(), (b"v".to_vec(), Some(at))),
        (b"n".to_vec(), (b"7".to_vec(), None)),
    ]
    .into();
    // 5000 as a length of 14 bits, and in a listpack as an integer of 13 bits.
    let early = b"\x16\x02\x53\x88\x01f\x01v\x00\x01n\xc0\x07".to_vec();
    let listpack =
        b"\x18\x18\0\0\0\x06\0\x81f\x02\x81v\x02\xf1\x88\x13\x03\x81n\x02\x07\x01\0\x01\xff";
    let late = [b"\x18", &first[..], b"\x02\x01\x01f\x01v\x00\x01n\xc0\x07"].concat();
    let late_list = [b"\x19", &first[..], listpack].concat();
    let early_list = [b"\x17", &listpack[..]].concat();
    for body in [early, early_list, late, late_list] {
        let (fields, form) = restored_timed(&framed_as(12, &body));
        assert_eq!((&fields, form), (&expected, "listpackex"), "{body:?}");
    }
    let none = (-1i64).to_le_bytes();
    let valkey = [b"\x16\x02\x01f\x01v", &first[..], b"\x01n\xc0\x07", &none].concat();
    let (fields, form) = restored_timed(&framed_as(80, &valkey));
    assert_eq!((fields, form), (expected, "listpackex"));
}

/// A listpack in another order than that of its deadlines is put in order.
#[test]
fn triples_in_disorder_are_sorted() {
    let body =
        b"\x17\x18\x18\0\0\0\x06\0\x81n\x02\x07\x01\0\x01\x81f\x02\x81v\x02\xf1\x88\x13\x03\xff";
    let (fields, form) = restored_timed(&framed_as(12, body));
    assert_eq!((fields[&b"f"[..]].1, form), (Some(5_000), "listpackex"));
}

#[test]
fn damaged_deadlines_are_refused() {
    let why = |version, body: &[u8]| match restore(&framed_as(version, body)) {
        Err(BadDump::Format(fault)) => fault.what.to_string(),
        other => panic!("{other:?}"),
    };
    let late = u64::MAX.to_le_bytes();
    assert!(why(12, b"\x16\x00").contains("no fields"));
    assert!(why(12, b"\x16\x02\x05\x01f\x01v\x00\x01f\x01w").contains("twice"));
    let beyond = [b"\x16\x01\x81", &late[..], b"\x01f\x01v"].concat();
    assert!(why(12, &beyond).contains("no clock"));
    let beyond = [b"\x18", &late[..], b"\x01\x02\x01f\x01v"].concat();
    assert!(why(12, &beyond).contains("no clock"));
    let odd = b"\x17\x0d\x0d\0\0\0\x02\0\x81f\x02\x81v\x02\xff";
    assert!(why(12, odd).contains("without a value"));
    let text = b"\x17\x10\x10\0\0\0\x03\0\x81f\x02\x81v\x02\x81t\x02\xff";
    assert!(why(12, text).contains("no time"));
    assert!(why(12, b"\x17\x07\x07\0\0\0\0\0\xff").contains("no fields"));
    let before = [b"\x16\x01\x01f\x01v", &(-5i64).to_le_bytes()[..]].concat();
    assert!(why(80, &before).contains("no time"));
}
