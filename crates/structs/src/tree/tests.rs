//! The tree against a sorted vector. A `Ref` is a number here, which its name follows from.

use super::leaf::LEAF_MAX;
use super::*;
use base::Rng;

/// Names of the numbers 0, 1, 2 ..., in no order that the numbers have, and their scores.
struct Numbers {
    names: Vec<Vec<u8>>,
    scores: Vec<f64>,
}

impl Numbers {
    fn up_to(count: u32) -> Numbers {
        let name = |i: u32| format!("{:x}", i.wrapping_mul(0x9e37_79b1)).into_bytes();
        Numbers {
            names: (0..count).map(name).collect(),
            scores: vec![0.0; count as usize],
        }
    }

    fn scored(count: u32, score: impl Fn(u32) -> f64) -> Numbers {
        let mut numbers = Numbers::up_to(count);
        numbers.scores = (0..count).map(score).collect();
        numbers
    }
}

impl Members for Numbers {
    fn name(&self, at: Ref) -> &[u8] {
        &self.names[at.to_bits() as usize]
    }

    fn score(&self, at: Ref) -> f64 {
        self.scores[at.to_bits() as usize]
    }
}

/// Scores with their numbers, in order.
type Model = Vec<(f64, u32)>;

fn place(model: &Model, score: f64, number: u32, names: &[Vec<u8>]) -> Result<usize, usize> {
    let name = &names[number as usize];
    model.binary_search_by(|(other, other_number)| {
        let other_name = &names[*other_number as usize];
        let by_score = other.partial_cmp(&score).unwrap();
        by_score.then(other_name.cmp(name))
    })
}

fn compare(tree: &Tree, model: &Model, numbers: &Numbers) {
    tree.check(numbers);
    let held = model.iter().map(|(_, number)| Ref::from_bits(*number));
    assert!(tree.walk(0..usize::MAX).eq(held.clone()));
    assert!(tree.walk(0..usize::MAX).rev().eq(held.rev()));
}

/// What scores are made of: all equal, few, many; some that differ only in their last bits, which
/// no key can tell among others that are far away; and all magnitudes with both signs.
fn score(kind: usize, rng: &mut Rng) -> f64 {
    match kind {
        0 => 1.0,
        1 => rng.below(5) as f64 - 2.0,
        2 => rng.below(1_000_000) as f64 - 2.0,
        3 if rng.below(50) == 0 => 1e300,
        3 => 1.0 + rng.below(2_000) as f64 * f64::EPSILON,
        4 => 1.7e12 + rng.below(100_000) as f64,
        _ => loop {
            let score = f64::from_bits(rng.next_u64());
            if !score.is_nan() {
                break score;
            }
        },
    }
}

#[test]
fn agrees_with_a_sorted_vector_and_clones_stay_as_they_were() {
    const COUNT: u32 = 6_000;
    let mut rng = crate::testing::rng();
    for round in 0..48 {
        let kind = round % 6;
        let mut numbers = Numbers::up_to(COUNT);
        let (mut tree, mut model) = (Tree::default(), Model::new());
        let mut held = vec![false; COUNT as usize];
        let mut kept = Vec::new();
        for phase in 0..10 {
            let weight = rng.below(11);
            for _ in 0..rng.below(2_500) {
                let number = rng.below(u64::from(COUNT)) as u32;
                let at = Ref::from_bits(number);
                let there = &mut held[number as usize];
                let score = score(kind, &mut rng);
                let old = numbers.scores[number as usize];
                let names = &numbers.names;
                match (*there, rng.below(10) < weight) {
                    (false, true) => {
                        model.insert(
                            place(&model, score, number, names).unwrap_err(),
                            (score, number),
                        );
                        numbers.scores[number as usize] = score;
                        tree.insert(at, &numbers);
                        *there = true;
                    }
                    (true, true) => {
                        model.remove(place(&model, old, number, names).unwrap());
                        let place = place(&model, score, number, names).unwrap_err();
                        model.insert(place, (score, number));
                        let stays = tree.rescore(at, score, &numbers);
                        numbers.scores[number as usize] = score;
                        if !stays {
                            tree.insert(at, &numbers);
                        }
                    }
                    (true, false) => {
                        let rank = place(&model, old, number, names).unwrap();
                        assert_eq!(tree.rank(at, &numbers), rank);
                        tree.remove(at, &numbers);
                        model.remove(rank);
                        *there = false;
                    }
                    (false, false) => {}
                }
            }
            compare(&tree, &model, &numbers);
            look(&tree, &model, &numbers, kind, &mut rng);
            if phase % 3 == 0 {
                let then = Numbers {
                    names: numbers.names.clone(),
                    scores: numbers.scores.clone(),
                };
                kept.push((tree.clone(), model.clone(), then));
            }
            if rng.below(3) == 0 && !model.is_empty() {
                take_range(&mut tree, &mut model, &mut held, &numbers, &mut rng);
                compare(&tree, &model, &numbers);
            }
        }
        for (tree, model, numbers) in &kept {
            compare(tree, model, numbers);
            let entries: Vec<Ref> = tree.walk(0..tree.len()).collect();
            compare(&Tree::from_sorted(&entries, numbers), model, numbers);
        }
    }
}

/// Ranks, bounds and walks of a tree.
fn look(tree: &Tree, model: &Model, numbers: &Numbers, kind: usize, rng: &mut Rng) {
    let len = model.len() as u64;
    for _ in 0..20 {
        let score = score(kind, rng);
        let number = rng.below(numbers.names.len() as u64) as u32;
        let name = &numbers.names[number as usize];
        let before = |bound: &Bound<'_>| tree.before(bound, numbers);
        let count = |is: &dyn Fn(f64) -> bool| model.iter().filter(|held| is(held.0)).count();
        let below = count(&|held| held < score);
        assert_eq!(before(&Bound::of_score(score, false)), below);
        let through = count(&|held| held <= score);
        assert_eq!(before(&Bound::of_score(score, true)), through);
        let found = place(model, score, number, &numbers.names);
        let (rank, is_there) = match found {
            Ok(rank) => (rank, 1),
            Err(rank) => (rank, 0),
        };
        assert_eq!(before(&Bound::of_name(score, name, false)), rank);
        assert_eq!(before(&Bound::of_name(score, name, true)), rank + is_there);
        let (one, other) = (rng.below(len + 3) as usize, rng.below(len + 3) as usize);
        let entries = model.iter().map(|(_, at)| Ref::from_bits(*at));
        let wanted = entries.skip(one).take(other.saturating_sub(one));
        assert!(tree.walk(one..other).eq(wanted));
        let held = model.get(one).map(|(_, at)| Ref::from_bits(*at));
        assert_eq!(tree.get(one), held);
    }
    let mut walk = tree.walk(0..tree.len());
    let mut both = 0;
    while walk.next().is_some() {
        both += 1 + usize::from(walk.next_back().is_some());
    }
    assert_eq!(both, model.len());
}

fn take_range(
    tree: &mut Tree,
    model: &mut Model,
    held: &mut [bool],
    numbers: &Numbers,
    rng: &mut Rng,
) {
    let from = rng.below(model.len() as u64) as usize;
    let mut left = rng.below(model.len() as u64 - from as u64 + 1) as usize;
    while left > 0 {
        let mut gone = Vec::new();
        let taken = tree.take(from, left, numbers, &mut |at| gone.push(at.to_bits()));
        assert!(taken > 0 && taken == gone.len() && taken <= left);
        for ((_, number), gone) in model.drain(from..from + taken).zip(gone) {
            assert_eq!(number, gone);
            held[number as usize] = false;
        }
        left -= taken;
    }
}

fn random_order(count: u32) -> Vec<Ref> {
    let mut order: Vec<Ref> = (0..count).map(Ref::from_bits).collect();
    let mut rng = Rng::new(1);
    (0..order.len()).for_each(|i| order.swap(i, rng.below(i as u64 + 1) as usize));
    order
}

#[test]
fn leaves_are_full_where_entries_come_in_order_and_nearly_so_where_not() {
    let count = 100_000;
    let numbers = Numbers::scored(count, f64::from);
    let up: Vec<Ref> = (0..count).map(Ref::from_bits).collect();
    let down: Vec<Ref> = up.iter().rev().copied().collect();
    let random = random_order(count);
    for (order, bytes_max) in [(&up, 6.4), (&down, 6.4), (&random, 7.4)] {
        let mut tree = Tree::default();
        order.iter().for_each(|at| tree.insert(*at, &numbers));
        tree.check(&numbers);
        let bytes = tree.memory_bytes() as f64 / f64::from(count);
        println!("{bytes:.2} bytes per entry");
        assert!(bytes < bytes_max, "{bytes} bytes per entry");
    }
    let built = Tree::from_sorted(&up, &numbers);
    built.check(&numbers);
    assert!(built.memory_bytes() as f64 / f64::from(count) < 6.4);
}

/// Counts how often a search has to look at a member.
struct Counted<'a> {
    numbers: &'a Numbers,
    looks: std::cell::Cell<usize>,
}

impl Members for Counted<'_> {
    fn name(&self, at: Ref) -> &[u8] {
        self.numbers.name(at)
    }

    fn score(&self, at: Ref) -> f64 {
        self.looks.set(self.looks.get() + 1);
        self.numbers.score(at)
    }
}

#[test]
fn keys_settle_nearly_every_search_whatever_the_scores_are_like() {
    let count = 50_000;
    let kinds: [fn(u32) -> f64; 5] = [
        f64::from,
        |i| 1.7e12 + f64::from(i),
        |i| f64::from(i) / 7e9,
        |i| f64::from(i).exp2().min(f64::from(i)) - 25_000.0,
        |i| f64::from(i).powi(9),
    ];
    for (kind, score) in kinds.into_iter().enumerate() {
        let numbers = Numbers::scored(count, score);
        let counted = Counted {
            numbers: &numbers,
            looks: std::cell::Cell::new(0),
        };
        let mut tree = Tree::default();
        let order = random_order(count);
        order.iter().for_each(|at| tree.insert(*at, &counted));
        let inserting = counted.looks.replace(0) as f64 / f64::from(count);
        for i in 0..count {
            let bound = Bound::of_score(score(i) * (1.0 + 1e-16), false);
            tree.before(&bound, &counted);
        }
        let searching = counted.looks.get() as f64 / f64::from(count);
        println!("scores {kind}: {inserting:.2} looks per insertion, {searching:.2} per search");
        assert!(inserting < 6.0 && searching < 2.0);
        tree.check(&numbers);
    }
}

#[test]
fn what_is_left_of_many_takes_little() {
    let numbers = Numbers::scored(50_000, f64::from);
    let all: Vec<Ref> = (0..50_000).map(Ref::from_bits).collect();
    let mut tree = Tree::from_sorted(&all, &numbers);
    let mut rng = Rng::new(1);
    let mut worst = 0;
    while tree.len() > 500 {
        tree.take(
            rng.below(tree.len() as u64) as usize,
            1,
            &numbers,
            &mut |_| (),
        );
        worst = worst.max(tree.memory_bytes() / tree.len());
    }
    println!("{worst} bytes per entry at most");
    assert!(worst < 18, "{worst}");
    tree.check(&numbers);
    while !tree.is_empty() {
        tree.take(0, 1, &numbers, &mut |_| ());
        assert!(tree.memory_bytes() < 80 + 25 * tree.len());
    }
    assert_eq!(tree.memory_bytes(), 0);
}

#[test]
fn a_few_entries_take_little() {
    let numbers = Numbers::scored(300, f64::from);
    let mut tree = Tree::default();
    for number in 0..300 {
        tree.insert(Ref::from_bits(number), &numbers);
        let bytes = tree.memory_bytes();
        assert!(
            bytes <= 64 + 9 * tree.len() || number >= 296,
            "{bytes} bytes for {number}"
        );
    }
    tree.check(&numbers);
}

#[test]
fn a_tree_is_freed_in_slices_and_leaves_its_clone_alone() {
    let numbers = Numbers::scored(50_000, f64::from);
    let all: Vec<Ref> = (0..50_000).map(Ref::from_bits).collect();
    let mut tree = Tree::from_sorted(&all, &numbers);
    let mut clone = tree.clone();
    clone.take(77, 1, &numbers, &mut |_| ());
    for tree in [&mut tree, &mut clone] {
        let mut twin = tree.clone();
        twin.check(&numbers);
        while !twin.free_some(5) {}
        assert_eq!((twin.memory_bytes(), twin.len()), (0, 0));
        tree.check(&numbers);
    }
    let mut slices = 1;
    while !tree.free_some(5) {
        slices += 1;
    }
    clone.check(&numbers);
    while !clone.free_some(5) {
        slices += 1;
    }
    // No slice frees more than five.
    assert!(
        slices >= 50_000usize.div_ceil(LEAF_MAX).div_ceil(5),
        "{slices}"
    );
}

#[test]
fn zeros_are_equal_and_infinities_are_ends() {
    let names: [&[u8]; 4] = [b"b", b"a", b"c", b"d"];
    let numbers = Numbers {
        names: names.iter().map(|name| name.to_vec()).collect(),
        scores: vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY],
    };
    let mut tree = Tree::default();
    (0..4).for_each(|number| tree.insert(Ref::from_bits(number), &numbers));
    tree.check(&numbers);
    let order: Vec<u32> = tree.walk(0..4).map(Ref::to_bits).collect();
    assert_eq!(order, [3, 1, 0, 2]);
    let bound = Bound::of_name(0.0, b"a", false);
    assert_eq!(tree.before(&bound, &numbers), 1);
    let bound = Bound::of_score(-0.0, true);
    assert_eq!(tree.before(&bound, &numbers), 3);
}
