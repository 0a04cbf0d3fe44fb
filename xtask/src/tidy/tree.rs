//! The text files of the workspace, read once for all checks.
//!
//! Folders that begin with a dot are left out but for `.ci`, and so is what tools produce. Files
//! that are not text (pictures, inputs of fuzzers) are known by name only.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use super::source::Source;

/// Everything there is to check.
#[derive(Default)]
pub(super) struct Tree {
    /// In the order of their paths.
    pub files: Vec<File>,
    /// Every file and folder, those that are not text included.
    names: BTreeSet<String>,
}

/// One text file.
pub(super) struct File {
    /// From the root of the workspace, with slashes.
    pub path: String,
    pub text: String,
    /// The lexed view of a Rust file.
    pub source: Option<Source>,
}

/// Folders that are produced, not written.
const PRODUCED: &[&str] = &[
    "target",
    "artifacts",
    "coverage",
    "__pycache__",
    "node_modules",
    // Of a server that was started here, as the README has it.
    "appendonlydir",
];
const PRODUCED_FILES: &[&str] = &["dump.rdb", "ochre.lock"];

/// Inputs of fuzzers: any bytes, which look like text now and then.
const INPUTS: &str = "fuzz/seeds";

impl Tree {
    pub fn read(root: &Path) -> io::Result<Tree> {
        let mut tree = Tree::default();
        tree.read_folder(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    /// A tree that exists in a test only.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            for (at, _) in path.match_indices('/') {
                tree.names.insert(path[..at].to_owned());
            }
            tree.names.insert((*path).to_owned());
            tree.files.push(File::new(path, text));
        }
        tree
    }

    /// Is there a file or folder of this path?
    pub fn has(&self, path: &str) -> bool {
        path.is_empty() || self.names.contains(path)
    }

    /// The paths of all files and folders.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The Rust files with their lexed views.
    pub fn sources(&self) -> impl Iterator<Item = (&File, &Source)> {
        self.files
            .iter()
            .filter_map(|file| Some((file, file.source.as_ref()?)))
    }

    fn read_folder(&mut self, root: &Path, folder: &str) -> io::Result<()> {
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() {
                name.clone()
            } else {
                format!("{folder}/{name}")
            };
            let is_folder = entry.file_type()?.is_dir();
            let is_hidden = name.starts_with('.') && name != ".ci";
            let produced = if is_folder { PRODUCED } else { PRODUCED_FILES };
            if is_folder && is_hidden || produced.contains(&name.as_str()) {
                continue;
            }
            if is_folder {
                self.read_folder(root, &path)?;
            } else if !path.starts_with(INPUTS)
                && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
            {
                self.files.push(File::new(&path, &text));
            }
            self.names.insert(path);
        }
        Ok(())
    }
}

impl File {
    fn new(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
            source: path.ends_with(".rs").then(|| Source::of(text)),
        }
    }

    /// The file's name without its folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Is this file of a crate under `crates/`? Then of which.
    pub fn krate(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Does the whole file serve tests or development?
    pub fn is_for_tests(&self) -> bool {
        let name = self.name();
        // `testing.rs` is what the tests of a crate share.
        let by_name = name == "tests.rs" || name == "testing.rs" || name.ends_with("_tests.rs");
        let by_folder = self
            .path
            .split('/')
            .any(|part| part == "tests" || part == "examples");
        by_name || by_folder || self.krate().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who follows the README starts a server in the checkout and then runs the tests.
    #[test]
    fn what_a_server_leaves_here_is_not_read() {
        let root = std::env::temp_dir().join(format!("ochre-tidy-{}", std::process::id()));
        fs::create_dir_all(root.join("appendonlydir")).expect("a folder");
        for name in ["a.rs", "dump.rdb", "ochre.lock", "appendonlydir/x.aof"] {
            fs::write(root.join(name), "text ").expect("a file");
        }
        let tree = Tree::read(&root).expect("it is readable");
        let paths: Vec<&str> = tree.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a.rs"]);
        fs::remove_dir_all(&root).expect("it is ours");
    }
}
