//! `unsafe` lives in a few named files, and every use of it says why it is sound.
//!
//! The compiler denies `unsafe` across the workspace and a file allows it for itself; this list
//! makes such a file a decision instead of an attribute. A block or an `impl` has a comment that
//! begins with `SAFETY:` above it or above its statement, a function has `# Safety` in its
//! documentation, unless it is one that a trait asks for: then the trait has.

use super::finding::Finding;
use super::source::{Source, line_of, words};
use super::tree::Tree;

/// The files that may use `unsafe`.
const ROOMS: &[&str] = &[
    "crates/engine/src/lock.rs",
    "crates/engine/src/shards.rs",
    "crates/ochre/src/allocator.rs",
    "crates/ochredb/src/persistence/priority.rs",
    "crates/server/src/os.rs",
    "crates/store/src/entry.rs",
    "crates/store/src/segment.rs",
    "crates/store/src/slab.rs",
    "crates/structs/src/processor.rs",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.sources() {
        let is_room = ROOMS.contains(&file.path.as_str());
        let mut uses = 0;
        for line in uses_of_unsafe(source) {
            uses += 1;
            let advice = if !is_room {
                "`unsafe` outside of its rooms (xtask/src/tidy/rooms.rs): wrap it in one of them"
            } else if !is_explained(source, line) {
                "say above it why this is sound, with a comment that begins with `SAFETY:`"
            } else {
                continue;
            };
            findings.push(Finding::new(&file.path, line, advice));
        }
        if is_room && uses == 0 {
            let advice = "nothing unsafe is left here: take it off the list in rooms.rs";
            findings.push(Finding::new(&file.path, 1, advice));
        }
    }
    findings
}

/// The lines on which `unsafe` begins a block, an impl, or a function that is documented here.
fn uses_of_unsafe(source: &Source) -> impl Iterator<Item = usize> {
    let uses = words(&source.code).filter(|(_, word)| *word == "unsafe");
    uses.filter(|(at, _)| !is_asked_for(&source.code, *at))
        .map(|(at, _)| line_of(&source.code, at))
}

/// Is this `unsafe fn` part of the impl of a trait?
fn is_asked_for(code: &str, at: usize) -> bool {
    let is_function = words(&code[at..])
        .nth(1)
        .is_some_and(|(_, word)| word == "fn");
    let items = code[..at].lines().rev();
    let item = items
        .into_iter()
        .find(|line| line.starts_with(|c: char| c.is_alphabetic()));
    is_function && item.is_some_and(|line| line.starts_with("impl") && line.contains(" for "))
}

/// Looks for the comment above a line, or above the statement that the line is part of.
fn is_explained(source: &Source, line: usize) -> bool {
    let code: Vec<&str> = source.code.lines().collect();
    let comments: Vec<&str> = source.comments.lines().collect();
    let mut at = line - 1;
    loop {
        if comments[at].contains("SAFETY:") || comments[at].contains("# Safety") {
            return true;
        }
        if at == 0 {
            return false;
        }
        at -= 1;
        let above = code[at].trim();
        let is_attribute = above.starts_with("#[");
        let ends_statement = above.ends_with([';', '{', '}', ',']) && !is_attribute;
        let is_blank = above.is_empty() && comments[at].trim().is_empty();
        if ends_statement || is_blank {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let found = check(&Tree::of(&[(path, text)]));
        found.into_iter().map(|finding| finding.line).collect()
    }

    const ROOM: &str = "crates/store/src/entry.rs";

    #[test]
    fn a_block_has_its_reason_above() {
        let good = "// SAFETY: it is.\nlet x =\n    unsafe { f() };\n\
                    /// # Safety\n/// It must be.\n#[inline]\nunsafe fn f() {}\n";
        assert_eq!(lines(ROOM, good), []);
        assert_eq!(lines(ROOM, "// SAFETY: a.\nf();\nunsafe { g() }\n"), [3]);
        assert_eq!(lines(ROOM, "// SAFETY: a.\n\nunsafe { g() }\n"), [3]);
    }

    #[test]
    fn a_trait_documents_its_functions() {
        let text = "impl A for B {\n    unsafe fn f() {}\n}\nimpl B {\n    unsafe fn g() {}\n}\n";
        assert_eq!(lines(ROOM, text), [5]);
    }

    #[test]
    fn rooms_are_listed_and_used() {
        assert_eq!(lines("crates/store/src/x.rs", "\nunsafe { g() }\n"), [2]);
        assert_eq!(lines("crates/store/src/x.rs", "// unsafe\n"), []);
        assert_eq!(lines(ROOM, "fn f() {}\n"), [1]);
    }
}
