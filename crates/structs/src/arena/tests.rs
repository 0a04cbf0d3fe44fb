//! The arena against a map of what each `Ref` should lead to.

use std::collections::BTreeMap;

use super::*;
use base::Rng;

/// An arena with an owner that follows its moves.
#[derive(Clone, Default)]
struct Owner {
    arena: Arena,
    model: BTreeMap<Ref, Vec<u8>>,
}

impl Owner {
    fn add(&mut self, bytes: &[u8]) -> Ref {
        let (front, back) = bytes.split_at(bytes.len() / 2);
        let at = self.arena.insert(&[front, back]);
        assert!(self.model.insert(at, bytes.to_vec()).is_none());
        at
    }

    fn remove(&mut self, at: Ref) {
        self.model.remove(&at).unwrap();
        self.arena.remove(at);
        for _ in 0..4 {
            let Some((old, new)) = self.arena.copy_out() else {
                break;
            };
            let bytes = self.model.remove(&old).unwrap();
            assert!(self.model.insert(new, bytes).is_none());
            self.arena.remove(old);
        }
    }

    fn replace(&mut self, at: Ref, bytes: &[u8]) {
        let new = self.arena.replace(at, &[bytes]);
        self.model.remove(&at).unwrap();
        assert!(self.model.insert(new, bytes.to_vec()).is_none());
    }

    fn some(&self, rng: &mut Rng) -> Option<Ref> {
        let at = rng.below(self.model.len().max(1) as u64) as usize;
        self.model.keys().nth(at).copied()
    }

    fn check(&self) {
        self.arena.check();
        assert_eq!(self.arena.len(), self.model.len());
        for (at, bytes) in &self.model {
            assert_eq!(self.arena.get(*at), bytes);
        }
    }

    fn unused_percent(&self) -> usize {
        let needed = self.arena.item_bytes + self.arena.items * SLOT_BYTES;
        100 - needed * 100 / self.arena.memory_bytes()
    }
}

fn item(rng: &mut Rng, len_max: u64) -> Vec<u8> {
    let len_max = if rng.below(50) == 0 { 5_000 } else { len_max };
    let mut bytes = vec![0; rng.below(len_max + 1) as usize];
    rng.fill(&mut bytes);
    bytes
}

#[test]
fn agrees_with_a_map() {
    let mut rng = crate::testing::rng();
    for _ in 0..60 {
        let len_max = [1, 8, 40, 300, 1_500][rng.below(5) as usize];
        let mut owner = Owner::default();
        let mut kept: Vec<Owner> = Vec::new();
        for phase in 0..12 {
            let weight = rng.below(11);
            for _ in 0..rng.below(800) {
                match (rng.below(10) < weight, owner.some(&mut rng)) {
                    (false, Some(at)) => owner.remove(at),
                    (true, Some(at)) if rng.below(5) == 0 => {
                        owner.replace(at, &item(&mut rng, len_max));
                    }
                    (true, Some(at)) if rng.below(8) == 0 => {
                        owner.arena.get_mut(at).fill(7);
                        owner.model.get_mut(&at).unwrap().fill(7);
                    }
                    _ => {
                        owner.add(&item(&mut rng, len_max));
                    }
                }
            }
            owner.check();
            if phase % 4 == 0 {
                kept.push(owner.clone());
            }
        }
        kept.iter().for_each(Owner::check);
        while let Some(at) = owner.some(&mut rng) {
            owner.remove(at);
        }
        assert_eq!(owner.arena.memory_bytes(), 0);
    }
}

#[test]
fn little_is_unused_while_it_grows_and_while_it_shrinks() {
    for len in [3, 20, 90, 700] {
        let mut rng = Rng::new(len);
        let mut owner = Owner::default();
        let mut refs = 0;
        for _ in 0..40_000 / len.max(10) * 10 {
            owner.add(&vec![b'x'; (len + rng.below(len / 2)) as usize]);
            refs += 1;
            if refs % 1_000 == 0 {
                let percent = owner.unused_percent();
                assert!(percent <= 25, "{percent} % of {refs} items of {len}");
            }
        }
        while refs > 500 {
            let at = *owner
                .model
                .keys()
                .nth(rng.below(refs.min(999)) as usize)
                .unwrap();
            owner.remove(at);
            refs -= 1;
            if refs % 1_000 == 0 && refs >= 10_000 {
                let percent = owner.unused_percent();
                assert!(percent <= 45, "{percent} % of {refs} left of {len}");
            }
        }
        owner.check();
    }
}

/// The list of pages is cut by moving what lies in the last ones.
#[test]
fn what_is_left_of_many_takes_little() {
    let mut owner = Owner::default();
    let refs: Vec<Ref> = (0..200_000)
        .map(|_| owner.add(b"a member of a set"))
        .collect();
    let full = owner.arena.memory_bytes();
    let mut rng = Rng::new(1);
    while owner.model.len() > 10 {
        // Mostly at random, by way of the number that a Ref is.
        let some = refs[rng.below(refs.len() as u64) as usize];
        let at = *owner
            .model
            .range(some..)
            .next()
            .unwrap_or((owner.model.first_key_value()).unwrap())
            .0;
        owner.remove(at);
    }
    owner.check();
    assert!(
        owner.arena.memory_bytes() * 100 < full,
        "{}",
        owner.arena.memory_bytes()
    );
}

#[test]
fn a_clone_is_freed_in_slices_and_leaves_the_other_alone() {
    let mut owner = Owner::default();
    for i in 0..50_000u32 {
        owner.add(&i.to_le_bytes());
    }
    let mut clone = owner.arena.clone();
    let mut slices = 0;
    while !clone.free_some(10) {
        slices += 1;
    }
    assert!(slices > 10);
    assert_eq!(clone.memory_bytes(), 0);
    owner.check();
}
