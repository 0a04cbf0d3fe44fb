//! How long the log takes is told: in LATENCY what was long, in INFO how long in general.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Now;
use persist::Disk;
use testkit::process::Directory;
use testkit::reply::Reply;

use super::node::{Node, Session, config};
use super::slow::{SYNC_TIME, Slow};

const WRITES: u64 = 5;

#[test]
fn slow_syncs_are_told_by_latency_and_info() {
    let events = [("always", "aof-fsync-always"), ("everysec", "log-sync")];
    for (policy, event) in events {
        let directory = Directory::fresh().expect("a directory");
        let config = config(directory.path(), policy);
        let node = Node::begin(Arc::new(Slow(Disk)), &config).expect("an empty directory");
        let mut session = node.session();
        session.ask(["CONFIG", "SET", "latency-monitor-threshold", "10"]);
        for _ in 0..WRITES {
            session.ask(["SET", "key", "value"]);
            node.end_batch();
        }
        let facts = loop {
            let facts = node.persistence.facts(Now::read(), 0).log.expect("a log");
            if facts.syncs > 0 && facts.durable == facts.appended {
                break facts;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let sync_us = SYNC_TIME.as_micros() as u64;
        assert!(facts.sync_us_p50 >= sync_us, "{policy}: {facts:?}");
        assert!(
            facts.sync_us_p99 >= facts.sync_us_p50,
            "{policy}: {facts:?}"
        );
        assert_eq!(facts.commit_groups, WRITES, "{policy}: {facts:?}");
        assert!((1..=WRITES).contains(&facts.commits), "{policy}: {facts:?}");
        assert!(facts.commit_bytes_max <= facts.commit_bytes, "{policy}");
        let worst_ms = latest(&mut session);
        for name in [event, "log-sync"] {
            let ms = worst_ms.get(name).copied().unwrap_or(0);
            assert!(ms >= sync_us / 1000, "{policy}: {name} in {worst_ms:?}");
        }
        let is_always = policy == "always";
        assert_eq!(worst_ms.contains_key("aof-fsync-always"), is_always);
        drop(session);
        node.persistence.close().expect("the log ends well");
    }
}

/// The worst of each event.
fn latest(session: &mut Session) -> BTreeMap<String, u64> {
    let Reply::Array(events) = session.ask(["LATENCY", "LATEST"]) else {
        panic!("LATENCY LATEST is answered by an array");
    };
    let events = events.into_iter().map(|event| match event {
        Reply::Array(fields) => match &fields[..] {
            [Reply::Bulk(name), _, _, Reply::Integer(ms)] => {
                (String::from_utf8_lossy(name).into_owned(), *ms as u64)
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other}"),
    });
    events.collect()
}
