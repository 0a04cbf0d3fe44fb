//! Plays transcripts on a target.
//!
//! Each case starts fresh: new sessions, an empty keyspace, no paused clients, its
//! parameters set ([`Control`] sees to that before and after). A case stops at its
//! first mismatch, the others go on.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::control::{Control, is_lost};
use crate::outline::Conditions;
use crate::pattern::{Captures, Pattern};
use crate::quote::Word;
use crate::reply::{Protocol, Reply};
use crate::target::{Received, SessionId, Target};
use crate::transcript::{Action, Case, Expectation, Expected, Step, Transcript};

/// Failures printed at the end of a run; more would bury the first.
const FAILURES_SHOWN: usize = 60;
/// How long a reply may take before it counts as missing.
const REPLY_WAIT: Duration = Duration::from_secs(5);
/// How long a reply must stay away to count as absent.
const SILENCE: Duration = Duration::from_millis(25);

/// What came of some cases. A case under two protocols counts twice.
#[derive(Debug, Default)]
pub struct Tally {
    pub passed: usize,
    pub skipped: Vec<Skip>,
    pub failed: Vec<Failure>,
}

#[derive(Debug)]
pub struct Skip {
    pub path: PathBuf,
    pub line: usize,
    pub title: String,
    pub reason: String,
}

/// A mismatch, located in the transcript.
#[derive(Debug)]
pub struct Failure {
    pub path: PathBuf,
    pub line: usize,
    pub title: String,
    pub target: String,
    pub protocol: Option<Protocol>,
    pub command: String,
    pub expected: String,
    pub got: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let protocol = self
            .protocol
            .map(|protocol| format!(", {protocol}"))
            .unwrap_or_default();
        writeln!(
            f,
            "{}:{}: {} ({}{protocol})",
            self.path.display(),
            self.line,
            self.title,
            self.target
        )?;
        writeln!(f, "    after     > {}", self.command)?;
        writeln!(f, "    expected  < {}", self.expected)?;
        write!(f, "    got       < {}", self.got)
    }
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.skipped.extend(other.skipped);
        self.failed.extend(other.failed);
    }

    /// Prints a summary with every failure, and the skipped cases by reason.
    ///
    /// # Panics
    ///
    /// If a case failed, or if none was run: a test over nothing proves nothing.
    #[track_caller]
    pub fn conclude(&self) {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for skip in &self.skipped {
            *reasons.entry(&skip.reason).or_default() += 1;
        }
        for (reason, count) in reasons {
            println!("skipped {count}: {reason}");
        }
        for failure in self.failed.iter().take(FAILURES_SHOWN) {
            eprintln!("{failure}");
        }
        if self.failed.len() > FAILURES_SHOWN {
            eprintln!("… and {} more", self.failed.len() - FAILURES_SHOWN);
        }
        println!(
            "{} passed, {} failed, {} skipped",
            self.passed,
            self.failed.len(),
            self.skipped.len()
        );
        assert!(self.failed.is_empty(), "{} cases failed", self.failed.len());
        assert!(self.passed > 0, "no case was run");
    }
}

/// Runs cases on one target.
pub struct Player<'t> {
    target: &'t mut dyn Target,
    control: Control,
    /// The target stopped answering: nothing more is tried, or each case would wait
    /// in vain for as long as a reply may take.
    lost: bool,
    /// What came back for commands without an expected reply, by line: only while a
    /// draft is transcribed.
    recorded: Option<Record>,
}

type Record = BTreeMap<usize, Vec<(Protocol, Received)>>;

/// Why a case ended early: a mismatch, or trouble in talking to the target.
enum Stop {
    Mismatch {
        line: usize,
        command: String,
        expected: String,
        got: String,
    },
    Trouble(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Trouble(error)
    }
}

/// A case in progress.
struct Scene<'c> {
    protocol: Protocol,
    conditions: &'c Conditions,
    sessions: HashMap<String, (SessionId, Protocol)>,
    captures: Captures,
    last_command: String,
}

impl<'t> Player<'t> {
    pub fn new(target: &'t mut dyn Target) -> Player<'t> {
        Player {
            target,
            control: Control::default(),
            lost: false,
            recorded: None,
        }
    }

    /// Plays a whole file, each case under the protocols that it names.
    pub fn play(&mut self, transcript: &Transcript) -> Tally {
        let mut tally = Tally::default();
        for case in &transcript.cases {
            if let Some(reason) = case.conditions.reason_to_skip(self.target) {
                let (path, title) = (transcript.path.clone(), case.title.clone());
                tally.skipped.push(Skip {
                    path,
                    line: case.line,
                    title,
                    reason,
                });
                continue;
            }
            let protocols = Protocol::BOTH.into_iter();
            for protocol in protocols.filter(|protocol| {
                case.conditions
                    .protocol
                    .is_none_or(|only| only == *protocol)
            }) {
                match self.play_case(case, protocol) {
                    Ok(()) => tally.passed += 1,
                    Err(stop) => tally
                        .failed
                        .push(self.failure(transcript, case, protocol, stop)),
                }
            }
        }
        tally
    }

    /// Plays a draft and gives the `<` lines for the commands that have none, by the
    /// line of the command.
    pub fn transcribe(&mut self, draft: &Transcript) -> io::Result<BTreeMap<usize, Vec<String>>> {
        self.recorded = Some(Record::new());
        let tally = self.play(draft);
        for failure in &tally.failed {
            eprintln!("{failure}");
        }
        let record = self.recorded.take().expect("it was set above");
        Ok(record
            .into_iter()
            .map(|(line, replies)| (line, reply_lines(&replies)))
            .collect())
    }

    fn failure(
        &self,
        transcript: &Transcript,
        case: &Case,
        protocol: Protocol,
        stop: Stop,
    ) -> Failure {
        let (line, command, expected, got) = match stop {
            Stop::Mismatch {
                line,
                command,
                expected,
                got,
            } => (line, command, expected, got),
            Stop::Trouble(error) => (
                case.line,
                String::new(),
                "a working connection".into(),
                error.to_string(),
            ),
        };
        Failure {
            path: transcript.path.clone(),
            line,
            title: case.title.lines().next().unwrap_or_default().to_string(),
            target: self.target.name(),
            protocol: Some(protocol),
            command,
            expected,
            got,
        }
    }

    fn play_case(&mut self, case: &Case, protocol: Protocol) -> Result<(), Stop> {
        if self.lost {
            let error = "not played, because the target had stopped answering";
            return Err(Stop::Trouble(io::Error::other(error)));
        }
        let before = self.control.begin(self.target, &case.conditions);
        self.lost = before.as_ref().is_err_and(is_lost);
        let before = before?;
        let mut scene = Scene::new(protocol, &case.conditions);
        let outcome = case
            .steps
            .iter()
            .try_for_each(|step| self.play_step(&mut scene, step))
            .and_then(|()| self.expect_quiet(&scene, case));
        for (id, _) in scene.sessions.into_values() {
            self.target.close(id);
        }
        self.control.end(self.target, before)?;
        outcome
    }

    fn play_step(&mut self, scene: &mut Scene, step: &Step) -> Result<(), Stop> {
        match &step.action {
            Action::Sleep(time) => self.target.sleep(*time),
            Action::Close(name) => {
                if let Some((session, _)) = scene.sessions.remove(name) {
                    self.target.close(session);
                }
            }
            Action::Await { session, expected } => {
                let protocol = scene.protocol;
                for expected in expected
                    .iter()
                    .filter(|expected| expected.holds_under(protocol))
                {
                    self.expect(scene, session, expected)?;
                }
            }
            Action::Exchange {
                session,
                words,
                expected,
                retry,
            } => {
                let limit_ms = retry.unwrap_or_default().as_millis() as u64;
                let deadline_ms = self.target.unix_time_ms() + limit_ms;
                loop {
                    let outcome = self.exchange(scene, step.line, session, words, expected);
                    if !matches!(outcome, Err(Stop::Mismatch { .. }))
                        || self.target.unix_time_ms() >= deadline_ms
                    {
                        return outcome;
                    }
                    self.target.sleep(Duration::from_millis(5));
                }
            }
        }
        Ok(())
    }

    fn exchange(
        &mut self,
        scene: &mut Scene,
        line: usize,
        name: &str,
        words: &[Word],
        expected: &[Expected],
    ) -> Result<(), Stop> {
        let id = self.session(scene, name)?;
        let argv: Vec<Vec<u8>> = words
            .iter()
            .map(|word| self.fill_word(scene, word))
            .collect::<Result<_, _>>()?;
        scene.last_command = argv
            .iter()
            .map(|word| show_word(word))
            .collect::<Vec<_>>()
            .join(" ");
        self.target.send(id, &argv)?;
        if let Some(record) = self.recorded.as_mut().filter(|_| expected.is_empty()) {
            let received = self.target.receive(id, SILENCE * 8)?;
            if let (Some(protocol), Received::Reply(Reply::Map(_) | Reply::Simple(_))) =
                (protocol_change(&argv), &received)
            {
                scene.sessions.insert(name.to_string(), (id, protocol));
            }
            record
                .entry(line)
                .or_default()
                .push((scene.protocol, received));
        }
        let mut changed = protocol_change(&argv);
        let protocol = scene.protocol;
        for expected in expected
            .iter()
            .filter(|expected| expected.holds_under(protocol))
        {
            if let (Some(protocol), Expectation::Reply(_)) = (changed, &expected.what) {
                if !expected.source.starts_with('-') {
                    scene.sessions.insert(name.to_string(), (id, protocol));
                }
                changed = None;
            }
            self.expect(scene, name, expected)?;
        }
        Ok(())
    }

    fn expect(&mut self, scene: &mut Scene, name: &str, expected: &Expected) -> Result<(), Stop> {
        let id = self.session(scene, name)?;
        let protocol = scene.sessions[name].1;
        let wait = match expected.what {
            Expectation::Nothing | Expectation::Blocked => SILENCE,
            Expectation::Reply(_) | Expectation::Closed => REPLY_WAIT,
        };
        let source = substitute(&expected.source, &scene.captures);
        let received = self.target.receive(id, wait)?;
        let fits = match (&expected.what, &received) {
            (Expectation::Nothing | Expectation::Blocked, Received::Nothing) => true,
            (Expectation::Closed, Received::Closed) => true,
            (Expectation::Reply(_), Received::Reply(reply)) => match Pattern::parse(&source) {
                Ok(pattern) => pattern.matches(reply, protocol, &mut scene.captures),
                Err(_) => false,
            },
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let command = scene.last_command.clone();
        Err(Stop::Mismatch {
            line: expected.line,
            command,
            expected: source,
            got: show(&received),
        })
    }

    /// At the end no session may have a reply left that the transcript does not
    /// mention.
    fn expect_quiet(&mut self, scene: &Scene, case: &Case) -> Result<(), Stop> {
        for (id, _) in scene.sessions.values() {
            let received = self.target.receive(*id, Duration::ZERO)?;
            if let Received::Reply(_) = received {
                let line = case.steps.last().map_or(case.line, |step| step.line);
                let (command, expected) = (scene.last_command.clone(), "(nothing more)".into());
                return Err(Stop::Mismatch {
                    line,
                    command,
                    expected,
                    got: show(&received),
                });
            }
        }
        Ok(())
    }

    /// The session of that name; opens it if it is new, with HELLO 3 where the case
    /// runs under RESP3.
    fn session(&mut self, scene: &mut Scene, name: &str) -> Result<SessionId, Stop> {
        if let Some((id, _)) = scene.sessions.get(name) {
            return Ok(*id);
        }
        let id = self.control.new_session();
        let handshake = scene.protocol == Protocol::Resp3 && !scene.conditions.no_handshake;
        if handshake {
            let reply = self.target.ask(id, &["HELLO", "3"])?;
            if !matches!(reply, Reply::Map(_)) {
                return Err(Stop::Trouble(io::Error::other(format!(
                    "HELLO 3 was answered by {reply}"
                ))));
            }
        }
        let protocol = if handshake {
            Protocol::Resp3
        } else {
            Protocol::Resp2
        };
        scene.sessions.insert(name.to_string(), (id, protocol));
        Ok(id)
    }

    fn fill_word(&self, scene: &Scene, word: &Word) -> Result<Vec<u8>, Stop> {
        let Some(name) = word.bytes.strip_prefix(b"$").filter(|_| word.bare) else {
            return Ok(word.bytes.clone());
        };
        let name = String::from_utf8_lossy(name);
        if let Some(value) = scene.captures.get(name.as_ref()) {
            return crate::quote::unescape(value)
                .map_err(|what| Stop::Trouble(io::Error::other(what)));
        }
        match time_word(&name, self.target.unix_time_ms()) {
            Some(value) => Ok(value.to_string().into_bytes()),
            None => Ok(word.bytes.clone()),
        }
    }
}

impl<'c> Scene<'c> {
    fn new(protocol: Protocol, conditions: &'c Conditions) -> Scene<'c> {
        Scene {
            protocol,
            conditions,
            sessions: HashMap::new(),
            captures: Captures::new(),
            last_command: String::new(),
        }
    }
}

/// The `<` lines that say what came back under one or both protocols: a single line
/// wherever one says it all.
fn reply_lines(replies: &[(Protocol, Received)]) -> Vec<String> {
    let under = |wanted: Protocol| {
        replies
            .iter()
            .find(|(protocol, _)| *protocol == wanted)
            .map(|(_, got)| got)
    };
    let line = |sign: &str, got: &Received| match got {
        Received::Nothing => format!("{sign} (blocked)"),
        got => format!("{sign} {}", show(got)),
    };
    match (under(Protocol::Resp2), under(Protocol::Resp3)) {
        (Some(old), Some(new)) => {
            // The old form says more where RESP3 has one null for two; else the new one
            // is the richer.
            let says_both = |form: &Received, other: &Received, protocol| match (form, other) {
                (Received::Reply(form), Received::Reply(other)) => {
                    Pattern::parse(&form.to_string())
                        .is_ok_and(|pattern| pattern.matches(other, protocol, &mut Captures::new()))
                }
                (form, other) => form == other,
            };
            if says_both(old, new, Protocol::Resp3) {
                vec![line("<", old)]
            } else if says_both(new, old, Protocol::Resp2) {
                vec![line("<", new)]
            } else {
                vec![line("<2", old), line("<3", new)]
            }
        }
        (Some(got), None) | (None, Some(got)) => vec![line("<", got)],
        (None, None) => Vec::new(),
    }
}

/// The protocol that a session speaks after this command, if the command succeeds.
fn protocol_change(argv: &[Vec<u8>]) -> Option<Protocol> {
    let name = argv[0].to_ascii_uppercase();
    match (name.as_slice(), argv.get(1).map(Vec::as_slice)) {
        (b"HELLO", Some(b"2")) | (b"RESET", None) => Some(Protocol::Resp2),
        (b"HELLO", Some(b"3")) => Some(Protocol::Resp3),
        _ => None,
    }
}

/// Puts captured values in place of `$name`. Longer names first, so that `$id` leaves
/// `$id2` alone.
fn substitute(source: &str, captures: &Captures) -> String {
    let mut text = source.to_string();
    for (name, value) in captures.iter().rev() {
        text = text.replace(&format!("${name}"), value);
    }
    text
}

/// `now_s`, `now_ms`, `now_ms+20`, `now_s-1`.
fn time_word(name: &str, now_ms: u64) -> Option<i64> {
    let end = name.find(['+', '-']).unwrap_or(name.len());
    let base = match &name[..end] {
        "now_ms" => now_ms as i64,
        "now_s" => now_ms as i64 / 1000,
        _ => return None,
    };
    let offset = match &name[end..] {
        "" => 0,
        offset => offset.parse::<i64>().ok()?,
    };
    Some(base + offset)
}

fn show(received: &Received) -> String {
    match received {
        Received::Reply(reply) => reply.to_string(),
        Received::Nothing => "(nothing)".into(),
        Received::Closed => "(closed)".into(),
    }
}

fn show_word(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    crate::quote::quoted(word)
}
