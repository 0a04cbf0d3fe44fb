//! While the log turns to a new file, or replies come to wait for it or do so no longer, what is
//! acknowledged is in a file.
//!
//! Found by killing servers soon after BGREWRITEAOF: what came behind the cut was answered before
//! the committer had opened the file that it belonged to.

use std::sync::Arc;
use std::time::Duration;

use base::Now;
use engine::LogMode;
use ochredb::persistence::Driven;
use persist::Disk;
use testkit::process::fresh_directory;
use testkit::reply::Reply;

use super::node::{Node, config};
use super::slow::Slow;

#[test]
fn a_batch_behind_the_cut_is_written_when_it_has_ended() {
    for policy in ["everysec", "no"] {
        let directory = fresh_directory("rotation").expect("a directory");
        let config = config(&directory, policy);
        let node = Node::begin(Arc::new(Slow(Disk)), &config).expect("an empty directory");
        let mut session = node.session();
        for round in 0..5 {
            assert_eq!(session.ask(["SET", "k", "before"]), ok());
            node.end_batch();
            let asked = session.ask(["BGREWRITEAOF"]);
            assert!(matches!(asked, Reply::Simple(_)), "{asked}");
            // The cut is made here.
            node.persistence.drive(session.executor(), Now::read());
            assert_eq!(session.ask(["SET", "k", &round.to_string()]), ok());
            node.end_batch();
            let facts = node.persistence.facts(Now::read(), 0).log.expect("a log");
            assert_eq!(facts.written, facts.appended, "{policy}, round {round}");
            while node.persistence.drive(session.executor(), Now::read()) != Driven::Idle {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        drop(session);
        node.persistence.close().expect("the log ends well");
        std::fs::remove_dir_all(&directory).expect("it is ours");
    }
}

/// With two loops, `always`, and the log switched off and on under load, seven answered writes were
/// lost once: their batch had begun while the log came on, when replies are not held back, and
/// ended when it was on, when batches leave the writing to the committer. It was killed before.
#[test]
fn a_batch_in_which_the_log_comes_on_is_written_when_it_has_ended() {
    let directory = fresh_directory("rotation").expect("a directory");
    let config = config(&directory, "always");
    let node = Node::begin(Arc::new(Slow(Disk)), &config).expect("an empty directory");
    let (mut session, mut other) = (node.session(), node.session());
    for round in 0..5 {
        for to in ["no", "yes"] {
            assert_eq!(session.ask(["CONFIG", "SET", "appendonly", to]), ok());
        }
        let mut drive = || node.persistence.drive(session.executor(), Now::read());
        while node.persistence.log_mode() != LogMode::Appended {
            drive();
        }
        let began = node.persistence.log_mode();
        while node.persistence.log_mode() != LogMode::Awaited {
            drive();
        }
        assert_eq!(other.ask(["SET", "k", &round.to_string()]), ok());
        node.persistence.end_batch(began, Now::read());
        let facts = node.persistence.facts(Now::read(), 0).log.expect("a log");
        assert_eq!(facts.written, facts.appended, "round {round}");
    }
    drop((session, other));
    node.persistence.close().expect("the log ends well");
    std::fs::remove_dir_all(&directory).expect("it is ours");
}

/// Who waited for a key was answered although nothing was written: the batch that served him had
/// begun under `everysec`, and would have written at its end; his thread looked at the mode when
/// `always` was in force, and left the writing to the committer and the waiting to a gate that he
/// was not given.
#[test]
fn who_is_served_as_always_comes_into_force_is_held_back() {
    let directory = fresh_directory("rotation").expect("a directory");
    let config = config(&directory, "everysec");
    let node = Node::begin(Arc::new(Slow(Disk)), &config).expect("an empty directory");
    let (mut waiting, mut other) = (node.session(), node.session());
    for round in 0..5 {
        assert_eq!(
            other.ask(["CONFIG", "SET", "appendfsync", "everysec"]),
            ok()
        );
        waiting.begin(["BLPOP", "k", "0"]);
        assert_eq!(other.ask(["RPUSH", "k", "x"]), Reply::Integer(1));
        // That batch has not ended.
        let mut third = node.session();
        assert_eq!(third.ask(["CONFIG", "SET", "appendfsync", "always"]), ok());
        let began = node.persistence.log_mode();
        assert!(waiting.take_up(), "it was served");
        node.persistence.end_batch(began, Now::read());
        assert!(node.persistence.await_release(waiting.gate()));
        let facts = node.persistence.facts(Now::read(), 0).log.expect("a log");
        assert_eq!(facts.durable, facts.appended, "round {round}");
        node.end_batch();
    }
    drop((waiting, other));
    node.persistence.close().expect("the log ends well");
    std::fs::remove_dir_all(&directory).expect("it is ours");
}

/// Whoever asked for `always` went on in the same pipeline, and was answered: written, but not
/// synced. What his batch wrote is held back by no gate, as the batch had begun under `everysec`.
#[test]
fn who_asks_for_always_has_it_from_there_on() {
    let directory = fresh_directory("rotation").expect("a directory");
    let config = config(&directory, "everysec");
    let node = Node::begin(Arc::new(Slow(Disk)), &config).expect("an empty directory");
    let mut session = node.session();
    for round in 0..5 {
        let spare = ["CONFIG", "SET", "appendfsync", "everysec"];
        assert_eq!(session.ask(spare), ok());
        node.end_batch();
        let began = node.persistence.log_mode();
        let value = round.to_string();
        if round % 2 == 1 {
            // What the batch shows has been written by another loop, and not synced.
            assert_eq!(session.ask(["SET", "k", &value]), ok());
            node.end_batch();
        }
        let always = ["CONFIG", "SET", "appendfsync", "always"];
        assert_eq!(session.ask(always), ok());
        if round % 2 == 0 {
            assert_eq!(session.ask(["SET", "k", &value]), ok());
        }
        node.persistence.end_batch(began, Now::read());
        let facts = node.persistence.facts(Now::read(), 0).log.expect("a log");
        assert_eq!(facts.durable, facts.appended, "round {round}");
    }
    drop(session);
    node.persistence.close().expect("the log ends well");
    std::fs::remove_dir_all(&directory).expect("it is ours");
}

/// And the other way round: under `always` a batch leaves the writing to the committer, and replies
/// that waited for it were sent at once when `everysec` came into force, written or not.
#[test]
fn what_waits_for_a_sync_is_written_when_nobody_waits_for_syncs_any_more() {
    let directory = fresh_directory("rotation").expect("a directory");
    let config = config(&directory, "always");
    let node = Node::begin(Arc::new(Slow(Disk)), &config).expect("an empty directory");
    let (mut session, mut other) = (node.session(), node.session());
    for round in 0..20 {
        assert_eq!(session.ask(["SET", "k", &round.to_string()]), ok());
        let gate = session.gate();
        assert_eq!(
            other.ask(["CONFIG", "SET", "appendfsync", "everysec"]),
            ok()
        );
        let is_released = node.persistence.released(gate);
        let facts = node.persistence.facts(Now::read(), 0).log.expect("a log");
        assert!(is_released, "it was written with that");
        assert_eq!(facts.written, facts.appended, "round {round}");
        // Who looks only where there is progress must look when the same place means more.
        let written = node.persistence.progress();
        assert_eq!(other.ask(["CONFIG", "SET", "appendfsync", "always"]), ok());
        assert!(node.persistence.await_release(gate));
        assert_ne!(node.persistence.progress(), written, "round {round}");
    }
    drop((session, other));
    node.persistence.close().expect("the log ends well");
    std::fs::remove_dir_all(&directory).expect("it is ours");
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}
