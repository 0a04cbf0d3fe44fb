//! The checker and the scenario's audit over all records of some rounds.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::play::Record;
use super::{Tally, Violation};
use crate::linear::checker::{Verdict, check};
use crate::linear::counterexample::Counterexample;
use crate::linear::model::Keyspace;

/// Configurations that one history may take.
const BUDGET: usize = 300_000;

/// Judge all records, on all processors; up to the first that is bad.
pub(super) fn judge(records: &[Record], tally: &mut Tally) {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(tally);
    let judges = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..judges {
            scope.spawn(|| {
                let mut own = Tally::default();
                while let Some(record) = records.get(next.fetch_add(1, Ordering::Relaxed)) {
                    judge_one(record, &mut own);
                    if !own.violations.is_empty() {
                        next.store(records.len(), Ordering::Relaxed);
                    }
                }
                total.lock().expect("no judge panics").add(own);
            });
        }
    });
}

fn judge_one(record: &Record, tally: &mut Tally) {
    let Record {
        round,
        scenario,
        history,
    } = record;
    tally.operations += history.len();
    tally.overlapping += history.overlapping();
    let audit = scenario.audit(history).err();
    let start = Keyspace::empty();
    let counterexample = match check(history, start.clone(), BUDGET) {
        Verdict::Linearizable { configurations } => {
            tally.configurations += configurations;
            None
        }
        Verdict::Undecided { configurations } => {
            tally.configurations += configurations;
            tally.undecided += 1;
            None
        }
        Verdict::Violated(stuck) => Some(Counterexample::new(history, start, stuck).to_string()),
    };
    if audit.is_some() || counterexample.is_some() {
        tally.violations.push(Violation {
            round: *round,
            scenario: *scenario,
            audit,
            counterexample,
        });
    }
}
