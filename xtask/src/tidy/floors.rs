//! A crate names only crates of lower floors.
//!
//! The floors are those of `ARCHITECTURE.md`. The compiler refuses cycles but not a shortcut from
//! `store` to `spec`; this check reads what every manifest under `crates/` depends on. What tests
//! depend on is free, and so are `testkit`, `tests`, `fuzz` and this crate, which nobody may name.

use super::finding::Finding;
use super::tree::{File, Tree};

/// Every crate by the name that its dependents use, and its floor.
const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("structs", 0),
    ("resp", 1),
    ("spec", 1),
    ("store", 1),
    ("persist", 2),
    ("engine", 2),
    ("script", 3),
    ("replication", 3),
    ("ochredb", 4),
    ("server", 5),
    ("cli", 5),
    ("ochre", 6),
];

/// The ground: the rest of floor 0 stands on it too.
const GROUND: &str = "base";

/// Crates that exist for development only.
const DEVELOPMENT: &[&str] = &["testkit", "bodies", "xtask"];

/// The floor of a crate's folder under `crates/`.
pub(super) fn floor(krate: &str) -> Option<u8> {
    let found = FLOORS.iter().find(|(name, _)| *name == krate);
    found.map(|(_, floor)| *floor)
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files.iter().filter(|file| file.name() == "Cargo.toml");
    manifests
        .filter_map(|file| Some((file, file.krate()?)))
        .flat_map(|(file, krate)| check_manifest(file, krate))
        .collect()
}

fn check_manifest(file: &File, krate: &str) -> Vec<Finding> {
    let Some(own) = floor(krate) else {
        let advice = format!("give `{krate}` a floor in xtask/src/tidy/floors.rs");
        return vec![Finding::new(&file.path, 1, advice)];
    };
    let named = dependencies(&file.text);
    let refused = named.filter_map(|(line, name)| {
        let advice = if DEVELOPMENT.contains(&name) {
            format!("`{name}` is for tests: move it to [dev-dependencies]")
        } else if name == GROUND && krate != GROUND {
            return None;
        } else if floor(name)? >= own {
            let floor = floor(name)?;
            format!("`{krate}` (floor {own}) may not name `{name}` (floor {floor}): turn it round")
        } else {
            return None;
        };
        Some(Finding::new(&file.path, line, advice))
    });
    refused.collect()
}

/// The names under `[dependencies]` and `[build-dependencies]`, of all targets, with their lines.
fn dependencies(manifest: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    manifest.lines().enumerate().filter_map(move |(at, line)| {
        if let Some(table) = line.trim().strip_prefix('[') {
            let table = table.trim_end_matches(']');
            let (section, name) = table.rsplit_once("dependencies.").unwrap_or((table, ""));
            let counts = !section.ends_with("dev-") && !section.ends_with("dev-dependencies");
            inside = counts && section.ends_with("dependencies");
            // The long form: a table of its own for one dependency.
            return (counts && !name.is_empty()).then_some((at + 1, name));
        }
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
        let is_name = !name.is_empty() && !name.starts_with('#');
        (inside && is_name).then_some((at + 1, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(krate: &str, manifest: &str) -> Vec<usize> {
        let path = format!("crates/{krate}/Cargo.toml");
        let tree = Tree::of(&[(&path, manifest)]);
        check(&tree)
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn only_lower_floors_may_be_named() {
        let manifest = "[dependencies]\nbase.workspace = true\nengine = { path = \"x\" }\n";
        assert_eq!(lines("store", manifest), [3]);
        assert_eq!(lines("engine", manifest), [3]);
        assert_eq!(lines("server", manifest), []);
        assert_eq!(lines("structs", manifest), [3]);
        assert_eq!(lines("base", manifest), [2, 3]);
        assert_eq!(lines("nonesuch", ""), [1]);
    }

    #[test]
    fn tests_may_name_anything_and_nobody_else_names_testkit() {
        let manifest = "[dev-dependencies]\nserver.workspace = true\ntestkit.workspace = true\n\
                        [dependencies]\ntestkit.workspace = true\n\
                        [target.'cfg(unix)'.dependencies]\nserver.workspace = true\n\
                        [dependencies.cli]\npath = \"x\"\n";
        assert_eq!(lines("store", manifest), [5, 7, 8]);
    }
}
