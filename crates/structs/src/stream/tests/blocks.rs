//! Nodes share blocks, and stop to.

use super::*;
use crate::size_class;

/// A stream of so many entries with a value of so many bytes.
fn filled(entries: u64, value_bytes: usize) -> Stream {
    let mut stream = Stream::new();
    let value = vec![b'v'; value_bytes];
    for number in 1..=entries {
        let fields = [(&b"f"[..], &value[..])];
        stream.add(id(number, 0), fields.into_iter(), NodeLimit::default());
    }
    stream.check();
    stream
}

/// How many nodes share a block.
fn shared(stream: &Stream) -> usize {
    let nodes = stream.nodes.iter_from(StreamId::MIN);
    nodes.filter(|(_, part)| !part.is_alone()).count()
}

/// What an allocator takes for a byte, if each node were alone, and as they are.
fn rounding(stream: &Stream) -> (f64, f64) {
    let (mut apart, mut together, mut used, mut block) = (0, 0, 0, 0);
    for (_, part) in stream.nodes.iter_from(StreamId::MIN) {
        apart += size_class::ceil(part.len());
        used += part.len();
        block += part.len();
        if part.ends_block() {
            together += size_class::ceil(std::mem::take(&mut block));
        }
    }
    (apart as f64 / used as f64, together as f64 / used as f64)
}

#[test]
fn blocks_are_of_sizes_that_are_not_rounded_up() {
    let sizes = 1..40;
    let (mut apart, mut together) = (0.0, 0.0);
    for value_bytes in sizes.clone() {
        let (one, all) = rounding(&filled(10_000, value_bytes));
        assert!(all <= one && all < 1.16, "values of {value_bytes} bytes");
        (apart, together) = (apart + one, together + all);
    }
    let mean = |sum: f64| sum / sizes.len() as f64;
    let (apart, together) = (mean(apart), mean(together));
    println!("a byte takes {together:.3} bytes on average, and {apart:.3} if all were alone");
    assert!(together < 1.04 && apart > 1.07);
}

#[test]
fn a_block_is_taken_apart_when_a_node_in_it_changes_or_goes() {
    let stream = filled(10_000, 16);
    let nodes = shared(&stream);
    assert!(nodes > 80);

    let mut marked = stream.clone();
    assert!(marked.remove(id(4_000, 0)));
    marked.check();
    assert!((2..=16).contains(&(nodes - shared(&marked))));

    let mut emptied = stream.clone();
    let (master, next) = (id(4_001, 0), id(4_101, 0));
    let is_node = |id| stream.nodes().any(|(master, _)| master == id);
    assert!(is_node(master) && is_node(next));
    (4_001..4_101).for_each(|ms| assert!(emptied.remove(id(ms, 0))));
    emptied.check();
    assert_eq!(emptied.node_count(), stream.node_count() - 1);

    // Whichever node of a block becomes the first, what went before it is not held.
    for nodes in 1..17 {
        let mut trimmed = stream.clone();
        let least = Trim::MinId(id(nodes * 100 + 1, 0));
        let (removed, leftover) = trimmed.trim(least, Extent::Exact);
        assert_eq!(removed, nodes * 100);
        trimmed.check();
        drop(leftover);
    }
    assert_eq!((shared(&stream), stream.len()), (nodes, 10_000));
    stream.check();
}

/// Nodes of some few bytes do not wait for ever, and large ones stay alone.
#[test]
fn any_size_of_node_is_taken() {
    for entries in [1, 2, 3, 50] {
        for value_bytes in [0, 1, 20, 300, 5_000, 20_000] {
            let limit = NodeLimit { bytes: 0, entries };
            let mut stream = Stream::new();
            let value = vec![b'v'; value_bytes];
            for number in 1..200 {
                let fields = [(&b"f"[..], &value[..])];
                stream.add(id(number, 0), fields.into_iter(), limit);
                stream.check();
            }
            assert_eq!(stream.iter_from(StreamId::MIN).count(), 199);
        }
    }
}
