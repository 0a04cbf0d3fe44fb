//! A log's life on a simulated disk, told by a seed: appends, commits, rotations, ends, times
//! without a log and new beginnings, and the judge who compares what is recovered with what was promised.
//!
//! What must hold at every start, whatever the disk did before:
//!
//! - the recovered groups are the first so many of those appended: no hole, no half group;
//! - everything acknowledged (`end <= durable_lsn`) is among them;
//! - the directory is not refused;
//! - older generations that are listed as kept are whole, and no file is left over that was listed.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Rng;
use persist::log::{
    FsyncPolicy, Inspection, Keep, Log, Manifest, Options, Recovery, Role, Settings, State,
};
use persist::{Access, Kind, Lsn, Place, Storage, Trouble};
use testkit::disk::{Crash, SimDisk};

pub const DIR: &str = "/data";

/// One command's effects, or one transaction's: database and words.
pub type Group = Vec<(u32, Vec<Vec<u8>>)>;

pub struct Story {
    pub disk: SimDisk,
    pub settings: Settings,
    pub rng: Rng,
    pub log: Option<Log>,
    /// Every group and where it ends.
    pub history: Vec<(Group, Lsn)>,
    /// The most that was ever acknowledged.
    pub acknowledged: Lsn,
    /// Files that a manifest listed at a start.
    listed: BTreeSet<String>,
    pub now_ms: u64,
}

pub fn settings(policy: FsyncPolicy) -> Settings {
    Settings {
        reserve_bytes_min: 4096,
        reserve_bytes_max: 16384,
        group_bytes: 512,
        zero_ahead_bytes: 2048,
        unsynced_bytes_max: 6000,
        ..Settings::new(policy)
    }
}

fn some_keep(rng: &mut Rng) -> Keep {
    Keep {
        generations: (rng.below(4) * rng.below(2)) as u32,
        secs: rng.below(5) * rng.below(2),
    }
}

pub fn place() -> Place {
    Place::usual(DIR)
}

pub fn survey(storage: &dyn Storage) -> Result<Recovery, Trouble> {
    let options = Options {
        load_truncated: true,
    };
    let mut no_rdb = |_: &dyn persist::File, path: &Path| -> Result<u64, Trouble> {
        panic!("{} is no old-style file", path.display());
    };
    Recovery::survey(storage, &place(), options, &mut no_rdb)
}

/// All groups that a recovery hands out, and the stream's place at the end of each.
pub fn groups(recovery: &Recovery, storage: &dyn Storage) -> Result<Vec<(Group, Lsn)>, Trouble> {
    let mut commands = recovery.commands(storage);
    let mut groups = Vec::new();
    let mut open: Group = Vec::new();
    while let Some(command) = commands.advance()? {
        let words = || command.argv.iter().map(<[u8]>::to_vec).collect();
        match command.role {
            Role::Single => groups.push((vec![(command.database, words())], command.end_lsn)),
            Role::Member => open.push((command.database, words())),
            Role::Exec => groups.push((std::mem::take(&mut open), command.end_lsn)),
            Role::Multi => assert!(open.is_empty()),
            Role::Select => {}
        }
    }
    assert!(open.is_empty(), "no group is half");
    Ok(groups)
}

pub fn resp(words: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

pub fn append(log: &Log, group: &Group) -> Lsn {
    let encoded: Vec<(usize, Vec<u8>)> = group
        .iter()
        .map(|(database, words)| (*database as usize, resp(words)))
        .collect();
    log.append(
        encoded
            .iter()
            .map(|(database, bytes)| (*database, bytes.as_slice())),
    )
}

pub fn some_group(rng: &mut Rng, number: usize) -> Group {
    let effects = if rng.below(3) == 0 {
        2 + rng.below(3)
    } else {
        1
    };
    let database = rng.below(3) as u32;
    let effect = |rng: &mut Rng| {
        let len = if rng.below(12) == 0 {
            1500
        } else {
            rng.below(60)
        };
        let mut value = vec![0; len as usize];
        rng.fill(&mut value);
        if rng.below(4) == 0 {
            // Values may look like anything.
            value.splice(
                0..0,
                b"\r\n#OCH1 lsn=0 len=0 synced=0 crc=00000000\r\n*1\r\n"
                    .iter()
                    .copied(),
            );
        }
        let database = if rng.below(5) == 0 {
            rng.below(20) as u32
        } else {
            database
        };
        let key = format!("key:{number}").into_bytes();
        (database, vec![b"SET".to_vec(), key, value])
    };
    (0..effects).map(|_| effect(rng)).collect()
}

impl Story {
    pub fn new(seed: u64, policy: FsyncPolicy) -> Story {
        let disk = SimDisk::new(Path::new(DIR));
        let mut rng = Rng::new(seed);
        if rng.below(2) == 0 {
            disk.shorten_writes(seed);
        }
        disk.set_writes_through(rng.below(2) == 0);
        let settings = Settings {
            timestamps: rng.below(2) == 0,
            keep: some_keep(&mut rng),
            ..settings(policy)
        };
        Story {
            disk,
            settings,
            rng,
            log: None,
            history: Vec::new(),
            acknowledged: 0,
            listed: BTreeSet::new(),
            now_ms: 1_000,
        }
    }

    /// Some life. Ends early if the power is cut.
    pub fn live(&mut self, steps: u32) {
        for _ in 0..steps {
            let outcome = self.step();
            self.note_acknowledged();
            let Err(trouble) = outcome else { continue };
            if trouble.what.contains("no power") {
                return;
            }
            self.suffer(&trouble);
            self.note_acknowledged();
        }
    }

    fn note_acknowledged(&mut self) {
        if let Some(log) = &self.log {
            self.acknowledged = self.acknowledged.max(log.durable_lsn());
        }
    }

    fn step(&mut self) -> Result<(), Trouble> {
        if self.log.is_none() {
            let is_wanted = self.rng.below(2) == 0;
            return self.start(is_wanted);
        }
        let log = self.log.as_ref().expect("started");
        match self.rng.below(22) {
            0..10 => {
                if log.admit(2_000).is_ok() {
                    let group = some_group(&mut self.rng, self.history.len());
                    let end = append(log, &group);
                    self.history.push((group, end));
                }
                Ok(())
            }
            10..17 => {
                self.now_ms += self.rng.below(700);
                log.tell_time(self.now_ms / 1000);
                log.commit(self.now_ms, &|| 0)?;
                self.note_acknowledged();
                let log = self.log.as_ref().expect("started");
                log.prepare()
            }
            17 => self.rewrite(),
            // What comes until the next rewrite is in its base, or nowhere.
            20 => log.switch_off(self.now_ms, &|| 0),
            18 => {
                let closed = log.close(self.now_ms, &|| 0);
                self.note_acknowledged();
                self.log = None;
                closed
            }
            19 => {
                log.set_keep(some_keep(&mut self.rng));
                self.now_ms += self.rng.below(3_000);
                log.tell_time(self.now_ms / 1000);
                // Whoever ends meanwhile leaves some files to the next time.
                let left = Cell::new(self.rng.below(6));
                log.tidy(&|| match left.replace(left.get().saturating_sub(1)) {
                    0 => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                });
                Ok(())
            }
            // Another process takes over from a killed one; the machine goes on.
            _ => {
                self.log = None;
                Ok(())
            }
        }
    }

    /// What a server does about trouble: heal by a snapshot, or end and start again.
    fn suffer(&mut self, trouble: &Trouble) {
        let is_broken = self
            .log
            .as_ref()
            .is_some_and(|log| matches!(log.admit(0), Err(persist::log::Refusal::Broken(_))));
        if self.rng.below(4) == 0 {
            self.disk.set_capacity(u64::MAX);
        }
        if trouble.kind == Kind::Full && !is_broken {
            return;
        }
        if self.rng.below(2) == 0 && self.log.is_some() {
            let _ = self.rewrite();
        } else {
            self.log = None;
        }
    }

    /// Recovers and judges, as every start does. Where there is no log, one may be off at first.
    fn start(&mut self, is_wanted: bool) -> Result<(), Trouble> {
        let recovery = survey(&self.disk)?;
        let recovered = recovered(&self.disk, &recovery)?;
        self.judge(&recovery, &recovered);
        self.judge_kept(&recovery)?;
        let disk: Arc<dyn Storage> = Arc::new(self.disk.clone());
        let log = match recovery.is_empty() && !is_wanted {
            // It comes on with its first rewrite.
            true => Log::off(disk, &place(), self.settings),
            false => Log::open(disk, &recovery, self.settings)?,
        };
        // What was not recovered never was.
        self.history.truncate(recovered.count);
        self.log = Some(log);
        Ok(())
    }

    fn rewrite(&mut self) -> Result<(), Trouble> {
        let log = self.log.as_ref().expect("started");
        if log.state() == State::Off {
            log.take_stock()?;
        }
        let cut = log.begin_rotation();
        let count = self.history.len();
        assert_eq!(log.rotate(self.now_ms, &|| 0)?, cut);
        self.note_acknowledged();
        // Life goes on while the snapshot is written.
        if self.rng.below(2) == 0 {
            let group = some_group(&mut self.rng, self.history.len());
            let log = self.log.as_ref().expect("started");
            let end = append(log, &group);
            self.history.push((group, end));
            let _ = log.commit(self.now_ms, &|| 0);
            self.note_acknowledged();
        }
        let log = self.log.as_ref().expect("started");
        let (name, seq) = log.next_base();
        let adopted = write_base(&self.disk, &name, count, cut)
            .and_then(|()| log.adopt_base(&name, seq, cut));
        if adopted.is_err() {
            log.give_up_rising();
        }
        adopted
    }

    fn judge(&self, recovery: &Recovery, recovered: &Recovered) {
        let known = self.history.len();
        assert!(recovered.count <= known, "{} of {known}", recovered.count);
        for (at, (group, end)) in recovered.groups.iter().enumerate() {
            let (want, want_end) = &self.history[recovered.in_base + at];
            assert_eq!(group, want, "group {}", recovered.in_base + at);
            assert_eq!(end, want_end, "end of group {}", recovered.in_base + at);
        }
        let lost = self.history[recovered.count..].first();
        if let Some((_, end)) = lost {
            assert!(
                *end > self.acknowledged,
                "acknowledged up to {}, recovered {} groups, the next ended at {end}",
                self.acknowledged,
                recovered.count
            );
        }
        assert!(recovery.end_lsn >= self.acknowledged);
    }

    fn judge_kept(&mut self, recovery: &Recovery) -> Result<(), Trouble> {
        let Some(manifest) = &recovery.manifest else {
            return Ok(());
        };
        let base_lsn = manifest.base_lsn.expect("ours");
        for generation in &manifest.kept {
            assert!(generation.base_lsn <= generation.end_lsn, "{generation:?}");
            assert!(generation.end_lsn <= base_lsn, "{generation:?}");
            let mut no_rdb = |_: &dyn persist::File, _: &Path| panic!("no old-style file");
            let it = Inspection::of_generation(&self.disk, &place(), generation, &mut no_rdb);
            if let Some(trouble) = it.damage {
                // A call that failed is no damage.
                assert_ne!(trouble.kind, Kind::Damaged, "{trouble} in {generation:?}");
                return Err(trouble);
            }
            let had = recovered(&self.disk, &it.recovery)?;
            // What was never recovered may be in it still.
            let known = self.history.len().saturating_sub(had.in_base);
            for (at, (group, end)) in had.groups.iter().take(known).enumerate() {
                let (want, want_end) = &self.history[had.in_base + at];
                if *want_end <= generation.end_lsn {
                    assert_eq!((group, end), (want, want_end), "{generation:?}");
                }
            }
            assert!(it.recovery.end_lsn >= generation.end_lsn);
        }
        self.judge_names(manifest)
    }

    /// A file that was listed at a start is listed still or gone.
    fn judge_names(&mut self, manifest: &Manifest) -> Result<(), Trouble> {
        let kept = manifest.kept.iter().flat_map(|kept| kept.entries());
        let listed = manifest.base.iter().chain(&manifest.incrs).chain(kept);
        let listed = listed.chain(&manifest.history);
        let listed: BTreeSet<String> = listed.map(|entry| entry.name.clone()).collect();
        for name in self.disk.list(&place().log_dir())? {
            let is_left_over = self.listed.contains(&name) && !listed.contains(&name);
            assert!(!is_left_over, "{name} is left over: {manifest:?}");
        }
        self.listed.extend(listed);
        Ok(())
    }

    /// Start after a crash must find what was promised, and a second one the same; what is
    /// written then must last.
    pub fn crash_and_check(&mut self, seed: u64, mode: Crash) -> Result<(), Trouble> {
        let mut after = Story {
            disk: self.disk.crash(seed, mode),
            settings: self.settings,
            rng: Rng::new(seed),
            log: None,
            history: self.history.clone(),
            acknowledged: self.acknowledged,
            listed: self.listed.clone(),
            now_ms: self.now_ms,
        };
        let first = survey(&after.disk)?;
        let again = survey(&after.disk)?;
        assert_eq!(first.parts, again.parts, "the same files, the same result");
        after.start(true)?;
        // What was served is durable from now on.
        after.note_acknowledged();
        let group = some_group(&mut after.rng, after.history.len());
        // The older generations may have used up the room.
        after.disk.set_capacity(u64::MAX);
        let log = after.log.as_ref().expect("started");
        log.set_policy(FsyncPolicy::Always);
        let end = append(log, &group);
        after.history.push((group, end));
        log.commit(after.now_ms, &|| 0)?;
        after.note_acknowledged();
        let all = after.history.len();
        assert_eq!(after.acknowledged, end);
        after.disk = after.disk.crash(seed + 1, Crash::Drop);
        after.log = None;
        after.start(true)?;
        assert_eq!(after.history.len(), all);
        Ok(())
    }
}

pub struct Recovered {
    /// Groups in the base, which holds their number alone.
    pub in_base: usize,
    pub groups: Vec<(Group, Lsn)>,
    /// Of both.
    pub count: usize,
}

pub fn recovered(disk: &SimDisk, recovery: &Recovery) -> Result<Recovered, Trouble> {
    let in_base = match &recovery.base {
        None => 0,
        Some(base) => {
            let text = disk.contents(&base.path).expect("surveyed");
            let text = String::from_utf8(text).expect("as written");
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(words.len(), 4, "a whole base: {text:?}");
            assert_eq!(words[2], base.lsn.to_string());
            words[1].parse().expect("a number")
        }
    };
    let groups = groups(recovery, disk)?;
    Ok(Recovered {
        in_base,
        count: in_base + groups.len(),
        groups,
    })
}

/// A stand-in for an RDB: how many groups it has.
pub fn write_base(disk: &SimDisk, name: &str, count: usize, lsn: Lsn) -> Result<(), Trouble> {
    let temporary: PathBuf = place().file("temp-base");
    let file = disk.open(&temporary, Access::Create)?;
    let text = format!("REDIS0011 {count} {lsn} end");
    let mut at = 0;
    while at < text.len() {
        at += file.write_at(at as u64, &text.as_bytes()[at..])?;
    }
    file.sync_data()?;
    disk.rename(&temporary, &place().file(name))?;
    disk.sync_dir(&place().log_dir())
}
