//! What the fuzz targets do: any bytes in, and a panic if a promise is broken.
//!
//! ```text
//!   cargo fuzz run table  ──► fuzz_targets/table.rs ──┐
//!                                                     ├──► bodies::table::run(bytes)
//!   cargo test            ──► tests/random.rs ────────┘
//! ```
//!
//! A body reads its input as a [`tape::Tape`] of small decisions, drives one part of the product
//! with them, and judges it by a model that is too simple to be wrong, or by what must hold for
//! every input. It draws no chance and reads no clock: the same bytes do the same thing.
//!
//! Inputs worth keeping lie in `fuzz/seeds`, a folder per target. Whatever once broke a promise
//! goes there, so that every test run tries it again.

pub mod config_file;
pub mod deque;
pub mod dict;
pub mod engine_argv;
pub mod glob;
pub mod hll;
pub mod intset;
pub mod listpack;
pub mod log_recovery;
pub mod rdb;
pub mod replay;
pub mod resp_query;
pub mod restore;
pub mod split_args;
pub mod stream;
pub mod table;
pub mod tape;
pub mod value_read;
pub mod zset;

mod requests;

/// A target by name.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

/// Every target; `fuzz/Cargo.toml` lists the same.
pub const TARGETS: &[Target] = &[
    Target {
        name: "config_file",
        run: config_file::run,
    },
    Target {
        name: "deque",
        run: deque::run,
    },
    Target {
        name: "dict",
        run: dict::run,
    },
    Target {
        name: "engine_argv",
        run: engine_argv::run,
    },
    Target {
        name: "glob",
        run: glob::run,
    },
    Target {
        name: "hll",
        run: hll::run,
    },
    Target {
        name: "intset",
        run: intset::run,
    },
    Target {
        name: "listpack",
        run: listpack::run,
    },
    Target {
        name: "log_recovery",
        run: log_recovery::run,
    },
    Target {
        name: "rdb",
        run: rdb::run,
    },
    Target {
        name: "replay",
        run: replay::run,
    },
    Target {
        name: "resp_query",
        run: resp_query::run,
    },
    Target {
        name: "restore",
        run: restore::run,
    },
    Target {
        name: "split_args",
        run: split_args::run,
    },
    Target {
        name: "stream",
        run: stream::run,
    },
    Target {
        name: "table",
        run: table::run,
    },
    Target {
        name: "value_read",
        run: value_read::run,
    },
    Target {
        name: "zset",
        run: zset::run,
    },
];
