//! Copying the data set between nodes.

use super::Kind::*;
use super::Meaning::Later;
use super::{INT_MAX, LONG_MAX, LONG_MAX_BYTES};
use crate::config::value::rules;

rows! {
    "replicaof" | "slaveof", Primary, "", Immutable, Later;
    "masteruser", Text(rules::any), "", Modifiable + sensitive, Later;
    "masterauth", Text(rules::secret), "", Modifiable + sensitive, Later;
    "replica-read-only" | "slave-read-only", Bool, "yes", Modifiable, Later;
    "replica-serve-stale-data" | "slave-serve-stale-data", Bool, "yes", Modifiable, Later;
    "replica-ignore-maxmemory" | "slave-ignore-maxmemory", Bool, "yes", Modifiable, Later;
    "replica-lazy-flush" | "slave-lazy-flush", Bool, "no", Modifiable, Later;
    "replica-ignore-disk-write-errors", Bool, "no", Modifiable, Later;
    "replica-priority" | "slave-priority", Integer(0, INT_MAX), "100", Modifiable, Later;
    "replica-announced", Bool, "yes", Modifiable, Later;
    "replica-announce-ip" | "slave-announce-ip", Text(rules::any), "", Modifiable, Later;
    "replica-announce-port" | "slave-announce-port", Integer(0, 65535), "0", Modifiable, Later;
    "min-replicas-to-write" | "min-slaves-to-write", Integer(0, INT_MAX), "0", Modifiable, Later;
    "min-replicas-max-lag" | "min-slaves-max-lag", Integer(0, INT_MAX), "10", Modifiable, Later;
    "repl-timeout", Integer(1, INT_MAX), "60", Modifiable, Later;
    "repl-ping-replica-period" | "repl-ping-slave-period", Integer(1, INT_MAX), "10", Modifiable, Later;
    "repl-disable-tcp-nodelay", Bool, "no", Modifiable, Later;
    "repl-backlog-size", Memory(1, LONG_MAX_BYTES), "1mb", Modifiable, Later;
    "repl-backlog-ttl", Integer(0, LONG_MAX), "3600", Modifiable, Later;
    "repl-diskless-sync", Bool, "yes", Modifiable, Later;
    "repl-diskless-sync-delay", Integer(0, INT_MAX), "5", Modifiable, Later;
    "repl-diskless-sync-max-replicas", Integer(0, INT_MAX), "0", Modifiable, Later;
    "repl-diskless-load", Choice(&["disabled", "on-empty-db", "swapdb"]), "disabled", Modifiable + settled_by_load, Later;
    "propagation-error-behavior", Choice(&["ignore", "panic", "panic-on-replicas"]), "ignore", Modifiable, Later;
}
