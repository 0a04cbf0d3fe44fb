//! COMMAND and COMMAND DOCS beside those of a stock server, for all commands that both
//! know.
//!
//! Clients route by the entries and shells draw hints from the docs, so the entries must
//! be equal, and the docs equal in all but the prose. The table under test is that of
//! Redis 7.2; an oracle of 7.0 is excused from what 7.2 changed, and from the names of
//! arguments, which were given anew then.

use std::collections::BTreeMap;
use std::io::Write;

use ochredb::Db;
use testkit::reply::Reply;
use testkit::target::Target;

/// Entries that Redis 7.2 changed: hints for clusters, a shortest line, and what scripts may call.
const CHANGED_IN_7_2: &[&str] = &[
    "blmove",
    "blpop",
    "brpop",
    "brpoplpush",
    "bzpopmax",
    "bzpopmin",
    "client|setname",
    "command|getkeys",
    "command|getkeysandflags",
    "config|resetstat",
    "config|rewrite",
    "msetnx",
    "randomkey",
    "scan",
    "zrank",
    "zrevrank",
];

/// Grammars that say more than the oracle's, or as much in another way.
const OTHER_GRAMMAR: &[(&str, &str)] = &[
    ("hscan", "NOVALUES came with 7.4"),
    ("bitop", "operations of later versions"),
    ("client|kill", "MAXAGE; filters are not optional one by one"),
    ("client|list", "TYPE and ID exclude each other"),
    ("command|getkeys", "7.0 gives no grammar"),
    ("command|getkeysandflags", "7.0 gives no grammar"),
    ("config|get", "7.0 wraps the only argument in a block"),
    ("debug", "the oracle gives no grammar"),
    ("geohash", "the members are optional, as 7.2 says too"),
    ("geopos", "the members are optional, as 7.2 says too"),
    ("lcs", "LEN and IDX exclude each other"),
    ("pfmerge", "the sources are optional, as 7.2 says too"),
    ("restore", "IDLETIME and FREQ exclude each other"),
    ("set", "IFEQ"),
    ("shutdown", "ABORT excludes all else"),
    ("xadd", "KEEPREF and its like came with 8.2"),
    ("xinfo|stream", "7.0 wraps COUNT in FULL"),
    ("xtrim", "KEEPREF and its like came with 8.2"),
    ("zrank", "WITHSCORE came with 7.2"),
    ("zrevrank", "WITHSCORE came with 7.2"),
    ("zscan", "NOSCORES came with Valkey 8.0"),
];

/// Fields of a command's docs and the kinds of their values.
const DOC_FIELDS: &[(&str, &str)] = &[
    ("summary", "bulk"),
    ("since", "bulk"),
    ("group", "bulk"),
    ("complexity", "bulk"),
    ("doc_flags", "set of simple"),
    ("deprecated_since", "bulk"),
    ("replaced_by", "bulk"),
    ("history", "set of array"),
    ("arguments", "array of map"),
    ("subcommands", "map"),
];

/// Fields of an argument and the kinds of their values.
const ARGUMENT_FIELDS: &[(&str, &str)] = &[
    ("name", "bulk"),
    ("type", "bulk"),
    ("display_text", "bulk"),
    ("key_spec_index", "integer"),
    ("token", "bulk"),
    ("summary", "bulk"),
    ("since", "bulk"),
    ("deprecated_since", "bulk"),
    ("flags", "set of simple"),
    ("arguments", "array of map"),
];

#[test]
fn entries_are_those_of_the_oracle() {
    let Some((theirs, before_7_2)) = ask_oracle(&["COMMAND"]) else {
        return;
    };
    let theirs = entries(&theirs);
    let mut differing = Vec::new();
    let mut shared = 0;
    for (name, ours) in entries(&ask_ours(&["COMMAND"])) {
        let Some(theirs) = theirs.get(&name) else {
            continue;
        };
        shared += 1;
        let excused = before_7_2 && CHANGED_IN_7_2.contains(&name.as_str());
        if !excused && ours != *theirs {
            differing.push(format!("{name}\n  ours    {ours}\n  theirs  {theirs}"));
        }
    }
    assert!(shared > 0, "no command is known to both");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn docs_have_the_shape_of_the_oracles() {
    let Some((theirs, before_7_2)) = ask_oracle(&["COMMAND", "DOCS"]) else {
        return;
    };
    let theirs = docs(&theirs);
    let mut differing = Vec::new();
    for (name, ours) in docs(&ask_ours(&["COMMAND", "DOCS"])) {
        let other = OTHER_GRAMMAR.iter().any(|(known, _)| *known == name);
        let Some(theirs) = theirs.get(&name).filter(|_| !other) else {
            continue;
        };
        let grammar = |docs: &Reply| grammar(docs, !before_7_2);
        if grammar(&ours) != grammar(theirs) || field(&ours, "group") != field(theirs, "group") {
            let (ours, theirs) = (grammar(&ours), grammar(theirs));
            differing.push(format!("{name}\n  ours    {ours}\n  theirs  {theirs}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn one_command_is_described_as_among_all() {
    let all = ask_ours(&["COMMAND", "DOCS"]);
    for (name, docs) in pairs(&all) {
        let alone = ask_ours(&["COMMAND", "DOCS", &text(name)]);
        assert_eq!(alone, Reply::Map(vec![(name.clone(), docs.clone())]));
    }
    let all = ask_ours(&["COMMAND"]);
    for entry in items(&all) {
        let alone = ask_ours(&["COMMAND", "INFO", &text(&items(entry)[0])]);
        assert_eq!(alone, Reply::Array(vec![entry.clone()]));
    }
}

fn ask_ours(words: &[&str]) -> Reply {
    let bytes = Db::memory().execute_raw(words);
    let (reply, length) = Reply::decode(&bytes).expect("valid").expect("whole");
    assert_eq!(length, bytes.len());
    reply
}

/// The reply of the oracle, and whether it is older than 7.2. None without an oracle, or
/// with one that is too far from 7.2 to compare.
fn ask_oracle(words: &[&str]) -> Option<(Reply, bool)> {
    let (_server, mut socket) = crate::oracle::start()?;
    let (_, version) = socket.flavor().family_and_version();
    if !matches!(version, [7, ..]) {
        let word = format!(
            "SKIPPED: {} is not of the age of the table\n",
            socket.name()
        );
        std::io::stderr()
            .write_all(word.as_bytes())
            .expect("stderr is open");
        return None;
    }
    let before_7_2 = version < &[7, 2][..];
    socket.ask(0, &["HELLO", "3"]).expect("an answer");
    let reply = socket.ask(0, words).expect("an answer");
    Some((reply, before_7_2))
}

/// The elements of all entries behind the name and before the subcommands, which are
/// entries themselves.
fn entries(reply: &Reply) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in items(reply) {
        let parts = items(entry);
        assert_eq!(parts.len(), 10, "{entry}");
        let described: Vec<String> = parts[1..9].iter().map(canonical).collect();
        found.insert(text(&parts[0]), described.join(" "));
        found.extend(entries(&parts[9]));
    }
    found
}

/// A reply as text, sets in order and prose left out.
fn canonical(reply: &Reply) -> String {
    match reply {
        Reply::Set(members) => {
            let mut members: Vec<String> = members.iter().map(canonical).collect();
            members.sort();
            format!("{{{}}}", members.join(", "))
        }
        Reply::Map(pairs) => {
            let pairs = pairs.iter().filter(|(name, _)| text(name) != "notes");
            let pairs: Vec<String> = pairs
                .map(|(name, value)| format!("{name}: {}", canonical(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

/// The docs of all commands and subcommands, their fields checked.
fn docs(reply: &Reply) -> BTreeMap<String, Reply> {
    let mut found = BTreeMap::new();
    for (name, about) in pairs(reply) {
        check_fields(about, DOC_FIELDS, &text(name));
        found.insert(text(name), about.clone());
        if let Some(subcommands) = field(about, "subcommands") {
            found.extend(docs(subcommands));
        }
    }
    found
}

/// Every field is known, of its kind and in its place.
fn check_fields(map: &Reply, known: &[(&str, &str)], of: &str) {
    let mut last = 0;
    for (name, value) in pairs(map) {
        let name = text(name);
        let place = known.iter().position(|(known, _)| *known == name);
        let place = place.unwrap_or_else(|| panic!("{of}: unknown field {name}"));
        assert!(place >= last, "{of}: {name} is out of place");
        assert_eq!(kind(value), known[place].1, "{of}: {name}");
        last = place;
    }
}

fn kind(reply: &Reply) -> String {
    let of = |kind: &str, members: &[Reply]| match members.first() {
        Some(first) => format!("{kind} of {}", kind_alone(first)),
        None => kind.to_owned(),
    };
    match reply {
        Reply::Set(members) => of("set", members),
        Reply::Array(members) => of("array", members),
        other => kind_alone(other).to_owned(),
    }
}

fn kind_alone(reply: &Reply) -> &'static str {
    match reply {
        Reply::Simple(_) => "simple",
        Reply::Bulk(_) => "bulk",
        Reply::Integer(_) => "integer",
        Reply::Map(_) => "map",
        Reply::Array(_) => "array",
        Reply::Set(_) => "set",
        _ => "something else",
    }
}

/// The arguments of a command, or of a block of them, as one line.
fn grammar(about: &Reply, with_names: bool) -> String {
    let Some(arguments) = field(about, "arguments") else {
        return String::new();
    };
    let line = items(arguments).iter().map(|argument| {
        check_fields(argument, ARGUMENT_FIELDS, &argument.to_string());
        let mut line = String::new();
        for (name, value) in pairs(argument) {
            match text(name).as_str() {
                "name" if !with_names => {}
                // Shown instead of the name since 7.2.
                "display_text" if !with_names => {}
                "arguments" => line += &format!("({})", grammar(argument, with_names)),
                _ => line += &format!("{} ", canonical(value)),
            }
        }
        line
    });
    line.collect::<Vec<_>>().join("; ")
}

fn field<'r>(map: &'r Reply, name: &str) -> Option<&'r Reply> {
    let mut pairs = pairs(map).iter();
    pairs.find_map(|(key, value)| (text(key) == name).then_some(value))
}

fn pairs(reply: &Reply) -> &[(Reply, Reply)] {
    match reply {
        Reply::Map(pairs) => pairs,
        other => panic!("no map: {other}"),
    }
}

fn items(reply: &Reply) -> &[Reply] {
    match reply {
        Reply::Array(items) | Reply::Set(items) => items,
        other => panic!("no array: {other}"),
    }
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("no text: {other}"),
    }
}
