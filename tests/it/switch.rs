//! The log is switched on and off while clients write, servers are killed, and started again.
//!
//! A writer knows each reply that it got. What counts: behind a switch that is through, nothing
//! that was answered is lost; before it is, a restart finds the state of before.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use testkit::crash::writer::Connection;
use testkit::process::Directory;
use testkit::reply::Reply;

use crate::node::{MODES, Maker, Node, PATIENCE};

fn switch(node: &mut Node, to: &str) {
    node.ask(&["CONFIG", "SET", "appendonly", to]);
}

/// The log is on, and a restart would read it.
fn await_on(node: &mut Node) {
    assert_eq!(node.info("aof_enabled"), "1");
    node.await_info("aof_rewrite_scheduled", "0");
    node.await_info("aof_rewrite_in_progress", "0");
    assert_eq!(node.info("aof_last_bgrewrite_status"), "ok");
}

fn number(node: &mut Node, key: &str) -> u64 {
    match node.ask(&["GET", key]) {
        Reply::Bulk(text) => {
            let text = String::from_utf8(text).expect("text");
            text.parse().expect("a number")
        }
        Reply::NullBulk => 0,
        other => panic!("{key}: {other}"),
    }
}

/// Clients that count up, each its own key.
struct Writers {
    /// The newest answer of each.
    answered: Vec<Arc<AtomicU64>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    fn start(node: &mut Node, count: usize) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let address = node.process().address();
        let answered: Vec<Arc<AtomicU64>> = (0..count).map(|_| Arc::default()).collect();
        let threads = answered.iter().enumerate().map(|(number, answered)| {
            let (answered, stop) = (answered.clone(), stop.clone());
            std::thread::spawn(move || count_up(address, number, &answered, &stop))
        });
        Writers {
            threads: threads.collect(),
            answered,
            stop,
        }
    }

    fn answered(&self) -> Vec<u64> {
        let answered = self.answered.iter();
        answered.map(|it| it.load(Ordering::SeqCst)).collect()
    }

    /// Waits until each has got some more answers.
    fn go_on(&self) {
        let before = self.answered();
        let deadline = Instant::now() + PATIENCE;
        let is_behind = |(now, before): (&u64, &u64)| *now < before + 20;
        while self.answered().iter().zip(&before).any(is_behind) {
            assert!(Instant::now() < deadline, "writers stand at {before:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// All that was answered until the server was gone.
    fn end(mut self) -> Vec<u64> {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().expect("no panic");
        }
        self.answered()
    }
}

fn count_up(address: SocketAddr, number: usize, answered: &AtomicU64, stop: &AtomicBool) {
    let mut connection = Connection::open(address).expect("it answers");
    let key = format!("writer:{number}");
    while !stop.load(Ordering::SeqCst) {
        match connection.ask(&["INCR", &key]) {
            Ok(Reply::Integer(value)) => answered.store(value as u64, Ordering::SeqCst),
            Ok(other) => panic!("INCR: {other}"),
            // Killed.
            Err(_) => return,
        }
    }
}

fn check(node: &mut Node, answered: &[u64], what: &str) {
    for (writer, least) in answered.iter().enumerate() {
        let found = number(node, &format!("writer:{writer}"));
        // One more may have been done and not answered.
        let is_right = (*least..=least + 1).contains(&found);
        assert!(
            is_right,
            "{what}: writer {writer} had {least}, found {found}"
        );
    }
}

#[test]
fn switched_under_load_killed_and_started_again() {
    for mode in MODES {
        for policy in ["always", "everysec", "no"] {
            let what = format!("{mode:?}, {policy}");
            println!("{what}");
            let data = Directory::fresh().expect("a directory");
            let fsync = ["--appendfsync", policy, "--appendonly"];
            let mut node = Node::in_mode(data.path(), mode, &[&fsync[..], &["no"]].concat());
            node.ask(&["SET", "old", "1"]);
            let writers = Writers::start(&mut node, 6);
            writers.go_on();
            for _ in 0..3 {
                switch(&mut node, "yes");
                await_on(&mut node);
                writers.go_on();
                switch(&mut node, "no");
                assert_eq!(node.info("aof_enabled"), "0");
                writers.go_on();
            }
            switch(&mut node, "yes");
            await_on(&mut node);
            writers.go_on();
            node.process().kill().expect("killed");
            let answered = writers.end();
            let mut node = Node::in_mode(data.path(), mode, &[&fsync[..], &["yes"]].concat());
            check(&mut node, &answered, &what);
            assert_eq!(number(&mut node, "old"), 1, "{what}");
        }
    }
}

/// Whoever is killed while the log comes on finds the log of before, or the new one, whole.
#[test]
fn killed_while_the_log_comes_on() {
    for (turn, mode) in MODES.iter().cycle().take(15).enumerate() {
        let data = Directory::fresh().expect("a directory");
        let on = ["--appendonly", "yes"];
        let mut node = Node::in_mode(data.path(), mode, &on);
        let sets = (0..5_000).map(|i| vec![b"SET".to_vec(), format!("k:{i}").into(), vec![7; 99]]);
        node.try_ask_all(&sets.collect::<Vec<_>>()).expect("set");
        switch(&mut node, "no");
        node.ask(&["SET", "between", "1"]);
        let writers = Writers::start(&mut node, 2);
        writers.go_on();
        switch(&mut node, "yes");
        std::thread::sleep(Duration::from_micros(1_000 * turn as u64));
        node.process().kill().expect("killed");
        let answered = writers.end();
        let mut node = Node::in_mode(data.path(), mode, &on);
        assert_eq!(node.ask(&["GET", "k:4999"]), Reply::Bulk(vec![7; 99]));
        match number(&mut node, "between") {
            0 => assert_eq!(number(&mut node, "writer:0"), 0, "half a switch"),
            _ => check(&mut node, &answered, "the switch was through"),
        }
        // Whatever was left of it is in nobody's way.
        switch(&mut node, "no");
        switch(&mut node, "yes");
        await_on(&mut node);
        node.ask(&["SET", "after", "1"]);
        node.process().kill().expect("killed");
        let mut node = Node::in_mode(data.path(), mode, &on);
        assert_eq!(number(&mut node, "after"), 1);
        // A manifest, a base and one file of changes; what they replaced goes beside the work.
        let folder = data.path().join("appendonlydir");
        let files = || std::fs::read_dir(&folder).expect("a directory").count();
        let deadline = Instant::now() + PATIENCE;
        while files() != 3 {
            assert!(Instant::now() < deadline, "{} files", files());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Files that were begun beside a running server have names that a stock server does not know,
/// and are listed like all others.
#[test]
fn a_stock_server_loads_what_was_switched_on() {
    let data = Directory::fresh().expect("a directory");
    let on = ["--appendonly", "yes"];
    // Redis 7.0 reads no newer version.
    let off = ["--appendonly", "no", "--rdb-version", "10"];
    let mut node = Node::in_mode(data.path(), MODES[0], &off);
    node.ask(&["SET", "a", "1"]);
    switch(&mut node, "yes");
    await_on(&mut node);
    node.ask(&["SET", "b", "2"]);
    node.process().terminate().expect("asked");
    let status = node.process().wait(PATIENCE).expect("its status");
    assert!(status.is_some_and(|it| it.success()), "{status:?}");
    let Some(mut redis) = Node::start(Maker::Redis, data.path(), &on) else {
        return;
    };
    assert_eq!(number(&mut redis, "a") + number(&mut redis, "b"), 3);
    redis.ask(&["SET", "c", "3"]);
    redis.rewrite();
    redis.process().terminate().expect("asked");
    redis.process().wait(PATIENCE).expect("its status");
    let mut node = Node::in_mode(data.path(), MODES[0], &on);
    assert_eq!(number(&mut node, "b") + number(&mut node, "c"), 5);
}

/// Whoever ran without the log for a while is not served what was there before.
#[test]
fn a_log_that_is_older_than_the_snapshot_is_not_served() {
    for mode in MODES {
        let data = Directory::fresh().expect("a directory");
        let on = ["--appendonly", "yes"];
        let mut node = Node::in_mode(data.path(), mode, &on);
        node.ask(&["SET", "a", "1"]);
        switch(&mut node, "no");
        node.ask(&["SET", "a", "2"]);
        node.process().kill().expect("killed");
        // There is nothing newer on the disk.
        let mut node = Node::in_mode(data.path(), mode, &on);
        assert_eq!(number(&mut node, "a"), 1);
        node.process().kill().expect("killed");
        let mut node = Node::in_mode(data.path(), mode, &["--appendonly", "no"]);
        assert_eq!(number(&mut node, "a"), 0, "no snapshot, and no log is read");
        node.ask(&["SET", "a", "3"]);
        node.ask(&["SAVE"]);
        node.process().kill().expect("killed");
        for found in [3, 4] {
            let mut node = Node::in_mode(data.path(), mode, &on);
            assert_eq!(number(&mut node, "a"), found);
            node.ask(&["SET", "a", "4"]);
            node.process().kill().expect("killed");
        }
    }
}

/// A directory that only ever had a snapshot, and the end of a server that was just switched.
#[test]
fn a_snapshot_alone_becomes_a_log() {
    for mode in MODES {
        let data = Directory::fresh().expect("a directory");
        let mut node = Node::in_mode(data.path(), mode, &["--appendonly", "no"]);
        node.ask(&["SET", "a", "1"]);
        node.ask(&["SAVE"]);
        node.process().kill().expect("killed");
        let mut node = Node::in_mode(data.path(), mode, &["--appendonly", "no"]);
        node.ask(&["SET", "b", "2"]);
        switch(&mut node, "yes");
        // Asked to end at once: what was asked for is done before.
        node.process().terminate().expect("asked");
        let status = node.process().wait(PATIENCE).expect("its status");
        assert!(status.is_some_and(|it| it.success()), "{status:?}");
        std::fs::remove_file(data.path().join("dump.rdb")).expect("the snapshot");
        let mut node = Node::in_mode(data.path(), mode, &["--appendonly", "yes"]);
        assert_eq!(number(&mut node, "a"), 1);
        assert_eq!(number(&mut node, "b"), 2);
    }
}
