//! What an engine needs of the world, asked for by trait.
//!
//! The engine opens no socket, starts no thread, reads no clock and touches no
//! file. A [`Host`] does these for it: the server, the embedded library and
//! the tests each bring their own.

use std::sync::Arc;

use base::Now;
use store::{Counts, Entry};

use crate::codec::Codec;
use crate::config::Config;
use crate::effect::Effects;
use crate::garbage::Garbage;

/// A position in the log: how many bytes of effects came before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Behind effects that have not been handed over yet.
    pub(crate) const PENDING: Lsn = Lsn(u64::MAX);
}

/// What SAVE and its relatives ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveRequest {
    /// BGSAVE; with `schedule`, after what is under way.
    Background { schedule: bool },
    /// BGREWRITEAOF.
    Rewrite,
    /// SAVE: like a background snapshot, but the client waits for it.
    Wait,
}

/// What DEBUG RELOAD and LOADAOF read back, all shards being held.
pub enum Kept<'a> {
    /// A snapshot that is made of these keys first.
    Fresh(Fresh<'a>),
    /// The snapshot that is there.
    Snapshot,
    Log,
}

/// All keys, while nobody can change one.
pub struct Fresh<'a> {
    pub keys: &'a mut dyn Keys,
    /// By database.
    pub counts: Vec<Counts>,
    /// How many changes have led to them.
    pub changes: u64,
}

/// Keys to be gone over, again and again.
pub trait Keys {
    /// Show each: its database, and the entry, whether its time is over or not.
    fn walk(&mut self, visit: &mut dyn FnMut(usize, Entry<'_>));
}

/// What INFO says of snapshots and the log.
#[derive(Clone, Debug, Default)]
pub struct PersistenceFacts {
    pub changes_since_save: u64,
    /// If one is being taken: for how long.
    pub snapshot_running_secs: Option<i64>,
    pub rewrite_running_secs: Option<i64>,
    pub rewrite_scheduled: bool,
    pub last_save_unix_secs: i64,
    pub snapshot_failed: bool,
    pub rewrite_failed: bool,
    pub snapshots: u64,
    pub rewrites: u64,
    pub rewrite_failures: u64,
    /// Of the last one.
    pub snapshot_took_secs: Option<i64>,
    pub rewrite_took_secs: Option<i64>,
    /// Of the one under way.
    pub keys_total: u64,
    pub keys_done: u64,
    /// While the data set is being read.
    pub loading: Option<LoadingFacts>,
    pub loaded_keys: u64,
    pub loaded_expired_keys: u64,
    pub log: Option<LogFacts>,
}

/// What INFO says of a load.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadingFacts {
    pub began_unix_secs: i64,
    pub bytes_total: u64,
    pub bytes_done: u64,
    pub eta_secs: u64,
}

/// What INFO says of the log.
#[derive(Clone, Debug, Default)]
pub struct LogFacts {
    /// Positions in the log.
    pub appended: u64,
    pub written: u64,
    pub durable: u64,
    /// Lengths of its files, and of its base when that was taken.
    pub current_bytes: u64,
    pub base_bytes: u64,
    /// Commits with a sync, what they took in all, and the longest.
    pub syncs: u64,
    pub sync_us: u64,
    pub sync_us_max: u64,
    pub sync_us_p50: u64,
    pub sync_us_p99: u64,
    /// Writes of the log that wrote something: how many, their groups and bytes in all, and the
    /// most of each.
    pub commits: u64,
    pub commit_groups: u64,
    pub commit_groups_max: u64,
    pub commit_bytes: u64,
    pub commit_bytes_max: u64,
    /// Why it cannot be written at present.
    pub error: Option<String>,
}

/// What becomes of effects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogMode {
    /// Nobody wants them: they are counted, not encoded.
    #[default]
    Off,
    /// They are appended to a log.
    Appended,
    /// And replies wait until what they show is durable (`appendfsync always`):
    /// each session's gate says how far the log must be.
    Awaited,
}

/// May a command write?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    Open,
    /// The log is behind. The client is parked until [`Host::wake_all`].
    Wait,
    /// The error line that says why not.
    Refused(String),
}

/// How a client asked the server to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    pub save: Option<bool>,
    pub now: bool,
    pub force: bool,
}

/// What only the process knows about itself, for INFO and CONFIG.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub process_id: u32,
    pub executable: String,
    pub config_file: String,
    pub tcp_port: u16,
    /// 40 hexadecimal digits, new at every start.
    pub run_id: String,
    pub mode: &'static str,
    pub threads: usize,
    pub os: String,
    pub multiplexing: &'static str,
    pub rss_bytes: u64,
    pub rss_peak_bytes: u64,
    pub total_system_memory_bytes: u64,
    pub cpu_user_us: u64,
    pub cpu_system_us: u64,
    pub cpu_user_main_us: u64,
    pub cpu_system_main_us: u64,
    pub allocator: &'static str,
    /// What was discarded ([`Host::discard`]) and is not freed yet, in objects.
    pub garbage_pending_objects: u64,
    /// What was discarded and freed since the start, in objects.
    pub garbage_freed_objects: u64,
    /// Listening addresses as INFO shows them, `name=tcp,bind=...,port=...`.
    pub listeners: Vec<String>,
}

/// The world below and around an engine.
pub trait Host: Send + Sync {
    /// A clock for durations only; it never goes back.
    fn monotonic_ns(&self) -> u64;

    /// What becomes of effects. Asked once per batch; it may change in between.
    fn log_mode(&self) -> LogMode {
        LogMode::Off
    }

    /// Groups of effects, in total order: called while the shards that they
    /// touched are still locked. Returns the log position behind them.
    fn append(&self, _effects: &Effects) -> Lsn {
        Lsn(0)
    }

    /// May a command write, of a request of about so many bytes? Asked before
    /// anything is changed.
    fn admit(&self, _bytes: usize, _config: &Config) -> Admission {
        Admission::Open
    }

    /// Did the last snapshot fail? Asked once per batch: if so, [`Host::admit`] is asked of
    /// each write even where there is no log.
    fn snapshot_failed(&self) -> bool {
        false
    }

    /// The log's end: everything before it has been appended.
    fn log_end(&self) -> Lsn {
        Lsn(0)
    }

    /// A snapshot begins: called while all shards are held, so that nothing is
    /// being written. Returns the log position behind all that the snapshot
    /// has; what comes after it may go to another file, or to a log that was off
    /// until now ([`Host::log_mode`] says so from here on). It must be quick, and
    /// must not call the engine.
    fn cut(&self) -> Lsn {
        Lsn(0)
    }

    /// Free something large where nobody waits for it.
    fn discard(&self, garbage: Garbage) {
        drop(garbage);
    }

    /// Who writes values down for DUMP and reads those of RESTORE; without one, both are errors.
    fn codec(&self) -> Option<&dyn Codec> {
        None
    }

    /// Do something that takes its time where no shard is held, if there is such a place.
    fn aside(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }

    /// Put a new configuration into effect outside the engine (limits, ports,
    /// log level). An error refuses the whole change; it is what the client
    /// reads behind `ERR`, so it names the parameter:
    /// `CONFIG SET failed (possibly related to argument 'port') - ...`.
    fn configure(&self, _old: &Config, _new: &Config) -> Result<(), String> {
        Ok(())
    }

    /// BGSAVE, BGREWRITEAOF, SAVE. Returns a ticket for [`Host::saved`], or the
    /// error line.
    fn save(&self, _request: SaveRequest, _config: &Config) -> Result<u64, String> {
        Err("ERR nothing is kept on disk here".into())
    }

    /// What became of the snapshot that a ticket stands for; `None` while it is
    /// on its way.
    fn saved(&self, _ticket: u64) -> Option<Result<(), String>> {
        None
    }

    /// Read what is kept on disk, all of it, or return an error line. Whoever asks holds all
    /// shards, and its effects have been handed over. When this returns, they are durable.
    fn read_back(&self, _kept: Kept<'_>, _config: &Config) -> Result<Box<dyn Keys>, String> {
        Err("ERR nothing is kept on disk here".into())
    }

    /// `changes` so far, since the start.
    fn persistence(&self, _now: Now, changes: u64) -> PersistenceFacts {
        PersistenceFacts {
            changes_since_save: changes,
            ..PersistenceFacts::default()
        }
    }

    /// CONFIG REWRITE.
    fn rewrite_config(&self, _config: &Config) -> Result<(), String> {
        Err("The server is running without a config file".into())
    }

    /// SHUTDOWN. An error is answered to the client; success ends the process
    /// soon.
    fn shutdown(&self, _how: Shutdown) -> Result<(), String> {
        Err("Errors trying to SHUTDOWN. Check logs.".into())
    }

    /// Let every loop look at its parked clients again.
    fn wake_all(&self) {}

    /// DEBUG SLEEP: stop this thread, at `now`. Returns the time behind that.
    fn sleep_us(&self, _us: u64, now: Now) -> Now {
        now
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }

    /// A line for the server's log, at Redis' level `notice` or `warning`.
    fn log(&self, _warning: bool, _line: &str) {}
}

/// How another thread reaches the driver of one client.
pub trait Wake: Send + Sync {
    /// The client was killed: it is to be closed.
    fn close(&self);

    /// The client was blocked and may go on ([`crate::Executor::take_up`]).
    fn go_on(&self);
}

/// For clients that are driven by the very thread that calls.
pub struct NoWake;

impl Wake for NoWake {
    fn close(&self) {}

    fn go_on(&self) {}
}

/// A shared host.
pub type HostRef = Arc<dyn Host>;
