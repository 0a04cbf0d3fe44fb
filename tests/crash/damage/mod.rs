//! Damage to the files of a real server: refused, or exactly a prefix of what was written.
//!
//! ```text
//!   server ─ units, rewrite, units ─► directory ─► copy, one damage ─► read in this process
//!                                                                  └─► some: real servers
//! ```
//!
//! - An end that is missing is an unfinished write: what comes back is the state after the last
//!   whole group, for every length that the log can have.
//! - Anything else is refused, with the file and, within the log, the byte. Only what lies in the
//!   last group of a log that was killed cannot be told from an unfinished write.
//! - Never a wrong value, never nothing in silence, and the same every time.
//!
//! `OCHRE_CRASH_ROUNDS` multiplies the samples; the directory is the same for the same seed, but
//! for its times.

mod origin;
mod servers;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use persist::{Disk, Kind, Trouble};
use testkit::crash::state::Span;
use testkit::crash::writer::now_ms;
use testkit::linear::dice::Dice;
use testkit::process::fresh_directory;

use self::origin::{Ended, Origin};
use crate::node::{Node, config};

#[test]
fn a_log_may_end_at_any_byte() {
    for ended in Ended::BOTH {
        let mut bench = Bench::new(ended);
        let log = bench.origin.log.clone();
        let bounds = log.bounds();
        let len = log.groups_end();
        let mut lengths = bench.sample(len);
        lengths.extend(
            bounds
                .iter()
                .flat_map(|end| [end.saturating_sub(1), *end, *end + 1]),
        );
        lengths.extend(len.saturating_sub(200)..=len);
        lengths.retain(|at| *at <= len);
        lengths.sort_unstable();
        lengths.dedup();
        let mut before = (0, bench.origin.base_units);
        bench.least = Least::Units(bench.origin.base_units);
        for at in lengths {
            let damage = Damage::cut(&log.path, at);
            let Outcome::Read(units) = bench.suffer(&damage) else {
                // The first line was synced before the file was listed.
                assert!(at < bounds[0], "{damage} is refused");
                continue;
            };
            let bound = bounds.iter().rposition(|end| *end <= at).unwrap_or(0);
            let (bound_before, units_before) = before;
            assert!(
                bound > bound_before || units == units_before,
                "{damage}: half a group"
            );
            before = (bound, units);
            bench.least = Least::Units(units);
        }
        assert!(bench.is_whole(before.1), "a whole log lacks units");
        println!("{ended:?}, cut: {}", bench.tally);
    }
}

#[test]
fn a_flipped_bit_is_noticed() {
    for ended in Ended::BOTH {
        let mut bench = Bench::new(ended);
        for file in bench.origin.files() {
            let len = fs::metadata(&file).expect("it is there").len();
            let len = if file == bench.origin.log.path {
                bench.origin.log.groups_end()
            } else {
                len
            };
            for bit in bench.sample(len * 8) {
                bench.refuses_or_is_whole(&Damage::flip(&file, bit));
            }
        }
        println!("{ended:?}, flips: {}", bench.tally);
    }
}

#[test]
fn zeros_in_the_middle_are_noticed() {
    for ended in Ended::BOTH {
        let mut bench = Bench::new(ended);
        for file in bench.origin.files() {
            let len = fs::metadata(&file).expect("it is there").len();
            for from in (0..len).step_by(512) {
                bench.refuses_or_is_whole(&Damage::zero(&file, from));
            }
        }
        println!("{ended:?}, zeros: {}", bench.tally);
    }
}

#[test]
fn a_repeated_end_is_noticed() {
    for ended in Ended::BOTH {
        let mut bench = Bench::new(ended);
        let log = bench.origin.log.clone();
        let mut lengths = bench.sample(log.groups_end());
        lengths.extend(log.bounds().iter().map(|end| log.groups_end() - end));
        lengths.retain(|len| !log.begins_like_stock(*len));
        for len in lengths {
            bench.refuses_or_is_whole(&Damage::repeat(&log, len));
        }
        println!("{ended:?}, repeated: {}", bench.tally);
    }
}

#[test]
fn a_missing_or_old_file_is_noticed() {
    for ended in Ended::BOTH {
        let mut bench = Bench::new(ended);
        for file in bench.origin.files() {
            let damage = Damage::missing(&file);
            assert!(
                matches!(bench.suffer(&damage), Outcome::Refused(_)),
                "{damage}"
            );
        }
        for damage in bench.origin.old_files() {
            assert!(
                matches!(bench.suffer(&damage), Outcome::Refused(_)),
                "{damage}"
            );
        }
        println!("{ended:?}, missing and old: {}", bench.tally);
    }
}

/// What is done to a copy of the directory.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    what: String,
    /// Files with their new bytes; none: removed.
    files: Vec<(PathBuf, Option<Vec<u8>>)>,
    /// Within which bytes of the log.
    place: Option<u64>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Damage {
    fn of(file: &Path, at: u64, what: &str, change: impl FnOnce(&mut Vec<u8>)) -> Damage {
        let mut bytes = fs::read(file).expect("it is there");
        change(&mut bytes);
        let name = file.file_name().expect("a file").to_string_lossy();
        Damage {
            what: format!("{name}, byte {at}: {what}"),
            files: vec![(file.to_owned(), Some(bytes))],
            place: Some(at),
        }
    }

    fn cut(file: &Path, at: u64) -> Damage {
        Damage::of(file, at, "cut", |bytes| bytes.truncate(at as usize))
    }

    fn flip(file: &Path, bit: u64) -> Damage {
        let what = format!("bit {} flipped", bit % 8);
        Damage::of(file, bit / 8, &what, |bytes| {
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8)
        })
    }

    fn zero(file: &Path, from: u64) -> Damage {
        Damage::of(file, from, "512 bytes of zeros", |bytes| {
            let end = bytes.len().min(from as usize + 512);
            bytes[from as usize..end].fill(0);
        })
    }

    /// The last bytes of a log's groups once more behind them.
    fn repeat(log: &origin::LogFile, len: u64) -> Damage {
        let end = log.groups_end() as usize;
        Damage::of(
            &log.path,
            end as u64,
            &format!("the last {len} again"),
            |bytes| {
                let tail = bytes[end - len as usize..end].to_vec();
                bytes.truncate(end);
                bytes.extend(tail);
            },
        )
    }

    fn missing(file: &Path) -> Damage {
        let name = file.file_name().expect("a file").to_string_lossy();
        Damage {
            what: format!("{name} is missing"),
            files: vec![(file.to_owned(), None)],
            place: None,
        }
    }

    fn apply(&self) {
        for (path, bytes) in &self.files {
            match bytes {
                Some(bytes) => fs::write(path, bytes).expect("it is ours"),
                None => fs::remove_file(path).expect("it was there"),
            }
        }
    }
}

/// What became of a damaged directory.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Refused(Trouble),
    /// The state after so many units.
    Read(usize),
}

#[derive(Debug, Default)]
struct Tally {
    cases: usize,
    refused: usize,
    prefixes: usize,
    whole: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally {
            cases,
            refused,
            prefixes,
            whole,
        } = self;
        write!(
            f,
            "{cases} cases, {refused} refused, {prefixes} prefixes, {whole} whole"
        )
    }
}

/// Two units may leave the same: which one is meant?
#[derive(Clone, Copy, Debug)]
enum Least {
    /// The last, or the first behind the base.
    Whole,
    /// The first from here on.
    Units(usize),
}

/// A directory that is damaged again and again.
struct Bench {
    origin: Origin,
    least: Least,
    dice: Dice,
    tally: Tally,
}

impl Bench {
    fn new(ended: Ended) -> Bench {
        let seed = crate::seed();
        println!("OCHRE_SEED={seed}");
        Bench {
            origin: Origin::make(seed, ended),
            least: Least::Whole,
            dice: Dice::new(seed, &[9]),
            tally: Tally::default(),
        }
    }

    /// Numbers below `end`: all if they are few.
    fn sample(&mut self, end: u64) -> Vec<u64> {
        let most = 150 * crate::rounds() as u64;
        if end <= most {
            return (0..end).collect();
        }
        (0..most)
            .map(|_| self.dice.below(end as usize) as u64)
            .collect()
    }

    fn is_whole(&self, units: usize) -> bool {
        units >= self.origin.whole_units
    }

    /// Reads a damaged directory; every now and then twice.
    fn suffer(&mut self, damage: &Damage) -> Outcome {
        let before: Vec<_> = damage
            .files
            .iter()
            .map(|(path, _)| (path, fs::read(path).ok()))
            .collect();
        damage.apply();
        let outcome = self.read(damage);
        if self.tally.cases.is_multiple_of(8) {
            assert_eq!(
                outcome,
                self.read(damage),
                "{damage}: another time otherwise"
            );
        }
        for (path, bytes) in before {
            match bytes {
                Some(bytes) => fs::write(path, bytes).expect("it is ours"),
                None => fs::remove_file(path).expect("it was made"),
            }
        }
        self.tally.cases += 1;
        match outcome {
            Outcome::Refused(_) => self.tally.refused += 1,
            Outcome::Read(units) if self.is_whole(units) => self.tally.whole += 1,
            Outcome::Read(_) => self.tally.prefixes += 1,
        }
        outcome
    }

    fn read(&self, damage: &Damage) -> Outcome {
        let config = config(&self.origin.directory, "always");
        let began_ms = now_ms();
        let mut node = Node::read(Arc::new(Disk), &config);
        // While another test starts a process, that process has our lock for a moment.
        while node.as_ref().is_err_and(|it| it.kind == Kind::InUse) && now_ms() < began_ms + 5_000 {
            std::thread::sleep(Duration::from_millis(1));
            node = Node::read(Arc::new(Disk), &config);
        }
        let node = match node {
            Ok(node) => node,
            Err(trouble) => {
                self.judge_refusal(damage, &trouble);
                return Outcome::Refused(trouble);
            }
        };
        let state = node.session().state();
        let when = Span {
            least_ms: began_ms,
            most_ms: now_ms() + 1,
        };
        let fit = |least| {
            let fit = self.origin.history.fit(&state, when, least);
            fit.map(|fit| Outcome::Read(least + fit.beyond))
        };
        let fits = match self.least {
            Least::Units(least) => fit(least),
            Least::Whole => fit(self.origin.whole_units).or_else(|_| fit(self.origin.base_units)),
        };
        fits.unwrap_or_else(|what| panic!("{damage}: {what} (cut: {:?})", node.cut))
    }

    /// A refusal names a file, and in the log the byte.
    fn judge_refusal(&self, damage: &Damage, trouble: &Trouble) {
        assert!(
            trouble.path.starts_with(&self.origin.directory),
            "{damage}: {trouble}"
        );
        let is_known = matches!(
            trouble.kind,
            Kind::Damaged | Kind::Foreign | Kind::Settings | Kind::Truncated
        );
        assert!(is_known, "{damage}: {trouble:?}");
        let is_in_log = trouble.path == self.origin.log.path && damage.place.is_some();
        assert!(
            !is_in_log || trouble.offset.is_some(),
            "{damage}: {trouble}"
        );
    }

    /// Anything but a missing end.
    fn refuses_or_is_whole(&mut self, damage: &Damage) {
        let Outcome::Read(units) = self.suffer(damage) else {
            return;
        };
        let log = &self.origin.log;
        let is_in_log = damage.files[0].0 == log.path;
        let is_last = is_in_log
            && damage
                .place
                .is_some_and(|at| at + 512 > log.unproved_from());
        assert!(
            self.is_whole(units) || is_last,
            "{damage}: only {units} units are left"
        );
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // After a failure the files may be wanted.
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.origin.directory);
        }
    }
}

/// A copy of a directory with its one folder.
fn copy(from: &Path) -> PathBuf {
    let to = fresh_directory("damage").expect("a directory");
    fs::create_dir(to.join(origin::FOLDER)).expect("it is new");
    for folder in ["", origin::FOLDER] {
        let files = fs::read_dir(from.join(folder)).expect("it is there");
        for file in files.map(|file| file.expect("it is there")) {
            if file.file_type().expect("it has one").is_file() {
                let to = to.join(folder).join(file.file_name());
                fs::copy(file.path(), to).expect("there is room");
            }
        }
    }
    to
}
