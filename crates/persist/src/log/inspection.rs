//! A survey for people: what there is, the first damage, and the state at an earlier moment.
//!
//! ```text
//!   files ─► survey ─┬─► Recovery          everything before the damage
//!                    └─► Option<Trouble>   the damage: file, offset, what
//! ```
//!
//! A server refuses a damaged log as a whole; who looks into it wants to know how far it is
//! sound. Nothing is changed here except by [`Recovery::cut_off`].

use std::path::Path;

use super::survey::{Base, Cut, Options, Part, RdbEnd, Recovery, Remarks, Tail, is_rdb};
use super::window::Window;
use super::{Generation, Lsn, Manifest, Place};
use crate::error::{Kind, Trouble};
use crate::storage::{Access, Storage};

/// What a directory or a file holds, sound or not.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What was found up to the damage. The last part is the damaged one if its path is.
    pub recovery: Recovery,
    pub damage: Option<Trouble>,
}

impl Inspection {
    /// Looks at a directory's log. An unfinished end is no damage.
    pub fn of_log(storage: &dyn Storage, place: &Place, rdb_end: RdbEnd<'_>) -> Inspection {
        let mut recovery = Recovery::of_nothing(place);
        let options = Options {
            load_truncated: true,
        };
        let outcome = recovery.look(storage, rdb_end);
        let damage = outcome.and_then(|()| recovery.judge(options)).err();
        Inspection { recovery, damage }
    }

    /// Looks at an older generation that is kept: what a log was that ended with it.
    pub fn of_generation(
        storage: &dyn Storage,
        place: &Place,
        generation: &Generation,
        rdb_end: RdbEnd<'_>,
    ) -> Inspection {
        let mut recovery = Recovery::of_nothing(place);
        let outcome = recovery.look_at_generation(storage, generation, rdb_end);
        let damage = outcome.err();
        Inspection { recovery, damage }
    }

    /// Looks at one file with commands, whoever wrote it and whether it is listed or not.
    pub fn of_file(storage: &dyn Storage, path: &Path, rdb_end: RdbEnd<'_>) -> Inspection {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let place = Place {
            dir: path.parent().unwrap_or(Path::new("")).to_owned(),
            folder: String::new(),
            name: name.into_owned(),
        };
        let mut recovery = Recovery::of_nothing(&place);
        let damage = recovery.look_at_file(storage, path, rdb_end).err();
        Inspection { recovery, damage }
    }
}

impl Recovery {
    fn look_at_generation(
        &mut self,
        storage: &dyn Storage,
        generation: &Generation,
        rdb_end: RdbEnd<'_>,
    ) -> Result<(), Trouble> {
        self.manifest = Some(Manifest {
            base: generation.base.clone(),
            base_lsn: Some(generation.base_lsn),
            incrs: generation.incrs.clone(),
            ..Manifest::default()
        });
        self.survey_base(storage, rdb_end)?;
        self.survey_incrs(storage)?;
        self.judge(Options {
            load_truncated: true,
        })?;
        match self.parts.last() {
            Some(last) if self.end_lsn < generation.end_lsn => {
                let what = format!(
                    "the file ends with byte {} of the stream and was whole up to {}",
                    self.end_lsn, generation.end_lsn
                );
                Err(Trouble::new(Kind::Damaged, &last.path, what).at(last.end))
            }
            _ => Ok(()),
        }
    }

    fn look_at_file(
        &mut self,
        storage: &dyn Storage,
        path: &Path,
        rdb_end: RdbEnd<'_>,
    ) -> Result<(), Trouble> {
        let mut window = Window::open(storage, path)?;
        let mut part = Part::new(path, &self.place.name, 1, 0);
        let outcome = if is_rdb(window.at(0, 6)?) {
            part.seq = 0;
            part.len = window.len();
            part.start = rdb_end(window.file(), path)?;
            self.base = Some(Base {
                path: path.to_owned(),
                lsn: 0,
                rdb_bytes: part.start,
                is_old_style: true,
            });
            let start = part.start;
            part.survey_plain(&mut window, start, Remarks::Any)
        } else {
            part.survey(&mut window, None)
        };
        self.end_lsn = part.end_lsn;
        self.parts.push(part);
        outcome
    }

    /// Leaves out, for readers, all commands of this part from this byte on and all later parts.
    /// The byte is one where a command begins or ends. No log is continued on what is left.
    pub fn stop_at(&mut self, part: usize, offset: u64, lsn: Lsn) {
        self.parts.truncate(part + 1);
        let last = &mut self.parts[part];
        last.end = offset.max(last.start);
        last.end_lsn = lsn;
        // Whatever is wrong with the file's end lies behind.
        last.tail = Tail::Clean;
        self.end_lsn = lsn;
    }

    /// Cuts the unfinished end off the last file, durably, as opening the log would. Returns what
    /// was cut; whoever calls has the directory's lock.
    pub fn cut_off(&self, storage: &dyn Storage) -> Result<Option<Cut>, Trouble> {
        let (Some(part), Some(cut)) = (self.parts.last(), self.cut()) else {
            return Ok(None);
        };
        let file = storage.open(&part.path, Access::Write)?;
        file.set_len(cut.offset)?;
        file.sync_data()?;
        Ok(Some(cut.clone()))
    }
}
