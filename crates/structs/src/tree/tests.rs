//! The tree against a sorted vector. A `Ref` is a number here, and its name follows from it.

use super::*;
use base::Rng;

/// Names of the numbers 0, 1, 2 ..., in no order that the numbers have.
struct Numbers(Vec<Vec<u8>>);

impl Numbers {
    fn up_to(count: u32) -> Numbers {
        let name = |i: u32| format!("{:x}", i.wrapping_mul(0x9e37_79b1)).into_bytes();
        Numbers((0..count).map(name).collect())
    }
}

impl Names for Numbers {
    fn name(&self, at: Ref) -> &[u8] {
        &self.0[at.to_bits() as usize]
    }
}

fn entry(score: f64, number: u32) -> Entry {
    let at = Ref::from_bits(number);
    Entry { score, at }
}

type Model = Vec<(f64, Vec<u8>, u32)>;

fn place(model: &Model, score: f64, name: &[u8]) -> Result<usize, usize> {
    model.binary_search_by(|(other, other_name, _)| {
        other
            .partial_cmp(&score)
            .unwrap()
            .then(other_name[..].cmp(name))
    })
}

fn compare(tree: &Tree, model: &Model, names: &Numbers) {
    tree.check(names);
    let held: Vec<Entry> = model
        .iter()
        .map(|(score, _, at)| entry(*score, *at))
        .collect();
    assert!(tree.walk(0..usize::MAX).eq(held.iter().copied()));
    assert!(
        tree.walk(0..usize::MAX)
            .rev()
            .eq(held.iter().rev().copied())
    );
}

#[test]
fn agrees_with_a_sorted_vector_and_clones_stay_as_they_were() {
    let mut rng = crate::testing::rng();
    let names = Numbers::up_to(4_000);
    for round in 0..40 {
        let (mut tree, mut model) = (Tree::default(), Model::new());
        let mut scores: Vec<Option<f64>> = vec![None; 4_000];
        let mut kept = Vec::new();
        // All scores equal, or few, or many different ones.
        let kinds = [1, 5, 1_000_000][round % 3];
        for phase in 0..10 {
            let weight = rng.below(11);
            for _ in 0..rng.below(1_200) {
                let number = rng.below(4_000) as u32;
                let name = names.name(Ref::from_bits(number)).to_vec();
                let score = rng.below(kinds) as f64 - 2.0;
                let held = &mut scores[number as usize];
                match (*held, rng.below(10) < weight) {
                    (None, true) => {
                        tree.insert(entry(score, number), &names);
                        let at = place(&model, score, &name).unwrap_err();
                        model.insert(at, (score, name, number));
                        *held = Some(score);
                    }
                    (Some(old), true) => {
                        tree.rescore(old, &name, score, &names);
                        model.remove(place(&model, old, &name).unwrap());
                        let at = place(&model, score, &name).unwrap_err();
                        model.insert(at, (score, name, number));
                        *held = Some(score);
                    }
                    (Some(old), false) => {
                        let rank = place(&model, old, &name).unwrap();
                        assert_eq!(tree.rank(old, &name, &names), Some(rank));
                        assert_eq!(
                            tree.remove(old, &name, &names),
                            Some(Ref::from_bits(number))
                        );
                        model.remove(rank);
                        *held = None;
                    }
                    (None, false) => assert_eq!(tree.rank(score, &name, &names), None),
                }
            }
            compare(&tree, &model, &names);
            look(&tree, &model, &mut rng);
            if phase % 3 == 0 {
                kept.push((tree.clone(), model.clone()));
            }
            if rng.below(3) == 0 && !model.is_empty() {
                take_range(&mut tree, &mut model, &mut scores, &mut rng);
                compare(&tree, &model, &names);
            }
        }
        for (tree, model) in &kept {
            compare(tree, model, &names);
            let again = Tree::from_sorted(tree.walk(0..tree.len()));
            compare(&again, model, &names);
        }
    }
}

/// Ranks, bounds and walks of a tree.
fn look(tree: &Tree, model: &Model, rng: &mut Rng) {
    let len = model.len() as u64;
    for _ in 0..20 {
        let score = rng.below(10) as f64 - 3.0;
        let below = model.iter().filter(|held| held.0 < score).count();
        assert_eq!(tree.count_while(|entry| entry.score < score), below);
        let (one, other) = (rng.below(len + 3) as usize, rng.below(len + 3) as usize);
        let entries = model.iter().map(|(score, _, at)| entry(*score, *at));
        let wanted = entries.skip(one).take(other.saturating_sub(one));
        assert!(tree.walk(one..other).eq(wanted));
        assert_eq!(tree.get(one).is_some(), one < model.len());
    }
    let mut walk = tree.walk(0..tree.len());
    let mut both = 0;
    while walk.next().is_some() {
        both += 1 + usize::from(walk.next_back().is_some());
    }
    assert_eq!(both, model.len());
}

fn take_range(tree: &mut Tree, model: &mut Model, scores: &mut [Option<f64>], rng: &mut Rng) {
    let from = rng.below(model.len() as u64) as usize;
    let mut left = rng.below(model.len() as u64 - from as u64 + 1) as usize;
    while left > 0 {
        let mut gone = Vec::new();
        let taken = tree.take(from, left, &mut |entry| gone.push(entry));
        assert!(taken > 0 && taken == gone.len() && taken <= left);
        for (held, gone) in model.drain(from..from + taken).zip(gone) {
            assert!(gone == entry(held.0, held.2));
            scores[held.2 as usize] = None;
        }
        left -= taken;
    }
}

#[test]
fn leaves_are_full_where_entries_come_in_order() {
    let count = 100_000;
    let names = Numbers::up_to(count);
    let up: Vec<Entry> = (0..count).map(|i| entry(f64::from(i), i)).collect();
    let mut random = up.clone();
    let mut rng = Rng::new(1);
    (0..random.len()).for_each(|i| random.swap(i, rng.below(i as u64 + 1) as usize));
    let down: Vec<Entry> = up.iter().rev().copied().collect();
    for (order, bytes_max) in [(&up, 12.8), (&down, 12.8), (&random, 14.3)] {
        let mut tree = Tree::default();
        order.iter().for_each(|entry| tree.insert(*entry, &names));
        tree.check(&names);
        let bytes = tree.memory_bytes() as f64 / f64::from(count);
        println!("{bytes:.2} bytes per entry");
        assert!(bytes < bytes_max, "{bytes} bytes per entry");
    }
    let built = Tree::from_sorted(up);
    built.check(&names);
    assert!(built.memory_bytes() as f64 / f64::from(count) < 12.8);
}

#[test]
fn what_is_left_of_many_takes_little() {
    let names = Numbers::up_to(50_000);
    let mut tree = Tree::from_sorted((0..50_000).map(|i| entry(f64::from(i), i)));
    let mut rng = Rng::new(1);
    while tree.len() > 500 {
        tree.remove_at(rng.below(tree.len() as u64) as usize);
        let each = tree.memory_bytes() / tree.len();
        assert!(each < 20, "{each} bytes for each of {}", tree.len());
    }
    tree.check(&names);
    while !tree.is_empty() {
        tree.remove_at(0);
    }
    assert_eq!(tree.memory_bytes(), 0);
}

#[test]
fn a_tree_is_freed_in_slices_and_leaves_its_clone_alone() {
    let names = Numbers::up_to(50_000);
    let mut tree = Tree::from_sorted((0..50_000).map(|i| entry(f64::from(i), i)));
    let mut clone = tree.clone();
    clone.remove_at(77);
    for tree in [&mut tree, &mut clone] {
        let mut twin = tree.clone();
        twin.check(&names);
        while !twin.free_some(5) {}
        assert_eq!((twin.memory_bytes(), twin.len()), (0, 0));
        tree.check(&names);
    }
    let mut slices = 1;
    while !tree.free_some(5) {
        slices += 1;
    }
    clone.check(&names);
    while !clone.free_some(5) {
        slices += 1;
    }
    assert!(slices > 50, "{slices}");
}

#[test]
fn zeros_are_equal_and_infinities_are_ends() {
    let names = Numbers(vec![
        b"b".to_vec(),
        b"a".to_vec(),
        b"c".to_vec(),
        b"d".to_vec(),
    ]);
    let mut tree = Tree::default();
    for (score, number) in [
        (0.0, 0),
        (-0.0, 1),
        (f64::INFINITY, 2),
        (f64::NEG_INFINITY, 3),
    ] {
        tree.insert(entry(score, number), &names);
    }
    tree.check(&names);
    let order: Vec<u32> = tree.walk(0..4).map(|entry| entry.at.to_bits()).collect();
    assert_eq!(order, [3, 1, 0, 2]);
    assert_eq!(tree.rank(0.0, b"a", &names), Some(1));
}
