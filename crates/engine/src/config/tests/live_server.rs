//! Side by side with a real redis-server 7.0, if there is one on the PATH: the same parameters, defaults, values and
//! refusals. Without it these tests say so and pass.

use super::{Files, get, set};
use crate::config::{Config, Extent, NoFiles, StartUp, params, parse_command_line, rewrite};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A redis-server of our own, stopped when dropped.
struct Redis {
    connection: BufReader<TcpStream>,
    running: Running,
}

/// The process and its directory.
struct Running {
    process: Child,
    directory: PathBuf,
}

/// A reply, lists flat.
#[derive(Debug, PartialEq)]
enum Reply {
    Text(String),
    Error(String),
    List(Vec<String>),
}

impl Redis {
    /// Starts a server with these arguments, given a name for its directory; `None`, with a word on standard error,
    /// if there is no redis-server 7.0 here.
    fn start(name: &str, arguments: &[&str]) -> Option<Redis> {
        let version = Command::new("redis-server").arg("--version").output();
        let is_wanted = |text: &[u8]| String::from_utf8_lossy(text).contains("v=7.0.");
        if !version.is_ok_and(|output| is_wanted(&output.stdout)) {
            // Past the test runner, which keeps what passing tests print to itself.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: {name}: no redis-server 7.0 on the PATH"
            );
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .ok()?
            .local_addr()
            .ok()?
            .port();
        let directory =
            std::env::temp_dir().join(format!("ochre-config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a temporary directory");
        let process = Command::new("redis-server")
            .args(arguments)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(&directory)
            .stdout(Stdio::null())
            .spawn();
        let running = Running {
            process: process.expect("redis-server starts"),
            directory,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
                return Some(Redis {
                    connection: BufReader::new(stream),
                    running,
                });
            }
            assert!(
                Instant::now() < deadline,
                "redis-server does not listen on {port}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn call(&mut self, arguments: &[&[u8]]) -> Reply {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            request.extend(format!("${}\r\n", argument.len()).into_bytes());
            request.extend_from_slice(argument);
            request.extend(b"\r\n");
        }
        self.connection
            .get_mut()
            .write_all(&request)
            .expect("redis-server reads");
        self.reply()
    }

    fn reply(&mut self) -> Reply {
        let mut line = String::new();
        self.connection
            .read_line(&mut line)
            .expect("redis-server answers");
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "+" | ":" => Reply::Text(rest.into()),
            "-" => Reply::Error(rest.into()),
            "$" => {
                let mut text = vec![0; rest.parse::<usize>().expect("a length") + 2];
                self.connection
                    .read_exact(&mut text)
                    .expect("redis-server answers");
                Reply::Text(String::from_utf8_lossy(&text[..text.len() - 2]).into_owned())
            }
            "*" => {
                let item = |_| match self.reply() {
                    Reply::Text(text) => text,
                    other => panic!("{other:?}"),
                };
                Reply::List(
                    (0..rest.parse::<usize>().expect("a length"))
                        .map(item)
                        .collect(),
                )
            }
            _ => panic!("{line}"),
        }
    }

    fn config_get(&mut self, pattern: &str) -> Vec<(String, String)> {
        match self.call(&[b"CONFIG", b"GET", pattern.as_bytes()]) {
            Reply::List(items) => items
                .chunks(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect(),
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn every_parameter_has_its_default() {
    let Some(mut redis) = Redis::start("defaults", &[]) else {
        return;
    };
    // What differs, and why.
    let differing = [
        ("port", "given to the server under test"),
        ("bind", "given to the server under test"),
        ("dir", "given to the server under test"),
        ("save", "ours are the older, more careful points"),
        ("appendonly", "ours keeps a log unless told not to"),
        ("maxclients", "follows the limit of open files"),
    ];
    let config = Config::default();
    let answers = redis.config_get("*");
    assert!(answers.len() > 180);
    for (name, value) in answers {
        assert!(
            params::find(name.as_bytes()).is_some(),
            "{name} is not known"
        );
        if !differing.iter().any(|(different, _)| *different == name) {
            assert_eq!(get(&config, &name), value, "{name}");
        }
    }
    // The alias of each parameter is the same one.
    for param in &params::PARAMS {
        let known = |name: &str, redis: &mut Redis| !redis.config_get(name).is_empty();
        if let Some(alias) = param.alias
            && known(param.name, &mut redis)
        {
            assert!(known(alias, &mut redis), "{alias}");
        }
    }
}

#[test]
fn values_are_taken_and_refused_alike() {
    let Some(mut redis) = Redis::start("values", &[]) else {
        return;
    };
    let values = [
        "",
        " ",
        "yes",
        "NO",
        "maybe",
        "0",
        "1",
        "-1",
        "-2",
        "+1",
        "01",
        " 1",
        "1 ",
        "1.5",
        "50",
        "101",
        "1000",
        "3000",
        "65536",
        "2147483647",
        "2147483648",
        "-2147483649",
        "4294967295",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "1kb",
        "1GB",
        "2k",
        "1 kb",
        "1tb",
        "5%",
        "101%",
        "-5%",
        "05%",
        "%",
        "abc",
        "a/b",
        "a_b",
        "{title}",
        "{title",
        "{bad}",
        "title}",
        "default",
        "save now",
        "save nosave",
        "1 2",
        "1 2 3",
        "1  2",
        "900 1 300 10",
        "0 1",
        "1 -1",
        "50 99.9",
        "50 x",
        "1e1 33.3333333",
        "101 1",
        "normal 1mb 2mb 60",
        "normal 1 2",
        "foo 1 2 3",
        "REPLICA 1 2 3 pubsub 4 5 6",
        "normal x 2 3",
        "normal 1 2 -3",
        "KEA",
        "KEQ",
        "mEKxg",
        "relative",
        "always",
        "allkeys-lru",
        "swapdb",
        "warning",
        "local",
        "1 2 2001",
        "everysec",
        "hostname",
        "panic",
    ];
    // Accepting these would change or end the server under test.
    let untouchable = [
        "port",
        "bind",
        "tls-",
        "maxclients",
        "requirepass",
        "watchdog-period",
        "oom-score-adj",
        "unixsocket",
    ];
    let mut config = Config::default();
    let mut compared = 0;
    for param in params::PARAMS
        .iter()
        .filter(|param| !untouchable.iter().any(|u| param.name.starts_with(u)))
    {
        if redis.config_get(param.name).is_empty() {
            continue; // Newer than 7.0, or ours.
        }
        for value in values {
            let theirs = redis.call(&[b"CONFIG", b"SET", param.name.as_bytes(), value.as_bytes()]);
            let ours = match set(&config, param.name, value) {
                Ok(changed) => {
                    config = changed;
                    Reply::Text("OK".into())
                }
                Err(error) => Reply::Error(format!("ERR {error}")),
            };
            compared += 1;
            if is_deliberate(param.name, value, &theirs, &ours) {
                // Level again before the next value.
                let now = get(&config, param.name);
                redis.call(&[b"CONFIG", b"SET", param.name.as_bytes(), now.as_bytes()]);
                continue;
            }
            assert_eq!(ours, theirs, "CONFIG SET {} '{value}'", param.name);
            if param.name != "dir" {
                let theirs = &redis.config_get(param.name)[0].1;
                assert_eq!(
                    &get(&config, param.name),
                    theirs,
                    "after CONFIG SET {} '{value}'",
                    param.name
                );
            }
        }
    }
    assert!(compared > 5000, "{compared}");
}

/// Where we mean to differ.
fn is_deliberate(name: &str, value: &str, theirs: &Reply, ours: &Reply) -> bool {
    let taken = |reply: &Reply| matches!(reply, Reply::Text(_));
    let reasons = |reply: &Reply| match reply {
        Reply::Error(text) => text.rsplit(" - ").next().unwrap_or("").to_owned(),
        _ => String::new(),
    };
    match name {
        // Redis reads nothing at all as no bytes, that is, no limit.
        _ if value.is_empty() && reasons(ours).contains("must be a memory") => true,
        // The same words but for who cannot do it.
        "activedefrag" => reasons(theirs).starts_with("Active defragmentation cannot be enabled"),
        // Since 7.2 the log can be silent.
        // Another default: after a refusal the two differ as they did before.
        "appendonly" if !taken(ours) => !taken(theirs),
        "loglevel" => reasons(ours).contains("warning, nothing"),
        // Amounts above 2^63 wrap around to percentages there.
        "maxmemory-clients" => value == "9223372036854775808",
        // A locale must exist there; there are none here.
        "locale-collate" => taken(ours),
        // Words are numbers here, an empty one is not zero.
        "save" | "oom-score-adj-values" => {
            value.contains("  ") || value.ends_with(' ') || value.starts_with(' ')
        }
        _ => false,
    }
}

#[test]
fn command_lines_are_understood_alike() {
    let cases: &[&[&str]] = &[
        &["--save", "10", "1"],
        &["--save", "10 1 20 2"],
        &["--save", "10", "1", "--save", "20", "2"],
        &["--save", "10", "1", "--save", ""],
        &["--save"],
        &["--save", "--timeout", "5"],
        &["--timeout 5", "--maxmemory '10mb'"],
        &[
            "--proc-title-template",
            "--save",
            "--save",
            "",
            "--timeout",
            "5",
        ],
        &[
            "--shutdown-on-sigint",
            "nosave",
            "force",
            "now",
            "--timeout",
            "5",
        ],
        &[
            "--client-output-buffer-limit",
            "normal",
            "1",
            "2",
            "3",
            "--client-output-buffer-limit",
            "pubsub 4 5 6",
        ],
    ];
    for arguments in cases {
        let Some(mut redis) = Redis::start("command-line", arguments) else {
            return;
        };
        let Ok(StartUp::Serve(launch)) = parse_command_line(arguments) else {
            panic!("{arguments:?}")
        };
        let config = launch
            .configure(&Files::default(), None)
            .expect("they start")
            .config;
        for name in [
            "save",
            "timeout",
            "maxmemory",
            "proc-title-template",
            "shutdown-on-sigint",
            "client-output-buffer-limit",
        ] {
            if name == "save" && !arguments.contains(&"--save") {
                continue; // The default is another.
            }
            let theirs = &redis.config_get(name)[0].1;
            assert_eq!(&get(&config, name), theirs, "{name} after {arguments:?}");
        }
    }
}

#[test]
fn command_lines_are_refused_alike() {
    let cases: &[&[&str]] = &[
        &["--invalid"],
        &["--port"],
        &["--port", "6379", "6380"],
        &["--port", "--loglevel", "verbose"],
        &["--port", "--bla", "--loglevel", "verbose"],
        &["--logfile", "--my--log--file", "--appendfsync", "--bla"],
        &["--shutdown-on-sigint"],
        &["--shutdown-on-sigint", "now force", "--shutdown-on-sigterm"],
        &["--replicaof", "127.0.0.1", "abc"],
        &["--replicaof", "--127.0.0.1", "--abc"],
        &["--unixsocketperm", "8"],
        &["--unixsocketperm", "1000"],
        &["--unixsocketperm", "-1"],
        &["--client-output-buffer-limit", "normal", "1", "2"],
        &["--save", "1", "2", "3"],
        &["--dbfilename", "a/b"],
        &["--appendfilename", ""],
        &["--syslog-facility", "x"],
    ];
    if Redis::start("refusals", &[]).is_none() {
        return;
    }
    for arguments in cases {
        let output = Command::new("redis-server")
            .args(*arguments)
            .output()
            .expect("redis-server runs");
        let theirs = String::from_utf8_lossy(&output.stderr).into_owned();
        let ours = match parse_command_line(arguments) {
            Ok(StartUp::Serve(launch)) => launch.configure(&Files::default(), None).unwrap_err(),
            other => panic!("{other:?}"),
        };
        // The directive and the reason; the lines before name place and program, those after are ours.
        let essence = |text: &str| -> Vec<String> {
            text.lines()
                .skip_while(|l| !l.starts_with(">>>"))
                .take(2)
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(
            essence(&ours.to_string()),
            essence(&theirs),
            "{arguments:?}"
        );
        assert_eq!(essence(&theirs).len(), 2, "{theirs}");
    }
}

/// What CONFIG REWRITE writes is a file that Redis reads, with the same values.
#[test]
fn redis_reads_what_is_rewritten() {
    let changes: &[(&[u8], &[u8])] = &[
        (b"save", b"60 5 10 100"),
        (b"maxmemory", b"100mb"),
        (b"masterauth", b"a \"b\" \xff"),
        (b"client-output-buffer-limit", b"pubsub 1kb 1 9"),
        (b"shutdown-on-sigint", b"now force"),
        (b"latency-tracking-info-percentiles", b"50 99.99"),
        (b"notify-keyspace-events", b"KEA"),
        (b"unixsocketperm", b"700"),
        (b"logfile", b""),
    ];
    let Some(mut plain) = Redis::start("plain", &[]) else {
        return;
    };
    let config = Config::default()
        .set_at_start(changes)
        .expect("legal values");
    let text = rewrite(b"", &config, &NoFiles, Extent::Everything).expect("no includes");
    let known: Vec<_> = text
        .split_inclusive(|b| *b == b'\n')
        .filter(|line| {
            let name = line.split(|b| *b == b' ').next().unwrap_or(line);
            line[0] == b'#' || !plain.config_get(&String::from_utf8_lossy(name)).is_empty()
        })
        .collect();
    let file = plain.running.directory.join("rewritten.conf");
    std::fs::write(&file, known.concat()).expect("a file");
    let Some(mut redis) = Redis::start("rewritten", &[file.to_str().expect("a path")]) else {
        return;
    };
    for (name, value) in redis.config_get("*") {
        if !["port", "bind", "dir", "masterauth"].contains(&name.as_str()) {
            assert_eq!(get(&config, &name), value, "{name}");
        }
    }
}
