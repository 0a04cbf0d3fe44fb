//! Groups against a map of what is pending.

use std::collections::BTreeMap;

use super::id;
use crate::stream::{ConsumerIndex, Group, Pending, Stream, StreamId};
use crate::testing;
use base::Rng;

struct Twin {
    group: Group,
    /// By id: the consumer, when, how often.
    pending: BTreeMap<StreamId, (Vec<u8>, i64, u64)>,
    /// When each consumer was seen and active.
    consumers: BTreeMap<Vec<u8>, (i64, Option<i64>)>,
}

#[test]
fn agree_with_a_map() {
    let mut rng = testing::rng();
    for _ in 0..60 {
        let mut twin = Twin {
            group: Group::new(b"group", StreamId::MIN, None),
            pending: BTreeMap::new(),
            consumers: BTreeMap::new(),
        };
        for _ in 0..rng.below(300) {
            twin.step(&mut rng);
        }
        twin.compare(&mut rng);
        let held = twin.group.clone();
        for _ in 0..50 {
            twin.step(&mut rng);
        }
        twin.compare(&mut rng);
        held.check();
        while !twin.group.free_some(1) {}
        assert!(twin.group.pending().is_empty());
        held.check();
    }
}

impl Twin {
    fn step(&mut self, rng: &mut Rng) {
        let name = vec![b'a' + rng.below(6) as u8; 1 + rng.below(2) as usize];
        let now_ms = rng.below(1 << 40) as i64;
        let known = self.group.find_consumer(&name);
        assert_eq!(known.is_some(), self.consumers.contains_key(&name));
        match (rng.below(8), known) {
            (0, _) | (_, None) => {
                let added = self.group.add_consumer(&name, now_ms);
                assert_eq!(added.is_none(), known.is_some());
                if added.is_some() {
                    self.consumers.insert(name, (now_ms, None));
                }
            }
            (1, Some(index)) => {
                let active_ms = (rng.below(2) == 0).then_some(now_ms);
                self.group.touch(index, now_ms, active_ms);
                let times = self.consumers.get_mut(&name).expect("it is known");
                *times = (now_ms, active_ms.or(times.1));
            }
            (2, Some(index)) if rng.below(8) == 0 => {
                let before = self.pending.len();
                self.pending.retain(|_, (owner, ..)| *owner != name);
                self.consumers.remove(&name);
                assert_eq!(
                    self.group.remove_consumer(index),
                    before - self.pending.len()
                );
            }
            (2 | 3, Some(_)) => {
                for _ in 0..rng.below(20) {
                    let id = self.some_id(rng);
                    let was = self.pending.remove(&id).is_some();
                    assert_eq!(self.group.acknowledge(id), was);
                }
            }
            (_, Some(index)) => {
                for _ in 0..rng.below(200) {
                    self.deliver(rng, index, &name, now_ms);
                }
            }
        }
    }

    fn deliver(&mut self, rng: &mut Rng, consumer: ConsumerIndex, name: &[u8], now_ms: i64) {
        let id = self.some_id(rng);
        let pending = Pending {
            consumer,
            delivered_ms: now_ms,
            deliveries: 1 + rng.below(5),
        };
        self.group.deliver(id, pending);
        self.pending
            .insert(id, (name.to_vec(), now_ms, pending.deliveries));
    }

    /// Most often a new one behind all others.
    fn some_id(&self, rng: &mut Rng) -> StreamId {
        let last = self
            .pending
            .last_key_value()
            .map_or(StreamId::MIN, |(id, _)| *id);
        match rng.below(3) {
            0 => id(rng.below(last.ms + 1), rng.below(2)),
            _ => id(last.ms + 1, 0),
        }
    }

    fn compare(&self, rng: &mut Rng) {
        let group = &self.group;
        group.check();
        let name = |index: ConsumerIndex| group.consumer(index).name().to_vec();
        let plain = |(id, pending): (StreamId, &Pending)| {
            (
                id,
                (
                    name(pending.consumer),
                    pending.delivered_ms,
                    pending.deliveries,
                ),
            )
        };
        let from = self.some_id(rng);
        let wanted = || {
            self.pending
                .range(from..)
                .map(|(id, pending)| (*id, pending.clone()))
        };
        assert!(group.pending().iter_from(from).map(plain).eq(wanted()));
        assert_eq!(group.consumers().len(), self.consumers.len());
        for ((index, consumer), (name, times)) in group.consumers().zip(&self.consumers) {
            assert_eq!((consumer.name(), consumer.seen_ms()), (&name[..], times.0));
            assert_eq!(consumer.active_ms(), times.1);
            let own = wanted().filter(|(_, (owner, ..))| owner == name);
            assert!(group.pending_of(index, from).map(plain).eq(own));
        }
    }
}

#[test]
fn a_stream_has_groups_by_name() {
    let mut stream = Stream::new();
    for (name, is_new) in [("b", true), ("a", true), ("c", true), ("b", false)] {
        let group = Group::new(name.as_bytes(), id(5, 0), Some(3));
        assert_eq!(stream.add_group(group), is_new);
    }
    stream.check();
    let names: Vec<&[u8]> = stream.groups().map(Group::name).collect();
    assert_eq!(names, [b"a", b"b", b"c"]);
    let held = stream.clone();
    let changed = stream.change_group(b"b", |group| {
        group.set_position(id(6, 1), None);
        let consumer = group.add_consumer(b"one", 10).expect("it is new");
        for ms in 0..1_000 {
            let pending = Pending {
                consumer,
                delivered_ms: 10,
                deliveries: 1,
            };
            group.deliver(id(ms, 0), pending);
        }
    });
    assert!(changed.is_some() && stream.change_group(b"x", |_| ()).is_none());
    stream.check();
    let group = |stream: &Stream| {
        stream
            .group(b"b")
            .map(|group| (group.last_delivered_id(), group.entries_read()))
    };
    assert_eq!(group(&stream), Some((id(6, 1), None)));
    assert_eq!(group(&held), Some((id(5, 0), Some(3))));
    held.check();
    assert!(stream.remove_group(b"a").is_some() && stream.remove_group(b"a").is_none());
    stream.check();
    while !stream.free_some(1) {}
    assert_eq!(stream.memory_bytes(), 0);
}

/// 40 bytes for the group, 16 for the consumer, and hardly anything for the pages.
#[test]
fn memory_of_a_million_deliveries() {
    let mut group = Group::new(b"group", StreamId::MIN, None);
    let consumer = group.add_consumer(b"one", 0).expect("it is new");
    for ms in 0..1_000_000 {
        let pending = Pending {
            consumer,
            delivered_ms: 1_700_000_000_000,
            deliveries: 1,
        };
        group.deliver(id(ms, 0), pending);
    }
    let each = group.memory_bytes() as f64 / 1e6;
    println!("{each:.2} bytes a delivery");
    assert!(each < 58.0, "{each}");
    (0..1_000_000).for_each(|ms| assert!(group.acknowledge(id(ms, 0))));
    group.check();
    assert!(group.memory_bytes() < 10_000, "{}", group.memory_bytes());
}
