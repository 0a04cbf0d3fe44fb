//! Real servers on damaged directories: what they say, how they end, and that life goes on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use testkit::crash::kills::{await_data, read_database};
use testkit::crash::state::{Span, State};
use testkit::crash::workload::{own_databases, parse_name};
use testkit::crash::writer::{Connection, now_ms};
use testkit::process::{ServerProcess, ochre_program};
use testkit::reply::Reply;

use super::origin::{ARGUMENTS, Ended};
use super::{Bench, Damage, copy};

#[test]
fn a_server_says_what_it_refuses_and_goes_on_with_what_it_takes() {
    let mut bench = Bench::new(Ended::Killed);
    let log = bench.origin.log.clone();
    let mut damages = Vec::new();
    for file in bench.origin.files() {
        damages.push(Damage::missing(&file));
        let bits = fs::metadata(&file).expect("it is there").len() * 8;
        let bits = if file == log.path {
            log.groups_end() * 8
        } else {
            bits
        };
        damages.extend((0..3).map(|_| Damage::flip(&file, bench.dice.below(bits as usize) as u64)));
    }
    damages.extend(bench.origin.old_files());
    for _ in 0..10 {
        let at = bench.dice.below(log.groups_end() as usize) as u64;
        damages.push(Damage::cut(&log.path, at));
        if !log.begins_like_stock(at) {
            damages.push(Damage::repeat(&log, at));
        }
    }
    let (mut refused, mut taken) = (0, 0);
    for damage in damages {
        let directory = copy(&bench.origin.directory);
        damage.moved(&bench.origin.directory, &directory).apply();
        match start(&directory) {
            Ok(server) => {
                goes_on(&bench, &damage, &directory, server);
                taken += 1;
            }
            Err(said) => {
                let file = damage.files[0]
                    .0
                    .file_name()
                    .expect("a file")
                    .to_string_lossy();
                let is_named = said.contains(&*file) || said.contains(super::origin::FOLDER);
                assert!(is_named, "{damage}: {said}");
                let is_placed = damage.place.is_none() || said.contains(" at byte ");
                assert!(is_placed || !file.ends_with(".aof"), "{damage}: {said}");
                refused += 1;
            }
        }
        fs::remove_dir_all(&directory).expect("it is ours");
    }
    println!("real servers: {refused} refused, {taken} went on");
    assert!(refused > 0 && taken > 0, "{refused} refused, {taken} taken");
}

impl Damage {
    /// The same in another directory.
    fn moved(&self, from: &Path, to: &Path) -> Damage {
        let mut moved = self.clone();
        for (path, _) in &mut moved.files {
            *path = to.join(path.strip_prefix(from).expect("a path in it"));
        }
        moved
    }
}

/// A server that is ready, or what it said when it refused.
fn start(directory: &Path) -> Result<ServerProcess, String> {
    let server = ServerProcess::launch(ochre_program(), directory, ARGUMENTS);
    let mut server = server.expect("the program is there");
    let ready = server
        .await_banner()
        .and_then(|()| await_data(server.address()));
    if ready.is_ok() {
        return Ok(server);
    }
    let status = server
        .wait(Duration::from_secs(10))
        .expect("it is our child");
    let status = status.expect("who is not ready has ended");
    assert_eq!(status.code(), Some(1), "{}", server.log());
    Err(server.log())
}

/// What came back is a prefix, and what is written now survives a kill.
fn goes_on(bench: &Bench, damage: &Damage, directory: &Path, mut server: ServerProcess) {
    let origin = &bench.origin;
    let judge = |server: &ServerProcess| {
        let began_ms = now_ms();
        let state = read(server);
        let when = Span {
            least_ms: began_ms,
            most_ms: now_ms() + 1,
        };
        let fit = origin.history.fit(&state, when, origin.base_units);
        fit.unwrap_or_else(|what| panic!("{damage}: {what}")).beyond
    };
    let units = judge(&server);
    let mut connection = Connection::open(server.address()).expect("it accepts");
    let written = connection
        .ask(&["SET", "afterwards", "1"])
        .expect("an answer");
    assert_eq!(written, Reply::Simple(b"OK".to_vec()), "{damage}");
    server.kill().expect("it is our child");
    let mut again = start(directory).unwrap_or_else(|said| panic!("{damage}, again: {said}"));
    let mut connection = Connection::open(again.address()).expect("it accepts");
    let kept = connection
        .ask(&["GETDEL", "afterwards"])
        .expect("an answer");
    assert_eq!(kept, Reply::Bulk(b"1".to_vec()), "{damage}");
    assert_eq!(
        judge(&again),
        units,
        "{damage}: another state at the second start"
    );
    again.kill().expect("it is our child");
}

fn read(server: &ServerProcess) -> State {
    let mut connection = Connection::open(server.address()).expect("it accepts");
    let mut state = State::default();
    for database in std::iter::once(0).chain(own_databases(0)) {
        let found = read_database(&mut connection, database).expect("an answer");
        let known = found.into_iter().filter(|(name, _)| name != b"afterwards");
        for (name, value) in known {
            let (_, key) = parse_name(&name, database).expect("a name of ours");
            state.0.insert(key, value);
        }
    }
    state
}
