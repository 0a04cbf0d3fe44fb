//! Older generations of a log: kept, listed, checked, gone back into, removed.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};
use testkit::process::ServerProcess;
use testkit::socket::Socket;

use super::{Answer, Folder, ask, flip, ochre_with, redis, run, text};

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";

impl Folder {
    fn manifest(&self) -> String {
        fs::read_to_string(self.path(MANIFEST)).unwrap_or_default()
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("appendonlydir")).expect("a log");
        let mut names: Vec<String> = names
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .filter(|name| !name.ends_with(".manifest"))
            .collect();
        names.sort();
        names
    }

    fn report(&self, status: i32) -> Json {
        run(&["check", "--json", text(&self.0)])
            .expect(status)
            .json()
    }

    /// The value of `n` as it was, or why there is none.
    fn n_at(&self, moment: &str) -> Result<String, String> {
        let new = Folder::new();
        let into = new.path("made");
        let Answer { status, err, .. } = run(&[
            "restore",
            text(&self.0),
            "--to",
            moment,
            "--into",
            text(&into),
        ]);
        if status != 0 {
            return Err(err);
        }
        let exported = run(&["export", text(&into), "--format", "json"])
            .expect(0)
            .out;
        let line: Json = match exported.lines().next() {
            Some(line) => serde_json::from_str(line).expect("JSON"),
            None => return Ok("nothing".into()),
        };
        Ok(line["value"].as_str().expect("a string").to_owned())
    }
}

/// Waits for something that a server does by itself.
fn wait(what: &str, mut is_there: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if is_there() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("waited for {what}");
}

fn rewrite(folder: &Folder, socket: &mut Socket) {
    let before = folder.manifest();
    let base = |manifest: &str| {
        manifest
            .lines()
            .find(|it| it.ends_with("type b"))
            .map(str::to_owned)
    };
    // The one before may not be quite over.
    wait("the last rewrite", || {
        ask(socket, &["BGREWRITEAOF"])
            .to_string()
            .contains("started")
    });
    wait("a rewrite", || {
        base(&folder.manifest()).is_some_and(|now| Some(now) != base(&before))
    });
}

/// n counts up; after each step the log is rewritten. Says where the stream stood after each.
fn counted(folder: &Folder, arguments: &[&str], steps: u64) -> (ServerProcess, Socket, Vec<u64>) {
    let (server, mut socket) = ochre_with(folder, arguments);
    let mut ends = Vec::new();
    for n in 1..=steps {
        ask(&mut socket, &["SET", "n", &n.to_string()]);
        let files = folder.report(0);
        let last = files["files"]
            .as_array()
            .expect("files")
            .iter()
            .rfind(|it| it["kind"] == "log");
        ends.push(last.expect("a log")["end_lsn"].as_u64().expect("an LSN"));
        rewrite(folder, &mut socket);
    }
    (server, socket, ends)
}

#[test]
fn one_can_go_back_into_what_is_kept() {
    let folder = Folder::new();
    let (server, mut socket, ends) = counted(&folder, &["--aof-keep-generations", "3"], 5);
    ask(&mut socket, &["SET", "n", "last"]);
    let check = |folder: &Folder| {
        let files = folder.report(0)["files"].clone();
        assert_eq!(files[0]["generations"], json!(3));
        let kept = |kind: &str| {
            let files = files.as_array().expect("files").iter();
            files
                .filter(|it| it["kind"] == kind && it["kept_until"].as_u64().is_some())
                .count()
        };
        assert_eq!((kept("log"), kept("snapshot")), (3, 3));
        for (at, end) in ends.iter().enumerate().skip(1) {
            // After SET number `at + 1`, and a byte before.
            assert_eq!(folder.n_at(&end.to_string()), Ok((at + 1).to_string()));
            let before = folder.n_at(&(end - 1).to_string());
            match at {
                // Where the oldest base was taken.
                1 => assert!(before.expect_err("it is gone").contains("aof-keep")),
                _ => assert_eq!(before, Ok(at.to_string())),
            }
        }
        let early = folder
            .n_at(&(ends[1] - 100).to_string())
            .expect_err("it is gone");
        assert!(
            early.contains("reaches back to LSN") && early.contains("aof-keep"),
            "{early}"
        );
        let at = ends[2].to_string();
        let then = run(&[
            "export",
            text(&folder.0),
            "--format",
            "json",
            "--at-lsn",
            &at,
        ])
        .expect(0);
        assert!(then.out.contains("\"value\":\"3\""), "{}", then.out);
    };
    // Beside a running server, after it, and after another one.
    check(&folder);
    wait("what is kept no longer to go", || {
        let manifest = folder.manifest();
        !manifest.lines().any(|line| line.ends_with(" type h"))
    });
    drop(server);
    let before = folder.names();
    check(&folder);
    let (server, mut socket) = ochre_with(&folder, &["--aof-keep-generations", "3"]);
    assert_eq!(ask(&mut socket, &["GET", "n"]).to_string(), "\"last\"");
    check(&folder);
    drop(server);
    assert_eq!(folder.names(), before);
}

#[test]
fn what_is_not_wanted_any_more_goes() {
    let folder = Folder::new();
    let (server, mut socket, _) = counted(&folder, &["--aof-keep-seconds", "3600"], 3);
    assert_eq!(folder.report(0)["files"][0]["generations"], json!(3));
    assert_eq!(folder.names().len(), 2 + 2 + 2 + 1);
    // One is enough.
    ask(
        &mut socket,
        &[
            "CONFIG",
            "SET",
            "aof-keep-seconds",
            "0",
            "aof-keep-generations",
            "1",
        ],
    );
    wait("two to go", || {
        folder.names().len() == 4 && folder.manifest().matches("type h").count() == 2
    });
    assert_eq!(folder.report(0)["files"][0]["generations"], json!(1));
    // Its time is over.
    ask(
        &mut socket,
        &[
            "CONFIG",
            "SET",
            "aof-keep-seconds",
            "1",
            "aof-keep-generations",
            "0",
        ],
    );
    wait("all to go", || {
        folder.names().len() == 2 && !folder.manifest().contains("type h")
    });
    ask(&mut socket, &["SET", "n", "more"]);
    rewrite(&folder, &mut socket);
    drop(server);
    // At a start as well.
    let (server, _socket) = ochre_with(&folder, &[]);
    wait("all to go", || {
        folder.names().len() == 2 && !folder.manifest().contains("type h")
    });
    drop(server);
    assert_eq!(folder.report(0)["files"][0]["generations"], json!(0));
}

/// The files of the oldest generation that is kept.
fn kept_files(folder: &Folder) -> Vec<PathBuf> {
    let manifest = folder.manifest();
    let until = |line: &str| line.rsplit(" lsn ").next().map(str::to_owned);
    let lines: Vec<&str> = manifest
        .lines()
        .filter(|line| line.contains(" type h lsn "))
        .collect();
    let oldest = lines.iter().filter(|line| until(line) == until(lines[0]));
    let names = oldest.map(|line| line.split(' ').nth(1).expect("a name"));
    names
        .map(|name| folder.path("appendonlydir").join(name))
        .collect()
}

#[test]
fn damage_in_what_is_kept_is_told_and_harms_nothing_else() {
    let folder = Folder::new();
    let (server, _socket, ends) = counted(&folder, &["--aof-keep-generations", "2"], 3);
    drop(server);
    let files = kept_files(&folder);
    assert_eq!(files.len(), 2);
    for path in &files {
        let whole = fs::read(path).expect("a file");
        // In the middle; the last bytes of it; all of it; and the file itself.
        for what in 0..4 {
            match what {
                0 => flip(path, whole.len() / 2),
                1 => fs::write(path, &whole[..whole.len() - 60]).expect("written"),
                2 => fs::write(path, b"").expect("written"),
                _ => fs::remove_file(path).expect("removed"),
            }
            let report = folder.report(2);
            assert_eq!(
                report["damage"].as_array().map(Vec::len),
                Some(1),
                "{report}"
            );
            assert_eq!(report["damage"][0]["kept"], json!(true), "{report}");
            let told = run(&["check", text(&folder.0)]).expect(2).out;
            assert!(told.contains("a server starts with it"), "{told}");
            folder
                .n_at(&(ends[1] - 1).to_string())
                .expect_err("damaged");
            assert_eq!(folder.n_at(&ends[2].to_string()), Ok("3".into()), "{what}");
            let (server, mut socket) = ochre_with(&folder, &["--aof-keep-generations", "2"]);
            assert_eq!(ask(&mut socket, &["GET", "n"]).to_string(), "\"3\"");
            drop(server);
            fs::write(path, &whole).expect("written");
        }
    }
    folder.report(0);
    assert_eq!(folder.n_at(&ends[1].to_string()), Ok("2".into()));
}

/// The seconds at which something was set, a second apart.
fn set_in_seconds(socket: &mut Socket, values: &[&str]) -> Vec<i64> {
    let mut seconds = Vec::new();
    for value in values {
        let began = base::Now::read().unix_secs();
        wait("another second", || base::Now::read().unix_secs() > began);
        ask(socket, &["SET", "n", value]);
        seconds.push(base::Now::read().unix_secs());
    }
    seconds
}

#[test]
fn a_time_is_found_in_whichever_generation_it_lies() {
    let folder = Folder::new();
    let arguments = [
        "--aof-timestamp-enabled",
        "yes",
        "--aof-keep-generations",
        "9",
    ];
    let (server, mut socket) = ochre_with(&folder, &arguments);
    let mut seconds = Vec::new();
    for values in [["1", "2"], ["3", "4"], ["5", "6"]] {
        seconds.extend(set_in_seconds(&mut socket, &values));
        if values[0] != "5" {
            rewrite(&folder, &mut socket);
        }
    }
    drop(server);
    let report = folder.report(0);
    let files = report["files"].as_array().expect("files");
    let times: Vec<&Json> = files
        .iter()
        .filter(|it| it["kind"] == "log")
        .map(|it| &it["times"])
        .collect();
    for (at, second) in seconds.iter().enumerate() {
        // A write that was answered in a second was written in it, or in the one before it ended.
        let written = times[at / 2][at % 2].as_i64().expect("a time");
        assert!(
            (second - 1..=*second).contains(&written),
            "{second} {times:?}"
        );
        assert_eq!(
            folder.n_at(&format!("@{written}")),
            Ok((at + 1).to_string()),
            "{times:?}"
        );
        let before = folder.n_at(&format!("@{}", written - 1));
        match at {
            0 => assert!(before.expect_err("too early").contains("begin with")),
            _ => assert_eq!(before, Ok(at.to_string()), "{times:?}"),
        }
    }
    assert_eq!(folder.n_at("2999-01-01T00:00:00Z"), Ok("6".into()));
    let early = folder.n_at("2001-01-01T00:00:00Z").expect_err("too early");
    assert!(early.contains("an older copy of the directory"), "{early}");
}

#[test]
fn without_times_a_time_is_refused() {
    let folder = Folder::new();
    let (server, mut socket) = ochre_with(&folder, &["--aof-keep-generations", "9"]);
    let seconds = set_in_seconds(&mut socket, &["1"]);
    rewrite(&folder, &mut socket);
    ask(&mut socket, &["SET", "n", "2"]);
    // From here on there are some.
    ask(
        &mut socket,
        &["CONFIG", "SET", "aof-timestamp-enabled", "yes"],
    );
    let more = set_in_seconds(&mut socket, &["3"]);
    ask(
        &mut socket,
        &["CONFIG", "SET", "aof-timestamp-enabled", "no"],
    );
    set_in_seconds(&mut socket, &["4"]);
    drop(server);
    let refused = folder
        .n_at(&format!("@{}", seconds[0]))
        .expect_err("no times");
    assert!(refused.contains("aof-timestamp-enabled yes"), "{refused}");
    let told = fs::read_to_string(folder.log_file()).expect("ASCII");
    assert_eq!(told.matches("#TS:").count(), 1, "{told}");
    // What was written without a time belongs to the time before.
    assert_eq!(folder.n_at(&format!("@{}", more[0])), Ok("4".into()));
}

/// A stock server starts with such a directory, and removes what it calls history.
#[test]
fn a_stock_server_loads_what_lies_before_older_generations() {
    let folder = Folder::new();
    let arguments = [
        "--aof-keep-generations",
        "2",
        "--aof-timestamp-enabled",
        "yes",
        "--rdb-version",
        "10",
    ];
    let (mut server, _socket, ends) = counted(&folder, &arguments, 3);
    // Stock servers want no reserved room.
    server.terminate().expect("it is told");
    server
        .wait(Duration::from_secs(20))
        .expect("it ends")
        .expect("in time");
    let Some((server, mut socket)) = redis(&folder, &[]) else {
        return;
    };
    assert_eq!(ask(&mut socket, &["GET", "n"]).to_string(), "\"3\"");
    ask(&mut socket, &["SET", "n", "4"]);
    wait("history to go", || folder.names().len() == 2);
    drop(server);
    let report = folder.report(0);
    assert_eq!(report["files"][0]["generations"], json!(0));
    folder.n_at(&ends[0].to_string()).expect_err("it is gone");
    let (_server, mut socket) = ochre_with(&folder, &arguments);
    assert_eq!(ask(&mut socket, &["GET", "n"]).to_string(), "\"4\"");
}
