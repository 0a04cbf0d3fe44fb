//! The engine: the state that all drivers of one keyspace share.
//!
//! ```text
//!              ┌──────────── Engine (Arc) ─────────────┐
//!   Executor ──┤ shards · commands · clients · config  │
//!   Executor ──┤ stats · pause · host                  │
//!   Executor ──┘ (one executor per driving thread)     ┘
//! ```
//!
//! Nothing here runs by itself. Whoever owns a thread makes an [`Executor`]
//! from the engine and calls [`Executor::execute`], [`Executor::sweep`] and,
//! while a snapshot is taken, [`Executor::save_step`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use base::Now;
use parking_lot::{Mutex, RwLock};
use store::KeyHasher;

use crate::clients::Clients;
use crate::commands::Commands;
use crate::config::Config;
use crate::copies::Copies;
use crate::executor::Executor;
use crate::host::HostRef;
use crate::info::Rates;
use crate::latency::Monitor;
use crate::lock::Entrants;
use crate::pause::Pause;
use crate::shards::Shards;
use crate::snapshot::Snapshots;
use crate::stats::Stats;
use crate::waits::Tally;

/// How an engine is made.
pub struct EngineOptions {
    pub config: Config,
    /// How many threads will drive it, if that is known and small.
    pub threads: Threads,
    /// From which all randomness of this engine follows, the key of its hash
    /// included: random in a server, fixed in a test.
    pub seed: [u64; 2],
    pub now: Now,
}

/// How many threads will drive an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// One, always the same: no lock is taken.
    One,
    /// About so many at once.
    Many(usize),
}

/// The shared state of one keyspace.
pub struct Engine {
    pub(crate) shards: Arc<Shards>,
    /// How many clients wait for keys.
    pub(crate) waiting: Arc<Tally>,
    pub(crate) hasher: KeyHasher,
    pub commands: Commands,
    pub clients: Clients,
    pub stats: Stats,
    /// What took long; shared with those who do things for the engine.
    pub latency: Arc<Monitor>,
    pub pause: Pause,
    pub host: HostRef,
    pub started: Now,
    pub(crate) active_expire: AtomicBool,
    loading: AtomicBool,
    /// How often the host has begun to want effects; see [`crate::effect::Effects`].
    pub(crate) log_switched_on: Arc<AtomicU32>,
    pub(crate) snapshots: Snapshots,
    pub(crate) copies: Copies,
    pub(crate) rates: Rates,
    config: RwLock<Arc<Config>>,
    config_change: Mutex<()>,
    config_generation: AtomicU64,
    next_seed: Mutex<base::Rng>,
}

impl Engine {
    pub fn new(options: EngineOptions, host: HostRef) -> Arc<Engine> {
        let hasher = KeyHasher::new(options.seed);
        let databases = options.config.live.databases as usize;
        let (bits, entrants) = match options.threads {
            Threads::One => (0, Entrants::Sole),
            Threads::Many(n) => {
                let shards = (16 * n).clamp(16, 1024).next_power_of_two();
                (shards.trailing_zeros(), Entrants::Shared)
            }
        };
        let waiting = Arc::default();
        let latency = Arc::new(Monitor::default());
        latency.set_threshold_ms(options.config.live.latency_monitor_threshold_ms);
        Arc::new(Engine {
            shards: Arc::new(Shards::new(hasher, bits, databases, entrants, &waiting)),
            waiting,
            hasher,
            commands: Commands::new(),
            clients: Clients::default(),
            stats: Stats::default(),
            latency,
            pause: Pause::default(),
            host,
            started: options.now,
            active_expire: AtomicBool::new(true),
            loading: AtomicBool::new(false),
            log_switched_on: Arc::default(),
            snapshots: Snapshots::default(),
            copies: Copies::default(),
            rates: Rates::default(),
            config: RwLock::new(Arc::new(options.config)),
            config_change: Mutex::new(()),
            config_generation: AtomicU64::new(0),
            next_seed: Mutex::new(base::Rng::new(options.seed[0] ^ options.seed[1])),
        })
    }

    /// A way in, for one thread.
    pub fn executor(self: &Arc<Engine>) -> Executor {
        let seed = self.next_seed.lock().next_u64();
        Executor::new(self.clone(), seed)
    }

    /// Take a sample of the counters whose rates INFO shows, unless the last
    /// one is less than a tenth of a second old. Says whether it took one.
    pub(crate) fn sample(&self, now: Now) -> bool {
        self.rates.sample(now, || self.stats.lifetime_counters())
    }

    /// While the data set is being read, commands that need it are refused.
    pub fn set_loading(&self, loading: bool) {
        self.loading.store(loading, Ordering::Release);
    }

    #[inline]
    pub fn is_loading(&self) -> bool {
        self.loading.load(Ordering::Acquire)
    }

    /// Changes to the keyspace since the start: Redis' dirty counter, which a
    /// reset of the counters leaves alone.
    pub fn changes(&self) -> u64 {
        self.stats.lifetime_counters().changes
    }

    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    pub fn databases(&self) -> usize {
        self.shards.databases()
    }

    pub fn config(&self) -> Arc<Config> {
        self.config.read().clone()
    }

    /// Changes with every new configuration; a cheap way to notice one.
    #[inline]
    pub fn config_generation(&self) -> u64 {
        self.config_generation.load(Ordering::Acquire)
    }

    /// Replace the configuration by what `change` makes of it. The host is
    /// asked first; whoever refuses leaves all as it was.
    pub fn change_config<E: From<String>>(
        &self,
        change: impl FnOnce(&Config) -> Result<Config, E>,
    ) -> Result<(), E> {
        let _one_at_a_time = self.config_change.lock();
        let old = self.config();
        let new = change(&old)?;
        self.host.configure(&old, &new).map_err(E::from)?;
        self.latency
            .set_threshold_ms(new.live.latency_monitor_threshold_ms);
        *self.config.write() = Arc::new(new);
        self.config_generation.fetch_add(1, Ordering::Release);
        Ok(())
    }
}
