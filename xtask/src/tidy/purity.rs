//! Below floor 4 nothing opens a socket or a file, starts a thread, reads a clock or draws chance.
//!
//! Time, seeds and the world come in as arguments, so that one seed replays everything and two
//! engines live in one process. This looks for the names by which such things are reached. Tests
//! are free: a stress test may start threads.

use super::finding::Finding;
use super::floors;
use super::tree::Tree;

/// Where the outside world begins.
const FLOOR_OF_DRIVERS: u8 = 4;

/// What is not to be named, and where it comes from instead.
const REFUSED: &[(&str, &str)] = &[
    ("std::net", "sockets belong to the drivers"),
    ("std::fs", "files belong to the host"),
    ("File::open", "files belong to the host"),
    (
        "std::env",
        "what the process was given belongs to the drivers",
    ),
    ("std::process", "processes belong to the drivers"),
    ("thread::spawn", "threads belong to the drivers"),
    ("thread::Builder", "threads belong to the drivers"),
    ("thread::scope", "threads belong to the drivers"),
    ("thread::sleep", "ask the host to wait"),
    ("SystemTime", "time comes in as a `Now`"),
    ("Instant", "time comes in as a `Now`"),
    ("Now::read", "time comes in as a `Now`"),
    ("clock_gettime", "time comes in as a `Now`"),
    ("getrandom", "seeds come in as arguments"),
    ("RandomState", "seeds come in as arguments"),
    ("HashMap", "its order is random: use a BTreeMap"),
    ("HashSet", "its order is random: use a BTreeSet"),
];

/// The place where drivers find the clock, and a map of strangers' keys whose order nobody sees.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("crates/base/src/clock.rs", "clock_gettime"),
    ("crates/engine/src/watch.rs", "HashMap"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.sources() {
        let floor = file.krate().and_then(floors::floor);
        if file.is_for_tests() || floor.is_none_or(|floor| floor >= FLOOR_OF_DRIVERS) {
            continue;
        }
        for (line, code) in source.product_lines() {
            let found = REFUSED.iter().filter(|(name, _)| names(code, name));
            let found = found.filter(|(name, _)| !EXCEPTIONS.contains(&(&file.path, name)));
            findings.extend(found.map(|(name, instead)| {
                let advice = format!("`{name}` below floor {FLOOR_OF_DRIVERS}: {instead}");
                Finding::new(&file.path, line, advice)
            }));
        }
    }
    findings
}

/// Does a line of code name this, as a whole word?
fn names(code: &str, name: &str) -> bool {
    let is_of_word = |c: char| c == '_' || c.is_alphanumeric();
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + name.len()..].chars().next();
        !before.is_some_and(is_of_word) && !after.is_some_and(is_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_out_of_reach_below_the_drivers() {
        let code = "let t = Instant::now();\n// Instant\nlet x = \"std::fs\";\nInstantly();\n\
                    #[cfg(test)]\nmod t { use std::fs; }\n";
        let tree = Tree::of(&[
            ("crates/store/src/a.rs", code),
            ("crates/store/src/a_tests.rs", code),
            ("crates/server/src/a.rs", code),
            ("crates/base/src/clock.rs", "clock_gettime(x)"),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        assert_eq!(found, [("crates/store/src/a.rs".to_owned(), 1)]);
    }
}
