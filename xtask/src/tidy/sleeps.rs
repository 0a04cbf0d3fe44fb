//! No test waits for long: a suite that sleeps is a suite that is not run.
//!
//! Time is an argument nearly everywhere, and where it is real a test polls with a deadline. A
//! pause of two seconds is more than any poll needs. Measurements take the time that they take.

use super::finding::Finding;
use super::tree::Tree;

const SLEEP_MS_MAX: u64 = 2_000;
const MEASUREMENTS: &str = "benches/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sources = tree.sources();
    for (file, source) in sources.filter(|(file, _)| !file.path.starts_with(MEASUREMENTS)) {
        for (at, code) in source.code.lines().enumerate() {
            let is_test = file.is_for_tests() || source.is_test(at + 1);
            if is_test && sleep_ms(code).is_some_and(|ms| ms > SLEEP_MS_MAX) {
                let advice = format!("a test sleeps over {SLEEP_MS_MAX} ms: poll with a deadline");
                findings.push(Finding::new(&file.path, at + 1, advice));
            }
        }
    }
    findings
}

/// How long a line sleeps, if it says so in figures.
fn sleep_ms(code: &str) -> Option<u64> {
    let (_, duration) = code.split_once("sleep(")?;
    let units = [("from_secs(", 1_000), ("from_millis(", 1)];
    units.iter().find_map(|(unit, ms)| {
        let (_, behind) = duration.split_once(unit)?;
        let is_of_number = |c: &char| c.is_ascii_digit() || *c == '_';
        let digits: String = behind.chars().take_while(is_of_number).collect();
        Some(
            digits
                .replace('_', "")
                .parse::<u64>()
                .ok()?
                .saturating_mul(*ms),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sleeps_of_tests_are_found() {
        let code = "thread::sleep(Duration::from_secs(3));\n\
                    thread::sleep(Duration::from_millis(2_001));\n\
                    thread::sleep(Duration::from_millis(2_000));\n\
                    thread::sleep(wait);\n";
        let tree = Tree::of(&[("tests/it/a.rs", code), ("crates/x/src/a.rs", code)]);
        let found: Vec<_> = check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        let path = "tests/it/a.rs".to_owned();
        assert_eq!(found, [(path.clone(), 1), (path, 2)]);
    }
}
