//! The transcripts on our own server, in both of its modes.
//!
//! The binary is built first if need be, in the profile that the tests themselves were
//! built in, so that a test can never pass against yesterday's server. `OCHRE_SERVER`
//! names another binary to take as it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use testkit::process::ServerProcess;
use testkit::socket::Socket;

#[test]
fn transcripts_hold_on_the_event_loop() {
    play(&["--mode", "eventloop", "--threads", "1"]);
}

#[test]
fn transcripts_hold_on_several_event_loops() {
    play(&["--mode", "eventloop", "--threads", "3"]);
}

#[test]
fn transcripts_hold_with_a_thread_for_each_client() {
    play(&["--mode", "threaded"]);
}

#[test]
fn models_hold_on_both_modes() {
    for mode in [["--mode", "eventloop"], ["--mode", "threaded"]] {
        let (_server, mut socket) = start(&mode);
        crate::models::judge(&mut socket);
    }
}

fn play(mode: &[&str]) {
    let (_server, mut socket) = start(mode);
    let tally = crate::corpus()
        .play_server(&mut socket)
        .expect("the corpus is readable");
    tally.conclude();
}

/// A running server of ours and a way to talk to it.
pub(crate) fn start(mode: &[&str]) -> (ServerProcess, Socket) {
    let fixed = [
        "--enable-debug-command",
        "yes",
        "--save",
        "",
        "--appendonly",
        "no",
    ];
    let arguments: Vec<&str> = mode.iter().chain(&fixed).copied().collect();
    let server = ServerProcess::ochre(program(), &arguments).expect("the server starts");
    let socket = Socket::connect(server.address()).expect("the server answers");
    (server, socket)
}

/// The server's binary, built once a run.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("OCHRE_SERVER") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

fn build() -> PathBuf {
    // This binary is target/<profile>/deps/it-<hash>.
    let own = std::env::current_exe().expect("the test binary has a path");
    let folder = own.ancestors().nth(2).expect("it lies in a profile folder");
    let target = folder.parent().expect("which lies in the target folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--package",
            "ochre",
            "--bin",
            "ochre",
            "--profile",
            profile,
        ])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the server does not build");
    folder.join("ochre")
}
