//! A Rust file begins with what it is about.

use super::finding::Finding;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let silent = |file: &&super::tree::File| !file.text.starts_with("//! ");
    let files = tree.sources().map(|(file, _)| file).filter(silent);
    let advice = "open the file with its idea: `//! ...`";
    files
        .map(|file| Finding::new(&file.path, 1, advice))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_file_is_found() {
        let tree = Tree::of(&[("a.rs", "//! A.\n"), ("b.rs", "\n//! B.\n"), ("c.md", "")]);
        let found = check(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "b.rs");
    }
}
