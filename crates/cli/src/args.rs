//! The command lines of the tools that work on files.
//!
//! A tool has a table of flags, a row each; parsing and help read the same rows. A flag's value
//! is the next word or stands behind `=`; `--` ends the flags. Paths stay what the system gave.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A tool as its help shows it.
pub struct Tool {
    /// What it is, how it is called.
    pub head: &'static str,
    pub flags: &'static [Flag],
    pub tail: &'static str,
}

/// One flag: a row of the table.
pub struct Flag {
    pub name: &'static str,
    /// What stands behind it, in a word for help; none for a mere switch.
    pub value: Option<&'static str>,
    pub help: &'static str,
}

/// What the words ask for.
pub enum Asked {
    Help(String),
    Run(Words),
}

/// The words of a command line, sorted.
#[derive(Debug, Default)]
pub struct Words {
    /// Those that are no flags, in order.
    pub free: Vec<OsString>,
    given: Vec<(&'static str, OsString)>,
}

impl Tool {
    pub fn parse(&self, args: &[OsString]) -> Result<Asked, String> {
        let mut words = Words::default();
        let mut args = args.iter();
        while let Some(word) = args.next() {
            let bytes = word.as_bytes();
            if bytes == b"--" {
                words.free.extend(args.cloned());
                break;
            }
            if !bytes.starts_with(b"-") || bytes == b"-" {
                words.free.push(word.clone());
                continue;
            }
            if matches!(bytes, b"-h" | b"--help") {
                return Ok(Asked::Help(self.help()));
            }
            let (name, behind) = match bytes.iter().position(|byte| *byte == b'=') {
                Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
                None => (bytes, None),
            };
            let flag = self.flags.iter().find(|flag| flag.name.as_bytes() == name);
            let Some(flag) = flag else {
                let name = String::from_utf8_lossy(name);
                return Err(format!("there is no flag {name}; see --help"));
            };
            let value = match (flag.value, behind) {
                (None, None) => OsString::new(),
                (None, Some(_)) => return Err(format!("{} takes no value", flag.name)),
                (Some(_), Some(behind)) => OsString::from_vec(behind.to_vec()),
                (Some(what), None) => match args.next() {
                    Some(next) => next.clone(),
                    None => return Err(format!("{} needs a {what}", flag.name)),
                },
            };
            words.given.push((flag.name, value));
        }
        Ok(Asked::Run(words))
    }

    pub fn help(&self) -> String {
        let mut text = String::from(self.head);
        text.push_str("\nFlags\n");
        for flag in self.flags {
            let name = match flag.value {
                Some(value) => format!("{} {value}", flag.name),
                None => flag.name.to_owned(),
            };
            text.push_str(&format!("  {name:<24} {}\n", flag.help));
        }
        text.push_str("  -h, --help               this text\n");
        text.push_str(self.tail);
        text
    }
}

impl Words {
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// What was given last.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        let found = self.given.iter().rev().find(|(given, _)| *given == name);
        found.map(|(_, value)| value.as_os_str())
    }

    /// A value that has to be text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, String> {
        let text = |value: &OsStr| value.to_str().is_none();
        match self.value(name) {
            Some(value) if text(value) => Err(format!("{name}: this is not UTF-8")),
            value => Ok(value.and_then(OsStr::to_str)),
        }
    }

    /// The one word that is no flag.
    pub fn only(&self, what: &str) -> Result<&OsStr, String> {
        match &self.free[..] {
            [word] => Ok(word),
            [] => Err(format!("{what} is missing; see --help")),
            [_, more, ..] => Err(format!(
                "one {what} at a time: what is {:?}? See --help",
                more.to_string_lossy()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOL: Tool = Tool {
        head: "ochre tool: an example\n",
        flags: &[
            Flag {
                name: "--into",
                value: Some("DIR"),
                help: "where to",
            },
            Flag {
                name: "--yes",
                value: None,
                help: "do not ask",
            },
        ],
        tail: "",
    };

    fn parse(words: &[&str]) -> Result<Words, String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        match TOOL.parse(&words)? {
            Asked::Run(words) => Ok(words),
            Asked::Help(text) => Err(text),
        }
    }

    #[test]
    fn flags_stand_anywhere_and_take_their_values_in_two_ways() {
        for line in [
            &["a", "--into", "b", "--yes"][..],
            &["--yes", "--into=b", "a"],
            &["--into", "c", "--into", "b", "--yes", "--", "a"],
        ] {
            let words = parse(line).expect("a good line");
            assert_eq!(words.only("DIR"), Ok(OsStr::new("a")));
            assert_eq!(words.text("--into"), Ok(Some("b")));
            assert!(words.has("--yes"));
        }
        assert_eq!(parse(&["--", "--yes"]).expect("good").free, ["--yes"]);
    }

    #[test]
    fn wrong_lines_are_named() {
        let refused = |line: &[&str]| parse(line).expect_err("a wrong line");
        assert!(refused(&["--inot", "b"]).contains("--inot"));
        assert!(refused(&["--into"]).contains("needs a DIR"));
        assert!(refused(&["--yes=1"]).contains("no value"));
        assert!(refused(&["--help"]).contains("--into DIR"));
        assert!(parse(&[]).expect("good").only("DIR").is_err());
        assert!(parse(&["a", "b"]).expect("good").only("DIR").is_err());
    }
}
