//! What servers are asked to do while they are measured: some commands of every family.

use base::Rng;

use crate::Result;
use crate::client::{Client, key, push};

/// Keys of strings.
const KEYS: u64 = 100_000;
/// Members of a large set, hash or sorted set.
const MEMBERS: u64 = 100_000;

pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// Requests in one write.
    pub(crate) pipeline: usize,
    /// Commands in each round.
    pub(crate) calls: usize,
    /// Makes what the commands will find; told how many will come.
    pub(crate) fill: fn(&mut Client, usize) -> Result<()>,
    pub(crate) request: fn(&mut Rng, &mut Vec<u8>),
}

/// Those whose names contain `only`, in any letter case.
pub(crate) fn named(only: Option<&str>) -> impl Iterator<Item = &'static Workload> {
    let only = only.unwrap_or_default().to_lowercase();
    let workloads = WORKLOADS.iter();
    workloads.filter(move |workload| workload.name.to_lowercase().contains(&only))
}

const MANY: usize = 64_000;

static WORKLOADS: &[Workload] = &[
    Workload {
        name: "SET, 64 B",
        pipeline: 16,
        calls: MANY,
        fill: fill_strings,
        request: |rng, out| push(out, &["SET", &key(rng.below(KEYS)), LONG_VALUE]),
    },
    Workload {
        name: "GET, 64 B",
        pipeline: 16,
        calls: MANY,
        fill: fill_strings,
        request: |rng, out| push(out, &["GET", &key(rng.below(KEYS))]),
    },
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
            client.pipeline_of(0..10_000, 2, |number, out| {
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
const LONG_VALUE: &str = "sixty-four bytes, which is what a session or a small page weighs";

fn nothing(_: &mut Client, _: usize) -> Result<()> {
    Ok(())
}

fn member(number: u64) -> String {
    format!("element:{number:012}")
}

fn fill_strings(client: &mut Client, _: usize) -> Result<()> {
    client.pipeline(0..KEYS, |number, out| {
        push(out, &["SET", &key(number), LONG_VALUE]);
    })
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
