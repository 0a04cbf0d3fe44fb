//! Snapshots and the log.

use super::Kind::*;
use super::Meaning::{self, Accepted, Later};
use super::{INT_MAX, LONG_MAX_BYTES};
use crate::config::value::rules;

const NO_CHILD_FSYNC: Meaning =
    Accepted("files are written in slices anyway, each followed by its sync");

rows! {
    "save", SavePoints, "900 1 300 10 60 10000", Modifiable, Later;
    "dbfilename", Text(rules::rdb_name), "dump.rdb", Protected, Later;
    "rdbcompression", Bool, "yes", Modifiable, Later;
    "rdbchecksum", Bool, "yes", Immutable, Later;
    "stop-writes-on-bgsave-error", Bool, "yes", Modifiable, Later;
    "rdb-save-incremental-fsync", Bool, "yes", Modifiable, NO_CHILD_FSYNC;
    "rdb-del-sync-files", Bool, "no", Modifiable, Later;
    "appendonly", Bool, "no", Modifiable + settled_by_load, Later;
    "appendfilename", Text(rules::log_name), "appendonly.aof", Immutable, Later;
    "appenddirname", Text(rules::log_dir), "appendonlydir", Immutable, Later;
    "appendfsync", Choice(&["everysec", "always", "no"]), "everysec", Modifiable, Later;
    "no-appendfsync-on-rewrite", Bool, "no", Modifiable, Later;
    "auto-aof-rewrite-percentage", Integer(0, INT_MAX), "100", Modifiable, Later;
    "auto-aof-rewrite-min-size", Memory(0, LONG_MAX_BYTES), "64mb", Modifiable, Later;
    "aof-load-truncated", Bool, "yes", Modifiable, Later;
    "aof-use-rdb-preamble", Bool, "yes", Modifiable, Later;
    "aof-timestamp-enabled", Bool, "no", Modifiable, Later;
    "aof-rewrite-incremental-fsync", Bool, "yes", Modifiable, NO_CHILD_FSYNC;
    "aof-disable-auto-gc", Bool, "no", Modifiable + hidden, Later;
}
