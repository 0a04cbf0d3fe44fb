//! Up to which size a collection keeps its compact form.

use super::Kind::*;
use super::Meaning::{Accepted, Later, Live};
use super::{INT_MAX, LONG_MAX, LONG_MAX_BYTES};

rows! {
    "hash-max-listpack-entries" | "hash-max-ziplist-entries", Integer(0, LONG_MAX), "512", Modifiable, Live;
    "hash-max-listpack-value" | "hash-max-ziplist-value", Memory(0, LONG_MAX_BYTES), "64", Modifiable, Live;
    "list-max-listpack-size" | "list-max-ziplist-size", Integer(i32::MIN as i64, INT_MAX), "-2", Modifiable, Live;
    "list-compress-depth", Integer(0, INT_MAX), "0", Modifiable, Accepted("lists are not compressed in memory");
    "set-max-intset-entries", Integer(0, LONG_MAX), "512", Modifiable, Live;
    "set-max-listpack-entries", Integer(0, LONG_MAX), "128", Modifiable, Live;
    "set-max-listpack-value", Integer(0, LONG_MAX), "64", Modifiable, Live;
    "zset-max-listpack-entries" | "zset-max-ziplist-entries", Integer(0, LONG_MAX), "128", Modifiable, Later;
    "zset-max-listpack-value" | "zset-max-ziplist-value", Memory(0, LONG_MAX_BYTES), "64", Modifiable, Later;
    "hll-sparse-max-bytes", Memory(0, LONG_MAX_BYTES), "3000", Modifiable, Live;
    "stream-node-max-bytes", Memory(0, LONG_MAX_BYTES), "4096", Modifiable, Later;
    "stream-node-max-entries", Integer(0, LONG_MAX), "100", Modifiable, Later;
}
