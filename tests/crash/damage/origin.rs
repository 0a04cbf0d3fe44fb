//! A directory as a real server leaves it, and what every prefix of its log holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use testkit::crash::history::History;
use testkit::crash::kills::await_data;
use testkit::crash::state::State;
use testkit::crash::workload::Workload;
use testkit::crash::writer::{Connection, write_units};
use testkit::linear::dice::Dice;
use testkit::process::{ServerProcess, fresh_directory, ochre_program};
use testkit::reply::Reply;

use super::Damage;

pub(super) const FOLDER: &str = "appendonlydir";

/// How the server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Stopped,
    Killed,
}

impl Ended {
    pub(super) const BOTH: [Ended; 2] = [Ended::Stopped, Ended::Killed];
}

pub(super) struct Origin {
    pub(super) directory: PathBuf,
    pub(super) history: History,
    /// So many units are in the base.
    pub(super) base_units: usize,
    /// From this unit on no state differs from the last.
    pub(super) whole_units: usize,
    pub(super) log: LogFile,
    old: Vec<(PathBuf, Vec<u8>)>,
}

/// The incremental file, and where its groups end.
#[derive(Clone, Debug)]
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    /// Where each line begins, and where its group ends.
    groups: Vec<(u64, u64)>,
}

/// On each side of the rewrite.
const UNITS: usize = 60;

pub(super) const ARGUMENTS: &[&str] = &[
    "--save",
    "",
    "--databases",
    "32",
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
];

impl Origin {
    pub(super) fn make(seed: u64, ended: Ended) -> Origin {
        let directory = fresh_directory("origin").expect("a directory");
        let server = ServerProcess::launch(ochre_program(), &directory, ARGUMENTS);
        let mut server = server.expect("the server starts");
        server.await_banner().expect("the server is there");
        await_data(server.address()).expect("the server is ready");
        let mut history = History::default();
        let mut workload = Workload::new(0, Dice::new(seed, &[8]), State::default()).lasting();
        let mut connection = Connection::open(server.address()).expect("it accepts");
        let mut write = |history: &mut History, connection: &mut Connection| {
            for _ in 0..UNITS {
                let wrong = write_units(connection, history, &mut workload, 1);
                wrong.expect("the server answers").expect("what is due");
            }
        };
        write(&mut history, &mut connection);
        let old = read_folder(&directory);
        rewrite(&mut connection);
        await_removal(&directory);
        write(&mut history, &mut connection);
        match ended {
            Ended::Killed => server.kill().expect("it is our child"),
            Ended::Stopped => {
                server.terminate().expect("it is our child");
                let status = server
                    .wait(Duration::from_secs(20))
                    .expect("it is our child");
                assert!(
                    status.is_some_and(|status| status.success()),
                    "{}",
                    server.log()
                );
            }
        }
        let log = LogFile::find(&directory);
        let mut origin = Origin {
            directory,
            whole_units: whole_units(&history),
            history,
            base_units: UNITS,
            log,
            old,
        };
        origin.log.check();
        origin
            .old
            .retain(|(path, bytes)| fs::read(path).ok().as_ref() != Some(bytes));
        origin
    }

    /// Manifest, base and log.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let files = read_folder(&self.directory);
        files.into_iter().map(|(path, _)| path).collect()
    }

    /// Files of the time before the rewrite are put back: the manifest alone, and all.
    pub(super) fn old_files(&self) -> Vec<Damage> {
        let is_manifest = |path: &Path| path.extension().is_some_and(|it| it == "manifest");
        let damage = |what: &str, files: Vec<&(PathBuf, Vec<u8>)>| Damage {
            what: what.to_owned(),
            files: files
                .into_iter()
                .map(|(path, bytes)| (path.clone(), Some(bytes.clone())))
                .collect(),
            place: None,
        };
        let manifest = self.old.iter().filter(|(path, _)| is_manifest(path));
        vec![
            damage("the old manifest", manifest.collect()),
            damage("all old files", self.old.iter().collect()),
        ]
    }
}

impl LogFile {
    fn find(directory: &Path) -> LogFile {
        let files = read_folder(directory).into_iter();
        let mut logs = files.filter(|(path, _)| path.to_string_lossy().ends_with(".incr.aof"));
        let (path, bytes) = logs.next().expect("a log");
        assert!(logs.next().is_none(), "one log");
        let mut groups = Vec::new();
        let mut at = 0;
        while bytes[at..].starts_with(b"#OCH1 ") {
            let end = bytes[at..]
                .iter()
                .position(|byte| *byte == b'\n')
                .expect("a line");
            let line = String::from_utf8_lossy(&bytes[at..at + end]).into_owned();
            let len = line.split_once("len=").expect("a length").1;
            let digits = len.split(' ').next().expect("a word");
            let group_end = at + end + 1 + digits.parse::<usize>().expect("a number");
            groups.push((at as u64, group_end as u64));
            at = group_end;
        }
        LogFile { path, groups }
    }

    fn check(&self) {
        assert!(
            self.groups.len() > UNITS / 2,
            "{:?}: too few groups",
            self.path
        );
    }

    /// Where each group ends, in order.
    pub(super) fn bounds(&self) -> Vec<u64> {
        self.groups.iter().map(|(_, end)| *end).collect()
    }

    pub(super) fn groups_end(&self) -> u64 {
        self.groups.last().map_or(0, |(_, end)| *end)
    }

    /// Do the last so many bytes choose a database before anything else? Commands like that
    /// without a line are a stock server's, as far as anybody can tell, which went on with our
    /// file.
    pub(super) fn begins_like_stock(&self, len: u64) -> bool {
        let bytes = fs::read(&self.path).expect("it is there");
        let tail = &bytes[(self.groups_end() - len) as usize..];
        let select = b"*2\r\n$6\r\nSELECT\r\n";
        let rest = tail.strip_prefix(b"*1\r\n$5\r\nMULTI\r\n");
        rest.unwrap_or(tail).starts_with(select)
    }

    /// Where the last line begins: nothing says that what is behind it was synced.
    pub(super) fn unproved_from(&self) -> u64 {
        self.groups.last().map_or(0, |(start, _)| *start)
    }
}

/// The first unit after which nothing that lasts has changed any more.
fn whole_units(history: &History) -> usize {
    let mut state = history.known.clone();
    let mut since = 0;
    for (at, unit) in history.units.iter().enumerate() {
        let before = state.clone();
        unit.apply(&mut state).expect("it was answered so");
        // A look sharpens what is known and changes nothing.
        if unit.changes.iter().any(|change| !change.is_look()) && state != before {
            since = at + 1;
        }
    }
    since
}

fn rewrite(connection: &mut Connection) {
    let reply = connection.ask(&["BGREWRITEAOF"]).expect("an answer");
    assert!(matches!(reply, Reply::Simple(_)), "{reply}");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let info = connection.ask(&["INFO", "persistence"]).expect("an answer");
        let Reply::Bulk(info) = info else {
            panic!("INFO is text");
        };
        let info = String::from_utf8_lossy(&info).into_owned();
        let is_over = ["aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"]
            .iter()
            .all(|line| info.contains(line));
        if is_over && info.contains("aof_last_bgrewrite_status:ok") {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "the rewrite takes its time:\n{info}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the rewrite has replaced goes when it is over, within about a second.
fn await_removal(directory: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let manifest = directory.join(FOLDER).join("appendonly.aof.manifest");
    while fs::read_to_string(&manifest).is_ok_and(|text| text.contains(" type h")) {
        assert!(Instant::now() < deadline, "what was replaced stays");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read_folder(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(directory.join(FOLDER)).expect("the log's directory");
    let mut files: Vec<_> = files
        .map(|file| file.expect("it is there").path())
        .map(|path| (path.clone(), fs::read(&path).expect("it is there")))
        .collect();
    files.sort();
    files
}
