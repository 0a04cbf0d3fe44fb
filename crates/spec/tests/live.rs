//! The table against a real redis-server 7.0, asked over a socket.
//!
//! Four questions, each for every spec of the table: does `COMMAND INFO` say the same, does
//! `COMMAND DOCS`, does `COMMAND GETKEYSANDFLAGS` find the same keys in random lines, and does the
//! server accept the form of those lines? Where newer versions differ from 7.0, the difference is
//! listed in [`NEWER`] with its reason, and the test fails when it is gone as well as when another
//! appears. Without a redis-server 7.0 on the PATH the tests say so on stderr and pass.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use spec::{Arg, Begin, Find, KeySpec, Spec, every, keys_of, sample};

/// (command, field, why it differs from 7.0). The field `all` means that 7.0 lacks the command.
const NEWER: &[(&str, &str, &str)] = &[
    (
        "bitop",
        "args",
        "operations are listed since 7.2; four came with 8.2",
    ),
    ("bitop", "history", "the operations of 8.2"),
    ("blmove", "flags", "7.2 lets it into scripts"),
    ("blpop", "flags", "7.2 lets it into scripts"),
    ("brpop", "flags", "7.2 lets it into scripts"),
    ("brpoplpush", "flags", "7.2 lets it into scripts"),
    ("bzpopmax", "flags", "7.2 lets it into scripts"),
    ("bzpopmin", "flags", "7.2 lets it into scripts"),
    (
        "client|kill",
        "args",
        "MAXAGE came with 7.4; forms of a choice are not optional one by one",
    ),
    (
        "client|kill",
        "history",
        "MAXAGE; two changes of 2.8.12 are one line here",
    ),
    (
        "client|list",
        "args",
        "TYPE and ID were never accepted together",
    ),
    ("client|list", "history", "fields of 7.2"),
    ("client|no-touch", "all", "came with 7.2"),
    (
        "client|pause",
        "since",
        "7.2 counts from the release, not from its preview 2.9.50",
    ),
    ("client|setinfo", "all", "came with 7.2"),
    ("client|setname", "tips", "added with 7.2"),
    ("command|getkeys", "args", "documented since 7.2"),
    (
        "command|getkeys",
        "arity",
        "a command without arguments is a question too, since 7.2",
    ),
    ("command|getkeysandflags", "args", "documented since 7.2"),
    (
        "command|getkeysandflags",
        "arity",
        "a command without arguments is a question too, since 7.2",
    ),
    (
        "config|get",
        "args",
        "a block of one part is that part, since 7.2",
    ),
    ("config|resetstat", "tips", "added with 7.2"),
    ("config|rewrite", "tips", "added with 7.2"),
    (
        "debug",
        "args",
        "7.0 documents none, though its arity asks for one",
    ),
    ("delifeq", "all", "came with Valkey 9.0"),
    (
        "geohash",
        "args",
        "the members are optional, which is said since 7.2",
    ),
    (
        "geopos",
        "args",
        "the members are optional, which is said since 7.2",
    ),
    ("georadius", "args", "names of 7.2"),
    ("georadiusbymember", "args", "names of 7.2"),
    ("hexpire", "all", "came with 7.4"),
    ("hexpireat", "all", "came with 7.4"),
    ("hexpiretime", "all", "came with 7.4"),
    ("hgetdel", "all", "came with 8.0"),
    ("hgetex", "all", "came with 8.0"),
    ("hpersist", "all", "came with 7.4"),
    ("hpexpire", "all", "came with 7.4"),
    ("hpexpireat", "all", "came with 7.4"),
    ("hpexpiretime", "all", "came with 7.4"),
    ("hpttl", "all", "came with 7.4"),
    ("hscan", "args", "NOVALUES came with 7.4"),
    ("hsetex", "all", "came with 8.0"),
    ("httl", "all", "came with 7.4"),
    (
        "lcs",
        "args",
        "LEN and IDX were never accepted together; 7.0 calls MINMATCHLEN's value `len`",
    ),
    ("msetex", "all", "came with 8.4"),
    (
        "msetnx",
        "tips",
        "taken back with 7.2: shards cannot agree on `all or none`",
    ),
    (
        "pfmerge",
        "args",
        "the sources are optional, which is said since 7.2",
    ),
    ("psetex", "deprecated", "declared with 7.2"),
    ("quit", "deprecated", "declared with 7.2"),
    ("randomkey", "tips", "completed with 7.2"),
    (
        "restore",
        "args",
        "IDLETIME and FREQ were never accepted together",
    ),
    ("scan", "tips", "completed with 7.2"),
    ("set", "args", "IFEQ"),
    ("set", "history", "IFEQ"),
    ("setex", "deprecated", "declared with 7.2"),
    ("setnx", "deprecated", "declared with 7.2"),
    (
        "shutdown",
        "args",
        "ABORT was never accepted with another option",
    ),
    ("sort", "args", "names of 7.2"),
    ("sort_ro", "args", "names of 7.2"),
    ("xackdel", "all", "came with 8.2"),
    ("xadd", "args", "KEEPREF and its like; names of 7.2"),
    ("xadd", "history", "KEEPREF and its like"),
    ("xclaim", "args", "names of 7.2"),
    ("xdelex", "all", "came with 8.2"),
    ("xgroup|create", "args", "names of 7.2"),
    ("xgroup|createconsumer", "args", "names of 7.2"),
    ("xgroup|delconsumer", "args", "names of 7.2"),
    ("xgroup|destroy", "args", "names of 7.2"),
    ("xgroup|setid", "args", "names of 7.2"),
    ("xinfo|consumers", "args", "names of 7.2"),
    ("xinfo|consumers", "history", "a field of 7.2"),
    (
        "xinfo|stream",
        "args",
        "FULL is a word of its own since 7.2",
    ),
    ("xinfo|stream", "history", "a field of 7.2"),
    ("xsetid", "args", "names of 7.2"),
    ("xtrim", "args", "KEEPREF and its like"),
    ("xtrim", "history", "KEEPREF and its like"),
    ("zrank", "args", "WITHSCORE came with 7.2"),
    ("zrank", "arity", "WITHSCORE came with 7.2"),
    ("zrank", "history", "WITHSCORE came with 7.2"),
    ("zrevrank", "args", "WITHSCORE came with 7.2"),
    ("zrevrank", "arity", "WITHSCORE came with 7.2"),
    ("zrevrank", "history", "WITHSCORE came with 7.2"),
    ("zscan", "args", "NOSCORES came with Valkey 8.0"),
];

#[test]
fn command_info_agrees() {
    let Some(server) = Server::start("info") else {
        return;
    };
    let mut client = server.connect();
    let mut found = Differences::default();
    for spec in every() {
        let reply = client.ask(&["COMMAND", "INFO", &spec.full_name()]);
        match &reply.items()[0] {
            Reply::Null => found.note(spec, "all", "absent", "present"),
            theirs => compare_info(spec, theirs.items(), &mut found),
        }
    }
    found.finish(&[
        "all",
        "arity",
        "flags",
        "triple",
        "categories",
        "tips",
        "keys",
    ]);
}

fn compare_info(spec: &Spec, theirs: &[Reply], found: &mut Differences) {
    let (first, last, step) = spec.first_last_step();
    let triple = format!(
        "{} {} {}",
        theirs[3].text(),
        theirs[4].text(),
        theirs[5].text()
    );
    let categories = joined(spec.implied().names()).replace(' ', " @");
    let categories = if categories.is_empty() {
        categories
    } else {
        format!("@{categories}")
    };
    let keys: String = theirs[8].items().iter().map(shown_key_of_theirs).collect();
    found.compare(spec, "arity", &theirs[1].text(), &spec.arity.to_string());
    found.compare(
        spec,
        "flags",
        &theirs[2].words(),
        &joined(spec.flags.names()),
    );
    found.compare(
        spec,
        "triple",
        &triple,
        &format!("{first} {last} {step}").replace("0 0 1", "0 0 0"),
    );
    found.compare(spec, "categories", &theirs[6].words(), &categories);
    found.compare(
        spec,
        "tips",
        &theirs[7].words(),
        &joined(spec.tips.iter().copied()),
    );
    found.compare(
        spec,
        "keys",
        &keys,
        &spec.keys.iter().map(shown_key).collect::<String>(),
    );
}

#[test]
fn command_docs_agree() {
    let Some(server) = Server::start("docs") else {
        return;
    };
    let mut client = server.connect();
    let mut found = Differences::default();
    for spec in every() {
        let reply = client.ask(&["COMMAND", "DOCS", &spec.full_name()]);
        let [_, theirs] = reply.items() else { continue };
        let field = |name| theirs.field(name).map_or(String::new(), Reply::text);
        let list = |name| theirs.field(name).map_or(&[][..], Reply::items);
        let history = list("history")
            .iter()
            .map(|change| change.items()[0].text());
        let args: String = list("arguments")
            .iter()
            .map(|arg| shown_arg_of_theirs(arg, 0))
            .collect();
        found.compare(spec, "since", &field("since"), spec.since);
        found.compare(spec, "group", &field("group"), spec.group.name());
        found.compare(
            spec,
            "deprecated",
            &field("deprecated_since"),
            spec.deprecated.map_or("", |it| it.since),
        );
        let internal = theirs
            .field("doc_flags")
            .map_or(String::new(), Reply::words);
        let internal = internal.contains("syscmd").to_string();
        found.compare(spec, "internal", &internal, &spec.internal.to_string());
        found.compare(
            spec,
            "history",
            &joined(history),
            &joined(spec.history.iter().map(|it| it.0)),
        );
        let ours: String = spec.args.iter().map(|arg| shown_arg(arg, 0)).collect();
        found.compare(spec, "args", &args, &ours);
    }
    found.finish(&[
        "since",
        "group",
        "deprecated",
        "internal",
        "history",
        "args",
    ]);
}

#[test]
fn keys_of_random_lines_agree() {
    let Some(server) = Server::start("keys") else {
        return;
    };
    let mut client = server.connect();
    let mut below = draws(11);
    for spec in every().filter(|spec| spec.has_keys() && !is_newer(spec)) {
        for _ in 0..200 {
            let line = sample(spec, &mut below);
            // Its second key spec finds nothing then, and 7.0 gives up.
            let is_bare = spec.name == "pfmerge" && line.len() == 2;
            if has_newer_token(spec.args, &line) || is_bare {
                continue;
            }
            let mut ours = Vec::new();
            keys_of(spec, line.len(), &|index| &line[index], &mut ours).unwrap();
            let ours = ours.iter().map(|key| {
                format!(
                    "{}:{};",
                    String::from_utf8_lossy(&line[key.index]),
                    joined(key.access.names())
                )
            });
            let mut question: Vec<&[u8]> = vec![b"COMMAND", b"GETKEYSANDFLAGS"];
            question.extend(line.iter().map(Vec::as_slice));
            let reply = client.ask(&question);
            let theirs = reply
                .items()
                .iter()
                .map(|key| format!("{}:{};", key.items()[0].text(), key.items()[1].words()));
            let (mut ours, mut theirs): (Vec<_>, Vec<_>) = (ours.collect(), theirs.collect());
            if spec.name.starts_with("georadius") {
                // Of two places to store to, Redis names the last one first.
                ours.sort();
                theirs.sort();
            }
            assert_eq!(ours, theirs, "{}", shown(&line));
        }
    }
}

#[test]
fn the_server_accepts_the_form_of_random_lines() {
    let Some(server) = Server::start("form") else {
        return;
    };
    let mut below = draws(12);
    // These would stop the server, hold up the test, or have no fixed form at all.
    let unfit = [
        "shutdown",
        "debug",
        "client|pause",
        "client|reply",
        "pfselftest",
        // There are as many weights as keys.
        "zinter",
        "zinterstore",
        "zunion",
        "zunionstore",
        // LIMIT goes with scores and names only, and WITHSCORES not with names.
        "zrange",
        "zrangestore",
        // LIMIT goes with ~ only.
        "xadd",
        "xtrim",
    ];
    // After these the connection may be closed or speak another protocol.
    let parting = ["hello", "quit", "client|kill"];
    let fit = every().filter(|spec| !unfit.contains(&&*spec.full_name()) && !is_newer(spec));
    for spec in fit.filter(|spec| !spec.is_container()) {
        let mut client = server.connect();
        for _ in 0..200 {
            let line = sample(spec, &mut below);
            if has_newer_token(spec.args, &line) {
                continue;
            }
            let answer = if parting.contains(&&*spec.full_name()) {
                server.connect().first_line(&line)
            } else if spec.flags.contains(spec::Flags::BLOCKING) {
                // Inside a transaction nobody waits.
                client.ask(&["MULTI"]);
                let queued = client.ask(&line).error();
                match client.ask(&["EXEC"]) {
                    Reply::Items(replies) => replies[0].error(),
                    _ => queued,
                }
            } else {
                client.ask(&line).error()
            };
            let words = ["syntax", "unknown", "Unknown"]
                .iter()
                .any(|part| answer.contains(part));
            let count = answer.contains("wrong number") && !is_listed(spec, "arity");
            let wrong = words || count;
            assert!(!wrong, "{}: {answer}", shown(&line));
        }
    }
}

/// True when 7.0 does not have the command.
fn is_newer(spec: &Spec) -> bool {
    is_listed(spec, "all")
}

fn is_listed(spec: &Spec, field: &str) -> bool {
    NEWER
        .iter()
        .any(|&(name, other, _)| name == spec.full_name() && other == field)
}

/// True when the line uses a word that came after 7.0.
fn has_newer_token(args: &[Arg], line: &[Vec<u8>]) -> bool {
    args.iter().any(|arg| {
        let number = |part: &str| part.parse::<u32>().expect("versions are numbers");
        let newer = arg
            .since
            .is_some_and(|since| since.split('.').map(number).gt([7, 0, 99]));
        let token = arg.token.unwrap_or("?").as_bytes();
        let used = line.iter().any(|word| word.eq_ignore_ascii_case(token));
        (newer && used) || has_newer_token(arg.children(), line)
    })
}

/// Differences found so far.
#[derive(Default)]
struct Differences {
    found: BTreeSet<(String, &'static str)>,
    shown: String,
}

impl Differences {
    fn compare(&mut self, spec: &Spec, field: &'static str, theirs: &str, ours: &str) {
        if theirs != ours {
            self.note(spec, field, theirs, ours);
        }
    }

    fn note(&mut self, spec: &Spec, field: &'static str, theirs: &str, ours: &str) {
        let name = spec.full_name().into_owned();
        writeln!(
            self.shown,
            "{name} {field}\n  theirs: {theirs}\n  ours:   {ours}"
        )
        .expect("memory");
        self.found.insert((name, field));
    }

    /// They are to be those that [`NEWER`] lists for these fields, no more and no fewer.
    fn finish(self, fields: &[&str]) {
        let listed = NEWER.iter().filter(|(_, field, _)| fields.contains(field));
        let listed: BTreeSet<_> = listed
            .map(|&(name, field, _)| (name.to_owned(), field))
            .collect();
        let new: Vec<_> = self.found.difference(&listed).collect();
        let gone: Vec<_> = listed.difference(&self.found).collect();
        assert!(
            new.is_empty() && gone.is_empty(),
            "{}\nnew: {new:#?}\ngone: {gone:#?}",
            self.shown
        );
    }
}

fn joined(names: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut all = String::new();
    for name in names {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(name.as_ref());
    }
    all
}

fn shown(line: &[Vec<u8>]) -> String {
    joined(line.iter().map(|word| String::from_utf8_lossy(word)))
}

fn shown_key(key: &KeySpec) -> String {
    let begin = match key.begin {
        Begin::Index(index) => format!("index {index}"),
        Begin::Keyword { word, start_from } => format!("keyword {word} {start_from}"),
        Begin::Unknown => "unknown".to_owned(),
    };
    let find = match key.find {
        Find::Range { last, step, limit } => format!("range {last} {step} {limit}"),
        Find::KeyNum {
            keynum_index,
            first,
            step,
        } => format!("keynum {keynum_index} {first} {step}"),
        Find::Unknown => "unknown".to_owned(),
    };
    format!("[{} {begin} {find}]", joined(key.access.names()))
}

fn shown_key_of_theirs(key: &Reply) -> String {
    let half = |name| {
        let half = key.field(name).expect("both halves are always there");
        let values = half.field("spec").map_or(&[][..], Reply::items).chunks(2);
        let kind = half.field("type").map(Reply::text);
        joined(kind.into_iter().chain(values.map(|pair| pair[1].text())))
    };
    let flags = key.field("flags").map_or(String::new(), Reply::words);
    format!("[{flags} {} {}]", half("begin_search"), half("find_keys"))
}

/// An argument without what 7.2 has changed everywhere: names of blocks and choices, which label
/// a node and are never typed, and the letter case of tokens.
fn shown_arg(arg: &Arg, depth: usize) -> String {
    let facts = [
        ("token", arg.token.map(str::to_uppercase)),
        ("since", arg.since.map(str::to_owned)),
        ("until", arg.deprecated_since.map(str::to_owned)),
        ("spec", arg.key_spec_index.map(|index| index.to_string())),
        (
            "flags",
            Some(joined(arg.flag_names())).filter(|flags| !flags.is_empty()),
        ),
    ];
    let name = if arg.children().is_empty() {
        arg.name
    } else {
        ""
    };
    let mut line = format!("\n    {:depth$}{name}:{}", "", arg.kind.name());
    for (name, fact) in facts {
        line.extend(fact.map(|fact| format!(" {name}={fact}")));
    }
    line.extend(
        arg.children()
            .iter()
            .map(|child| shown_arg(child, depth + 2)),
    );
    line
}

fn shown_arg_of_theirs(arg: &Reply, depth: usize) -> String {
    let text = |name| arg.field(name).map(Reply::text);
    let children = arg.field("arguments").map_or(&[][..], Reply::items);
    let name = if children.is_empty() {
        text("name")
    } else {
        None
    };
    let name = name.unwrap_or_default();
    let kind = text("type").expect("every argument has a type");
    let facts = [
        ("token", text("token").map(|token| token.to_uppercase())),
        ("since", text("since")),
        ("until", text("deprecated_since")),
        ("spec", text("key_spec_index")),
        ("flags", arg.field("flags").map(Reply::words)),
    ];
    let mut line = format!("\n    {:depth$}{name}:{kind}", "");
    for (name, fact) in facts {
        line.extend(fact.map(|fact| format!(" {name}={fact}")));
    }
    let children = arg.field("arguments").map_or(&[][..], Reply::items);
    line.extend(
        children
            .iter()
            .map(|child| shown_arg_of_theirs(child, depth + 2)),
    );
    line
}

/// Random numbers that are the same in every run.
fn draws(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |n| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % n
    }
}

/// A redis-server 7.0 of this test's own, killed when dropped.
struct Server {
    process: Child,
    port: u16,
    dir: PathBuf,
}

impl Server {
    /// `None`, and a word on stderr that no test runner swallows, when there is none to be had.
    fn start(test: &str) -> Option<Server> {
        let version = Command::new("redis-server").arg("--version").output();
        let version = version.map_or(String::new(), |out| {
            String::from_utf8_lossy(&out.stdout).into_owned()
        });
        if !version.contains(" v=7.0.") {
            writeln!(
                io::stderr(),
                "SKIPPED {test}: needs redis-server 7.0, found {version:?}"
            )
            .ok();
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("a bound address").port();
        drop(free);
        let dir = std::env::temp_dir().join(format!("ochre-spec-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory for the server");
        let process = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--appendonly",
                "no",
            ])
            .args(["--save", "", "--dir"])
            .arg(&dir)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server starts");
        Some(Server { process, port, dir })
    }

    fn connect(&self) -> Client {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => {
                    stream
                        .set_read_timeout(Some(Duration::from_secs(20)))
                        .expect("a time-out");
                    return Client {
                        stream: BufReader::new(stream),
                    };
                }
                Err(error) => assert!(Instant::now() < deadline, "no answer: {error}"),
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        std::fs::remove_dir_all(&self.dir).ok();
    }
}

/// A RESP2 connection: one question, one answer.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn ask(&mut self, words: &[impl AsRef<[u8]>]) -> Reply {
        self.send(words);
        self.read()
    }

    /// The first line of the answer; empty when the server hangs up instead.
    fn first_line(&mut self, words: &[impl AsRef<[u8]>]) -> String {
        self.send(words);
        let mut line = String::new();
        self.stream.read_line(&mut line).ok();
        line
    }

    fn send(&mut self, words: &[impl AsRef<[u8]>]) {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            let word = word.as_ref();
            request.extend(format!("${}\r\n", word.len()).into_bytes());
            request.extend(word);
            request.extend(b"\r\n");
        }
        self.stream
            .get_mut()
            .write_all(&request)
            .expect("the server reads");
    }

    fn read(&mut self) -> Reply {
        let mut line = String::new();
        self.stream
            .read_line(&mut line)
            .expect("the server answers");
        let (kind, rest) = line.trim_end().split_at(1);
        match (kind, rest) {
            ("*" | "$", "-1") => Reply::Null,
            ("*", count) => {
                let count: usize = count.parse().expect("a count of items");
                Reply::Items((0..count).map(|_| self.read()).collect())
            }
            ("$", bytes) => {
                let mut text = vec![0; bytes.parse::<usize>().expect("a length") + 2];
                self.stream.read_exact(&mut text).expect("a whole string");
                Reply::Text(String::from_utf8_lossy(&text[..text.len() - 2]).into_owned())
            }
            ("-", error) => Reply::Error(error.to_owned()),
            (_, text) => Reply::Text(text.to_owned()),
        }
    }
}

#[derive(Debug)]
enum Reply {
    Null,
    Text(String),
    Error(String),
    Items(Vec<Reply>),
}

impl Reply {
    fn text(&self) -> String {
        match self {
            Reply::Text(text) => text.clone(),
            other => panic!("not a text: {other:?}"),
        }
    }

    fn items(&self) -> &[Reply] {
        match self {
            Reply::Items(items) => items,
            other => panic!("not a list: {other:?}"),
        }
    }

    /// A list of texts as one.
    fn words(&self) -> String {
        joined(self.items().iter().map(Reply::text))
    }

    /// The value after `name` in a flattened map.
    fn field(&self, name: &str) -> Option<&Reply> {
        let pair = self
            .items()
            .chunks(2)
            .find(|pair| matches!(&pair[0], Reply::Text(key) if key == name))?;
        pair.get(1)
    }

    fn error(&self) -> String {
        match self {
            Reply::Error(error) => error.clone(),
            _ => String::new(),
        }
    }
}
