//! Deadlines of fields live as long as their fields: through a restart from a log, from a log's
//! base and from a snapshot. Those that were over meanwhile are gone soon.

use std::path::Path;

use testkit::process::Directory;
use testkit::reply::Reply;

use crate::node::Node;

const FIELDS: usize = 700;

/// A small hash and a large one, fields with deadlines in both, one of them near.
fn write(node: &mut Node) {
    for (key, count) in [("small", 9), ("large", FIELDS)] {
        let fields: Vec<String> = (0..count).map(|at| format!("f{at}")).collect();
        let mut set = vec!["HSET", key];
        set.extend(fields.iter().flat_map(|field| [field, "v"]));
        node.ask(&set);
        for at in (0..count).step_by(3) {
            let ms = (4_102_444_800_000 + at as i64 * 7).to_string();
            node.ask(&["HPEXPIREAT", key, &ms, "FIELDS", "1", &fields[at]]);
        }
        node.ask(&["HPEXPIRE", key, "300", "FIELDS", "1", "f1"]);
        node.ask(&["HINCRBY", key, "n", "7"]);
        node.ask(&["HGETEX", key, "PERSIST", "FIELDS", "1", "f3"]);
        node.ask(&["HSETEX", key, "KEEPTTL", "FIELDS", "1", "f0", "kept"]);
    }
}

fn times(node: &mut Node) -> Vec<Reply> {
    let count = (FIELDS + 1).to_string();
    let fields: Vec<String> = (0..=FIELDS).map(|at| format!("f{at}")).collect();
    let mut replies = Vec::new();
    for key in ["small", "large"] {
        let mut ask = vec!["HPEXPIRETIME", key, "FIELDS", &count];
        ask.extend(fields.iter().map(String::as_str));
        replies.push(node.ask(&ask));
        replies.push(node.ask(&["HGET", key, "f0"]));
    }
    replies.push(node.ask(&["DEBUG", "DIGEST"]));
    replies
}

/// Once the near ones are gone.
fn await_gone(node: &mut Node) {
    node.await_info("expired_subkeys", "2");
}

fn header(file: &Path) -> String {
    let bytes = std::fs::read(file).expect("a file");
    String::from_utf8_lossy(&bytes[..9]).into_owned()
}

#[test]
fn deadlines_of_fields_outlive_the_server() {
    for (log, rewrites) in [("yes", false), ("yes", true), ("no", false)] {
        let data = Directory::fresh().expect("a directory");
        let arguments = ["--appendonly", log, "--save", ""];
        let mut node = Node::ochre(data.path(), &arguments);
        node.ask(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
        write(&mut node);
        if rewrites {
            node.rewrite();
        }
        if log == "no" {
            node.ask(&["SAVE"]);
        }
        node.kill();
        std::thread::sleep(std::time::Duration::from_millis(300));
        let mut node = Node::ochre(data.path(), &arguments);
        await_gone(&mut node);
        let first = times(&mut node);
        if log == "no" {
            node.ask(&["SAVE"]);
        }
        node.stop();
        let mut node = Node::ochre(data.path(), &arguments);
        assert_eq!(times(&mut node), first, "appendonly {log}, {rewrites}");
        let Reply::Array(small) = &first[0] else {
            panic!("a time for each field")
        };
        let time = |at: usize| small[at].to_string();
        assert_eq!((time(0), time(1)), ("4102444800000".into(), "-2".into()));
        assert_eq!((time(3), time(6)), ("-1".into(), "4102444800042".into()));
        assert_eq!(first[1].to_string(), "\"kept\"");
    }
}

/// Who does not know deadlines of fields shall refuse the file, and nobody else.
#[test]
fn a_file_is_of_version_12_only_with_deadlines_of_fields() {
    let data = Directory::fresh().expect("a directory");
    let arguments = ["--appendonly", "no", "--save", "", "--rdb-version", "10"];
    let mut node = Node::ochre(data.path(), &arguments);
    let file = data.path().join("dump.rdb");
    node.ask(&["HSET", "h", "a", "1"]);
    node.ask(&["SAVE"]);
    assert_eq!(header(&file), "REDIS0010");
    node.ask(&["HEXPIRE", "h", "1000", "FIELDS", "1", "a"]);
    node.ask(&["SAVE"]);
    assert_eq!(header(&file), "REDIS0012");
    node.ask(&["HPERSIST", "h", "FIELDS", "1", "a"]);
    node.ask(&["SAVE"]);
    assert_eq!(header(&file), "REDIS0010");
}
