//! Configuration files in Redis' syntax.
//!
//! ```text
//!  # a comment takes the whole line
//!  port 6380                          one directive per line: a name and its arguments
//!  requirepass "two words\x21"        arguments quoted as in a shell line of redis-cli
//!  save 900 1                         some directives add up: save, client-output-buffer-limit
//!  save 300 10
//!  include conf.d/*.conf              read in place; a pattern may match nothing, a plain name must be there
//! ```
//!
//! The last word on a parameter counts, so what is to override an include stands after it. Relative paths are taken
//! from where the process started, whatever `dir` says.
//!
//! Nothing is skipped in silence: a line that cannot be followed ends the start, with its file, its number and what
//! to do. What is left out on purpose: `rename-command`, `user`, `loadmodule`, `sentinel`.
//!
//! Files are opened by whoever implements [`ConfigFiles`]; this module only reads text.

use super::draft::Draft;
use super::params;
use super::start_error::{Origin, Refusal, StartError};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Access to the files that a configuration consists of.
pub trait ConfigFiles {
    /// All of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// All of standard input.
    fn read_stdin(&self) -> io::Result<Vec<u8>>;

    /// The names of what is in a directory, in any order, without `.` and `..`.
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>>;
}

/// No files at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl ConfigFiles for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn names(&self, _: &Path) -> io::Result<Vec<OsString>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Includes within includes, at most. A file that includes itself ends here.
const INCLUDES_MAX: usize = 16;

/// Directives of Redis that have no meaning any more, with one argument; it takes them as well.
const RETIRED: &[&str] = &[
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];

/// Follows directives, one after the other.
pub(super) struct Follower<'a> {
    pub draft: &'a mut Draft,
    pub files: &'a dyn ConfigFiles,
    /// How many files deep we are.
    depth: usize,
}

/// Where a text comes from.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
    File(&'a Path),
    StandardInput,
    /// What CONFIG REWRITE is about to write.
    Rewritten,
}

/// What a line of a configuration is.
pub(super) enum Line {
    /// Blank, or a comment.
    Idle,
    /// A name and its arguments.
    Directive(Vec<Vec<u8>>),
    Unbalanced,
}

/// Why a directive could not be followed: its own fault, or something in a file that it includes.
pub(super) enum Failure {
    Here(Refusal),
    There(StartError),
}

impl<'a> Follower<'a> {
    pub fn new(draft: &'a mut Draft, files: &'a dyn ConfigFiles) -> Follower<'a> {
        Follower {
            draft,
            files,
            depth: 0,
        }
    }

    /// Follows every line of a text.
    pub fn follow_text(&mut self, from: Text, text: &[u8]) -> Result<(), StartError> {
        for (at, line) in text.split(|b| *b == b'\n').enumerate() {
            let refusal = match read_line(line) {
                Line::Idle => continue,
                Line::Unbalanced => unbalanced(),
                Line::Directive(words) => match self.follow(&words) {
                    Ok(()) => continue,
                    Err(Failure::There(error)) => return Err(error),
                    Err(Failure::Here(refusal)) => refusal,
                },
            };
            return Err(refusal.at(from.origin(at + 1), line.trim_ascii()));
        }
        Ok(())
    }

    /// Follows one directive, `words` being its name and its arguments.
    pub fn follow(&mut self, words: &[Vec<u8>]) -> Result<(), Failure> {
        let (name, arguments) = words.split_first().expect("a directive has a name");
        if let Some(found) = params::find(name) {
            let refuse = |reason| Failure::Here(Refusal::bad_value(found.param, reason));
            return self.draft.direct(found.index, arguments).map_err(refuse);
        }
        match arguments {
            [pattern] if base::eq_ignore_case(name, b"include") => self.include(pattern),
            _ if is_understood(words) => Ok(()),
            _ => Err(Failure::Here(
                not_supported(&name.to_ascii_lowercase()).unwrap_or_else(|| Refusal::unknown(name)),
            )),
        }
    }

    fn include(&mut self, pattern: &[u8]) -> Result<(), Failure> {
        let here = |reason: String, advice: &str| Failure::Here(Refusal::new(reason, advice));
        let shown = String::from_utf8_lossy(pattern);
        if self.depth == INCLUDES_MAX {
            let reason = format!("includes are nested more than {INCLUDES_MAX} deep");
            return Err(here(reason, "Does a file include itself?"));
        }
        let cannot_open = |shown: &str, error: io::Error| {
            let reason = format!("can't open config file '{shown}': {error}");
            here(
                reason,
                "Relative paths are taken from where the server is started.",
            )
        };
        let paths = matching(pattern, self.files).map_err(|error| cannot_open(&shown, error))?;
        for path in paths {
            let text = self.files.read(&path);
            let text = text.map_err(|error| cannot_open(&path.to_string_lossy(), error))?;
            self.depth += 1;
            self.follow_text(Text::File(&path), &text)
                .map_err(Failure::There)?;
            self.depth -= 1;
        }
        Ok(())
    }
}

impl Text<'_> {
    fn origin(self, line: usize) -> Origin {
        match self {
            Text::File(path) => Origin::File {
                path: path.to_owned(),
                line,
            },
            Text::StandardInput => Origin::StandardInput { line },
            Text::Rewritten => Origin::Rewriting { line },
        }
    }
}

/// Divides a line into words.
pub(super) fn read_line(line: &[u8]) -> Line {
    let line = line.trim_ascii();
    if line.is_empty() || line[0] == b'#' {
        return Line::Idle;
    }
    match base::split_args(line) {
        None => Line::Unbalanced,
        Some(words) if words.is_empty() => Line::Idle,
        Some(words) => Line::Directive(words),
    }
}

/// Whether a directive sets no parameter but means something all the same.
pub(super) fn is_understood(words: &[Vec<u8>]) -> bool {
    let [name, _] = words else { return false };
    let is = |directive: &str| base::eq_ignore_case(name, directive.as_bytes());
    is("include") || RETIRED.iter().copied().any(is)
}

pub(super) fn unbalanced() -> Refusal {
    Refusal::new(
        "Unbalanced quotes in configuration line",
        "Close every quote, and put a blank after it.",
    )
}

/// Directives of Redis that are left out, and what to do instead.
fn not_supported(name: &[u8]) -> Option<Refusal> {
    Some(match name {
        b"rename-command" => Refusal::new(
            "rename-command is not supported: commands keep their names",
            "Remove the line. DEBUG is closed unless enable-debug-command opens it.",
        ),
        b"user" => Refusal::new(
            "users are not supported: there is the default user only",
            "Remove the line; requirepass gives the default user a password.",
        ),
        b"loadmodule" => Refusal::new("modules cannot be loaded", "Remove the line."),
        b"sentinel" => Refusal::new(
            "this server does not run as a sentinel",
            "Remove the line, or run it with redis-sentinel.",
        ),
        b"include" => Refusal::new(
            "wrong number of arguments",
            "Write one path or pattern per include.",
        ),
        // A module's parameters are named after it: module.parameter.
        _ if name.contains(&b'.') => Refusal::new(
            "modules, and parameters of modules, are not supported",
            "Remove the line.",
        ),
        _ => return None,
    })
}

/// The paths that a pattern of the shell's kind matches, sorted; a path without `*`, `?` or `[` is itself, there or
/// not. As with the shell, names that start with a dot are matched by a dot only.
fn matching(pattern: &[u8], files: &dyn ConfigFiles) -> io::Result<Vec<PathBuf>> {
    if !is_pattern(pattern) {
        return Ok(vec![PathBuf::from(OsStr::from_bytes(pattern))]);
    }
    let root = if pattern.starts_with(b"/") { "/" } else { "" };
    let mut found = vec![PathBuf::from(root)];
    let mut matched_before = false;
    for part in pattern
        .split(|b| *b == b'/')
        .filter(|part| !part.is_empty())
    {
        if !matched_before && !is_pattern(part) {
            found
                .iter_mut()
                .for_each(|path| path.push(OsStr::from_bytes(part)));
            continue;
        }
        matched_before = true;
        let mut longer = Vec::new();
        for directory in &found {
            longer.extend(matching_in(directory, part, files)?);
        }
        found = longer;
    }
    found.sort_unstable();
    Ok(found)
}

/// What one directory holds that matches one part of a path.
fn matching_in(directory: &Path, part: &[u8], files: &dyn ConfigFiles) -> io::Result<Vec<PathBuf>> {
    let listed = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let names = match files.names(listed) {
        Ok(names) => names,
        // Nothing can be in what is no directory.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    // The shell negates a class with `!`, clients with `^`.
    let glob = String::from_utf8_lossy(part).replace("[!", "[^");
    let matches = |name: &OsString| {
        let dot_asked_for = !name.as_bytes().starts_with(b".") || part.starts_with(b".");
        let same = name.as_bytes() == part;
        same || dot_asked_for && base::glob_match(glob.as_bytes(), name.as_bytes(), false)
    };
    Ok(names
        .into_iter()
        .filter(matches)
        .map(|name| directory.join(name))
        .collect())
}

fn is_pattern(path: &[u8]) -> bool {
    path.iter().any(|b| matches!(b, b'*' | b'?' | b'['))
}
