//! How many clients there may be, and how much each may hold.

use super::Kind::*;
use super::LONG_MAX_BYTES;
use super::Meaning::{Later, Live};

rows! {
    "maxclients", Integer(1, u32::MAX as i64), "10000", Modifiable, Live;
    "client-output-buffer-limit", OutputLimits, "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", Modifiable, Live;
    "client-query-buffer-limit", Memory(1 << 20, LONG_MAX_BYTES), "1gb", Modifiable, Live;
    "proto-max-bulk-len", Memory(1 << 20, LONG_MAX_BYTES), "512mb", Modifiable, Live;
    "maxmemory-clients", MemoryOrPercent, "0", Modifiable, Later;
    "tracking-table-max-keys", Integer(0, i64::MAX), "1000000", Modifiable, Later;
}
