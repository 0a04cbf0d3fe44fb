//! Bytes that are no requests, or requests of a shape that nobody would send.

use base::rng::Rng;
use testkit::reply::Reply;

use super::client::{brief, error_text, request};
use super::is_full;
use super::victim::Victim;

/// Noise, words of the protocol in any order, and damaged pipelines. Whatever is answered
/// is whole replies, and the end of the input is the end of the connection.
pub(super) fn random_bytes(victim: &mut Victim) {
    let before = victim.memory_bytes();
    let inputs = if is_full() { 100_000 } else { 600 };
    for _ in 0..inputs {
        let input = match victim.rng.below(3) {
            0 => noise(&mut victim.rng),
            1 => soup(&mut victim.rng),
            _ => damaged_pipeline(&mut victim.rng),
        };
        let mut client = victim.connect();
        let cut = victim.rng.below(input.len() as u64 + 1) as usize;
        client.send(&input[..cut]);
        client.send(&input[cut..]);
        client.shut_down_writing();
        client.replies_to_the_end();
    }
    victim.expect_memory_returned(before, 64);
}

fn noise(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0; 1 + rng.below(4096) as usize];
    rng.fill(&mut bytes);
    bytes
}

fn soup(rng: &mut Rng) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "*",
        "$",
        "\r\n",
        "\r",
        "\n",
        "-",
        "+",
        "0",
        "1",
        "3",
        "5",
        "10",
        "512",
        "16384",
        "1048576",
        "536870912",
        "2147483647",
        "2147483648",
        "9223372036854775807",
        "99999999999999999999",
        "*1\r\n",
        "*3\r\n",
        "$3\r\n",
        "$0\r\n\r\n",
        "$4\r\nPING\r\n",
        "GET",
        "SET",
        "k",
        "\0",
        " ",
        "\"",
        "'",
        "\\x",
        "\u{ff}",
        "*-1\r\n",
        "$-1\r\n",
        "MULTI\r\n",
        "EXEC\r\n",
        "WATCH k\r\n",
    ];
    let words = 1 + rng.below(200);
    let word = |_| WORDS[rng.below(WORDS.len() as u64) as usize].as_bytes();
    (0..words).flat_map(word).copied().collect()
}

fn damaged_pipeline(rng: &mut Rng) -> Vec<u8> {
    const LINES: &[&str] = &[
        "PING",
        "SET k1 v",
        "GET k1",
        "MSET a 1 b 2",
        "INCR n",
        "APPEND k1 x",
        "MULTI",
        "EXEC",
        "SETBIT b 100 1",
        "BITFIELD b SET u8 0 255",
        "GETRANGE k1 0 -1",
        "EXPIRE k1 100",
        "KEYS *",
        "SCAN 0 COUNT 10",
        "HELLO 3",
        "HELLO 2",
        "CLIENT ID",
        "OBJECT ENCODING k1",
        "COPY k1 k2",
        "LCS k1 k2 IDX",
        "COMMAND COUNT",
        "CONFIG GET max*",
    ];
    let mut bytes = Vec::new();
    for _ in 0..1 + rng.below(20) {
        let line = LINES[rng.below(LINES.len() as u64) as usize];
        bytes.extend(request(&line.split(' ').collect::<Vec<_>>()));
    }
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(bytes.len() as u64) as usize;
        match rng.below(5) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = b'0' + rng.below(10) as u8,
            2 => bytes.truncate(at + 1),
            3 => drop(bytes.remove(at)),
            _ => bytes.insert(at, rng.below(256) as u8),
        }
        if bytes.is_empty() {
            bytes.push(b'*');
        }
    }
    bytes
}

/// Counts and lengths that are negative, huge or no numbers. Each is an error and the end
/// of the connection, or is as good as an empty line.
pub(super) fn headers_that_lie(victim: &mut Victim) {
    let count = "ERR Protocol error: invalid multibulk length";
    let length = "ERR Protocol error: invalid bulk length";
    let endless = |first: &str| format!("{first}{}", "1".repeat(70_000));
    let cases: &[(&str, &str)] = &[
        ("*2147483648\r\n", count),
        ("*9223372036854775808\r\n", count),
        ("*-9223372036854775809\r\n", count),
        ("*99999999999999999999999\r\n", count),
        ("*1e3\r\n", count),
        ("*+1\r\n", count),
        ("* 1\r\n", count),
        ("*\r\n", count),
        ("*1\r\n$-1\r\n", length),
        ("*1\r\n$-2147483649\r\n", length),
        ("*1\r\n$536870913\r\n", length),
        ("*1\r\n$9223372036854775807\r\n", length),
        ("*1\r\n$18446744073709551616\r\n", length),
        ("*1\r\n$\r\n", length),
        ("*1\r\n$0x1\r\n", length),
        ("*1\r\nGET\r\n", "ERR Protocol error: expected '$', got 'G'"),
        (
            "*2\r\n$4\r\nECHO\r\n\r\n",
            "ERR Protocol error: expected '$', got '.'",
        ),
        (
            "GET 'k\r\n",
            "ERR Protocol error: unbalanced quotes in request",
        ),
        (
            &endless("*"),
            "ERR Protocol error: too big mbulk count string",
        ),
        (
            &endless("*1\r\n$"),
            "ERR Protocol error: too big bulk count string",
        ),
        (&endless(""), "ERR Protocol error: too big inline request"),
    ];
    for (bytes, expected) in cases {
        let mut client = victim.connect();
        client.send(bytes.as_bytes());
        let reply = client
            .reply()
            .unwrap_or_else(|| panic!("no error for {:.40}", bytes));
        assert_eq!(error_text(&reply), *expected, "{bytes:.40}");
        assert_eq!(client.reply(), None, "{bytes:.40} is the end");
    }
    for nothing in [
        "*0\r\n",
        "*-1\r\n",
        "*-9223372036854775808\r\n",
        "\r\n",
        "\n",
        "   \r\n",
    ] {
        let mut client = victim.connect();
        client.send(nothing.repeat(100).as_bytes());
        assert_eq!(
            client.ask(&["PING"]),
            Reply::Simple(b"PONG".to_vec()),
            "{nothing:?}"
        );
    }
}

/// Commands of a million words: one well-formed answer, and others go on.
pub(super) fn a_million_arguments(victim: &mut Victim) {
    const WORDS: usize = 1_000_000;
    let before = victim.memory_bytes();
    let mut client = victim.connect();
    client.ask(&["SET", "k", "value"]);
    let lines: &[(&[&str], &str)] = &[
        (&["EXISTS"], "k"),
        (&["TOUCH"], "k"),
        (&["MGET"], "k"),
        (&["DEL"], "k"),
        (&["MSET"], "7"),
        (&["MSETNX"], "7"),
        (&["PING"], "k"),
        (&["GET"], "k"),
        (&["NOSUCH"], "k"),
        (&["BITOP", "XOR", "7"], "7"),
        (&["BITFIELD", "7"], "GET"),
        (&["BITCOUNT"], "k"),
        (&["COMMAND", "GETKEYS", "MGET"], "k"),
        (&["COMMAND", "DOCS"], "get"),
        (&["COMMAND", "INFO"], "get"),
        (&["SET", "k", "v"], "XX"),
        (&["GETEX", "k"], "PERSIST"),
        (&["CLIENT", "LIST", "ID"], "1"),
        (&["CONFIG", "GET"], "port"),
        (&["CONFIG", "SET"], "port"),
        (&["SCAN", "0"], "COUNT"),
        (&["INFO"], "server"),
        (&["WATCH"], "k"),
        (&["UNLINK"], "7"),
        (&["HELLO", "3"], "AUTH"),
    ];
    for (line, word) in lines {
        let mut argv = line.to_vec();
        // What is answered at length is asked of fewer. MSET and its like need an odd number.
        let is_wordy = ["COMMAND", "CLIENT", "BITFIELD", "CONFIG"].contains(&line[0]);
        let words = if is_wordy { WORDS / 50 } else { WORDS };
        argv.resize(words + 1, word);
        let reply = client.ask(&argv);
        println!("{}: {:.80}", line[0], brief(&reply));
        assert_eq!(client.ask(&["ECHO", "next"]), Reply::Bulk(b"next".to_vec()));
    }
    drop(client);
    distinct_keys(victim, WORDS / 5);
    victim.ask(&["FLUSHALL"]);
    victim.expect_memory_returned(before, 192);
}

/// Many keys in one command, all different: nothing may look at each beside each.
fn distinct_keys(victim: &mut Victim, count: usize) {
    let keys: Vec<String> = (0..count).map(|i| format!("distinct:{i}")).collect();
    let mut client = victim.connect();
    for name in ["MGET", "EXISTS", "MSET", "DEL"] {
        let words = keys.iter().map(String::as_str);
        let argv: Vec<&str> = std::iter::once(name).chain(words).collect();
        let reply = client.ask(&argv);
        assert!(
            !matches!(reply, Reply::Error(_)),
            "{name}: {}",
            brief(&reply)
        );
    }
    let words = keys.iter().map(String::as_str);
    let argv: Vec<&str> = std::iter::once("WATCH").chain(words).collect();
    assert_eq!(client.ask(&argv), Reply::Simple(b"OK".to_vec()));
    client.ask(&["UNWATCH"]);
}

/// Names of a megabyte, with line ends and NUL in them; keys of every byte; nothing at all
/// where a word should be. What an error quotes never breaks its line.
pub(super) fn names_and_keys_of_any_bytes(victim: &mut Victim) {
    let mut client = victim.connect();
    let every: Vec<u8> = (0..=255).collect();
    let mega = vec![b'x'; 1 << 20];
    let mut noise = vec![0; 1000];
    victim.rng.fill(&mut noise);
    let injected = b"a\r\n+OK\r\n$2\r\nhi\r\n".to_vec();
    let words: [&[u8]; 5] = [&every, &mega, &noise, &injected, b""];
    for word in words {
        for argv in [
            vec![word],
            vec![word; 3],
            vec![b"CLIENT", word],
            vec![b"CONFIG", word, word],
            vec![b"CONFIG", b"SET", word, word],
            vec![b"CONFIG", b"SET", b"maxmemory-policy", word],
            vec![b"CLIENT", b"SETNAME", word],
            vec![b"CLIENT", b"KILL", b"ADDR", word],
            vec![b"CLIENT", b"KILL", word],
            vec![b"HELLO", word],
            vec![b"HELLO", b"3", b"AUTH", word, word],
            vec![b"AUTH", word],
            vec![b"SELECT", word],
            vec![b"COMMAND", b"INFO", word],
            vec![b"DEBUG", word],
            vec![b"OBJECT", word, b"k"],
            vec![b"SET", b"k", b"v", word],
            vec![b"INFO", word],
            vec![b"SCRIPT", word],
            vec![b"FUNCTION", word],
        ] {
            // A name of nothing counts as an empty one.
            client.ask(&argv);
            let next = client.ask(&["ECHO", "in step"]);
            assert_eq!(next, Reply::Bulk(b"in step".to_vec()), "{:?}", argv[0]);
        }
        client.ask(&["HELLO", "2"]);
        client.ask(&["SELECT", "0"]);
        let kept = client.ask(&[b"SET", word, word]);
        assert_eq!(kept, Reply::Simple(b"OK".to_vec()));
        assert_eq!(client.ask(&[b"GET", word]), Reply::Bulk(word.to_vec()));
        assert_eq!(
            client.ask(&[b"STRLEN", word]),
            Reply::Integer(word.len() as i64)
        );
        assert_eq!(client.ask(&[b"DEL", word]), Reply::Integer(1));
    }
}

/// Browsers and others who do not mean us: those who could be abused to write are cut off
/// without an answer.
pub(super) fn other_protocols(victim: &mut Victim) {
    let cut_off: [&[u8]; 4] = [
        b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET smuggled 1\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSET smuggled 1\r\n",
        b"post x\r\nSET smuggled 1\r\n",
        b"*1\r\n$5\r\nhost:\r\n*3\r\n$3\r\nSET\r\n$8\r\nsmuggled\r\n$1\r\n1\r\n",
    ];
    for bytes in cut_off {
        let mut client = victim.connect();
        client.send(bytes);
        let replies = client.replies_to_the_end();
        let is_calm = replies.iter().all(|reply| matches!(reply, Reply::Error(_)));
        assert!(is_calm, "{:?}", replies);
    }
    assert_eq!(victim.ask(&["EXISTS", "smuggled"]), Reply::Integer(0));
    // A TLS greeting, an SSH banner, a PostgreSQL start packet.
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f\n",
    ] {
        let mut client = victim.connect();
        client.send(bytes);
        client.shut_down_writing();
        for reply in client.replies_to_the_end() {
            error_text(&reply);
        }
    }
}

/// Patterns that a naive matcher needs for ever for.
pub(super) fn patterns_of_stars(victim: &mut Victim) {
    let mut client = victim.connect();
    for i in 0..50 {
        client.ask(&["SET", &format!("{}{i}", "a".repeat(5_000)), "v"]);
    }
    let stars = "*a".repeat(2_000) + "*b";
    let classes = "*[a-z]".repeat(1_000) + "b";
    let open = "[".repeat(10_000);
    let escapes = "\\".repeat(10_001);
    let questions = "?*".repeat(2_000) + "b";
    for pattern in [&stars, &classes, &open, &escapes, &questions] {
        for argv in [
            &["KEYS", pattern][..],
            &["SCAN", "0", "COUNT", "1000", "MATCH", pattern],
            &["CONFIG", "GET", pattern],
            &["COMMAND", "LIST", "FILTERBY", "PATTERN", pattern],
        ] {
            let reply = client.ask(argv);
            assert!(!matches!(reply, Reply::Error(_)), "{}", brief(&reply));
        }
    }
}
