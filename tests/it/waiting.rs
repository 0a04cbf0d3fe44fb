//! Many wait, many push, some give up: each element reaches one of them, in its turn.
//!
//! ```text
//!   producers ─ RPUSH, MULTI, RENAME ─► k0..k5 ─┬─► takers   BLPOP with short timeouts
//!                                               ├─► movers   BLMOVE to lists of their own
//!   disturbers: CLIENT UNBLOCK, CLIENT KILL ────┘   BRPOPLPUSH down a chain of two
//! ```
//!
//! Movers are killed and hang up in the midst of it: what they were given lies in their
//! lists. At the end every element is in one place, once, and of each producer's elements
//! in a key every consumer has seen the earlier ones first. `OCHRE_SEED` repeats the draws,
//! not the timing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use testkit::crash::writer::Connection;
use testkit::linear::dice::Dice;
use testkit::reply::Reply;

const KEYS: usize = 6;
const PRODUCERS: usize = 4;
const TAKERS: usize = 8;
const MOVERS: usize = 8;
/// So many elements of each producer.
const ELEMENTS: usize = 1500;

#[test]
fn everything_arrives_once_on_one_event_loop() {
    crowd(&["--mode", "eventloop", "--threads", "1"]);
}

#[test]
fn everything_arrives_once_on_several_event_loops() {
    crowd(&["--mode", "eventloop", "--threads", "3"]);
}

#[test]
fn everything_arrives_once_with_a_thread_for_each_client() {
    crowd(&["--mode", "threaded"]);
}

#[test]
fn those_who_wait_are_served_in_turn() {
    for mode in [
        &["--mode", "eventloop", "--threads", "3"][..],
        &["--mode", "threaded"],
    ] {
        let (server, _socket) = crate::server::start(mode);
        queue_up(server.address());
    }
}

/// Sixty clients on all loops block one after the other; what comes goes down the line.
fn queue_up(address: SocketAddr) {
    const LINE: usize = 60;
    let mut pusher = Connection::open(address).unwrap();
    let mut line = Vec::new();
    for place in 0..LINE {
        let mut client = Connection::open(address).unwrap();
        let extra = format!("other:{place}");
        let words: &[&str] = match place % 3 {
            0 => &["BLPOP", "k", "0"],
            1 => &["BLPOP", &extra, "k", "0"],
            _ => &["BLMOVE", "k", &extra, "LEFT", "RIGHT", "0"],
        };
        client.send(&[argv(words)]).unwrap();
        await_waiting(&mut pusher, place + 1);
        line.push(client);
    }
    let pushes: Vec<_> = (0..LINE)
        .map(|i| argv(&["RPUSH", "k", &i.to_string()]))
        .collect();
    pusher.send(&pushes).unwrap();
    for (place, client) in line.iter_mut().enumerate() {
        let place = place.to_string().into_bytes();
        let element = match client.receive().unwrap() {
            Reply::Array(parts) => parts[1].clone(),
            element => element,
        };
        assert_eq!(element, Reply::Bulk(place));
    }
    for _ in 0..LINE {
        pusher.receive().unwrap();
    }
    await_waiting(&mut pusher, 0);
    let clients = pusher.ask(&["INFO", "clients"]).unwrap();
    assert_eq!(field(&clients, "total_blocking_keys"), 0);
    assert_eq!(pusher.ask(&["EXISTS", "k"]).unwrap(), Reply::Integer(0));
}

fn crowd(mode: &[&str]) {
    let seed = seed();
    println!("OCHRE_SEED={seed} on {}", mode.join(" "));
    let (server, _socket) = crate::server::start(mode);
    let address = server.address();
    let ids: Vec<AtomicU64> = (0..TAKERS + MOVERS).map(|_| AtomicU64::new(0)).collect();
    let pushed = AtomicBool::new(false);
    let drained = AtomicBool::new(false);
    let taken: Vec<Vec<String>> = std::thread::scope(|scope| {
        let (ids, pushed, drained) = (&ids, &pushed, &drained);
        let takers: Vec<_> = (0..TAKERS)
            .map(|taker| {
                scope.spawn(move || {
                    let dice = Dice::new(seed, &[1, taker as u64]);
                    take(address, dice, &ids[taker], drained)
                })
            })
            .collect();
        for mover in 0..MOVERS {
            let id = &ids[TAKERS + mover];
            let dice = Dice::new(seed, &[2, mover as u64]);
            scope.spawn(move || shift(address, mover, dice, id, drained));
        }
        scope.spawn(move || disturb(address, Dice::new(seed, &[3]), ids, drained));
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                let dice = Dice::new(seed, &[4, producer as u64]);
                scope.spawn(move || produce(address, producer, dice))
            })
            .collect();
        for producer in producers {
            producer.join().unwrap();
        }
        pushed.store(true, Ordering::SeqCst);
        await_empty(address);
        drained.store(true, Ordering::SeqCst);
        takers.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(pushed.load(Ordering::SeqCst));
    judge(address, taken);
}

// ---- who takes part --------------------------------------------------------------

/// Elements are `producer:key:number`, the numbers of each rising.
fn produce(address: SocketAddr, producer: usize, mut dice: Dice) {
    let mut connection = Connection::open(address).unwrap();
    let mut next = [0; KEYS];
    let mut made = 0;
    let stage = format!("stage:{producer}");
    while made < ELEMENTS {
        let key = dice.below(KEYS);
        let count = 1 + dice.below(3);
        let mut draw = |key: usize| {
            made += 1;
            next[key] += 1;
            format!("{producer}:{key}:{:06}", next[key])
        };
        let elements: Vec<String> = (0..count).map(|_| draw(key)).collect();
        let name = format!("k{key}");
        let mut push = vec!["RPUSH", &name];
        push.extend(elements.iter().map(String::as_str));
        let other = (key + 1) % KEYS;
        let (other_name, extra) = (format!("k{other}"), draw(other));
        match dice.below(6) {
            0 => {
                let requests = [
                    argv(&["MULTI"]),
                    argv(&push),
                    argv(&["RPUSH", &other_name, &extra]),
                    argv(&["EXEC"]),
                ];
                connection.ask_all(&requests).unwrap();
            }
            1 => {
                // A list that comes by its name, if the place is free.
                push[1] = &stage;
                let last = argv(&["RPUSH", &other_name, &extra]);
                let requests = [argv(&push), argv(&["RENAMENX", &stage, &name]), last];
                let replies = connection.ask_all(&requests).unwrap();
                if replies[1] == Reply::Integer(0) {
                    while connection
                        .ask(&["LMOVE", &stage, &name, "LEFT", "RIGHT"])
                        .unwrap()
                        != Reply::NullBulk
                    {}
                }
            }
            _ => {
                let last = argv(&["RPUSH", &other_name, &extra]);
                connection.ask_all(&[argv(&push), last]).unwrap();
            }
        }
        if dice.once_in(8) {
            std::thread::sleep(Duration::from_micros(300));
        }
    }
}

/// BLPOP and BLMPOP with short timeouts. Whoever does this is never killed, since what he
/// was given would be lost with him.
fn take(address: SocketAddr, mut dice: Dice, id: &AtomicU64, drained: &AtomicBool) -> Vec<String> {
    let mut taken = Vec::new();
    let mut connection = Connection::open(address).unwrap();
    publish(&mut connection, id);
    while !drained.load(Ordering::SeqCst) {
        let keys = dice.shuffled(KEYS);
        let keys: Vec<String> = keys[..1 + dice.below(4)]
            .iter()
            .map(|key| format!("k{key}"))
            .collect();
        let timeout = ["0.001", "0.01", "0.03", "5"][dice.below(4)];
        let (count, mut words) = (keys.len().to_string(), Vec::new());
        if dice.once_in(3) {
            words.extend(["BLMPOP", timeout, &count]);
            words.extend(keys.iter().map(String::as_str));
            words.extend(["LEFT", "COUNT", "2"]);
        } else {
            words.push("BLPOP");
            words.extend(keys.iter().map(String::as_str));
            words.push(timeout);
        }
        match connection.ask(&words).unwrap() {
            Reply::NullArray => {}
            Reply::Error(line) if line.starts_with(b"UNBLOCKED") => {}
            Reply::Array(parts) => match &parts[1] {
                Reply::Array(elements) => taken.extend(elements.iter().map(text)),
                element => taken.push(text(element)),
            },
            other => panic!("{words:?}: {other}"),
        }
    }
    taken
}

/// BLMOVE to a list of one's own, directly or over a second one. It is killed now and then,
/// hangs up now and then, and sends the next request before the first is answered.
fn shift(address: SocketAddr, mover: usize, mut dice: Dice, id: &AtomicU64, drained: &AtomicBool) {
    let (mine, between) = (format!("mine:{mover}"), format!("between:{mover}"));
    while !drained.load(Ordering::SeqCst) {
        let Ok(mut connection) = Connection::open(address) else {
            continue;
        };
        publish(&mut connection, id);
        for _ in 0..1 + dice.below(200) {
            let key = format!("k{}", dice.below(KEYS));
            let requests = match dice.below(4) {
                0 => vec![argv(&["BLMOVE", &between, &mine, "LEFT", "RIGHT", "0.002"])],
                1 => vec![
                    argv(&["BLMOVE", &key, &between, "LEFT", "RIGHT", "0.02"]),
                    argv(&["BLMOVE", &between, &mine, "LEFT", "RIGHT", "0.02"]),
                ],
                _ => vec![argv(&["BLMOVE", &key, &mine, "LEFT", "RIGHT", "0.02"])],
            };
            if drained.load(Ordering::SeqCst) || connection.ask_all(&requests).is_err() {
                break;
            }
        }
        if dice.once_in(2) {
            // Gone while it waits.
            let _ = connection.send(&[argv(&["BLMOVE", "k0", &mine, "LEFT", "RIGHT", "0"])]);
            std::thread::sleep(Duration::from_millis(dice.below(3) as u64));
        }
    }
}

fn disturb(address: SocketAddr, mut dice: Dice, ids: &[AtomicU64], drained: &AtomicBool) {
    let mut connection = Connection::open(address).unwrap();
    while !drained.load(Ordering::SeqCst) {
        let one = dice.below(ids.len());
        let id = ids[one].load(Ordering::SeqCst).to_string();
        let words: &[&str] = match dice.below(3) {
            0 if one >= TAKERS => &["CLIENT", "KILL", "ID", &id],
            1 => &["CLIENT", "UNBLOCK", &id, "ERROR"],
            _ => &["CLIENT", "UNBLOCK", &id],
        };
        connection.ask(words).unwrap();
        std::thread::sleep(Duration::from_micros(dice.below(3000) as u64));
    }
}

fn publish(connection: &mut Connection, id: &AtomicU64) {
    if let Ok(Reply::Integer(own)) = connection.ask(&["CLIENT", "ID"]) {
        id.store(own as u64, Ordering::SeqCst);
    }
}

// ---- what came of it -------------------------------------------------------------

fn await_empty(address: SocketAddr) {
    let mut connection = Connection::open(address).unwrap();
    let mut words = vec!["EXISTS".to_string()];
    words.extend((0..KEYS).map(|key| format!("k{key}")));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let deadline = Instant::now() + Duration::from_secs(30);
    while connection.ask(&words).unwrap() != Reply::Integer(0) {
        assert!(Instant::now() < deadline, "elements are left over");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn judge(address: SocketAddr, mut seen: Vec<Vec<String>>) {
    let mut connection = Connection::open(address).unwrap();
    await_waiting(&mut connection, 0);
    let clients = connection.ask(&["INFO", "clients"]).unwrap();
    for name in ["total_blocking_keys", "clients_in_timeout_table"] {
        assert_eq!(field(&clients, name), 0, "{name}");
    }
    let by_takers: usize = seen.iter().map(Vec::len).sum();
    for mover in 0..MOVERS {
        // What lies between has come after what was moved on.
        for list in ["mine", "between"] {
            let key = format!("{list}:{mover}");
            let reply = connection.ask(&["LRANGE", &key, "0", "-1"]).unwrap();
            let Reply::Array(elements) = reply else {
                panic!("{reply}")
            };
            seen.push(elements.iter().map(text).collect());
        }
    }
    let mut all = BTreeSet::new();
    for consumer in &seen[..TAKERS] {
        in_order(consumer);
    }
    for element in seen.iter().flatten() {
        assert!(all.insert(element.clone()), "{element} arrived twice");
    }
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for element in &all {
        let (stream, number) = split(element);
        let last = numbers.insert(stream.to_string(), number);
        assert_eq!(
            last.unwrap_or(0) + 1,
            number,
            "{element} has no predecessor"
        );
    }
    println!(
        "{} elements, {by_takers} of them by BLPOP and BLMPOP",
        all.len()
    );
    assert!(all.len() >= PRODUCERS * ELEMENTS && by_takers > 0 && by_takers < all.len());
}

/// Of each producer's elements in a key the earlier ones came first.
fn in_order(elements: &[String]) {
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for element in elements {
        let (stream, number) = split(element);
        let before = last.insert(stream, number).unwrap_or(0);
        assert!(before < number, "{element} came behind {before}");
    }
}

fn split(element: &str) -> (&str, usize) {
    let (stream, number) = element.rsplit_once(':').expect("two parts");
    (stream, number.parse().expect("a number"))
}

// ---- small things ----------------------------------------------------------------

fn await_waiting(connection: &mut Connection, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let clients = connection.ask(&["INFO", "clients"]).unwrap();
        let waiting = field(&clients, "blocked_clients");
        if waiting == count {
            return;
        }
        assert!(Instant::now() < deadline, "{waiting} wait, not {count}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn field(info: &Reply, name: &str) -> usize {
    let info = text(info);
    let line = info.lines().find(|line| line.starts_with(name));
    let (_, value) = line.expect("a field").split_once(':').expect("a value");
    value.trim().parse().expect("a number")
}

fn argv(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn text(reply: &Reply) -> String {
    let (Reply::Bulk(bytes) | Reply::Verbatim { text: bytes, .. }) = reply else {
        panic!("{reply} is no text");
    };
    String::from_utf8(bytes.clone()).expect("ours are ASCII")
}

fn seed() -> u64 {
    if let Ok(seed) = std::env::var("OCHRE_SEED") {
        return seed.parse().expect("OCHRE_SEED is a number");
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_nanos() as u64
}
