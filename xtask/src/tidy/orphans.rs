//! No Rust file that nothing includes: the compiler does not see it, and it rots.
//!
//! A file `a/b.rs` or `a/b/mod.rs` is included by `mod b;` in `a.rs`, `a/mod.rs`, `a/lib.rs` or
//! `a/main.rs`, or by an attribute with its path. Roots (libraries, binaries, examples, test and
//! fuzz targets) are named by manifests.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::links::resolve;
use super::source::{Source, words};
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let sources: BTreeMap<&str, (&File, &Source)> = tree
        .sources()
        .map(|(file, source)| (file.path.as_str(), (file, source)))
        .collect();
    let files = tree.sources().map(|(file, _)| file);
    files
        .filter(|file| !is_root(file) && !is_included(&sources, file))
        .map(|file| {
            let advice = "nothing includes this file: add its `mod` line, or delete it";
            Finding::new(&file.path, 1, advice)
        })
        .collect()
}

/// Does a manifest name this file, or cargo find it by itself?
fn is_root(file: &File) -> bool {
    let folders: Vec<&str> = file.path.split('/').rev().skip(1).collect();
    let folder = folders.first().copied().unwrap_or_default();
    let is_target = ["bin", "tests", "examples", "benches", "fuzz_targets"].contains(&folder)
        && !folders.contains(&"src");
    is_target || ["lib.rs", "main.rs", "build.rs"].contains(&file.name())
}

fn is_included(sources: &BTreeMap<&str, (&File, &Source)>, file: &File) -> bool {
    let place = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
    let (folder, module) = place.rsplit_once('/').unwrap_or(("", place));
    let parents = [
        format!("{folder}.rs"),
        format!("{folder}/mod.rs"),
        format!("{folder}/lib.rs"),
        format!("{folder}/main.rs"),
    ];
    let by_name = parents
        .iter()
        .filter_map(|path| sources.get(path.as_str()))
        .any(|(_, source)| declares(source, module));
    by_name || by_attribute(sources).any(|included| included == file.path)
}

/// The files that attributes name, whatever the name of their module.
fn by_attribute<'a>(
    sources: &'a BTreeMap<&str, (&File, &Source)>,
) -> impl Iterator<Item = String> + 'a {
    sources.values().flat_map(|(file, _)| {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let lines = file.text.lines().map(str::trim);
        lines.filter_map(move |line| {
            let target = line.strip_prefix("#[path = \"")?.strip_suffix("\"]")?;
            resolve(folder, target)
        })
    })
}

/// Is there a `mod` item of this name without a body?
fn declares(source: &Source, module: &str) -> bool {
    let words: Vec<(usize, &str)> = words(&source.code).collect();
    words.windows(2).any(|pair| {
        let [(_, keyword), (at, name)] = pair else {
            return false;
        };
        let behind = source.code[at + name.len()..].trim_start();
        *keyword == "mod" && *name == module && behind.starts_with(';')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_files_and_roots_are_alive() {
        let tree = Tree::of(&[
            (
                "c/src/lib.rs",
                "mod a;\n#[path = \"b_tests.rs\"]\nmod tests;\n// mod dead;",
            ),
            ("c/src/a.rs", "pub mod deep;"),
            ("c/src/a/deep/mod.rs", "mod x { }"),
            ("c/src/a/deep/x.rs", ""),
            ("c/src/b_tests.rs", ""),
            ("c/src/dead.rs", ""),
            ("c/tests/part/one.rs", ""),
            (
                "c/tests/two.rs",
                "#[path = \"part/../part/one.rs\"]\nmod one;",
            ),
            ("c/tests/one.rs", ""),
        ]);
        let found: Vec<String> = check(&tree).into_iter().map(|f| f.path).collect();
        assert_eq!(found, ["c/src/a/deep/x.rs", "c/src/dead.rs"]);
    }
}
