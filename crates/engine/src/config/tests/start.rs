//! The command line.

use super::{Files, get};
use crate::config::{Launch, Loaded, StartError, StartUp, parse_command_line};
use std::ffi::OsStr;
use std::path::PathBuf;

fn launch(arguments: &[&str]) -> Launch {
    match parse_command_line(arguments) {
        Ok(StartUp::Serve(launch)) => launch,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

fn start(arguments: &[&str], files: &Files, port: Option<&str>) -> Result<Loaded, StartError> {
    launch(arguments).configure(files, port.map(OsStr::new))
}

/// What a parameter is after a start with these arguments and a file `o.conf` with two settings.
fn after(arguments: &[&str], name: &str) -> String {
    let files = Files::of(&[("o.conf", "save 900 1\ntimeout 30")]);
    get(
        &start(arguments, &files, None)
            .unwrap_or_else(|error| panic!("{error}"))
            .config,
        name,
    )
}

fn complaint(arguments: &[&str]) -> String {
    let error = match parse_command_line(arguments) {
        Ok(StartUp::Serve(launch)) => launch.configure(&Files::default(), None).unwrap_err(),
        Err(error) => error,
        Ok(other) => panic!("{other:?}"),
    };
    error.to_string()
}

#[test]
fn help_and_version() {
    assert_eq!(parse_command_line(&["--help"]), Ok(StartUp::Help));
    assert_eq!(parse_command_line(&["-h", "x"]), Ok(StartUp::Help));
    assert_eq!(parse_command_line(&["-v"]), Ok(StartUp::Version));
    assert_eq!(
        parse_command_line(&["o.conf", "--port", "1", "--version"]),
        Ok(StartUp::Version)
    );
    // As a value it is a value.
    assert_eq!(launch(&["--requirepass", "--help"]).directives.len(), 1);
}

#[test]
fn nothing_is_all_defaults() {
    assert_eq!(launch(&[]), Launch::default());
}

#[test]
fn the_first_argument_may_be_a_file_a_port_or_a_dash() {
    assert_eq!(
        launch(&["o.conf"]).config_file,
        Some(PathBuf::from("o.conf"))
    );
    assert_eq!(
        launch(&["./7000"]).config_file,
        Some(PathBuf::from("./7000"))
    );
    assert_eq!(after(&["7000"], "port"), "7000");
    assert_eq!(after(&["7000", "--port", "0"], "port"), "0");
    assert!(launch(&["-"]).reads_stdin);
    assert!(launch(&["-", "--port", "1"]).reads_stdin);
    let both = launch(&["o.conf", "--port", "1", "-"]);
    assert!(both.reads_stdin && both.config_file.is_some() && both.directives.len() == 1);
    // Awaited as a value, a dash is a value.
    assert!(!launch(&["--logfile", "-"]).reads_stdin);
}

#[test]
fn options_take_what_follows() {
    for (arguments, name, value) in [
        (&["--port", "7"][..], "port", "7"),
        (&["--port", "0"], "port", "0"),
        (&["--PORT", "7"], "port", "7"),
        (&["--port=7"], "port", "7"),
        (&["--port 7"], "port", "7"),
        (&["--logfile="], "logfile", ""),
        (&["--requirepass=a=b c"], "requirepass", "a=b c"),
        (&["--requirepass", "--port"], "requirepass", "--port"),
        (
            &["--proc-title-template", "--save", "--save", "", "--hz", "3"],
            "proc-title-template",
            "--save",
        ),
        (
            &["--proc-title-template --my--title"],
            "proc-title-template",
            "--my--title",
        ),
        (
            &["--slowlog-log-slower-than", "-1"],
            "slowlog-log-slower-than",
            "-1",
        ),
        (&["--save", "10", "1", "--port", "7"], "save", "10 1"),
        (&["--save", "10", "1", "20", "2"], "save", "10 1 20 2"),
        (&["--save", "10 1 20 2"], "save", "10 1 20 2"),
        (&["--save=10 1"], "save", "10 1"),
        (
            &["--save", "10", "1", "--save", "20", "2"],
            "save",
            "10 1 20 2",
        ),
        (&["o.conf", "--save", "10", "1"], "save", "900 1 10 1"),
        (&["o.conf", "--save", ""], "save", ""),
        (&["o.conf", "--save"], "save", ""),
        (&["o.conf", "--save", "--hz", "3"], "save", ""),
        (&["o.conf", "--hz", "3", "--save"], "save", ""),
        (&["o.conf", "--hz", "3"], "timeout", "30"),
        (&["o.conf", "--timeout", "3"], "timeout", "3"),
        (
            &["o.conf", "loglevel", "verbose", "--maxmemory '700mb'"],
            "loglevel",
            "verbose",
        ),
        (
            &[
                "--shutdown-on-sigint",
                "nosave",
                "force",
                "now",
                "--hz",
                "3",
            ],
            "shutdown-on-sigint",
            "nosave now force",
        ),
        (&["--replicaof", "h", "1"], "replicaof", "h 1"),
        (&["--bind", "127.0.0.1", "-::1"], "bind", "127.0.0.1 -::1"),
        (&["--mode", "threaded", "--threads=4"], "threads", "4"),
    ] {
        assert_eq!(after(arguments, name), value, "{arguments:?}");
    }
}

#[test]
fn who_has_the_last_word() {
    let mut files = Files::of(&[("o.conf", "port 1\ntimeout 1\nhz 11")]);
    files.stdin = b"port 2\ntimeout 2\n".to_vec();
    let port_of = |arguments: &[&str], environment| {
        start(arguments, &files, environment)
            .unwrap()
            .config
            .live
            .port
    };
    assert_eq!(port_of(&[], None), 6379);
    assert_eq!(port_of(&["o.conf"], None), 1);
    assert_eq!(port_of(&["o.conf", "-"], None), 2);
    assert_eq!(port_of(&["o.conf", "-"], Some("3")), 3);
    assert_eq!(port_of(&["o.conf", "--port", "4", "-"], Some("3")), 4);
    assert_eq!(port_of(&["4"], Some("3")), 4);
    let live = start(&["o.conf", "-"], &files, None).unwrap().config.live;
    assert_eq!((live.timeout_secs, live.hz), (2, 11));
}

#[test]
fn the_environment_is_checked_like_a_file() {
    let error = start(&[], &Files::default(), Some("abc"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("Reading the environment variable OCHRE_PORT"),
        "{error}"
    );
    assert!(
        error.contains("argument couldn't be parsed into an integer"),
        "{error}"
    );
}

#[test]
fn mistakes_are_shown_as_a_line() {
    for (arguments, shown, reason) in [
        (&["--port"][..], "'port'", "wrong number of arguments"),
        (
            &["--port", "6379", "6380"],
            "'port \"6379\" \"6380\"'",
            "wrong number of arguments",
        ),
        (
            &["--port", "--loglevel", "verbose"],
            "'port \"--loglevel\" \"verbose\"'",
            "wrong number of arguments",
        ),
        (
            &["--port", "--bla", "--hz", "3"],
            "'port \"--bla\"'",
            "argument couldn't be parsed into an integer",
        ),
        (
            &["--shutdown-on-sigint"],
            "'shutdown-on-sigint'",
            "argument(s) must be one of the following",
        ),
        (
            &["--replicaof", "h", "abc"],
            "'replicaof \"h\" \"abc\"'",
            "Invalid master port",
        ),
        (
            &["--prot", "1"],
            "'prot \"1\"'",
            "Bad directive or wrong number of arguments\nDid you mean 'port'?",
        ),
        (
            &["-p", "1"],
            "'-p \"1\"'",
            "Bad directive or wrong number of arguments\nAn option is written with two dashes",
        ),
        (
            &["--", "1"],
            "'--'",
            "Bad directive or wrong number of arguments",
        ),
        (
            &["--logfile 'x"],
            "'logfile 'x'",
            "Unbalanced quotes in configuration line",
        ),
        (
            &["99999"],
            "'port \"99999\"'",
            "argument must be between 0 and 65535 inclusive",
        ),
        (
            &["--requirepass", "a", "b"],
            "'requirepass (hidden)'",
            "wrong number of arguments",
        ),
    ] {
        let said = complaint(arguments);
        let wanted = format!("Reading the command line\n>>> {shown}\n{reason}");
        assert!(said.contains(&wanted), "{arguments:?}: {said}");
    }
}

#[test]
fn an_option_can_include_a_file() {
    let files = Files::of(&[("x.conf", "timeout 9")]);
    let loaded = start(&["--include", "x.conf"], &files, None).unwrap();
    assert_eq!(loaded.config.live.timeout_secs, 9);
    let error = start(&["--include", "y.conf"], &files, None).unwrap_err();
    assert!(
        error.to_string().contains(">>> 'include \"y.conf\"'"),
        "{error}"
    );
}
