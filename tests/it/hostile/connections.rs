//! Clients that come in crowds, dawdle, hang up, or are thrown out.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use testkit::reply::Reply;

use super::client::{Client, error_text, request};
use super::is_full;
use super::victim::{PATIENCE, Victim};

fn pong() -> Reply {
    Reply::Simple(b"PONG".to_vec())
}

/// A thousand connections at once, ten thousand in the long run: all are served, cost
/// little, and leave nothing behind.
pub(super) fn very_many(victim: &mut Victim) {
    let wanted = if is_full() { 10_000 } else { 1_000 };
    if !raise_descriptors(wanted as u64 + 500) {
        println!("SKIPPED: not enough descriptors for {wanted} connections");
        return;
    }
    let (before, descriptors) = (victim.memory_bytes(), victim.descriptors());
    // The witness and the server's own files take some of the ten thousand.
    let served_min = wanted - 10;
    let mut clients = Vec::new();
    for _ in 0..wanted {
        clients.extend(Client::open(victim.address()));
    }
    let ping = request(&["PING"]);
    let mut served = 0;
    for client in &mut clients {
        client.send(&ping);
    }
    for client in &mut clients {
        served += usize::from(client.reply() == Some(pong()));
    }
    println!("{served} of {wanted} served");
    assert!(served >= served_min, "{served} of {wanted} served");
    let bound_mib = 100 + victim.thread_mib(wanted);
    victim.expect_memory(before, bound_mib, "very many connections");
    drop(clients);
    victim.expect_soon("their descriptors are closed", || {
        victim.descriptors() <= descriptors
    });
    let left_mib = 64 + victim.thread_mib(wanted);
    victim.expect_memory_returned(before, left_mib);
}

/// Lets this process have so many descriptors, if it may.
fn raise_descriptors(wanted: u64) -> bool {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return true;
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(wanted));
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).is_ok()
}

/// Three hundred clients whose bytes come one by one, taking turns.
pub(super) fn slow_senders(victim: &mut Victim) {
    let mut clients: Vec<Client> = (0..300).map(|_| victim.connect()).collect();
    let wanted = |i: usize| format!("{i:05}");
    let requests: Vec<Vec<u8>> = (0..300).map(|i| request(&["ECHO", &wanted(i)])).collect();
    for at in 0..requests[0].len() {
        for (client, bytes) in clients.iter_mut().zip(&requests) {
            client.send(&bytes[at..=at]);
        }
    }
    for (i, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.reply(), Some(Reply::Bulk(wanted(i).into_bytes())));
    }
}

/// Who will send no more still gets all answers: 900 of 900, and ten megabytes to one who
/// reads late.
pub(super) fn half_closed(victim: &mut Victim) {
    let mut clients: Vec<Client> = (0..300).map(|_| victim.connect()).collect();
    for client in &mut clients {
        client.send(&request(&["PING"]).repeat(3));
        client.shut_down_writing();
    }
    for client in &mut clients {
        assert_eq!(client.replies_to_the_end(), vec![pong(); 3]);
    }
    let value = "x".repeat(20_000);
    victim.ask(&["SET", "k", &value]);
    for after in [Duration::ZERO, Duration::from_millis(200)] {
        let mut client = victim.connect();
        client.send(&request(&["GET", "k"]).repeat(500));
        client.send(&request(&["PING"]));
        // Half a request at the end is not answered, and does not hold up the end.
        client.send(b"*2\r\n$3\r\nGET\r\n");
        client.shut_down_writing();
        std::thread::sleep(after);
        let replies = client.replies_to_the_end();
        assert_eq!(replies.len(), 501);
        assert_eq!(replies.last(), Some(&pong()));
    }
}

/// Six hundred clients that leave with a reset, in the middle of anything.
pub(super) fn resets(victim: &mut Victim) {
    let value = "x".repeat(100_000);
    victim.ask(&["SET", "long", &value]);
    let descriptors = victim.descriptors();
    for round in 0..600 {
        let mut client = victim.connect();
        match round % 8 {
            0 => {}
            1 => client.send(b"*3\r\n$3\r\nSET\r\n"),
            2 => client.send(&request(&["GET", "long"]).repeat(50)),
            3 => client.send(b"*2\r\n$3\r\nGET\r\n$536870912\r\nhalf of it"),
            4 => client.send(&[request(&["WATCH", "long"]), request(&["MULTI"])].concat()),
            5 => drop(client.ask(&["MULTI"])),
            6 => client.send(&request(&["QUIT"])),
            _ => client.send(b"*1\r\n$-5\r\n"),
        }
        client.reset();
    }
    victim.expect_soon("600 resets leave no descriptor", || {
        victim.descriptors() <= descriptors
    });
    let watched = victim.ask(&["SET", "long", "x"]);
    assert_eq!(watched, Reply::Simple(b"OK".to_vec()));
}

/// Connections that come and go as fast as they can, also beyond `maxclients`.
pub(super) fn storms(victim: &mut Victim) {
    let descriptors = victim.descriptors();
    let address = victim.address();
    let come_and_go = |rounds: usize| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || {
                    for _ in 0..rounds {
                        // One that is not let in is none the worse.
                        drop(Client::open(address));
                    }
                });
            }
        });
    };
    come_and_go(250);
    let mut known = victim.connect();
    known.ask(&["CONFIG", "SET", "maxclients", "20"]);
    let crowd: Vec<Client> = (0..40).map(|_| victim.connect()).collect();
    let (mut inside, mut outside) = (0, 0);
    for mut client in crowd {
        // Who is turned away may be reset before the line is read.
        client.send(&request(&["PING"]));
        match client.reply() {
            Some(reply) if reply == pong() => inside += 1,
            Some(reply) => {
                assert_eq!(error_text(&reply), "ERR max number of clients reached");
                outside += 1;
            }
            None => outside += 1,
        }
        // The crowd stays until all were asked: nobody's place becomes free.
        std::mem::forget(client);
    }
    assert!(
        inside <= 20 && outside >= 20,
        "{inside} inside, {outside} outside"
    );
    come_and_go(100);
    known.ask(&["CONFIG", "SET", "maxclients", "1000"]);
    // A client may cost two descriptors, and `known` is one of them.
    let held = 2 * (inside + 1);
    victim.expect_soon("the storm is over", || {
        victim.descriptors() <= descriptors + held
    });
    assert_eq!(victim.ask(&["PING"]), pong());
}

/// CLIENT KILL reaches one that reads nothing, and takes back what it held.
pub(super) fn killed_while_deaf(victim: &mut Victim) {
    let value = "x".repeat(100_000);
    victim.ask(&["SET", "long", &value]);
    let mut others = victim.connect();
    for _ in 0..20 {
        let mut deaf = victim.connect();
        let Reply::Integer(id) = deaf.ask(&["CLIENT", "ID"]) else {
            panic!("CLIENT ID is a number");
        };
        let id = id.to_string();
        let pipeline = request(&["GET", "long"]).repeat(100);
        deaf.stuff(&pipeline, 4 << 20, Duration::from_millis(20));
        assert_eq!(
            others.ask(&["CLIENT", "KILL", "ID", &id]),
            Reply::Integer(1)
        );
        let listed = others.ask(&["CLIENT", "LIST", "ID", &id]);
        assert_eq!(listed, Reply::Bulk(Vec::new()));
        let mut sink = deaf.stream.try_clone().expect("a socket");
        let drained = std::io::copy(&mut sink, &mut std::io::sink());
        // Closed or reset, but not left waiting.
        if let Err(error) = drained {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
}

/// CLIENT PAUSE, with requests half sent, with clients that leave meanwhile, and for
/// longer than time lasts.
pub(super) fn paused(victim: &mut Victim) {
    let mut master = victim.connect();
    let writes = request(&["SET", "k", "v"]);
    let (head, tail) = writes.split_at(writes.len() / 2);
    let mut halves: Vec<Client> = (0..20).map(|_| victim.connect()).collect();
    for client in &mut halves {
        assert_eq!(client.ask(&["PING"]), pong());
        client.send(head);
    }
    let descriptors = victim.descriptors();
    for timeout in ["9223372036854775807", "100000000000000", "60000"] {
        // The first of these may be refused; the others hold until they are ended.
        master.ask(&["CLIENT", "PAUSE", timeout, "WRITE"]);
    }
    for client in &mut halves {
        client.send(tail);
        client.send(&request(&["PING"]).repeat(10));
    }
    for round in 0..40 {
        let mut client = victim.connect();
        client.send(&writes);
        if round % 2 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        client.reset();
    }
    // Reading goes on, and asking too.
    assert_eq!(master.ask(&["EXISTS", "k"]), Reply::Integer(0));
    std::thread::sleep(Duration::from_millis(50));
    master.ask(&["CLIENT", "UNPAUSE"]);
    for client in &mut halves {
        assert_eq!(client.reply(), Some(Reply::Simple(b"OK".to_vec())));
        for _ in 0..10 {
            assert_eq!(client.reply(), Some(pong()));
        }
    }
    victim.expect_soon("who left during the pause is gone", || {
        victim.descriptors() <= descriptors
    });
    for refused in ["-1", "1e400", "", "9223372036854775808"] {
        error_text(&master.ask(&["CLIENT", "PAUSE", refused]));
    }
}

/// QUIT in the middle of a pipeline: what came before is answered, what comes after is
/// not executed.
pub(super) fn quit_in_the_middle(victim: &mut Victim) {
    for extra_bytes in [0, 100, 1 << 20] {
        let mut client = victim.connect();
        let mut bytes = request(&["PING"]);
        bytes.extend(request(&["QUIT"]));
        bytes.extend(request(&["SET", "late", "1"]));
        bytes.resize(bytes.len() + extra_bytes, b'x');
        client.send(&bytes);
        let replies = client.replies_to_the_end();
        let expected = [pong(), Reply::Simple(b"OK".to_vec())];
        // With more on its way than was read the end is a reset, which may overtake.
        let is_prefix = expected.starts_with(&replies);
        assert!(is_prefix && (extra_bytes > 100 || replies.len() == 2));
    }
    let mut client = victim.connect();
    client.send(&[request(&["MULTI"]), request(&["SET", "late", "1"])].concat());
    client.send(&[request(&["QUIT"]), request(&["EXEC"])].concat());
    assert_eq!(client.replies_to_the_end().len(), 3);
    assert_eq!(victim.ask(&["EXISTS", "late"]), Reply::Integer(0));
}

/// SIGTERM while clients are deaf, silent, or paused: it ends in time all the same, which
/// [`Victim`] sees to.
pub(super) fn stopped_among_them(victim: &mut Victim) {
    let value = "x".repeat(100_000);
    victim.ask(&["SET", "long", &value]);
    let mut all = Vec::new();
    for i in 0..40 {
        let mut client = victim.connect();
        match i % 4 {
            0 => {
                let pipeline = request(&["GET", "long"]).repeat(100);
                client.stuff(&pipeline, 1 << 20, Duration::from_millis(20));
            }
            1 => client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n"),
            2 => drop(client.ask(&["MULTI"])),
            _ => {}
        }
        all.push(client);
    }
    victim.ask(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    for client in all.iter_mut().skip(3).step_by(4) {
        client.send(&request(&["SET", "k", "v"]));
    }
    std::thread::sleep(PATIENCE / 100);
    // They are still there when the server is told to end.
    std::mem::forget(all);
}
