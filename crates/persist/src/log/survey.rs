//! What a directory holds, before any of it is served.
//!
//! ```text
//!   manifest ─► files in order ─► each group's line and checksum ─► where the last file ends
//!                                                                     clean · zeros · cut
//! ```
//!
//! Every checksum is verified before the first command is handed out, so a log is refused before
//! half of it is in memory. Nothing is changed here; [`Log::open`](super::Log::open) cuts.
//!
//! Where groups stop being valid, at `E` with the stream at `e`, one of these holds:
//!
//! 1. The file ends. Clean.
//! 2. Zeros up to the end: room that was reserved and not used. No damage.
//! 3. A command without a line, a SELECT before all others: a stock server went on with our
//!    file. Every command up to the end must be whole, and no line of ours may follow; what is
//!    short at the end is cut as Redis cuts it.
//! 4. Anything else is either unfinished or damaged. What a crash left unfinished was not synced,
//!    so no later line can say that it was: if any valid group behind `E` says `synced > e`, or
//!    lies too near to `E` for its place in the stream, this is damage, and it is refused.
//!    Otherwise everything from `E` on is cut.
//!
//! Files before the last were synced when the next was begun: there, only 1 to 3 are allowed, and
//! the next file must go on where this one ends.

use std::fmt;
use std::path::{Path, PathBuf};

use super::command::{Argv, Parsed, Span, TIMESTAMP, parse, timestamp};
use super::frame::{BadLine, Frame, LINE_BYTES_MAX, MAGIC};
use super::manifest::Entry;
use super::window::Window;
use super::{Lsn, Manifest, Place};
use crate::error::{Kind, Trouble};
use crate::storage::{File, Storage};

/// What may be done about an unfinished end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// `aof-load-truncated`: cut it off; otherwise refuse.
    pub load_truncated: bool,
}

/// What a directory holds.
#[derive(Clone, Debug)]
pub struct Recovery {
    pub place: Place,
    /// `None` if there is no manifest: nothing at all, or a single old-style file.
    pub manifest: Option<Manifest>,
    pub base: Option<Base>,
    /// Files with commands, in order.
    pub parts: Vec<Part>,
    /// Where the stream goes on.
    pub end_lsn: Lsn,
}

/// The file that the stream builds on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    pub path: PathBuf,
    /// Everything before this is in it.
    pub lsn: Lsn,
    /// How many bytes at its front are an RDB; none in a plain AOF. What follows is a [`Part`].
    pub rdb_bytes: u64,
    /// An `appendonly.aof` that still lies in the data directory, as Redis 6 left it.
    pub is_old_style: bool,
}

/// A file with commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub path: PathBuf,
    pub name: String,
    /// Its number in the manifest; zero for a base.
    pub seq: u64,
    pub first_lsn: Lsn,
    pub end_lsn: Lsn,
    /// Where commands begin: behind an RDB.
    pub start: u64,
    /// Groups with lines end here.
    pub framed_end: u64,
    /// Commands without lines end here. Nothing behind it counts.
    pub end: u64,
    /// From here on no line says that it was synced.
    pub unproved_from: u64,
    pub len: u64,
    pub groups: u64,
    pub tail: Tail,
}

/// How a file ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    Clean,
    /// Zeros behind the end: reserved room.
    Reserved,
    /// An unfinished end, not served.
    Cut(Cut),
}

/// What is not served of an unfinished end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    pub offset: u64,
    pub bytes: u64,
    /// Whole commands among them.
    pub commands: u64,
    pub why: &'static str,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut {
            offset,
            bytes,
            commands,
            why,
        } = self;
        write!(
            f,
            "{why} at byte {offset}: {bytes} bytes with {commands} whole commands are cut off"
        )
    }
}

/// Finds the end of the RDB at the front of an old-style file.
pub type RdbEnd<'a> = &'a mut dyn FnMut(&dyn File, &Path) -> Result<u64, Trouble>;

impl Recovery {
    /// Looks at everything and refuses what cannot be served.
    pub fn survey(
        storage: &dyn Storage,
        place: &Place,
        options: Options,
        rdb_end: RdbEnd<'_>,
    ) -> Result<Recovery, Trouble> {
        let mut recovery = Recovery::of_nothing(place);
        recovery.look(storage, rdb_end)?;
        recovery.judge(options)?;
        Ok(recovery)
    }

    pub(super) fn of_nothing(place: &Place) -> Recovery {
        Recovery {
            place: place.clone(),
            manifest: None,
            base: None,
            parts: Vec::new(),
            end_lsn: 0,
        }
    }

    /// Goes over everything. What was found before an error stays found.
    pub(super) fn look(
        &mut self,
        storage: &dyn Storage,
        rdb_end: RdbEnd<'_>,
    ) -> Result<(), Trouble> {
        self.manifest = Manifest::load(storage, &self.place)?;
        check_strays(storage, &self.place, self.manifest.as_ref())?;
        self.survey_base(storage, rdb_end)?;
        self.survey_incrs(storage)
    }

    /// Is there nothing at all?
    pub fn is_empty(&self) -> bool {
        self.manifest.is_none() && self.base.is_none()
    }

    /// What was cut off, if something was.
    pub fn cut(&self) -> Option<&Cut> {
        match &self.parts.last()?.tail {
            Tail::Cut(cut) => Some(cut),
            _ => None,
        }
    }

    pub(super) fn survey_base(
        &mut self,
        storage: &dyn Storage,
        rdb_end: RdbEnd<'_>,
    ) -> Result<(), Trouble> {
        let place = &self.place;
        let single = place.dir.join(&place.name);
        let (entry, path, is_old_style) = match &self.manifest {
            None if exists(storage, &single)? => (None, single, true),
            None => return Ok(()),
            Some(manifest) => {
                let Some(entry) = &manifest.base else {
                    return Ok(());
                };
                let path = place.file(&entry.name);
                // The move of an old-style file into the log's directory comes last.
                let is_waiting = entry.name == place.name
                    && manifest.incrs.is_empty()
                    && !exists(storage, &path)?;
                let path = if is_waiting { single } else { path };
                (Some(entry), path, is_waiting)
            }
        };
        let mut window = open_listed(storage, &path)?;
        let is_rdb = is_rdb(window.at(0, 6)?);
        if !is_rdb && entry.is_some_and(|entry| entry.name.ends_with(".rdb")) {
            // Taken for commands it could be empty, and all of the base would be lost in silence.
            let what = "no snapshot begins here";
            return Err(Trouble::new(Kind::Damaged, &path, what).at(0));
        }
        let rdb_bytes = match entry {
            _ if !is_rdb => 0,
            Some(entry) if entry.name.ends_with(".rdb") => window.len(),
            _ => rdb_end(window.file(), &path)?,
        };
        let lsn = self
            .manifest
            .as_ref()
            .and_then(|manifest| manifest.base_lsn);
        let lsn = lsn.unwrap_or(0);
        self.base = Some(Base {
            path: path.clone(),
            lsn,
            rdb_bytes,
            is_old_style,
        });
        if rdb_bytes < window.len() {
            let mut part = Part::new(&path, &place.name, 0, lsn);
            part.start = rdb_bytes;
            part.len = window.len();
            let outcome = part.survey_plain(&mut window, rdb_bytes, Remarks::Any);
            // A base does not count: the stream begins behind it.
            part.end_lsn = lsn;
            self.parts.push(part);
            outcome?;
        }
        Ok(())
    }

    pub(super) fn survey_incrs(&mut self, storage: &dyn Storage) -> Result<(), Trouble> {
        let Some(manifest) = &self.manifest else {
            return Ok(());
        };
        let mut expected = manifest.base_lsn;
        for Entry { name, seq } in &manifest.incrs {
            let path = self.place.file(name);
            let mut window = open_listed(storage, &path)?;
            let mut part = Part::new(&path, name, *seq, expected.unwrap_or(0));
            let outcome = part.survey(&mut window, expected);
            self.end_lsn = part.end_lsn;
            expected = Some(part.end_lsn);
            self.parts.push(part);
            outcome?;
        }
        self.end_lsn = expected.unwrap_or(0);
        Ok(())
    }

    /// May every end be as it is?
    pub(super) fn judge(&self, options: Options) -> Result<(), Trouble> {
        let last = self.parts.len().saturating_sub(1);
        for (at, part) in self.parts.iter().enumerate() {
            let Tail::Cut(cut) = &part.tail else {
                continue;
            };
            // A base that is followed by others was whole when they were begun.
            if at < last || (part.seq == 0 && self.has_incrs()) {
                let what = format!("{}, and files follow that go on", cut.why);
                return Err(Trouble::new(Kind::Damaged, &part.path, what).at(cut.offset));
            }
            if !options.load_truncated {
                let what = format!("{}, and {} bytes are left", cut.why, cut.bytes);
                return Err(Trouble::new(Kind::Truncated, &part.path, what).at(cut.offset));
            }
        }
        Ok(())
    }

    fn has_incrs(&self) -> bool {
        self.manifest
            .as_ref()
            .is_some_and(|manifest| !manifest.incrs.is_empty())
    }
}

/// Why the front of some bytes is no valid group.
enum Defect {
    /// A line of a newer version.
    Version(u64),
    Line,
    Place,
    Short,
    Checksum,
}

/// Which remarks a stretch without lines may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Remarks {
    Any,
    /// Only Redis' timestamps: behind groups with lines, any other remark may be a damaged line.
    Timestamps,
}

impl Part {
    pub(super) fn new(path: &Path, name: &str, seq: u64, lsn: Lsn) -> Part {
        Part {
            path: path.to_owned(),
            name: name.to_owned(),
            seq,
            first_lsn: lsn,
            end_lsn: lsn,
            start: 0,
            framed_end: 0,
            end: 0,
            unproved_from: 0,
            len: 0,
            groups: 0,
            tail: Tail::Clean,
        }
    }

    /// Goes over the file. After an error everything before it is known still.
    pub(super) fn survey(
        &mut self,
        window: &mut Window,
        expected: Option<Lsn>,
    ) -> Result<(), Trouble> {
        self.len = window.len();
        let defect = self.survey_groups(window, expected)?;
        let at = self.framed_end;
        if at == self.len {
            self.tail = Tail::Clean;
        } else if window.is_zero_from(at)? {
            self.tail = Tail::Reserved;
        } else if is_plain(window.at(at, TIMESTAMP.len())?)
            && (self.groups == 0 || selects_first(window, at)?)
        {
            let remarks = if self.groups == 0 {
                Remarks::Any
            } else {
                Remarks::Timestamps
            };
            self.survey_plain(window, at, remarks)?;
        } else {
            self.tail = Tail::Cut(self.judge_tail(window, &defect)?);
        }
        Ok(())
    }

    /// Goes over valid groups; says why there are no more.
    fn survey_groups(&mut self, w: &mut Window, expected: Option<Lsn>) -> Result<Defect, Trouble> {
        let mut expected = expected;
        let mut synced = 0;
        // Where the value of `synced` before the present one was first met: what lies before had
        // been written when the present one was synced.
        let mut synced_at = 0;
        loop {
            let (frame, line_bytes) = match group_at(w, self.framed_end, expected)? {
                Ok(found) => found,
                Err(defect) => return Ok(defect),
            };
            if expected.is_none() {
                self.first_lsn = frame.lsn;
            }
            if frame.synced > synced {
                synced = frame.synced;
                let proved = if synced == frame.lsn {
                    self.framed_end
                } else {
                    synced_at
                };
                self.unproved_from = self.unproved_from.max(proved);
                synced_at = self.framed_end;
            }
            self.groups += 1;
            self.framed_end += line_bytes as u64 + frame.len;
            self.end = self.framed_end;
            self.end_lsn = frame.end_lsn();
            expected = Some(self.end_lsn);
        }
    }

    /// Goes over commands without lines, from `at` to the end of the file.
    pub(super) fn survey_plain(
        &mut self,
        w: &mut Window,
        at: u64,
        remarks: Remarks,
    ) -> Result<(), Trouble> {
        let mut walk = PlainWalk::new(at);
        let (why, damage) = loop {
            match walk.step(w, remarks)? {
                Step::On => {}
                Step::End if walk.multi.is_none() => break (None, None),
                Step::End => break (Some("a MULTI without its EXEC"), None),
                Step::Short => break (Some("a command without its end"), None),
                Step::Zeros => break (Some("zeros behind the last command"), None),
                Step::Bad(offset, what) => break (None, Some((offset, what))),
            }
        };
        (self.end, self.end_lsn) = match walk.multi {
            Some((offset, bytes)) => (offset, self.end_lsn + bytes),
            None => (walk.at, self.end_lsn + walk.bytes),
        };
        if let Some((offset, what)) = damage {
            return Err(Trouble::new(Kind::Damaged, &self.path, what).at(offset));
        }
        self.tail = match why {
            None => Tail::Clean,
            Some(why) => Tail::Cut(Cut {
                offset: self.end,
                bytes: w.len() - self.end,
                commands: walk.commands_after_multi,
                why,
            }),
        };
        Ok(())
    }

    /// Unfinished or damaged? See the fourth case at the top.
    fn judge_tail(&self, window: &mut Window, defect: &Defect) -> Result<Cut, Trouble> {
        /// More than any unfinished end needs; a file made to cost time is refused instead.
        const WORK_FACTOR: u64 = 16;
        let (at, lsn) = (self.framed_end, self.end_lsn);
        let damaged =
            |offset, what: String| Err(Trouble::new(Kind::Damaged, &self.path, what).at(offset));
        let why = match defect {
            Defect::Version(_) => "a group of a newer version begins",
            Defect::Line => "no group begins",
            Defect::Place => "a group of another place begins",
            Defect::Short => "a group without its end begins",
            Defect::Checksum => "a group with a wrong checksum begins",
        };
        if self.groups == 0 && !is_begun_line(window)? {
            // The first line is synced before the file is listed: this was never one of ours.
            return damaged(at, "neither a group nor a command begins".into());
        }
        let tail_bytes = window.len() - at;
        let mut work_left = WORK_FACTOR * tail_bytes + (1 << 28);
        let mut from = at;
        while let Some(found) = window.find(from, b"#OCH1 ")? {
            from = found + 1;
            let line = window.at(found, LINE_BYTES_MAX)?;
            let Ok((frame, line_bytes)) = Frame::decode_line(line) else {
                continue;
            };
            let group = found + line_bytes as u64;
            if frame.len > window.len() - group {
                continue;
            }
            work_left = match work_left.checked_sub(frame.len) {
                Some(left) => left,
                None => return damaged(at, format!("{why}, and too much like groups follows")),
            };
            if !window.passes(&frame, group)? {
                continue;
            }
            let was_synced = frame.synced > lsn;
            let was_moved = frame.lsn > lsn && found - at < frame.lsn - lsn;
            if was_synced || was_moved || self.groups == 0 {
                let what = format!(
                    "{why} where byte {lsn} of the stream must be, and at byte {found} of the \
                     file a valid group follows with byte {}",
                    frame.lsn
                );
                return damaged(at, what);
            }
        }
        if let Defect::Version(version) = defect {
            let what = format!("the log goes on in version {version} of its format");
            return Err(Trouble::new(Kind::Foreign, &self.path, what).at(at));
        }
        Ok(Cut {
            offset: at,
            bytes: tail_bytes,
            commands: count_commands(window, at)?,
            why,
        })
    }
}

/// The valid group at `at`: its line and the line's length.
fn group_at(
    window: &mut Window,
    at: u64,
    expected: Option<Lsn>,
) -> Result<Result<(Frame, usize), Defect>, Trouble> {
    let (frame, line_bytes) = match Frame::decode(window.at(at, LINE_BYTES_MAX)?) {
        Ok(found) => found,
        Err(BadLine::Version(version)) => return Ok(Err(Defect::Version(version))),
        Err(BadLine::Malformed) => return Ok(Err(Defect::Line)),
    };
    if expected.is_some_and(|lsn| lsn != frame.lsn) {
        return Ok(Err(Defect::Place));
    }
    let group = at + line_bytes as u64;
    if frame.len > window.len() - group {
        return Ok(Err(Defect::Short));
    }
    if !window.passes(&frame, group)? {
        return Ok(Err(Defect::Checksum));
    }
    Ok(Ok((frame, line_bytes)))
}

/// A walk over commands without lines.
struct PlainWalk {
    at: u64,
    /// Of commands; remarks do not count.
    bytes: u64,
    /// Where an open MULTI began, and the bytes before it.
    multi: Option<(u64, u64)>,
    commands_after_multi: u64,
    spans: Vec<Span>,
}

enum Step {
    On,
    End,
    Short,
    Zeros,
    Bad(u64, &'static str),
}

impl PlainWalk {
    fn new(at: u64) -> PlainWalk {
        PlainWalk {
            at,
            bytes: 0,
            multi: None,
            commands_after_multi: 0,
            spans: Vec::new(),
        }
    }

    fn step(&mut self, window: &mut Window, remarks: Remarks) -> Result<Step, Trouble> {
        let at = self.at;
        if at >= window.len() {
            return Ok(Step::End);
        }
        let (bytes, parsed) = parse_at(window, at, &mut self.spans)?;
        let len = match parsed {
            Parsed::Command(len) => len,
            Parsed::Remark(_) if bytes.starts_with(MAGIC) => {
                let what = "a group with a checksum behind commands that have none";
                return Ok(Step::Bad(at, what));
            }
            Parsed::Remark(_) if remarks != Remarks::Any && timestamp(bytes).is_none() => {
                return Ok(Step::Bad(
                    at,
                    "an unknown remark behind groups with checksums",
                ));
            }
            Parsed::Remark(len) => {
                self.at += len as u64;
                return Ok(Step::On);
            }
            Parsed::Short(_) => return Ok(Step::Short),
            Parsed::Bad(0, _) if window.is_zero_from(at)? => return Ok(Step::Zeros),
            Parsed::Bad(offset, what) => return Ok(Step::Bad(at + offset as u64, what)),
        };
        let (start, name_bytes) = self.spans[0];
        let name = &bytes[start..start + name_bytes];
        let is_multi = name.eq_ignore_ascii_case(b"multi");
        let is_exec = name.eq_ignore_ascii_case(b"exec");
        match self.multi {
            Some(_) if is_multi => return Ok(Step::Bad(at, "a MULTI inside of a MULTI")),
            None if is_exec => return Ok(Step::Bad(at, "an EXEC without its MULTI")),
            None if is_multi => {
                self.multi = Some((at, self.bytes));
                self.commands_after_multi = 0;
            }
            Some(_) if is_exec => self.multi = None,
            _ => {}
        }
        self.commands_after_multi = match self.multi {
            Some(_) => self.commands_after_multi + 1,
            None => 0,
        };
        self.at += len as u64;
        self.bytes += len as u64;
        Ok(Step::On)
    }
}

/// Parses at `at`, with as much of the file as that takes: `Short` means that the file ends.
pub(super) fn parse_at<'w>(
    window: &'w mut Window,
    at: u64,
    spans: &mut Vec<Span>,
) -> Result<(&'w [u8], Parsed), Trouble> {
    let left = window.len().saturating_sub(at);
    let mut want = 1;
    loop {
        let bytes = window.at(at, want)?;
        let parsed = parse(bytes, spans);
        match parsed {
            // Twice as much each time: what has been parsed is parsed again.
            Parsed::Short(need) if need as u64 <= left => {
                want = need.max(2 * bytes.len()).min(left as usize);
            }
            _ => return Ok((window.at(at, want)?, parsed)),
        }
    }
}

/// Does an RDB of either family begin here?
pub(super) fn is_rdb(front: &[u8]) -> bool {
    front.starts_with(b"REDIS") || front.starts_with(b"VALKEY")
}

/// Do bytes behind the last group look like commands without lines?
fn is_plain(front: &[u8]) -> bool {
    front.starts_with(b"*") || front.starts_with(TIMESTAMP)
}

/// Does what begins here choose its database before anything else, maybe inside of a MULTI? A
/// stock server that goes on with a file does. A piece of ours that is there twice does not, and
/// applying it twice would be wrong.
fn selects_first(window: &mut Window, mut at: u64) -> Result<bool, Trouble> {
    let mut spans = Vec::new();
    let mut is_in_multi = false;
    while at < window.len() {
        let (bytes, parsed) = parse_at(window, at, &mut spans)?;
        match parsed {
            // Anything but a whole timestamp may be a line of ours that did not arrive whole.
            Parsed::Remark(len) if timestamp(bytes).is_some() => at += len as u64,
            Parsed::Remark(_) => return Ok(false),
            Parsed::Command(len) => {
                let name = Argv::new(bytes, &spans).name();
                if !name.eq_ignore_ascii_case(b"MULTI") || is_in_multi {
                    return Ok(name.eq_ignore_ascii_case(b"SELECT"));
                }
                is_in_multi = true;
                at += len as u64;
            }
            Parsed::Short(_) | Parsed::Bad(..) => return Ok(false),
        }
    }
    Ok(false)
}

/// Whole commands in what is cut off, as far as it can be read.
fn count_commands(window: &mut Window, mut at: u64) -> Result<u64, Trouble> {
    let mut spans = Vec::new();
    let mut commands = 0;
    while at < window.len() {
        at += match parse_at(window, at, &mut spans)?.1 {
            Parsed::Command(len) => {
                commands += 1;
                len as u64
            }
            Parsed::Remark(len) => len as u64,
            Parsed::Short(_) | Parsed::Bad(..) => break,
        };
    }
    Ok(commands)
}

/// Files that the manifest does not know must not hold what was acknowledged.
///
/// A crash between making a file and listing it leaves one without a single group of any length.
/// One with content belongs to a newer manifest, or there is no manifest at all any more.
fn check_strays(
    storage: &dyn Storage,
    place: &Place,
    manifest: Option<&Manifest>,
) -> Result<(), Trouble> {
    let names = match storage.list(&place.log_dir()) {
        Ok(names) => names,
        Err(trouble) if trouble.kind == Kind::Missing => return Ok(()),
        Err(trouble) => return Err(trouble),
    };
    let last_seq = manifest.map_or(0, |manifest| {
        manifest
            .incrs
            .iter()
            .map(|incr| incr.seq)
            .max()
            .unwrap_or(0)
    });
    for name in names {
        let path = place.file(&name);
        let is_newer = place.incr_seq(&name).is_some_and(|seq| seq > last_seq);
        if is_newer && has_content(storage, &path)? {
            let what = match manifest {
                Some(_) => "the manifest does not list this newer file: it is an old one",
                None => "there is no manifest to this file",
            };
            return Err(Trouble::new(Kind::Damaged, &path, what));
        }
        if manifest.is_none() && place.base_seq(&name).is_some() {
            let what = "there is no manifest to this base";
            return Err(Trouble::new(Kind::Damaged, &path, what));
        }
    }
    Ok(())
}

/// Is there nothing but parts of a first line? An interrupted start leaves that.
fn is_begun_line(window: &mut Window) -> Result<bool, Trouble> {
    let front = window.at(0, 1)?;
    let is_ours = matches!(front.first(), Some(b'#' | 0));
    Ok(is_ours && window.is_zero_from(LINE_BYTES_MAX as u64)?)
}

/// Anything but one empty group and zeros.
fn has_content(storage: &dyn Storage, path: &Path) -> Result<bool, Trouble> {
    let mut window = Window::open(storage, path)?;
    let behind = match group_at(&mut window, 0, None)? {
        Ok((frame, line_bytes)) if frame.len == 0 => line_bytes as u64,
        _ => 0,
    };
    // What a crash left of an unsynced first line is no content either.
    Ok(!window.is_zero_from(behind)? && !is_begun_line(&mut window)?)
}

fn exists(storage: &dyn Storage, path: &Path) -> Result<bool, Trouble> {
    match Window::open(storage, path) {
        Ok(_) => Ok(true),
        Err(trouble) if trouble.kind == Kind::Missing => Ok(false),
        Err(trouble) => Err(trouble),
    }
}

/// A file that is missing though it is listed is damage, not absence.
fn open_listed(storage: &dyn Storage, path: &Path) -> Result<Window, Trouble> {
    Window::open(storage, path).map_err(|mut trouble| {
        if trouble.kind == Kind::Missing {
            trouble.kind = Kind::Damaged;
            trouble.what = "the manifest lists this file, and it is not there".into();
        }
        trouble
    })
}
