//! Streams in all three forms; what is damaged inside is refused.

use std::sync::Arc;

use base::Rng;
use persist::rdb::{
    BadDump, Item, Reader, Rest, Usage, VERSION_OF_REDIS_7_0, Value, WriteOptions, Writer, dump,
    restore,
};
use store::{Access, Key, KeyHasher, Large, NewValue, Slot, Table};
use structs::stream::{Group, NodeLimit, Pending, Stream, StreamId};

fn id(number: u64) -> StreamId {
    StreamId::new(number, number % 3)
}

/// Entries in several nodes, two groups, entries that are pending and gone.
fn sample() -> Stream {
    let mut stream = Stream::new();
    for number in 1..=250 {
        let value = number.to_string();
        let fields = [(&b"field"[..], value.as_bytes()), (b"other", b"text")];
        let count = 1 + usize::from(number % 50 != 0);
        let fields = fields[..count].iter().copied();
        stream.add(id(number), fields, NodeLimit::default());
    }
    for number in [1, 7, 100, 101] {
        stream.remove(id(number));
    }
    let mut group = Group::new(b"group", id(120), Some(120));
    let one = group.add_consumer(b"one", 1_700_000_000_000).expect("new");
    let two = group.add_consumer(b"two", 1_700_000_000_001).expect("new");
    group.add_consumer(b"nothing", -1).expect("new");
    group.touch(one, 1_700_000_000_002, Some(1_700_000_000_002));
    for number in 90..120 {
        let pending = Pending {
            consumer: if number % 2 == 0 { one } else { two },
            delivered_ms: 1_700_000_000_000 + number as i64,
            deliveries: number % 5,
        };
        group.deliver(id(number), pending);
    }
    assert!(stream.add_group(group));
    assert!(stream.add_group(Group::new(b"", StreamId::MIN, None)));
    stream
}

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

fn held(stream: &Stream) -> (Table, Slot) {
    holding(NewValue::Large(Arc::new(Large::Stream(stream.clone()))))
}

/// All that a stream is, to be compared.
fn told(stream: &Stream, with_active: bool) -> String {
    stream.check();
    let mut out = format!("{:?}", stream.marks());
    for entry in stream.iter_from(StreamId::MIN) {
        let fields: Vec<_> = entry
            .fields
            .map(|(f, v)| (f.to_vec(), v.to_vec()))
            .collect();
        out += &format!("\n{:?} {fields:?}", entry.id);
    }
    for group in stream.groups() {
        let (name, read) = (group.name(), group.entries_read());
        out += &format!("\n{name:?} {:?} {read:?}", group.last_delivered_id());
        for (index, consumer) in group.consumers() {
            let (name, seen) = (consumer.name(), consumer.seen_ms());
            let active = consumer.active_ms().filter(|_| with_active);
            out += &format!("\n  {name:?} {seen} {active:?}");
            for (id, pending) in group.pending_of(index, StreamId::MIN) {
                let (at, count) = (pending.delivered_ms, pending.deliveries);
                out += &format!("\n    {id:?} {at} {count}");
            }
        }
    }
    out
}

fn with_stream<T>(value: NewValue<'_>, look: impl FnOnce(&Stream) -> T) -> T {
    match value {
        NewValue::Large(large) => match &*large {
            Large::Stream(stream) => look(stream),
            other => panic!("no stream: {other:?}"),
        },
        _ => panic!("no stream"),
    }
}

fn restored(payload: &[u8]) -> NewValue<'static> {
    match restore(payload) {
        Ok(Value::Collection(collection)) => collection.value,
        other => panic!("no stream: {other:?}"),
    }
}

#[test]
fn dumps_come_back() {
    for stream in [Stream::new(), sample()] {
        let (table, slot) = held(&stream);
        let payload = dump(&table.entry(slot), persist::rdb::VERSION);
        assert_eq!(payload[0], 21);
        with_stream(restored(&payload), |again| {
            assert_eq!(told(again, true), told(&stream, true));
        });
    }
}

#[test]
fn files_of_both_versions_come_back_slice_by_slice() {
    let stream = sample();
    for version in [WriteOptions::default().version, VERSION_OF_REDIS_7_0] {
        let mut writer = Writer::new(WriteOptions {
            version,
            compress: false,
            ..WriteOptions::default()
        });
        let mut file = Vec::new();
        writer.select_db(0, 1, 0);
        let (table, slot) = held(&stream);
        let Some(Rest::Large(shared)) = writer.entry(&table.entry(slot), Usage::Unknown) else {
            panic!("it is large");
        };
        let drain = &mut |writer: &mut Writer| writer.drain_into(&mut file);
        let written = writer.large_key(b"k", None, Usage::Unknown, &shared, drain);
        written.expect("a vector takes everything");
        writer.finish();
        let drained = writer.drain_into(&mut file);
        drained.expect("a vector takes everything");
        let reader = Reader::with_len(&file[..], file.len() as u64).expect("a header");
        let mut reader = reader.building(persist::rdb::Build::plainly());
        let mut read = 0;
        while let Some(item) = reader.next().expect("it is sound") {
            match item {
                Item::Key {
                    value: Value::Collection(collection),
                    ..
                } => with_stream(collection.value, |again| {
                    let is_third = version > VERSION_OF_REDIS_7_0;
                    assert_eq!(told(again, is_third), told(&stream, is_third));
                    read += 1;
                }),
                Item::End { checksum } => checksum.verdict(0).expect("it is right"),
                _ => {}
            }
        }
        assert_eq!(read, 1);
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut payload = [body, &11u16.to_le_bytes()].concat();
    payload.extend_from_slice(&base::crc64(&payload).to_le_bytes());
    payload
}

/// Entries 1-1 and 2-2, behind their count.
fn two_entries() -> Vec<u8> {
    let mut stream = Stream::new();
    for number in 1..=2 {
        let fields = [(&b"f"[..], &b"v"[..])].into_iter();
        stream.add(StreamId::new(number, number), fields, NodeLimit::default());
    }
    let (master, node) = stream.nodes().next().expect("a node");
    let mut body = vec![1, 16];
    body.extend_from_slice(&master.to_bytes());
    body.push(node.len() as u8);
    body.extend_from_slice(node);
    body
}

fn pending_entry(number: u64) -> Vec<u8> {
    let mut entry = StreamId::new(number, number).to_bytes().to_vec();
    entry.extend_from_slice(&7i64.to_le_bytes());
    entry.push(1);
    entry
}

#[test]
fn the_first_form_is_read() {
    let mut body = vec![15];
    body.extend(two_entries());
    // Length, last id; a group at 2-2 with an entry pending for a consumer.
    body.extend([2, 2, 2, 1, 1, b'g', 2, 2, 1]);
    body.extend(pending_entry(2));
    body.extend([1, 1, b'c']);
    body.extend_from_slice(&9i64.to_le_bytes());
    body.push(1);
    body.extend_from_slice(&StreamId::new(2, 2).to_bytes());
    with_stream(restored(&framed(&body)), |stream| {
        stream.check();
        let marks = stream.marks();
        assert_eq!((marks.len, marks.entries_added), (2, 2));
        assert_eq!(marks.first_id, StreamId::new(1, 1));
        let group = stream.group(b"g").expect("it is there");
        assert_eq!(group.entries_read(), Some(2));
        let (_, consumer) = group.consumers().next().expect("a consumer");
        assert_eq!((consumer.seen_ms(), consumer.active_ms()), (9, Some(9)));
    });
}

#[test]
fn what_is_damaged_inside_is_refused() {
    let why = |parts: &[&[u8]]| match restore(&framed(&parts.concat())) {
        Err(BadDump::Format(fault)) => fault.what.to_string(),
        other => panic!("{other:?}"),
    };
    let entries = two_entries();
    let marks = [2, 2, 2];
    let entry = pending_entry(2);
    let seen = [0; 8];
    let owned = StreamId::new(2, 2).to_bytes();
    assert!(why(&[&[15, 1, 3], b"abc"]).contains("id is none"));
    assert!(why(&[&[15, 1, 16], &[0; 16], &[3], b"abc"]).contains("listpack"));
    assert!(why(&[&[15], &entries, &[3, 2, 2, 0]]).contains("length"));
    assert!(why(&[&[15], &entries, &[2, 2, 1, 0]]).contains("last id"));
    let twice: &[&[u8]] = &[
        &[15],
        &entries,
        &marks,
        &[2, 1, b'g', 0, 0, 0, 0, 1, b'g', 0, 0, 0, 0],
    ];
    assert!(why(twice).contains("group twice"));
    let group: &[&[u8]] = &[&[15], &entries, &marks, &[1, 1, b'g', 0, 0]];
    let group = group.concat();
    assert!(why(&[&group, &[2], &entry, &entry, &[0]]).contains("ascend"));
    assert!(why(&[&group, &[1], &entry, &[0]]).contains("no consumer"));
    let consumer = [&[1, b'c'][..], &seen].concat();
    let nobody = why(&[&group, &[0], &[1], &consumer, &[1], &owned]);
    assert!(nobody.contains("not for its group"));
    let one = [&group[..], &[1], &entry].concat();
    let twice = why(&[&one, &[1], &consumer, &[2], &owned, &owned]);
    assert!(twice.contains("not for its group"));
    let twice = why(&[&one, &[2], &consumer, &[1], &owned, &consumer, &[0]]);
    assert!(twice.contains("consumer twice"));
    assert!(why(&[&[15, 0x81], &[0xff; 8]]).contains("left"));
}

/// Any byte may be another one: the value is refused, or it is sound all the same.
#[test]
fn no_byte_does_harm() {
    let (table, slot) = held(&sample());
    let payload = dump(&table.entry(slot), persist::rdb::VERSION);
    let body = &payload[..payload.len() - 10];
    let mut rng = Rng::new(5);
    for _ in 0..4_000 {
        let mut body = body.to_vec();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(body.len() as u64) as usize;
            body[at] = rng.next_u64() as u8;
        }
        body.truncate(if rng.below(4) == 0 {
            rng.below(body.len() as u64) as usize + 1
        } else {
            body.len()
        });
        if let Ok(Value::Collection(collection)) = restore(&framed(&body))
            && let NewValue::Large(large) = collection.value
            && let Large::Stream(stream) = &*large
        {
            stream.check();
        }
    }
}
