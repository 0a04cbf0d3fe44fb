//! The skeleton of a transcript: prose, conditions, and cases made of lines.
//!
//! ```text
//! # SET stores a value.              <- a paragraph of `#` lines before any step: prose for the whole file
//! ! needs lists                      <- conditions under it hold for the whole file
//!
//! # A second SET replaces the value  <- a paragraph of `#` lines opens a case; its first line is the title
//! ! since 7.2                        <- conditions of the case
//! > SET k v                          <- everything else is a step, read by `transcript` or `wire`
//! < +OK
//! ```
//!
//! | condition | meaning |
//! |---|---|
//! | `! protocol 2` | the case runs under RESP2 alone (or 3); without it, under both |
//! | `! since 7.2`, `! since valkey 8.1, redis 8.2` | servers older than that are spared; a bare number means Redis and what descends from it |
//! | `! not redis 7.0: reason` | that server (or that version of it) is spared; `! not-redis-7.0: reason` is the same |
//! | `! differs: reason` | Ochre differs on purpose: every other server is spared, and the documentation lists the reason |
//! | `! needs lists` | runs only on targets that have lists; likewise `socket`, `config-file` and so on |
//! | `! config name [value]` | sets a parameter for the case and restores it after; without value only restores |
//! | `! no-handshake` | sessions do not start with HELLO under RESP3, because the case is about just that |
//! | `! unsplit` | wire cases: not replayed split at every byte |

use std::fmt;
use std::path::{Path, PathBuf};

use crate::reply::Protocol;
use crate::target::{Flavor, Target};

/// A mistake in a transcript file.
#[derive(Debug)]
pub struct FormatError {
    pub path: PathBuf,
    pub line: usize,
    pub message: String,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

impl std::error::Error for FormatError {}

/// A file before its steps are read.
#[derive(Debug)]
pub struct Outline {
    pub path: PathBuf,
    /// The paragraph for the whole file, one entry a line.
    pub prose: Vec<String>,
    pub conditions: Conditions,
    pub cases: Vec<OutlineCase>,
}

/// A case before its steps are read: `lines` are numbered from 1.
#[derive(Debug)]
pub struct OutlineCase {
    pub line: usize,
    pub title: String,
    pub conditions: Conditions,
    pub lines: Vec<(usize, String)>,
}

/// When and where a case runs.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    pub protocol: Option<Protocol>,
    pub since: Vec<Release>,
    pub not: Vec<(Release, String)>,
    pub differs: Option<String>,
    pub needs: Vec<String>,
    pub config: Vec<(String, Option<String>)>,
    pub no_handshake: bool,
    pub unsplit: bool,
}

/// A server and a version of it. `family` is `None` for Redis and what descends from
/// it; an empty `version` is any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub family: Option<String>,
    pub version: Vec<u32>,
}

impl Conditions {
    /// Why the case is not run on this target, if it is not.
    pub fn reason_to_skip(&self, target: &dyn Target) -> Option<String> {
        let flavor = target.flavor();
        if let Some(need) = self.needs.iter().find(|need| !target.offers(need)) {
            return Some(format!("needs {need}"));
        }
        if matches!(flavor, Flavor::Ochre) {
            return None;
        }
        if let Some(reason) = &self.differs {
            return Some(format!("Ochre differs: {reason}"));
        }
        if let Some((_, reason)) = self.not.iter().find(|(release, _)| release.names(flavor)) {
            return Some(reason.clone());
        }
        if !self.since.is_empty() && !self.since.iter().any(|release| release.reached_by(flavor)) {
            let wanted: Vec<String> = self.since.iter().map(Release::to_string).collect();
            return Some(format!("since {}", wanted.join(", ")));
        }
        None
    }

    fn inherit(&mut self, file: &Conditions) {
        self.protocol = self.protocol.or(file.protocol);
        self.no_handshake |= file.no_handshake;
        self.unsplit |= file.unsplit;
        self.differs = self.differs.take().or_else(|| file.differs.clone());
        if self.since.is_empty() {
            self.since = file.since.clone();
        }
        self.not.extend_from_slice(&file.not);
        self.needs.extend_from_slice(&file.needs);
        self.config.splice(0..0, file.config.iter().cloned());
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let (head, reason) = match text.split_once(": ") {
            Some((head, reason)) => (head, Some(reason.to_string())),
            None => (text, None),
        };
        let head = head.replace("not-redis-", "not redis ");
        let mut words = head.split_whitespace();
        let key = words.next().unwrap_or_default();
        let arguments: Vec<&str> = words.collect();
        match (key, arguments.as_slice(), reason) {
            ("protocol", ["2"], None) => self.protocol = Some(Protocol::Resp2),
            ("protocol", ["3"], None) => self.protocol = Some(Protocol::Resp3),
            ("since", [_, ..], None) => {
                for release in arguments.join(" ").split(',') {
                    self.since.push(Release::parse(release.trim())?);
                }
            }
            ("not", [_, ..], Some(reason)) => self
                .not
                .push((Release::parse(&arguments.join(" "))?, reason)),
            ("differs", [], Some(reason)) => self.differs = Some(reason),
            ("needs", [_, ..], None) => {
                self.needs.extend(arguments.iter().map(ToString::to_string))
            }
            ("no-handshake", [], None) => self.no_handshake = true,
            ("unsplit", [], None) => self.unsplit = true,
            ("config", [_, ..], None) => {
                let words = crate::quote::split(text)?;
                let text = |at: usize| {
                    words
                        .get(at)
                        .map(|word| String::from_utf8_lossy(&word.bytes).into_owned())
                };
                self.config
                    .push((text(1).expect("a name was seen"), text(2)));
            }
            _ => return Err(format!("unknown condition: {text}")),
        }
        Ok(())
    }
}

impl Release {
    fn parse(text: &str) -> Result<Release, String> {
        let (family, version) = match text.split_once(' ') {
            Some((family, version)) => (Some(family), version),
            None if text.starts_with(|c: char| c.is_ascii_digit()) => (None, text),
            None => (Some(text), ""),
        };
        if family.is_some_and(|family| !matches!(family, "redis" | "valkey")) {
            return Err(format!("unknown server: {text}"));
        }
        let numbers = version
            .split('.')
            .filter(|part| !part.is_empty())
            .map(str::parse);
        let version = numbers
            .collect::<Result<_, _>>()
            .map_err(|_| format!("not a version: {version}"))?;
        Ok(Release {
            family: family.map(str::to_string),
            version,
        })
    }

    fn names(&self, flavor: &Flavor) -> bool {
        let (family, version) = flavor.family_and_version();
        self.family.as_deref().is_none_or(|wanted| wanted == family)
            && version.starts_with(&self.version)
    }

    /// A bare number also holds for Valkey as far as Valkey followed Redis: to 7.2.
    fn reached_by(&self, flavor: &Flavor) -> bool {
        let (family, version) = flavor.family_and_version();
        match self.family.as_deref() {
            Some(wanted) => wanted == family && version >= self.version.as_slice(),
            None if family == "valkey" => self.version.as_slice() <= &[7, 2, 4],
            None => version >= self.version.as_slice(),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let version: Vec<String> = self.version.iter().map(u32::to_string).collect();
        write!(
            f,
            "{} {}",
            self.family.as_deref().unwrap_or("redis"),
            version.join(".")
        )
    }
}

impl Outline {
    /// Divides a file into cases.
    pub fn parse(path: &Path, text: &str) -> Result<Outline, FormatError> {
        let mut outline = Outline {
            path: path.to_path_buf(),
            prose: Vec::new(),
            conditions: Conditions::default(),
            cases: Vec::new(),
        };
        let mut in_title = false;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let fail = |message: String| FormatError {
                path: path.to_path_buf(),
                line: number,
                message,
            };
            let opens_title = line.starts_with('#');
            if let Some(title) = line.strip_prefix('#') {
                let title = title.trim();
                if !in_title {
                    outline.open_case(number);
                }
                let case = outline.cases.last_mut().expect("a case is open");
                if !case.title.is_empty() {
                    case.title.push('\n');
                }
                case.title.push_str(title);
            } else if let Some(condition) = line.strip_prefix('!') {
                let case = outline
                    .cases
                    .last_mut()
                    .ok_or_else(|| fail("a condition before any title".into()))?;
                if !case.lines.is_empty() {
                    return Err(fail("a condition must come before the steps".into()));
                }
                case.conditions.add(condition.trim()).map_err(fail)?;
            } else if !line.trim().is_empty() {
                let case = outline
                    .cases
                    .last_mut()
                    .ok_or_else(|| fail("a step before any title".into()))?;
                case.lines.push((number, line.to_string()));
            }
            in_title = opens_title;
        }
        outline.close(path)
    }

    /// The first paragraph, if it has no steps, turns out to be the prose of the file.
    fn open_case(&mut self, line: usize) {
        self.cases.push(OutlineCase {
            line,
            title: String::new(),
            conditions: Conditions::default(),
            lines: Vec::new(),
        });
    }

    fn close(mut self, path: &Path) -> Result<Outline, FormatError> {
        if self.cases.first().is_some_and(|case| case.lines.is_empty()) {
            let prose = self.cases.remove(0);
            self.prose = prose.title.lines().map(str::to_string).collect();
            self.conditions = prose.conditions;
        }
        for case in &mut self.cases {
            if case.lines.is_empty() {
                let message = "a case without steps".to_string();
                return Err(FormatError {
                    path: path.to_path_buf(),
                    line: case.line,
                    message,
                });
            }
            case.conditions.inherit(&self.conditions);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# About SET.\n# More.\n! needs lists\n\n# One\n! since valkey 8.1, redis 8.4\n! protocol 3\n> a\n\n# Two\n> b\n< c\n";

    #[test]
    fn prose_conditions_and_cases() {
        let outline = Outline::parse(Path::new("x.txt"), TEXT).unwrap();
        assert_eq!(outline.prose, ["About SET.", "More."]);
        assert_eq!(outline.cases.len(), 2);
        assert_eq!(outline.cases[0].title, "One");
        assert_eq!(outline.cases[0].conditions.needs, ["lists"]);
        assert_eq!(outline.cases[0].conditions.protocol, Some(Protocol::Resp3));
        assert_eq!(outline.cases[0].conditions.since.len(), 2);
        assert_eq!(
            outline.cases[1].lines,
            [(11, "> b".to_string()), (12, "< c".to_string())]
        );
    }

    #[test]
    fn releases() {
        let since = |text: &str, flavor: Flavor| Release::parse(text).unwrap().reached_by(&flavor);
        let redis = |version: &[u32]| Flavor::Redis(version.to_vec());
        let valkey = |version: &[u32]| Flavor::Valkey(version.to_vec());
        assert!(since("7.0", redis(&[7, 0, 15])));
        assert!(!since("7.2", redis(&[7, 0, 15])));
        assert!(since("7.2", valkey(&[8, 0, 1])));
        assert!(!since("7.4", valkey(&[8, 0, 1])));
        assert!(since("valkey 8.0", valkey(&[8, 0, 1])));
        assert!(!since("valkey 8.1", redis(&[9, 0, 0])));
        assert!(
            Release::parse("redis 7.0")
                .unwrap()
                .names(&redis(&[7, 0, 15]))
        );
        assert!(
            !Release::parse("redis 7.0")
                .unwrap()
                .names(&redis(&[7, 2, 0]))
        );
        assert!(Release::parse("valkey").unwrap().names(&valkey(&[8, 0, 1])));
    }

    #[test]
    fn mistakes_are_located() {
        for (text, line) in [
            ("> a\n", 1),
            ("! needs x\n", 1),
            ("# a\n> b\n! unsplit\n", 3),
            ("# a\n\n# b\n\n# c\n> x\n", 3),
        ] {
            assert_eq!(
                Outline::parse(Path::new("x.txt"), text).unwrap_err().line,
                line,
                "{text}"
            );
        }
        assert!(Outline::parse(Path::new("x.txt"), "# a\n! bogus\n> b\n").is_err());
    }
}
