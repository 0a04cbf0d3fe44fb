//! The threads that make a snapshot's file, and how far they give way.
//!
//! ```text
//!   batches ─► encode ──────────────► write ─► sync
//!              idle                   as others
//!               │ two thirds of a second spent in line for a processor?
//!               └─► another thread encodes at nice 10, and then one as any other
//! ```
//!
//! Whoever serves clients runs first, if there are fewer processors than threads that want one: a
//! loop that wakes takes the processor from whoever encodes and does not wait for its turn
//! (`priority`, decision 19). But beside loops that never sleep an idle thread is given next to
//! nothing, and a snapshot of seconds would take minutes, while the log grows and images of what is
//! not yet saved fill the memory. The scheduler counts how long a thread waits in line, and one
//! that does little else is relieved by one that gives way less. A thread cannot take back by
//! itself what it has given, so that it is another one each time. Where none can be started, the
//! caller's thread encodes what is left: no snapshot fails for want of a rank.
//!
//! What takes locks that others wait for must not be done by one who may not run for long: calls
//! of the file system, whose journal is everybody's, and what follows the file and takes the log's
//! lock. That is little work, and for the caller's thread. So is the memory of what is encoded: it
//! goes round, and nothing is asked of the system.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{channel, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use base::Now;
use engine::Garbage;
use engine::config::Config;
use persist::rdb::{Preamble, Usage, WriteOptions, Writer};
use persist::{Access, Kind as TroubleKind, NewFile, Storage, Trouble};
use store::Counts;

use super::batch::{Batch, Item, Value};
use super::priority::{Rank, give_way};
use super::queue::{BATCH_BYTES, Outlet};
use super::save::Kind;
use crate::garbage::free_slowly;

/// How far the threads give way, one after the other.
const RANKS: [Rank; 3] = [Rank::Idle, Rank::Batch(10), Rank::Batch(0)];
const KEYS_BETWEEN_LOOKS: usize = 16;
/// So many pieces of what is encoded, about a batch each, may wait to be written.
const QUEUED_PIECES: usize = 4;

/// Writes a file that is durable when this returns; its name may not be. Returns its length.
pub(super) fn write(
    storage: &dyn Storage,
    path: &Path,
    encoder: Encoder,
    batches: Outlet,
) -> Result<u64, Trouble> {
    let file = storage.open(path, Access::Create)?;
    let mut scribe = Scribe::new(path, encoder, batches);
    let mut file = NewFile::new(&*file);
    write_in_turn(&mut scribe, &mut file, Builder::new, Line::of_this_thread)
}

/// `line` looks at the queue in which a thread waits for a processor.
fn write_in_turn(
    scribe: &mut Scribe<'_>,
    file: &mut NewFile<'_>,
    thread: impl Fn() -> Builder,
    line: impl Fn() -> Line + Sync,
) -> Result<u64, Trouble> {
    let [first @ .., last] = RANKS;
    let mut progress = Progress::Starved;
    for rank in first {
        if progress == Progress::Starved {
            progress = scribe.go_on_aside(file, thread(), rank, || Some(line()))?;
        }
    }
    if progress == Progress::Starved {
        progress = scribe.go_on_aside(file, thread(), last, || None)?;
    }
    assert!(progress == Progress::Whole, "nobody relieves the last");
    file.finish()
}

struct Scribe<'a> {
    path: &'a Path,
    encoder: Encoder,
    batches: Outlet,
    /// A batch of which so many keys are encoded.
    begun: Option<(Batch, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Whole,
    /// It waits in line and does little else.
    Starved,
}

/// Takes what a writer has gathered.
type Take<'a> = dyn FnMut(&mut Writer) -> Result<(), Trouble> + 'a;

impl<'a> Scribe<'a> {
    fn new(path: &'a Path, encoder: Encoder, batches: Outlet) -> Scribe<'a> {
        Scribe {
            path,
            encoder,
            batches,
            begun: None,
        }
    }

    /// Encodes on a thread of its own and writes on this one. `watch` is made there. Without such a
    /// thread, all of the rest on this one.
    fn go_on_aside(
        &mut self,
        file: &mut NewFile<'_>,
        thread: Builder,
        rank: Rank,
        watch: impl FnOnce() -> Option<Line> + Send,
    ) -> Result<Progress, Trouble> {
        let (full, pieces) = sync_channel(QUEUED_PIECES);
        let (back, empty) = channel();
        let ended = std::thread::scope(|scope| {
            let encode = || {
                let _ = give_way(rank); // where it cannot, it only takes its share
                let path = self.path;
                let mut take = move |writer: &mut Writer| {
                    let piece = writer.exchange(empty.try_recv().unwrap_or_default());
                    full.send(piece).map_err(|_| given_up(path))
                };
                self.go_on(watch(), &mut take)
            };
            let spawned = thread
                .name("snapshot-encode".into())
                .spawn_scoped(scope, encode);
            let encoding = spawned.ok()?;
            let written = pieces.iter().try_for_each(|mut piece: Vec<u8>| {
                file.write(&piece)?;
                piece.clear();
                let _ = back.send(piece); // the last ones nobody needs
                Ok(())
            });
            drop(pieces); // it need not go on, if the disk does not
            let encoded = encoding.join().unwrap_or_else(|panic| resume_unwind(panic));
            Some(written.and(encoded))
        });
        ended.unwrap_or_else(|| self.go_on(None, &mut |writer| file.write(&writer.take())))
    }

    fn go_on(&mut self, mut line: Option<Line>, take: &mut Take<'_>) -> Result<Progress, Trouble> {
        while let Some((mut batch, encoded)) = self.next_batch()? {
            if let Some(at) = self.encode(&batch, encoded, &mut line, take)? {
                self.begun = Some((batch, at));
                return Ok(Progress::Starved);
            }
            take(&mut self.encoder.writer)?;
            let spent = batch.empty().map(Garbage::Large);
            spent.for_each(free_slowly);
            self.batches.give_back(batch);
        }
        self.encoder.writer.finish();
        take(&mut self.encoder.writer)?;
        Ok(Progress::Whole)
    }

    /// From a key on. Returns at which it gave up, as the line is long: a whole batch may take a
    /// thread that starves some seconds.
    fn encode(
        &mut self,
        batch: &Batch,
        from: usize,
        line: &mut Option<Line>,
        take: &mut Take<'_>,
    ) -> Result<Option<usize>, Trouble> {
        for (at, item) in batch.iter().enumerate().skip(from) {
            let is_time = at % KEYS_BETWEEN_LOOKS == 0;
            if is_time && line.as_mut().is_some_and(Line::is_long) {
                return Ok(Some(at));
            }
            self.encoder.key(&item, take)?;
            // A batch may share much more than it holds.
            if self.encoder.writer.pending_bytes() >= BATCH_BYTES {
                take(&mut self.encoder.writer)?;
            }
        }
        Ok(None)
    }

    /// With how many of its keys are encoded; none behind the last.
    fn next_batch(&mut self) -> Result<Option<(Batch, usize)>, Trouble> {
        if let Some(begun) = self.begun.take() {
            return Ok(Some(begun));
        }
        let batch = self.batches.next().map_err(|_| given_up(self.path))?;
        Ok(batch.map(|batch| (batch, 0)))
    }
}

fn given_up(path: &Path) -> Trouble {
    Trouble::new(TroubleKind::System, path, "given up before it was whole")
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

    fn key(&mut self, item: &Item<'_>, take: &mut Take<'_>) -> Result<(), Trouble> {
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
                    take(&mut self.writer)?;
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
                let writer = &mut self.writer;
                writer.large_key(name, deadline_ms, usage, large, take)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use persist::Disk;
    use store::NewValue;

    use super::super::queue::queue;
    use super::*;

    /// The file of 100 batches, and how many threads were watched.
    fn written(line: fn() -> Line) -> (Vec<u8>, usize) {
        written_with(RANKS.len(), line)
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
        let (inlet, batches) = queue();
        let feeder = std::thread::spawn(move || {
            for number in 0..100 {
                let mut batch = inlet.empty();
                let name = format!("key {number}");
                batch.push_read(0, name.as_bytes(), None, NewValue::Int(number));
                inlet.push(&mut batch);
            }
            inlet.end();
        });
        let (config, counts) = (Config::default(), [Counts::default(); 16]);
        let encoder = Encoder::new(&config, &counts, Kind::Snapshot, Now::default());
        let mut scribe = Scribe::new(&path, encoder, batches);
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
        let mut out = NewFile::new(&*file);
        let len = write_in_turn(&mut scribe, &mut out, thread, line).expect("the disk is well");
        feeder.join().expect("all was taken");
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
        assert_eq!(written(always), (whole.clone(), RANKS.len() - 1));
        assert_eq!(written(unknown), (whole.clone(), 1));
        // One that cannot be started leaves the rest to the caller, whom nobody relieves.
        for threads in 0..RANKS.len() {
            let watched = threads.min(RANKS.len() - 1);
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
