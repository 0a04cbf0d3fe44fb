//! One directory, two makers: what Ochre writes a stock redis-server reads, and the other way
//! round, with the same digest, and both can go on writing.
//!
//! ```text
//!   leg 1: ochre   write ─► image A ─► stop
//!   leg 2: redis   image == A ─► write ─► image B ─► stop
//!   leg 3: ochre   image == B ─► ...                          all on one directory
//! ```
//!
//! An image is DEBUG DIGEST and every key's deadline. Before it stops, each leg also writes keys
//! that die while nobody runs; the next one must not have them for long.

mod crashed;
mod keyspace;
mod streams;

use std::path::Path;
use std::time::{Duration, Instant};

use base::Rng;
use testkit::process::Directory;

use crate::node::{Image, Maker, Node, PATIENCE, run_tool};

/// One server's turn on the directory.
struct Leg {
    maker: Maker,
    arguments: &'static [&'static str],
    /// In the middle of its writes.
    midway: Midway,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Midway {
    Nothing,
    /// BGREWRITEAOF.
    Rewrite,
    /// SAVE, and no more writes: the snapshot is all there is.
    Save,
}

const OCHRE_LOG: Leg = Leg {
    maker: Maker::Ochre,
    arguments: &["--rdb-version", "10", "--appendonly", "yes", "--save", ""],
    midway: Midway::Nothing,
};
const REDIS_LOG: Leg = Leg {
    maker: Maker::Redis,
    arguments: &["--appendonly", "yes", "--save", ""],
    midway: Midway::Nothing,
};
const REDIS_PLAIN_LOG: Leg = Leg {
    maker: Maker::Redis,
    arguments: &[
        "--appendonly",
        "yes",
        "--save",
        "",
        "--aof-use-rdb-preamble",
        "no",
    ],
    midway: Midway::Rewrite,
};
const OCHRE_SNAPSHOT: Leg = Leg {
    maker: Maker::Ochre,
    arguments: &["--rdb-version", "10", "--appendonly", "no", "--save", ""],
    midway: Midway::Save,
};
const REDIS_SNAPSHOT: Leg = Leg {
    maker: Maker::Redis,
    arguments: &["--appendonly", "no", "--save", ""],
    midway: Midway::Save,
};

impl Leg {
    const fn rewriting(self) -> Leg {
        Leg {
            midway: Midway::Rewrite,
            ..self
        }
    }

    const fn with(self, arguments: &'static [&'static str]) -> Leg {
        Leg { arguments, ..self }
    }
}

#[test]
fn a_log_goes_from_ochre_to_redis_and_back() {
    relay(1, &[OCHRE_LOG, REDIS_LOG, OCHRE_LOG, REDIS_LOG]);
}

#[test]
fn a_rewritten_log_goes_from_ochre_to_redis_and_back() {
    let ours = OCHRE_LOG.rewriting();
    let theirs = REDIS_LOG.rewriting();
    relay(
        2,
        &[ours, theirs, OCHRE_LOG.rewriting(), REDIS_LOG.rewriting()],
    );
}

#[test]
fn a_log_goes_from_redis_to_ochre_and_back() {
    relay(3, &[REDIS_LOG, OCHRE_LOG, REDIS_LOG.rewriting(), OCHRE_LOG]);
}

#[test]
fn a_log_without_a_preamble_goes_from_redis_to_ochre_and_back() {
    relay(
        4,
        &[
            REDIS_PLAIN_LOG,
            OCHRE_LOG,
            REDIS_PLAIN_LOG,
            OCHRE_LOG.rewriting(),
            REDIS_LOG,
        ],
    );
}

#[test]
fn a_log_is_read_whatever_the_policy_and_the_mode() {
    const ALWAYS: &[&str] = &[
        "--rdb-version",
        "10",
        "--appendonly",
        "yes",
        "--save",
        "",
        "--appendfsync",
        "always",
        "--mode",
        "eventloop",
        "--threads",
        "3",
    ];
    const NEVER: &[&str] = &[
        "--rdb-version",
        "10",
        "--appendonly",
        "yes",
        "--save",
        "",
        "--appendfsync",
        "no",
        "--mode",
        "threaded",
    ];
    let (always, never) = (OCHRE_LOG.with(ALWAYS), OCHRE_LOG.with(NEVER).rewriting());
    relay(5, &[always, REDIS_LOG, never, REDIS_LOG]);
}

#[test]
fn a_log_with_times_and_older_generations_goes_to_redis_and_back() {
    const TIMES: &[&str] = &[
        "--rdb-version",
        "10",
        "--appendonly",
        "yes",
        "--save",
        "",
        "--aof-timestamp-enabled",
        "yes",
        "--aof-keep-generations",
        "2",
    ];
    const REDIS_TIMES: &[&str] = &[
        "--appendonly",
        "yes",
        "--save",
        "",
        "--aof-timestamp-enabled",
        "yes",
    ];
    let (ours, theirs) = (OCHRE_LOG.with(TIMES), REDIS_LOG.with(REDIS_TIMES));
    relay(
        11,
        &[
            OCHRE_LOG.with(TIMES).rewriting(),
            theirs,
            ours,
            REDIS_LOG.with(REDIS_TIMES).rewriting(),
            OCHRE_LOG.with(TIMES).rewriting(),
            OCHRE_LOG,
        ],
    );
}

#[test]
fn a_snapshot_goes_from_ochre_to_redis_and_back() {
    relay(
        6,
        &[
            OCHRE_SNAPSHOT,
            REDIS_SNAPSHOT,
            OCHRE_SNAPSHOT,
            REDIS_SNAPSHOT,
        ],
    );
}

#[test]
fn a_snapshot_alone_becomes_the_base_of_a_log() {
    relay(7, &[REDIS_SNAPSHOT, OCHRE_LOG, REDIS_LOG]);
    relay(8, &[OCHRE_SNAPSHOT, OCHRE_LOG.rewriting(), REDIS_LOG]);
}

#[test]
fn an_old_style_log_becomes_a_new_one() {
    for (seed, first) in [(9, REDIS_PLAIN_LOG), (10, REDIS_LOG.rewriting())] {
        let Some(mut course) = Course::new(seed) else {
            return;
        };
        course.run(&first);
        make_old_style(course.data.path());
        course.run(&OCHRE_LOG);
        course.run(&REDIS_LOG);
        course.run(&OCHRE_LOG);
    }
}

fn relay(seed: u64, legs: &[Leg]) {
    let Some(mut course) = Course::new(seed) else {
        return;
    };
    for leg in legs {
        course.run(leg);
    }
}

/// A directory on its way from one server to the next.
struct Course {
    data: Directory,
    rng: Rng,
    image: Option<Image>,
    legs: u64,
}

impl Course {
    /// `None` if there is no stock server here, which has been said.
    fn new(seed: u64) -> Option<Course> {
        crate::oracle::program()?;
        Some(Course {
            data: Directory::fresh().expect("a directory"),
            rng: Rng::new(seed),
            image: None,
            legs: 0,
        })
    }

    fn run(&mut self, leg: &Leg) {
        self.legs += 1;
        let data = self.data.path();
        let mut node = Node::start(leg.maker, data, leg.arguments).expect("it is there");
        if let Some(image) = &self.image {
            expect_image(&mut node, image, self.legs);
        }
        keyspace::write_corners(&mut node, self.legs);
        keyspace::write_at_random(&mut node, &mut self.rng, 3_000);
        if leg.midway == Midway::Rewrite {
            node.rewrite();
        }
        keyspace::write_at_random(&mut node, &mut self.rng, 1_000);
        let image = node.image();
        println!("leg {}: {} keys", self.legs, image.deadlines.len());
        assert!(
            image.deadlines.len() > 500,
            "{} keys",
            image.deadlines.len()
        );
        keyspace::write_short_lived(&mut node);
        if leg.midway == Midway::Save {
            node.ask(&["SAVE"]);
        }
        node.stop();
        self.image = Some(image);
        std::thread::sleep(keyspace::SHORT_LIFE);
        check_files(data, leg);
    }
}

/// The same as before, as soon as the short-lived are gone.
fn expect_image(node: &mut Node, wanted: &Image, leg: u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = node.image();
        if found == *wanted {
            return;
        }
        if Instant::now() > deadline {
            let differs =
                |key: &&(usize, Vec<u8>)| found.deadlines.get(key) != wanted.deadlines.get(key);
            let all = found.deadlines.keys().chain(wanted.deadlines.keys());
            let some: Vec<_> = all.filter(differs).take(5).collect();
            let (count, was) = (found.deadlines.len(), wanted.deadlines.len());
            let log = node.process().log();
            panic!("leg {leg}: {count} keys, {was} before, such as {some:?}\n{log}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The stock tools' opinion of what a clean stop has left.
fn check_files(data: &Path, leg: &Leg) {
    if leg.midway == Midway::Save {
        let checked = run_tool("redis-check-rdb", &[], &data.join("dump.rdb"));
        if let Some(Err(complaint)) = checked {
            panic!("redis-check-rdb: {complaint}");
        }
        return;
    }
    let manifest = data.join("appendonlydir/appendonly.aof.manifest");
    if let Some(Err(complaint)) = run_tool("redis-check-aof", &[], &manifest) {
        panic!("redis-check-aof: {complaint}");
    }
}

/// Joins the files of a log to what Redis 6 would have left.
fn make_old_style(data: &Path) {
    let folder = data.join("appendonlydir");
    let manifest = std::fs::read_to_string(folder.join("appendonly.aof.manifest"));
    let manifest = manifest.expect("a list");
    let mut whole = Vec::new();
    for line in manifest.lines() {
        let name = line.split(' ').nth(1).expect("file NAME seq N type T");
        whole.extend(std::fs::read(folder.join(name)).expect("a listed file"));
    }
    std::fs::write(data.join("appendonly.aof"), whole).expect("it can be written");
    std::fs::remove_dir_all(folder).expect("it can be removed");
}
