//! Snapshots and the log.

use super::Kind::*;
use super::Meaning::{self, Accepted, Later, Live};
use super::{INT_MAX, LONG_MAX_BYTES};
use crate::config::value::rules;
use crate::config::words::{FsyncPolicy, RdbVersion};

const NO_CHILD_FSYNC: Meaning =
    Accepted("files are written in slices anyway, each followed by its sync");

rows! {
    "save", SavePoints, "900 1 300 10 60 10000", Modifiable, Live;
    "dbfilename", Text(rules::rdb_name), "dump.rdb", Protected, Live;
    "rdbcompression", Bool, "yes", Modifiable, Live;
    "rdbchecksum", Bool, "yes", Immutable, Live;
    "stop-writes-on-bgsave-error", Bool, "yes", Modifiable, Live;
    "rdb-save-incremental-fsync", Bool, "yes", Modifiable, NO_CHILD_FSYNC;
    "rdb-del-sync-files", Bool, "no", Modifiable, Later;
    "appendonly", Bool, "yes", Modifiable + settled_by_load, Live;
    "appendfilename", Text(rules::log_name), "appendonly.aof", Immutable, Live;
    "appenddirname", Text(rules::log_dir), "appendonlydir", Immutable, Live;
    "appendfsync", Choice(FsyncPolicy::WORDS), "everysec", Modifiable, Live;
    "no-appendfsync-on-rewrite", Bool, "no", Modifiable, Live;
    "auto-aof-rewrite-percentage", Integer(0, INT_MAX), "100", Modifiable, Live;
    "auto-aof-rewrite-min-size", Memory(0, LONG_MAX_BYTES), "64mb", Modifiable, Live;
    "aof-load-truncated", Bool, "yes", Modifiable, Live;
    "aof-use-rdb-preamble", Bool, "yes", Modifiable, Later;
    "aof-timestamp-enabled", Bool, "no", Modifiable, Live;
    "aof-keep-generations", Integer(0, 1_000), "0", Modifiable, Live;
    "aof-keep-seconds", Integer(0, INT_MAX), "0", Modifiable, Live;
    "aof-rewrite-incremental-fsync", Bool, "yes", Modifiable, NO_CHILD_FSYNC;
    "rdb-version", Choice(RdbVersion::WORDS), "11", Modifiable, Live;
    "aof-disable-auto-gc", Bool, "no", Modifiable + hidden, Later;
}
