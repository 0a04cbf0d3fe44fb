//! What is pointed to exists: links between Markdown files, and decision records named in comments.
//!
//! ```text
//!   [text](docs/x.md#part)   [ref]: docs/x.md      relative to the file, or from the root with `/`
//!   docs/decisions/0007      in any file           the record of that number
//! ```
//!
//! Links to other sites are not followed: a test that asks the network fails for no reason of ours.

use super::finding::Finding;
use super::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        if file.name().ends_with(".md") {
            check_links(tree, file, &mut findings);
        }
        check_decisions(tree, file, &mut findings);
    }
    findings
}

fn check_links(tree: &Tree, file: &File, findings: &mut Vec<Finding>) {
    let mut in_code = false;
    for (at, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let dead = targets(line).filter(|target| !in_code && !exists(tree, file, target));
        findings.extend(dead.map(|target| {
            let advice = format!("`{target}` is not there: mend the link");
            Finding::new(&file.path, at + 1, advice)
        }));
    }
}

/// The targets of the links of a line, as they are written.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.match_indices("](").filter_map(|(at, open)| {
        let behind = &line[at + open.len()..];
        behind.split([')', ' ']).next()
    });
    let definition = line.starts_with('[').then(|| line.split_once("]: "));
    let definition = definition.flatten().map(|(_, target)| target.trim());
    inline.chain(definition)
}

fn exists(tree: &Tree, file: &File, target: &str) -> bool {
    let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
    let path = target.split('#').next().unwrap_or_default();
    if is_elsewhere || path.is_empty() {
        return true;
    }
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let absolute = path.strip_prefix('/');
    let start = if absolute.is_some() { "" } else { folder };
    resolve(start, absolute.unwrap_or(path)).is_some_and(|path| tree.has(&path))
}

/// Follow `..` and `.`; nothing lies above the root.
pub(super) fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

const DECISIONS: &str = "docs/decisions/";

fn check_decisions(tree: &Tree, file: &File, findings: &mut Vec<Finding>) {
    for (at, line) in file.text.lines().enumerate() {
        for (start, found) in line.match_indices(DECISIONS) {
            let behind = &line[start + found.len()..];
            let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
            let record = format!("{DECISIONS}{digits}-");
            if digits.len() == 4 && !tree.names().any(|name| name.starts_with(&record)) {
                let advice = format!("there is no decision {digits}: write it, or mend the number");
                findings.push(Finding::new(&file.path, at + 1, advice));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_are_found() {
        let page = "[a](b.md#x) [b](../README.md) [c](https://x.y) [d](#e)\n\
                    [gone](c.md) ![pic](../docs)\n```\n[x](nothing)\n```\n[r]: ../nowhere.md\n";
        let tree = Tree::of(&[
            ("README.md", "[a](docs/a.md) [b](/docs/b.md)\n"),
            ("docs/a.md", page),
            ("docs/b.md", ""),
            ("docs/decisions/0001-x.md", ""),
            ("a.rs", "// docs/decisions/0001\n// docs/decisions/0002\n"),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        let at = |path: &str, line| (path.to_owned(), line);
        assert_eq!(
            found,
            [at("docs/a.md", 2), at("docs/a.md", 6), at("a.rs", 2)]
        );
    }
}
