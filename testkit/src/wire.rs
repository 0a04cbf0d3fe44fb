//! Raw bytes: what the protocol itself must stand.
//!
//! ```text
//! > *1\r\n$4\r\nPING\r\n       bytes to send; consecutive lines are sent as one
//! >* 70000 a                   a byte (or more) repeated
//! < +PONG\r\n                  bytes that must come back, exactly and completely
//! <* 70000 a
//! <~ -ERR *\r\n                bytes that fit a glob
//! < (nothing)                  the server keeps quiet
//! < (closed)                   the server closes the connection
//! @ hang-up                    the client closes its sending side
//! ```
//!
//! A blank in front of the text is dropped; write `\x20` for one that counts at an end
//! of the line. Each case is replayed whole, and then once for every place at which its
//! bytes can be split into two writes: a decoder that only works on whole requests is
//! the classic bug here.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::control::{Control, is_lost};
use crate::glob;
use crate::outline::{Conditions, FormatError, Outline};
use crate::play::{Failure, Skip, Tally};
use crate::quote;
use crate::reply::Reply;
use crate::target::Target;

const REPLY_WAIT: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(25);
/// Between the two halves of a split write, so that the server reads the first alone.
const SPLIT_PAUSE: Duration = Duration::from_micros(400);
/// Long requests are not split in their middle, which is all alike.
const SPLIT_EDGE: usize = 120;

/// One file of raw cases.
#[derive(Debug)]
pub struct WireScript {
    pub path: PathBuf,
    pub prose: Vec<String>,
    pub cases: Vec<WireCase>,
}

#[derive(Debug)]
pub struct WireCase {
    pub line: usize,
    pub title: String,
    pub conditions: Conditions,
    pub steps: Vec<WireStep>,
}

#[derive(Debug)]
pub struct WireStep {
    pub line: usize,
    pub action: WireAction,
}

#[derive(Debug)]
pub enum WireAction {
    Send(Vec<u8>),
    Expect(Vec<u8>),
    ExpectGlob(Vec<u8>),
    ExpectNothing,
    ExpectClosed,
    HangUp,
}

/// Reads a file of raw cases.
pub fn parse(path: &Path, text: &str) -> Result<WireScript, FormatError> {
    let outline = Outline::parse(path, text)?;
    let mut cases = Vec::new();
    for case in outline.cases {
        let mut steps: Vec<WireStep> = Vec::new();
        for (line, text) in &case.lines {
            let action = read_line(text).map_err(|message| {
                let path = path.to_path_buf();
                FormatError {
                    path,
                    line: *line,
                    message,
                }
            })?;
            match (steps.last_mut().map(|step| &mut step.action), action) {
                (Some(WireAction::Send(before)), WireAction::Send(more)) => before.extend(more),
                (Some(WireAction::Expect(before)), WireAction::Expect(more)) => before.extend(more),
                (_, action) => steps.push(WireStep {
                    line: *line,
                    action,
                }),
            }
        }
        cases.push(WireCase {
            line: case.line,
            title: case.title,
            conditions: case.conditions,
            steps,
        });
    }
    Ok(WireScript {
        path: outline.path,
        prose: outline.prose,
        cases,
    })
}

/// Replays every case against the server at `address`, which `target` is connected to
/// as well.
pub fn replay(script: &WireScript, target: &mut dyn Target, address: SocketAddr) -> Tally {
    let mut tally = Tally::default();
    let mut control = Control::default();
    let mut lost = false;
    for case in &script.cases {
        let (path, line, title) = (script.path.clone(), case.line, case.title.clone());
        if let Some(reason) = case.conditions.reason_to_skip(target) {
            tally.skipped.push(Skip {
                path,
                line,
                title,
                reason,
            });
            continue;
        }
        if lost {
            let reason = "the target had stopped answering".to_string();
            tally.skipped.push(Skip {
                path,
                line,
                title,
                reason,
            });
            continue;
        }
        match splits(case)
            .into_iter()
            .find_map(|split| replay_case(case, split, &mut control, target, address).err())
        {
            None => tally.passed += 1,
            Some(mismatch) => {
                lost = mismatch.lost;
                tally.failed.push(Failure {
                    path,
                    line: mismatch.line,
                    title,
                    target: target.name(),
                    protocol: None,
                    command: mismatch.sent,
                    expected: mismatch.expected,
                    got: mismatch.got,
                });
            }
        }
    }
    tally
}

/// Where to split the bytes of a case, counted over all it sends; first not at all.
fn splits(case: &WireCase) -> Vec<Option<usize>> {
    let lengths = case.steps.iter().map(|step| match &step.action {
        WireAction::Send(bytes) => bytes.len(),
        _ => 0,
    });
    let total: usize = lengths.sum();
    let mut places = vec![None];
    if !case.conditions.unsplit {
        let edge = |at: &usize| *at <= SPLIT_EDGE || total - at <= SPLIT_EDGE;
        places.extend((1..total).filter(edge).map(Some));
    }
    places
}

struct Mismatch {
    /// Not the case, but the target itself is the trouble.
    lost: bool,
    line: usize,
    sent: String,
    expected: String,
    got: String,
}

fn replay_case(
    case: &WireCase,
    split: Option<usize>,
    control: &mut Control,
    target: &mut dyn Target,
    address: SocketAddr,
) -> Result<(), Mismatch> {
    let trouble = |error: io::Error| Mismatch {
        lost: is_lost(&error),
        line: case.line,
        sent: String::new(),
        expected: "a working connection".into(),
        got: error.to_string(),
    };
    let before = control.begin(target, &case.conditions).map_err(trouble)?;
    let outcome = Wire::open(address, split)
        .map_err(trouble)
        .and_then(|mut wire| wire.replay(case));
    control.end(target, before).map_err(trouble)?;
    outcome
}

/// A connection on which a case is replayed.
struct Wire {
    sent: Vec<u8>,
    split: Option<usize>,
    line: usize,
    stream: TcpStream,
    inbox: Vec<u8>,
    closed: bool,
}

impl Wire {
    fn open(address: SocketAddr, split: Option<usize>) -> io::Result<Wire> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Wire {
            sent: Vec::new(),
            split,
            line: 0,
            stream,
            inbox: Vec::new(),
            closed: false,
        })
    }

    fn replay(&mut self, case: &WireCase) -> Result<(), Mismatch> {
        for step in &case.steps {
            self.line = step.line;
            self.step(&step.action)?;
        }
        if self.split.is_none() && !self.closed {
            self.step(&WireAction::ExpectNothing)?;
        }
        Ok(())
    }

    fn step(&mut self, action: &WireAction) -> Result<(), Mismatch> {
        let done = match action {
            WireAction::Send(bytes) => self.send(bytes),
            WireAction::HangUp => self.stream.shutdown(Shutdown::Write),
            WireAction::Expect(bytes) => self
                .receive(REPLY_WAIT, |inbox| inbox.len() >= bytes.len())
                .and_then(|()| {
                    if !self.inbox.starts_with(bytes) {
                        return Err(io::Error::other(shortened(&self.inbox)));
                    }
                    self.inbox.drain(..bytes.len());
                    Ok(())
                }),
            WireAction::ExpectGlob(pattern) => self
                .receive(REPLY_WAIT, |inbox| {
                    is_whole(inbox) && glob::matches(pattern, inbox)
                })
                .and_then(|()| {
                    if !glob::matches(pattern, &self.inbox) {
                        return Err(io::Error::other(shortened(&self.inbox)));
                    }
                    self.inbox.clear();
                    Ok(())
                }),
            WireAction::ExpectNothing => {
                let wait = if self.split.is_some() {
                    Duration::ZERO
                } else {
                    SILENCE
                };
                self.receive(wait, |inbox| !inbox.is_empty())
                    .and_then(|()| match (self.closed, self.inbox.is_empty()) {
                        (false, true) => Ok(()),
                        (true, true) => Err(io::Error::other("(closed)")),
                        _ => Err(io::Error::other(shortened(&self.inbox))),
                    })
            }
            WireAction::ExpectClosed => self
                .receive(REPLY_WAIT, |inbox| !inbox.is_empty())
                .and_then(|()| match (self.closed, self.inbox.is_empty()) {
                    (true, true) => Ok(()),
                    (false, true) => Err(io::Error::other("(still open)")),
                    _ => Err(io::Error::other(shortened(&self.inbox))),
                }),
        };
        done.map_err(|got| self.mismatch(&show(action), got.to_string()))
    }

    /// Writes the bytes, in two parts if the split falls into them. A server that has
    /// closed the connection already is no error here: what it said before is what the
    /// case is about.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let cut = self
            .split
            .and_then(|split| split.checked_sub(self.sent.len()));
        let cut = cut.filter(|cut| (1..bytes.len()).contains(cut));
        self.sent.extend_from_slice(bytes);
        let written = match cut {
            None => self.stream.write_all(bytes),
            Some(cut) => self.stream.write_all(&bytes[..cut]).and_then(|()| {
                std::thread::sleep(SPLIT_PAUSE);
                self.stream.write_all(&bytes[cut..])
            }),
        };
        match written {
            Err(error) if !is_reset(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads until `enough` is satisfied, the connection is closed, or time is up.
    fn receive(&mut self, wait: Duration, enough: impl Fn(&[u8]) -> bool) -> io::Result<()> {
        let deadline = Instant::now() + wait;
        while !self.closed && !enough(&self.inbox) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => self.closed = true,
                Ok(length) => self.inbox.extend_from_slice(&chunk[..length]),
                Err(error) if is_reset(&error) => self.closed = true,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn mismatch(&self, expected: &str, got: String) -> Mismatch {
        let split = self
            .split
            .map(|at| format!(" (split after byte {at})"))
            .unwrap_or_default();
        let sent = format!("{}{split}", shortened(&self.sent));
        Mismatch {
            lost: false,
            line: self.line,
            sent,
            expected: expected.to_string(),
            got,
        }
    }
}

/// Whether the bytes are replies of which none is cut off: a glob alone could be
/// content with the beginning of one.
fn is_whole(mut inbox: &[u8]) -> bool {
    while !inbox.is_empty() {
        match Reply::decode(inbox) {
            Ok(Some((_, length))) => inbox = &inbox[length..],
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
    true
}

fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

fn show(action: &WireAction) -> String {
    match action {
        WireAction::Send(bytes) | WireAction::Expect(bytes) => shortened(bytes),
        WireAction::ExpectGlob(pattern) => format!("~ {}", shortened(pattern)),
        WireAction::ExpectNothing => "(nothing)".into(),
        WireAction::ExpectClosed => "(closed)".into(),
        WireAction::HangUp => "(hang up)".into(),
    }
}

fn shortened(bytes: &[u8]) -> String {
    const LIMIT: usize = 300;
    if bytes.len() <= LIMIT {
        return quote::escaped(bytes);
    }
    format!(
        "{}… ({} bytes)",
        quote::escaped(&bytes[..LIMIT]),
        bytes.len()
    )
}

fn read_line(text: &str) -> Result<WireAction, String> {
    let (sign, rest) = text.split_once(' ').unwrap_or((text, ""));
    let repeated = || -> Result<Vec<u8>, String> {
        let (count, what) = rest.split_once(' ').ok_or("a count and bytes are wanted")?;
        let count: usize = count.parse().map_err(|_| format!("not a count: {count}"))?;
        Ok(quote::unescape(what)?.repeat(count))
    };
    match (sign, rest) {
        ("<", "(nothing)") => Ok(WireAction::ExpectNothing),
        ("<", "(closed)") => Ok(WireAction::ExpectClosed),
        ("@", "hang-up") => Ok(WireAction::HangUp),
        (">", _) => Ok(WireAction::Send(quote::unescape(rest)?)),
        ("<", _) => Ok(WireAction::Expect(quote::unescape(rest)?)),
        (">*", _) => Ok(WireAction::Send(repeated()?)),
        ("<*", _) => Ok(WireAction::Expect(repeated()?)),
        // The glob's own escapes must survive, so only line ends are written as escapes
        // here.
        ("<~", _) => Ok(WireAction::ExpectGlob(
            rest.replace("\\r", "\r").replace("\\n", "\n").into_bytes(),
        )),
        _ => Err("a line must start with #, !, >, >*, <, <*, <~ or @".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_splits_cover_every_byte() {
        let text = "# t\n> PING\\r\\n\n>* 3 ab\n< +PONG\\r\\n\n< (closed)\n";
        let script = parse(Path::new("x.txt"), text).unwrap();
        let case = &script.cases[0];
        assert!(
            matches!(&case.steps[0].action, WireAction::Send(bytes) if bytes == b"PING\r\nababab")
        );
        assert!(
            matches!(&case.steps[1].action, WireAction::Expect(bytes) if bytes == b"+PONG\r\n")
        );
        assert!(matches!(&case.steps[2].action, WireAction::ExpectClosed));
        assert_eq!(splits(case).len(), 12);
        assert_eq!(splits(case)[0], None);
    }

    #[test]
    fn mistakes_are_located() {
        for text in ["# t\n> a\\xg\n", "# t\n>* a b\n", "# t\nPING\n"] {
            assert_eq!(
                parse(Path::new("x.txt"), text).unwrap_err().line,
                2,
                "{text}"
            );
        }
    }
}
