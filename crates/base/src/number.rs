//! Number text, byte for byte as Redis reads and prints it.
//!
//! ```text
//!  integer       INCR, SET, lengths, cursors     strict: one spelling per number
//!  float         scores, RESP3 doubles           any form of C's strtod; fewest digits out
//!  long_double   INCRBYFLOAT, HINCRBYFLOAT       80 bits, so that 10.5 + 0.1 is 10.6
//! ```
//!
//! No crate prints floats the way Redis does, and Redis itself has three ways. Digits come from
//! crates that get them right; what is accepted, and how digits are laid out, is decided here.

mod float;
mod integer;
mod literal;
mod long_double;
mod natural;

pub use float::{format_f64_17g, parse_f64, write_double, write_f64_17g};
pub use integer::{i64_len, parse_i64, parse_u64, write_i64, write_u64};
pub use long_double::LongDouble;
