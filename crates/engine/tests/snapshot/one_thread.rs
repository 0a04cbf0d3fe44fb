//! One thread that serves and saves in turn, as an event loop does.

use base::Rng;
use engine::{Budget, IMAGES_BYTES_MAX, NO_CAP, Progress, SnapshotError, Threads};

use crate::world::{ANY_TIME, Memory, START_MS, World, disturb, judge, judge_recovery};

const KINDS: [Threads; 2] = [Threads::One, Threads::Many(2)];

#[test]
fn commands_and_slices_in_turn() {
    for seed in 0..30 {
        let world = World::new(KINDS[seed as usize % 2]);
        let mut seat = world.seat();
        let mut rng = Rng::new(seed);
        for _ in 0..rng.below(800) {
            disturb(&mut seat, &mut rng);
        }
        for _ in 0..3 {
            let snapshot = seat.executor.begin_snapshot(IMAGES_BYTES_MAX);
            let mut snapshot = snapshot.unwrap();
            let mut sink = Memory::default();
            loop {
                for _ in 0..rng.below(60) {
                    disturb(&mut seat, &mut rng);
                    world.advance_ms(rng.below(3) as i64);
                }
                if rng.below(5) == 0 {
                    let now = world.now();
                    seat.executor.sweep(now, 0, 1, 4);
                }
                sink.is_full = rng.below(4) == 0;
                let budget = Budget {
                    slices: rng.below(3) as usize,
                    slice_bytes: 1 + rng.below(4_000) as usize,
                    time_us_max: ANY_TIME,
                };
                let progress = seat.executor.save_step(&mut snapshot, budget, &mut sink);
                match progress {
                    Progress::Done => break,
                    Progress::Stalled => assert!(sink.is_full),
                    Progress::More => {}
                }
            }
            assert_eq!(world.engine.image_bytes(), 0);
            assert!(!world.engine.is_saving());
            judge(&world, &snapshot, &sink.content);
            judge_recovery(&world, &snapshot, &sink.content);
        }
        assert_eq!(world.parked.load(std::sync::atomic::Ordering::Relaxed), 0);
    }
}

#[test]
fn one_at_a_time_and_what_is_given_up_is_cleared() {
    for threads in KINDS {
        let world = World::new(threads);
        let mut seat = world.seat();
        for number in 0..20_000 {
            seat.say(&format!("SET key:{number} old"));
        }
        let first = seat.executor.begin_snapshot(NO_CAP).unwrap();
        let second = seat.executor.begin_snapshot(NO_CAP);
        assert_eq!(second.err(), Some(SnapshotError::UnderWay));
        for number in 0..5_000 {
            seat.say(&format!("SET key:{number} new"));
        }
        assert!(world.engine.image_bytes() > 5_000 * 20);
        // A snapshot may be driven by one thread after another.
        fn moves<T: Send>(_: &T) {}
        moves(&first);
        drop(first);
        let kept = world.engine.image_bytes();
        seat.say("SET key:7000 new");
        assert_eq!(world.engine.image_bytes(), kept, "nobody wants it any more");
        let early = seat.executor.begin_snapshot(NO_CAP);
        assert_eq!(early.err(), Some(SnapshotError::Clearing));
        let mut sweeps = 0;
        while seat.executor.sweep(world.now(), 0, 1, 4) {
            sweeps += 1;
            seat.say(&format!("SET key:{} new", 8_000 + sweeps));
        }
        assert!(sweeps > 2, "in slices");
        assert_eq!(world.engine.image_bytes(), 0);
        let mut third = seat.executor.begin_snapshot(NO_CAP).unwrap();
        let mut sink = Memory::default();
        seat.save_all(&mut third, &mut sink);
        judge(&world, &third, &sink.content);
    }
}

/// However many slices it may have, a step whose time is over ends behind the first.
#[test]
fn a_step_ends_when_its_time_is_over() {
    for threads in KINDS {
        let world = World::new(threads);
        let mut seat = world.seat();
        for number in 0..500 {
            seat.say(&format!("SET key:{number} value"));
        }
        let mut snapshot = seat.executor.begin_snapshot(NO_CAP).unwrap();
        let mut sink = Memory::default();
        let hasty = Budget {
            slices: usize::MAX,
            slice_bytes: 1_000,
            time_us_max: 0,
        };
        let mut steps = 0;
        while seat.executor.save_step(&mut snapshot, hasty, &mut sink) == Progress::More {
            steps += 1;
        }
        assert!(steps > 20, "{steps} steps");
        judge(&world, &snapshot, &sink.content);
    }
}

#[test]
fn a_flushed_database_is_saved_and_then_thrown_away() {
    for threads in KINDS {
        let world = World::new(threads);
        let mut seat = world.seat();
        for number in 0..3_000 {
            seat.say(&format!("SET key:{number} old"));
        }
        let mut snapshot = seat.executor.begin_snapshot(NO_CAP).unwrap();
        let mut sink = Memory::default();
        let few = Budget {
            slices: 2,
            slice_bytes: 1_000,
            time_us_max: ANY_TIME,
        };
        seat.executor.save_step(&mut snapshot, few, &mut sink);
        seat.say("SET key:1 new");
        seat.say("SWAPDB 0 5");
        seat.say("FLUSHALL");
        let discarded = || {
            let tables = &world.log.discarded_tables;
            tables.load(std::sync::atomic::Ordering::Relaxed)
        };
        assert_eq!(discarded(), 0);
        seat.say("SET key:1 newer");
        seat.save_all(&mut snapshot, &mut sink);
        assert_eq!(discarded(), world.engine.shard_count());
        assert_eq!(sink.content.len(), 3_000);
        judge(&world, &snapshot, &sink.content);
        judge_recovery(&world, &snapshot, &sink.content);
        assert_eq!(seat.say("DBSIZE"), b":1\r\n");
    }
}

#[test]
fn what_has_expired_but_is_there_belongs_to_the_snapshot() {
    let world = World::new(Threads::One);
    let mut seat = world.seat();
    seat.say("SET gone v PX 10");
    seat.say("SET stays v");
    world.advance_ms(50);
    let mut snapshot = seat.executor.begin_snapshot(NO_CAP).unwrap();
    assert_eq!(seat.say("GET gone"), b"$-1\r\n");
    let mut sink = Memory::default();
    seat.save_all(&mut snapshot, &mut sink);
    judge(&world, &snapshot, &sink.content);
    let gone = &sink.content[&(0, b"gone".to_vec())];
    assert_eq!(*gone, (b"v".to_vec(), Some(START_MS + 10)));
}
