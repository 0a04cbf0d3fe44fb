//! The tools that work on files, run as a person runs them: on directories that real servers
//! wrote, sound and damaged.

mod check;
mod data;
mod generations;
mod start;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value as Json;
use testkit::process::{ServerProcess, find_program};
use testkit::reply::Reply;
use testkit::socket::Socket;
use testkit::target::Target as _;

/// A directory of a test, removed behind it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ochre-tools-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a directory");
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The newest file with commands.
    fn log_file(&self) -> PathBuf {
        let names = fs::read_dir(self.path("appendonlydir")).expect("a log");
        let paths = names.map(|entry| entry.expect("an entry").path());
        let mut logs: Vec<PathBuf> = paths
            .filter(|path| path.to_string_lossy().ends_with(".incr.aof"))
            .collect();
        logs.sort();
        logs.pop().expect("a file with commands")
    }

    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("log") && !path.ends_with("ochre.lock") {
                    files.push((path.clone(), fs::read(&path).expect("a file")));
                }
            }
        }
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server of ours on this directory, with its log on and every write synced.
fn ochre(folder: &Folder) -> (ServerProcess, Socket) {
    ochre_with(folder, &[])
}

fn ochre_with(folder: &Folder, more: &[&str]) -> (ServerProcess, Socket) {
    let dir = folder.0.to_str().expect("UTF-8");
    let usual = [
        "--dir",
        dir,
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
    ];
    let arguments = [&usual[..], more].concat();
    let server =
        ServerProcess::ochre(testkit::process::ochre_program(), &arguments).expect("it starts");
    let socket = Socket::connect(server.address()).expect("it answers");
    (server, socket)
}

/// A stock server on this directory; `None` if there is none on this machine.
fn redis(folder: &Folder, more: &[&str]) -> Option<(ServerProcess, Socket)> {
    let program = find_program("redis-server")?;
    let dir = folder.0.to_str().expect("UTF-8");
    let arguments = [
        &[
            "--dir",
            dir,
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ][..],
        more,
    ];
    let server = ServerProcess::redis(&program, &arguments.concat()).expect("it starts");
    let socket = Socket::connect(server.address()).expect("it answers");
    Some((server, socket))
}

/// Waits while the server is still reading its directory.
fn ask(socket: &mut Socket, words: &[&str]) -> Reply {
    loop {
        match socket.ask(0, words).expect("an answer") {
            Reply::Error(line) if line.starts_with(b"LOADING") => {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            reply => return reply,
        }
    }
}

/// Half a dozen commands in two databases.
fn fill(socket: &mut Socket) {
    for line in [
        "SET a 1",
        "SET b two",
        "SET later on PXAT 9999999999999",
        "SELECT 3",
        "SET c three",
        "APPEND c !",
        "SELECT 0",
        "DEL b",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        ask(socket, &words);
    }
}

/// What a tool answered.
struct Answer {
    status: i32,
    out: String,
    err: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.out).expect("JSON")
    }

    #[track_caller]
    fn expect(self, status: i32) -> Answer {
        assert_eq!(self.status, status, "\n{}\n{}", self.out, self.err);
        self
    }
}

fn run(words: &[&str]) -> Answer {
    let output = Command::new(testkit::process::ochre_program())
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("the tool runs");
    answer(output)
}

fn answer(output: Output) -> Answer {
    Answer {
        status: output.status.code().expect("it was not killed"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Takes reserved room and so many bytes more off a file.
fn tear(path: &Path, bytes: usize) {
    let mut content = fs::read(path).expect("a file");
    while content.last() == Some(&0) {
        content.pop();
    }
    content.truncate(content.len() - bytes);
    fs::write(path, content).expect("written");
}

/// Turns a bit around.
fn flip(path: &Path, at: usize) {
    let mut content = fs::read(path).expect("a file");
    content[at] ^= 1;
    fs::write(path, content).expect("written");
}
