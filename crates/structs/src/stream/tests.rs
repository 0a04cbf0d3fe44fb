//! Streams against a `BTreeMap`, and groups against a plainer one.

use std::collections::BTreeMap;

use super::*;
use crate::listpack::tests::text;
use crate::testing;
use base::Rng;

mod blocks;
mod groups;
mod shelves;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

struct Twin {
    stream: Stream,
    model: BTreeMap<StreamId, Pairs>,
    marks: Marks,
    limit: NodeLimit,
}

pub(super) fn id(ms: u64, seq: u64) -> StreamId {
    StreamId::new(ms, seq)
}

fn view(pairs: &Pairs) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
    pairs.iter().map(|(name, value)| (&name[..], &value[..]))
}

/// Any text, seldom a very long one.
fn short_text(rng: &mut Rng) -> Vec<u8> {
    let mut text = text(rng);
    if rng.below(20) > 0 {
        text.truncate(70);
    }
    text
}

fn pairs_of(entry: &Entry<'_>) -> Pairs {
    let fields = entry.fields.clone();
    fields
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

#[test]
fn agrees_with_a_sorted_map() {
    let mut rng = testing::rng();
    for _ in 0..120 {
        let limit = NodeLimit {
            bytes: [0, 100, 1_000, 4_096][rng.below(4) as usize],
            entries: [0, 1, 3, 10, 200][rng.below(5) as usize],
        };
        let mut twin = Twin {
            stream: Stream::new(),
            model: BTreeMap::new(),
            marks: Marks::default(),
            limit,
        };
        let mut held = None;
        for _ in 0..rng.below(60) {
            twin.step(&mut rng);
            twin.stream.check();
            assert_eq!(twin.stream.marks(), twin.marks);
            if rng.below(20) == 0 {
                held = Some((twin.stream.clone(), twin.model.clone()));
            }
        }
        compare(&mut rng, &twin.stream, &twin.model);
        if let Some((stream, model)) = held {
            compare(&mut rng, &stream, &model);
        }
        twin.reload();
        while !twin.stream.free_some(2) {}
        assert_eq!(twin.stream.memory_bytes(), 0);
    }
}

impl Twin {
    fn step(&mut self, rng: &mut Rng) {
        match rng.below(12) {
            0..6 => {
                for _ in 0..rng.below(12) {
                    self.add(rng);
                }
            }
            6..9 => {
                for _ in 0..rng.below(6) {
                    let id = self.some_id(rng);
                    self.remove(id);
                }
            }
            9 => {
                let (first, last) = (self.some_id(rng), self.some_id(rng));
                let ids: Vec<StreamId> = self.model.keys().copied().collect();
                for id in ids.into_iter().filter(|id| (first..last).contains(id)) {
                    self.remove(id);
                }
            }
            _ => self.trim(rng),
        }
    }

    fn add(&mut self, rng: &mut Rng) {
        let last = self.marks.last_id;
        let new = match rng.below(5) {
            0 => id(last.ms + 1 + rng.below(1 << 40), rng.next_u64()),
            1 => id(last.ms + 1, rng.below(3)),
            _ => last.next().expect("not the last of all"),
        };
        let field_count = [0, 1, 1, 2, 2, 2, 3, 12][rng.below(8) as usize];
        let name = |at: u64, rng: &mut Rng| match rng.below(12) {
            0 => short_text(rng),
            _ => format!("field {at}").into_bytes(),
        };
        let pairs: Pairs = (0..field_count)
            .map(|at| (name(at, rng), short_text(rng)))
            .collect();
        self.stream.add(new, view(&pairs), self.limit);
        self.model.insert(new, pairs);
        self.marks.len += 1;
        self.marks.entries_added += 1;
        self.marks.last_id = new;
        self.note_first();
    }

    fn remove(&mut self, id: StreamId) {
        let is_there = self.model.remove(&id).is_some();
        assert_eq!(self.stream.remove(id), is_there);
        if is_there {
            self.marks.len -= 1;
            self.marks.max_deleted_id = self.marks.max_deleted_id.max(id);
            self.note_first();
        }
    }

    fn trim(&mut self, rng: &mut Rng) {
        let trim = match rng.below(2) {
            0 => Trim::MaxLen(rng.below(self.model.len() as u64 + 3)),
            _ => Trim::MinId(self.some_id(rng)),
        };
        let ids: Vec<StreamId> = self.model.keys().copied().collect();
        let all = match trim {
            Trim::MaxLen(most) => ids.len().saturating_sub(most as usize),
            Trim::MinId(least) => ids.partition_point(|id| *id < least),
        } as u64;
        let most = rng.below(30);
        let extent = match rng.below(4) {
            0 => Extent::WholeNodes { entries_max: None },
            1 => Extent::WholeNodes {
                entries_max: Some(most),
            },
            _ => Extent::Exact,
        };
        let nodes = self.stream.node_count();
        let (removed, mut leftover) = self.stream.trim(trim, extent);
        match extent {
            Extent::Exact => assert_eq!(removed, all),
            Extent::WholeNodes { entries_max } => {
                assert!(removed <= all && entries_max.is_none_or(|most| removed <= most));
                assert_eq!(removed > 0, self.stream.node_count() < nodes);
            }
        }
        while !leftover.free_some(1) {}
        for id in &ids[..removed as usize] {
            self.model.remove(id);
        }
        self.marks.len -= removed;
        self.note_first();
    }

    fn note_first(&mut self) {
        let first = self.model.keys().next().copied();
        self.marks.first_id = first.unwrap_or_default();
    }

    /// An id that is there, or near one.
    fn some_id(&self, rng: &mut Rng) -> StreamId {
        some_id(&self.model, rng)
    }

    /// What is saved and loaded is the same stream.
    fn reload(&mut self) {
        let mut again = Stream::new();
        for (master, bytes) in self.stream.nodes() {
            again
                .push_node(master, bytes.to_vec())
                .expect("a sound node");
        }
        again.restore_marks(self.marks).expect("its marks");
        again.check();
        assert_eq!(again.marks(), self.marks);
        assert!(again.nodes().eq(self.stream.nodes()));
    }
}

fn some_id(model: &BTreeMap<StreamId, Pairs>, rng: &mut Rng) -> StreamId {
    let at = rng.below(model.len() as u64 + 1) as usize;
    let known = model.keys().nth(at).copied().unwrap_or(StreamId::MAX);
    match rng.below(6) {
        0 => known.prev().unwrap_or(known),
        1 => known.next().unwrap_or(known),
        2 => id(known.ms, rng.next_u64()),
        _ => known,
    }
}

fn compare(rng: &mut Rng, stream: &Stream, model: &BTreeMap<StreamId, Pairs>) {
    stream.check();
    let plain = |entry: Entry<'_>| (entry.id, pairs_of(&entry));
    for _ in 0..5 {
        let from = some_id(model, rng);
        let wanted = model.range(from..).map(|(id, pairs)| (*id, pairs.clone()));
        assert!(stream.iter_from(from).map(plain).eq(wanted));
        let wanted = model
            .range(..=from)
            .rev()
            .map(|(id, pairs)| (*id, pairs.clone()));
        assert!(stream.iter_back_from(from).map(plain).eq(wanted));
        let found = stream.get(from);
        assert_eq!(
            found.map(|entry| pairs_of(&entry)),
            model.get(&from).cloned()
        );
    }
    assert_eq!(stream.iter_from(StreamId::MIN).count(), model.len());
}

#[test]
fn ids() {
    assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
    assert_eq!((StreamId::MAX.next(), StreamId::MIN.prev()), (None, None));
    assert_eq!(id(2, 0).prev(), Some(id(1, u64::MAX)));
    let bytes = id(0x0102_0304_0506_0708, 9).to_bytes();
    assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9]);
    assert_eq!(StreamId::of_bytes(bytes), id(0x0102_0304_0506_0708, 9));
}

/// Damage is seen, or what is left is a stream all the same; nothing panics.
#[test]
fn foreign_nodes() {
    let mut rng = testing::rng();
    let mut stream = Stream::new();
    let pairs = |number: u64| -> Pairs {
        vec![
            (b"f".to_vec(), number.to_string().into()),
            (b"g".to_vec(), b"x".to_vec()),
        ]
    };
    for number in 1..20 {
        let pairs = if number % 5 == 0 {
            Pairs::new()
        } else {
            pairs(number)
        };
        stream.add(
            id(number, 7 - number % 3),
            view(&pairs),
            NodeLimit::default(),
        );
    }
    stream.remove(id(3, 7));
    let (master, good) = stream.nodes().next().expect("a node");
    for _ in 0..5_000 {
        let mut bytes = good.to_vec();
        for _ in 0..1 + rng.below(2) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] = rng.next_u64() as u8;
        }
        let mut other = Stream::new();
        if other.push_node(master, bytes).is_ok() {
            other.check();
            let count = other
                .iter_from(StreamId::MIN)
                .map(|entry| entry.fields.count());
            let back = other.iter_back_from(StreamId::MAX).count();
            assert_eq!(count.count(), back);
        }
    }
    let mut other = Stream::new();
    other
        .push_node(master, good.to_vec())
        .expect("a sound node");
    let flaw = other
        .push_node(id(18, 0), good.to_vec())
        .expect_err("it comes before");
    assert_eq!(
        flaw.what,
        "a stream's entry whose id is not above the one before"
    );
    let marks = Marks {
        len: 17,
        ..stream.marks()
    };
    assert!(other.restore_marks(marks).is_err());
    other.restore_marks(stream.marks()).expect("its marks");
}

/// redis-server 7.0 takes 21.1 bytes for each, of which 16 are name and value.
#[test]
fn memory_of_a_million_entries() {
    let mut stream = Stream::new();
    for number in 0..1_000_000 {
        let value = format!("e{number:09}");
        let fields = [(&b"field"[..], value.as_bytes())];
        let id = id(1_700_000_000_000 + number, 0);
        stream.add(id, fields.into_iter(), NodeLimit::default());
    }
    let per_entry = stream.memory_bytes() as f64 / 1e6;
    println!("{per_entry:.3} bytes an entry");
    assert!(per_entry < 21.0, "{per_entry}");
    let held = stream.clone();
    stream.remove(id(1_700_000_500_000, 0));
    assert_eq!((stream.len(), held.len()), (999_999, 1_000_000));
    assert!(held.get(id(1_700_000_500_000, 0)).is_some());
}
