//! The corpus itself: every file is well formed, whatever there is to play it on.

use std::collections::BTreeSet;
use std::fs;

use testkit::outline::Outline;
use testkit::{transcript, wire};

#[test]
fn every_transcript_reads() {
    let files = crate::corpus().files().expect("the folder is there");
    for path in &files {
        let text = fs::read_to_string(path).expect("a file is readable");
        let problem = if path.parent().is_some_and(|folder| folder.ends_with("wire")) {
            wire::parse(path, &text).err()
        } else {
            transcript::parse(path, &text).err()
        };
        assert!(problem.is_none(), "{}", problem.expect("it is one"));
    }
}

#[test]
fn titles_tell_cases_apart() {
    for path in crate::corpus().files().expect("the folder is there") {
        let text = fs::read_to_string(&path).expect("a file is readable");
        let outline = Outline::parse(&path, &text).expect("it is well formed");
        let mut titles = BTreeSet::new();
        for case in &outline.cases {
            assert!(
                titles.insert(&case.title),
                "{}:{}: a title twice",
                path.display(),
                case.line
            );
        }
        assert!(
            !outline.prose.is_empty(),
            "{}: the file does not say what it is about",
            path.display()
        );
    }
}
