//! A disk that is really full.
//!
//! ```text
//!   fill ─► refused · reads · BGSAVE and rewrite fail ─► room ─► resumes ─► compare
//!   fill ─► refused ─► kill -9 ─► start on the full disk ─► compare ─► end and start ─► room ─► resumes
//!                                                 BGSAVE and rewrite work ─► kill -9 ─► compare
//! ```
//!
//! Everywhere else a full disk is simulated (testkit/src/disk.rs); here the kernel says so. What
//! the figures come to is printed.

mod disk;
mod writer;

use std::net::SocketAddr;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use testkit::crash::writer::Connection;
use testkit::process::{ServerProcess, ochre_program};
use testkit::reply::Reply;

use disk::{Maker, SmallDisk};
use writer::Writer;

const WRITERS: usize = 6;
const BALLAST_BYTES: u64 = 24 << 20;
/// Left beside the second ballast.
const LEFT_BYTES: u64 = 4 << 20;
const WARNING: char = '#';
const NOTICE: char = '*';
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn event_loops_on_a_full_tmpfs() {
    suffer_each_policy(Maker::Tmpfs, &["--mode", "eventloop", "--threads", "2"]);
}

#[test]
fn threads_on_a_full_tmpfs() {
    suffer_each_policy(Maker::Tmpfs, &["--mode", "threaded"]);
}

#[test]
fn one_event_loop_on_a_full_ext4() {
    suffer_each_policy(Maker::Ext4, &["--mode", "eventloop", "--threads", "1"]);
}

#[test]
fn threads_on_a_full_ext4() {
    suffer_each_policy(Maker::Ext4, &["--mode", "threaded"]);
}

fn suffer_each_policy(maker: Maker, mode: &[&str]) {
    for policy in ["always", "everysec"] {
        let disk = match SmallDisk::mount(maker) {
            Ok(disk) => disk,
            Err(why) => return crate::skipped(&format!("no full {maker:?}: {why}")),
        };
        let arguments = [mode, &["--appendfsync", policy, "--save", ""]].concat();
        let seed = crate::seed();
        let title = format!("{maker:?}, {}", arguments[..arguments.len() - 2].join(" "));
        println!("OCHRE_SEED={seed} on {title}");
        suffer(&disk, &arguments, seed, &title);
    }
}

/// Without a log: the save points write a snapshot, which does not fit; and try again.
#[test]
fn save_points_on_a_full_tmpfs() {
    let disk = match SmallDisk::mount(Maker::Tmpfs) {
        Ok(disk) => disk,
        Err(why) => return crate::skipped(&format!("no full disk: {why}")),
    };
    let arguments = ["--appendonly", "no", "--save", "1 1"];
    let seed = crate::seed();
    println!("OCHRE_SEED={seed} on {}", arguments.join(" "));
    let ballast = disk.ballast(disk.free_bytes() - LEFT_BYTES);
    let mut server = start(&disk, &arguments);
    let mut writers = writers(seed, server.address(), &["stop-writes-on-bgsave-error"]);
    at_once(&mut writers, Writer::write_until_refused);
    each(&mut writers, |it| it.compare("no room for a snapshot"));
    expect_logged(&server, WARNING, "Background saving error");
    let mut connection = Connection::open(server.address()).expect("the server accepts");
    await_info(&mut connection, "rdb_bgsave_in_progress", "0");
    assert_eq!(info(&mut connection, "rdb_last_bgsave_status"), "err");
    let left = disk::unfinished(&disk.data()).expect("it is mounted");
    assert!(left.is_empty(), "{left:?}");
    let resumed = resume(&mut writers, || ballast.remove());
    println!("save points: resumed after {} ms", resumed.as_millis());
    assert_eq!(info(&mut connection, "rdb_last_bgsave_status"), "ok");
    let saved = ask(&mut connection, &["SAVE"]);
    assert!(matches!(saved, Reply::Simple(_)), "SAVE: {saved}");
    server.kill().expect("it lives");
    let server = start(&disk, &arguments);
    each(&mut writers, |it| it.reconnect(server.address()));
    each(&mut writers, |it| it.compare("killed after a snapshot"));
}

/// Older generations are not given up unasked: who is refused reads that they are there, and they
/// make room when they are wanted no longer.
#[test]
fn older_generations_on_a_full_tmpfs() {
    give_up_older_generations(Maker::Tmpfs);
}

#[test]
fn older_generations_on_a_full_ext4() {
    give_up_older_generations(Maker::Ext4);
}

fn give_up_older_generations(maker: Maker) {
    let disk = match SmallDisk::mount(maker) {
        Ok(disk) => disk,
        Err(why) => return crate::skipped(&format!("no full {maker:?}: {why}")),
    };
    let arguments = ["--save", "", "--aof-keep-generations", "3"];
    let seed = crate::seed();
    println!("OCHRE_SEED={seed} on {maker:?}, {}", arguments.join(" "));
    let server = start(&disk, &arguments);
    let mut connection = Connection::open(server.address()).expect("the server accepts");
    let value = "x".repeat(4 << 20);
    for rewrites in ["1", "2"] {
        ask(&mut connection, &["SET", "kept", &value]);
        ask(&mut connection, &["BGREWRITEAOF"]);
        await_info(&mut connection, "aof_rewrites", rewrites);
    }
    ask(&mut connection, &["DEL", "kept"]);
    let _ballast = disk.ballast(disk.free_bytes() - LEFT_BYTES);
    let mut writers = writers(seed, server.address(), &["the disk is full", "make room"]);
    at_once(&mut writers, Writer::write_until_refused);
    let refused = ask(&mut connection, &["SET", "kept", &value]).to_string();
    for advice in ["kept, 2 of them", "aof-keep-generations"] {
        assert!(refused.contains(advice), "{refused}");
        expect_logged(&server, WARNING, advice);
    }
    let keep_none = ["CONFIG", "SET", "aof-keep-generations", "0"];
    let resumed = resume(&mut writers, || {
        ask(&mut connection, &keep_none);
    });
    println!("{maker:?}: resumed after {} ms", resumed.as_millis());
    expect_logged(&server, NOTICE, "There is room on the disk again");
    each(&mut writers, |it| it.compare("older generations are gone"));
}

/// The story of the picture above.
fn suffer(disk: &SmallDisk, arguments: &[&str], seed: u64, title: &str) {
    let ballast = disk.ballast(BALLAST_BYTES);
    let mut server = start(disk, arguments);
    let address = server.address();
    let mut writers = writers(seed, address, &["the disk is full", "make room"]);
    at_once(&mut writers, Writer::write_until_refused);
    println!("{title}: {}", figures(&writers));
    let free_kib = disk.free_bytes() >> 10;
    println!("{title}: {free_kib} KiB were free when writes were refused");
    each(&mut writers, |it| it.compare("full"));
    writers[0].expect_large_is_refused();
    expect_snapshots_fail(disk, &server);
    expect_logged(&server, WARNING, "the disk is full");
    // The rewrite that failed has given back what was reserved.
    at_once(&mut writers, Writer::write_until_refused);

    let resumed = resume(&mut writers, || ballast.remove());
    println!("{title}: resumed after {} ms", resumed.as_millis());
    expect_logged(&server, NOTICE, "There is room on the disk again");
    at_once(&mut writers, |it| it.write_some(50));
    each(&mut writers, |it| it.compare("room again"));

    let ballast = disk.ballast(disk.free_bytes().saturating_sub(LEFT_BYTES));
    at_once(&mut writers, Writer::write_until_refused);
    server.kill().expect("it lives");
    let server = start(disk, arguments);
    each(&mut writers, |it| it.reconnect(server.address()));
    each(&mut writers, |it| it.compare("killed when full"));
    at_once(&mut writers, Writer::write_until_refused);
    stop(server);
    let mut server = start(disk, arguments);
    each(&mut writers, |it| it.reconnect(server.address()));
    each(&mut writers, |it| it.compare("ended when full"));
    at_once(&mut writers, Writer::write_until_refused);

    let resumed = resume(&mut writers, || ballast.remove());
    println!(
        "{title}: started on a full disk, resumed after {} ms",
        resumed.as_millis()
    );
    at_once(&mut writers, |it| it.write_some(50));
    expect_snapshots_work(disk, &server);
    at_once(&mut writers, |it| it.write_some(50));
    server.kill().expect("it lives");
    let server = start(disk, arguments);
    each(&mut writers, |it| it.reconnect(server.address()));
    each(&mut writers, |it| it.compare("killed at the end"));
    println!("{title}: in all {}", figures(&writers));
}

fn start(disk: &SmallDisk, arguments: &[&str]) -> ServerProcess {
    ServerProcess::ochre_on(ochre_program(), &disk.data(), arguments).expect("the server starts")
}

fn writers(seed: u64, address: SocketAddr, advice: &'static [&'static str]) -> Vec<Writer> {
    let numbers = 0..WRITERS;
    numbers
        .map(|number| Writer::new(number, seed, address, advice))
        .collect()
}

/// Asks the server to end, and expects that it does so well.
fn stop(mut server: ServerProcess) {
    server.terminate().expect("it lives");
    let status = server.wait(PATIENCE).expect("it is our child");
    let ended_well = status.is_some_and(|status| status.success());
    assert!(ended_well, "{status:?}\n{}", server.log());
}

fn each(writers: &mut [Writer], mut act: impl FnMut(&mut Writer)) {
    writers.iter_mut().for_each(&mut act);
}

fn at_once(writers: &mut [Writer], act: impl Fn(&mut Writer) + Sync) {
    std::thread::scope(|scope| {
        for writer in writers {
            scope.spawn(|| act(writer));
        }
    });
}

/// All writers go on trying while somebody makes room. Returns how long the last of them had to.
fn resume(writers: &mut [Writer], make_room: impl FnOnce()) -> Duration {
    let begin = Arc::new(Barrier::new(writers.len() + 1));
    std::thread::scope(|scope| {
        let begin = &begin;
        let tries: Vec<_> = writers
            .iter_mut()
            .map(|writer| {
                scope.spawn(move || {
                    begin.wait();
                    writer.write_until_taken();
                    Instant::now()
                })
            })
            .collect();
        begin.wait();
        let began = Instant::now();
        make_room();
        let ended = tries.into_iter().map(|it| it.join().expect("it resumes"));
        ended.max().expect("writers").duration_since(began)
    })
}

/// Nothing that needs room works, and each says so and leaves nothing behind.
fn expect_snapshots_fail(disk: &SmallDisk, server: &ServerProcess) {
    let mut connection = Connection::open(server.address()).expect("the server accepts");
    let before = ask(&mut connection, &["LASTSAVE"]);
    for (command, running, status) in [BGSAVE, BGREWRITEAOF] {
        let reply = ask(&mut connection, &[command]);
        assert!(matches!(reply, Reply::Simple(_)), "{command}: {reply}");
        await_info(&mut connection, status, "err");
        await_info(&mut connection, running, "0");
        let left = disk::unfinished(&disk.data()).expect("it is mounted");
        assert!(left.is_empty(), "{command} left {left:?}");
    }
    let reply = ask(&mut connection, &["SAVE"]);
    assert!(matches!(reply, Reply::Error(_)), "SAVE: {reply}");
    assert_eq!(ask(&mut connection, &["LASTSAVE"]), before);
    assert_eq!(info(&mut connection, "rdb_saves"), "0");
    assert_eq!(info(&mut connection, "aof_rewrites"), "0");
    expect_logged(server, WARNING, "Background saving error");
    expect_logged(server, WARNING, "Background AOF rewrite failed");
}

fn expect_snapshots_work(disk: &SmallDisk, server: &ServerProcess) {
    let mut connection = Connection::open(server.address()).expect("the server accepts");
    for (command, running, status) in [BGSAVE, BGREWRITEAOF] {
        ask(&mut connection, &[command]);
        let done = match command {
            "BGSAVE" => "rdb_saves",
            _ => "aof_rewrites",
        };
        await_info(&mut connection, done, "1");
        assert_eq!(info(&mut connection, status), "ok");
        assert_eq!(info(&mut connection, running), "0");
    }
    assert_eq!(info(&mut connection, "aof_last_write_status"), "ok");
    let left = disk::unfinished(&disk.data()).expect("it is mounted");
    assert!(left.is_empty(), "{left:?}");
}

/// A command, and the fields of INFO that tell whether it runs and how it ended.
const BGSAVE: (&str, &str, &str) = ("BGSAVE", "rdb_bgsave_in_progress", "rdb_last_bgsave_status");
const BGREWRITEAOF: (&str, &str, &str) = (
    "BGREWRITEAOF",
    "aof_rewrite_in_progress",
    "aof_last_bgrewrite_status",
);

/// A line of the server's log, with the mark of its level. It may follow what clients see.
fn expect_logged(server: &ServerProcess, mark: char, what: &str) {
    let mark = format!(" {mark} ");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = server.log();
        let mut lines = log.lines();
        if lines.any(|line| line.contains(&mark) && line.contains(what)) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{mark}{what:?} is not in the log:\n{log}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn await_info(connection: &mut Connection, field: &str, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = info(connection, field);
        if found == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{field}: {found}, not {wanted}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn info(connection: &mut Connection, field: &str) -> String {
    let Reply::Bulk(text) = ask(connection, &["INFO", "persistence"]) else {
        panic!("INFO is a text");
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    found.unwrap_or_default().trim().to_owned()
}

fn ask(connection: &mut Connection, words: &[&str]) -> Reply {
    connection.ask(words).expect("an answer")
}

fn figures(writers: &[Writer]) -> String {
    let acknowledged: u64 = writers.iter().map(|it| it.acknowledged).sum();
    let refused: u64 = writers.iter().map(|it| it.refused).sum();
    format!("{acknowledged} writes acknowledged, {refused} refused")
}
