//! Clients that would have the server remember things without end.

use std::time::Duration;

use testkit::reply::Reply;

use super::client::{Client, request};
use super::victim::Victim;

/// How long the server may take nothing from a client before that is its last word.
const STUCK: Duration = Duration::from_millis(200);

/// Eight clients that ask for long values and lists of them and read nothing.
pub(super) fn clients_that_never_read(victim: &mut Victim) {
    set_long_values(victim);
    let before = victim.memory_bytes();
    let lists: Vec<&str> = std::iter::once("MGET")
        .chain(std::iter::repeat_n("short", 500))
        .collect();
    let requests = [
        request(&["GET", "long"]),
        request(&["GET", "short"]),
        request(&["MGET", "long", "long", "long", "long"]),
        request(&lists),
    ];
    let mut deaf = Vec::new();
    for i in 0..8 {
        let mut client = victim.connect();
        let pipeline = requests[i % requests.len()].repeat(100);
        client.stuff(&pipeline, 64 << 20, STUCK);
        deaf.push(client);
    }
    victim.expect_memory(before, 256, "eight clients that never read");
    drop(deaf);
    victim.expect_memory_returned(before, 64);
}

/// One request for 30 GB in many pieces, unread: what is not copied costs next to nothing.
pub(super) fn one_enormous_reply(victim: &mut Victim) {
    set_long_values(victim);
    let before = victim.memory_bytes();
    let mut argv = vec!["MGET"];
    argv.resize(300_001, "long");
    let bytes = request(&argv);
    let mut deaf: Vec<Client> = (0..2).map(|_| victim.connect()).collect();
    for client in &mut deaf {
        client.send(&bytes);
    }
    // Its first bytes show that it has been executed.
    for client in &mut deaf {
        client.drain(1);
    }
    victim.expect_memory(before, 256, "two replies of 30 GB");
    drop(deaf);
    victim.expect_memory_returned(before, 64);
    // More than may be copied: closed, not swallowed.
    argv.fill("short");
    argv[0] = "MGET";
    let mut greedy = victim.connect();
    greedy.send(&request(&argv));
    assert_eq!(greedy.reply(), None, "3 GB are not copied for one client");
    drop(greedy);
    victim.expect_memory_returned(before, 64);
}

fn set_long_values(victim: &Victim) {
    let mut client = victim.connect();
    client.ask(&["SET", "long", &"x".repeat(100_000)]);
    client.ask(&["SET", "short", &"x".repeat(10_000)]);
}

/// Twelve clients that announce a lot and then fall silent.
pub(super) fn requests_that_never_end(victim: &mut Victim) {
    let before = victim.memory_bytes();
    let mut silent = Vec::new();
    for i in 0..12 {
        let mut client = victim.connect();
        match i % 4 {
            0 => {
                client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n");
                client.send(&vec![b'x'; 1 << 20]);
            }
            1 => {
                client.send(b"*1000000\r\n$4\r\nMGET\r\n");
                client.send(&b"$1\r\nk\r\n".repeat(100_000));
            }
            2 => client.send(b"*2147483647\r\n$1\r\n"),
            _ => client.send(&vec![b'y'; 60_000]),
        }
        silent.push(client);
    }
    std::thread::sleep(Duration::from_millis(200));
    victim.expect_memory(before, 256, "twelve requests that never end");
    drop(silent);
    victim.expect_memory_returned(before, 64);
}

/// MULTI without EXEC, with long and with short commands: closed at a bound. And a
/// transaction that is spoiled anyway keeps nothing.
pub(super) fn endless_transactions(victim: &mut Victim) {
    let before = victim.memory_bytes();
    let long = "x".repeat(100_000);
    for (argv, limit_mib) in [(&["SET", "k", &long][..], 256), (&["PING"], 128)] {
        let mut client = quiet_transaction(victim);
        let pipeline = request(argv).repeat(1 + 200_000 / request(argv).len());
        let sent = client.stuff(&pipeline, limit_mib << 20, Duration::from_secs(5));
        victim.expect_memory(before, 256, "an endless transaction");
        assert!(
            sent < limit_mib << 20,
            "{sent} bytes of {} were taken",
            argv[0]
        );
        assert_eq!(client.reply(), None);
        victim.expect_memory_returned(before, 128);
    }
    let mut client = quiet_transaction(victim);
    client.send(&request(&["NOSUCH"]));
    client.stuff(&request(&["SET", "k", &long]), 64 << 20, STUCK);
    victim.expect_memory(before, 128, "a spoiled transaction");
}

fn quiet_transaction(victim: &Victim) -> Client {
    let mut client = victim.connect();
    assert_eq!(client.ask(&["MULTI"]), Reply::Simple(b"OK".to_vec()));
    client.ask(&["DISCARD"]);
    client.send(&request(&["CLIENT", "REPLY", "OFF"]));
    client.send(&request(&["MULTI"]));
    client
}

/// Sixty clients without the password: they get small bounds.
pub(super) fn strangers(victim: &mut Victim) {
    // Who is in already stays in, the witness too.
    let mut known = victim.connect();
    known.ask(&["CONFIG", "SET", "requirepass", "secret"]);
    let before = victim.memory_bytes();
    let words = ["x".repeat(16_384); 1];
    let argument = request(&words)[b"*1\r\n".len()..].to_vec();
    let mut all = Vec::new();
    for i in 0..60 {
        let mut client = victim.connect();
        match i % 4 {
            0 => drop(client.stuff(&request(&["GET", "k"]).repeat(500), 4 << 20, STUCK / 4)),
            1 => {
                client.send(b"*10\r\n");
                client.send(&argument.repeat(9));
                client.send(&argument[..argument.len() - 3]);
            }
            2 => client.send(&vec![b'x'; 64 * 1024]),
            _ => client.send(b"*10\r\n$16383\r\n"),
        }
        all.push(client);
    }
    std::thread::sleep(Duration::from_millis(200));
    // Sixteen, and what each loop's heap rounds up to in huge pages.
    let bound_mib = 16 + 8 + victim.thread_mib(60);
    victim.expect_memory(before, bound_mib, "sixty strangers");
    for (bytes, error) in [
        (
            "*11\r\n",
            "ERR Protocol error: unauthenticated multibulk length",
        ),
        (
            "*1\r\n$16385\r\n",
            "ERR Protocol error: unauthenticated bulk length",
        ),
        (
            "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
            "NOAUTH Authentication required.",
        ),
    ] {
        let mut client = victim.connect();
        client.send(bytes.as_bytes());
        let reply = client.reply().expect("an error");
        assert_eq!(super::client::error_text(&reply), error);
    }
    drop(all);
    victim.expect_memory_returned(before, bound_mib);
    known.ask(&["CONFIG", "SET", "requirepass", ""]);
}
