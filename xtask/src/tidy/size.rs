//! Long files and long functions, as a ratchet.
//!
//! A file is read in one sitting and a function on one screen. What was longer when the rule came
//! is listed with its size and may only shrink: whoever shortens it lowers the figure here, and
//! takes it off the list when it fits.
//!
//! The body of a test function may be as long as its table of cases; functions are measured in the
//! product only.

use super::finding::Finding;
use super::source::Source;
use super::tree::{File, Tree};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// What is longer, and its present size: a file, or a function in it.
const LONGER: &[(&str, Option<&str>, usize)] = &[("crates/cli/src/bench/load.rs", Some("run"), 71)];

/// A file or a function, and how long it is.
struct Measured<'a> {
    path: &'a str,
    function: Option<&'a str>,
    line: usize,
    lines: usize,
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let measured: Vec<Measured> = tree
        .sources()
        .flat_map(|(file, source)| measure(file, source))
        .collect();
    let mut findings: Vec<Finding> = measured.iter().filter_map(judge_one).collect();
    for (path, function, _) in LONGER {
        let is_there = |it: &Measured| it.path == *path && it.function == *function;
        if !measured.iter().any(is_there) {
            let advice = "what size.rs lists of it is not there: take it off the list";
            findings.push(Finding::new(path, 1, advice));
        }
    }
    findings
}

fn measure<'a>(file: &'a File, source: &'a Source) -> Vec<Measured<'a>> {
    let whole = Measured {
        path: &file.path,
        function: None,
        line: 1,
        lines: file.text.lines().count(),
    };
    let functions = source.functions().into_iter();
    let of_product = functions.filter(|f| !file.is_for_tests() && !source.is_test(f.line));
    let functions = of_product.map(|function| Measured {
        path: &file.path,
        function: Some(function.name),
        line: function.line,
        lines: function.lines,
    });
    std::iter::once(whole).chain(functions).collect()
}

fn judge_one(it: &Measured<'_>) -> Option<Finding> {
    let listed = LONGER
        .iter()
        .find(|(path, function, _)| *path == it.path && *function == it.function);
    let listed = listed.map(|(_, _, lines)| *lines);
    let advice = match it.function {
        None => judge(it.lines, FILE_LINES_MAX, listed)?,
        Some(name) => {
            let advice = judge(it.lines, FUNCTION_LINES_MAX, listed)?;
            format!("fn {name}: {advice}")
        }
    };
    Some(Finding::new(it.path, it.line, advice))
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
