//! Looks at files and writes a report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ochredb::persistence::{Bytes, rdb_end};
use persist::log::{Inspection, Part, Recovery, Tail, is_outdated};
use persist::rdb::{Build, Checksum, FaultKind, Item, Reader, Value};
use persist::{Access, Disk, Kind, Place, Storage, Trouble};

use super::lockable;
use super::report::{Content, Damage, End, FileReport, Keys, Log, Report, Torn, Verdict};
use crate::place::{Found, Names};

/// What to look at, and through what.
pub(super) struct Inspector<'a> {
    pub storage: &'a dyn Storage,
    pub path: &'a Path,
    pub found: &'a Found,
    pub names: &'a Names,
}

impl Inspector<'_> {
    /// An error if there is nothing to report on.
    pub(super) fn report(&self) -> Result<Report, Trouble> {
        let mut report = Report {
            path: self.path.display().to_string(),
            verdict: Verdict::Valid,
            server: self.server()?,
            outdated: self.is_outdated()?,
            files: Vec::new(),
            torn: None,
            damage: Vec::new(),
        };
        match self.found {
            Found::Directory(place) => {
                self.storage.list(&place.dir)?;
                self.log(
                    Inspection::of_log(self.storage, place, &mut rdb_end),
                    &mut report,
                )?;
                let snapshot = place.dir.join(&self.names.snapshot);
                match self.storage.open(&snapshot, Access::Read) {
                    Err(trouble) if trouble.kind == Kind::Missing => {}
                    Err(trouble) => return Err(trouble),
                    Ok(file) => self.snapshot(&snapshot, file.len()?, Role::Alone, &mut report)?,
                }
            }
            Found::Log(place) => {
                self.log(
                    Inspection::of_log(self.storage, place, &mut rdb_end),
                    &mut report,
                )?;
            }
            Found::Snapshot(path) => {
                let bytes = self.storage.open(path, Access::Read)?.len()?;
                self.snapshot(path, bytes, Role::Alone, &mut report)?;
            }
            Found::Commands(path) => {
                self.log(
                    Inspection::of_file(self.storage, path, &mut rdb_end),
                    &mut report,
                )?;
            }
        }
        if report.files.is_empty() && report.damage.is_empty() {
            let what = "there is neither a log nor a snapshot here";
            return Err(Trouble::new(Kind::Missing, self.path, what));
        }
        report.verdict = match (&report.damage[..], &report.torn) {
            ([], None) => Verdict::Valid,
            ([], Some(_)) => Verdict::Torn,
            _ => Verdict::Damaged,
        };
        Ok(report)
    }

    /// Cuts an unfinished end off.
    pub(super) fn cut_off(&self) -> Result<(), Trouble> {
        let inspection = match self.found {
            Found::Directory(place) | Found::Log(place) => {
                Inspection::of_log(self.storage, place, &mut rdb_end)
            }
            Found::Commands(path) => Inspection::of_file(self.storage, path, &mut rdb_end),
            Found::Snapshot(_) => return Ok(()),
        };
        match inspection.damage {
            None => inspection.recovery.cut_off(self.storage).map(|_| ()),
            Some(damage) => Err(damage),
        }
    }

    fn is_outdated(&self) -> Result<bool, Trouble> {
        match self.found {
            Found::Directory(place) => is_outdated(self.storage, place),
            Found::Log(_) | Found::Snapshot(_) | Found::Commands(_) => Ok(false),
        }
    }

    /// The process that has the directory open.
    fn server(&self) -> Result<Option<String>, Trouble> {
        let dirs = match self.found {
            Found::Directory(place) | Found::Log(place) => vec![place.dir.clone()],
            Found::Snapshot(path) | Found::Commands(path) => lockable(path),
        };
        for dir in dirs {
            if let Some(owner) = Disk::owner(&dir)? {
                return Ok(Some(owner));
            }
        }
        Ok(None)
    }

    fn log(&self, inspection: Inspection, report: &mut Report) -> Result<(), Trouble> {
        let Inspection { recovery, damage } = inspection;
        if let Some(trouble) = damage.as_ref().filter(|it| !tells_of_content(it.kind)) {
            return Err(trouble.clone());
        }
        self.manifest(&recovery, report)?;
        let kept = recovery.manifest.iter().flat_map(|manifest| &manifest.kept);
        for generation in kept {
            let place = &recovery.place;
            let older = Inspection::of_generation(self.storage, place, generation, &mut rdb_end);
            let kept_until = Some(generation.until_secs);
            let damage = self.generation(&older.recovery, older.damage, kept_until, report)?;
            if let Some(trouble) = damage {
                report.damage.push(self.damage(trouble, None, kept_until));
            }
        }
        let damage = self.generation(&recovery, damage, None, report)?;
        if damage.is_none()
            && let Some((cut, part)) = recovery.cut().zip(recovery.parts.last())
        {
            report.torn = Some(Torn {
                file: self.name(&part.path),
                offset: cut.offset,
                bytes: cut.bytes,
                commands: cut.commands,
                what: cut.why,
            });
        }
        if let Some(trouble) = damage {
            // Only behind a sound base is a sound part of the log worth something.
            let is_sound_so_far = report.damage.iter().all(|damage| damage.kept);
            let is_usable = is_sound_so_far && !recovery.parts.is_empty();
            let sound_lsn = is_usable.then_some(recovery.end_lsn);
            report.damage.push(self.damage(trouble, sound_lsn, None));
        }
        Ok(())
    }

    /// A base and what follows it. Returns the first damage behind the base.
    fn generation(
        &self,
        recovery: &Recovery,
        damage: Option<Trouble>,
        kept_until: Option<u64>,
        report: &mut Report,
    ) -> Result<Option<Trouble>, Trouble> {
        if let Some(trouble) = damage.as_ref().filter(|it| !tells_of_content(it.kind)) {
            return Err(trouble.clone());
        }
        if let Some(base) = recovery.base.as_ref().filter(|base| base.rdb_bytes > 0) {
            let role = Role::Base(kept_until);
            self.snapshot(&base.path, base.rdb_bytes, role, report)?;
        }
        let (commands, trouble) = self.commands(recovery);
        let damage = damage.or(trouble);
        for (at, part) in recovery.parts.iter().enumerate() {
            let is_damaged = damage.as_ref().is_some_and(|d| d.path == part.path);
            report.files.push(FileReport {
                path: self.name(&part.path),
                bytes: part.len - part.start,
                kept_until,
                content: Content::Log(log_of(part, commands[at], is_damaged)),
            });
        }
        Ok(damage)
    }

    fn manifest(&self, recovery: &Recovery, report: &mut Report) -> Result<(), Trouble> {
        let Some(manifest) = &recovery.manifest else {
            return Ok(());
        };
        let place: &Place = &recovery.place;
        let path = place.file(&place.manifest_name());
        let bytes = self.storage.open(&path, Access::Read)?.len()?;
        let listed = manifest.incrs.len() + usize::from(manifest.base.is_some());
        report.files.push(FileReport {
            path: self.name(&path),
            bytes,
            kept_until: None,
            content: Content::Manifest {
                sealed: manifest.base_lsn.is_some(),
                base_lsn: manifest.base_lsn,
                listed: listed as u64,
                generations: manifest.kept.len() as u64,
            },
        });
        Ok(())
    }

    /// Commands of each part and their times; and what is wrong with them.
    fn commands(&self, recovery: &Recovery) -> (Vec<Counted>, Option<Trouble>) {
        let mut counted = vec![Counted::default(); recovery.parts.len()];
        let mut commands = recovery.commands(self.storage);
        loop {
            match commands.advance() {
                Err(trouble) => return (counted, Some(trouble)),
                Ok(None) => return (counted, None),
                Ok(Some(command)) => {
                    let of_part = &mut counted[command.part];
                    let is_select = command.role == persist::log::Role::Select;
                    of_part.commands += u64::from(!is_select);
                    if let Some(secs) = command.unix_secs {
                        let first = of_part.times.map_or(secs, |(first, _)| first);
                        of_part.times = Some((first, secs));
                    }
                }
            }
        }
    }

    /// A snapshot of so many bytes, from the front of its file.
    fn snapshot(
        &self,
        path: &Path,
        bytes: u64,
        role: Role,
        report: &mut Report,
    ) -> Result<(), Trouble> {
        let kept_until = match role {
            Role::Alone => None,
            Role::Base(kept_until) => kept_until,
        };
        let mut keys = Keys {
            base: role != Role::Alone,
            checksum: "not reached",
            ..Keys::default()
        };
        let file = self.storage.open(path, Access::Read)?;
        let from = Bytes::new(&*file)?.up_to(bytes);
        let outcome = count(from, bytes, &mut keys).map_err(|fault| {
            // What nobody knows in a version that is known is damage.
            let is_damage = matches!(
                fault.what,
                FaultKind::NotRdb { .. } | FaultKind::Unknown { .. }
            );
            let mut trouble = fault.in_file(path);
            if is_damage {
                trouble.kind = Kind::Damaged;
            }
            trouble
        });
        if !keys.format.is_empty() {
            report.files.push(FileReport {
                path: self.name(path),
                bytes,
                kept_until,
                content: Content::Snapshot(keys),
            });
        }
        match outcome {
            Err(trouble) if tells_of_content(trouble.kind) => {
                report.damage.push(self.damage(trouble, None, kept_until));
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn damage(&self, trouble: Trouble, sound_lsn: Option<u64>, kept: Option<u64>) -> Damage {
        Damage {
            file: self.name(&trouble.path),
            offset: trouble.offset,
            what: trouble.what,
            sound_lsn,
            kept: kept.is_some(),
        }
    }

    /// A path as seen from the directory.
    fn name(&self, path: &Path) -> String {
        let dir: Option<PathBuf> = match self.found {
            Found::Directory(place) | Found::Log(place) => Some(place.dir.clone()),
            Found::Snapshot(_) | Found::Commands(_) => None,
        };
        let short = dir.as_ref().and_then(|dir| path.strip_prefix(dir).ok());
        short.unwrap_or(path).display().to_string()
    }
}

/// What a snapshot is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Alone,
    /// The base of the log, or of an older generation that was replaced at this time.
    Base(Option<u64>),
}

#[derive(Clone, Copy, Default)]
struct Counted {
    commands: u64,
    times: Option<(i64, i64)>,
}

/// Is it the bytes that are wrong, and not the way to them?
fn tells_of_content(kind: Kind) -> bool {
    matches!(kind, Kind::Damaged | Kind::Truncated)
}

fn log_of(part: &Part, counted: Counted, is_damaged: bool) -> Log {
    Log {
        first_lsn: part.first_lsn,
        end_lsn: part.end_lsn,
        groups: part.groups,
        commands: counted.commands,
        unchecked_bytes: part.end - part.framed_end.max(part.start),
        times: counted.times,
        end: match &part.tail {
            _ if is_damaged => End::Damaged,
            Tail::Clean => End::Clean,
            Tail::Reserved => End::Reserved,
            Tail::Cut(_) => End::Torn,
        },
    }
}

/// Counts what is in a stream, up to its end or the first thing that is wrong.
fn count(from: Bytes<'_>, bytes: u64, keys: &mut Keys) -> Result<(), persist::rdb::Fault> {
    let mut reader = Reader::with_len(from, bytes)?.building(Build::plainly());
    let format = reader.format();
    keys.format = format!("{} version {}", format.family.name(), format.version);
    let mut database = 0;
    let mut databases = BTreeMap::new();
    let outcome = loop {
        match reader.next() {
            Err(fault) => break Err(fault),
            Ok(None) => break reader.expect_end(),
            Ok(Some(Item::SelectDb(number))) => database = number,
            Ok(Some(Item::Key {
                value, deadline_ms, ..
            })) => {
                let name = match value {
                    Value::String(_) => "string",
                    Value::Collection(collection) => collection.value_type.name(),
                    Value::Other(other) => {
                        keys.not_loadable += 1;
                        other.value_type.name()
                    }
                };
                keys.keys += 1;
                *keys.types.entry(name).or_default() += 1;
                *databases.entry(database).or_default() += 1;
                keys.deadlines += u64::from(deadline_ms.is_some());
            }
            Ok(Some(Item::Function { .. })) => keys.functions += 1,
            Ok(Some(Item::End { checksum })) => {
                keys.checksum = match checksum {
                    Checksum::Right => "right",
                    Checksum::Wrong { .. } => "wrong",
                    Checksum::Off => "off",
                    Checksum::Absent => "absent",
                    Checksum::Unread => "not read",
                };
                if let Err(fault) = checksum.verdict(bytes) {
                    break Err(fault);
                }
            }
            Ok(Some(_)) => {}
        }
    };
    keys.databases = databases;
    outcome
}
