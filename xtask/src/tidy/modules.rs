//! Who may name whom inside the engine.
//!
//! ```text
//!   executor ─► engine ─► pipeline ─► commands ─► ctx ─► args, error, effect, ...
//! ```
//!
//! Between crates the compiler guards the floors; inside the largest crate this table does. Each
//! module has the list of modules that it names today and has a reason to name. A new edge is a
//! decision: write it here if it goes downwards, or find another way if it goes up.
//!
//! The small modules at the top of the table are the point: what a handler reads its arguments
//! with, what an error is, what an effect is must never come to depend on how a request travels.
//! `ctx` and `session` do carry names of upper modules (a command's number, a stopwatch), and so
//! the picture above is the rule with known exceptions, not a law.
//!
//! Tests are free. Only `crate::` paths are read: that is how this code base names modules.

use super::finding::Finding;
use super::source::words;
use super::tree::{File, Tree};

/// A module of the engine, and the modules that it may name besides itself.
const EDGES: &[(&str, &[&str])] = &[
    // What everything else stands on: nothing of the engine in them.
    ("config", &[]),
    ("effect", &[]),
    ("error", &[]),
    ("latency", &[]),
    ("lock", &[]),
    ("pause", &[]),
    ("version", &[]),
    ("watch", &[]),
    // Thin layers over those.
    ("args", &["error"]),
    ("stats", &["latency"]),
    // What is discarded goes to the host: a queue of requests too.
    ("garbage", &["transaction"]),
    ("host", &["codec", "config", "effect", "garbage"]),
    ("codec", &["config"]),
    ("copies", &["host"]),
    // What waits is run in its turn, and carries what runs it.
    (
        "waits",
        &[
            "args", "clients", "commands", "ctx", "engine", "error", "host", "session",
        ],
    ),
    ("shards", &["lock", "waits", "watch"]),
    ("transaction", &["commands"]),
    ("clients", &["host", "session", "waits"]),
    (
        "session",
        &[
            "clients",
            "commands",
            "host",
            "transaction",
            "waits",
            "watch",
        ],
    ),
    // What a handler sees of the world.
    (
        "ctx",
        &[
            "commands", "config", "copies", "effect", "engine", "error", "garbage", "host",
            "pause", "pipeline", "session", "shards", "stats", "waits",
        ],
    ),
    (
        "info",
        &[
            "config", "ctx", "engine", "host", "shards", "stats", "version",
        ],
    ),
    // Handlers: never the lock or the way a request came.
    (
        "commands",
        &[
            "args",
            "clients",
            "codec",
            "config",
            "ctx",
            "engine",
            "error",
            "executor",
            "garbage",
            "host",
            "info",
            "pause",
            "pipeline",
            "session",
            "shards",
            "stats",
            "transaction",
            "version",
            "waits",
            "watch",
        ],
    ),
    // The way of a request: never INFO, never the executor that calls it.
    (
        "pipeline",
        &[
            "args",
            "clients",
            "commands",
            "config",
            "ctx",
            "engine",
            "error",
            "host",
            "latency",
            "pause",
            "session",
            "shards",
            "stats",
            "transaction",
            "waits",
        ],
    ),
    // What has no client: snapshots, and what comes back from a log.
    (
        "snapshot",
        &["engine", "executor", "garbage", "host", "shards"],
    ),
    (
        "replay",
        &["args", "commands", "ctx", "executor", "pipeline"],
    ),
    (
        "engine",
        &[
            "clients", "commands", "config", "copies", "executor", "host", "info", "latency",
            "lock", "pause", "shards", "snapshot", "stats", "waits",
        ],
    ),
    (
        "executor",
        &[
            "clients", "ctx", "effect", "engine", "garbage", "host", "info", "latency", "pipeline",
            "session", "shards", "stats", "waits",
        ],
    ),
];

const ENGINE: &str = "crates/engine/src/";

/// Compiled for one test only: it has to reach for what it sabotages.
const FOR_TESTS: &[&str] = &["crates/engine/src/shards/sabotage.rs"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.sources() {
        let Some(module) = module_of(file) else {
            continue;
        };
        let Some(allowed) = edges(module) else {
            let advice = format!("say in xtask/src/tidy/modules.rs whom `{module}` may name");
            findings.push(Finding::new(&file.path, 1, advice));
            continue;
        };
        for (line, code) in source.product_lines() {
            let named = named_modules(code).filter(|named| edges(named).is_some());
            let refused = named.filter(|named| *named != module && !allowed.contains(named));
            findings.extend(refused.map(|named| {
                let advice = format!(
                    "`{module}` does not name `{named}` (xtask/src/tidy/modules.rs): \
                     move what it needs down"
                );
                Finding::new(&file.path, line, advice)
            }));
        }
    }
    findings
}

fn edges(module: &str) -> Option<&'static [&'static str]> {
    let found = EDGES.iter().find(|(name, _)| *name == module);
    found.map(|(_, allowed)| *allowed)
}

/// The top module of the engine that a file belongs to; none for the root and for tests.
fn module_of(file: &File) -> Option<&str> {
    let inside = file.path.strip_prefix(ENGINE)?;
    let module = inside.split('/').next()?;
    let module = module.strip_suffix(".rs").unwrap_or(module);
    let is_for_tests = file.is_for_tests() || FOR_TESTS.contains(&file.path.as_str());
    (module != "lib" && !is_for_tests).then_some(module)
}

/// The words that stand behind `crate::` in a line. A list in braces after it names several.
fn named_modules(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("crate::").flat_map(|(at, found)| {
        let behind = &code[at + found.len()..];
        let list = behind.strip_prefix('{');
        let count = if list.is_some() { usize::MAX } else { 1 };
        words(list.unwrap_or(behind))
            .map(|(_, word)| word)
            .take(count)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upward_name_is_found_outside_of_tests() {
        let args = "use crate::error::E;\nuse crate::{ctx::Ctx, error};\n\
                    // crate::ctx\n#[cfg(test)]\nmod t { use crate::ctx; }\n";
        let tree = Tree::of(&[
            ("crates/engine/src/args.rs", args),
            ("crates/engine/src/lib.rs", "use crate::ctx;"),
            ("crates/engine/src/newcomer.rs", ""),
            ("crates/store/src/args.rs", "use crate::ctx;"),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        let path = |name: &str| format!("crates/engine/src/{name}.rs");
        assert_eq!(found, [(path("args"), 2), (path("newcomer"), 1)]);
    }
}
