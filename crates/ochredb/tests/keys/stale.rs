//! Keys that have expired but are still there, and a session that watches them
//! while databases are emptied and exchanged under it.
//!
//! Such a key is gone for everybody. So putting it in the place of a missing
//! one, or the other way round, changes nothing, and EXEC goes on; whether it
//! is removed meanwhile makes no difference either.

use ochredb::{Db, ManualClock, Value};

use crate::words;

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Absent,
    Stale,
    Alive,
}

const STATES: [State; 3] = [State::Absent, State::Stale, State::Alive];

#[test]
fn a_stale_key_counts_as_a_missing_one() {
    for here in STATES {
        for there in STATES {
            for line in [
                "FLUSHDB",
                "FLUSHALL SYNC",
                "SWAPDB 0 1",
                "SWAPDB 1 0",
                "SWAPDB 1 1",
            ] {
                for touched_by in ["PING", "GET k", "DEL other", "SCAN 0", "RENAMENX k k"] {
                    let case = format!("k {here:?}, in database 1 {there:?}: {line}, {touched_by}");
                    let swapped = ["SWAPDB 0 1", "SWAPDB 1 0"].contains(&line);
                    let flushed = line.starts_with("FLUSH");
                    let broken = here == State::Alive && (swapped || flushed)
                        || there == State::Alive && swapped;
                    assert_eq!(exec_fails(here, there, line, touched_by), broken, "{case}");
                }
            }
        }
    }
}

fn exec_fails(here: State, there: State, line: &str, touched_by: &str) -> bool {
    let clock = ManualClock::at_ms(1_000_000);
    let db = Db::options().seed(4).clock(clock.clone()).memory();
    let watcher = db.clone();
    for (database, state) in [("0", here), ("1", there)] {
        db.execute(["SELECT", database]).expect("a database");
        if state != State::Absent {
            db.execute(["SET", "k", "v"]).expect("no error");
        }
        if state == State::Stale {
            db.execute(["PEXPIRE", "k", "10"]).expect("no error");
        }
    }
    db.execute(["SELECT", "0"]).expect("a database");
    clock.advance_ms(11);
    watcher.execute(["WATCH", "k"]).expect("no error");
    db.execute(words(line)).expect("no error");
    // RENAMENX may find nothing, and say so.
    let _ = db.execute(words(touched_by));
    watcher.execute(["MULTI"]).expect("no error");
    watcher.execute(["EXEC"]).expect("no error") == Value::Null
}
