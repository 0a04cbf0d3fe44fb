//! The page on compatibility, `docs/compat.md`: made, and held to what it is made of.
//!
//! ```text
//!  docs/compat.in.md      prose, by hand      ─┐
//!  spec::every()          what exists          ├─► docs/compat.md
//!  params::THEMES         what settings do     │
//!  transcripts            `! differs:` lines  ─┘
//! ```
//!
//! `OCHRE_WRITE=1 cargo test -p ochre-tests compat_page` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use engine::config::Meaning;
use engine::config::params::{Param, THEMES};
use spec::Spec;
use testkit::corpus::Corpus;

const PAGE: &str = "../docs/compat.md";
const PROSE: &str = "../docs/compat.in.md";

#[test]
fn compat_page_is_up_to_date() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let prose = fs::read_to_string(here.join(PROSE)).expect("the prose is there");
    let made = page(&prose);
    if std::env::var_os("OCHRE_WRITE").is_some() {
        fs::write(here.join(PAGE), &made).expect("the page can be written");
    }
    let written = fs::read_to_string(here.join(PAGE)).unwrap_or_default();
    assert!(
        written == made,
        "docs/compat.md is out of date: OCHRE_WRITE=1 cargo test -p ochre-tests compat_page"
    );
}

fn page(prose: &str) -> String {
    let mut page = String::from("<!-- Made from docs/compat.in.md by a test. Do not edit. -->\n\n");
    page += prose.trim_end();
    page += "\n\n";
    write_marked_cases(&mut page);
    write_commands(&mut page);
    write_settings(&mut page);
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// The cases that only Ochre is held to.
fn write_marked_cases(page: &mut String) {
    *page += "### Cases of the transcripts\n\n";
    *page += "Marked `! differs` in `tests/transcripts`, where the details are.\n\n";
    *page += "| file | case | difference |\n|---|---|---|\n";
    // All of them, whatever part of the corpus is to be played.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let corpus = Corpus::new(&folder);
    for difference in corpus.differences().expect("the corpus reads") {
        let path = difference.path.strip_prefix(&folder);
        let path = path.unwrap_or(&difference.path).display().to_string();
        row(page, &[&code(&path), &difference.title, &difference.reason]);
    }
    page.push('\n');
}

/// What exists, by group; subcommands stand behind their container.
fn write_commands(page: &mut String) {
    let mut groups: BTreeMap<&str, Vec<&Spec>> = BTreeMap::new();
    let mut count = 0;
    for spec in spec::every().filter(|spec| !spec.internal) {
        groups.entry(spec.group.name()).or_default().push(spec);
        count += usize::from(spec.container.is_none());
    }
    let _ = writeln!(
        page,
        "## Commands\n\nThere are {count}, in all their forms."
    );
    for (group, specs) in groups {
        let _ = writeln!(page, "\n### {group}\n");
        *page += "| command | since | status |\n|---|---|---|\n";
        for spec in specs {
            let name = match spec.container {
                Some(container) => format!("{container} {}", spec.name),
                None => spec.name.to_owned(),
            };
            row(
                page,
                &[&code(&name.to_uppercase()), spec.since, &status(spec)],
            );
        }
    }
    page.push('\n');
}

fn status(spec: &Spec) -> String {
    match spec.deprecated {
        Some(old) => format!(
            "there; discouraged since {}: {}",
            old.since, old.replaced_by
        ),
        None => "there".to_owned(),
    }
}

/// What each parameter does, in three kinds of tables.
fn write_settings(page: &mut String) {
    let all = || THEMES.iter().flat_map(|theme| theme.rows);
    let count = |wanted: fn(&Meaning) -> bool| all().filter(|p| wanted(&p.meaning)).count();
    let _ = writeln!(
        page,
        "## Settings\n\nOf {} parameters, {} are in effect, {} partly so, {} wait for what they belong \
         to, and {} are\naccepted so that configurations carry over, without any effect.",
        all().count(),
        count(|meaning| *meaning == Meaning::Live),
        count(|meaning| matches!(meaning, Meaning::Partly(_))),
        count(|meaning| *meaning == Meaning::Later),
        count(|meaning| matches!(meaning, Meaning::Accepted(_))),
    );
    *page += "\n### In effect\n\n| theme | parameters |\n|---|---|\n";
    write_names(page, Meaning::Live);
    *page += "\n### Partly in effect\n\n| parameter | how |\n|---|---|\n";
    for param in all() {
        if let Meaning::Partly(how) = param.meaning {
            row(page, &[&spellings(param), how]);
        }
    }
    *page += "\n### Accepted, not in effect yet\n\n| theme | parameters |\n|---|---|\n";
    write_names(page, Meaning::Later);
    *page += "\n### Accepted, without effect\n\n| parameter | reason |\n|---|---|\n";
    for param in all() {
        if let Meaning::Accepted(reason) = param.meaning {
            row(page, &[&spellings(param), reason]);
        }
    }
}

/// The parameters of a meaning, a row for each theme that has any.
fn write_names(page: &mut String, meaning: Meaning) {
    for theme in THEMES {
        let rows = theme.rows.iter().filter(|param| param.meaning == meaning);
        let names: Vec<String> = rows.map(spellings).collect();
        if !names.is_empty() {
            row(page, &[theme.name, &names.join(", ")]);
        }
    }
}

fn spellings(param: &Param) -> String {
    match param.alias {
        Some(alias) => format!("{} (or {})", code(param.name), code(alias)),
        None => code(param.name),
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn row(page: &mut String, cells: &[&str]) {
    for cell in cells {
        let _ = write!(page, "| {} ", cell.replace('|', "\\|"));
    }
    *page += "|\n";
}
