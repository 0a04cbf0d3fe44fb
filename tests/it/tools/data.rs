//! `ochre export`, `ochre import`, `ochre restore`.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};
use testkit::process::ServerProcess;
use testkit::socket::Socket;
use testkit::target::Target as _;

use super::{Folder, answer, ask, fill, flip, ochre, redis, run, tear, text};

/// The lines of an export, in an order of their own.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn export(folder: &Folder) -> Vec<String> {
    lines(
        &run(&["export", text(&folder.0), "--format", "json"])
            .expect(0)
            .out,
    )
}

/// A directory with all kinds of strings.
fn filled() -> Folder {
    let folder = Folder::new();
    let (server, mut socket) = ochre(&folder);
    fill(&mut socket);
    ask(&mut socket, &["HSET", "fields", "f", "1", "g", "2"]);
    let deadline = ["HPEXPIREAT", "fields", "4102444800123", "FIELDS", "1", "f"];
    ask(&mut socket, &deadline);
    ask(&mut socket, &["SET", "count", "12345"]);
    ask(&mut socket, &["SETBIT", "binary", "0", "1"]);
    ask(&mut socket, &["SET", "quote\"\n", "täglich ☕"]);
    ask(&mut socket, &["SETRANGE", "large", "300000", "end"]);
    ask(&mut socket, &["MSET", "both", "1", "together", "2"]);
    drop(server);
    folder
}

#[test]
fn an_export_is_lines_of_json() {
    let folder = filled();
    let exported = export(&folder);
    let parsed: Vec<Json> = exported
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(parsed.len(), 10);
    for line in [
        json!({"db": 0, "key": "fields", "type": "hash", "value": [["f", "1"], ["g", "2"]],
               "field_deadlines": [["f", 4_102_444_800_123u64]]}),
        json!({"db": 0, "key": "a", "type": "string", "value": "1"}),
        json!({"db": 3, "key": "c", "type": "string", "value": "three!"}),
        json!({"db": 0, "key": "later", "type": "string", "value": "on",
               "deadline": 9_999_999_999_999u64}),
        json!({"db": 0, "key": "binary", "type": "string", "value": {"base64": "gA=="}}),
        json!({"db": 0, "key": "quote\"\n", "type": "string", "value": "täglich ☕"}),
    ] {
        assert!(parsed.contains(&line), "{line} is not in {exported:#?}");
    }
}

#[test]
fn every_form_comes_back_the_same() {
    let folder = filled();
    let exported = export(&folder);
    let files = Folder::new();
    for (format, rdb) in [
        ("json", false),
        ("rdb", false),
        ("aof", false),
        ("json", true),
    ] {
        let file = files.path(&format!("{rdb}.{format}"));
        let (file, from) = (text(&file), text(&folder.0));
        run(&["export", from, "--format", format, "--out", file]).expect(0);
        let taken = run(&["export", from, "--format", format, "--out", file]).expect(1);
        assert!(taken.err.contains("exists"), "{}", taken.err);
        if format != "json" {
            run(&["check", file]).expect(0);
        }
        let new = Folder::new();
        let into = new.path("made");
        let mut words = vec!["import", file, "--into", text(&into)];
        words.extend(rdb.then_some("--rdb"));
        run(&words).expect(0);
        run(&["check", text(&into)]).expect(0);
        let again = run(&["export", text(&into), "--format", "json"]).expect(0);
        assert_eq!(lines(&again.out), exported, "{format}");
        let full = run(&words).expect(1);
        assert!(full.err.contains("not empty"), "{}", full.err);
    }
}

#[test]
fn what_an_older_server_would_lose_is_not_written_for_it() {
    let folder = filled();
    let files = Folder::new();
    for (version, status) in [("10", 1), ("11", 1), ("12", 0)] {
        let file = files.path(version);
        let words = ["export", text(&folder.0), "--format", "rdb", "--out"];
        let more = [text(&file), "--rdb-version", version];
        let told = run(&[&words[..], &more].concat()).expect(status);
        assert_eq!(file.exists(), status == 0);
        assert!(
            status == 0 || told.err.contains("version 12"),
            "{}",
            told.err
        );
    }
}

#[test]
fn a_server_serves_what_was_imported() {
    let folder = Folder::new();
    let mut child = Command::new(testkit::process::ochre_program())
        .args(["import", "-", "--into", text(&folder.0)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = "{\"db\":0,\"key\":\"k\",\"type\":\"string\",\"value\":\"41\"}\n\n\
                 {\"value\":{\"base64\":\"/w==\"},\"type\":\"string\",\"key\":\"b\",\"db\":5}";
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    answer(child.wait_with_output().expect("it ends")).expect(0);
    let (server, mut socket) = ochre(&folder);
    assert_eq!(ask(&mut socket, &["INCR", "k"]).to_string(), "42");
    ask(&mut socket, &["SELECT", "5"]);
    assert_eq!(ask(&mut socket, &["BITCOUNT", "b"]).to_string(), "8");
    let beside = export(&folder);
    assert_eq!(beside.len(), 2);
    drop(server);
    assert_eq!(export(&folder), beside);
}

#[test]
fn a_server_that_writes_is_not_waited_for() {
    let folder = Folder::new();
    let (server, mut socket) = ochre(&folder);
    let address = server.address();
    let writer = std::thread::spawn(move || {
        let mut socket = Socket::connect(address).expect("it answers");
        let value = "x".repeat(3000);
        let line: Vec<&str> = ["SET", "k", &value].into();
        let mut count = 0u64;
        // It ends with its server.
        while socket.ask(0, &line).is_ok() {
            count += 1;
        }
        count
    });
    ask(&mut socket, &["SET", "first", "1"]);
    for round in 0..5 {
        run(&["check", text(&folder.0)]).expect(0);
        let exported = run(&["export", text(&folder.0), "--format", "json"]).expect(0);
        assert!(!exported.err.contains("left out"), "{}", exported.err);
        assert!(exported.out.contains("first"), "round {round}");
    }
    drop(server);
    assert!(writer.join().expect("it ends") > 0);
}

#[test]
fn a_stock_servers_base_of_commands_is_read() {
    let folder = Folder::new();
    let more = [
        "--aof-use-rdb-preamble",
        "no",
        "--aof-timestamp-enabled",
        "yes",
    ];
    let Some((server, mut socket)) = redis(&folder, &more) else {
        return;
    };
    fill(&mut socket);
    ask(&mut socket, &["BGREWRITEAOF"]);
    let manifest = folder.path("appendonlydir/appendonly.aof.manifest");
    while !fs::read_to_string(&manifest).is_ok_and(|text| text.contains("2.base.aof")) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    ask(&mut socket, &["SET", "behind", "it"]);
    drop(server);
    run(&["check", text(&folder.0)]).expect(0);
    assert_eq!(export(&folder).len(), 4);
    let words = [
        "export",
        text(&folder.0),
        "--format",
        "json",
        "--at-lsn",
        "0",
    ];
    assert_eq!(run(&words).expect(0).out.lines().count(), 3);
}

#[test]
fn wrong_lines_are_named_and_nothing_is_written() {
    let folder = Folder::new();
    let file = folder.path("lines");
    let good = "{\"db\":0,\"key\":\"k\",\"type\":\"string\",\"value\":\"1\"}\n";
    for (second, part) in [
        (good, "before"),
        ("{\"db\":0}\n", "line 2"),
        (
            "{\"db\":99999,\"key\":\"k\",\"type\":\"string\",\"value\":\"1\"}\n",
            "database",
        ),
        (
            "{\"db\":0,\"key\":\"l\",\"type\":\"list\",\"value\":[]}\n",
            "list",
        ),
    ] {
        fs::write(&file, format!("{good}{second}")).expect("written");
        let into = folder.path("made");
        let refused = run(&["import", text(&file), "--into", text(&into)]).expect(1);
        assert!(refused.err.contains(part), "{}", refused.err);
        assert!(!into.exists());
    }
    run(&["import", text(&file)]).expect(2);
    run(&["import", text(&folder.path("missing")), "--into", "x"]).expect(1);
    for tool in ["export", "import", "restore"] {
        assert!(run(&[tool, "--help"]).expect(0).out.contains("DIR"));
        run(&[tool]).expect(2);
    }
}

#[test]
fn a_stock_servers_data_goes_in_and_out() {
    let folder = Folder::new();
    let Some((server, mut socket)) = redis(&folder, &[]) else {
        return;
    };
    fill(&mut socket);
    ask(&mut socket, &["SAVE"]);
    let into = folder.path("made");
    let snapshot = folder.path("dump.rdb");
    run(&["import", text(&snapshot), "--into", text(&into)]).expect(0);
    let of_snapshot = run(&["export", text(&into), "--format", "json"])
        .expect(0)
        .out;
    assert_eq!(lines(&of_snapshot), export(&folder));
    drop(server);

    // And back: the oldest form of ours, and commands.
    let target = Folder::new();
    let (rdb, aof) = (target.path("dump.rdb"), target.path("commands.aof"));
    let words = [
        "export",
        text(&folder.0),
        "--format",
        "rdb",
        "--rdb-version",
        "10",
        "--out",
    ];
    run(&[&words[..], &[text(&rdb)]].concat()).expect(0);
    run(&[
        "export",
        text(&folder.0),
        "--format",
        "aof",
        "--out",
        text(&aof),
    ])
    .expect(0);
    let (server, mut socket) = redis(&target, &["--appendonly", "no"]).expect("it is there");
    assert_eq!(ask(&mut socket, &["GET", "later"]).to_string(), "\"on\"");
    drop(server);
    fs::remove_file(&rdb).expect("removed");
    let more = ["--appenddirname", "x", "--appendfilename", "commands.aof"];
    let (_server, mut socket) = redis(&target, &more).expect("it is there");
    ask(&mut socket, &["SELECT", "3"]);
    assert_eq!(ask(&mut socket, &["GET", "c"]).to_string(), "\"three!\"");
}

#[test]
fn a_torn_end_is_left_out_and_damage_refused() {
    let folder = filled();
    let whole = export(&folder).len();
    tear(&folder.log_file(), 5);
    let torn = run(&["export", text(&folder.0), "--format", "json"]).expect(0);
    assert!(torn.err.contains("left out"), "{}", torn.err);
    assert_eq!(
        torn.out.lines().count(),
        whole - 2,
        "MSET is gone as a whole"
    );
    flip(&folder.log_file(), 150);
    let damaged = run(&["export", text(&folder.0), "--format", "json"]).expect(1);
    assert!(damaged.err.contains("at byte"), "{}", damaged.err);
    assert_eq!(damaged.out, "");
}

/// The value of `n` in a directory, as a server that starts there says.
fn n_in(dir: &str) -> String {
    let words = ["--dir", dir, "--appendonly", "yes"];
    let server =
        ServerProcess::ochre(testkit::process::ochre_program(), &words).expect("it starts");
    let mut socket = Socket::connect(server.address()).expect("it answers");
    ask(&mut socket, &["GET", "n"]).to_string()
}

#[test]
fn every_command_is_a_place_to_go_back_to() {
    let folder = Folder::new();
    let (server, mut socket) = ochre(&folder);
    ask(&mut socket, &["SET", "n", "0"]);
    ask(&mut socket, &["BGREWRITEAOF"]);
    let manifest = folder.path("appendonlydir/appendonly.aof.manifest");
    while !fs::read_to_string(&manifest).is_ok_and(|text| text.contains("base.rdb")) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let mut ends = Vec::new();
    for _ in 0..4 {
        ask(&mut socket, &["INCR", "n"]);
        let report = run(&["check", "--json", text(&folder.0)]).expect(0).json();
        let files = report["files"].as_array().expect("files");
        let last = files.iter().rfind(|f| f["kind"] == "log").expect("a log");
        ends.push((
            last["first_lsn"].clone(),
            last["end_lsn"].as_u64().expect("an LSN"),
        ));
    }
    drop(server);
    let first = ends[0].0.as_u64().expect("an LSN");
    let new = Folder::new();
    let back = |lsn: u64| {
        let into = new.path(&lsn.to_string());
        let words = [
            "restore",
            text(&folder.0),
            "--to",
            &lsn.to_string(),
            "--into",
            text(&into),
        ];
        (run(&words), into)
    };
    for (count, (_, end)) in ends.iter().enumerate() {
        let (done, into) = back(*end);
        assert!(done.expect(0).err.contains(&format!("as of LSN {end}")));
        assert_eq!(n_in(text(&into)), format!("\"{}\"", count + 1));
        // A byte less is the command before.
        let (done, into) = back(*end - 1);
        done.expect(0);
        assert_eq!(n_in(text(&into)), format!("\"{count}\""));
    }
    assert!(
        back(first - 1)
            .0
            .expect(1)
            .err
            .contains("reaches back to LSN")
    );
    assert!(
        back(ends[3].1 + 1)
            .0
            .expect(1)
            .err
            .contains("the log ends at LSN")
    );
    let at = ends[1].1.to_string();
    let dir = text(&folder.0);
    let then = run(&["export", dir, "--format", "json", "--at-lsn", &at]).expect(0);
    assert!(then.out.contains("\"value\":\"2\""), "{}", then.out);

    // Damage behind the place does not matter, and check says how far one can go.
    let log = folder.log_file();
    let content = fs::read(&log).expect("a file");
    let last = content
        .windows(4)
        .rposition(|w| w == b"INCR" || w == b"\r\n4\r")
        .expect("4");
    let lines = content
        .windows(6)
        .take(last)
        .enumerate()
        .filter(|(_, w)| w == b"#OCH1 ");
    let line = lines.map(|(at, _)| at).nth(3).expect("groups");
    flip(&log, line + 60);
    let told = run(&["check", "--json", dir]).expect(2).json();
    let sound = told["damage"][0]["sound_lsn"].as_u64().expect("an LSN");
    let saved = new.path("saved");
    run(&[
        "restore",
        dir,
        "--to",
        &sound.to_string(),
        "--into",
        text(&saved),
    ])
    .expect(0);
    let (refused, _) = back(ends[3].1 - 2);
    assert!(refused.expect(1).err.contains("sound up to LSN"));
}

#[test]
fn a_transaction_is_restored_as_a_whole_or_not_at_all() {
    let folder = Folder::new();
    let (server, mut socket) = ochre(&folder);
    ask(&mut socket, &["SET", "n", "0"]);
    ask(&mut socket, &["MULTI"]);
    for _ in 0..3 {
        ask(&mut socket, &["INCR", "n"]);
    }
    ask(&mut socket, &["EXEC"]);
    drop(server);
    let report = run(&["check", "--json", text(&folder.0)]).expect(0).json();
    let end = report["files"][1]["end_lsn"].as_u64().expect("an LSN");
    let mut values = Vec::new();
    for lsn in 0..=end {
        let dir = text(&folder.0);
        let then = run(&[
            "export",
            dir,
            "--format",
            "json",
            "--at-lsn",
            &lsn.to_string(),
        ]);
        let out = then.expect(0).out;
        let value =
            serde_json::from_str(&out).map_or(json!(null), |line: Json| line["value"].clone());
        if values.last() != Some(&value) {
            values.push(value);
        }
    }
    assert_eq!(values, [json!(null), json!("0"), json!("3")]);
}

#[test]
fn a_log_with_times_goes_back_to_a_time() {
    let folder = Folder::new();
    let Some((server, mut socket)) = redis(&folder, &["--aof-timestamp-enabled", "yes"]) else {
        return;
    };
    ask(&mut socket, &["SET", "n", "1"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    ask(&mut socket, &["SET", "n", "2"]);
    drop(server);
    let report = run(&["check", "--json", text(&folder.0)]).expect(0).json();
    let files = report["files"].as_array().expect("files");
    let times = &files.iter().rfind(|f| f["kind"] == "log").expect("a log")["times"];
    let (first, last) = (
        times[0].as_i64().expect("a time"),
        times[1].as_i64().expect("a time"),
    );
    assert!(first < last);
    let new = Folder::new();
    for (secs, n) in [(first, "\"1\""), (last - 1, "\"1\""), (last, "\"2\"")] {
        let into = new.path(&secs.to_string());
        let at = format!("@{secs}");
        let words = [
            "restore",
            text(&folder.0),
            "--to",
            &at,
            "--into",
            text(&into),
        ];
        // The same second may be both.
        let _ = fs::remove_dir_all(&into);
        run(&words).expect(0);
        assert_eq!(n_in(text(&into)), n, "{secs} of {first} to {last}");
    }
    // Its first base is a little older than its first command.
    let early = format!("@{}", first - 1_000);
    let dir = text(&folder.0);
    let words = ["restore", dir, "--to", &early, "--into", text(&new.0)];
    assert!(run(&words).expect(1).err.contains("begin with"));

    let ours = filled();
    let words = [
        "restore",
        text(&ours.0),
        "--to",
        "@1",
        "--into",
        text(&new.0),
    ];
    assert!(run(&words).expect(1).err.contains("no times"));
}
