//! Processor time per command of every family, in interleaved pairs.
//!
//! ```text
//!   both servers start and are filled alike
//!   round 1: A B   round 2: B A   ...      each: 50 connections, so many requests per write
//!   CPU per command = growth of the process' time on the processor / commands
//! ```
//!
//! What is printed is the median of the rounds for each side, and the median of the rounds'
//! ratios. A generator that is slower than the server does not matter: nothing here is a
//! throughput.

use base::Rng;

use crate::Result;
use crate::client::{Client, push};
use crate::server::{Commands, Server};

const CONNECTIONS: usize = 50;
const ROUNDS: usize = 7;
/// Members of a large set, hash or sorted set.
const MEMBERS: u64 = 100_000;

struct Workload {
    name: &'static str,
    /// Requests in one write.
    pipeline: usize,
    /// Commands in each round.
    calls: usize,
    fill: fn(&mut Client, usize) -> Result<()>,
    request: fn(&mut Rng, &mut Vec<u8>),
}

const MANY: usize = 64_000;

static WORKLOADS: &[Workload] = &[
    Workload {
        name: "LPUSH, 16 B",
        pipeline: 16,
        calls: MANY,
        fill: nothing,
        request: |_, out| push(out, &["LPUSH", "list", VALUE]),
    },
    Workload {
        name: "LPOP, 16 B",
        pipeline: 16,
        calls: MANY,
        fill: |client, calls| {
            client.pipeline(0..calls as u64, |_, out| {
                push(out, &["LPUSH", "list", VALUE]);
            })
        },
        request: |_, out| push(out, &["LPOP", "list"]),
    },
    Workload {
        name: "LRANGE 0 99",
        pipeline: 1,
        calls: 20_000,
        fill: |client, _| client.pipeline(0..200, |_, out| push(out, &["RPUSH", "list", VALUE])),
        request: |_, out| push(out, &["LRANGE", "list", "0", "99"]),
    },
    Workload {
        name: "HSET, 100 k fields",
        pipeline: 16,
        calls: MANY,
        fill: fill_hash,
        request: |rng, out| push(out, &["HSET", "hash", &member(rng.below(MEMBERS)), VALUE]),
    },
    Workload {
        name: "HGET, 100 k fields",
        pipeline: 16,
        calls: MANY,
        fill: fill_hash,
        request: |rng, out| push(out, &["HGET", "hash", &member(rng.below(MEMBERS))]),
    },
    Workload {
        name: "HSET, 10 fields",
        pipeline: 16,
        calls: MANY,
        fill: nothing,
        request: |rng, out| {
            let key = format!("hash:{}", rng.below(10_000));
            push(out, &["HSET", &key, &format!("f{}", rng.below(10)), VALUE]);
        },
    },
    Workload {
        name: "HGETALL, 1,000 fields",
        pipeline: 16,
        calls: 1_600,
        fill: |client, _| {
            client.pipeline(0..1_000, |number, out| {
                push(out, &["HSET", "hash", &member(number), VALUE]);
            })
        },
        request: |_, out| push(out, &["HGETALL", "hash"]),
    },
    Workload {
        name: "SADD, 100 k members",
        pipeline: 16,
        calls: MANY,
        fill: nothing,
        request: |rng, out| push(out, &["SADD", "set", &member(rng.below(MEMBERS))]),
    },
    Workload {
        name: "SINTER, 2 x 10 k",
        pipeline: 16,
        calls: 800,
        fill: |client, _| {
            client.pipeline(0..10_000, |number, out| {
                push(out, &["SADD", "a", &member(number)]);
                push(out, &["SADD", "b", &member(number + 9_900)]);
            })
        },
        request: |_, out| push(out, &["SINTER", "a", "b"]),
    },
    Workload {
        name: "ZADD, 100 k members",
        pipeline: 16,
        calls: MANY,
        fill: nothing,
        request: |rng, out| {
            let score = rng.below(1_000_000).to_string();
            push(out, &["ZADD", "zset", &score, &member(rng.below(MEMBERS))]);
        },
    },
    Workload {
        name: "ZRANGEBYSCORE LIMIT 10",
        pipeline: 16,
        calls: MANY,
        fill: fill_zset,
        request: |rng, out| {
            let min = rng.below(1_000_000).to_string();
            push(
                out,
                &["ZRANGEBYSCORE", "zset", &min, "+inf", "LIMIT", "0", "10"],
            );
        },
    },
    Workload {
        name: "ZRANK, 100 k members",
        pipeline: 16,
        calls: MANY,
        fill: fill_zset,
        request: |rng, out| push(out, &["ZRANK", "zset", &member(rng.below(MEMBERS))]),
    },
    Workload {
        name: "XADD, one field",
        pipeline: 16,
        calls: MANY,
        fill: nothing,
        request: |_, out| push(out, &["XADD", "stream", "*", "field", VALUE]),
    },
    Workload {
        name: "XREADGROUP COUNT 1",
        pipeline: 16,
        calls: MANY,
        fill: |client, calls| {
            client.pipeline(0..calls as u64, |_, out| {
                push(out, &["XADD", "stream", "*", "field", VALUE]);
            })?;
            client.call(&["XGROUP", "CREATE", "stream", "group", "0"])?;
            Ok(())
        },
        request: |_, out| {
            push(
                out,
                &[
                    "XREADGROUP",
                    "GROUP",
                    "group",
                    "me",
                    "COUNT",
                    "1",
                    "STREAMS",
                    "stream",
                    ">",
                ],
            );
        },
    },
];

const VALUE: &str = "sixteen bytes ok";

fn nothing(_: &mut Client, _: usize) -> Result<()> {
    Ok(())
}

fn member(number: u64) -> String {
    format!("element:{number:012}")
}

fn fill_hash(client: &mut Client, _: usize) -> Result<()> {
    client.pipeline(0..MEMBERS, |number, out| {
        push(out, &["HSET", "hash", &member(number), VALUE]);
    })
}

fn fill_zset(client: &mut Client, _: usize) -> Result<()> {
    let mut rng = Rng::new(5);
    client.pipeline(0..MEMBERS, |number, out| {
        let score = rng.below(1_000_000).to_string();
        push(out, &["ZADD", "zset", &score, &member(number)]);
    })
}

pub(crate) fn run(commands: &Commands, only: Option<&str>) -> Result<()> {
    let sides: Vec<&str> = commands.each().collect();
    println!(
        "Processor time per command in microseconds, {CONNECTIONS} connections, {ROUNDS} rounds\n"
    );
    println!("| command | pipeline | ours | beside | ratio |");
    println!("|---|---|---|---|---|");
    let is_asked = |workload: &&Workload| {
        only.is_none_or(|only| workload.name.to_lowercase().contains(&only.to_lowercase()))
    };
    for workload in WORKLOADS.iter().filter(is_asked) {
        let line = measure(workload, &sides);
        let line = line.map_err(|error| format!("{}: {error}", workload.name))?;
        println!("| {} | {} | {line} |", workload.name, workload.pipeline);
    }
    println!("\nours: {}", commands.ours());
    Ok(())
}

fn measure(workload: &Workload, commands: &[&str]) -> Result<String> {
    let mut sides = Vec::new();
    for command in commands {
        let server = Server::start(command)?;
        let mut client = server.connect()?;
        (workload.fill)(&mut client, workload.calls * (ROUNDS + 1))?;
        let clients: Result<Vec<Client>> = (0..CONNECTIONS).map(|_| server.connect()).collect();
        let mut side = Side {
            server,
            clients: clients?,
            rng: Rng::new(7),
            costs_us: Vec::new(),
        };
        // A first round warms caches and tables, and does not count.
        side.round(workload)?;
        side.costs_us.clear();
        sides.push(side);
    }
    for round in 0..ROUNDS {
        let turn = round % sides.len();
        sides[turn..]
            .iter_mut()
            .try_for_each(|side| side.round(workload))?;
        sides[..turn]
            .iter_mut()
            .try_for_each(|side| side.round(workload))?;
    }
    let mut cells: Vec<String> = sides
        .iter()
        .map(|side| format!("{:.2}", median(side.costs_us.clone())))
        .collect();
    if let [ours, beside] = &sides[..] {
        let pairs = ours.costs_us.iter().zip(&beside.costs_us);
        let ratio = median(pairs.map(|(ours, beside)| ours / beside).collect());
        cells.push(format!("{ratio:.2}"));
    }
    Ok(cells.join(" | "))
}

/// One server under the same load as the others.
struct Side {
    server: Server,
    clients: Vec<Client>,
    rng: Rng,
    costs_us: Vec<f64>,
}

impl Side {
    fn round(&mut self, workload: &Workload) -> Result<()> {
        let before = self.server.processor_ns()?;
        let mut left = workload.calls;
        let mut request = Vec::new();
        while left > 0 {
            let mut sent = Vec::new();
            for client in &mut self.clients {
                let count = workload.pipeline.min(left);
                left -= count;
                request.clear();
                (0..count).for_each(|_| (workload.request)(&mut self.rng, &mut request));
                client.send(&request)?;
                sent.push(count);
            }
            for (client, count) in self.clients.iter_mut().zip(sent) {
                client.expect_replies(count)?;
            }
        }
        let ns = self.server.processor_ns()? - before;
        self.costs_us
            .push(ns as f64 / 1000.0 / workload.calls as f64);
        Ok(())
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
