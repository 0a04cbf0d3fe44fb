//! Scripts and functions.

use super::{Kind::*, LONG_MAX, Meaning::Later};

rows! {
    "busy-reply-threshold" | "lua-time-limit", Integer(0, LONG_MAX), "5000", Modifiable, Later;
}
