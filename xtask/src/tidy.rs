//! The rules of the house that a compiler does not know, as a test.
//!
//! ```text
//!   Tree ── every text file, Rust ones with a lexed view
//!     │
//!     ├─ floors     a crate names lower crates only          manifests
//!     ├─ modules    who may name whom inside the engine      `crate::` paths
//!     ├─ purity     no clock, socket, thread below floor 4   code
//!     ├─ rooms      where `unsafe` lives, and its comments   code, comments
//!     ├─ size       long files and functions: a ratchet      code
//!     ├─ opening    a file begins with what it is about      text
//!     ├─ orphans    no file that nothing includes            `mod` lines
//!     ├─ layout     blanks, tabs, long lines, odd letters    text, code
//!     ├─ words      words that do not belong in a repository text, names
//!     ├─ links      what is pointed to exists                Markdown
//!     └─ sleeps     no test waits for long                   code of tests
//! ```
//!
//! A finding says where and what to do. A rule that cannot be kept for a good reason has a list of
//! exceptions in its own file; lists only get shorter.
//!
//! What it refuses to do: parse Rust. It blanks comments and literals out (see [`source`]) and then
//! looks for words. That is exact enough for these rules and has no dependency.

mod finding;
mod floors;
mod layout;
mod links;
mod modules;
mod opening;
mod orphans;
mod purity;
mod rooms;
mod size;
mod sleeps;
mod source;
mod tree;
mod words;

use std::path::Path;
use std::process::ExitCode;

use finding::Finding;
use tree::Tree;

/// Check the workspace at `root` and print what was found.
pub fn run(root: &Path) -> ExitCode {
    let tree = match Tree::read(root) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("tidy: cannot read {}: {error}", root.display());
            return ExitCode::FAILURE;
        }
    };
    let findings = check(&tree);
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} files, nothing to do", tree.files.len());
        ExitCode::SUCCESS
    } else {
        println!("tidy: {} findings", findings.len());
        ExitCode::FAILURE
    }
}

/// All findings, by file and line.
fn check(tree: &Tree) -> Vec<Finding> {
    let checks = [
        floors::check,
        layout::check,
        links::check,
        modules::check,
        opening::check,
        orphans::check,
        purity::check,
        rooms::check,
        size::check,
        sleeps::check,
        words::check,
    ];
    let mut findings: Vec<Finding> = checks.iter().flat_map(|check| check(tree)).collect();
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let tree = Tree::read(crate::workspace()).expect("the workspace is readable");
        assert!(tree.files.len() > 100, "the whole workspace was read");
        let findings: Vec<String> = check(&tree).iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
    }

    /// A quote or a comment taken for something else would swallow a brace sooner or later.
    #[test]
    fn real_files_keep_their_braces() {
        let tree = Tree::read(crate::workspace()).expect("the workspace is readable");
        for (file, source) in tree.sources() {
            let count = |brace| source.code.matches(brace).count();
            assert_eq!(count('{'), count('}'), "{}", file.path);
        }
    }
}
