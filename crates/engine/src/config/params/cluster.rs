//! The keyspace divided over nodes.

use super::Kind::*;
use super::Meaning::Later;
use super::{INT_MAX, LONG_MAX};
use crate::config::value::rules;

rows! {
    "cluster-enabled", Bool, "no", Immutable, Later;
    "cluster-config-file", Text(rules::any), "nodes.conf", Immutable, Later;
    "cluster-node-timeout", Integer(0, LONG_MAX), "15000", Modifiable, Later;
    "cluster-port", Integer(0, 65535), "0", Immutable, Later;
    "cluster-announce-ip", Text(rules::any), "", Modifiable, Later;
    "cluster-announce-hostname", Text(rules::host_name), "", Modifiable, Later;
    "cluster-announce-human-nodename", Text(rules::node_name), "", Modifiable, Later;
    "cluster-announce-port", Integer(0, 65535), "0", Modifiable, Later;
    "cluster-announce-tls-port", Integer(0, 65535), "0", Modifiable, Later;
    "cluster-announce-bus-port", Integer(0, 65535), "0", Modifiable, Later;
    "cluster-preferred-endpoint-type", Choice(&["ip", "hostname", "unknown-endpoint"]), "ip", Modifiable, Later;
    "cluster-replica-validity-factor" | "cluster-slave-validity-factor", Integer(0, INT_MAX), "10", Modifiable, Later;
    "cluster-replica-no-failover" | "cluster-slave-no-failover", Bool, "no", Modifiable, Later;
    "cluster-migration-barrier", Integer(0, INT_MAX), "1", Modifiable, Later;
    "cluster-allow-replica-migration", Bool, "yes", Modifiable, Later;
    "cluster-require-full-coverage", Bool, "yes", Modifiable, Later;
    "cluster-allow-reads-when-down", Bool, "no", Modifiable, Later;
    "cluster-allow-pubsubshard-when-down", Bool, "yes", Modifiable, Later;
    "cluster-link-sendbuf-limit", Memory(0, u64::MAX), "0", Modifiable, Later;
    "cluster-ping-interval", Integer(0, LONG_MAX), "0", Modifiable + hidden, Later;
}
