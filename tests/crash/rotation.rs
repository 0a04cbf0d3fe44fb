//! While the log turns to a new file, what is acknowledged is in a file.
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

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}
