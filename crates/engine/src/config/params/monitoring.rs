//! What the server tells about itself.

use super::{Kind::*, LONG_MAX, Meaning::Later, Meaning::Live};

rows! {
    "slowlog-log-slower-than", Integer(-1, LONG_MAX), "10000", Modifiable, Later;
    "slowlog-max-len", Integer(0, LONG_MAX), "128", Modifiable, Later;
    "latency-tracking", Bool, "yes", Modifiable, Live;
    "latency-tracking-info-percentiles", Percentiles, "50 99 99.9", Modifiable, Live;
    "latency-monitor-threshold", Integer(0, LONG_MAX), "0", Modifiable, Live;
    "notify-keyspace-events", KeyspaceEvents, "", Modifiable, Later;
}
