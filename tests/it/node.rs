//! A server on data that outlives it, ours or a stock one: started, asked, stopped, killed,
//! and started again on what it has left.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use testkit::process::{self, ServerProcess};
use testkit::reply::Reply;
use testkit::socket::Socket;
use testkit::target::{Received, Target};

/// How servers of ours can serve.
pub(crate) const MODES: [&[&str]; 3] = [
    &["--mode", "eventloop", "--threads", "1"],
    &["--mode", "eventloop", "--threads", "2"],
    &["--mode", "threaded"],
];

/// Nothing that a test waits for takes longer on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Requests that are on their way at once.
const PIPELINED: usize = 100;

/// Whose server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    Ochre,
    Redis,
}

/// A running server and a connection to it.
pub(crate) struct Node {
    process: ServerProcess,
    socket: Socket,
}

/// All that can be seen of a keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// DEBUG DIGEST, over the names and values of all databases.
    pub(crate) digest: String,
    /// Each key with its deadline, or -1: the digest only says whether there is one.
    pub(crate) deadlines: BTreeMap<(usize, Vec<u8>), i64>,
}

pub(crate) const DATABASES: usize = 16;

impl Node {
    /// Starts a server on a directory, and waits until it has read what is there. `None`, and a
    /// visible word, if this machine has no such server.
    pub(crate) fn start(maker: Maker, data: &Path, arguments: &[&str]) -> Option<Node> {
        let started = match maker {
            Maker::Ochre => {
                let fixed = ["--enable-debug-command", "yes"];
                let arguments: Vec<&str> = fixed.iter().chain(arguments).copied().collect();
                ServerProcess::ochre_on(process::ochre_program(), data, &arguments)
            }
            Maker::Redis => {
                let program = crate::oracle::program()?;
                ServerProcess::redis_on(&program, data, arguments)
            }
        };
        let process = started.unwrap_or_else(|error| panic!("{maker:?} {arguments:?}: {error}"));
        let mut node = Node {
            socket: connect(&process),
            process,
        };
        let log = |node: &Node| node.process.log();
        let deadline = Instant::now() + PATIENCE;
        while node.try_ask(&["PING"]).expect("an answer") != Reply::Simple(b"PONG".to_vec()) {
            assert!(Instant::now() < deadline, "still loading: {}", log(&node));
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(node)
    }

    /// Ours, which is there always.
    pub(crate) fn ochre(data: &Path, arguments: &[&str]) -> Node {
        Node::start(Maker::Ochre, data, arguments).expect("built here")
    }

    /// Ours in a mode, without save points.
    pub(crate) fn in_mode(data: &Path, mode: &[&str], more: &[&str]) -> Node {
        Node::ochre(data, &[mode, &["--save", ""], more].concat())
    }

    pub(crate) fn process(&mut self) -> &mut ServerProcess {
        &mut self.process
    }

    pub(crate) fn try_ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<Reply> {
        let replies = self.try_ask_all(&[words.iter().map(|w| w.as_ref().to_vec()).collect()])?;
        Ok(replies.into_iter().next().expect("a reply each"))
    }

    /// Asks one thing, which is no error.
    pub(crate) fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Reply {
        let shown: Vec<_> = words.iter().map(|w| text(w.as_ref())).collect();
        match self.try_ask(words) {
            Ok(Reply::Error(line)) => panic!("{shown:?}: {}", text(&line)),
            Ok(reply) => reply,
            Err(error) => panic!("{shown:?}: {error}\n{}", self.process.log()),
        }
    }

    /// Asks much, in pipelines.
    pub(crate) fn try_ask_all(&mut self, requests: &[Vec<Vec<u8>>]) -> io::Result<Vec<Reply>> {
        let mut replies = Vec::with_capacity(requests.len());
        for some in requests.chunks(PIPELINED) {
            for request in some {
                self.socket.send(0, request)?;
            }
            for _ in some {
                match self.socket.receive(0, PATIENCE)? {
                    Received::Reply(reply) => replies.push(reply),
                    other => return Err(io::Error::other(format!("{other:?}"))),
                }
            }
        }
        Ok(replies)
    }

    /// A field of INFO; empty if there is none.
    pub(crate) fn info(&mut self, field: &str) -> String {
        let Reply::Bulk(info) = self.ask(&["INFO", "everything"]) else {
            panic!("INFO is a text");
        };
        let info = String::from_utf8_lossy(&info).into_owned();
        let value = info
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_default().trim().to_owned()
    }

    /// Waits until a field of INFO is as wanted.
    pub(crate) fn await_info(&mut self, field: &str, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.info(field);
            if found == wanted {
                return;
            }
            let log = self.process.log();
            assert!(Instant::now() < deadline, "{field}: {found}\n{log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// BGREWRITEAOF, from its request to its end.
    pub(crate) fn rewrite(&mut self) {
        self.ask(&["BGREWRITEAOF"]);
        self.await_info("aof_rewrite_scheduled", "0");
        self.await_info("aof_rewrite_in_progress", "0");
        assert_eq!(self.info("aof_last_bgrewrite_status"), "ok");
    }

    pub(crate) fn image(&mut self) -> Image {
        let digest = text(plain(&self.ask(&["DEBUG", "DIGEST"])));
        let mut deadlines = BTreeMap::new();
        for database in 0..DATABASES {
            self.ask(&["SELECT", &database.to_string()]);
            let Reply::Array(keys) = self.ask(&["KEYS", "*"]) else {
                panic!("KEYS are an array");
            };
            let keys: Vec<Vec<u8>> = keys.iter().map(|key| plain(key).to_vec()).collect();
            let requests: Vec<_> = keys
                .iter()
                .map(|key| vec![b"PEXPIRETIME".to_vec(), key.clone()])
                .collect();
            let replies = self.try_ask_all(&requests).expect("deadlines");
            for (key, reply) in keys.into_iter().zip(replies) {
                let Reply::Integer(deadline) = reply else {
                    panic!("a deadline: {reply}");
                };
                deadlines.insert((database, key), deadline);
            }
        }
        self.ask(&["SELECT", "0"]);
        Image { digest, deadlines }
    }

    /// Asks it to end, as a service manager does, and expects that it ends well.
    pub(crate) fn stop(mut self) {
        self.process.terminate().expect("it lives");
        let status = self.process.wait(PATIENCE).expect("it is our child");
        let ended_well = status.is_some_and(|status| status.success());
        assert!(ended_well, "{status:?}\n{}", self.process.log());
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().expect("it lives");
    }
}

fn connect(process: &ServerProcess) -> Socket {
    Socket::connect(process.address()).unwrap_or_else(|error| panic!("{error}\n{}", process.log()))
}

/// Runs a tool of the stock server's on a file: what it printed if it is content, or why not.
/// `None`, and a visible word, if this machine has no such tool.
pub(crate) fn run_tool(
    name: &str,
    arguments: &[&str],
    path: &Path,
) -> Option<Result<String, String>> {
    let Some(program) = process::find_program(name) else {
        crate::skipped(&format!("no {name} on PATH"));
        return None;
    };
    let mut command = std::process::Command::new(program);
    let mut child = command
        .args(arguments)
        .arg(path)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the tool starts");
    // What it asks is whether it may mend the file.
    let answer = io::Write::write_all(&mut child.stdin.take().expect("piped"), b"y\n");
    drop(answer); // it may not have asked
    let output = child.wait_with_output().expect("the tool ends");
    let printed = format!("{}{}", text(&output.stdout), text(&output.stderr));
    Some(match output.status.success() {
        true => Ok(printed),
        false => Err(printed),
    })
}

fn plain(reply: &Reply) -> &[u8] {
    match reply {
        Reply::Simple(line) => line,
        Reply::Bulk(bytes) => bytes,
        other => panic!("{other} is no text"),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
