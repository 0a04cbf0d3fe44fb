//! Resident bytes per element of collections.
//!
//! A server per kind, loaded with random letters; what is printed is the growth of resident
//! memory since before the first element, divided by the number of elements, and the same
//! less what was asked to be kept (the payload).

use base::Rng;

use crate::Result;
use crate::client::push;
use crate::server::{Commands, Server};

const ELEMENTS: u64 = 1_000_000;
const SMALL_HASHES: u64 = 100_000;
const FIELDS: u64 = 10;

struct Collection {
    name: &'static str,
    elements: u64,
    payload_bytes: u64,
    push: fn(u64, &mut Rng, &mut Vec<u8>),
}

static COLLECTIONS: &[Collection] = &[
    Collection {
        name: "set, members of 16 B",
        elements: ELEMENTS,
        payload_bytes: 16,
        push: |_, rng, out| push(out, &["SADD", "set", &letters(rng, 16)]),
    },
    Collection {
        name: "hash, fields of 16 B, values of 16 B",
        elements: ELEMENTS,
        payload_bytes: 32,
        push: |_, rng, out| push(out, &["HSET", "hash", &letters(rng, 16), &letters(rng, 16)]),
    },
    Collection {
        name: "sorted set, members of 16 B",
        elements: ELEMENTS,
        payload_bytes: 24,
        push: |_, rng, out| {
            let score = rng.f64().to_string();
            push(out, &["ZADD", "zset", &score, &letters(rng, 16)]);
        },
    },
    Collection {
        name: "list, elements of 16 B",
        elements: ELEMENTS,
        payload_bytes: 16,
        push: |_, rng, out| push(out, &["RPUSH", "list", &letters(rng, 16)]),
    },
    Collection {
        name: "stream, one field, values of 16 B",
        elements: ELEMENTS,
        payload_bytes: 16,
        push: |_, rng, out| push(out, &["XADD", "stream", "*", "field", &letters(rng, 16)]),
    },
    Collection {
        name: "100 k hashes of 10 fields of 4 B, values of 8 B, per hash",
        elements: SMALL_HASHES,
        payload_bytes: FIELDS * 12 + 16,
        push: |number, rng, out| {
            let mut words = vec!["HSET".to_owned(), crate::client::key(number)];
            for field in 0..FIELDS {
                words.push(format!("f{field:03}"));
                words.push(letters(rng, 8));
            }
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            push(out, &words);
        },
    },
];

fn letters(rng: &mut Rng, count: usize) -> String {
    (0..count)
        .map(|_| (b'a' + rng.below(26) as u8) as char)
        .collect()
}

pub(crate) fn run(commands: &Commands) -> Result<()> {
    println!("Resident bytes per element, {ELEMENTS} elements\n");
    println!("| collection | server | bytes | over the payload |");
    println!("|---|---|---|---|");
    for collection in COLLECTIONS {
        for command in commands.each() {
            let (name, bytes) = measure(command, collection)?;
            let over = bytes - collection.payload_bytes as f64;
            println!("| {} | {name} | {bytes:.1} | {over:.1} |", collection.name);
        }
    }
    println!("\nours: {}", commands.ours());
    Ok(())
}

fn measure(command: &str, collection: &Collection) -> Result<(String, f64)> {
    let server = Server::start(command)?;
    let mut client = server.connect()?;
    let mut rng = Rng::new(11);
    let before = server.resident_bytes()?;
    client.pipeline(0..collection.elements, |number, out| {
        (collection.push)(number, &mut rng, out);
    })?;
    // Allocators give memory back with some delay.
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let grown = server.resident_bytes()? - before;
    Ok((
        server.name.clone(),
        grown as f64 / collection.elements as f64,
    ))
}
