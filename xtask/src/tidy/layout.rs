//! What `rustfmt` lets pass: blanks at line ends, tabs, lines beyond the page, letters that only
//! look like others.

use super::finding::Finding;
use super::source::Source;
use super::tree::{File, Tree};

/// Wide enough for a table in a comment, narrow enough for two files side by side. What stands
/// between quotes does not count: a string, or a row of a table with one, is not broken for this.
const LINE_CHARS_MAX: usize = 120;

/// Files whose blanks may mean something: transcripts show what goes over the wire.
const VERBATIM: &[&str] = &["tests/transcripts/"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        if !VERBATIM.iter().any(|folder| file.path.starts_with(folder)) {
            check_blanks(file, &mut findings);
        }
        if let Some(source) = &file.source {
            check_source(file, source, &mut findings);
        }
    }
    findings
}

fn check_blanks(file: &File, findings: &mut Vec<Finding>) {
    for (at, line) in file.text.split('\n').enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            let advice = "remove the blanks at the end of the line";
            findings.push(Finding::new(&file.path, at + 1, advice));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        let last = file.text.split('\n').count();
        findings.push(Finding::new(&file.path, last, "end the last line"));
    }
}

fn check_source(file: &File, source: &Source, findings: &mut Vec<Finding>) {
    let views = source.code.lines().zip(source.quoted.lines());
    for (at, (line, (code, quoted))) in file.text.lines().zip(views).enumerate() {
        let mut find = |advice: String| findings.push(Finding::new(&file.path, at + 1, advice));
        if line.contains('\t') {
            find("write blanks instead of a tab, or \\t".into());
        }
        let quoted_chars = quoted.chars().filter(|c| *c != ' ').count();
        // A row of a table cannot be broken.
        let is_row = line.starts_with("//! |") || line.trim_start().starts_with("/// |");
        if !is_row && line.chars().count() - quoted_chars > LINE_CHARS_MAX {
            find(format!(
                "break the line: it is longer than {LINE_CHARS_MAX} characters"
            ));
        }
        if let Some(odd) = code.chars().find(|c| !c.is_ascii()) {
            find(format!(
                "write {odd:?} as ASCII: this is neither a comment nor a string"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_checked_where_it_matters() {
        let long = format!("// {}\nf(\"{}\")\n", "x".repeat(118), "x".repeat(118));
        let tree = Tree::of(&[
            (
                "a.rs",
                "let \u{3b1} = 1;\n// \u{3b1}\nlet s = \"\u{3b1}\";\n\tx\nx \n",
            ),
            ("b.rs", &long),
            ("c.md", "x \ny"),
            ("tests/transcripts/x.txt", "x "),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        let at = |path: &str, line| (path.to_owned(), line);
        let want = [at("a.rs", 5), at("a.rs", 1), at("a.rs", 4), at("b.rs", 1)];
        assert_eq!(found[..4], want);
        assert_eq!(found[4..], [at("c.md", 1), at("c.md", 2)]);
    }
}
