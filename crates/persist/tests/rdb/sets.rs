//! Sets in every form, there and back; what is damaged inside is refused.

use std::collections::BTreeSet;

use persist::rdb::{
    BadDump, Build, Item, Reader, Rest, Usage, VERSION_OF_REDIS_7_0, Value, WriteOptions, Writer,
    dump, restore, restore_with,
};
use store::{Access, Key, KeyHasher, Limits, NewSet, NewValue, SetLimits, Slot, Table};

type Members = BTreeSet<Vec<u8>>;

/// A table that holds one set at `k`.
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

fn members_of((table, slot): &(Table, Slot)) -> (Members, &'static str) {
    let entry = table.entry(*slot);
    let set = entry.set().expect("a set");
    let members = set.iter().map(|member| member.to_vec());
    (members.collect(), entry.encoding_name())
}

fn set_of(members: &Members) -> (Table, Slot) {
    let build = Build::plainly();
    let mut set = NewSet::new(build.set, build.hasher);
    members.iter().for_each(|member| assert!(set.add(member)));
    holding(set.finish())
}

fn numbered(prefix: &str, count: u32) -> Members {
    (0..count)
        .map(|at| format!("{prefix}{at}").into_bytes())
        .collect()
}

fn restored(payload: &[u8], build: &Build) -> (Members, &'static str) {
    match restore_with(payload, build) {
        Ok((Value::Collection(collection), _)) => members_of(&holding(collection.value)),
        other => panic!("no set: {other:?}"),
    }
}

const KINDS: [(&str, u32, &str); 6] = [
    ("", 512, "intset"),
    ("", 513, "hashtable"),
    ("1234567890", 12, "intset"),
    ("m:", 128, "listpack"),
    ("m:", 129, "hashtable"),
    ("member:", 20_000, "hashtable"),
];

#[test]
fn dumps_come_back_in_the_form_that_fits() {
    for (prefix, count, form) in KINDS {
        let members = numbered(prefix, count);
        let (table, slot) = set_of(&members);
        let payload = dump(&table.entry(slot), 11);
        assert_eq!(restored(&payload, &Build::plainly()), (members, form));
    }
}

/// What Redis 7.0 cannot read is not written for it.
#[test]
fn dumps_are_for_who_reads_them() {
    for (version, first_byte) in [(11, 20), (VERSION_OF_REDIS_7_0, 2)] {
        let members = numbered("m:", 7);
        let (table, slot) = set_of(&members);
        let payload = dump(&table.entry(slot), version);
        assert_eq!(
            (payload[0], payload[payload.len() - 10]),
            (first_byte, version as u8)
        );
        assert_eq!(restored(&payload, &Build::plainly()), (members, "listpack"));
    }
}

/// The sets of a file, and the types that they were written as.
fn read_back(file: &[u8]) -> (Vec<(Members, &'static str)>, Vec<&'static str>) {
    let reader = Reader::with_len(file, file.len() as u64).expect("a header");
    let mut reader = reader.building(Build::plainly());
    let (mut sets, mut forms) = (Vec::new(), Vec::new());
    while let Some(item) = reader.next().expect("it is sound") {
        match item {
            Item::Key {
                value: Value::Collection(collection),
                ..
            } => {
                forms.push(collection.value_type.form());
                sets.push(members_of(&holding(collection.value)));
            }
            Item::End { checksum } => checksum.verdict(0).expect("it is right"),
            _ => {}
        }
    }
    (sets, forms)
}

#[test]
fn a_stream_holds_what_was_written() {
    for version in [11, VERSION_OF_REDIS_7_0] {
        let mut writer = Writer::new(WriteOptions {
            version,
            ..WriteOptions::default()
        });
        let mut file = Vec::new();
        writer.select_db(0, KINDS.len() as u64, 0);
        for (prefix, count, form) in KINDS {
            let (table, slot) = set_of(&numbered(prefix, count));
            match writer.entry(&table.entry(slot), Usage::Unknown) {
                None => assert_ne!(form, "hashtable"),
                Some(Rest::Large(shared)) => {
                    let drain = &mut |writer: &mut Writer| writer.drain_into(&mut file);
                    let written = writer.large_key(b"k", None, Usage::Unknown, &shared, drain);
                    written.expect("a vector takes everything");
                }
                Some(Rest::Text(_)) => panic!("it is no string"),
            }
        }
        writer.finish();
        writer
            .drain_into(&mut file)
            .expect("a vector takes everything");

        let (sets, forms) = read_back(&file);
        for ((prefix, count, form), read) in KINDS.into_iter().zip(sets) {
            assert_eq!(read, (numbered(prefix, count), form));
        }
        // Redis 7.0 does not know the listpack.
        let fourth = if version == 11 { "listpack" } else { "" };
        assert_eq!(forms, ["intset", "", "intset", fourth, "", ""]);
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut payload = [body, &11u16.to_le_bytes()].concat();
    payload.extend_from_slice(&base::crc64(&payload).to_le_bytes());
    payload
}

#[test]
fn every_form_is_read() {
    let plainly = Build::plainly();
    let of = |texts: &[&str]| -> Members { texts.iter().map(|t| t.as_bytes().to_vec()).collect() };
    let plain = b"\x02\x03\x01a\xc0\x07\x0201";
    assert_eq!(
        restored(&framed(plain), &plainly),
        (of(&["a", "7", "01"]), "listpack")
    );
    let integers = b"\x02\x02\xc0\x07\x02-5";
    assert_eq!(
        restored(&framed(integers), &plainly),
        (of(&["7", "-5"]), "intset")
    );
    let intset = b"\x0b\x0c\x02\0\0\0\x02\0\0\0\xfe\xff\x05\0";
    assert_eq!(
        restored(&framed(intset), &plainly),
        (of(&["-2", "5"]), "intset")
    );
    let listpack = b"\x14\x0c\x0c\0\0\0\x02\0\x81a\x02\x07\x01\xff";
    assert_eq!(
        restored(&framed(listpack), &plainly),
        (of(&["a", "7"]), "listpack")
    );
}

#[test]
fn limits_are_those_of_the_reader() {
    let form = |prefix, count, integers, entries, value_bytes| {
        let (table, slot) = set_of(&numbered(prefix, count));
        let build = Build {
            set: SetLimits {
                integers,
                small: Limits {
                    entries,
                    value_bytes,
                },
            },
            ..Build::plainly()
        };
        let (members, form) = restored(&dump(&table.entry(slot), 11), &build);
        assert_eq!(members, numbered(prefix, count));
        form
    };
    assert_eq!(form("", 10, 10, 0, 0), "intset");
    assert_eq!(form("", 10, 9, 100, 100), "hashtable");
    assert_eq!(form("m", 10, 0, 10, 2), "listpack");
    assert_eq!(form("m", 10, 0, 9, 2), "hashtable");
    assert_eq!(form("m", 10, 0, 10, 1), "hashtable");
}

#[test]
fn what_is_damaged_inside_is_refused() {
    let why = |body: &[u8]| match restore(&framed(body)) {
        Err(BadDump::Format(fault)) => fault.what.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(why(b"\x02\x00").contains("no members"));
    assert!(why(b"\x02\x02\x01a\x01a").contains("twice"));
    // The same number, once as an integer.
    assert!(why(b"\x02\x02\xc0\x07\x017").contains("twice"));
    assert!(why(b"\x0b\xc0\x07").contains("no packed set"));
    assert!(why(b"\x0b\x02ab").contains("intset"));
    assert!(why(b"\x0b\x08\x02\0\0\0\0\0\0\0").contains("without a member"));
    assert!(why(b"\x0b\x0c\x02\0\0\0\x02\0\0\0\x05\0\x05\0").contains("not above"));
    assert!(why(b"\x0b\x0c\x02\0\0\0\x03\0\0\0\x05\0\x06\0").contains("count"));
    assert!(why(b"\x0b\x0c\x03\0\0\0\x02\0\0\0\x05\0\x06\0").contains("width"));
    assert!(why(b"\x14\x02lp").contains("listpack"));
    assert!(why(b"\x14\x07\x07\0\0\0\0\0\xff").contains("no members"));
    assert!(why(b"\x14\x0d\x0d\0\0\0\x02\0\x81f\x02\x81f\x02\xff").contains("twice"));
    // As an integer, and as its text.
    assert!(why(b"\x14\x0c\x0c\0\0\0\x02\0\x07\x01\x817\x02\xff").contains("twice"));
}

/// Bytes are exchanged everywhere: the outcome is a set or a fault, and no panic.
#[test]
fn any_damage_is_a_set_or_a_fault() {
    for (prefix, count, _) in KINDS.into_iter().filter(|(_, count, _)| *count < 20) {
        let (table, slot) = set_of(&numbered(prefix, count));
        let payload = dump(&table.entry(slot), 11);
        let body = &payload[..payload.len() - 10];
        damage(body);
    }
    damage(b"\x02\x03\x01a\xc0\x07\x0201");
    let (table, slot) = set_of(&numbered("m:", 9));
    let payload = dump(&table.entry(slot), 11);
    damage(&payload[..payload.len() - 10]);
}

fn damage(body: &[u8]) {
    for at in 0..body.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xc3, 0xff, body[at] ^ 1, body[at] ^ 0x40] {
            let mut body = body.to_vec();
            body[at] = byte;
            if let Ok(Value::Collection(collection)) = restore(&framed(&body)) {
                let (table, slot) = holding(collection.value);
                let entry = table.entry(slot);
                if let Some(set) = entry.set() {
                    assert_eq!(set.iter().count(), set.len());
                    assert!(set.iter().all(|member| set.contains(&member.to_vec())));
                }
            }
        }
        assert!(restore(&framed(&body[..at])).is_err());
    }
}
