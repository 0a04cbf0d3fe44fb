//! A transcript: requests, and the replies they must get.
//!
//! ```text
//! > SET k v            send a command in the main session
//! < +OK                its reply, as a pattern
//! a> GET k             the same in a session called `a`, opened by its first use
//! a< "v"
//! <2 …   <3 …          a reply under RESP2 alone, under RESP3 alone
//! < ["a",              a reply may go on in indented lines
//!    "b"]
//! < (nothing)          no reply comes, and none is owed
//! < (blocked)          no reply comes yet; a later `a<` line names it
//! < (closed)           the server has closed the connection
//! @ sleep 20ms         time passes
//! @ retry 2s           the next command is repeated until its replies fit
//! @ close a            session `a` hangs up
//! ```
//!
//! In an unquoted word `$name` stands for a value captured by `as name`, `$now_s` and
//! `$now_ms` for the time, with an offset if wanted: `$now_ms+20`. Every command needs
//! its reply: a transcript without it would test nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::outline::{Conditions, FormatError, Outline, OutlineCase};
use crate::pattern::Pattern;
use crate::quote::{self, Word};
use crate::reply::Protocol;

/// One file.
#[derive(Debug)]
pub struct Transcript {
    pub path: PathBuf,
    pub prose: Vec<String>,
    pub cases: Vec<Case>,
}

/// A conversation that starts on an empty server.
#[derive(Debug)]
pub struct Case {
    pub line: usize,
    pub title: String,
    pub conditions: Conditions,
    pub steps: Vec<Step>,
}

#[derive(Debug)]
pub struct Step {
    pub line: usize,
    pub action: Action,
}

/// Sessions are named; the main one has the empty name.
#[derive(Debug)]
pub enum Action {
    /// A command and its replies. With `retry` it is repeated until they fit, at most
    /// that long.
    Exchange {
        session: String,
        words: Vec<Word>,
        expected: Vec<Expected>,
        retry: Option<Duration>,
    },
    /// Replies that were owed, or that nobody asked for.
    Await {
        session: String,
        expected: Vec<Expected>,
    },
    Sleep(Duration),
    Close(String),
}

/// One `<` line.
#[derive(Debug)]
pub struct Expected {
    pub line: usize,
    /// The only protocol that the line holds for, if it names one.
    pub protocol: Option<Protocol>,
    /// The text of the pattern; it is parsed again when captured values have been put
    /// in.
    pub source: String,
    pub what: Expectation,
}

#[derive(Debug)]
pub enum Expectation {
    Reply(Pattern),
    Nothing,
    Blocked,
    Closed,
}

impl Expected {
    pub fn holds_under(&self, protocol: Protocol) -> bool {
        self.protocol.is_none_or(|only| only == protocol)
    }
}

/// Reads a transcript in which every command has its reply.
pub fn parse(path: &Path, text: &str) -> Result<Transcript, FormatError> {
    let transcript = parse_draft(path, text)?;
    for step in transcript.cases.iter().flat_map(|case| &case.steps) {
        if matches!(&step.action, Action::Exchange { expected, .. } if expected.is_empty()) {
            let message = "a command without its reply".into();
            return Err(FormatError {
                path: path.to_path_buf(),
                line: step.line,
                message,
            });
        }
    }
    Ok(transcript)
}

/// Reads a transcript in which replies may still be missing.
pub fn parse_draft(path: &Path, text: &str) -> Result<Transcript, FormatError> {
    let outline = Outline::parse(path, text)?;
    let located = |(line, message)| FormatError {
        path: path.to_path_buf(),
        line,
        message,
    };
    let cases = outline
        .cases
        .into_iter()
        .map(|case| read_case(case).map_err(located))
        .collect::<Result<_, _>>()?;
    Ok(Transcript {
        path: outline.path,
        prose: outline.prose,
        cases,
    })
}

/// A line of a case, told apart by its sign.
enum Line<'a> {
    Request {
        session: &'a str,
        text: &'a str,
    },
    Reply {
        session: &'a str,
        protocol: Option<Protocol>,
        text: &'a str,
    },
    Directive(&'a str),
}

fn read_case(case: OutlineCase) -> Result<Case, (usize, String)> {
    let mut steps: Vec<Step> = Vec::new();
    let mut retry = None;
    for (number, text) in join_continuations(&case.lines) {
        let fail = |message: String| (number, message);
        match classify(&text).map_err(fail)? {
            Line::Request { session, text } => {
                let words = quote::split(text).map_err(fail)?;
                if words.is_empty() {
                    return Err(fail(
                        "an empty command; write \"\" for an empty word".into(),
                    ));
                }
                let session = session.to_string();
                let action = Action::Exchange {
                    session,
                    words,
                    expected: Vec::new(),
                    retry: retry.take(),
                };
                steps.push(Step {
                    line: number,
                    action,
                });
            }
            Line::Reply {
                session,
                protocol,
                text,
            } => {
                let what = expectation(text).map_err(fail)?;
                let entry = Expected {
                    line: number,
                    protocol,
                    source: text.to_string(),
                    what,
                };
                expect(&mut steps, session, entry).map_err(fail)?;
            }
            Line::Directive(text) => match directive(text).map_err(fail)? {
                Directive::Retry(limit) => retry = Some(limit),
                Directive::Step(action) => steps.push(Step {
                    line: number,
                    action,
                }),
            },
        }
    }
    Ok(Case {
        line: case.line,
        title: case.title,
        conditions: case.conditions,
        steps,
    })
}

/// Puts an expected reply with the command before it, or as a step of its own if it
/// belongs to another session.
fn expect(steps: &mut Vec<Step>, session: &str, entry: Expected) -> Result<(), String> {
    match steps.last_mut().map(|step| &mut step.action) {
        Some(
            Action::Exchange {
                session: current,
                expected,
                ..
            }
            | Action::Await {
                session: current,
                expected,
            },
        ) if session.is_empty() || session == current => {
            expected.push(entry);
        }
        _ => {
            let step = Action::Await {
                session: session.to_string(),
                expected: Vec::new(),
            };
            steps.push(Step {
                line: entry.line,
                action: step,
            });
            return expect(steps, session, entry);
        }
    }
    Ok(())
}

/// Indented lines continue the line before them.
fn join_continuations(lines: &[(usize, String)]) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    for (number, text) in lines {
        match joined.last_mut() {
            Some((_, previous)) if text.starts_with(' ') => {
                previous.push(' ');
                previous.push_str(text.trim());
            }
            _ => joined.push((*number, text.clone())),
        }
    }
    joined
}

fn classify(text: &str) -> Result<Line<'_>, String> {
    let name_length = text
        .find(|c: char| !c.is_ascii_lowercase())
        .unwrap_or(text.len());
    let (session, rest) = text.split_at(name_length);
    if let Some(directive) = text.strip_prefix('@') {
        return Ok(Line::Directive(directive.trim()));
    }
    let (sign, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let text = text.trim();
    match sign {
        ">" => Ok(Line::Request { session, text }),
        "<" => Ok(Line::Reply {
            session,
            protocol: None,
            text,
        }),
        "<2" => Ok(Line::Reply {
            session,
            protocol: Some(Protocol::Resp2),
            text,
        }),
        "<3" => Ok(Line::Reply {
            session,
            protocol: Some(Protocol::Resp3),
            text,
        }),
        _ => Err("a line must start with #, !, >, < or @".into()),
    }
}

fn expectation(text: &str) -> Result<Expectation, String> {
    match text {
        "(nothing)" => Ok(Expectation::Nothing),
        "(blocked)" => Ok(Expectation::Blocked),
        "(closed)" => Ok(Expectation::Closed),
        _ => Pattern::parse(text).map(Expectation::Reply),
    }
}

enum Directive {
    Retry(Duration),
    Step(Action),
}

fn directive(text: &str) -> Result<Directive, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["sleep", time] => Ok(Directive::Step(Action::Sleep(duration(time)?))),
        ["retry", time] => Ok(Directive::Retry(duration(time)?)),
        ["close"] => Ok(Directive::Step(Action::Close(String::new()))),
        ["close", session] => Ok(Directive::Step(Action::Close(session.to_string()))),
        _ => Err(format!("unknown directive: @ {text}")),
    }
}

/// Reads `20ms` or `2s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unit = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..unit]
        .parse()
        .map_err(|_| format!("not a time: {text}"))?;
    match &text[unit..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(format!("a time ends in ms or s: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Vec<Step> {
        let text = format!("# title\n{text}");
        parse(Path::new("x.txt"), &text)
            .unwrap()
            .cases
            .remove(0)
            .steps
    }

    #[test]
    fn replies_go_with_their_commands() {
        let steps = steps(
            "> GET k\n<2 nil\n<3 nil\na> GET k\na< (blocked)\n@ sleep 20ms\na< [1,\n  2]\n@ close a\n",
        );
        assert_eq!(steps.len(), 5);
        match &steps[0].action {
            Action::Exchange {
                session,
                words,
                expected,
                retry: None,
            } => {
                assert_eq!((session.as_str(), words.len(), expected.len()), ("", 2, 2));
                assert_eq!(expected[1].protocol, Some(Protocol::Resp3));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(&steps[1].action, Action::Exchange { session, .. } if session == "a"));
        assert!(matches!(&steps[2].action, Action::Sleep(time) if time.as_millis() == 20));
        match &steps[3].action {
            Action::Await { session, expected } => {
                assert_eq!(
                    (session.as_str(), expected[0].source.as_str()),
                    ("a", "[1, 2]")
                );
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(&steps[4].action, Action::Close(name) if name == "a"));
    }

    #[test]
    fn a_retry_belongs_to_the_next_command() {
        let steps = steps("@ retry 2s\n> DBSIZE\n< 0\n");
        assert!(
            matches!(&steps[0].action, Action::Exchange { retry: Some(limit), .. } if limit.as_secs() == 2)
        );
    }

    #[test]
    fn mistakes_are_located() {
        for text in [
            "> GET k\n",
            "> GET \"k\n< nil\n",
            "> GET k\n< [\n",
            "GET k\n",
            "@ sleep soon\n",
            ">\n< +OK\n",
        ] {
            let error = parse(Path::new("x.txt"), &format!("# t\n{text}")).unwrap_err();
            assert!((2..=3).contains(&error.line), "{text}: {error}");
        }
    }
}
