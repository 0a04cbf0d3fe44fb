//! Shelves against a `BTreeMap`.

use std::collections::BTreeMap;

use super::id;
use crate::stream::StreamId;
use crate::stream::shelf::Shelf;
use crate::testing;

#[test]
fn agree_with_a_sorted_map() {
    let mut rng = testing::rng();
    for _ in 0..25 {
        let mut shelf = Shelf::new();
        let mut model = BTreeMap::new();
        let mut held = None;
        let span = [300, 3_000, 1 << 40][rng.below(3) as usize];
        for _ in 0..rng.below(60) {
            let start = rng.below(span);
            let count = rng.below(400);
            match rng.below(8) {
                0..3 => (start..start + count).for_each(|ms| {
                    assert_eq!(shelf.insert(id(ms, 0), ms), model.insert(id(ms, 0), ms));
                }),
                3 => (0..count).for_each(|_| {
                    let (id, value) = (id(rng.below(span), rng.below(3)), rng.next_u64());
                    assert_eq!(shelf.insert(id, value), model.insert(id, value));
                }),
                4 => (start..start + count).for_each(|ms| {
                    assert_eq!(shelf.remove(id(ms, 0)), model.remove(&id(ms, 0)));
                }),
                5 => {
                    let taken = shelf.take_front(count as usize);
                    taken.check();
                    for (id, value) in taken.iter_from(StreamId::MIN) {
                        assert_eq!(model.pop_first(), Some((id, *value)));
                    }
                    assert!(taken.len() == count as usize || model.is_empty());
                }
                6 => (0..count / 8).for_each(|_| assert_eq!(shelf.pop_back(), model.pop_last())),
                _ => {
                    let known = model.range_mut(id(start, 0)..).next();
                    if let Some((id, value)) = known {
                        *value += 1;
                        assert_eq!(shelf.update(*id, |value| *value += 1), Some(()));
                    }
                }
            }
            if rng.below(4) == 0 {
                compare(&shelf, &model, id(rng.below(span), 1));
            }
            if rng.below(10) == 0 {
                held = Some((shelf.clone(), model.clone()));
            }
        }
        if let Some((shelf, model)) = held {
            compare(&shelf, &model, id(rng.below(span), 0));
        }
        while !shelf.free_some(1) {
            shelf.check();
        }
        assert_eq!((shelf.len(), shelf.memory_bytes()), (0, 0));
    }
}

fn compare(shelf: &Shelf<u64>, model: &BTreeMap<StreamId, u64>, from: StreamId) {
    shelf.check();
    assert_eq!(shelf.len(), model.len());
    assert_eq!(shelf.get(from), model.get(&from));
    assert!(
        shelf
            .iter_from(from)
            .eq(model.range(from..).map(|(id, value)| (*id, value)))
    );
    let back = model.range(..=from).rev().map(|(id, value)| (*id, value));
    assert!(shelf.iter_back_from(from).eq(back));
    assert_eq!(
        shelf.last().map(|(id, _)| id),
        model.last_key_value().map(|(id, _)| *id)
    );
    assert_eq!(
        shelf.first().map(|(id, _)| id),
        model.first_key_value().map(|(id, _)| *id)
    );
}
