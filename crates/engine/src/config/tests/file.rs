//! Reading configuration files.

use super::{config_of, get, load};
use crate::config::{Config, Launch, StartError};
use std::path::PathBuf;

fn failure(files: &[(&str, &str)]) -> String {
    load(files).expect_err("a refusal").to_string()
}

/// The last lines of the message for a file of one line.
fn complaint(line: &str) -> String {
    let text = failure(&[("o.conf", line)]);
    text.lines().skip(4).collect::<Vec<_>>().join(" | ")
}

#[test]
fn quotes_comments_and_blanks() {
    let config = config_of(
        "# comment\n\n  \t# indented comment\r\n\r\nTimeOut \"5\"\r\n\trequirepass 'it\\'s \"x\"'\nlogfile \"a\\x20b\"\n'hz' 20",
    );
    assert_eq!(config.live.timeout_secs, 5);
    assert_eq!(
        config.live.requirepass.as_deref(),
        Some(b"it's \"x\"".as_slice())
    );
    assert_eq!(config.live.logfile, Some(PathBuf::from("a b")));
    assert_eq!(config.live.hz, 20);
    assert_eq!(config_of(""), Config::default());
}

#[test]
fn save_points_add_up_after_the_default() {
    for (text, points) in [
        ("", "900 1 300 10 60 10000"),
        ("save 7 8", "7 8"),
        ("save 1 2\nsave 3 4 5 6", "1 2 3 4 5 6"),
        ("save \"1 2 3 4\"", "1 2 3 4"),
        ("save 1 2\nsave \"\"\nsave 3 4", "3 4"),
        ("save ''", ""),
        ("save", ""),
    ] {
        assert_eq!(get(&config_of(text), "save"), points, "{text}");
    }
}

#[test]
fn output_limits_add_up_by_class() {
    let config = config_of(
        "client-output-buffer-limit normal 1mb 1kb 5\nclient-output-buffer-limit pubsub 0 0 0 replica 2 1 0",
    );
    let limits = "normal 1048576 1024 5 slave 2 1 0 pubsub 0 0 0";
    assert_eq!(get(&config, "client-output-buffer-limit"), limits);
}

#[test]
fn other_directives_have_the_last_word() {
    let config =
        config_of("bind 10.0.0.1 -::1\nbind 127.0.0.1\nslave-priority 1\nreplica-priority 2");
    assert_eq!(get(&config, "bind"), "127.0.0.1");
    assert_eq!(get(&config, "replica-priority"), "2");
    assert_eq!(get(&config_of("bind"), "bind"), "");
    assert_eq!(
        get(&config_of("slaveof 10.0.0.1 6379"), "replicaof"),
        "10.0.0.1 6379"
    );
    assert_eq!(
        get(
            &config_of("shutdown-on-sigint \"save  now\""),
            "shutdown-on-sigint"
        ),
        "save now"
    );
}

#[test]
fn retired_directives_pass() {
    let text =
        "list-max-ziplist-entries 512\nLIST-max-ziplist-value 64\nlua-replicate-commands yes\n";
    assert_eq!(config_of(text), Config::default());
}

#[test]
fn what_does_nothing_is_said() {
    let loaded = load(&[(
        "o.conf",
        "cluster-enabled yes\nio-threads 4\ntimeout 5\nrdbcompression yes",
    )]);
    let notices = loaded.unwrap().notices;
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(
        notices
            .iter()
            .any(|n| n == "cluster-enabled: accepted, not in effect yet")
    );
    assert!(
        notices
            .iter()
            .any(|n| n.starts_with("io-threads: accepted, no effect: every loop"))
    );
}

#[test]
fn a_failure_says_where_what_why_and_what_to_do() {
    let text = failure(&[(
        "etc/o.conf",
        "# memory\nmaxmemory 1gb\nmaxmemroy-policy noeviction\n",
    )]);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        text,
        format!(
            "\n*** FATAL CONFIG FILE ERROR (Ochre {version}) ***\n\
             Reading the configuration file 'etc/o.conf', at line 3\n\
             >>> 'maxmemroy-policy noeviction'\n\
             Bad directive or wrong number of arguments\n\
             Did you mean 'maxmemory-policy'?"
        )
    );
}

#[test]
fn each_mistake_has_its_reason() {
    for (line, reason) in [
        ("timeout \"33", "Unbalanced quotes in configuration line"),
        ("save \"1 'x\"", "Unbalanced quotes in configuration line"),
        ("timeout", "wrong number of arguments"),
        ("timeout 1 2", "wrong number of arguments"),
        ("timeout \"5\" # x", "wrong number of arguments"),
        (
            "loglevel a",
            "argument(s) must be one of the following: debug",
        ),
        ("save 1 1 \"2 2\"", "Invalid save parameters"),
        (
            "client-output-buffer-limit normal 1 1",
            "Wrong number of arguments in buffer limit",
        ),
        ("dir \"\"", "No such file or directory"),
        ("include", "wrong number of arguments"),
        ("include a b", "wrong number of arguments"),
        (
            "rename-command FLUSHALL \"\"",
            "rename-command is not supported",
        ),
        ("user alice on", "users are not supported"),
        ("loadmodule a.so", "modules cannot be loaded"),
        (
            "search.maxdoctablesize 10",
            "modules, and parameters of modules",
        ),
        (
            "sentinel monitor x",
            "this server does not run as a sentinel",
        ),
        ("\"\" 1", "Bad directive or wrong number of arguments"),
        ("replicaof h 65536", "Invalid master port"),
    ] {
        let said = complaint(line);
        assert!(said.starts_with(reason), "{line}: {said}");
    }
    assert!(
        complaint("port x")
            .ends_with("'port' takes a whole number from 0 to 65535; default: port 6379")
    );
}

#[test]
fn secrets_stay_out_of_messages() {
    let text = failure(&[("o.conf", "requirepass hunter2 extra")]);
    assert!(
        text.contains(">>> 'requirepass (hidden)'") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn settings_must_go_together() {
    let text = failure(&[("o.conf", "cluster-enabled yes\nreplicaof h 1")]);
    assert!(
        text.contains("replicaof directive not allowed in cluster mode"),
        "{text}"
    );
    let loaded = load(&[(
        "o.conf",
        "replicaof h 1\ncluster-enabled yes\nreplicaof no one",
    )]);
    assert!(loaded.is_ok());
}

#[test]
fn includes_are_read_in_place() {
    let files = [
        (
            "o.conf",
            "timeout 1\ninclude conf.d/*.conf\nhz 30\nINCLUDE last.conf",
        ),
        ("conf.d/b.conf", "timeout 3\nhz 20"),
        ("conf.d/a.conf", "timeout 2\ndatabases 4"),
        ("conf.d/.hidden.conf", "timeout 99"),
        ("conf.d/a.txt", "timeout 98"),
        ("last.conf", "tcp-backlog 7"),
    ];
    let live = load(&files).unwrap().config.live;
    assert_eq!(
        (live.timeout_secs, live.hz, live.databases, live.tcp_backlog),
        (3, 30, 4, 7)
    );
}

#[test]
fn patterns_are_those_of_the_shell() {
    let files = |pattern: &str| {
        let main = format!("save \"\"\ninclude {pattern}");
        let files = [
            ("o.conf", main.as_str()),
            ("/etc/o/a1.conf", "save 1 1"),
            ("/etc/o/a2.conf", "save 2 2"),
            ("/etc/p/a1.conf", "save 3 3"),
            ("/etc/.q/a1.conf", "save 4 4"),
        ];
        get(&load(&files).unwrap().config, "save")
    };
    assert_eq!(files("/etc/*/a1.conf"), "1 1 3 3");
    assert_eq!(files("/etc/.*/a1.conf"), "4 4");
    assert_eq!(files("/etc/o/a[!1].conf"), "2 2");
    assert_eq!(files("/etc/o/a[12].conf"), "1 1 2 2");
    assert_eq!(files("/etc/[op]/a?.conf"), "1 1 2 2 3 3");
    assert_eq!(files("/nowhere/*.conf"), "");
    assert_eq!(files("/etc/o/a1.conf/*"), "");
}

#[test]
fn an_include_that_fails_says_which_file() {
    let missing = failure(&[("o.conf", "timeout 1\ninclude nope.conf")]);
    assert!(missing.contains("'o.conf', at line 2"), "{missing}");
    assert!(
        missing.contains("can't open config file 'nope.conf': "),
        "{missing}"
    );
    let within = failure(&[("o.conf", "include a.conf"), ("a.conf", "\ntimeout x")]);
    assert!(
        within.contains("'a.conf', at line 2") && within.contains(">>> 'timeout x'"),
        "{within}"
    );
}

#[test]
fn a_file_cannot_include_itself() {
    let text = failure(&[("o.conf", "include o.conf")]);
    assert!(
        text.contains("includes are nested more than 16 deep"),
        "{text}"
    );
}

#[test]
fn a_missing_file_is_an_error() {
    let launch = Launch {
        config_file: Some("nope.conf".into()),
        ..Launch::default()
    };
    let error: StartError = launch
        .configure(&super::Files::default(), None)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("can't open config file 'nope.conf'"),
        "{error}"
    );
}

/// Every directive of the file with which Valkey's own test suite starts its servers.
#[test]
fn the_test_suites_file_is_understood() {
    let config = config_of(
        "always-show-logo yes\nnotify-keyspace-events KEA\ndaemonize no\npidfile /var/run/x.pid\nport 6379\ntimeout 0\n\
         bind 127.0.0.1\nloglevel verbose\nlogfile ''\ndatabases 16\nlatency-monitor-threshold 1\n\
         repl-diskless-sync-delay 0\nsave ''\nrdbcompression yes\ndbfilename dump.rdb\ndir ./\n\
         slave-serve-stale-data yes\nappendonly no\nappendfsync everysec\nno-appendfsync-on-rewrite no\n\
         activerehashing yes\nenable-protected-configs yes\nenable-debug-command yes\nenable-module-command yes\n\
         propagation-error-behavior panic\nshutdown-on-sigterm force\nenable-debug-assert yes\n\
         hide-user-data-from-log no\n",
    );
    assert!(config.live.always_show_logo);
}
