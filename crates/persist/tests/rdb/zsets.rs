//! Sorted sets in every form, there and back; what is damaged inside is refused.

use persist::rdb::{BadDump, Build, VERSION, Value, dump, restore, restore_with};
use store::{Access, Key, KeyHasher, Limits, NewValue, NewZSet, ScoreOutcome, Slot, Table};

type Members = Vec<(Vec<u8>, f64)>;

/// A table that holds one sorted set at `k`.
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
    let zset = entry.zset().expect("a sorted set");
    let members = zset.iter().map(|(member, score)| (member.to_vec(), score));
    (members.collect(), entry.encoding_name())
}

fn zset_of(members: &Members) -> (Table, Slot) {
    let build = Build::plainly();
    let mut zset = NewZSet::new(build.zset, build.hasher);
    for (member, score) in members {
        assert_eq!(zset.set(member, *score), ScoreOutcome::Added);
    }
    holding(zset.finish())
}

/// In order.
fn numbered(count: u32) -> Members {
    let member = |at: u32| (format!("m:{at:05}").into_bytes(), f64::from(at / 2) / 3.0);
    (0..count).map(member).collect()
}

fn restored(payload: &[u8]) -> (Members, &'static str) {
    match restore(payload) {
        Ok(Value::Collection(collection)) => members_of(&holding(collection.value)),
        other => panic!("no sorted set: {other:?}"),
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut payload = [body, &11u16.to_le_bytes()].concat();
    payload.extend_from_slice(&base::crc64(&payload).to_le_bytes());
    payload
}

#[test]
fn dumps_come_back_in_the_form_that_fits() {
    for (count, form) in [
        (1, "listpack"),
        (128, "listpack"),
        (129, "skiplist"),
        (9_000, "skiplist"),
    ] {
        let members = numbered(count);
        let (table, slot) = zset_of(&members);
        let payload = dump(&table.entry(slot), VERSION);
        assert_eq!(restored(&payload), (members, form));
    }
    let extremes = vec![
        (b"low".to_vec(), f64::NEG_INFINITY),
        (b"tiny".to_vec(), f64::MIN_POSITIVE),
        (b"big".to_vec(), f64::MAX),
        (b"top".to_vec(), f64::INFINITY),
    ];
    let (table, slot) = zset_of(&extremes);
    assert_eq!(restored(&dump(&table.entry(slot), VERSION)).0, extremes);
}

/// As Redis does: the highest score first.
#[test]
fn a_large_one_is_written_from_the_top() {
    let none = Limits {
        entries: 0,
        value_bytes: 0,
    };
    let mut zset = NewZSet::new(none, KeyHasher::new([1, 2]));
    zset.set(b"a", 1.0);
    zset.set(b"b", 2.5);
    let (table, slot) = holding(zset.finish());
    let body = [
        &b"\x05\x02\x01b"[..],
        &2.5f64.to_le_bytes(),
        b"\x01a",
        &1f64.to_le_bytes(),
    ];
    let payload = dump(&table.entry(slot), VERSION);
    let (found, footer) = payload.split_at(payload.len() - 10);
    assert_eq!(found, body.concat());
    assert_eq!(
        footer[..2],
        [10, 0],
        "the oldest version that has this form"
    );
}

#[test]
fn old_forms_are_read() {
    let expected = vec![(b"a".to_vec(), 1.5), (b"7".to_vec(), 2.0)];
    let text = b"\x03\x02\x01a\x031.5\xc0\x07\x012";
    let binary = [
        &b"\x05\x02\xc0\x07"[..],
        &2f64.to_le_bytes(),
        b"\x01a",
        &1.5f64.to_le_bytes(),
    ]
    .concat();
    let ziplist = b"\x0c\x17\x17\0\0\0\x14\0\0\0\x04\0\0\x01a\x03\x031.5\x05\xf8\x02\xf3\xff";
    for body in [&text[..], &binary, ziplist] {
        assert_eq!(
            restored(&framed(body)),
            (expected.clone(), "listpack"),
            "{body:?}"
        );
    }
    let infinite = restored(&framed(b"\x03\x02\x01a\xff\x01b\xfe")).0;
    let expected = [
        (b"a".to_vec(), f64::NEG_INFINITY),
        (b"b".to_vec(), f64::INFINITY),
    ];
    assert_eq!(infinite, expected);
}

#[test]
fn limits_are_those_of_the_reader() {
    let members = numbered(10);
    let (table, slot) = zset_of(&members);
    let payload = dump(&table.entry(slot), VERSION);
    let form = |entries, value_bytes| {
        let build = Build {
            zset: Limits {
                entries,
                value_bytes,
            },
            ..Build::plainly()
        };
        match restore_with(&payload, &build) {
            Ok((Value::Collection(collection), _)) => {
                let (read, form) = members_of(&holding(collection.value));
                assert_eq!(read, members);
                form
            }
            other => panic!("no sorted set: {other:?}"),
        }
    };
    assert_eq!(form(10, 64), "listpack");
    assert_eq!(form(9, 64), "skiplist");
    assert_eq!(form(10, 6), "skiplist");
}

/// A listpack of these entries, each coded as it is, in the frame of a sorted set.
fn packed(entries: &[&[u8]]) -> Vec<u8> {
    let mut list = vec![0, 0, 0, 0, entries.len() as u8, 0];
    for entry in entries {
        list.extend_from_slice(entry);
        list.push(entry.len() as u8);
    }
    list.push(0xff);
    list[0] = list.len() as u8;
    [&[0x11, list.len() as u8][..], &list].concat()
}

#[test]
fn what_is_damaged_inside_is_refused() {
    let why = |body: &[u8]| match restore(&framed(body)) {
        Err(BadDump::Format(fault)) => fault.what.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(why(b"\x05\x00").contains("no members"));
    assert!(why(b"\x03\x00").contains("no members"));
    let nan = [&b"\x05\x01\x01a"[..], &f64::NAN.to_le_bytes()].concat();
    assert!(why(&nan).contains("no number"));
    assert!(why(b"\x03\x01\x01a\xfd").contains("no number"));
    assert!(why(b"\x03\x01\x01a\x03nan").contains("no number"));
    assert!(why(b"\x03\x01\x01a\x00").contains("no number"));
    assert!(why(b"\x03\x02\x01a\x011\x01a\x012").contains("twice"));
    assert!(why(b"\x11\x02lp").contains("listpack"));
    assert!(why(b"\x0c\x03abc").contains("ziplist"));

    let (a, b) = (&b"\x81a"[..], &b"\x81b"[..]);
    assert!(restore(&framed(&packed(&[a, b"\x01", b, b"\x01"]))).is_ok());
    assert!(why(&packed(&[])).contains("no members"));
    assert!(why(&packed(&[a])).contains("without a score"));
    assert!(why(&packed(&[a, b])).contains("no number"));
    assert!(why(&packed(&[a, b"\x83nan"])).contains("no number"));
    assert!(why(&packed(&[b, b"\x01", a, b"\x01"])).contains("not sorted"));
    assert!(why(&packed(&[a, b"\x02", b, b"\x01"])).contains("not sorted"));
    assert!(why(&packed(&[a, b"\x01", a, b"\x02"])).contains("twice"));
    // The same name as an integer and as text.
    assert!(why(&packed(&[b"\x07", b"\x01", b"\x817", b"\x02"])).contains("twice"));
}

#[test]
fn any_damage_is_a_fault_or_another_set() {
    let (table, slot) = zset_of(&numbered(9));
    let payload = dump(&table.entry(slot), VERSION);
    let body = &payload[..payload.len() - 10];
    for at in 0..body.len() {
        for bit in 0..8 {
            let mut body = body.to_vec();
            body[at] ^= 1 << bit;
            if let Ok(Value::Collection(collection)) = restore(&framed(&body)) {
                holding(collection.value).0.check();
            }
        }
        let _ = restore(&framed(&body[..at]));
    }
}
