//! CONFIG GET and CONFIG SET. That the texts are those of Redis is checked in [`super::live_server`]; these cases
//! stand on their own.

use super::{get, set};
use crate::config::{Asker, Config, ConfigError, Mode};

fn refusal(name: &str, value: &str) -> String {
    set(&Config::default(), name, value)
        .expect_err("a refusal")
        .to_string()
}

#[test]
fn get_answers_each_name_once() {
    let config = Config::default();
    let names = |patterns: &[&str]| -> Vec<String> {
        let patterns: Vec<_> = patterns.iter().map(|p| p.as_bytes()).collect();
        config
            .get(&patterns)
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    };
    assert_eq!(names(&["save", "maxmemory"]), ["save", "maxmemory"]);
    assert_eq!(names(&["*of"]), ["replicaof", "slaveof"]);
    assert_eq!(names(&["PORT", "port", "Po*"]), ["PORT"]);
    assert_eq!(names(&["po*", "PORT"]), ["port"]);
    assert_eq!(
        names(&["slave-read-only", "*read-only"]),
        ["slave-read-only", "replica-read-only"]
    );
    assert_eq!(names(&["MAXMEMORY-P?LICY"]), ["maxmemory-policy"]);
    assert_eq!(names(&["nosuch", "[a", ""]), [""; 0]);
}

#[test]
fn hidden_parameters_are_found_by_name_only() {
    let config = Config::default();
    assert_eq!(get(&config, "key-load-delay"), "0");
    assert_eq!(config.get(&[b"key-load-dela?"]), []);
    assert!(
        config
            .get(&[b"*"])
            .iter()
            .all(|(name, _)| name != "key-load-delay")
    );
}

#[test]
fn values_are_answered_in_one_spelling() {
    let config = Config::default();
    for (name, given, answered) in [
        ("maxmemory", "1gb", "1073741824"),
        ("MAXMEMORY-policy", "AllKeys-LRU", "allkeys-lru"),
        ("protected-mode", "NO", "no"),
        ("oom-score-adj", "relative", "yes"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-clients", "0%", "0"),
        ("shutdown-on-sigint", "force now save", "save now force"),
        ("shutdown-on-sigint", "default now", "now"),
        ("hz", "1000", "500"),
        ("hz", "0", "1"),
        ("save", "+900 01", "900 1"),
        ("save", "", ""),
        ("notify-keyspace-events", "mnEKxg", "gxnKEm"),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "KEAn", "AnKE"),
        (
            "latency-tracking-info-percentiles",
            "0 100 99.90 33.3333333",
            "0 100 99.9 33.333333",
        ),
        (
            "client-output-buffer-limit",
            "normal 1mb 2mb 60 REPLICA 10 5 1",
            "normal 1048576 2097152 60 slave 10 5 1 pubsub 33554432 8388608 60",
        ),
    ] {
        let config = set(&config, name, given).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(get(&config, name), answered, "{name} {given}");
    }
}

#[test]
fn each_kind_refuses_in_its_words() {
    let about = |name: &str, reason: &str| {
        format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}")
    };
    for (name, value, reason) in [
        ("protected-mode", "maybe", "argument must be 'yes' or 'no'"),
        (
            "timeout",
            "abc",
            "argument couldn't be parsed into an integer",
        ),
        (
            "timeout",
            "010",
            "argument couldn't be parsed into an integer",
        ),
        (
            "timeout",
            "-1",
            "argument must be between 0 and 2147483647 inclusive",
        ),
        ("maxmemory", "1.5gb", "argument must be a memory value"),
        (
            "maxmemory",
            "18446744073709551616",
            "argument must be a memory value",
        ),
        (
            "proto-max-bulk-len",
            "1",
            "argument must be between 1048576 and 9223372036854775807 inclusive",
        ),
        (
            "maxmemory-clients",
            "x",
            "argument must be a memory or percent value",
        ),
        (
            "maxmemory-clients",
            "101%",
            "percentage argument must be less or equal to 100",
        ),
        (
            "appendfsync",
            "sometimes",
            "argument(s) must be one of the following: everysec, always, no",
        ),
        (
            "oom-score-adj",
            "x",
            "argument(s) must be one of the following: no, yes, relative, absolute",
        ),
        (
            "shutdown-on-sigint",
            "save nosave",
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        ("save", "900", "Invalid save parameters"),
        ("save", "0 1", "Invalid save parameters"),
        (
            "bind",
            "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
            "Too many bind addresses specified.",
        ),
        ("oom-score-adj-values", "1 2", "wrong number of arguments"),
        (
            "proc-title-template",
            "{title",
            "template format is invalid or contains unknown variables",
        ),
        (
            "locale-collate",
            "a\0b",
            "argument can't contain a zero byte",
        ),
        (
            "port",
            "65536",
            "argument must be between 0 and 65535 inclusive",
        ),
    ] {
        assert_eq!(refusal(name, value), about(name, reason), "{name} {value}");
    }
    let octal = Config::default()
        .set_at_start(&[(b"unixsocketperm", b"1000")])
        .unwrap_err();
    let reason = "argument must be between 0 and 777 inclusive";
    assert_eq!(octal.to_string(), about("unixsocketperm", reason));
}

#[test]
fn names_are_checked_before_values() {
    let config = Config::default();
    let refusal = |changes: &[(&[u8], &[u8])]| config.set(changes).unwrap_err().to_string();
    assert_eq!(
        refusal(&[(b"timeout", b"bad"), (b"nosuch\r\nx", b"1")]),
        "Unknown option or number of arguments for CONFIG SET - 'nosuch  x'"
    );
    assert_eq!(
        refusal(&[(b"DAEMONIZE", b"yes"), (b"nosuch", b"1")]),
        "CONFIG SET failed (possibly related to argument 'DAEMONIZE') - can't set immutable config"
    );
    assert_eq!(
        refusal(&[(b"timeout", b"1"), (b"TIMEOUT", b"2")]),
        "CONFIG SET failed (possibly related to argument 'TIMEOUT') - duplicate parameter"
    );
    // By its alias it may be named again, and the last word counts.
    let twice = config
        .set(&[(b"slave-priority", b"1"), (b"replica-priority", b"2")])
        .unwrap();
    assert_eq!(get(&twice, "slave-priority"), "2");
}

#[test]
fn all_changes_or_none() {
    let config = Config::default();
    let error = config
        .set(&[(b"timeout", b"5"), (b"HZ", b"abc")])
        .unwrap_err();
    assert_eq!(error.code(), "ERR");
    assert!(error.to_string().contains("argument 'hz'"), "{error}");
    let changed = config
        .set(&[(b"timeout", b"5"), (b"maxmemory", b"1mb")])
        .unwrap();
    assert_eq!(
        (changed.live.timeout_secs, changed.live.maxmemory_bytes),
        (5, 1 << 20)
    );
    assert_eq!(
        (config.live.timeout_secs, config.live.maxmemory_bytes),
        (0, 0)
    );
    let names: Vec<_> = changed
        .changed_since(&config)
        .map(|param| param.name)
        .collect();
    assert_eq!(names, ["timeout", "maxmemory"]);
}

#[test]
fn protected_parameters_follow_the_permission() {
    let local = Asker {
        is_local: true,
        ..Asker::default()
    };
    let remote = Asker::default();
    for (permission, remote_may, local_may) in [
        ("no", false, false),
        ("local", false, true),
        ("yes", true, true),
    ] {
        let given = [(
            b"enable-protected-configs".as_slice(),
            permission.as_bytes(),
        )];
        let config = Config::default().set_at_start(&given).unwrap();
        let may = |asker| config.set_by(asker, &[(b"dir", b"/srv")]).is_ok();
        assert_eq!(
            (may(remote), may(local)),
            (remote_may, local_may),
            "{permission}"
        );
    }
    let error = set(&Config::default(), "dbfilename", "a.rdb").unwrap_err();
    assert!(
        error.to_string().ends_with("can't set protected config"),
        "{error}"
    );
}

#[test]
fn loading_settles_some_parameters() {
    let loading = Asker {
        while_loading: true,
        ..Asker::default()
    };
    let config = Config::default();
    let error = config
        .set_by(loading, &[(b"appendonly", b"yes")])
        .unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("LOADING", "Redis is loading the dataset in memory")
    );
    assert!(config.set_by(loading, &[(b"loglevel", b"debug")]).is_ok());
}

#[test]
fn the_start_may_change_what_clients_may_not() {
    let config = Config::default()
        .set_at_start(&[(b"mode", b"threaded"), (b"threads", b"3")])
        .unwrap();
    assert_eq!((config.live.mode, config.live.threads), (Mode::Threaded, 3));
    let refused = config.set_at_start(&[(b"threads", b"129")]).unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with("argument must be between 0 and 128 inclusive")
    );
    assert!(matches!(
        set(&config, "mode", "eventloop"),
        Err(ConfigError::Refused { .. })
    ));
}

#[test]
fn the_caller_can_refuse_too() {
    let error = ConfigError::refused("port", "Unable to listen on this port. Check server logs.");
    let text = "CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.";
    assert_eq!(error.to_string(), text);
}

#[test]
fn secrets_may_hold_any_bytes() {
    let config = Config::default()
        .set(&[(b"requirepass", b"\0\xff\r\n")])
        .unwrap();
    assert_eq!(
        config.get(&[b"requirepass"]),
        [("requirepass".into(), b"\0\xff\r\n".to_vec())]
    );
}
