//! The log over a simulated disk: every crash point of small lives, every failing call, and many
//! random ones. `OCHRE_SEED` gives the first seed, `OCHRE_STORIES` how many of each kind.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::story::Story;
use persist::log::FsyncPolicy;
use testkit::disk::{Crash, Fault};

const POLICIES: [FsyncPolicy; 3] = [FsyncPolicy::Always, FsyncPolicy::EverySec, FsyncPolicy::No];

fn number(name: &str, default: u64) -> u64 {
    let text = env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

/// Runs a check and names it if it fails.
fn told(what: &str, check: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(check)) {
        eprintln!("failed: {what}");
        std::panic::resume_unwind(panic);
    }
}

fn check_crashes(story: &mut Story, seed: u64, what: &str) -> u64 {
    for (at, mode) in Crash::ALL.into_iter().enumerate() {
        let crash = || {
            let refused = story.crash_and_check(seed * 10 + at as u64, mode);
            refused.unwrap_or_else(|trouble| panic!("refused: {trouble}"));
        };
        told(&format!("{what}, then {mode:?}"), crash);
    }
    Crash::ALL.len() as u64
}

/// How many calls a life makes that nothing disturbs.
fn calls(seed: u64, policy: FsyncPolicy, steps: u32) -> u64 {
    let mut story = Story::new(seed, policy);
    story.live(steps);
    story.disk.calls()
}

fn fault_at_every_call(fault: Fault, first_seed: u64, steps: u32) {
    let mut checks = 0;
    for seed in first_seed..first_seed + number("OCHRE_STORIES", 6) {
        let policy = POLICIES[seed as usize % 3];
        for call in 0..calls(seed, policy, steps) {
            let what = format!("seed {seed}, {policy:?}, {fault:?} at call {call}");
            let mut story = Story::new(seed, policy);
            story.disk.fail_at(call, fault);
            told(&what, || story.live(steps));
            checks += check_crashes(&mut story, seed + call, &what);
        }
    }
    println!("{fault:?}: {checks} crashes");
}

#[test]
fn power_cut_at_every_call() {
    fault_at_every_call(Fault::PowerCut, number("OCHRE_SEED", 1), 60);
}

#[test]
fn device_error_at_every_call() {
    fault_at_every_call(Fault::Device, number("OCHRE_SEED", 100), 60);
}

#[test]
fn no_room_at_every_call() {
    fault_at_every_call(Fault::Full, number("OCHRE_SEED", 200), 60);
}

/// One life with one fault, its calls written down: for looking into a failure.
#[test]
#[ignore = "for looking into a failure: OCHRE_SEED, OCHRE_STEPS, OCHRE_CALL, OCHRE_FAULT"]
fn one_life() {
    let seed = number("OCHRE_SEED", 1);
    let fault = match env::var("OCHRE_FAULT").as_deref() {
        Ok("full") => Fault::Full,
        Ok("device") => Fault::Device,
        _ => Fault::PowerCut,
    };
    let mut story = Story::new(seed, POLICIES[seed as usize % 3]);
    story.disk.keep_journal();
    let call = number("OCHRE_CALL", u64::MAX);
    story.disk.fail_at(call, fault);
    let lived = catch_unwind(AssertUnwindSafe(|| {
        story.live(number("OCHRE_STEPS", 60) as u32)
    }));
    story
        .disk
        .journal()
        .iter()
        .for_each(|line| println!("{line}"));
    lived.expect("a life");
    check_crashes(&mut story, seed + call.min(1 << 20), "this life");
}

#[test]
fn random_lives() {
    let mut checks = 0;
    let first = number("OCHRE_SEED", 1000);
    for seed in first..first + 100 * number("OCHRE_STORIES", 6) {
        let policy = POLICIES[seed as usize % 3];
        let what = format!("seed {seed}, {policy:?}");
        let mut story = Story::new(seed, policy);
        for _ in 0..story.rng.below(6) {
            let fault = [Fault::Full, Fault::Device][story.rng.below(2) as usize];
            let call = story.rng.below(600);
            story.disk.fail_at(call, fault);
        }
        if story.rng.below(3) == 0 {
            story.disk.set_capacity(20_000 + story.rng.below(20_000));
        }
        told(&what, || story.live(150));
        checks += check_crashes(&mut story, seed, &what);
    }
    println!("random lives: {checks} crashes");
}
