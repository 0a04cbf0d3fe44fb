//! A moment of a log: in the present generation of files, or in an older one that is kept.
//!
//! ```text
//!   base ── log ──┬─ base ── log ──┬─ base ── log ──► end
//!   oldest kept   │      ▲         │  present
//!                 └── this one ────┘
//! ```
//!
//! An LSN lies in the newest generation whose base was not taken behind it, a time in the newest
//! one whose base was not taken after it. Where a log has no times, nobody knows what was when:
//! a moment before its first one is refused, unless nothing happened in between.

use ochredb::persistence::{Bytes, rdb_end};
use persist::log::{Base, Generation, Inspection, Recovery, Role};
use persist::rdb::{Item, Reader};
use persist::{Access, Lsn, Storage, Trouble};

use crate::check::report::instant;
use crate::tool::Failure;

/// Where a log is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Lsn(Lsn),
    UnixSecs(i64),
}

/// The last place at or before a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stop {
    pub lsn: Lsn,
    /// The last `#TS:` line before it.
    pub unix_secs: Option<i64>,
    /// The first one of its generation.
    first_unix_secs: Option<i64>,
    /// Do changes lie before that, or is there none at all?
    begins_untimed: bool,
    /// Is there more behind it?
    is_early: bool,
}

/// Leaves out of a log what came after a moment; looks for it in older generations too. What is
/// handed back is sound.
pub fn go_back(
    storage: &dyn Storage,
    present: Box<Inspection>,
    moment: Moment,
) -> Result<(Box<Inspection>, Stop), Failure> {
    let (mut inspection, next_lsn) = match moment {
        Moment::Lsn(lsn) => of_lsn(storage, present, lsn)?,
        Moment::UnixSecs(secs) => of_time(storage, present, secs)?,
    };
    let stop = wind_back(storage, &mut inspection.recovery, moment)?;
    check_reach(&inspection, moment, &stop, next_lsn)?;
    inspection.damage = None;
    Ok((inspection, stop))
}

/// Where the oldest generation begins, and when its base was taken if that is known.
pub fn oldest(storage: &dyn Storage, present: &Inspection) -> (Lsn, Option<i64>) {
    match kept(present).first() {
        None => {
            let base = present.recovery.base.as_ref();
            let secs = base.and_then(|base| taken_secs(storage, base));
            (first_lsn(&present.recovery), secs)
        }
        Some(generation) => {
            let base = look(storage, present, generation).recovery.base;
            let secs = base.and_then(|base| taken_secs(storage, &base));
            (generation.base_lsn, secs)
        }
    }
}

/// Where the log begins to tell what happened.
pub fn first_lsn(recovery: &Recovery) -> Lsn {
    let listed = recovery.manifest.as_ref().and_then(|it| it.base_lsn);
    let first = recovery.parts.iter().find(|part| part.seq != 0);
    let base = recovery.base.as_ref().map(|base| base.lsn);
    let found = listed.or(first.map(|part| part.first_lsn)).or(base);
    found.unwrap_or(0)
}

pub fn kept(present: &Inspection) -> &[Generation] {
    let manifest = present.recovery.manifest.as_ref();
    manifest.map_or(&[], |manifest| &manifest.kept)
}

fn look(storage: &dyn Storage, present: &Inspection, generation: &Generation) -> Inspection {
    Inspection::of_generation(storage, &present.recovery.place, generation, &mut rdb_end)
}

/// A generation, and where the next one begins if it is not the present one.
type Chosen = (Box<Inspection>, Option<Lsn>);

fn of_lsn(storage: &dyn Storage, present: Box<Inspection>, lsn: Lsn) -> Result<Chosen, Failure> {
    let mut next_lsn = first_lsn(&present.recovery);
    if lsn >= next_lsn {
        return Ok((present, None));
    }
    for generation in kept(&present).iter().rev() {
        if lsn >= generation.base_lsn {
            let inspection = look(storage, &present, generation);
            return Ok((Box::new(inspection), Some(next_lsn)));
        }
        next_lsn = generation.base_lsn;
    }
    Err(Failure::Refused(format!(
        "the log reaches back to LSN {next_lsn}, where its oldest base was taken; {OLDER}"
    )))
}

const OLDER: &str = "an older state needs an older copy of the directory. With \
    aof-keep-generations or aof-keep-seconds a server keeps more";

fn of_time(storage: &dyn Storage, present: Box<Inspection>, secs: i64) -> Result<Chosen, Failure> {
    let mut next_lsn = first_lsn(&present.recovery);
    let mut began = began_secs(storage, &present.recovery)?;
    if began.is_some_and(|began| began <= secs) {
        return Ok((present, None));
    }
    for generation in kept(&present).iter().rev() {
        let older = look(storage, &present, generation);
        let older_began = began_secs(storage, &older.recovery)?;
        if older_began.is_some_and(|began| began <= secs) {
            return Ok((Box::new(older), Some(next_lsn)));
        }
        next_lsn = generation.base_lsn;
        began = older_began.or(began);
    }
    Err(Failure::Refused(match began {
        None => no_times(next_lsn, present.recovery.end_lsn),
        Some(began) => format!(
            "the times of the log begin with {} at LSN {next_lsn}; {OLDER}",
            instant(began)
        ),
    }))
}

fn no_times(first: Lsn, end: Lsn) -> String {
    format!(
        "the log has no times there: name an LSN from {first} to {end}. With aof-timestamp-enabled \
         yes a server writes times from then on"
    )
}

/// When a generation began: when its base was taken, or else its first time.
fn began_secs(storage: &dyn Storage, recovery: &Recovery) -> Result<Option<i64>, Trouble> {
    let base = recovery.base.as_ref().filter(|base| base.rdb_bytes > 0);
    if let Some(secs) = base.and_then(|base| taken_secs(storage, base)) {
        return Ok(Some(secs));
    }
    let mut commands = recovery.commands(storage);
    while let Some(command) = commands.advance()? {
        if command.unix_secs.is_some() {
            return Ok(command.unix_secs);
        }
    }
    Ok(None)
}

/// The time in a snapshot's head. One that cannot be read is told of when it is loaded.
fn taken_secs(storage: &dyn Storage, base: &Base) -> Option<i64> {
    let file = storage.open(&base.path, Access::Read).ok()?;
    let bytes = Bytes::new(&*file).ok()?.up_to(base.rdb_bytes);
    let mut reader = Reader::with_len(bytes, base.rdb_bytes).ok()?;
    while let Item::Aux { name, value } = reader.next().ok()?? {
        if name == b"ctime" {
            return std::str::from_utf8(value).ok()?.parse().ok();
        }
    }
    None
}

/// Leaves out of a log what came after a moment. A transaction is in as a whole or not at all.
fn wind_back(
    storage: &dyn Storage,
    recovery: &mut Recovery,
    moment: Moment,
) -> Result<Stop, Trouble> {
    let mut stop = Stop {
        lsn: first_lsn(recovery),
        ..Stop::default()
    };
    let mut place = (0, 0);
    let mut commands = recovery.commands(storage);
    while let Some(command) = commands.advance()? {
        let (end_lsn, unix_secs) = (command.end_lsn, command.unix_secs);
        stop.first_unix_secs = stop.first_unix_secs.or(unix_secs);
        stop.begins_untimed |= stop.first_unix_secs.is_none();
        stop.is_early = match moment {
            Moment::Lsn(lsn) => end_lsn > lsn,
            Moment::UnixSecs(secs) => unix_secs.is_some_and(|at| at > secs),
        };
        if stop.is_early {
            break;
        }
        if !matches!(command.role, Role::Multi | Role::Member) {
            place = commands.position();
            stop.lsn = end_lsn;
            stop.unix_secs = unix_secs;
        }
    }
    if stop.is_early {
        recovery.stop_at(place.0, place.1, stop.lsn);
    }
    Ok(stop)
}

/// Does a sound part of the log reach to this moment?
fn check_reach(
    inspection: &Inspection,
    moment: Moment,
    stop: &Stop,
    next_lsn: Option<Lsn>,
) -> Result<(), Failure> {
    let end_lsn = inspection.recovery.end_lsn;
    if let Moment::UnixSecs(secs) = moment
        && stop.begins_untimed
        && stop.first_unix_secs.is_none_or(|first| secs < first)
    {
        let first = first_lsn(&inspection.recovery);
        return Err(Failure::Refused(no_times(first, stop.lsn)));
    }
    let reaches = match moment {
        Moment::Lsn(lsn) => lsn <= end_lsn,
        Moment::UnixSecs(_) => {
            inspection.damage.is_none() && next_lsn.is_none_or(|next| next <= end_lsn)
        }
    };
    if stop.is_early || reaches {
        return Ok(());
    }
    Err(Failure::Refused(
        match (&inspection.damage, next_lsn, moment) {
            (Some(trouble), _, Moment::Lsn(_)) => {
                format!("the log is sound up to LSN {end_lsn} only: {trouble}")
            }
            (Some(trouble), _, Moment::UnixSecs(_)) => format!(
                "the log is damaged before this time; --to {end_lsn} gives what is before the \
                 damage: {trouble}"
            ),
            (None, Some(next), _) => format!(
                "the log had broken there: it ends at LSN {end_lsn} and goes on at LSN {next}, \
                 where the next base was taken. Name one of the two"
            ),
            (None, None, _) => format!("the log ends at LSN {end_lsn}"),
        },
    ))
}
