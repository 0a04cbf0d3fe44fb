//! `ochre check`.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use testkit::reply::Reply;

use super::{Answer, Folder, answer, ask, fill, flip, ochre, redis, run, tear, text};

fn check(folder: &Folder) -> Answer {
    run(&["check", text(&folder.0)])
}

/// A directory with a base, a log and a snapshot, after a crash.
fn crashed() -> Folder {
    let folder = Folder::new();
    let (server, mut socket) = ochre(&folder);
    fill(&mut socket);
    ask(&mut socket, &["SAVE"]);
    ask(&mut socket, &["SET", "behind", "the snapshot"]);
    ask(&mut socket, &["SET", "and", "one more"]);
    drop(server);
    folder
}

#[test]
fn a_directory_is_valid_beside_its_server_and_after_its_death() {
    let folder = Folder::new();
    let (server, mut socket) = ochre(&folder);
    fill(&mut socket);
    let process = server.id().to_string();
    let beside = run(&["check", "--json", text(&folder.0)]).expect(0).json();
    assert_eq!(beside["server"], json!(process));
    assert_eq!(beside["verdict"], json!("valid"));
    let refused = run(&["check", "--fix", "--yes", text(&folder.0)]).expect(0);
    assert!(refused.out.contains("Valid."), "{}", refused.out);
    ask(&mut socket, &["SAVE"]);
    drop(server);

    let before = folder.files();
    let after = run(&["check", text(&folder.0), "--json"]).expect(0).json();
    assert_eq!(after["server"], json!(null));
    let files = after["files"].as_array().expect("files");
    let kinds: Vec<&str> = files.iter().filter_map(|f| f["kind"].as_str()).collect();
    assert_eq!(kinds, ["manifest", "log", "snapshot"]);
    assert_eq!(files[1]["end"], json!("reserved"));
    assert_eq!(files[1]["first_lsn"], json!(0));
    assert_eq!(files[2]["keys"], json!(3));
    assert_eq!(files[2]["databases"], json!({"0": 2, "3": 1}));
    assert_eq!(files[2]["deadlines"], json!(1));
    assert_eq!(files[2]["checksum"], json!("right"));
    assert_eq!(folder.files(), before, "looking changes nothing");
}

#[test]
fn a_torn_end_is_told_and_cut_when_asked_for() {
    let folder = crashed();
    let log = folder.log_file();
    tear(&log, 5);
    let before = folder.files();
    let told = check(&folder).expect(1);
    assert!(
        told.out.contains("Unfinished end of appendonlydir/"),
        "{}",
        told.out
    );
    let refused = run(&["check", "--fix", text(&folder.0)]).expect(1);
    assert!(
        refused.err.contains("nothing was changed"),
        "{}",
        refused.err
    );
    assert_eq!(folder.files(), before);

    let mut child = Command::new(testkit::process::ochre_program())
        .args(["check", "--fix", text(&folder.0)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"y\n").expect("it reads");
    drop(stdin);
    let fixed = answer(child.wait_with_output().expect("it ends")).expect(0);
    assert!(fixed.err.contains("was cut at byte"), "{}", fixed.err);
    check(&folder).expect(0);

    let (_server, mut socket) = ochre(&folder);
    assert_eq!(
        ask(&mut socket, &["GET", "behind"]).to_string(),
        "\"the snapshot\""
    );
    assert_eq!(ask(&mut socket, &["EXISTS", "and"]).to_string(), "0");
}

#[test]
fn every_tear_of_the_last_group_is_a_torn_end() {
    let folder = crashed();
    let log = folder.log_file();
    let whole = fs::read(&log).expect("a file");
    let end = whole.iter().rposition(|byte| *byte != 0).expect("content") + 1;
    let last_line = whole[..end].windows(6).rposition(|w| w == b"#OCH1 ");
    let begin = last_line.expect("a group");
    for cut in (begin + 1..end).step_by(7) {
        fs::write(&log, &whole[..cut]).expect("written");
        check(&folder).expect(1);
        run(&["check", "--fix", "--yes", text(&log)]).expect(0);
        assert_eq!(fs::read(&log).expect("a file"), whole[..begin]);
    }
}

#[test]
fn damage_is_located_and_left_alone() {
    let folder = crashed();
    let log = folder.log_file();
    flip(&log, 150);
    let before = folder.files();
    let told = run(&["check", "--fix", "--yes", text(&folder.0)]).expect(2);
    assert!(
        told.out
            .contains("Damage in appendonlydir/appendonly.aof.1.incr.aof at byte")
    );
    assert!(told.out.contains("ochre restore"), "{}", told.out);
    assert!(told.err.contains("unfinished ends only"), "{}", told.err);
    assert_eq!(folder.files(), before);
    flip(&log, 150);
    check(&folder).expect(0);

    let snapshot = folder.path("dump.rdb");
    flip(&snapshot, 20);
    assert!(check(&folder).expect(2).out.contains("Damage in dump.rdb"));
    run(&["check", text(&snapshot)]).expect(2);
    flip(&snapshot, 20);

    let manifest = folder.path("appendonlydir/appendonly.aof.manifest");
    flip(&manifest, 30);
    assert!(check(&folder).expect(2).out.contains("manifest"));
    run(&["check", text(&manifest)]).expect(2);
    flip(&manifest, 30);

    fs::rename(&log, folder.path("elsewhere")).expect("moved");
    let missing = check(&folder).expect(2);
    assert!(missing.out.contains("it is not there"), "{}", missing.out);
}

#[test]
fn what_cannot_be_read_is_no_damage() {
    let folder = Folder::new();
    let nothing = check(&folder).expect(3);
    assert!(
        nothing.err.contains("neither a log nor a snapshot"),
        "{}",
        nothing.err
    );
    run(&["check", text(&folder.path("missing"))]).expect(3);
    run(&["check"]).expect(3);
    run(&["check", "--what"]).expect(3);
    let newer = folder.path("newer.rdb");
    fs::write(&newer, b"REDIS0099").expect("written");
    assert!(
        run(&["check", text(&newer)])
            .expect(3)
            .err
            .contains("version 99")
    );
    assert!(
        run(&["check", "--help"])
            .expect(0)
            .out
            .contains("Exit status")
    );
}

#[test]
fn nothing_is_cut_under_a_running_server() {
    let folder = crashed();
    tear(&folder.log_file(), 5);
    let torn = fs::read(folder.log_file()).expect("a file");
    // The server cuts it itself; then it is torn again beneath it.
    let (_server, mut socket) = ochre(&folder);
    ask(&mut socket, &["EXISTS", "a"]);
    fs::write(folder.log_file(), &torn).expect("written");
    let refused = run(&["check", "--fix", "--yes", text(&folder.0)]).expect(3);
    assert!(
        refused.err.contains("has this directory open"),
        "{}",
        refused.err
    );
    run(&["check", "--fix", "--yes", text(&folder.log_file())]).expect(3);
    assert_eq!(fs::read(folder.log_file()).expect("a file"), torn);
}

#[test]
fn a_stock_servers_directory_is_read() {
    let folder = Folder::new();
    let Some((server, mut socket)) = redis(&folder, &["--aof-timestamp-enabled", "yes"]) else {
        return;
    };
    fill(&mut socket);
    ask(&mut socket, &["RPUSH", "list", "1", "2"]);
    ask(&mut socket, &["SAVE"]);
    drop(server);
    let report = run(&["check", "--json", text(&folder.0)]).expect(0).json();
    let files = report["files"].as_array().expect("files");
    assert_eq!(files[0]["sealed"], json!(false));
    assert_eq!(files[1]["base"], json!(true));
    assert_eq!(files[2]["groups"], json!(0));
    assert!(files[2]["times"][0].as_i64().expect("a time") > 1_700_000_000);
    assert_eq!(files[3]["types"]["list"], json!(1));

    tear(&folder.log_file(), 3);
    check(&folder).expect(1);
    run(&["check", "--fix", "--yes", text(&folder.0)]).expect(0);
    check(&folder).expect(0);
    flip(&folder.log_file(), 40);
    check(&folder).expect(2);
}

/// A snapshot that was written while the log was off is newer than that log. The server knows;
/// `export` once took the log all the same, and `check` said nothing about it.
#[test]
fn a_log_that_is_older_than_the_snapshot_is_told_and_not_exported() {
    let folder = Folder::new();
    let (server, mut socket) = ochre(&folder);
    ask(&mut socket, &["SET", "when", "with the log"]);
    ask(&mut socket, &["CONFIG", "SET", "appendonly", "no"]);
    ask(&mut socket, &["SET", "when", "without"]);
    ask(&mut socket, &["SAVE"]);
    drop(server);

    let report = run(&["check", "--json", text(&folder.0)]).expect(0).json();
    assert_eq!(report["outdated"], json!(true));
    let told = check(&folder).expect(0).out;
    assert!(told.contains("a server reads the snapshot"), "{told}");
    let exported = run(&["export", "--format", "json", text(&folder.0)]).expect(0);
    assert!(exported.out.contains("without"), "{}", exported.out);

    // The past is in the log still.
    let end = report["files"][1]["end_lsn"].to_string();
    let at = ["export", "--format", "json", "--at-lsn", &end];
    let exported = run(&[&at[..], &[text(&folder.0)]].concat()).expect(0);
    assert!(exported.out.contains("with the log"), "{}", exported.out);

    let (_server, mut socket) = ochre(&folder);
    let served = ask(&mut socket, &["GET", "when"]);
    assert_eq!(served, Reply::Bulk(b"without".to_vec()));
    let report = run(&["check", "--json", text(&folder.0)]).expect(0).json();
    assert_eq!(report["outdated"], json!(false));
}
