//! Streams: the nodes that redis-server makes of additions, removals and cuts.

use base::Rng;
use structs::stream::{Extent, Marks, NodeLimit, Stream, StreamId, Trim};

use crate::redis::Redis;

/// Some entries with the fields of the first, some with others.
fn pairs(rng: &mut Rng) -> Vec<(Vec<u8>, Vec<u8>)> {
    let names: &[&str] = match rng.below(8) {
        0 => &["other"],
        1 => &["b", "a"],
        2 => &["a", "b", "c"],
        _ => &["a", "b"],
    };
    let value = |rng: &mut Rng| match rng.below(3) {
        0 => (rng.next_u64() as i64 >> rng.below(64))
            .to_string()
            .into_bytes(),
        1 => vec![b'v'; rng.below(200) as usize],
        _ => b"text".to_vec(),
    };
    names
        .iter()
        .map(|name| (name.as_bytes().to_vec(), value(rng)))
        .collect()
}

fn text(id: StreamId) -> Vec<u8> {
    format!("{}-{}", id.ms, id.seq).into_bytes()
}

#[test]
fn a_stream_is_the_same_bytes() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    for (bytes, entries) in [(4_096, 100), (300, 0), (0, 7), (0, 300)] {
        let limit = NodeLimit { bytes, entries };
        let (bytes, entries) = (bytes.to_string(), entries.to_string());
        redis.ask(&[
            b"CONFIG",
            b"SET",
            b"stream-node-max-bytes",
            bytes.as_bytes(),
        ]);
        redis.ask(&[
            b"CONFIG",
            b"SET",
            b"stream-node-max-entries",
            entries.as_bytes(),
        ]);
        redis.ask(&[b"DEL", b"s"]);
        let mut rng = Rng::new(21);
        let mut ours = Stream::new();
        for step in 0..400 {
            for _ in 0..rng.below(8) {
                add(&mut redis, &mut ours, limit, &mut rng);
            }
            match rng.below(4) {
                0 => {
                    let id = some_id(&ours, &mut rng);
                    redis.ask(&[b"XDEL", b"s", &text(id)]);
                    ours.remove(id);
                }
                1 if step % 10 == 0 => cut(&mut redis, &mut ours, &mut rng),
                _ => {}
            }
            if step % 5 == 0 && !ours.is_empty() {
                compare(&mut redis, &ours);
            }
        }
    }
}

fn add(redis: &mut Redis, ours: &mut Stream, limit: NodeLimit, rng: &mut Rng) {
    let last = ours.marks().last_id;
    let id = match rng.below(4) {
        0 => last.next().expect("not the last of all"),
        1 => StreamId::new(last.ms + 1 + rng.below(1 << 30), rng.next_u64()),
        _ => StreamId::new(last.ms + 1 + rng.below(10), 0),
    };
    let (pairs, name) = (pairs(rng), text(id));
    let mut words: Vec<&[u8]> = vec![b"XADD", b"s", &name];
    words.extend(pairs.iter().flat_map(|(name, value)| [&name[..], value]));
    redis.ask(&words);
    let view = pairs.iter().map(|(name, value)| (&name[..], &value[..]));
    ours.add(id, view, limit);
}

fn some_id(ours: &Stream, rng: &mut Rng) -> StreamId {
    let at = rng.below(ours.len() + 1) as usize;
    let entry = ours.iter_from(StreamId::MIN).nth(at);
    entry.map_or(ours.marks().last_id, |entry| entry.id)
}

fn cut(redis: &mut Redis, ours: &mut Stream, rng: &mut Rng) {
    let (word, threshold, trim) = match rng.below(2) {
        0 => {
            let len = ours.len() - rng.below(ours.len() / 2 + 1);
            (
                &b"MAXLEN"[..],
                len.to_string().into_bytes(),
                Trim::MaxLen(len),
            )
        }
        _ => {
            let at = rng.below(ours.len() / 2 + 1) as usize;
            let Some(entry) = ours.iter_from(StreamId::MIN).nth(at) else {
                return;
            };
            (&b"MINID"[..], text(entry.id), Trim::MinId(entry.id))
        }
    };
    let most = rng.below(400);
    let (removed, extent) = match rng.below(3) {
        0 => (
            redis.ask(&[b"XTRIM", b"s", word, b"=", &threshold]),
            Extent::Exact,
        ),
        1 => {
            let entries_max = Some(most).filter(|most| *most > 0);
            let limit = most.to_string();
            let words: [&[u8]; 7] = [
                b"XTRIM",
                b"s",
                word,
                b"~",
                &threshold,
                b"LIMIT",
                limit.as_bytes(),
            ];
            (redis.ask(&words), Extent::WholeNodes { entries_max })
        }
        _ => {
            let words: [&[u8]; 7] = [b"XTRIM", b"s", word, b"~", &threshold, b"LIMIT", b"0"];
            (redis.ask(&words), Extent::WholeNodes { entries_max: None })
        }
    };
    let (own, _) = ours.trim(trim, extent);
    assert_eq!(removed.to_string(), own.to_string(), "{trim:?} {extent:?}");
}

fn compare(redis: &mut Redis, ours: &Stream) {
    let mut dumped = redis.dump(b"s");
    assert_eq!(dumped.type_byte, 19);
    let mut nodes = ours.nodes();
    let mut loaded = Stream::new();
    for _ in 0..dumped.number() {
        let master = StreamId::of_bytes(dumped.string().try_into().expect("16 bytes"));
        let bytes = dumped.string();
        loaded
            .push_node(master, bytes.clone())
            .expect("a sound node");
        // A cut by id leaves nodes there that have no live entry.
        if bytes[6] == 0 {
            continue;
        }
        let (own, own_bytes) = nodes.next().expect("as many nodes");
        assert!(
            own == master && own_bytes == bytes,
            "{own:?} and {master:?}"
        );
    }
    assert!(nodes.next().is_none());
    let len = dumped.number();
    let mut id = || StreamId::new(dumped.number(), dumped.number());
    let (last_id, first_id, max_deleted_id) = (id(), id(), id());
    let marks = Marks {
        len,
        last_id,
        first_id,
        max_deleted_id,
        entries_added: dumped.number(),
    };
    assert_eq!(ours.marks(), marks);
    loaded.restore_marks(marks).expect("its marks");
    loaded.check();
}
