//! The parameters that something listens to, as typed fields.
//!
//! Read wherever a request, a timer or the start of the server needs a setting: one field access, no lookup, no
//! parsing. A table row is marked `Live` exactly if it is read here; a test holds the two together.

use super::params::{self, PARAMS};
use super::value::{BindAddress, OutputLimits, SavePoint, Value};
use super::words::{FsyncPolicy, LogLevel, MaxmemoryPolicy, Mode, Permission, RdbVersion};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use store::{Limits, ListLimit, SetLimits};

/// Settings in effect. Names are those of the parameters, with the unit where the parameter leaves it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    // Network.
    /// The TCP port; 0 for no TCP.
    pub port: u16,
    pub bind: Box<[BindAddress]>,
    pub unixsocket: Option<PathBuf>,
    /// Permissions of the socket's file; 0 leaves them to the process's mask.
    pub unixsocketperm: u32,
    pub tcp_backlog: u32,
    /// Silence after which a connection is probed; 0 for never.
    pub tcp_keepalive_secs: u32,
    /// Silence after which a client is cut off; 0 for never.
    pub timeout_secs: u32,
    pub protected_mode: bool,

    // Clients.
    pub maxclients: u32,
    pub client_output_buffer_limits: OutputLimits,
    pub client_query_buffer_limit_bytes: u64,
    pub proto_max_bulk_len_bytes: u64,

    // Security.
    /// The password of the default user, if it needs one.
    pub requirepass: Option<Box<[u8]>>,
    pub enable_debug_command: Permission,
    pub enable_protected_configs: Permission,

    // Process.
    pub databases: u32,
    pub dir: PathBuf,
    pub daemonize: bool,
    pub pidfile: Option<PathBuf>,
    pub loglevel: LogLevel,
    /// Where the log goes; standard output if nowhere else.
    pub logfile: Option<PathBuf>,
    pub always_show_logo: bool,
    /// Housekeeping runs per second.
    pub hz: u32,

    // Threads.
    pub mode: Mode,
    /// Event loops; 0 to go by the machine, see [`Live::loops`].
    pub threads: u32,

    // Memory.
    /// Bytes that the data set may take; 0 for any number.
    pub maxmemory_bytes: u64,
    pub maxmemory_policy: MaxmemoryPolicy,
    pub lfu_log_factor: u32,
    /// Minutes without use after which a use is forgotten.
    pub lfu_decay_time_minutes: u32,

    // Collections.
    /// A HyperLogLog becomes dense rather than longer.
    pub hll_sparse_max_bytes: u64,
    /// `list-max-listpack-size`: what goes into a node of a list, or into a small one.
    pub list_limit: ListLimit,
    /// Up to where sets stay packed.
    pub set_limits: SetLimits,
    /// Up to where sorted sets and hashes stay small.
    pub zset_limits: Limits,
    pub hash_limits: Limits,
    /// A node of a stream is full at so many bytes...
    pub stream_node_max_bytes: u64,
    /// ... or entries; 0 for no limit.
    pub stream_node_max_entries: u64,

    // Persistence.
    /// Take a snapshot once there are so many changes and so much time has passed.
    pub save_points: Box<[SavePoint]>,
    pub dbfilename: PathBuf,
    pub rdbcompression: bool,
    pub rdbchecksum: bool,
    pub rdb_version: RdbVersion,
    /// Refuse writes after a snapshot in the background has failed.
    pub stop_writes_on_bgsave_error: bool,
    /// Is there a log?
    pub appendonly: bool,
    pub no_appendfsync_on_rewrite: bool,
    pub appendfilename: Box<[u8]>,
    pub appenddirname: Box<[u8]>,
    pub appendfsync: FsyncPolicy,
    /// Growth since the last rewrite that asks for the next; 0 for never.
    pub auto_aof_rewrite_percentage: u32,
    pub auto_aof_rewrite_min_size_bytes: u64,
    /// Cut an unfinished end off instead of refusing to start.
    pub aof_load_truncated: bool,
    /// Write the time into the log whenever the second has changed.
    pub aof_timestamp_enabled: bool,
    /// So many replaced bases are kept, each with what happened from there...
    pub aof_keep_generations: u32,
    /// ... and those that were replaced less than so long ago.
    pub aof_keep_secs: u64,

    // Monitoring.
    pub latency_tracking: bool,
    /// What takes so long is remembered; 0 for nothing.
    pub latency_monitor_threshold_ms: u64,
    pub latency_tracking_info_percentiles: Box<[f64]>,
}

impl Live {
    /// How many event loops to run on a machine with this many processors: `threads`, or as many as there are
    /// processors, up to 8.
    pub fn loops(&self, processors: usize) -> usize {
        match self.threads {
            0 => processors.clamp(1, 8),
            threads => threads as usize,
        }
    }

    pub(super) fn derive(values: &[Value]) -> Live {
        Live::read(&Reading {
            values,
            note: &|_| (),
        })
    }

    fn read(from: &Reading) -> Live {
        Live {
            port: from.number("port"),
            bind: from.addresses("bind"),
            unixsocket: from.path("unixsocket"),
            unixsocketperm: from.number("unixsocketperm"),
            tcp_backlog: from.number("tcp-backlog"),
            tcp_keepalive_secs: from.number("tcp-keepalive"),
            timeout_secs: from.number("timeout"),
            protected_mode: from.switch("protected-mode"),

            maxclients: from.number("maxclients"),
            client_output_buffer_limits: from.output_limits("client-output-buffer-limit"),
            client_query_buffer_limit_bytes: from.number("client-query-buffer-limit"),
            proto_max_bulk_len_bytes: from.number("proto-max-bulk-len"),

            requirepass: Some(from.text("requirepass")).filter(|password| !password.is_empty()),
            enable_debug_command: from.word("enable-debug-command", Permission::from_word),
            enable_protected_configs: from.word("enable-protected-configs", Permission::from_word),

            databases: from.number("databases"),
            dir: from.path("dir").unwrap_or_default(),
            daemonize: from.switch("daemonize"),
            pidfile: from.path("pidfile"),
            loglevel: from.word("loglevel", LogLevel::from_word),
            logfile: from.path("logfile"),
            always_show_logo: from.switch("always-show-logo"),
            hz: from.number("hz"),

            mode: from.word("mode", Mode::from_word),
            threads: from.number("threads"),

            maxmemory_bytes: from.number("maxmemory"),
            maxmemory_policy: from.word("maxmemory-policy", MaxmemoryPolicy::from_word),
            lfu_log_factor: from.number("lfu-log-factor"),
            lfu_decay_time_minutes: from.number("lfu-decay-time"),

            hll_sparse_max_bytes: from.number("hll-sparse-max-bytes"),
            list_limit: ListLimit::of(from.number("list-max-listpack-size")),
            set_limits: from.set_limits(),
            zset_limits: from.limits("zset-max-listpack-entries", "zset-max-listpack-value"),
            hash_limits: from.limits("hash-max-listpack-entries", "hash-max-listpack-value"),
            stream_node_max_bytes: from.number("stream-node-max-bytes"),
            stream_node_max_entries: from.number("stream-node-max-entries"),

            save_points: from.save_points("save"),
            dbfilename: from.path("dbfilename").unwrap_or_default(),
            rdbcompression: from.switch("rdbcompression"),
            rdbchecksum: from.switch("rdbchecksum"),
            rdb_version: from.word("rdb-version", RdbVersion::from_word),
            stop_writes_on_bgsave_error: from.switch("stop-writes-on-bgsave-error"),
            appendonly: from.switch("appendonly"),
            no_appendfsync_on_rewrite: from.switch("no-appendfsync-on-rewrite"),
            appendfilename: from.text("appendfilename"),
            appenddirname: from.text("appenddirname"),
            appendfsync: from.word("appendfsync", FsyncPolicy::from_word),
            auto_aof_rewrite_percentage: from.number("auto-aof-rewrite-percentage"),
            auto_aof_rewrite_min_size_bytes: from.number("auto-aof-rewrite-min-size"),
            aof_load_truncated: from.switch("aof-load-truncated"),
            aof_timestamp_enabled: from.switch("aof-timestamp-enabled"),
            aof_keep_generations: from.number("aof-keep-generations"),
            aof_keep_secs: from.number("aof-keep-seconds"),

            latency_tracking: from.switch("latency-tracking"),
            latency_monitor_threshold_ms: from.number("latency-monitor-threshold"),
            latency_tracking_info_percentiles: from
                .percentiles("latency-tracking-info-percentiles"),
        }
    }
}

/// Typed access to values by name. A wrong name or type here is a mistake in this file.
struct Reading<'a> {
    values: &'a [Value],
    /// Is told every name asked for.
    note: &'a dyn Fn(&'static str),
}

impl Reading<'_> {
    fn value(&self, name: &'static str) -> &Value {
        let found = params::find(name.as_bytes()).expect("the table has this parameter");
        debug_assert!(PARAMS[found.index].meaning.is_read(), "{name}");
        (self.note)(name);
        &self.values[found.index]
    }

    fn switch(&self, name: &'static str) -> bool {
        let Value::Bool(on) = self.value(name) else {
            panic!("{name} is not a switch")
        };
        *on
    }

    fn number<N: TryFrom<i64> + TryFrom<u64>>(&self, name: &'static str) -> N {
        let number = match self.value(name) {
            Value::Integer(number) => N::try_from(*number).ok(),
            Value::Octal(number) => N::try_from(u64::from(*number)).ok(),
            Value::Bytes(number) => N::try_from(*number).ok(),
            _ => None,
        };
        number.unwrap_or_else(|| panic!("the range of {name} fits its field"))
    }

    fn set_limits(&self) -> SetLimits {
        SetLimits {
            integers: self.number("set-max-intset-entries"),
            small: self.limits("set-max-listpack-entries", "set-max-listpack-value"),
        }
    }

    fn limits(&self, entries: &'static str, value_bytes: &'static str) -> Limits {
        Limits {
            entries: self.number(entries),
            value_bytes: self.number(value_bytes),
        }
    }

    fn text(&self, name: &'static str) -> Box<[u8]> {
        let Value::Text(text) = self.value(name) else {
            panic!("{name} is not a text")
        };
        text.clone()
    }

    fn path(&self, name: &'static str) -> Option<PathBuf> {
        let text = self.text(name);
        (!text.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(&text)))
    }

    fn word<W>(&self, name: &'static str, meaning: fn(&str) -> Option<W>) -> W {
        let Value::Choice(word) = self.value(name) else {
            panic!("{name} is not a choice")
        };
        meaning(word).expect("the table lists these words")
    }

    fn addresses(&self, name: &'static str) -> Box<[BindAddress]> {
        let Value::Addresses(list) = self.value(name) else {
            panic!("{name} is no addresses")
        };
        list.clone()
    }

    fn save_points(&self, name: &'static str) -> Box<[SavePoint]> {
        let Value::SavePoints(points) = self.value(name) else {
            panic!("{name} is no save points")
        };
        points.clone()
    }

    fn output_limits(&self, name: &'static str) -> OutputLimits {
        let Value::OutputLimits(limits) = self.value(name) else {
            panic!("{name} is no limits")
        };
        *limits
    }

    fn percentiles(&self, name: &'static str) -> Box<[f64]> {
        let Value::Percentiles(list) = self.value(name) else {
            panic!("{name} is no percentiles")
        };
        list.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    #[test]
    fn the_rows_marked_live_are_those_that_are_read() {
        let read = RefCell::new(BTreeSet::new());
        let config = Config::default();
        let note = |name| {
            read.borrow_mut().insert(name);
        };
        Live::read(&Reading {
            values: &config.values,
            note: &note,
        });
        let marked: BTreeSet<_> = PARAMS
            .iter()
            .filter(|p| p.meaning.is_read())
            .map(|p| p.name)
            .collect();
        assert_eq!(read.into_inner(), marked);
    }

    #[test]
    fn loops_follow_the_machine_unless_told() {
        let loops = |threads: &str, processors| {
            let config = Config::default();
            let config = config
                .set_at_start(&[(b"threads", threads.as_bytes())])
                .unwrap();
            config.live.loops(processors)
        };
        assert_eq!(loops("0", 2), 2);
        assert_eq!(loops("0", 64), 8);
        assert_eq!(loops("0", 0), 1);
        assert_eq!(loops("16", 2), 16);
    }
}
