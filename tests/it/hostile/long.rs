//! Replies that are written as their client reads them: whole and of one moment,
//! whatever becomes of the value meanwhile.

use std::time::Duration;

use testkit::reply::Reply;

use super::client::{Client, request};
use super::victim::Victim;

/// Fields of the value, which outgrows every socket's buffers.
const FIELDS: usize = 100_000;
const VALUE_BYTES: usize = 150;
/// A server that says nothing for so long waits for its client to read.
const STUCK: Duration = Duration::from_millis(300);

/// All of a large hash, in both protocols, in pipelines and transactions.
pub(super) fn replies_of_large_values(victim: &mut Victim) {
    fill(&mut victim.connect());
    let mut client = victim.connect();
    let Reply::Array(flat) = client.ask(&["HGETALL", "long"]) else {
        panic!("an array in RESP2")
    };
    let pairs = flat
        .chunks(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()));
    expect_all(pairs.collect(), FIELDS);
    client.ask(&["HELLO", "3"]);
    let Reply::Map(pairs) = client.ask(&["HGETALL", "long"]) else {
        panic!("a map in RESP3")
    };
    expect_all(pairs, FIELDS);

    // Replies in between stay in between.
    let words: [&[&str]; 5] = [
        &["PING"],
        &["HKEYS", "long"],
        &["ECHO", "behind"],
        &["HVALS", "long"],
        &["PING"],
    ];
    client.send(&words.map(request).concat());
    let mut replies = (0..5).map(|_| client.reply().expect("a reply each"));
    assert_eq!(replies.next(), Some(Reply::Simple(b"PONG".to_vec())));
    assert_eq!(elements(replies.next()).len(), FIELDS);
    assert_eq!(replies.next(), Some(Reply::Bulk(b"behind".to_vec())));
    let values = elements(replies.next());
    assert!(values.iter().all(|it| *it == Reply::Bulk(value())));
    assert_eq!(replies.next(), Some(Reply::Simple(b"PONG".to_vec())));
    drop(replies);

    // A reply within a transaction shows its own moment.
    for words in [
        &["MULTI"][..],
        &["HKEYS", "long"],
        &["HDEL", "long", "field:7"],
        &["HKEYS", "long"],
        &["DEL", "long"],
        &["HKEYS", "long"],
    ] {
        client.ask(words);
    }
    let Reply::Array(replies) = client.ask(&["EXEC"]) else {
        panic!("an array of replies")
    };
    let lens = [0, 2, 4].map(|at| elements(Some(replies[at].clone())).len());
    assert_eq!(lens, [FIELDS, FIELDS - 1, 0]);

    // Nor does one that is not wanted leave a trace.
    fill(&mut victim.connect());
    client.send(&request(&["CLIENT", "REPLY", "SKIP"]));
    client.send(&request(&["HGETALL", "long"]));
    assert_eq!(client.ask(&["PING"]), Reply::Simple(b"PONG".to_vec()));
}

/// Clients that ask for a large hash and read it when it has changed, or is gone.
pub(super) fn replies_that_outlive_their_value(victim: &mut Victim) {
    fill(&mut victim.connect());
    let before = victim.memory_bytes();
    let mut late: Vec<Client> = (0..8).map(|_| victim.connect()).collect();
    for client in &mut late {
        client.send(&request(&["HGETALL", "long"]).repeat(3));
        client.drain(1);
    }
    std::thread::sleep(STUCK);
    // The buffers of the sockets are the system's; of each reply a slice is ours.
    victim.expect_memory(before, 16, "24 replies of 17 MB that nobody reads");
    let mut writer = victim.connect();
    for field in (0..FIELDS).step_by(3) {
        writer.send(&request(&[
            "HSET",
            "long",
            &format!("field:{field}"),
            "other",
        ]));
    }
    for _ in (0..FIELDS).step_by(3) {
        assert_eq!(writer.reply(), Some(Reply::Integer(0)));
    }
    // Some of them leave without having read.
    late.truncate(4);
    writer.ask(&["DEL", "long"]);
    for client in &mut late {
        let Some(Reply::Array(flat)) = client.reply() else {
            panic!("an array in RESP2")
        };
        let pairs = flat
            .chunks(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()));
        expect_all(pairs.collect(), FIELDS);
    }
    drop(late);
    victim.expect_memory_returned(before.saturating_sub(FIELDS * VALUE_BYTES), 16);
}

/// A string of 64 MB that is overwritten and removed while clients have yet to read it.
pub(super) fn strings_that_outlive_their_key(victim: &mut Victim) {
    const BYTES: usize = 64 << 20;
    let before = victim.memory_bytes();
    victim.ask(&["SETRANGE", "string", &(BYTES - 1).to_string(), "x"]);
    let mut late: Vec<Client> = (0..2).map(|_| victim.connect()).collect();
    late[0].send(&request(&["GET", "string"]));
    late[1].send(&request(&["GETRANGE", "string", "1", "-2"]));
    for client in &mut late {
        client.drain(1);
    }
    victim.ask(&["SETRANGE", "string", "5", "written"]);
    victim.ask(&["DEL", "string"]);
    for (client, len) in late.iter_mut().zip([BYTES, BYTES - 2]) {
        let Some(Reply::Bulk(bytes)) = client.reply() else {
            panic!("a string")
        };
        assert_eq!(bytes.len(), len);
        assert!(bytes[..len - 1].iter().all(|byte| *byte == 0));
    }
    drop(late);
    victim.expect_memory_returned(before, 16);
}

fn fill(client: &mut Client) {
    let value = String::from_utf8(value()).expect("text");
    for first in (0..FIELDS).step_by(500) {
        let mut words = vec!["HSET".to_owned(), "long".to_owned()];
        let numbers = first..first + 500;
        words.extend(numbers.flat_map(|n| [format!("field:{n}"), value.clone()]));
        client.ask(&words);
    }
}

fn value() -> Vec<u8> {
    vec![b'v'; VALUE_BYTES]
}

fn elements(reply: Option<Reply>) -> Vec<Reply> {
    match reply {
        Some(Reply::Array(elements)) => elements,
        other => panic!("{other:?} is no array"),
    }
}

fn expect_all(pairs: Vec<(Reply, Reply)>, count: usize) {
    assert_eq!(pairs.len(), count);
    let mut numbers: Vec<usize> = pairs
        .iter()
        .map(|(field, found)| {
            assert_eq!(*found, Reply::Bulk(value()));
            let Reply::Bulk(field) = field else {
                panic!("a field is a string")
            };
            let text = String::from_utf8_lossy(field);
            let number = text.strip_prefix("field:").expect("a field of ours");
            number.parse().expect("a number")
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count);
}
