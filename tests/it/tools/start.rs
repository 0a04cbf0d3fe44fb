//! What a server refuses to start on, since data would be lost.

use std::time::Duration;

use testkit::process::ServerProcess;
use testkit::socket::Socket;

use super::{Folder, ask, text};

#[test]
fn keys_of_databases_that_are_not_configured_are_not_dropped() {
    for log in ["no", "yes"] {
        let folder = Folder::new();
        let dir = text(&folder.0);
        let words = ["--dir", dir, "--appendonly", log, "--save", "3600 1"];
        let program = testkit::process::ochre_program();
        let more = [&words[..], &["--databases", "32"]].concat();
        let server = ServerProcess::ochre(program, &more).expect("it starts");
        let mut socket = Socket::connect(server.address()).expect("it answers");
        ask(&mut socket, &["SELECT", "20"]);
        ask(&mut socket, &["SET", "k", "v"]);
        ask(&mut socket, &["SAVE"]);
        drop(server);
        // It listens before it has read everything, so it may seem to start.
        let refusal = match ServerProcess::ochre(program, &words) {
            Err(refusal) => refusal.to_string(),
            Ok(mut server) => {
                let ended = server.wait(Duration::from_secs(20)).expect("a child");
                assert!(ended.is_some_and(|status| !status.success()), "{log}");
                server.log()
            }
        };
        assert!(
            refusal.contains("database") || refusal.contains("DB index"),
            "{refusal}"
        );
    }
}
