//! Writers that make a mistake on purpose: the judge of the crash tests must notice each of them.
//!
//! Runs with `--features sabotage`; the same lives without a mistake pass in `crash.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::story::Story;
use persist::log::FsyncPolicy;
use persist::log::writer::Sabotage;
use testkit::disk::{Crash, Fault};

const LIVES: u64 = 2_000;

/// Does any of some lives end in a loss, with a fault or without?
fn is_noticed(sabotage: Sabotage, fault: Fault) -> Option<u64> {
    (0..LIVES).find(|seed| {
        let mut story = Story::new(seed / 100, FsyncPolicy::Always);
        story.settings.sabotage = sabotage;
        story.disk.fail_at(20 + 2 * (seed % 100), fault);
        let life = AssertUnwindSafe(|| {
            story.live(60);
            let checks = Crash::ALL.into_iter();
            checks.for_each(|mode| story.crash_and_check(*seed, mode).expect("not refused"));
        });
        catch_unwind(life).is_err()
    })
}

fn check(sabotage: Sabotage, fault: Fault) {
    let noticed = is_noticed(sabotage, fault);
    println!("{sabotage:?} is noticed by seed {noticed:?}");
    assert!(
        noticed.is_some(),
        "{sabotage:?} went unnoticed in {LIVES} lives"
    );
}

#[test]
fn a_skipped_sync_is_noticed() {
    check(Sabotage::SkipSync, Fault::PowerCut);
}

#[test]
fn publishing_before_the_sync_is_noticed() {
    check(Sabotage::PublishBeforeSync, Fault::PowerCut);
}

#[test]
fn forgiving_a_failed_sync_is_noticed() {
    check(Sabotage::ForgiveSync, Fault::Device);
}

#[test]
fn no_mistake_is_no_alarm() {
    assert_eq!(is_noticed(Sabotage::None, Fault::PowerCut), None);
    assert_eq!(is_noticed(Sabotage::None, Fault::Device), None);
}
