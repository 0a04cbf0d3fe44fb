//! Numbers at their ends and past them, wherever the command table has a number.

use base::rng::Rng;
use spec::Spec;
use testkit::reply::Reply;

use super::client::{Client, brief, error_text};
use super::is_full;
use super::victim::Victim;

const EXTREMES: &[&str] = &[
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "9223372036854775806",
    "-9223372036854775807",
    "4611686018427387904",
    "9223372036854775",
    "-9223372036854775",
    "18446744073709551615",
    "18446744073709551616",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967295",
    "4294967296",
    "-1",
    "0",
    "-0",
    "+0",
    "+1",
    "00",
    "01",
    "1 ",
    " 1",
    "1\0",
    "0x10",
    "1e3",
    "1e400",
    "-1e400",
    "1e-400",
    "5e-324",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "1e4932",
    "1e5000",
    "0.1",
    "-0.0",
    ".",
    "e",
    "-",
    "+",
    "nan",
    "NaN",
    "-nan",
    "nan(1)",
    "inf",
    "-inf",
    "+inf",
    "Infinity",
    "",
    "\r\n",
    "#9223372036854775807",
    "#-1",
    "u64",
    "u63",
    "i64",
    "i65",
    "u0",
    "i0",
    "i-1",
    "u4294967297",
    "\u{ff}",
    "true",
    "*",
];

/// Commands whose very meaning is to end, to hold up or to switch off something.
fn is_left_out(spec: &Spec) -> bool {
    let name = spec.full_name();
    let parts = [
        "shutdown",
        "quit",
        "reset",
        "multi",
        "exec",
        "debug",
        "client|pause",
        "client|kill",
        "client|reply",
        "config|set",
        "config|rewrite",
    ];
    parts
        .iter()
        .any(|part| base::eq_ignore_case(name.as_bytes(), part.as_bytes()))
        || name.to_ascii_lowercase().starts_with("debug")
}

fn specs() -> Vec<&'static Spec> {
    let leaves = spec::COMMANDS.iter().flat_map(|spec| {
        let itself = (!spec.is_container()).then_some(*spec);
        itself.into_iter().chain(spec.subcommands.iter().copied())
    });
    leaves.filter(|spec| !is_left_out(spec)).collect()
}

/// Every command of the table with one or two of its words replaced by an extreme.
pub(super) fn extreme_numbers(victim: &mut Victim) {
    let before = victim.memory_bytes();
    let mut client = frugal(victim);
    let rounds = if is_full() { 400 } else { 40 };
    let digits = "9".repeat(10_240);
    let fraction = format!("0.{}", "3".repeat(10_240));
    for spec in specs() {
        for _ in 0..rounds {
            let rng = &mut victim.rng;
            let mut line = spec::sample(spec, &mut |end| rng.below(end));
            let named = 1 + usize::from(spec.container.is_some());
            for _ in 0..1 + rng.below(2) {
                if line.len() > named {
                    let at = named + rng.below((line.len() - named) as u64) as usize;
                    line[at] = match rng.below(40) {
                        0 => digits.clone(),
                        1 => format!("-{digits}"),
                        2 => fraction.clone(),
                        _ => EXTREMES[rng.below(EXTREMES.len() as u64) as usize].to_owned(),
                    }
                    .into_bytes();
                }
            }
            one_answer(&mut client, &line);
        }
        client.ask(&["SELECT", "0"]);
        client.ask(&["FLUSHALL"]);
    }
    drop(client);
    victim.expect_memory_returned(before, 128);
}

/// Every command with zero to eight words of any kind.
pub(super) fn any_number_of_arguments(victim: &mut Victim) {
    const WORDS: &[&str] = &["k", "", "1", "-1", "\0", "GET", "0", "EX", "x", "IDX", "*"];
    let mut client = frugal(victim);
    let rounds = if is_full() { 20 } else { 3 };
    for spec in specs() {
        for count in (0..=8).flat_map(|count| std::iter::repeat_n(count, rounds)) {
            let names = spec.container.into_iter().chain([spec.name]);
            let mut line: Vec<Vec<u8>> = names.map(|name| name.as_bytes().to_vec()).collect();
            line.extend((0..count).map(|_| word(&mut victim.rng, WORDS)));
            one_answer(&mut client, &line);
        }
    }
}

fn word(rng: &mut Rng, words: &[&str]) -> Vec<u8> {
    words[rng.below(words.len() as u64) as usize]
        .as_bytes()
        .to_vec()
}

/// One request, one value, and the next request is answered by its own.
fn one_answer(client: &mut Client, line: &[Vec<u8>]) {
    let shown = || -> String {
        let words = line
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned());
        words
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(300)
            .collect()
    };
    // Inside a transaction nobody waits for ever.
    let waits = may_wait(&line[0]);
    if waits {
        client.ask(&["MULTI"]);
    }
    client.send(&super::client::request(line));
    let reply = client
        .reply()
        .unwrap_or_else(|| panic!("closed by {:?}", shown()));
    if waits {
        client.ask(&["EXEC"]);
    }
    client.send(&super::client::request(&["ECHO", "next"]));
    let next = client
        .reply()
        .unwrap_or_else(|| panic!("closed after {:?}", shown()));
    let expected = Reply::Bulk(b"next".to_vec());
    assert_eq!(next, expected, "after {:?}: {}", shown(), brief(&reply));
}

fn may_wait(name: &[u8]) -> bool {
    let at = spec::table::position(name);
    at.is_some_and(|at| spec::COMMANDS[at].flags.contains(spec::Flags::BLOCKING))
}

/// A client of a server where no string grows beyond a megabyte.
fn frugal(victim: &Victim) -> Client {
    let mut client = victim.connect();
    let set = client.ask(&["CONFIG", "SET", "proto-max-bulk-len", "1mb"]);
    assert_eq!(set, Reply::Simple(b"OK".to_vec()));
    client
}

/// Every parameter of the configuration set to extremes: taken or refused, never worse.
pub(super) fn extreme_parameters(victim: &mut Victim) {
    /// They would take the test's own connections away, or write files.
    const LEFT_OUT: &[&str] = &[
        "port",
        "bind",
        "unixsocket",
        "unixsocketperm",
        "dir",
        "logfile",
        "pidfile",
        "maxclients",
        "timeout",
        "requirepass",
        "save",
        "dbfilename",
        "tcp-backlog",
    ];
    let mut client = victim.connect();
    let Reply::Array(all) = client.ask(&["CONFIG", "GET", "*"]) else {
        panic!("CONFIG GET answers pairs");
    };
    for pair in all.chunks(2) {
        let [Reply::Bulk(name), Reply::Bulk(value)] = pair else {
            panic!("a parameter and its value: {pair:?}");
        };
        if LEFT_OUT.iter().any(|left_out| left_out.as_bytes() == name) {
            continue;
        }
        for extreme in EXTREMES {
            let argv = [b"CONFIG", &b"SET"[..], name, extreme.as_bytes()];
            let reply = client.ask(&argv);
            if !matches!(reply, Reply::Error(_)) {
                client.ask(&["SET", "k", "v", "EX", "1000"]);
                client.ask(&["INFO"]);
            }
        }
        client.ask(&[b"CONFIG", &b"SET"[..], name, value]);
    }
    assert_eq!(client.ask(&["GET", "k"]), Reply::Bulk(b"v".to_vec()));
}

/// The last byte that a string may have, from each command that can reach it, and the
/// first that it may not.
pub(super) fn the_longest_strings(victim: &mut Victim) {
    let before = victim.memory_bytes();
    let mut client = victim.connect();
    let longest = Reply::Integer(512 << 20);
    assert_eq!(client.ask(&["SETRANGE", "k", "536870911", "x"]), longest);
    for argv in [
        &["SETRANGE", "k", "536870912", "x"][..],
        &["SETRANGE", "k", "536870911", "xy"],
        &["SETRANGE", "k", "9223372036854775807", "x"],
        &["APPEND", "k", "x"],
        &["SETBIT", "k", "4294967296", "1"],
        &["BITFIELD", "k", "SET", "u8", "4294967296", "1"],
        &["BITFIELD", "k", "SET", "u8", "#536870912", "1"],
    ] {
        error_text(&client.ask(argv));
    }
    assert_eq!(
        client.ask(&["SETBIT", "k", "4294967295", "1"]),
        Reply::Integer(0)
    );
    assert_eq!(
        client.ask(&["GETRANGE", "k", "-1", "-1"]),
        Reply::Bulk(b"y".to_vec())
    );
    assert_eq!(client.ask(&["STRLEN", "k"]), longest);
    // The work of LCS is the product of two lengths.
    let (some, many) = ("ab".repeat(5_000), "ba".repeat(500_000));
    client.ask(&["MSET", "some", &some, "many", &many]);
    for argv in [
        ["LCS", "some", "some"],
        ["LCS", "many", "many"],
        ["LCS", "k", "many"],
    ] {
        client.ask(&argv);
    }
    client.ask(&["DEL", "k"]);
    victim.expect_memory_returned(before, 128);
}
