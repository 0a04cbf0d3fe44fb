//! Words that do not belong in a repository.
//!
//! - Notes to oneself. What is left to do is said in an issue, or it is done.
//! - Names that say nothing: a type called after what it is for, not after what it is.
//! - Paths of somebody's machine.
//! - Private names (hosts, customers, products of others). They are listed in a file outside of the
//!   repository, one per line, which `OCHRE_PRIVATE_WORDS` names: a public list would tell them.

use std::path::Path;

use super::finding::Finding;
use super::source::words;
use super::tree::{File, Tree};

/// Whole words, in this letter case.
const NOTES: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];
const MACROS: &[&str] = &["dbg!", "todo!", "unimplemented!"];
/// As the end or the beginning of a name's part.
const EMPTY_NAMES: &[&str] = &["Manager", "Helper", "Util", "Utils", "Misc"];
const MACHINE_PATHS: &[&str] = &["/home/", "/root/", "/Users/", "/tmp/target-"];

/// This file, which has to name what it looks for.
const SELF: &str = "xtask/src/tidy/words.rs";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let private = private_words();
    let mut findings: Vec<Finding> = tree.names().filter_map(check_name).collect();
    for file in tree.files.iter().filter(|file| file.path != SELF) {
        check_text(file, &private, &mut findings);
        check_types(file, &mut findings);
    }
    findings
}

fn check_text(file: &File, private: &[String], findings: &mut Vec<Finding>) {
    for (at, line) in file.text.lines().enumerate() {
        let mut find = |advice: String| findings.push(Finding::new(&file.path, at + 1, advice));
        let notes = words(line)
            .map(|(_, word)| word)
            .filter(|word| NOTES.contains(word));
        notes.for_each(|note| find(format!("do what {note} says, or say it in an issue")));
        for name in MACROS.iter().filter(|name| line.contains(*name)) {
            find(format!("`{name}` is for the workbench"));
        }
        for path in MACHINE_PATHS.iter().filter(|path| line.contains(*path)) {
            find(format!("`{path}` is a path of one machine"));
        }
        let lower = line.to_lowercase();
        if private.iter().any(|word| lower.contains(word)) {
            find("a private name: see OCHRE_PRIVATE_WORDS".into());
        }
    }
}

/// Names of types that say nothing.
fn check_types(file: &File, findings: &mut Vec<Finding>) {
    let Some(source) = &file.source else {
        return;
    };
    for (at, code) in source.code.lines().enumerate() {
        let words: Vec<&str> = words(code).map(|(_, word)| word).collect();
        for pair in words.windows(2) {
            let [keyword, name] = pair else { continue };
            let is_type = ["struct", "enum", "trait", "type", "union"].contains(keyword);
            if is_type && EMPTY_NAMES.iter().any(|empty| says(name, empty)) {
                let advice = format!("name `{name}` after what it is");
                findings.push(Finding::new(&file.path, at + 1, advice));
            }
        }
    }
}

/// Is the empty word a whole part of a name in camel case?
fn says(name: &str, empty: &str) -> bool {
    name.match_indices(empty).any(|(at, _)| {
        let behind = name[at + empty.len()..].chars().next();
        !behind.is_some_and(char::is_lowercase)
    })
}

/// Names of files and folders that say nothing.
fn check_name(path: &str) -> Option<Finding> {
    let name = path.rsplit('/').next()?;
    let stem = name.split('.').next()?;
    let mut parts = stem.split(['_', '-']);
    let is_empty = |part: &str| {
        EMPTY_NAMES
            .iter()
            .any(|word| word.eq_ignore_ascii_case(part))
    };
    let said = parts.any(is_empty);
    said.then(|| Finding::new(path, 1, format!("name `{name}` after what is in it")))
}

/// The private words, in lower case; none unless somebody asks for them.
fn private_words() -> Vec<String> {
    let Some(path) = std::env::var_os("OCHRE_PRIVATE_WORDS") else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(Path::new(&path));
    let text = text.unwrap_or_else(|error| panic!("OCHRE_PRIVATE_WORDS: {error}"));
    let words = text.lines().map(|line| line.trim().to_lowercase());
    words.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole() {
        let text = "// TODO x\n// a TODOLIST\ndbg!(x);\nlet p = \"/home/me\";\n\
                    struct KeyManager;\nenum Utility {}\nstruct Utils;\n";
        let tree = Tree::of(&[("a.rs", text), ("string_utils.rs", ""), ("mutility.rs", "")]);
        let found: Vec<_> = check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        let at = |line| ("a.rs".to_owned(), line);
        let name = ("string_utils.rs".to_owned(), 1);
        assert_eq!(found, [name, at(1), at(3), at(4), at(5), at(7)]);
    }

    #[test]
    fn private_words_match_in_any_case() {
        let tree = Tree::of(&[("a.md", "Built at ACME today\n")]);
        let mut findings = Vec::new();
        check_text(&tree.files[0], &["acme".into()], &mut findings);
        assert_eq!(findings.len(), 1);
    }
}
