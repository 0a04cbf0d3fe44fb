//! Floor 0: what std lacks and every floor above needs. Values in, values out.
//!
//! ```text
//!  clock       time as a value                 glob        client patterns, work-bounded
//!  rng         seeded random numbers           split_args  one typed line into arguments, and back
//!  number      number text, byte for byte      size        "64mb" in, "64.00M" out
//!              as Redis reads and prints it    ascii       option words, whatever their case
//!  lzf         compression in RDB files            crc         checksums of files: CRC-32C, CRC-64
//! ```
//!
//! Nothing here keeps state, starts a thread, opens a file or draws randomness, and only
//! [`Now::read`] looks at a clock. Every parser takes bytes as a client sent them, never panics on
//! them, and allocates no more than a small multiple of their length.
//!
//! The functions are re-exported here, so that callers write `base::parse_i64`.

pub mod ascii;
pub mod clock;
pub mod crc;
pub mod glob;
pub mod lzf;
pub mod number;
pub mod rng;
pub mod size;
pub mod split_args;
mod word;

pub use ascii::{Folded, eq_ignore_case, to_lower_into};
pub use clock::Now;
pub use crc::{Crc32c, Crc64, crc32c, crc64};
pub use glob::glob_match;
pub use number::{
    LongDouble, format_f64_17g, i64_len, parse_f64, parse_i64, parse_u64, write_double,
    write_f64_17g, write_i64, write_u64,
};
pub use rng::Rng;
pub use size::{human_bytes, parse_memory};
pub use split_args::{Unbalanced, quote_repr, split_args, split_args_in_place};
