//! When images fill their cap: who waits, who does not, and that all go on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::{Budget, NO_CAP, Progress, Threads};

use crate::world::{Memory, Seat, World, judge};

const CAP_BYTES: usize = 2_000;

/// A snapshot of a thousand keys, none saved yet, whose cap is full.
fn full(threads: Threads) -> (Arc<World>, Seat, engine::Snapshot) {
    let world = World::new(threads);
    let mut seat = world.seat();
    for number in 0..1_000 {
        seat.say(&format!("SET key:{number} old"));
    }
    seat.say("SET volatile v PX 100");
    let snapshot = seat.executor.begin_snapshot(CAP_BYTES).unwrap();
    let value = "x".repeat(100);
    let mut number = 900;
    while world.engine.image_bytes() < CAP_BYTES {
        seat.say(&format!("SET key:{number} {value}"));
        number += 1;
        assert!(number < 1_000, "images are not counted");
    }
    assert!(world.engine.image_bytes() < CAP_BYTES + 100);
    (world, seat, snapshot)
}

fn offer(seat: &mut Seat, line: &str) -> Option<Vec<u8>> {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    seat.offer(&words)
}

#[test]
fn only_those_wait_that_would_need_an_image() {
    for threads in [Threads::One, Threads::Many(2)] {
        let (world, mut seat, snapshot) = full(threads);
        for waits in [
            "SET key:1 v",
            "APPEND key:1 v",
            "DEL nothing key:2",
            "RENAME key:900 key:3",
            "EXPIRE key:4 100",
            "MSET new 1 key:5 1",
            "GETEX key:6 EX 7",
        ] {
            assert_eq!(offer(&mut seat, waits), None, "{waits}");
        }
        for goes_on in [
            "GET key:1",
            "SET new v",
            "SET key:900 again",
            "DEL new",
            "DBSIZE",
        ] {
            assert!(offer(&mut seat, goes_on).is_some(), "{goes_on}");
        }
        // Reading an expired key removes it.
        assert!(offer(&mut seat, "GET volatile").is_some());
        world.advance_ms(200);
        assert_eq!(offer(&mut seat, "GET volatile"), None);
        assert!(!seat.executor.sweep(world.now(), 0, 1, 100));
        // A transaction waits as a whole, at its end.
        for line in ["MULTI", "GET key:1", "EXEC"] {
            assert!(offer(&mut seat, line).is_some(), "{line}");
        }
        for line in ["MULTI", "SET key:7 v"] {
            assert!(offer(&mut seat, line).is_some(), "{line}");
        }
        assert_eq!(offer(&mut seat, "EXEC"), None);
        // The same thread, on its next turn, makes room.
        let (mut snapshot, mut sink) = (snapshot, Memory::default());
        assert_eq!(world.log.wakes.load(Ordering::Relaxed), 0);
        let one = Budget {
            slices: 1,
            ..Budget::default()
        };
        let progress = seat.executor.save_step(&mut snapshot, one, &mut sink);
        assert_eq!(progress, Progress::More);
        assert_eq!(world.log.wakes.load(Ordering::Relaxed), 1);
        assert_eq!(offer(&mut seat, "EXEC").unwrap(), b"*1\r\n+OK\r\n");
        assert_eq!(offer(&mut seat, "GET volatile").unwrap(), b"$-1\r\n");
        seat.save_all(&mut snapshot, &mut sink);
        judge(&world, &snapshot, &sink.content);
    }
}

#[test]
fn whole_databases_need_no_image() {
    let (world, mut seat, mut snapshot) = full(Threads::Many(2));
    assert!(offer(&mut seat, "SWAPDB 0 1").is_some());
    assert!(offer(&mut seat, "FLUSHALL").is_some());
    assert!(offer(&mut seat, "SET key:1 v").is_some());
    let mut sink = Memory::default();
    seat.save_all(&mut snapshot, &mut sink);
    judge(&world, &snapshot, &sink.content);
}

#[test]
fn giving_up_lets_everybody_go_on() {
    let (world, mut seat, snapshot) = full(Threads::One);
    assert_eq!(offer(&mut seat, "SET key:1 v"), None);
    drop(snapshot);
    assert_eq!(world.log.wakes.load(Ordering::Relaxed), 1);
    assert!(offer(&mut seat, "SET key:1 v").is_some());
}

#[test]
fn without_a_cap_nobody_waits() {
    let world = World::new(Threads::Many(1));
    let mut seat = world.seat();
    let value = "x".repeat(100_000);
    for number in 0..50 {
        seat.say(&format!("SET key:{number} {value}"));
    }
    let mut snapshot = seat.executor.begin_snapshot(NO_CAP).unwrap();
    for number in 0..50 {
        let line = format!("SETRANGE key:{number} 5 y");
        assert!(offer(&mut seat, &line).is_some());
    }
    assert!(world.engine.image_bytes() > 50 * 100_000);
    let mut sink = Memory::default();
    seat.save_all(&mut snapshot, &mut sink);
    judge(&world, &snapshot, &sink.content);
}
