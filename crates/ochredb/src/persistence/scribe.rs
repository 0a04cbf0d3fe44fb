//! The thread that makes a snapshot's file, and how far it gives way.
//!
//! ```text
//!   batches ─► encode ─► write ─► sync      at nice 19
//!                 │ two thirds of a second spent in line for a processor?
//!                 └─► another thread goes on at nice 10, and then one as any other
//! ```
//!
//! Whoever serves clients runs first, if there are fewer processors than threads that want one: a
//! loop that wakes takes the processor from this thread almost at once and does not wait for its
//! turn (`priority`, decision 19). But beside loops that never sleep nice 19 is given a seventieth of a processor,
//! and a snapshot of seconds would take minutes, while the log grows and images of what is not yet
//! saved fill the memory. The scheduler counts how long a thread waits in line, and one that does
//! little else is relieved by one that gives way less. A thread cannot take back by itself what it
//! has given, so that it is another one each time. Where none can be started, the caller's thread
//! writes what is left: no snapshot fails for want of niceness.
//!
//! What follows the file takes the log's lock, and nobody shall wait for one that holds it and does
//! not run: that is for the caller's thread.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::thread::Builder;
use std::time::{Duration, Instant};

use base::Now;
use engine::Garbage;
use engine::config::Config;
use persist::rdb::{Preamble, Usage, WriteOptions, Writer};
use persist::{Access, File, Kind as TroubleKind, Storage, Trouble};
use store::Counts;

use super::batch::{Batch, Item, Value};
use super::priority::give_way;
use super::save::{BATCH_BYTES, Kind};
use crate::garbage::free_slowly;

/// How far the threads give way, one after the other.
const NICENESS: [i32; 3] = [19, 10, 0];
const KEYS_BETWEEN_LOOKS: usize = 16;

/// Writes a file that is durable when this returns; its name may not be. Returns its length.
pub(super) fn write(
    storage: &dyn Storage,
    path: &Path,
    encoder: Encoder,
    batches: Receiver<Option<Batch>>,
) -> Result<u64, Trouble> {
    let file = storage.open(path, Access::Create)?;
    let mut scribe = Scribe::new(path, &*file, encoder, batches);
    write_in_turn(&mut scribe, Builder::new, Line::of_this_thread)
}

/// `line` looks at the queue in which a thread waits for a processor.
fn write_in_turn(
    scribe: &mut Scribe<'_>,
    thread: impl Fn() -> Builder,
    line: impl Fn() -> Line + Sync,
) -> Result<u64, Trouble> {
    let [first @ .., last] = NICENESS;
    let mut progress = Progress::Starved;
    for niceness in first {
        if progress == Progress::Starved {
            progress = scribe.go_on_aside(thread(), niceness, || Some(line()))?;
        }
    }
    if progress == Progress::Starved {
        progress = scribe.go_on_aside(thread(), last, || None)?;
    }
    assert!(progress == Progress::Whole, "nobody relieves the last");
    Ok(scribe.out.at)
}

struct Scribe<'a> {
    path: &'a Path,
    encoder: Encoder,
    batches: Receiver<Option<Batch>>,
    /// A batch of which so many keys are encoded.
    begun: Option<(Batch, usize)>,
    out: Output<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Whole,
    /// It waits in line and does little else.
    Starved,
}

impl<'a> Scribe<'a> {
    fn new(
        path: &'a Path,
        file: &'a dyn File,
        encoder: Encoder,
        batches: Receiver<Option<Batch>>,
    ) -> Scribe<'a> {
        let (at, synced) = (0, 0);
        Scribe {
            path,
            encoder,
            batches,
            begun: None,
            out: Output { file, at, synced },
        }
    }

    /// On this thread, of its own. `watch` is made there. Without it, all of the rest on this one.
    fn go_on_aside(
        &mut self,
        thread: Builder,
        niceness: i32,
        watch: impl FnOnce() -> Option<Line> + Send,
    ) -> Result<Progress, Trouble> {
        let progress = std::thread::scope(|scope| {
            let file = thread.name("snapshot-file".into());
            let spawned = file.spawn_scoped(scope, || {
                let _ = give_way(niceness); // where it cannot, it only takes its share
                self.go_on(watch())
            });
            let joined = spawned.ok().map(std::thread::ScopedJoinHandle::join);
            joined.map(|end| end.unwrap_or_else(|panic| resume_unwind(panic)))
        });
        progress.unwrap_or_else(|| self.go_on(None))
    }

    fn go_on(&mut self, mut line: Option<Line>) -> Result<Progress, Trouble> {
        while let Some((batch, encoded)) = self.next_batch()? {
            if let Some(at) = self.encode(&batch, encoded, &mut line)? {
                self.begun = Some((batch, at));
                return Ok(Progress::Starved);
            }
            self.out.take_from(&mut self.encoder.writer)?;
            let spent = batch.into_large().map(Garbage::Large);
            spent.for_each(free_slowly);
        }
        self.encoder.writer.finish();
        self.out.take_from(&mut self.encoder.writer)?;
        self.out.file.sync_data()?;
        Ok(Progress::Whole)
    }

    /// From a key on. Returns at which it gave up, as the line is long: a whole batch may take a
    /// thread that starves some seconds.
    fn encode(
        &mut self,
        batch: &Batch,
        from: usize,
        line: &mut Option<Line>,
    ) -> Result<Option<usize>, Trouble> {
        for (at, item) in batch.iter().enumerate().skip(from) {
            let is_time = at % KEYS_BETWEEN_LOOKS == 0;
            if is_time && line.as_mut().is_some_and(Line::is_long) {
                return Ok(Some(at));
            }
            self.encoder.key(&item, &mut self.out)?;
        }
        Ok(None)
    }

    /// With how many of its keys are encoded; none behind the last.
    fn next_batch(&mut self) -> Result<Option<(Batch, usize)>, Trouble> {
        if let Some(begun) = self.begun.take() {
            return Ok(Some(begun));
        }
        match self.batches.recv() {
            Ok(batch) => Ok(batch.map(|batch| (batch, 0))),
            Err(_) => {
                let what = "given up before it was whole";
                Err(Trouble::new(TroubleKind::System, self.path, what))
            }
        }
    }
}

// ---- in line -------------------------------------------------------------------

/// The line in which a thread waits for a processor, over some time.
struct Line {
    began: Instant,
    waited_ns: u64,
    /// Nanoseconds that this thread has waited so far, as far as anybody counts them.
    read: fn() -> Option<u64>,
    /// It is judged after so long.
    patience: Duration,
}

impl Line {
    fn of_this_thread() -> Line {
        Line::new(waited_ns, Duration::from_secs(1))
    }

    fn new(read: fn() -> Option<u64>, patience: Duration) -> Line {
        Line {
            began: Instant::now(),
            waited_ns: read().unwrap_or(0),
            read,
            patience,
        }
    }

    /// Was most of the time since the last answer spent in it? Seldom has an answer.
    fn is_long(&mut self) -> bool {
        let elapsed = self.began.elapsed();
        if elapsed < self.patience {
            return false;
        }
        let next = Line::new(self.read, self.patience);
        let waited_ns = u128::from(next.waited_ns.saturating_sub(self.waited_ns));
        *self = next;
        waited_ns * 3 > elapsed.as_nanos() * 2
    }
}

/// The second of the numbers in `schedstat` (proc(5)).
fn waited_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

// ---- bytes -----------------------------------------------------------------------

/// Entries in, bytes of an RDB stream out.
pub(super) struct Encoder {
    writer: Writer,
    counts: Vec<(u64, u64)>,
    database: Option<usize>,
}

impl Encoder {
    pub(super) fn new(config: &Config, counts: &[Counts], kind: Kind, now: Now) -> Encoder {
        let has_field_deadlines = counts.iter().any(|counts| counts.timed > 0);
        let wanted = config.live.rdb_version.number();
        let mut writer = Writer::new(WriteOptions {
            version: persist::rdb::version_for(wanted, has_field_deadlines),
            compress: config.live.rdbcompression,
            checksum: config.live.rdbchecksum,
        });
        writer.preamble(&Preamble {
            created_secs: now.unix_secs(),
            used_memory_bytes: 0,
            is_log_base: kind == Kind::Rewrite,
            replication: None,
        });
        let count = |c: &Counts| (c.keys as u64, c.volatile as u64);
        Encoder {
            writer,
            counts: counts.iter().map(count).collect(),
            database: None,
        }
    }

    fn key(&mut self, item: &Item<'_>, out: &mut Output<'_>) -> Result<(), Trouble> {
        if self.database != Some(item.database) {
            self.database = Some(item.database);
            // The sizes are hints for a reader; the first visit gives them all.
            let (keys, volatile) = std::mem::take(&mut self.counts[item.database]);
            self.writer.select_db(item.database as u32, keys, volatile);
        }
        let (name, deadline_ms, usage) = (item.name, item.deadline_ms, Usage::Unknown);
        match item.value {
            Value::Int(number) => self.writer.int_key(name, deadline_ms, usage, number),
            Value::Bytes(bytes) => self.writer.string_key(name, deadline_ms, usage, bytes),
            Value::Block(block) if block.len() <= Writer::WHOLE_BYTES_MAX => {
                self.writer.string_key(name, deadline_ms, usage, block);
            }
            Value::Block(block) => {
                let bytes = block.len() as u64;
                self.writer.begin_large(name, deadline_ms, usage, bytes);
                for slice in block.chunks(BATCH_BYTES) {
                    self.writer.slice(slice);
                    out.take_from(&mut self.writer)?;
                }
            }
            Value::Packed(packing, bytes) => {
                let writer = &mut self.writer;
                writer.packed_key(name, deadline_ms, usage, packing, bytes);
            }
            Value::PackedBlock(packing, bytes) => {
                let writer = &mut self.writer;
                writer.packed_key(name, deadline_ms, usage, packing, bytes);
            }
            Value::Large(large) => {
                let drain = &mut |writer: &mut Writer| out.take_from(writer);
                let writer = &mut self.writer;
                writer.large_key(name, deadline_ms, usage, large, drain)?;
            }
        }
        Ok(())
    }
}

/// A file that is written from its beginning.
struct Output<'a> {
    file: &'a dyn File,
    at: u64,
    synced: u64,
}

impl Output<'_> {
    fn take_from(&mut self, writer: &mut Writer) -> Result<(), Trouble> {
        /// So much is written between two syncs, lest the last one be long.
        const SYNC_BYTES: u64 = 16 << 20;
        let bytes = writer.take();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let taken = self.file.write_at(self.at, rest)?;
            self.at += taken as u64;
            rest = &rest[taken..];
        }
        if self.at - self.synced >= SYNC_BYTES {
            self.file.sync_data()?;
            self.synced = self.at;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::sync::mpsc::sync_channel;

    use persist::Disk;
    use store::NewValue;

    use super::*;

    /// The file of 100 batches, and how many threads were watched.
    fn written(line: fn() -> Line) -> (Vec<u8>, usize) {
        written_with(NICENESS.len(), line)
    }

    /// With no more threads than that to be had.
    fn written_with(threads: usize, line: fn() -> Line) -> (Vec<u8>, usize) {
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "ochre-scribe-{}-{}",
            std::process::id(),
            FILES.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        let file = Disk.open(&path, Access::Create).expect("a new file");
        let (queue, batches) = sync_channel(101);
        for number in 0..100 {
            let mut batch = Batch::default();
            let name = format!("key {number}");
            batch.push_read(0, name.as_bytes(), None, NewValue::Int(number));
            queue.send(Some(batch)).expect("there is room");
        }
        queue.send(None).expect("there is room");
        let (config, counts) = (Config::default(), [Counts::default(); 16]);
        let encoder = Encoder::new(&config, &counts, Kind::Snapshot, Now::default());
        let mut scribe = Scribe::new(&path, &*file, encoder, batches);
        let watched = AtomicUsize::new(0);
        let line = || {
            watched.fetch_add(1, Ordering::Relaxed);
            line()
        };
        let started = AtomicUsize::new(0);
        let thread = || match started.fetch_add(1, Ordering::Relaxed) < threads {
            true => Builder::new(),
            // Nobody has room for such a stack.
            false => Builder::new().stack_size(usize::MAX / 4),
        };
        let len = write_in_turn(&mut scribe, thread, line).expect("the disk is well");
        let bytes = std::fs::read(&path).expect("it is there");
        assert_eq!(bytes.len() as u64, len);
        std::fs::remove_file(&path).expect("it is ours");
        (bytes, watched.into_inner())
    }

    #[test]
    fn threads_that_starve_are_relieved_and_the_file_is_the_same() {
        let never = || Line::new(|| Some(0), Duration::ZERO);
        let always = || {
            static WAITED_NS: AtomicU64 = AtomicU64::new(0);
            let waits = || Some(WAITED_NS.fetch_add(1 << 40, Ordering::Relaxed));
            Line::new(waits, Duration::ZERO)
        };
        let unknown = || Line::new(|| None, Duration::ZERO);
        let (whole, watched) = written(never);
        assert_eq!(watched, 1);
        assert_eq!(written(always), (whole.clone(), NICENESS.len() - 1));
        assert_eq!(written(unknown), (whole.clone(), 1));
        // One that cannot be started leaves the rest to the caller, whom nobody relieves.
        for threads in 0..NICENESS.len() {
            let watched = threads.min(NICENESS.len() - 1);
            assert_eq!(written_with(threads, always), (whole.clone(), watched));
        }
    }

    #[test]
    fn a_line_is_judged_when_its_time_has_come() {
        let waits = || {
            static WAITED_NS: AtomicU64 = AtomicU64::new(0);
            Some(WAITED_NS.fetch_add(1 << 50, Ordering::Relaxed))
        };
        assert!(!Line::new(waits, Duration::MAX).is_long());
        assert!(Line::new(waits, Duration::ZERO).is_long());
        let waited = waited_ns();
        assert!(waited.is_none() || waited_ns() >= waited);
    }
}
