//! DEBUG: what the levers do beside answering.

use std::sync::atomic::Ordering;

use engine::Threads;

use crate::node::Node;

#[test]
fn populate_hands_its_effects_over_as_it_goes() {
    for threads in [Threads::One, Threads::Many(4)] {
        let mut node = Node::new(threads);
        assert_eq!(node.run("DEBUG POPULATE 1000 key 10"), "+OK\r\n");
        assert_eq!(*node.record.groups.lock(), [1; 1000]);
        assert_eq!(node.run("DBSIZE"), ":1000\r\n");
        assert_eq!(node.run("STRLEN key:999"), ":10\r\n");
        assert_eq!(node.run("DEBUG POPULATE 1001"), "+OK\r\n");
        assert_eq!(node.record.groups.lock().len(), 1001);
        assert_eq!(
            node.info("persistence", "rdb_changes_since_last_save"),
            "1001"
        );
    }
}

#[test]
fn a_transaction_stays_one_group() {
    for threads in [Threads::One, Threads::Many(4)] {
        let mut node = Node::new(threads);
        let replies = node.batch(&["MULTI", "DEBUG POPULATE 500", "SET k v", "INFO", "EXEC"]);
        assert!(replies.contains("db0:keys=501"), "{replies}");
        assert_eq!(*node.record.groups.lock(), [501]);
    }
}

#[test]
fn an_expired_key_makes_room() {
    let mut node = Node::new(Threads::Many(4));
    for index in 0..100 {
        node.run(&format!("SET key:{index} v PX 50"));
    }
    node.record.groups.lock().clear();
    node.advance_ms(100);
    assert_eq!(node.run("DEBUG POPULATE 200"), "+OK\r\n");
    let mut groups = std::mem::take(&mut *node.record.groups.lock());
    groups.sort_unstable();
    assert_eq!(groups[..100], [1; 100], "SET");
    assert_eq!(groups[100..], [2; 100], "DEL, SET");
    assert_eq!(node.run("GET key:7"), "$7\r\nvalue:7\r\n");
}

#[test]
fn populate_keeps_within_reason() {
    let mut node = Node::new(Threads::One);
    let huge = i64::MAX;
    for request in [
        format!("DEBUG POPULATE {huge}"),
        "DEBUG POPULATE 1000000 key 100000".into(),
        format!("DEBUG POPULATE 1 key {huge}"),
        "DEBUG POPULATE -1".into(),
    ] {
        let reply = node.run(&request);
        assert!(reply.starts_with("-ERR "), "{request}: {reply}");
    }
    assert_eq!(node.run("DBSIZE"), ":0\r\n");
}

#[test]
fn sleep_and_log_are_the_hosts() {
    let mut node = Node::new(Threads::One);
    assert_eq!(node.run("DEBUG SLEEP 0.25"), "+OK\r\n");
    assert_eq!(node.run("DEBUG SLEEP -3"), "+OK\r\n");
    assert_eq!(node.record.slept_us.load(Ordering::Relaxed), 250_000);
    assert_eq!(node.run("DEBUG LOG a\r\nb"), "+OK\r\n");
    assert_eq!(*node.record.log.lock(), ["DEBUG LOG: a  b"]);
}

#[test]
fn behind_a_sleep_it_is_later_in_the_same_batch() {
    let mut node = Node::new(Threads::One);
    let batch = ["SET k v PX 50", "GET k", "DEBUG SLEEP 0.1", "GET k"];
    let later = "+OK\r\n$1\r\nv\r\n+OK\r\n$-1\r\n";
    assert_eq!(node.batch(&batch), later);
    // A transaction is one moment, and the next request comes after it.
    let batch = [
        "MULTI",
        "SET k v PX 50",
        "DEBUG SLEEP 0.1",
        "GET k",
        "EXEC",
        "GET k",
    ];
    let queued = "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n";
    let later = "*3\r\n+OK\r\n+OK\r\n$1\r\nv\r\n$-1\r\n";
    assert_eq!(node.batch(&batch), format!("{queued}{later}"));
}

#[test]
fn object_looks_without_touching() {
    let mut node = Node::new(Threads::Many(2));
    node.run("SET k 5 PX 1000");
    node.advance_ms(60_000);
    let line = node.run("DEBUG OBJECT k");
    assert!(
        line.contains(" encoding:int serializedlength:2 lru:"),
        "{line}"
    );
    assert!(line.ends_with(" lru_seconds_idle:60\r\n"), "{line}");
    assert_eq!(node.info("stats", "expired_keys"), "0");
    let large = "x".repeat(100_000);
    node.run(&format!("SET k {large}"));
    let line = node.run("DEBUG OBJECT k");
    assert!(
        line.contains("refcount:1 encoding:raw serializedlength:11"),
        "{line}"
    );
    node.run("CONFIG SET rdbcompression no");
    let line = node.run("DEBUG OBJECT k");
    assert!(line.contains(" serializedlength:100005 "), "{line}");
}
