//! DEBUG RELOAD and LOADAOF: what is kept, read back beside what is served.
//!
//! ```text
//!   RELOAD    all keys ─► writer's thread ─► dump.rdb ─┐
//!   LOADAOF   the log, written and synced ─────────────┴─► Load ─► an engine of its own
//! ```
//!
//! The files are those that a start would find, and the way back is that of a start. The engine
//! that takes them is a new one: whoever asked has it when everything was sound, and what is served
//! stays as it is otherwise.
//!
//! All shards are held by the caller from the first to the last, so that no write comes between;
//! everybody waits. A snapshot or a rewrite that is under way has the files, and makes it refuse.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use base::Now;
use engine::config::Config;
use engine::{
    Budget, Engine, EngineOptions, Executor, Fresh, Host, Kept, Keys, Lsn, NO_CAP, Progress, Sink,
    Threads,
};
use parking_lot::MutexGuard;
use persist::Trouble;
use persist::log::{Options, Recovery, State};
use store::{Entry, KeyHasher};

use super::batch::Batch;
use super::load::Load;
use super::queue::{Inlet, queue};
use super::save::{self, Kind, Save, Target, is_full};
use super::scribe::Encoder;
use super::source::{Source, rdb_end};
use super::{Persistence, clock_us, now_ms, random_seed};

/// What a start would serve now, or an error line.
pub(super) fn read_back(
    persistence: &Persistence,
    kept: Kept<'_>,
    config: &Config,
) -> Result<Box<dyn Keys>, String> {
    let _nobody_saves = idle(persistence)?;
    // Behind the reload nobody knows which key was written when. So no reply that shows one may
    // have to wait for a sync.
    sync_log(persistence)?;
    let source = match kept {
        Kept::Fresh(fresh) => {
            write(persistence, config, fresh).map_err(|trouble| line(&trouble))?;
            Source::Whole(persistence.snapshot_path(config))
        }
        Kept::Snapshot => Source::Whole(persistence.snapshot_path(config)),
        Kept::Log if !persistence.is_on() => {
            return Err("ERR there is no log: appendonly is off".into());
        }
        Kept::Log => {
            let options = Options {
                load_truncated: false,
            };
            let (storage, place) = (&*persistence.storage, &persistence.place);
            let surveyed = Recovery::survey(storage, place, options, &mut rdb_end);
            Source::Log(Box::new(surveyed.map_err(|trouble| line(&trouble))?))
        }
    };
    let executor = load(persistence, source, config);
    let executor = executor.map_err(|trouble| line(&trouble))?;
    Ok(Box::new(Loaded(executor)))
}

/// A snapshot of keys that nobody can change meanwhile.
fn write(persistence: &Persistence, config: &Config, fresh: Fresh<'_>) -> Result<(), Trouble> {
    let Fresh {
        keys,
        counts,
        changes,
    } = fresh;
    let now = Now::read();
    let ticket = persistence.requests.tickets.load(Ordering::Acquire);
    let log = persistence.log().cloned();
    let target = Target::of(persistence, config, Kind::Snapshot, Lsn(0), log);
    let encoder = Encoder::new(config, &counts, Kind::Snapshot, now);
    persistence.outcomes.began(Kind::Snapshot, now);
    let total = counts.iter().map(|counts| counts.keys as u64).sum();
    persistence.outcomes.has_keys(total);
    let (inlet, batches) = queue();
    let outcome = std::thread::scope(|scope| {
        let (storage, target) = (&*persistence.storage, &target);
        let thread = std::thread::Builder::new().name("snapshot".into());
        let write = move || save::write(storage, target, encoder, batches);
        let writer = thread.spawn_scoped(scope, write).map_err(|error| {
            let what = format!("cannot start a thread: {error}");
            Trouble::new(persist::Kind::System, &persistence.place.dir, what)
        })?;
        let batch = inlet.empty();
        let mut feed = Feed { batch, inlet };
        keys.walk(&mut |database, entry| feed.entry(database, entry));
        feed.end();
        writer.join().unwrap_or_else(|panic| resume_unwind(panic))
    });
    let told = outcome.as_ref().map(|&bytes| bytes);
    let (outcomes, ended) = (&persistence.outcomes, Now::read());
    outcomes.ended(Kind::Snapshot, ticket, changes, ended, told);
    outcome.map(|_| ())
}

fn load(persistence: &Persistence, source: Source, config: &Config) -> Result<Executor, Trouble> {
    let options = EngineOptions {
        config: config.clone(),
        threads: Threads::One,
        seed: random_seed(),
        now: Now::read(),
    };
    let mut executor = Engine::new(options, Arc::new(Alone(Instant::now()))).executor();
    let build = crate::codec::build(KeyHasher::new(random_seed()), &config.live);
    let databases = config.live.databases as usize;
    let load = Load::start(persistence.storage.clone(), source, databases, build);
    load.finish(&mut executor)?;
    Ok(executor)
}

/// The place of the snapshot under way, with none in it.
fn idle(persistence: &Persistence) -> Result<MutexGuard<'_, Option<Save>>, String> {
    /// Whoever looks whether one is due has it for a moment, and may want a shard that is held
    /// here: so it is not waited for without end.
    const PATIENCE: Duration = Duration::from_millis(200);
    let slot = persistence.save.try_lock_for(PATIENCE);
    let slot = slot.filter(|slot| slot.is_none());
    slot.ok_or_else(|| "ERR Background save already in progress".into())
}

fn sync_log(persistence: &Persistence) -> Result<(), String> {
    let Some(log) = persistence.log().filter(|log| log.state() != State::Off) else {
        return Ok(());
    };
    let synced = log.sync_now(now_ms(), &clock_us);
    synced.map_err(|trouble| line(&trouble))?;
    match log.durable_lsn() >= log.appended_lsn() {
        true => Ok(()),
        false => Err("ERR the log cannot be synced at present".into()),
    }
}

fn line(trouble: &Trouble) -> String {
    format!("ERR {trouble}")
}

/// Hands keys to the writer's thread, and waits for it.
struct Feed {
    batch: Batch,
    inlet: Inlet,
}

impl Feed {
    fn entry(&mut self, database: usize, entry: Entry<'_>) {
        self.batch.push_entry(database, &entry);
        if is_full(&self.batch) {
            self.inlet.push(&mut self.batch);
        }
    }

    fn end(mut self) {
        self.inlet.push(&mut self.batch);
        self.inlet.end();
    }
}

/// What was read, in an engine that nobody else knows.
struct Loaded(Executor);

impl Keys for Loaded {
    fn walk(&mut self, visit: &mut dyn FnMut(usize, Entry<'_>)) {
        let snapshot = self.0.begin_snapshot(NO_CAP);
        let mut snapshot = snapshot.expect("nobody else takes one");
        let mut sink = Shown(visit);
        let budget = Budget::default();
        while self.0.save_step(&mut snapshot, budget, &mut sink) != Progress::Done {}
    }
}

struct Shown<'a>(&'a mut dyn FnMut(usize, Entry<'_>));

impl Sink for Shown<'_> {
    fn entry(&mut self, database: usize, entry: Entry<'_>) {
        (self.0)(database, entry);
    }
}

/// What that engine asks of the process.
struct Alone(Instant);

impl Host for Alone {
    fn monotonic_ns(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }

    fn codec(&self) -> Option<&dyn engine::Codec> {
        Some(&crate::RdbCodec)
    }
}
