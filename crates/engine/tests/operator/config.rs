//! CONFIG: who is told of a change, and when it holds.

use engine::Threads;

use crate::node::Node;

#[test]
fn a_change_holds_for_the_rest_of_the_batch() {
    let mut node = Node::new(Threads::Many(2));
    let replies = node.batch(&[
        "SET k v",
        "CONFIG SET maxmemory-policy allkeys-lfu",
        "OBJECT FREQ k",
        "CONFIG SET proto-max-bulk-len 1mb",
        "SETRANGE k 1048576 x",
        "CONFIG GET proto-max-bulk-len",
    ]);
    let replies: Vec<_> = replies.split("\r\n").collect();
    assert_eq!(replies[..2], ["+OK", "+OK"]);
    assert!(replies[2].starts_with(':'), "{}", replies[2]);
    assert_eq!(replies[3], "+OK");
    assert!(
        replies[4].starts_with("-ERR string exceeds"),
        "{}",
        replies[4]
    );
    assert_eq!(replies[9], "1048576");
}

#[test]
fn a_change_that_the_host_refuses_did_not_happen() {
    let mut node = Node::new(Threads::One);
    assert_eq!(
        node.run("CONFIG SET timeout 5 port 1"),
        "-ERR CONFIG SET failed (possibly related to argument 'port') - no, not this one\r\n"
    );
    assert_eq!(
        node.run("CONFIG GET timeout"),
        "*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n"
    );
    assert_eq!(node.run("CONFIG SET timeout 5 port 2"), "+OK\r\n");
    assert_eq!(*node.record.ports.lock(), [2]);
    assert_eq!(
        node.run("CONFIG REWRITE"),
        "-ERR The server is running without a config file\r\n"
    );
}

#[test]
fn what_config_itself_refuses_the_host_does_not_hear_of() {
    let mut node = Node::new(Threads::One);
    let refused = node.run("CONFIG SET timeout 5 databases 3");
    assert!(
        refused.contains("'databases') - can't set immutable config"),
        "{refused}"
    );
    assert!(node.record.ports.lock().is_empty());
    assert_eq!(
        node.run("CONFIG SET timeout 5 maxmemory"),
        "-ERR syntax error\r\n"
    );
}

#[test]
fn inside_a_transaction_too() {
    let mut node = Node::new(Threads::Many(2));
    let replies = node.batch(&[
        "MULTI",
        "CONFIG SET timeout 9",
        "CONFIG GET timeout",
        "EXEC",
    ]);
    assert!(
        replies.ends_with("*2\r\n+OK\r\n*2\r\n$7\r\ntimeout\r\n$1\r\n9\r\n"),
        "{replies}"
    );
}
