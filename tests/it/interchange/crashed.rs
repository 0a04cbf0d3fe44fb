//! What a killed server leaves, in the eyes of stock tools: room that was reserved at the end of
//! the last file. They take it for damage, and can cut it; docs/formats/log.md says how.

use testkit::process::Directory;

use super::keyspace;
use crate::node::{Maker, Node, run_tool};
use base::Rng;

const LAST: &str = "appendonlydir/appendonly.aof.1.incr.aof";
const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const REDIS: &[&str] = &["--appendonly", "yes", "--save", ""];

#[test]
fn redis_check_aof_mends_what_a_killed_server_has_left() {
    for policy in ["always", "everysec"] {
        let data = Directory::fresh().expect("a directory");
        let arguments = ["--appendonly", "yes", "--appendfsync", policy, "--save", ""];
        let mut ours = Node::ochre(data.path(), &arguments);
        keyspace::write_at_random(&mut ours, &mut Rng::new(21), 3_000);
        let image = ours.image();
        ours.kill();
        let Some(checked) = run_tool("redis-check-aof", &[], &data.path().join(MANIFEST)) else {
            return;
        };
        checked.expect_err("reserved room is damage in its eyes");
        let mended = run_tool("redis-check-aof", &["--fix"], &data.path().join(LAST));
        mended
            .expect("it is there")
            .expect("it cuts what is reserved");
        let Some(mut theirs) = Node::start(Maker::Redis, data.path(), REDIS) else {
            return;
        };
        assert_eq!(theirs.image(), image, "{policy}");
        theirs.ask(&["SET", "written", "by redis"]);
        theirs.stop();
        let mut ours = Node::ochre(data.path(), &arguments);
        ours.ask(&["DEL", "written"]);
        assert_eq!(ours.image(), image, "{policy}");
        ours.stop();
    }
}

/// The simplest way: our own server, once up and down, leaves files that need no mending.
#[test]
fn a_start_and_a_stop_of_ours_mend_as_well() {
    let data = Directory::fresh().expect("a directory");
    let arguments = ["--appendonly", "yes", "--save", ""];
    let mut ours = Node::ochre(data.path(), &arguments);
    keyspace::write_at_random(&mut ours, &mut Rng::new(22), 1_000);
    let image = ours.image();
    ours.kill();
    Node::ochre(data.path(), &arguments).stop();
    if let Some(checked) = run_tool("redis-check-aof", &[], &data.path().join(MANIFEST)) {
        checked.expect("a clean stop");
    }
    if let Some(mut theirs) = Node::start(Maker::Redis, data.path(), REDIS) {
        assert_eq!(theirs.image(), image);
    }
}
