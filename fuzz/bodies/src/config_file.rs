//! A configuration is read from any text or refused with a place, and what it became is written
//! and read without a loss.
//!
//! The text is put together from parameters with values of all sorts, directives of Redis, includes
//! (of each other and of themselves) and plain bytes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use engine::config::params::PARAMS;
use engine::config::{Config, ConfigFiles, Extent, Launch, NoFiles, rewrite};

use crate::tape::Tape;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let main = PathBuf::from("ochre.conf");
    let mut files = Files(BTreeMap::new());
    files.0.insert(main.clone(), Vec::new());
    for name in ["more.conf", "parts/a.conf", "parts/b.conf"] {
        let text = text(&mut tape, 3);
        files.0.insert(PathBuf::from(name), text);
    }
    let text = text(&mut tape, 60);
    files.0.insert(main.clone(), text.clone());

    let launch = Launch {
        config_file: Some(main),
        ..Launch::default()
    };
    match launch.configure(&files, None) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(loaded) => check_rewrite(&text, &loaded.config, files, &launch),
    }
    // A rewrite meets old texts that no server would start with.
    let _ = rewrite(&text, &Config::default(), &NoFiles, Extent::Changed);
}

/// The rewritten file gives the same configuration and has nothing left to rewrite.
fn check_rewrite(text: &[u8], config: &Config, mut files: Files, launch: &Launch) {
    for extent in [Extent::Changed, Extent::Everything] {
        let written = rewrite(text, config, &files, extent).expect("its includes were just read");
        let path = launch.config_file.clone().expect("it has one");
        files.0.insert(path, written.clone());
        let back = launch
            .configure(&files, None)
            .expect("ours to write is ours to read");
        assert!(back.config == *config, "a rewrite loses nothing");
        let again = rewrite(&written, config, &files, extent).expect("as before");
        assert!(again == written, "a second rewrite changes nothing");
    }
}

fn text(tape: &mut Tape<'_>, lines_max: u64) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..tape.below(lines_max + 1) {
        line(tape, &mut text);
        text.extend_from_slice(tape.pick(&["\n", "\r\n", " \n", "\n\n"]).as_bytes());
    }
    text
}

fn line(tape: &mut Tape<'_>, text: &mut Vec<u8>) {
    match tape.below(8) {
        0 => text.extend_from_slice(tape.bytes(40)),
        1 => {
            let includes = [
                "more.conf",
                "parts/*.conf",
                "ochre.conf",
                "nothing",
                "[",
                "*",
            ];
            text.extend_from_slice(format!("include {}", tape.pick(&includes)).as_bytes());
        }
        2 => {
            let words = [
                "rename-command a b",
                "user default on",
                "# a comment",
                "save \"\"",
                "list-max-ziplist-value 64",
            ];
            text.extend_from_slice(tape.pick(&words).as_bytes());
        }
        _ => directive(tape, text),
    }
}

fn directive(tape: &mut Tape<'_>, text: &mut Vec<u8>) {
    let param = tape.pick(&PARAMS);
    let name = param.alias.filter(|_| tape.bool()).unwrap_or(param.name);
    text.extend_from_slice(name.as_bytes());
    for _ in 0..1 + tape.below(4) {
        text.push(b' ');
        match tape.below(8) {
            0 => text.extend_from_slice(param.default.as_bytes()),
            1 => text.extend_from_slice(tape.integer().to_string().as_bytes()),
            2 => text.extend_from_slice(format!("{}mb", tape.byte()).as_bytes()),
            3 => base::quote_repr(text, tape.bytes(12)),
            4 => text.extend_from_slice(tape.bytes(12)),
            5 => text.extend_from_slice(
                tape.pick(&["yes", "no", "", "\"\"", "normal", "KEA", "127.0.0.1"])
                    .as_bytes(),
            ),
            6 => text.extend_from_slice(tape.byte().to_string().as_bytes()),
            _ => break,
        }
    }
}

/// Files in memory.
struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl ConfigFiles for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.0.get(path).cloned();
        text.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let directory = directory.strip_prefix(".").unwrap_or(directory);
        let below = self
            .0
            .keys()
            .filter_map(|path| path.strip_prefix(directory).ok());
        let mut names: Vec<OsString> = below
            .filter_map(|path| path.iter().next().map(OsString::from))
            .collect();
        names.dedup();
        Ok(names)
    }
}
