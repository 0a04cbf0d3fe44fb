//! A log that is broken or off, on a disk that fails: it comes on when the disk lets it, and what
//! was answered from then on survives.

use std::path::Path;
use std::time::{Duration, Instant};

use base::Now;
use engine::LogMode;
use engine::config::Config;
use ochredb::persistence::Driven;
use testkit::disk::{Crash, Fault, SimDisk};
use testkit::reply::Reply;

use super::node::{Node, Session, config};

const DIR: &str = "/data";

struct Life {
    disk: SimDisk,
    config: Config,
    node: Node,
    session: Session,
}

impl Life {
    fn begin(policy: &str, appendonly: &str) -> Life {
        let disk = SimDisk::new(Path::new(DIR));
        let config = config(Path::new(DIR), policy);
        let pairs = [(&b"appendonly"[..], appendonly.as_bytes())];
        let config = config.set_at_start(&pairs).expect("a known parameter");
        let node = Node::begin(std::sync::Arc::new(disk.clone()), &config);
        let node = node.expect("an empty directory");
        let session = node.session();
        Life {
            disk,
            config,
            node,
            session,
        }
    }

    /// Every call fails from now on.
    fn fail(&self, fault: Fault) {
        let now = self.disk.calls();
        (now..now + 5_000).for_each(|call| self.disk.fail_at(call, fault));
    }

    fn ask(&mut self, words: &[&str]) -> Reply {
        let reply = self.session.ask(words);
        self.node.end_batch();
        reply
    }

    fn set(&mut self, key: &str) {
        assert_eq!(self.ask(&["SET", key, "1"]), ok(), "{key}");
    }

    /// What is appended is where the policy wants it, or the log is broken.
    fn settle(&mut self) {
        let persistence = &self.node.persistence;
        let awaits = match persistence.log_mode() {
            LogMode::Off => return,
            mode => mode == LogMode::Awaited,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !persistence.is_broken() {
            let log = persistence.facts(Now::read(), 0).log.expect("a log");
            let reached = if awaits { log.durable } else { log.written };
            if reached == log.appended {
                return;
            }
            assert!(Instant::now() < deadline, "{log:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn drive(&mut self, now: Now) {
        let executor = self.session.executor();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            assert!(Instant::now() < deadline, "a rewrite without an end");
            match self.node.persistence.drive(executor, now) {
                // What a snapshot that was given up has left.
                Driven::Idle if executor.engine().is_saving() => {
                    executor.sweep(now, 0, 1, 8);
                }
                Driven::Idle => return,
                Driven::Busy | Driven::Waiting => std::thread::sleep(Duration::from_micros(100)),
            }
        }
    }

    fn is_refused(&mut self) -> bool {
        let reply = self.ask(&["SET", "refused", "1"]);
        match &reply {
            Reply::Error(line) => {
                assert!(line.starts_with(b"MISCONF "), "{reply}");
                true
            }
            _ => false,
        }
    }

    /// Returns which keys there are.
    fn breaks(&mut self) -> Vec<&'static str> {
        self.set("before");
        self.settle();
        self.fail(Fault::Device);
        // It is applied, and nobody is told that it lasts; unless the log's thread was quicker.
        let is_applied = self.ask(&["SET", "unsaved", "1"]) == ok();
        self.settle();
        assert!(self.is_refused());
        assert!(self.error().is_some());
        let all = ["before", "unsaved"];
        all[..1 + usize::from(is_applied)].to_vec()
    }

    fn error(&self) -> Option<String> {
        let log = self.node.persistence.facts(Now::read(), 0).log;
        log.expect("a log").error
    }

    /// What a start after this crash finds of these keys.
    fn found_after(&self, crash: Crash, keys: &[&str]) -> String {
        let disk = self.disk.crash(1, crash);
        let pairs = [(&b"appendonly"[..], &b"yes"[..])];
        let config = self.config.set_at_start(&pairs).expect("known");
        let node = Node::read(std::sync::Arc::new(disk), &config).expect("nothing is refused");
        let mut session = node.session();
        let found = keys
            .iter()
            .filter(|key| session.ask(["EXISTS", key]) == Reply::Integer(1));
        found.copied().collect::<Vec<_>>().join(" ")
    }
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

/// So much later.
fn after(secs: u64) -> Now {
    let now = Now::read();
    Now {
        unix_us: now.unix_us + secs as i64 * 1_000_000,
        mono_us: now.mono_us + secs * 1_000_000,
    }
}

#[test]
fn a_rewrite_heals_a_broken_log() {
    for policy in ["always", "everysec", "no"] {
        let mut life = Life::begin(policy, "yes");
        let there = life.breaks();
        // While the disk fails, so does this.
        assert!(matches!(life.ask(&["BGREWRITEAOF"]), Reply::Simple(_)));
        life.drive(Now::read());
        assert!(life.is_refused());
        assert!(life.node.persistence.facts(Now::read(), 0).rewrite_failed);
        life.disk.forgive();
        assert!(life.is_refused(), "nothing has healed it yet");
        assert!(matches!(life.ask(&["BGREWRITEAOF"]), Reply::Simple(_)));
        life.drive(Now::read());
        assert_eq!(life.error(), None);
        assert!(!life.node.persistence.facts(Now::read(), 0).rewrite_failed);
        life.set("after");
        if policy == "always" {
            life.settle();
        }
        let keys = ["before", "unsaved", "after", "refused"];
        let there = [&there[..], &["after"]].concat().join(" ");
        assert_eq!(life.found_after(Crash::Process, &keys), there, "{policy}");
        if policy == "always" {
            assert_eq!(life.found_after(Crash::Drop, &keys), there);
        }
        life.node.persistence.close().expect("it is well");
    }
}

#[test]
fn a_broken_log_heals_by_itself() {
    let mut life = Life::begin("always", "yes");
    let there = life.breaks();
    life.drive(Now::read());
    assert!(life.is_refused(), "it is left alone for a while");
    life.drive(after(6));
    assert!(life.is_refused(), "the disk fails still");
    life.disk.forgive();
    life.drive(after(12));
    assert!(life.is_refused(), "after a failure it waits longer");
    life.drive(after(30));
    assert_eq!(life.error(), None);
    life.set("after");
    life.settle();
    let keys = ["before", "unsaved", "after"];
    let there = [&there[..], &["after"]].concat().join(" ");
    assert_eq!(life.found_after(Crash::Drop, &keys), there);
}

#[test]
fn the_log_comes_on_although_the_disk_fails_at_any_call() {
    for policy in ["always", "everysec"] {
        for fault in [Fault::Device, Fault::Full] {
            for at in 0..40 {
                let mut life = Life::begin(policy, "no");
                life.set("a");
                assert_eq!(life.ask(&["CONFIG", "SET", "appendonly", "yes"]), ok());
                life.disk.fail_at(life.disk.calls() + at, fault);
                life.drive(Now::read());
                // Whether it is on or off, clients are served; unless it came on and broke then.
                let there = match life.ask(&["SET", "b", "1"]) == ok() {
                    true => "b c",
                    false => "c",
                };
                life.settle();
                life.drive(after(400));
                life.disk.forgive();
                life.drive(after(1_000));
                let facts = life.node.persistence.facts(Now::read(), 0);
                let what = format!("{policy}, {fault:?} at call {at}");
                assert!(facts.log.is_some() && !facts.rewrite_failed, "{what}");
                let mode = life.node.persistence.log_mode();
                assert_eq!(mode == LogMode::Awaited, policy == "always", "{what}");
                life.set("c");
                life.ask(&["DEL", "a"]);
                if policy == "always" {
                    life.settle();
                    let found = life.found_after(Crash::Drop, &["a", "b", "c"]);
                    assert_eq!(found, there, "{what}");
                }
                let found = life.found_after(Crash::Process, &["a", "b", "c"]);
                assert_eq!(found, there, "{what}");
            }
        }
    }
}

/// Off, on and off again in any state of the rewrite; what is stale is never read for new.
#[test]
fn switched_back_and_forth() {
    let mut life = Life::begin("always", "yes");
    for round in 0..12 {
        let key = format!("k{round}");
        life.set("x");
        assert_eq!(life.ask(&["CONFIG", "SET", "appendonly", "no"]), ok());
        assert_eq!(life.node.persistence.log_mode(), LogMode::Off);
        life.set(&key);
        assert_eq!(life.ask(&["CONFIG", "SET", "appendonly", "yes"]), ok());
        // A few steps of the rewrite, and off again in the middle of it.
        for _ in 0..round {
            life.node
                .persistence
                .drive(life.session.executor(), Now::read());
            std::thread::sleep(Duration::from_micros(300));
        }
        assert_eq!(life.ask(&["CONFIG", "SET", "appendonly", "no"]), ok());
        life.ask(&["DEL", "x"]);
        assert_eq!(life.ask(&["CONFIG", "SET", "appendonly", "yes"]), ok());
        life.drive(Now::read());
        life.drive(after(1_000));
        assert_eq!(
            life.node.persistence.log_mode(),
            LogMode::Awaited,
            "{round}"
        );
        life.settle();
        assert_eq!(life.found_after(Crash::Drop, &["x", &key]), key);
    }
    life.node.persistence.close().expect("it is well");
}

/// `no-appendfsync-on-rewrite`: while a snapshot is written replies wait for no sync.
#[test]
fn syncs_are_left_out_beside_a_snapshot() {
    let mut life = Life::begin("always", "yes");
    let spare = ["CONFIG", "SET", "no-appendfsync-on-rewrite", "yes"];
    assert_eq!(life.ask(&spare), ok());
    assert_eq!(life.node.persistence.log_mode(), LogMode::Awaited);
    life.set("a");
    assert!(matches!(life.ask(&["BGSAVE"]), Reply::Simple(_)));
    life.node
        .persistence
        .drive(life.session.executor(), Now::read());
    assert_eq!(life.node.persistence.log_mode(), LogMode::Appended);
    life.set("b");
    life.drive(Now::read());
    assert_eq!(life.node.persistence.log_mode(), LogMode::Awaited);
    life.settle();
    assert_eq!(life.found_after(Crash::Drop, &["a", "b"]), "a b");
}
