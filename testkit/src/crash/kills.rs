//! Rounds of writing, killing, starting and reading back.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::content::Content;
use super::history::History;
use super::state::{Span, State, Value};
use super::workload::{Argv, Workload, name, own_databases, parse_name};
use super::writer::{Connection, now_ms, write_on};
use crate::linear::dice::Dice;
use crate::process::{ServerProcess, fresh_directory};
use crate::reply::Reply;

/// A campaign against one kind of server.
#[derive(Clone, Debug)]
pub struct Kills {
    pub program: PathBuf,
    /// How the server is started, beside its directory and port.
    pub arguments: Vec<String>,
    pub seed: u64,
    pub rounds: usize,
    pub writers: u8,
    /// Keys that are written once at the beginning, so that snapshots take their time.
    pub filler: usize,
    /// After a failure, for whoever looks into it.
    pub keeps_files: bool,
}

/// How a round ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Killed at any time.
    Kill,
    /// Killed soon after BGSAVE.
    KillInSave,
    /// Killed soon after a snapshot is there.
    KillAfterSave,
    /// Killed soon after BGREWRITEAOF.
    KillInRewrite,
    /// Killed after several of both.
    KillInStorm,
    /// Killed after the log was switched off and on again.
    KillAfterSwitch,
    /// Asked to end (SIGTERM).
    Stop,
}

/// What a campaign did.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub rounds: usize,
    pub kills: usize,
    /// Of these, while the data was being read.
    pub kills_in_recovery: usize,
    pub ends: BTreeMap<End, usize>,
    /// Units, and how many of them were answered.
    pub sent: usize,
    pub answered: usize,
    /// Units that were not answered and are there.
    pub beyond: usize,
    pub snapshots_judged: usize,
    pub slowest_start: Duration,
}

/// A database for keys that are never written again.
const FILLER_DATABASE: u8 = 31;
const DATABASES: &str = "32";
/// A snapshot is whole after this time, on however busy a machine.
const SNAPSHOT_TIME: Duration = Duration::from_secs(60);

impl Kills {
    /// Runs all rounds. The error says what is wrong, and where the files are.
    pub fn run(&self) -> Result<Tally, String> {
        let directory = fresh_directory("crash").map_err(|error| error.to_string())?;
        let mut campaign = Campaign {
            kills: self,
            directory: directory.clone(),
            dice: Dice::new(self.seed, &[0]),
            histories: vec![History::default(); usize::from(self.writers)],
            tally: Tally::default(),
        };
        let ran = campaign.run();
        match ran {
            Ok(()) => {
                fs::remove_dir_all(&directory).map_err(|error| error.to_string())?;
                Ok(campaign.tally)
            }
            Err(what) => {
                let (round, seed) = (campaign.tally.rounds, self.seed);
                let arguments = self.arguments.join(" ");
                let place = directory.display();
                if !self.keeps_files {
                    // The failure is what counts.
                    let _ = fs::remove_dir_all(&directory);
                }
                Err(format!(
                    "OCHRE_SEED={seed} on {arguments}, round {round}: {what}\n the files are in \
                     {place}; so far: {}",
                    campaign.tally
                ))
            }
        }
    }
}

struct Campaign<'k> {
    kills: &'k Kills,
    directory: PathBuf,
    dice: Dice,
    histories: Vec<History>,
    tally: Tally,
}

impl Campaign<'_> {
    fn run(&mut self) -> Result<(), String> {
        let mut server = self.start()?;
        self.fill(server.address())
            .map_err(|error| format!("filling: {error}"))?;
        for _ in 0..self.kills.rounds {
            self.tally.rounds += 1;
            let end = self.draw_end();
            // Only a snapshot of this round can be held against this round's histories.
            let _ = fs::remove_file(self.snapshot());
            *self.tally.ends.entry(end).or_default() += 1;
            self.round(&mut server, end)
                .map_err(|what| format!("{end:?}: {what}"))?;
            let judged = match end {
                End::KillAfterSave => self.judge_snapshot(),
                End::KillInSave | End::KillInStorm if self.snapshot().exists() => {
                    self.judge_snapshot()
                }
                _ => Ok(()),
            };
            judged.map_err(|what| format!("the snapshot: {what}"))?;
            self.disturb_recovery()?;
            server = self.start()?;
            let judged = self.judge(server.address());
            let judged = judged.and_then(|()| self.check_leftovers(&server));
            judged.map_err(|what| format!("after {end:?}: {what}"))?;
        }
        server.kill().map_err(|error| error.to_string())
    }

    fn draw_end(&mut self) -> End {
        match self.dice.below(12) {
            0..4 => End::Kill,
            4 => End::KillInSave,
            5 | 11 => End::KillAfterSave,
            6..8 => End::KillInRewrite,
            8 => End::KillInStorm,
            9 => End::KillAfterSwitch,
            _ => End::Stop,
        }
    }

    /// Starts the server and waits until it answers.
    fn start(&mut self) -> Result<ServerProcess, String> {
        let began = Instant::now();
        let server = launch(self.kills, &self.directory, &[])?;
        self.tally.slowest_start = self.tally.slowest_start.max(began.elapsed());
        Ok(server)
    }

    /// Kills servers that have hardly begun, once in a while.
    fn disturb_recovery(&mut self) -> Result<(), String> {
        for _ in 0..self.dice.below(4) {
            let arguments = arguments(self.kills, &[]);
            let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let launched = ServerProcess::launch(&self.kills.program, &self.directory, &words);
            let mut server = launched.map_err(|error| error.to_string())?;
            std::thread::sleep(Duration::from_micros(self.dice.below(20_000) as u64));
            if let Ok(Some(status)) = server.wait(Duration::ZERO) {
                return Err(format!("a start ended with {status}:\n{}", server.log()));
            }
            server.kill().map_err(|error| error.to_string())?;
            self.tally.kills += 1;
            self.tally.kills_in_recovery += 1;
        }
        Ok(())
    }

    fn fill(&mut self, address: SocketAddr) -> io::Result<()> {
        let mut connection = Connection::open(address)?;
        connection.ask(&["SELECT", &FILLER_DATABASE.to_string()])?;
        for from in (0..self.kills.filler).step_by(1000) {
            let numbers = from..(from + 1000).min(self.kills.filler);
            let requests: Vec<Argv> = numbers.map(filler_request).collect();
            for reply in connection.ask_all(&requests)? {
                if reply != Reply::Simple(b"OK".to_vec()) {
                    return Err(io::Error::other(format!("{reply:?}")));
                }
            }
        }
        Ok(())
    }

    /// Writers write until the server comes to its end.
    fn round(&mut self, server: &mut ServerProcess, end: End) -> Result<(), String> {
        let address = server.address();
        let is_expected = &AtomicBool::new(false);
        let (seed, round) = (self.kills.seed, self.tally.rounds as u64);
        let mut histories = std::mem::take(&mut self.histories);
        let complaints = std::thread::scope(|scope| {
            let writers: Vec<_> = (0u8..)
                .zip(&mut histories)
                .map(|(client, history)| {
                    let dice = Dice::new(seed, &[1, round, u64::from(client)]);
                    let mut workload = Workload::new(client, dice, history.known.clone());
                    scope.spawn(move || write_on(address, history, &mut workload, is_expected))
                })
                .collect();
            let ended = self.end(server, end, is_expected);
            // Whatever happened, the writers shall end.
            is_expected.store(true, Ordering::SeqCst);
            let killed = server.kill();
            let ended = ended.and(killed.map_err(|error| error.to_string()));
            let joined = writers
                .into_iter()
                .map(|writer| writer.join().expect("no panic"));
            let mut complaints: Vec<String> = joined.filter_map(Result::err).collect();
            complaints.extend(ended.err());
            complaints
        });
        self.histories = histories;
        for history in &self.histories {
            self.tally.sent += history.units.len();
            self.tally.answered += history.answered;
        }
        match complaints.is_empty() {
            true => Ok(()),
            false => Err(format!("{}\n{}", complaints.join("\n"), server.log())),
        }
    }

    fn end(
        &mut self,
        server: &mut ServerProcess,
        end: End,
        is_expected: &AtomicBool,
    ) -> Result<(), String> {
        let snapshot = self.snapshot();
        // What comes after a snapshot's cut takes a millisecond or many, as the disk likes.
        let most_us = [2_000, 10_000, 50_000][self.dice.below(3)];
        let mut pause = |most_us: usize| {
            std::thread::sleep(Duration::from_micros(self.dice.below(most_us) as u64));
        };
        pause(250_000);
        let asks = match end {
            End::Kill | End::Stop | End::KillAfterSwitch => &[][..],
            End::KillInSave | End::KillAfterSave => &["BGSAVE"],
            End::KillInRewrite => &["BGREWRITEAOF"],
            End::KillInStorm => &["BGREWRITEAOF", "BGSAVE", "BGREWRITEAOF", "BGSAVE"],
        };
        let mut connection = Connection::open(server.address()).map_err(|it| it.to_string())?;
        for ask in asks {
            let reply = connection.ask(&[ask]);
            match reply.map_err(|error| format!("{ask}: {error}"))? {
                Reply::Simple(_) => {}
                // In a storm they meet.
                Reply::Error(line) if end == End::KillInStorm && line.starts_with(b"ERR ") => {}
                other => return Err(format!("{ask} was answered by {other}")),
            }
            pause(most_us);
        }
        match end {
            End::KillAfterSave => await_snapshot(&snapshot)?,
            End::KillAfterSwitch => switch_twice(&mut connection)?,
            _ => {}
        }
        if matches!(end, End::KillAfterSave | End::KillAfterSwitch) {
            pause(most_us);
        }
        is_expected.store(true, Ordering::SeqCst);
        if end != End::Stop {
            self.tally.kills += 1;
            return server.kill().map_err(|error| error.to_string());
        }
        server.terminate().map_err(|error| error.to_string())?;
        match server.wait(Duration::from_secs(20)) {
            Ok(Some(status)) if status.success() => Ok(()),
            other => Err(format!("asked to end, the server did so: {other:?}")),
        }
    }

    /// Reads everything back and holds it against the histories.
    fn judge(&mut self, address: SocketAddr) -> Result<(), String> {
        let (states, when) = self.read_back(address)?;
        for (client, (history, state)) in self.histories.iter_mut().zip(states).enumerate() {
            let fit = history.fit(&state, when, history.answered);
            let fit = fit.map_err(|what| format!("writer {client}: {what}"))?;
            self.tally.beyond += fit.beyond;
            history.restart(state);
        }
        Ok(())
    }

    fn snapshot(&self) -> PathBuf {
        self.directory.join("dump.rdb")
    }

    /// A snapshot that was taken during the last round is of one moment.
    fn judge_snapshot(&mut self) -> Result<(), String> {
        let place = fresh_directory("crash-snapshot").map_err(|error| error.to_string())?;
        let moved = fs::rename(self.snapshot(), place.join("dump.rdb"));
        moved.map_err(|error| error.to_string())?;
        let mut server = launch(self.kills, &place, &["--appendonly", "no"])?;
        let (states, when) = self.read_back(server.address())?;
        for (client, (history, state)) in self.histories.iter().zip(states).enumerate() {
            let fit = history.fit(&state, when, 0);
            fit.map_err(|what| format!("writer {client}: {what}"))?;
        }
        server.kill().map_err(|error| error.to_string())?;
        self.tally.snapshots_judged += 1;
        fs::remove_dir_all(&place).map_err(|error| error.to_string())
    }

    /// What dead processes had begun to write is removed, or a server that crashes again and again
    /// fills its disk. A manifest that was begun is overwritten by the next.
    fn check_leftovers(&self, server: &ServerProcess) -> Result<(), String> {
        let own = format!("{}.rdb", server.id());
        for folder in [self.directory.clone(), self.directory.join("appendonlydir")] {
            let files = fs::read_dir(&folder).map_err(|error| error.to_string())?;
            for file in files.filter_map(Result::ok) {
                let name = file.file_name().to_string_lossy().into_owned();
                if name.starts_with("temp-") && name.ends_with(".rdb") && !name.ends_with(&own) {
                    return Err(format!("{name} is left over"));
                }
            }
        }
        Ok(())
    }

    /// What each writer's keys hold, and when they were read.
    fn read_back(&self, address: SocketAddr) -> Result<(Vec<State>, Span), String> {
        let began_ms = now_ms();
        let mut states = vec![State::default(); self.histories.len()];
        let mut connection = Connection::open(address).map_err(|error| error.to_string())?;
        let own = (0..self.kills.writers).flat_map(own_databases);
        for database in std::iter::once(0).chain(own) {
            for (name, value) in read_database(&mut connection, database)? {
                let owner = parse_name(&name, database)
                    .filter(|(client, key)| self::name(*client, *key) == name)
                    .filter(|(client, _)| *client < self.kills.writers);
                let Some((client, key)) = owner else {
                    let name = name.escape_ascii();
                    return Err(format!("nobody wrote \"{name}\" in database {database}"));
                };
                states[usize::from(client)].0.insert(key, value);
            }
        }
        self.check_filler(&mut connection)?;
        let when = Span {
            least_ms: began_ms,
            most_ms: now_ms() + 1,
        };
        Ok((states, when))
    }

    fn check_filler(&self, connection: &mut Connection) -> Result<(), String> {
        let broken = |error: io::Error| error.to_string();
        let select = ["SELECT", &FILLER_DATABASE.to_string()];
        connection.ask(&select).map_err(broken)?;
        let expected = Reply::Integer(self.kills.filler as i64);
        let size = connection.ask(&["DBSIZE"]).map_err(broken)?;
        if size != expected {
            return Err(format!("{size} of {expected} old keys are there"));
        }
        for from in (0..self.kills.filler).step_by(1000) {
            let numbers = from..(from + 1000).min(self.kills.filler);
            let sets: Vec<Argv> = numbers.map(filler_request).collect();
            let gets: Vec<Argv> = sets
                .iter()
                .map(|set| vec![b"GET".to_vec(), set[1].clone()])
                .collect();
            let replies = connection.ask_all(&gets).map_err(broken)?;
            for (set, reply) in sets.into_iter().zip(replies) {
                if reply != Reply::Bulk(set[2].clone()) {
                    return Err(format!("{reply:.100?} under {}", set[1].escape_ascii()));
                }
            }
        }
        Ok(())
    }
}

/// Switches the log off, and on again with all that came in between.
fn switch_twice(connection: &mut Connection) -> Result<(), String> {
    for to in ["no", "yes"] {
        let reply = connection.ask(&["CONFIG", "SET", "appendonly", to]);
        let reply = reply.map_err(|error| format!("appendonly {to}: {error}"))?;
        if reply != Reply::Simple(b"OK".to_vec()) {
            return Err(format!("appendonly {to} was answered by {reply}"));
        }
    }
    let deadline = Instant::now() + SNAPSHOT_TIME;
    while Instant::now() < deadline {
        let info = connection.ask(&["INFO", "persistence"]);
        let Reply::Bulk(info) = info.map_err(|error| error.to_string())? else {
            return Err("INFO is a text".into());
        };
        let info = String::from_utf8_lossy(&info).into_owned();
        let says = |line: &str| info.lines().any(|found| found == line);
        if says("aof_rewrite_scheduled:0") && says("aof_rewrite_in_progress:0") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err("the log does not come on".into())
}

/// Waits for a snapshot, whose name comes when it is whole.
fn await_snapshot(path: &Path) -> Result<(), String> {
    let deadline = Instant::now() + SNAPSHOT_TIME;
    while !path.exists() {
        if Instant::now() > deadline {
            return Err("the snapshot does not come".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// An old key: its name tells its value.
fn filler_request(number: usize) -> Argv {
    let value = format!("{number:b}").repeat(1 + number % 12).into_bytes();
    vec![b"SET".to_vec(), format!("old:{number}").into_bytes(), value]
}

/// All keys of a database, by name.
pub fn read_database(
    connection: &mut Connection,
    database: u8,
) -> Result<Vec<(Vec<u8>, Value)>, String> {
    let broken = |error: io::Error| error.to_string();
    connection
        .ask(&["SELECT", &database.to_string()])
        .map_err(broken)?;
    let Reply::Array(names) = connection.ask(&["KEYS", "*"]).map_err(broken)? else {
        return Err("KEYS is answered by an array".into());
    };
    let names = names.into_iter().filter_map(|name| match name {
        Reply::Bulk(name) => Some(name),
        _ => None,
    });
    let names: Vec<Vec<u8>> = names.collect();
    let looks = names.iter().flat_map(|name| {
        let ask = |word: &str| vec![word.as_bytes().to_vec(), name.clone()];
        [ask("PEXPIRETIME"), ask("TYPE")]
    });
    let looks: Vec<Argv> = looks.collect();
    let replies = connection.ask_all(&looks).map_err(broken)?;
    let of_names = names.iter().zip(replies.chunks_exact(2));
    let questions: Vec<Argv> = of_names
        .map(|(name, looked)| Content::question(&looked[1], name))
        .collect();
    let contents = connection.ask_all(&questions).map_err(broken)?;
    let mut found = Vec::new();
    for ((name, looked), content) in names.into_iter().zip(replies.chunks_exact(2)).zip(contents) {
        let told = |what: String| format!("{}: {what}", name.escape_ascii());
        let Reply::Integer(deadline_ms) = looked[0] else {
            return Err(told(looked[0].to_string()));
        };
        // Its time may have come while we looked.
        let Some(content) = Content::read(&looked[1], content).map_err(told)? else {
            continue;
        };
        let deadline = (deadline_ms >= 0).then(|| Span::point(deadline_ms));
        found.push((name, Value { content, deadline }));
    }
    Ok(found)
}

fn arguments(kills: &Kills, more: &[&str]) -> Vec<String> {
    let fixed = [
        "--save",
        "",
        "--databases",
        DATABASES,
        "--appendonly",
        "yes",
    ];
    let fixed = fixed.iter().map(|word| (*word).to_owned());
    let more = more.iter().map(|word| (*word).to_owned());
    fixed
        .chain(kills.arguments.iter().cloned())
        .chain(more)
        .collect()
}

/// Starts a server and waits until it has read everything.
fn launch(kills: &Kills, directory: &Path, more: &[&str]) -> Result<ServerProcess, String> {
    let arguments = arguments(kills, more);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let launched = ServerProcess::launch(&kills.program, directory, &words);
    let mut server = launched.map_err(|error| error.to_string())?;
    let ready = server
        .await_banner()
        .and_then(|()| await_data(server.address()));
    match ready {
        Ok(()) => Ok(server),
        Err(error) => Err(format!("a start failed: {error}")),
    }
}

/// Waits until a server has read everything.
pub fn await_data(address: SocketAddr) -> io::Result<()> {
    let mut connection = Connection::open(address)?;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match connection.ask(&["DBSIZE"])? {
            Reply::Integer(_) => return Ok(()),
            Reply::Error(line) if line.starts_with(b"LOADING") && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return Err(io::Error::other(format!("instead of readiness: {other}"))),
        }
    }
}

impl Tally {
    pub fn add(&mut self, more: &Tally) {
        self.rounds += more.rounds;
        self.kills += more.kills;
        self.kills_in_recovery += more.kills_in_recovery;
        for (end, count) in &more.ends {
            *self.ends.entry(*end).or_default() += count;
        }
        self.sent += more.sent;
        self.answered += more.answered;
        self.beyond += more.beyond;
        self.snapshots_judged += more.snapshots_judged;
        self.slowest_start = self.slowest_start.max(more.slowest_start);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rounds {:?}, {} kills ({} in recovery), {} units sent, {} answered, {} unanswered \
             ones kept, {} snapshots judged, slowest start {:?}",
            self.rounds,
            self.ends,
            self.kills,
            self.kills_in_recovery,
            self.sent,
            self.answered,
            self.beyond,
            self.snapshots_judged,
            self.slowest_start
        )
    }
}
