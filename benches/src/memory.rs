//! Resident bytes per key.
//!
//! One server per value size, loaded with random letters up to each count in
//! turn; what is printed is the growth of resident memory since before the
//! first key, divided by the number of keys.

use base::Rng;

use crate::Result;
use crate::client::{key, push};
use crate::server::{Commands, Server};

const COUNTS: [u64; 4] = [1_000_000, 2_000_000, 3_000_000, 5_000_000];
const VALUE_BYTES: [usize; 4] = [8, 32, 64, 128];

pub(crate) fn run(commands: &Commands) -> Result<()> {
    println!("Resident bytes per key, 16-byte keys\n");
    println!("| server | value | TTL | 1 M | 2 M | 3 M | 5 M |");
    println!("|---|---|---|---|---|---|---|");
    for command in commands.each() {
        for volatile in [false, true] {
            for bytes in VALUE_BYTES {
                let (name, figures) = measure(command, bytes, volatile)?;
                let cells: Vec<String> = figures.iter().map(|f| format!("{f:.1}")).collect();
                let ttl = if volatile { "yes" } else { "no" };
                println!("| {name} | {bytes} B | {ttl} | {} |", cells.join(" | "));
            }
        }
    }
    Ok(())
}

fn measure(command: &str, value_bytes: usize, volatile: bool) -> Result<(String, Vec<f64>)> {
    let server = Server::start(command)?;
    let mut client = server.connect()?;
    let before = server.resident_bytes()?;
    let mut rng = Rng::new(value_bytes as u64);
    let mut figures = Vec::new();
    let mut from = 0;
    for count in COUNTS {
        client.pipeline(from..count, |number, out| {
            let letter = |rng: &mut Rng| (b'a' + rng.below(26) as u8) as char;
            let value: String = (0..value_bytes).map(|_| letter(&mut rng)).collect();
            let key = key(number);
            if volatile {
                let secs = (100_000 + rng.below(100_000)).to_string();
                push(out, &["SET", &key, &value, "EX", &secs]);
            } else {
                push(out, &["SET", &key, &value]);
            }
        })?;
        from = count;
        assert_eq!(client.int(&["DBSIZE"])?, count as i64);
        // Allocators give memory back with some delay.
        std::thread::sleep(std::time::Duration::from_millis(1200));
        let grown = server.resident_bytes()? - before;
        figures.push(grown as f64 / count as f64);
    }
    Ok((server.name.clone(), figures))
}
