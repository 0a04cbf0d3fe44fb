//! How far groups have read, and streams that are copied while they change.

use structs::stream::NodeLimit;

use super::*;
use crate::entry::NewValue;
use crate::{Detached, KeyHasher, Kind};

fn id(number: u64) -> StreamId {
    StreamId::new(number, 0)
}

fn stream_of_ids(ids: impl Iterator<Item = u64>) -> Stream {
    let mut stream = Stream::new();
    let limit = NodeLimit {
        bytes: 0,
        entries: 4,
    };
    ids.for_each(|number| stream.add(id(number), [(&b"f"[..], &b"v"[..])].into_iter(), limit));
    stream
}

/// Read on from here to the end, and say what is known at each step.
fn read_on(stream: &Stream, mut progress: Progress) -> Vec<(Option<u64>, Option<i64>)> {
    let marks = stream.marks();
    let mut seen = vec![(progress.entries_read, progress.lag(&marks))];
    let from = progress.last_id.next().expect("not the last of all");
    for entry in stream.iter_from(from) {
        progress.advance(&marks, entry.id);
        seen.push((progress.entries_read, progress.lag(&marks)));
    }
    seen
}

#[test]
fn what_is_whole_is_counted() {
    let stream = stream_of_ids(1..=4);
    let from = |number, entries_read| Progress {
        last_id: id(number),
        entries_read,
    };
    let all = [
        (Some(1), Some(3)),
        (Some(2), Some(2)),
        (Some(3), Some(1)),
        (Some(4), Some(0)),
    ];
    assert_eq!(read_on(&stream, from(1, Some(1))), all);
    // From the beginning the first entry tells.
    let unknown = read_on(&stream, from(0, None));
    assert_eq!(unknown[0], (None, Some(4)));
    assert_eq!(unknown[1..], all);
    // In between nothing does, until the end.
    assert_eq!(
        read_on(&stream, from(2, None)),
        [(None, None), (None, None), (Some(4), Some(0))]
    );
    assert_eq!(from(9, None).lag(&stream.marks()), None);
    assert_eq!(from(9, Some(4)).lag(&Stream::new().marks()), Some(0));
}

#[test]
fn a_gap_ahead_spoils_the_count_until_it_is_behind() {
    let mut stream = stream_of_ids(1..=5);
    stream.remove(id(3));
    let progress = Progress {
        last_id: id(1),
        entries_read: Some(1),
    };
    let seen = read_on(&stream, progress);
    assert_eq!(seen[..2], [(Some(1), None), (None, None)]);
    assert_eq!(seen.last(), Some(&(Some(5), Some(0))));
}

#[test]
fn a_group_that_was_overtaken_by_a_cut_lags_by_what_is_left() {
    let mut stream = stream_of_ids(1..=6);
    stream.trim(
        structs::stream::Trim::MaxLen(2),
        structs::stream::Extent::Exact,
    );
    let progress = Progress {
        last_id: id(1),
        entries_read: Some(1),
    };
    assert_eq!(
        read_on(&stream, progress),
        [(Some(1), Some(2)), (Some(5), Some(1)), (Some(6), Some(0))]
    );
}

#[test]
fn numbers_out_of_a_file_do_no_harm() {
    let mut stream = stream_of_ids(1..=3);
    for entries_added in [0, 1, u64::MAX, i64::MAX as u64] {
        stream.set_entries_added(entries_added);
        for entries_read in [None, Some(0), Some(u64::MAX), Some(1 << 63)] {
            let progress = Progress {
                last_id: id(1),
                entries_read,
            };
            assert_eq!(read_on(&stream, progress).len(), 3);
        }
    }
}

#[test]
fn a_copy_keeps_what_it_was() {
    let hasher = KeyHasher::new([1, 2]);
    let mut table = Table::new(hasher, 0, 0);
    let key = |bytes: &'static [u8]| Key {
        bytes,
        hash: hasher.hash(bytes),
    };
    let stream = stream_of_ids(1..=20);
    let value = NewValue::Large(Arc::new(Large::Stream(stream)));
    let slot = table.insert(&key(b"s"), value, None, Access::lru(1), 0);
    let entry = table.entry(slot);
    assert_eq!(
        (entry.kind(), entry.encoding_name()),
        (Kind::Stream, "stream")
    );
    let copy = Detached::copy_of(entry, b"c", None, Access::lru(1));
    table.insert_detached(&key(b"c"), copy, None, 0);
    let slot = table.find(&key(b"s")).expect("it is there");
    table.change_stream(slot, |stream| {
        stream.remove(id(7));
        stream.add_group(Group::new(b"g", id(3), None));
        stream.add(
            id(21),
            [(&b"f"[..], &b"v"[..])].into_iter(),
            NodeLimit::default(),
        );
    });
    table.check();
    let ids = |name: &'static [u8]| -> Vec<u64> {
        let slot = table.find(&key(name)).expect("it is there");
        let stream = table.entry(slot).stream().expect("a stream");
        stream.check();
        assert_eq!(stream.groups().len(), usize::from(name == b"s"));
        stream
            .iter_from(StreamId::MIN)
            .map(|entry| entry.id.ms)
            .collect()
    };
    assert_eq!(ids(b"c"), (1..=20).collect::<Vec<_>>());
    assert_eq!(
        ids(b"s"),
        (1..=21).filter(|id| *id != 7).collect::<Vec<_>>()
    );
    let made = table.insert_stream(&key(b"new"), Access::lru(1), 0, |stream| stream.len());
    assert_eq!(made, 0);
}
