//! DEBUG RELOAD and LOADAOF: what is read back is what was there, nothing of it hangs in the air,
//! and a damaged file changes nothing. And what INFO says of a save that was just asked for.

use testkit::process::Directory;
use testkit::reply::Reply;

use crate::node::{MODES, Node};

/// Values of all kinds, small and large, in two databases.
fn fill(node: &mut Node) {
    let big = "x".repeat(100_000);
    for database in ["0", "5"] {
        node.ask(&["SELECT", database]);
        node.ask(&["SET", "n", "12"]);
        node.ask(&["SET", "big", &big]);
        node.ask(&["SET", "mortal", "v", "PXAT", "33177117420000"]);
        node.ask(&["HSET", "h", "f", "v", "g", "2"]);
        node.ask(&["HPEXPIREAT", "h", "33177117420000", "FIELDS", "1", "f"]);
        node.ask(&["XADD", "x", "1-1", "f", "v"]);
        node.ask(&["XGROUP", "CREATE", "x", "g", "0"]);
        node.ask(&["XREADGROUP", "GROUP", "g", "me", "STREAMS", "x", ">"]);
        for number in 0..700 {
            let number = number.to_string();
            node.ask(&["RPUSH", "l", &number, &big[..30]]);
            node.ask(&["SADD", "s", &number, "a"]);
            node.ask(&["ZADD", "z", &number, &number]);
            node.ask(&["HSET", "large", &number, "v"]);
        }
    }
    node.ask(&["SELECT", "0"]);
}

#[test]
fn what_comes_back_is_what_was_there() {
    for mode in MODES {
        for fsync in ["always", "everysec"] {
            let data = Directory::fresh().expect("a place for files");
            let mut node = Node::in_mode(data.path(), mode, &["--appendfsync", fsync]);
            fill(&mut node);
            let before = node.image();
            for lever in ["RELOAD", "LOADAOF", "RELOAD", "LOADAOF"] {
                node.ask(&["DEBUG", lever]);
                assert_eq!(node.image(), before, "{mode:?} {lever}");
                let pending = node.ask(&["XPENDING", "x", "g"]).to_string();
                assert!(pending.contains("me"), "{pending}");
            }
            // Shared while they went over, and whole when they change.
            node.ask(&["SADD", "s", "more"]);
            node.ask(&["LPOP", "l"]);
            let before = node.image();
            node.kill();
            let mut node = Node::in_mode(data.path(), mode, &["--appendfsync", fsync]);
            assert_eq!(node.image(), before, "{mode:?}");
        }
    }
}

/// The end of a key is told, though the reload is what finds it: otherwise INCR would count on
/// from the old value in the log.
#[test]
fn keys_whose_time_is_over_do_not_come_back_with_the_log() {
    let data = Directory::fresh().expect("a place for files");
    let mut node = Node::in_mode(data.path(), MODES[0], &[]);
    node.ask(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
    node.ask(&["SET", "k", "5", "PX", "1"]);
    std::thread::sleep(std::time::Duration::from_millis(20));
    node.ask(&["DEBUG", "RELOAD"]);
    assert_eq!(node.ask(&["INCR", "k"]), Reply::Integer(1));
    node.kill();
    let mut node = Node::in_mode(data.path(), MODES[0], &[]);
    assert_eq!(node.ask(&["GET", "k"]), Reply::Bulk(b"1".to_vec()));
}

#[test]
fn another_snapshot_is_told_to_the_log() {
    for mode in MODES {
        let data = Directory::fresh().expect("a place for files");
        let mut node = Node::in_mode(data.path(), mode, &[]);
        fill(&mut node);
        node.ask(&["SET", "both", "of the snapshot"]);
        node.ask(&["SAVE"]);
        let saved = node.image();
        for words in [&["FLUSHALL"][..], &["SET", "other", "v"]] {
            node.ask(words);
        }
        node.ask(&["DEBUG", "RELOAD", "NOSAVE"]);
        assert_eq!(node.image(), saved);
        node.ask(&["SET", "both", "served"]);
        node.ask(&["SET", "more", "v"]);
        node.ask(&["DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE"]);
        let merged = node.image();
        let both = node.ask(&["MGET", "both", "more"]).to_string();
        assert!(both.contains("of the snapshot") && both.contains("\"v\""));
        node.kill();
        let mut node = Node::in_mode(data.path(), mode, &[]);
        assert_eq!(node.image(), merged, "{mode:?}");
    }
}

#[test]
fn a_damaged_file_changes_nothing() {
    let data = Directory::fresh().expect("a place for files");
    let mut node = Node::in_mode(data.path(), MODES[1], &[]);
    fill(&mut node);
    let before = node.image();
    let missing = node.try_ask(&["DEBUG", "RELOAD", "NOSAVE"]);
    assert!(matches!(missing.expect("an answer"), Reply::Error(_)));
    assert_eq!(node.image(), before);
    node.ask(&["SAVE"]);
    let dump = data.path().join("dump.rdb");
    let mut bytes = std::fs::read(&dump).expect("saved");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&dump, &bytes).expect("ours");
    let damaged = node.try_ask(&["DEBUG", "RELOAD", "NOSAVE"]);
    assert!(matches!(damaged.expect("an answer"), Reply::Error(_)));
    assert_eq!(node.image(), before);
}

#[test]
fn without_a_log_there_is_none_to_load() {
    let data = Directory::fresh().expect("a place for files");
    let mut node = Node::in_mode(data.path(), MODES[0], &["--appendonly", "no"]);
    fill(&mut node);
    let before = node.image();
    node.ask(&["DEBUG", "RELOAD"]);
    assert_eq!(node.image(), before);
    let refused = node.try_ask(&["DEBUG", "LOADAOF"]).expect("an answer");
    let line = Reply::Error(b"ERR there is no log: appendonly is off".to_vec());
    assert_eq!(refused, line);
}

/// It has begun to the one who asked, or it is over by then; never is it yet to come.
#[test]
fn who_asks_for_a_save_sees_it_under_way() {
    for mode in MODES {
        let data = Directory::fresh().expect("a place for files");
        let mut node = Node::in_mode(data.path(), mode, &[]);
        fill(&mut node);
        for (request, field, count) in [
            ("BGSAVE", "rdb_bgsave_in_progress", "rdb_saves:1\\r"),
            (
                "BGREWRITEAOF",
                "aof_rewrite_in_progress",
                "aof_rewrites:1\\r",
            ),
        ] {
            let words = |line: &str| line.split(' ').map(Into::into).collect();
            let both: [Vec<Vec<u8>>; 2] = [words(request), words("INFO persistence")];
            let replies = node.try_ask_all(&both).expect("answers");
            assert!(matches!(replies[0], Reply::Simple(_)), "{}", replies[0]);
            let info = replies[1].to_string();
            let is_seen = info.contains(&format!("{field}:1")) || info.contains(count);
            assert!(is_seen, "{mode:?} {field}: {info}");
            node.await_info(field, "0");
        }
        assert_eq!(node.info("rdb_saves"), "1");
        assert_eq!(node.info("aof_rewrites"), "1");
    }
}
