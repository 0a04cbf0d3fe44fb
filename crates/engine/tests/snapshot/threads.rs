//! Several threads write while another one takes snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;

use base::Rng;
use engine::{Budget, IMAGES_BYTES_MAX, Progress, Threads};

use crate::world::{ANY_TIME, Memory, Seat, World, disturb, judge, judge_recovery};

const WRITERS: usize = 3;
/// Where nobody flushes or swaps.
const QUIET: usize = 9;
const PAIRS: u64 = 40;

/// What the writers have been told about one counter.
#[derive(Default)]
struct Counter {
    asked: AtomicI64,
    acknowledged: AtomicI64,
}

fn write(mut seat: Seat, seed: u64, stop: &AtomicBool, counter: &Counter) {
    let mut rng = Rng::new(seed);
    let mut turn = 0u64;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        for _ in 0..20 {
            disturb(&mut seat, &mut rng);
        }
        seat.say(&format!("SELECT {QUIET}"));
        let pair = rng.below(PAIRS);
        let value = format!("{seed}:{turn}:{}", "p".repeat(rng.below(100) as usize));
        seat.say("MULTI");
        seat.say(&format!("SET left:{pair} {value}"));
        seat.say(&format!("SET right:{pair} {value}"));
        seat.say("EXEC");
        seat.say(&format!("MSET one:{pair} {value} two:{pair} {value}"));
        counter.asked.fetch_add(1, Ordering::SeqCst);
        seat.say("INCR counter");
        counter.acknowledged.fetch_add(1, Ordering::SeqCst);
        seat.say(&format!("SELECT {}", rng.below(3)));
        if turn.is_multiple_of(50) {
            seat.world.advance_ms(20);
            let now = seat.world.now();
            seat.executor.sweep(now, 0, 1, 4);
        }
    }
}

/// Take snapshots while writers write. Returns how often a writer had to wait.
fn campaign(seed: u64, snapshots: usize, cap_bytes: usize, slice_bytes: usize) -> u64 {
    let world = World::new(Threads::Many(WRITERS));
    let (stop, counter) = (AtomicBool::new(false), Counter::default());
    let highest_bytes = AtomicUsize::new(0);
    let mut taken = Vec::new();
    thread::scope(|scope| {
        for writer in 0..WRITERS as u64 {
            let seat = world.seat();
            let (stop, counter) = (&stop, &counter);
            scope.spawn(move || write(seat, seed * 100 + writer, stop, counter));
        }
        let mut seat = world.seat();
        let mut rng = Rng::new(seed);
        // Should an assertion fail here, the writers must not go on for ever.
        let _stop = Stop(&stop);
        for _ in 0..snapshots {
            thread::sleep(std::time::Duration::from_millis(rng.below(15)));
            let least = counter.acknowledged.load(Ordering::SeqCst);
            let snapshot = seat.executor.begin_snapshot(cap_bytes);
            let most = counter.asked.load(Ordering::SeqCst);
            let mut snapshot = snapshot.unwrap();
            let mut sink = Memory::default();
            let budget = Budget {
                slices: 1,
                slice_bytes,
                time_us_max: ANY_TIME,
            };
            loop {
                highest_bytes.fetch_max(world.engine.image_bytes(), Ordering::Relaxed);
                if seat.executor.save_step(&mut snapshot, budget, &mut sink) == Progress::Done {
                    break;
                }
                if rng.below(3) == 0 {
                    thread::sleep(std::time::Duration::from_micros(rng.below(300)));
                }
            }
            consistent(&sink, least, most);
            taken.push((snapshot, sink));
        }
    });
    for (snapshot, sink) in &taken {
        judge(&world, snapshot, &sink.content);
    }
    let (snapshot, sink) = taken.last().unwrap();
    judge_recovery(&world, snapshot, &sink.content);
    // One command in each thread may have begun while there was room.
    let most_bytes = cap_bytes.saturating_add(WRITERS * 20_000);
    assert!(highest_bytes.load(Ordering::Relaxed) <= most_bytes);
    world.parked.load(Ordering::Relaxed)
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn consistent(sink: &Memory, least: i64, most: i64) {
    let value = |key: String| sink.content.get(&(QUIET, key.into_bytes()));
    for pair in 0..PAIRS {
        assert_eq!(
            value(format!("left:{pair}")),
            value(format!("right:{pair}"))
        );
        assert_eq!(value(format!("one:{pair}")), value(format!("two:{pair}")));
    }
    let counter = value("counter".into()).map_or("0", |value| str::from_utf8(&value.0).unwrap());
    let counter: i64 = counter.parse().unwrap();
    assert!(
        (least..=most).contains(&counter),
        "{least} {counter} {most}"
    );
}

#[test]
fn a_snapshot_is_one_moment_of_all_threads() {
    for seed in 0..4 {
        let waited = campaign(seed, 12, IMAGES_BYTES_MAX, 2_000);
        assert_eq!(waited, 0);
    }
}

#[test]
fn writers_that_wait_get_their_turn() {
    let mut waited = 0;
    for seed in 10..13 {
        waited += campaign(seed, 10, 3_000, 500);
    }
    assert!(waited > 0, "the cap was never reached");
}

/// Snapshots that are given up, one after the other, by whoever comes.
#[test]
fn snapshots_that_are_given_up_trouble_nobody() {
    let world = World::new(Threads::Many(WRITERS));
    let (stop, counter) = (AtomicBool::new(false), Counter::default());
    thread::scope(|scope| {
        for writer in 0..WRITERS as u64 {
            let seat = world.seat();
            let (stop, counter) = (&stop, &counter);
            scope.spawn(move || write(seat, writer, stop, counter));
        }
        let mut seat = world.seat();
        let mut rng = Rng::new(5);
        let _stop = Stop(&stop);
        let mut taken = 0;
        while taken < 40 {
            let Ok(mut snapshot) = seat.executor.begin_snapshot(5_000) else {
                seat.executor.clear_abandoned(1);
                continue;
            };
            taken += 1;
            let mut sink = Memory::default();
            for _ in 0..rng.below(30) {
                let budget = Budget {
                    slices: 1,
                    slice_bytes: 1_000,
                    time_us_max: ANY_TIME,
                };
                seat.executor.save_step(&mut snapshot, budget, &mut sink);
            }
        }
        while seat.executor.clear_abandoned(10) {}
        while world.engine.is_saving() {
            thread::yield_now();
        }
        let mut last = seat.executor.begin_snapshot(IMAGES_BYTES_MAX).unwrap();
        let mut sink = Memory::default();
        seat.save_all(&mut last, &mut sink);
        judge(&world, &last, &sink.content);
    });
    assert!(Arc::strong_count(&world) >= 1);
}
