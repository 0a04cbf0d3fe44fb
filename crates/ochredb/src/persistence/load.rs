//! Reading everything back.
//!
//! ```text
//!   reader's thread                              driver's thread
//!   ───────────────────────────────────          ───────────────────────
//!   file ─► check ─► parse ─► batch ─► queue ─►  restore keys, replay commands
//! ```
//!
//! One thread reads, verifies and parses; the driver applies, batch by batch, so
//! that a server can answer LOADING meanwhile, and two processors share the work.
//! The order of the file is the order of application, so the result is the same
//! every time.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use base::Now;
use engine::{Executor, Restored};
use persist::log::{Recovery, Role};
use persist::rdb::{self, Item, Reader};
use persist::{Access, Storage, Trouble};
use resp::{Argv, OwnedArgv};
use store::NewValue;

use super::batch::{Batch, Value};
use super::source::{Bytes, Source};

/// Data on its way back.
pub struct Load {
    batches: Receiver<Result<Step, Trouble>>,
    bytes_total: u64,
    bytes_done: u64,
    began: Option<Now>,
    loaded: Loaded,
    said: u64,
}

/// What was read.
#[derive(Default)]
pub struct Loaded {
    pub keys: u64,
    /// Keys of a snapshot whose time was over.
    pub expired: u64,
    pub commands: u64,
    pub took_us: u64,
    pub(super) recovery: Option<Recovery>,
    /// The snapshot that was read because there was no log.
    pub(super) snapshot: Option<std::path::PathBuf>,
}

/// How far a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    More,
    /// The reader is behind.
    Waiting,
    Done,
}

/// What is applied together.
enum Step {
    Keys(Keys),
    /// So many keys will come for this database.
    Expect {
        database: usize,
        keys: usize,
    },
    Commands(Commands),
    /// Another file begins: its commands are for database 0.
    Start,
    End(Box<Loaded>),
}

#[derive(Default)]
struct Keys {
    batch: Batch,
    /// How far the file has been read.
    bytes_done: u64,
}

#[derive(Default)]
struct Commands {
    words: OwnedArgv,
    /// Where each command ends among the words, and where it lies in its file.
    ends: Vec<(usize, u64)>,
    path: std::path::PathBuf,
    bytes_done: u64,
}

/// A key of a snapshot takes at least its type, a length, and a value.
const KEY_BYTES_MIN: u64 = 4;
const QUEUED_BATCHES: usize = 8;
const BATCH_BYTES: usize = 64 * 1024;
const BATCH_ITEMS: usize = 1024;

impl Load {
    /// Begins to read, for an engine of so many databases. Takes no lock and changes nothing.
    pub fn start(
        storage: Arc<dyn Storage>,
        source: Source,
        databases: usize,
        build: rdb::Build,
    ) -> Load {
        let (queue, batches) = sync_channel(QUEUED_BATCHES);
        let bytes_total = total_bytes(&*storage, &source);
        let failed = queue.clone();
        let spawned = std::thread::Builder::new()
            .name("load".into())
            .spawn(move || {
                let mut feed = Feed {
                    queue,
                    databases,
                    build,
                    keys: Keys::default(),
                    commands: Commands::default(),
                    bytes_before: 0,
                };
                if let Err(Stopped::Trouble(trouble)) = feed.run(&*storage, source) {
                    // Whoever waited is gone if this fails.
                    let _ = feed.queue.send(Err(trouble));
                }
            });
        if let Err(error) = spawned {
            let what = format!("cannot start a thread: {error}");
            let path = std::path::Path::new("load");
            let _ = failed.send(Err(Trouble::new(persist::Kind::System, path, what)));
        }
        Load {
            batches,
            bytes_total,
            bytes_done: 0,
            began: None,
            loaded: Loaded::default(),
            said: 0,
        }
    }

    /// Is there anything to read?
    pub fn is_empty(&self) -> bool {
        self.bytes_total == 0
    }

    /// Bytes of all files, and how many of them are back.
    pub fn bytes(&self) -> (u64, u64) {
        (self.bytes_done, self.bytes_total)
    }

    /// Seconds that it will take still, as things go.
    pub fn eta_secs(&self, now: Now) -> u64 {
        let Some(began) = self.began else { return 0 };
        let elapsed_us = now.mono_us.saturating_sub(began.mono_us);
        let left = self.bytes_total.saturating_sub(self.bytes_done);
        let rate = self.bytes_done as f64 / elapsed_us.max(1) as f64;
        (left as f64 / rate.max(1e-9) / 1e6) as u64
    }

    /// A line of progress, whenever another tenth is back.
    pub fn progress_line(&mut self) -> Option<String> {
        let tenths = self.bytes_done * 10 / self.bytes_total.max(1);
        if tenths <= self.said || tenths >= 10 || self.bytes_total < 64 << 20 {
            return None;
        }
        self.said = tenths;
        let (done, total) = (self.bytes_done >> 20, self.bytes_total >> 20);
        Some(format!("Loading: {}0 % ({done} of {total} MiB)", tenths))
    }

    /// Apply what is there, for about `us` microseconds.
    pub fn step(&mut self, executor: &mut Executor, us: u64) -> Result<Progress, Trouble> {
        let now = Now::read();
        self.began.get_or_insert(now);
        let deadline_us = now.mono_us + us;
        loop {
            let batch = match self.batches.try_recv() {
                Ok(batch) => batch?,
                Err(TryRecvError::Empty) => {
                    return Ok(Progress::Waiting);
                }
                Err(TryRecvError::Disconnected) => unreachable!("a load ends with its End"),
            };
            if self.apply(executor, now, batch)? {
                return Ok(Progress::Done);
            }
            if Now::read().mono_us >= deadline_us {
                return Ok(Progress::More);
            }
        }
    }

    /// Apply all of it, waiting for the reader.
    pub fn finish(mut self, executor: &mut Executor) -> Result<Loaded, Trouble> {
        let now = Now::read();
        self.began.get_or_insert(now);
        loop {
            match self.batches.recv_timeout(Duration::from_secs(3600)) {
                Ok(batch) => {
                    if self.apply(executor, now, batch?)? {
                        return Ok(self.into_loaded());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("a load ends with its End"),
            }
        }
    }

    /// What was read; after [`Progress::Done`].
    pub fn into_loaded(self) -> Loaded {
        self.loaded
    }

    /// Returns whether that was the end.
    fn apply(&mut self, executor: &mut Executor, now: Now, step: Step) -> Result<bool, Trouble> {
        match step {
            Step::Keys(keys) => {
                self.bytes_done = keys.bytes_done;
                self.restore(executor, now, &keys);
            }
            Step::Expect { database, keys } => {
                if database < executor.engine().databases() {
                    executor.expect_keys(database, keys);
                }
            }
            Step::Commands(commands) => {
                self.bytes_done = commands.bytes_done;
                self.replay(executor, now, &commands)?;
            }
            Step::Start => executor.replay_from_start(),
            Step::End(loaded) => {
                self.loaded.recovery = loaded.recovery;
                self.loaded.snapshot = loaded.snapshot;
                self.loaded.expired = loaded.expired;
                let began = self.began.unwrap_or(now);
                self.loaded.took_us = Now::read().mono_us - began.mono_us;
                self.bytes_done = self.bytes_total;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn restore(&mut self, executor: &mut Executor, now: Now, keys: &Keys) {
        let restored = keys.batch.iter().map(|item| Restored {
            database: item.database,
            name: item.name,
            value: match item.value {
                Value::Int(number) => NewValue::Int(number),
                Value::Bytes(bytes) => NewValue::String(bytes),
                Value::Block(block) => NewValue::Block(block.clone()),
                Value::Packed(packing, bytes) => NewValue::Packed(packing, bytes),
                // Small enough for its entry, mostly.
                Value::PackedBlock(packing, block) => NewValue::Packed(packing, block),
                Value::Large(large) => NewValue::Large(large.clone()),
            },
            deadline_ms: item.deadline_ms,
        });
        let restored = restored.collect();
        self.loaded.keys += executor.restore(now, restored);
    }

    fn replay(
        &mut self,
        executor: &mut Executor,
        now: Now,
        commands: &Commands,
    ) -> Result<(), Trouble> {
        let words = commands.words.as_argv();
        let mut start = 0;
        let argvs: Vec<Argv<'_>> = commands
            .ends
            .iter()
            .map(|&(end, _)| words.between(std::mem::replace(&mut start, end), end))
            .collect();
        executor.replay(now, &argvs).map_err(|error| {
            let offset = commands.ends[error.index].1;
            let what = format!("a command of the log cannot be applied: {}", error.reason);
            Trouble::new(persist::Kind::Damaged, &commands.path, what).at(offset)
        })?;
        self.loaded.commands += argvs.len() as u64;
        Ok(())
    }
}

impl Loaded {
    /// Bytes of the log's files, and of its base.
    pub(super) fn log_bytes(&self) -> (u64, u64) {
        let Some(recovery) = &self.recovery else {
            return (0, 0);
        };
        let parts: u64 = recovery
            .parts
            .iter()
            .map(|part| part.end - part.start)
            .sum();
        let base = recovery.base.as_ref().map_or(0, |base| base.rdb_bytes);
        (parts + base, base)
    }

    /// For the log file: what was read and how fast.
    pub fn line(&self) -> String {
        let secs = self.took_us as f64 / 1e6;
        format!(
            "DB loaded from {}: {} keys, {} commands, {secs:.3} seconds",
            if self.recovery.is_some() {
                "append only file"
            } else {
                "disk"
            },
            self.keys,
            self.commands
        )
    }

    /// What was cut off the end of the log, for people.
    pub fn cut(&self) -> Option<String> {
        let cut = self.recovery.as_ref()?.cut()?;
        Some(cut.to_string())
    }
}

fn total_bytes(storage: &dyn Storage, source: &Source) -> u64 {
    match source {
        Source::Nothing => 0,
        Source::Log(recovery) => {
            let base = recovery.base.as_ref().map_or(0, |base| base.rdb_bytes);
            let parts = recovery.parts.iter();
            base + parts.map(|part| part.end - part.start).sum::<u64>()
        }
        Source::Snapshot(path) | Source::Whole(path) => storage
            .open(path, Access::Read)
            .and_then(|file| file.len())
            .unwrap_or(0),
    }
}

/// The reader's side.
struct Feed {
    queue: SyncSender<Result<Step, Trouble>>,
    databases: usize,
    build: rdb::Build,
    keys: Keys,
    commands: Commands,
    /// Of the files that are through.
    bytes_before: u64,
}

/// Why a feed ends early.
enum Stopped {
    Trouble(Trouble),
    /// Nobody is interested any more.
    Abandoned,
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Stopped {
        Stopped::Trouble(trouble)
    }
}

impl Feed {
    fn run(&mut self, storage: &dyn Storage, source: Source) -> Result<(), Stopped> {
        let mut loaded = Loaded::default();
        match source {
            Source::Nothing => {}
            Source::Snapshot(path) => {
                let file = storage.open(&path, Access::Read)?;
                let bytes = Bytes::new(&*file)?;
                loaded.expired = self.snapshot(bytes, &path, true)?;
                loaded.snapshot = Some(path);
            }
            Source::Whole(path) => {
                let file = storage.open(&path, Access::Read)?;
                self.snapshot(Bytes::new(&*file)?, &path, false)?;
            }
            Source::Log(recovery) => {
                self.log(storage, &recovery)?;
                loaded.recovery = Some(*recovery);
            }
        }
        self.send(Step::End(Box::new(loaded)))
    }

    fn log(&mut self, storage: &dyn Storage, recovery: &Recovery) -> Result<(), Stopped> {
        if let Some(base) = recovery.base.as_ref().filter(|base| base.rdb_bytes > 0) {
            let file = storage.open(&base.path, Access::Read)?;
            let bytes = Bytes::new(&*file)?.up_to(base.rdb_bytes);
            // Later commands may count on keys whose time is over by now.
            self.snapshot(bytes, &base.path, false)?;
            self.bytes_before = base.rdb_bytes;
        }
        let mut commands = recovery.commands(storage);
        let mut part = usize::MAX;
        while let Some(command) = commands.advance()? {
            if command.part != part {
                if part != usize::MAX {
                    let before = &recovery.parts[part];
                    self.bytes_before += before.end - before.start;
                }
                part = command.part;
                self.flush_commands()?;
                self.commands.path.clone_from(&recovery.parts[part].path);
                self.send(Step::Start)?;
            }
            if matches!(command.role, Role::Multi | Role::Exec) {
                continue;
            }
            let argv = command.argv;
            let mut bytes = 0;
            for word in argv.iter() {
                self.commands.words.push(word);
                bytes += word.len();
            }
            let end = self.commands.words.len();
            self.commands.ends.push((end, command.offset));
            self.commands.bytes_done = self.bytes_before + command.offset;
            if bytes > BATCH_BYTES
                || self.commands.ends.len() >= BATCH_ITEMS
                || self.commands.words.memory_bytes() >= BATCH_BYTES
            {
                self.flush_commands()?;
            }
        }
        self.flush_commands()
    }

    /// Returns how many keys were left out because their time is over.
    fn snapshot(
        &mut self,
        bytes: Bytes<'_>,
        path: &std::path::Path,
        leaves_out_expired: bool,
    ) -> Result<u64, Stopped> {
        let len = bytes.len();
        let now_ms = Now::read().unix_ms();
        let fault = |fault: rdb::Fault| Stopped::Trouble(fault.in_file(path));
        let reader = Reader::with_len(bytes, len).map_err(fault)?;
        let mut reader = reader.building(self.build);
        let (mut database, mut expired) = (0, 0);
        loop {
            let offset = reader.offset();
            match reader.next().map_err(fault)? {
                None => break,
                Some(Item::SelectDb(number)) => {
                    database = usize::try_from(number).unwrap_or(usize::MAX);
                }
                Some(Item::ResizeDb { keys, .. }) => {
                    // A hint from outside: no more than the file can hold.
                    let keys = keys.min(len / KEY_BYTES_MIN) as usize;
                    self.flush_keys()?;
                    self.send(Step::Expect { database, keys })?;
                    continue;
                }
                Some(Item::Key {
                    deadline_ms,
                    key,
                    value,
                    ..
                }) => {
                    if leaves_out_expired && deadline_ms.is_some_and(|ms| ms < now_ms) {
                        expired += 1;
                        continue;
                    }
                    if database >= self.databases {
                        let what = format!(
                            "there is a key in database {database}, and `databases` is {}",
                            self.databases
                        );
                        let trouble = Trouble::new(persist::Kind::Settings, path, what);
                        return Err(Stopped::Trouble(trouble.at(offset)));
                    }
                    self.key(database, deadline_ms, key, value).map_err(fault)?;
                    self.keys.bytes_done = self.bytes_before + offset;
                }
                Some(Item::End { checksum }) => {
                    checksum.verdict(offset).map_err(fault)?;
                }
                Some(_) => continue,
            }
            if self.keys.batch.len() >= BATCH_ITEMS || self.keys.batch.bytes() >= BATCH_BYTES {
                self.flush_keys()?;
            }
        }
        self.flush_keys()?;
        Ok(expired)
    }

    fn key(
        &mut self,
        database: usize,
        deadline_ms: Option<i64>,
        key: &[u8],
        value: rdb::Value<'_>,
    ) -> Result<(), rdb::Fault> {
        let batch = &mut self.keys.batch;
        match value {
            rdb::Value::String(mut text) => {
                batch.push_read(database, key, deadline_ms, text.take_new_value());
            }
            rdb::Value::Collection(collection) => {
                batch.push_read(database, key, deadline_ms, collection.value);
            }
            rdb::Value::Other(other) => return Err(other.refusal()),
        }
        Ok(())
    }

    fn flush_keys(&mut self) -> Result<(), Stopped> {
        if self.keys.batch.is_empty() {
            return Ok(());
        }
        let keys = std::mem::take(&mut self.keys);
        self.send(Step::Keys(keys))
    }

    fn flush_commands(&mut self) -> Result<(), Stopped> {
        if self.commands.ends.is_empty() {
            return Ok(());
        }
        let path = self.commands.path.clone();
        let commands = std::mem::replace(
            &mut self.commands,
            Commands {
                path,
                ..Commands::default()
            },
        );
        self.send(Step::Commands(commands))
    }

    fn send(&mut self, step: Step) -> Result<(), Stopped> {
        self.queue.send(Ok(step)).map_err(|_| Stopped::Abandoned)
    }
}
