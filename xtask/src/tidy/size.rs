//! Long files and long functions, as a ratchet.
//!
//! A file is read in one sitting and a function on one screen. What was longer when the rule came
//! is listed with its size and may only shrink: whoever shortens it lowers the figure here, and
//! takes it off the list when it fits.
//!
//! The body of a test function may be as long as its table of cases; functions are measured in the
//! product only.

use super::finding::Finding;
use super::tree::Tree;

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// Longer files, and their present size.
const LONG_FILES: &[(&str, usize)] = &[];

/// Longer functions, and their present size.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut kept = Vec::new();
    for (file, source) in tree.sources() {
        let lines = file.text.lines().count();
        let listed = LONG_FILES.iter().find(|(path, _)| *path == file.path);
        kept.extend(listed.map(|(path, _)| (*path, "")));
        let judged = judge(lines, FILE_LINES_MAX, listed.map(|(_, lines)| *lines));
        findings.extend(judged.map(|advice| Finding::new(&file.path, 1, advice)));
        for function in source.functions() {
            if file.is_for_tests() || source.is_test(function.line) {
                continue;
            }
            let is_this =
                |listed: &&(&str, &str, usize)| listed.0 == file.path && listed.1 == function.name;
            let listed = LONG_FUNCTIONS.iter().find(is_this);
            kept.extend(listed.map(|(path, name, _)| (*path, *name)));
            let judged = judge(function.lines, FUNCTION_LINES_MAX, listed.map(|l| l.2));
            findings.extend(judged.map(|advice| {
                let advice = format!("fn {}: {advice}", function.name);
                Finding::new(&file.path, function.line, advice)
            }));
        }
    }
    let files = LONG_FILES.iter().map(|(path, _)| (*path, ""));
    let functions = LONG_FUNCTIONS.iter().map(|(path, name, _)| (*path, *name));
    let gone = files
        .chain(functions)
        .filter(|listed| !kept.contains(listed));
    findings.extend(gone.map(|(path, name)| {
        Finding::new(
            path,
            1,
            format!("{name} is not there: take it off the list in size.rs"),
        )
    }));
    findings
}

/// What is to be done about something of so many lines, which may be on the list with a figure.
fn judge(lines: usize, lines_max: usize, listed: Option<usize>) -> Option<String> {
    match listed {
        None if lines > lines_max => Some(format!(
            "{lines} lines, more than {lines_max}: divide it by what its parts are about"
        )),
        Some(figure) if lines > figure => Some(format!(
            "{lines} lines, and it was {figure}: what is over {lines_max} may only shrink"
        )),
        Some(_) if lines <= lines_max => {
            Some(format!("{lines} lines: take it off the list in size.rs"))
        }
        Some(figure) if lines < figure => Some(format!(
            "{lines} lines now: lower the {figure} in size.rs, so that it stays so"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratchet_turns_one_way() {
        assert!(judge(800, 800, None).is_none());
        assert!(judge(801, 800, None).is_some());
        assert!(judge(900, 800, Some(900)).is_none());
        assert!(judge(901, 800, Some(900)).is_some());
        assert!(judge(899, 800, Some(900)).is_some());
        assert!(judge(700, 800, Some(900)).is_some());
    }

    #[test]
    fn long_functions_are_found_outside_of_tests() {
        let long = format!("fn f() {{\n{}}}\n", "    g();\n".repeat(80));
        let test = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
        let tree = Tree::of(&[("crates/x/src/a.rs", &format!("{long}{test}"))]);
        let found: Vec<usize> = check(&tree)
            .iter()
            .filter(|finding| finding.path == "crates/x/src/a.rs")
            .map(|finding| finding.line)
            .collect();
        assert_eq!(found, [1]);
    }
}
