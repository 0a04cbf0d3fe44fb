//! What others notice of one value of five million members: while it is removed in
//! every way there is, and while somebody reads all of a million.
//!
//! A client pings every millisecond meanwhile. After each removal it goes on for three
//! seconds, in which memory goes back. `--kind` chooses what the value is; an element
//! has a name of fourteen bytes, and where there is one a value or score.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::Result;
use crate::client::{Client, push};
use crate::server::{Commands, Server};
use crate::stall::{pinged, show};

/// How many elements one command adds.
const ADDED: u64 = 100;
/// What is read whole has a fifth of the members.
const READ_SHARE: u64 = 5;

/// What the value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Hash,
    Set,
    SortedSet,
    List,
    Stream,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Kind> {
        Some(match name {
            "hash" => Kind::Hash,
            "set" => Kind::Set,
            "zset" => Kind::SortedSet,
            "list" => Kind::List,
            "stream" => Kind::Stream,
            _ => return None,
        })
    }

    /// Requests that add elements `from` up to `from + ADDED`.
    fn add(self, key: &str, from: u64, out: &mut Vec<u8>) {
        let name = |number: u64| format!("member:{number:07}");
        let numbers = from..from + ADDED;
        let mut words = vec![key.to_owned()];
        let word = match self {
            Kind::Hash => {
                words.extend(numbers.flat_map(|n| [name(n), "a value 16 bytes".to_owned()]));
                "HSET"
            }
            Kind::Set => {
                words.extend(numbers.map(name));
                "SADD"
            }
            Kind::SortedSet => {
                let score = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).to_string();
                words.extend(numbers.flat_map(|n| [score(n), name(n)]));
                "ZADD"
            }
            Kind::List => {
                words.extend(numbers.map(name));
                "RPUSH"
            }
            Kind::Stream => {
                for number in numbers {
                    push(out, &["XADD", key, "*", "field", &name(number)]);
                }
                return;
            }
        };
        let mut request = vec![word];
        request.extend(words.iter().map(String::as_str));
        push(out, &request);
    }

    /// A request for all of it.
    fn read_all(self, key: &str) -> Vec<&str> {
        match self {
            Kind::Hash => vec!["HGETALL", key],
            Kind::Set => vec!["SMEMBERS", key],
            Kind::SortedSet => vec!["ZRANGE", key, "0", "-1", "WITHSCORES"],
            Kind::List => vec!["LRANGE", key, "0", "-1"],
            Kind::Stream => vec!["XRANGE", key, "-", "+"],
        }
    }
}

/// The ways to get rid of a value.
const ENDS: [&str; 6] = [
    "DEL",
    "UNLINK",
    "EXPIRE",
    "RENAME over",
    "SET over",
    "FLUSHALL",
];

pub(crate) fn run(commands: &Commands) -> Result<()> {
    let (kind, members) = (commands.kind, commands.members);
    println!("One value of {members} members, and a client that pings every millisecond\n");
    println!("| server | phase | pings | p50 ms | p99.9 ms | max ms |");
    println!("|---|---|---|---|---|---|");
    for command in commands.each() {
        let server = Server::start(command)?;
        let idle = || -> Result<()> {
            std::thread::sleep(Duration::from_secs(5));
            Ok(())
        };
        show(&server, "idle", pinged(&server, idle)?);
        for end in ENDS {
            if !commands.is_wanted(end) {
                continue;
            }
            load(&server, kind, members)?;
            std::thread::sleep(Duration::from_secs(1));
            let remove = || -> Result<()> {
                let mut client = server.connect()?;
                match end {
                    "RENAME over" => {
                        client.call(&["SET", "other", "value"])?;
                        client.call(&["RENAME", "other", "big"])?;
                    }
                    "SET over" => drop(client.call(&["SET", "big", "value"])?),
                    "EXPIRE" => drop(client.call(&["PEXPIRE", "big", "1"])?),
                    "FLUSHALL" => drop(client.call(&["FLUSHALL"])?),
                    word => drop(client.call(&[word, "big"])?),
                }
                std::thread::sleep(Duration::from_secs(3));
                Ok(())
            };
            show(&server, end, pinged(&server, remove)?);
            server.connect()?.call(&["FLUSHALL"])?;
        }
        if commands.is_wanted("READ") {
            read(&server, kind, members / READ_SHARE)?;
        }
    }
    Ok(())
}

fn load(server: &Server, kind: Kind, members: u64) -> Result<()> {
    let mut client = server.connect()?;
    let add = |number: u64, out: &mut Vec<u8>| kind.add("big", number * ADDED, out);
    match kind {
        Kind::Stream => client.pipeline_of(0..members / ADDED, ADDED, add),
        _ => client.pipeline_of(0..members / ADDED, 1, add),
    }
}

/// Read a value whole, by a client that takes all it gets and by one that sleeps first.
fn read(server: &Server, kind: Kind, members: u64) -> Result<()> {
    load(server, kind, members)?;
    std::thread::sleep(Duration::from_secs(2));
    for (pause, phase) in [(0, "read all"), (2, "read all, late")] {
        let (done, peak) = (AtomicBool::new(false), AtomicU64::new(0));
        let before = server.resident_bytes()?;
        let trips_ms = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    peak.fetch_max(server.resident_bytes().unwrap_or(0), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            let work = || -> Result<()> {
                let mut client: Client = server.connect()?;
                let request = kind.read_all("big");
                let bytes = client.drain(&request, Duration::from_secs(pause))?;
                eprintln!("{}: {phase}: {} MiB of reply", server.name, bytes >> 20);
                Ok(())
            };
            let trips_ms = pinged(server, work);
            done.store(true, Ordering::Relaxed);
            trips_ms
        })?;
        let more = peak.load(Ordering::Relaxed).saturating_sub(before) >> 20;
        show(server, &format!("{phase} (+{more} MiB)"), trips_ms);
    }
    Ok(())
}
