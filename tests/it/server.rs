//! The transcripts on our own server, in both of its modes.
//!
//! `testkit::process` builds the binary first if need be; `OCHRE_SERVER` names another to take
//! as it is.

use testkit::process::{ServerProcess, ochre_program};
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
    let server = ServerProcess::ochre(ochre_program(), &arguments).expect("the server starts");
    let socket = Socket::connect(server.address()).expect("the server answers");
    (server, socket)
}
