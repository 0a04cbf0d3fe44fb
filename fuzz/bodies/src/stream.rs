//! Streams: foreign nodes that are accepted read the same from both ends, and additions, removals
//! and cuts agree with a sorted map. A group is driven beside.

use std::collections::BTreeMap;

use structs::stream::{Entry, Extent, Group, NodeLimit, Pending, Stream, StreamId, Trim};

use crate::tape::Tape;

const STEPS_MAX: usize = 120;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;
type Model = BTreeMap<StreamId, Pairs>;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    foreign(tape.rest());
    let limit = NodeLimit {
        bytes: *tape.pick(&[4096, 0, 100, 500]),
        entries: *tape.pick(&[100, 0, 1, 5]),
    };
    let (mut stream, mut model) = (Stream::new(), Model::new());
    stream.add_group(Group::new(b"g", StreamId::MIN, Some(0)));
    let mut held = Vec::new();
    for step_number in 0..STEPS_MAX {
        if tape.is_over() {
            break;
        }
        step(&mut tape, &mut stream, &mut model, limit);
        stream.check();
        if step_number == 30 {
            held.push((stream.clone(), model.clone()));
        }
    }
    held.push((stream, model));
    for (mut stream, model) in held {
        compare(&stream, &model);
        damage(&mut tape, &stream);
        while !stream.free_some(3) {}
        assert_eq!(stream.memory_bytes(), 0);
    }
}

/// Bytes as a node, once their header is right.
fn foreign(bytes: &[u8]) {
    let mut node = (bytes.len() as u32 + 7).to_le_bytes().to_vec();
    node.extend([0xff, 0xff]);
    node.extend_from_slice(bytes);
    node.push(0xff);
    read_foreign(node);
}

fn read_foreign(node: Vec<u8>) {
    let mut stream = Stream::new();
    if stream.push_node(StreamId::new(5, 5), node).is_ok() {
        stream.check();
        let forward: Vec<StreamId> = stream.iter_from(StreamId::MIN).map(read).collect();
        let backward = stream.iter_back_from(StreamId::MAX).map(read);
        assert!(backward.eq(forward.iter().rev().copied()));
        for id in forward {
            assert!(stream.remove(id));
        }
        assert!(stream.is_empty());
    }
}

fn read(entry: Entry<'_>) -> StreamId {
    assert_eq!(entry.fields.clone().count(), entry.fields.len());
    entry.id
}

/// A few bytes of a sound node are others.
fn damage(tape: &mut Tape<'_>, stream: &Stream) {
    if let Some((_, node)) = stream.nodes().next() {
        let mut node = node.to_vec();
        for _ in 0..1 + tape.below(3) {
            let at = tape.below(node.len() as u64) as usize;
            node[at] = tape.byte();
        }
        read_foreign(node);
    }
}

fn step(tape: &mut Tape<'_>, stream: &mut Stream, model: &mut Model, limit: NodeLimit) {
    match tape.below(8) {
        0 => {
            let id = some_id(tape, model);
            assert_eq!(stream.remove(id), model.remove(&id).is_some());
        }
        1 => {
            let trim = match tape.bool() {
                true => Trim::MaxLen(tape.below(40)),
                false => Trim::MinId(some_id(tape, model)),
            };
            let extent = match tape.bool() {
                true => Extent::Exact,
                false => Extent::WholeNodes {
                    entries_max: Some(tape.below(50)),
                },
            };
            let (removed, _) = stream.trim(trim, extent);
            (0..removed).for_each(|_| drop(model.pop_first()));
            let is_done = match trim {
                Trim::MaxLen(len) => model.len() as u64 <= len,
                Trim::MinId(id) => model
                    .first_key_value()
                    .is_none_or(|(first, _)| *first >= id),
            };
            assert!(is_done || extent != Extent::Exact);
        }
        2 => drop(stream.change_group(b"g", |group| drive(tape, group, model))),
        _ => {
            for _ in 0..1 + tape.below(8) {
                let last = stream.marks().last_id;
                let next =
                    StreamId::new(last.ms.wrapping_add(tape.below(300)), tape.below(u64::MAX));
                let id = if next > last { Some(next) } else { last.next() };
                let Some(id) = id else { return };
                let name = |at: u64| vec![b'a' + at as u8];
                let names = *tape.pick(&[2, 2, 2, 1, 0, 3]);
                let pairs: Pairs = (0..names).map(|at| (name(at), tape.text(80))).collect();
                let view = pairs.iter().map(|(name, value)| (&name[..], &value[..]));
                stream.add(id, view, limit);
                model.insert(id, pairs);
            }
        }
    }
}

fn drive(tape: &mut Tape<'_>, group: &mut Group, model: &Model) {
    let name = [b'a' + tape.below(3) as u8];
    let Some(consumer) = group.find_consumer(&name) else {
        assert!(group.add_consumer(&name, 5).is_some());
        return;
    };
    for _ in 0..1 + tape.below(8) {
        let id = some_id(tape, model);
        if tape.bool() {
            let pending = Pending {
                consumer,
                delivered_ms: 7,
                deliveries: 1,
            };
            group.deliver(id, pending);
            assert_eq!(group.pending().get(id), Some(&pending));
        } else {
            let was = group.pending().get(id).is_some();
            assert_eq!(group.acknowledge(id), was);
        }
    }
    if tape.below(16) == 0 {
        let before = group.pending().len();
        let removed = group.remove_consumer(consumer);
        assert_eq!(group.pending().len() + removed, before);
    }
}

fn some_id(tape: &mut Tape<'_>, model: &Model) -> StreamId {
    let at = tape.below(model.len() as u64 + 1) as usize;
    let known = model.keys().nth(at).copied().unwrap_or(StreamId::MAX);
    match tape.below(4) {
        0 => known.prev().unwrap_or(known),
        1 => known.next().unwrap_or(known),
        _ => known,
    }
}

fn compare(stream: &Stream, model: &Model) {
    stream.check();
    let plain = |entry: Entry<'_>| {
        let pairs: Pairs = entry
            .fields
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect();
        (entry.id, pairs)
    };
    let middle = model
        .keys()
        .nth(model.len() / 2)
        .copied()
        .unwrap_or(StreamId::MIN);
    let wanted = model
        .range(middle..)
        .map(|(id, pairs)| (*id, pairs.clone()));
    assert!(stream.iter_from(middle).map(plain).eq(wanted));
    let wanted = model
        .range(..=middle)
        .rev()
        .map(|(id, pairs)| (*id, pairs.clone()));
    assert!(stream.iter_back_from(middle).map(plain).eq(wanted));
}
