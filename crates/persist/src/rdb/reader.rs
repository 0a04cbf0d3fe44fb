//! The reader: items one after the other out of any stream.
//!
//! ```text
//!   prefixes ─► deadline, idle time, frequency        kept for the key that follows
//!   opcode   ─► Aux, SelectDb, ResizeDb, Function...  an item
//!   type     ─► key, value                            an item, with what the prefixes said
//!   end      ─► checksum                              the last item
//! ```
//!
//! An item lends what it is made of and is gone when the next one is asked for. A key whose time is
//! over comes with its deadline like any other; whether it still counts is not the file's to say.
//!
//! Refused, each with its place: lengths beyond the end, unknown types and opcodes, newer versions.
//! A wrong checksum is reported by the last item; everything before it has been delivered by then.

use std::io::Read;

use super::fault::{Fault, FaultKind};
use super::input::{Input, Piece, Result};
use super::types::{self, Body, ValueType};
use super::{
    Build, CHECKSUM_SINCE, Family, Format, REDIS_VERSION_MAX, VALKEY_VERSION, Value, opcode,
};

/// One thing in a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A note about the file or its origin.
    Aux { name: &'a [u8], value: &'a [u8] },
    /// The keys that follow are in this database.
    SelectDb(u64),
    /// How many keys are to be expected in this database, and how many of them with deadlines.
    ResizeDb { keys: u64, volatile: u64 },
    Key {
        /// Unix time. The key may be overdue already.
        deadline_ms: Option<i64>,
        /// Seconds since it was used, if the writer's eviction policy looks at that.
        idle_secs: Option<u64>,
        /// The logarithmic counter of uses, if the writer's eviction policy looks at that.
        freq: Option<u8>,
        key: &'a [u8],
        value: Value<'a>,
    },
    /// The source of a function library.
    Function { code: &'a [u8] },
    /// A hint: so many keys are in a slot of a cluster.
    SlotInfo { slot: u64, keys: u64, volatile: u64 },
    /// Slots that Valkey was importing when it wrote the file.
    SlotImport { job: &'a [u8], ranges: u64 },
    /// What a module wrote beside the keys: walked over.
    ModuleAux { module_id: u64, bytes: u64 },
    /// Nothing follows that belongs to the data.
    End { checksum: Checksum },
}

/// What came of comparing the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    Right,
    Wrong {
        stored: u64,
        computed: u64,
    },
    /// The writer was told not to compute one.
    Off,
    /// Versions before 5 have none.
    Absent,
    /// The reader was told not to look.
    Unread,
}

/// Reads items out of a stream.
pub struct Reader<R> {
    input: Input<R>,
    format: Format,
    state: State,
    key: Vec<u8>,
    notes: [Vec<u8>; 2],
    /// If not, collections are walked over.
    build: Option<Build>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Inside,
    Over,
}

/// What the prefixes of a key have said.
#[derive(Clone, Copy, Default)]
struct Prefix {
    deadline_ms: Option<i64>,
    idle_secs: Option<u64>,
    freq: Option<u8>,
}

/// An item before its parts are lent.
enum Found {
    Aux(Piece, Piece),
    SelectDb(u64),
    ResizeDb(u64, u64),
    /// `None`: the key was set aside in `Reader::key`.
    Key(Prefix, Option<(usize, usize)>, Body),
    Function(Piece),
    SlotInfo(u64, u64, u64),
    SlotImport(u64),
    ModuleAux(u64, u64),
    End(Checksum),
}

impl<R: Read> Reader<R> {
    /// Reads the header. The stream's length is not known: a replica's, a pipe's.
    pub fn new(from: R) -> Result<Reader<R>> {
        Reader::open(Input::new(from, None))
    }

    /// Reads the header of a stream of this many bytes. Lengths beyond them are refused at once.
    pub fn with_len(from: R, bytes: u64) -> Result<Reader<R>> {
        Reader::open(Input::new(from, Some(bytes)))
    }

    fn open(mut input: Input<R>) -> Result<Reader<R>> {
        let format = read_format(&input.array()?)?;
        Ok(Reader {
            input,
            format,
            state: State::Inside,
            key: Vec::new(),
            notes: [Vec::new(), Vec::new()],
            build: None,
        })
    }

    /// Do not compute the checksum (`rdbchecksum no`).
    #[must_use]
    pub fn without_checksum(mut self) -> Reader<R> {
        self.input.without_crc();
        self
    }

    /// Build collections instead of walking over them.
    #[must_use]
    pub fn building(mut self, build: Build) -> Reader<R> {
        self.build = Some(build);
        self
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes that were read, for a progress line.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The next item; `None` behind the last one, or behind an error.
    #[allow(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Item<'_>>> {
        if self.state == State::Over {
            return Ok(None);
        }
        self.input.set_mark();
        let found = self.find();
        match &found {
            Ok(Found::End(_)) | Err(_) => self.state = State::Over,
            Ok(_) => {}
        }
        Ok(Some(self.lend(found?)))
    }

    /// After the last item: an error if the stream goes on.
    pub fn expect_end(&mut self) -> Result<()> {
        let at = self.input.offset();
        if self.input.is_over()? {
            return Ok(());
        }
        self.input.fault(at, FaultKind::Trailing)
    }

    /// After the last item: what was taken from the stream beyond it, and the stream. An old
    /// append-only file goes on there.
    pub fn into_rest(self) -> (Vec<u8>, R) {
        self.input.into_parts()
    }

    /// Prefixes, and then whatever is not one.
    fn find(&mut self) -> Result<Found> {
        let mut prefix = Prefix::default();
        loop {
            self.input.expect("the next key or the end");
            let at = self.input.offset();
            let byte = self.input.byte()?;
            match byte {
                0..=31 => return self.find_key(byte, at, prefix),
                opcode::DEADLINE_MS => {
                    self.input.expect("a deadline");
                    prefix.deadline_ms = Some(i64::from_le_bytes(self.input.array()?));
                }
                opcode::DEADLINE_SECS => {
                    self.input.expect("a deadline");
                    let secs = i32::from_le_bytes(self.input.array()?);
                    prefix.deadline_ms = Some(i64::from(secs) * 1000);
                }
                opcode::IDLE => {
                    self.input.expect("an idle time");
                    prefix.idle_secs = Some(self.input.number()?);
                }
                opcode::FREQ => {
                    self.input.expect("a frequency");
                    prefix.freq = Some(self.input.byte()?);
                }
                _ => return self.find_other(byte, at),
            }
        }
    }

    fn find_key(&mut self, byte: u8, at: u64, prefix: Prefix) -> Result<Found> {
        let Some(value_type) = ValueType::of(byte, self.format) else {
            return self.unknown(byte, at);
        };
        self.input.expect("a key");
        let mut key = match self.input.string()? {
            Piece::Here { from, len } => Some((from, len)),
            piece => {
                own(piece, &mut self.key);
                None
            }
        };
        if let (Some((from, len)), false) = (key, value_type == ValueType::String) {
            // The walk over the value will not leave the key where it is.
            self.key.clear();
            self.key.extend_from_slice(self.input.lend(from, len));
            key = None;
        }
        let body = types::read(value_type, &mut self.input, self.build.as_ref())?;
        Ok(Found::Key(prefix, key, body))
    }

    /// What is neither a key nor a prefix of one.
    fn find_other(&mut self, byte: u8, at: u64) -> Result<Found> {
        let input = &mut self.input;
        match byte {
            opcode::AUX => {
                input.expect("the name of a field");
                let name = input.string()?;
                input.expect("the value of a field");
                Ok(Found::Aux(name, input.string()?))
            }
            opcode::SELECT_DB => {
                input.expect("the number of a database");
                Ok(Found::SelectDb(input.number()?))
            }
            opcode::RESIZE_DB => {
                input.expect("the size of a database");
                Ok(Found::ResizeDb(input.number()?, input.number()?))
            }
            opcode::SLOT_INFO => {
                input.expect("the size of a slot");
                let (slot, keys) = (input.number()?, input.number()?);
                Ok(Found::SlotInfo(slot, keys, input.number()?))
            }
            opcode::SLOT_IMPORT if self.format.family == Family::Valkey => self.find_slot_import(),
            opcode::FUNCTION => {
                input.expect("a function library");
                Ok(Found::Function(input.string()?))
            }
            opcode::FUNCTION_EARLY => {
                let what = "a function library in the form of Redis 7.0 candidates";
                input.fault(at, FaultKind::Opaque { what })
            }
            opcode::MODULE_AUX => self.find_module_aux(at),
            opcode::END => self.find_end(),
            _ => self.unknown(byte, at),
        }
    }

    fn find_slot_import(&mut self) -> Result<Found> {
        let input = &mut self.input;
        input.expect("the name of a slot import");
        match input.string()? {
            Piece::Here { from, len } => {
                self.key.clear();
                self.key.extend_from_slice(input.lend(from, len));
            }
            piece => own(piece, &mut self.key),
        }
        input.expect("the slots of an import");
        let ranges = input.count()?;
        for _ in 0..ranges {
            input.number()?;
            input.number()?;
            // Nothing of it is lent, so nothing of it needs to stay.
            input.set_mark();
        }
        Ok(Found::SlotImport(ranges))
    }

    fn find_module_aux(&mut self, at: u64) -> Result<Found> {
        let input = &mut self.input;
        input.expect("a module's id");
        let module_id = input.number()?;
        input.expect("the time of a module's field");
        // Before or after the keys, written as an unsigned integer of the module would be.
        let when_at = input.offset();
        let part = input.number()?;
        if part != 2 {
            let expected = "the time of a module's field";
            let byte = part as u8;
            return input.fault(when_at, FaultKind::Malformed { expected, byte });
        }
        input.number()?;
        types::module_parts(input)?;
        Ok(Found::ModuleAux(module_id, input.offset() - at))
    }

    fn find_end(&mut self) -> Result<Found> {
        if self.format.version < CHECKSUM_SINCE {
            return Ok(Found::End(Checksum::Absent));
        }
        let computed = self.input.crc();
        self.input.expect("the checksum");
        let stored = u64::from_le_bytes(self.input.array()?);
        let checksum = match computed {
            None => Checksum::Unread,
            Some(_) if stored == 0 => Checksum::Off,
            Some(computed) if stored == computed => Checksum::Right,
            Some(computed) => Checksum::Wrong { stored, computed },
        };
        Ok(Found::End(checksum))
    }

    #[cold]
    fn unknown(&self, byte: u8, at: u64) -> Result<Found> {
        self.input.fault(
            at,
            FaultKind::Unknown {
                byte,
                family: self.format.family.name(),
                version: self.format.version,
            },
        )
    }

    #[inline]
    fn lend(&mut self, found: Found) -> Item<'_> {
        let input = &self.input;
        match found {
            Found::Key(prefix, key, body) => Item::Key {
                deadline_ms: prefix.deadline_ms,
                idle_secs: prefix.idle_secs,
                freq: prefix.freq,
                key: match key {
                    Some((from, len)) => input.lend(from, len),
                    None => &self.key,
                },
                value: body.lend(input),
            },
            Found::Aux(name, value) => {
                let [name_room, value_room] = &mut self.notes;
                Item::Aux {
                    name: lend_text(input, name, name_room),
                    value: lend_text(input, value, value_room),
                }
            }
            Found::Function(code) => Item::Function {
                code: lend_text(input, code, &mut self.notes[0]),
            },
            Found::SelectDb(number) => Item::SelectDb(number),
            Found::ResizeDb(keys, volatile) => Item::ResizeDb { keys, volatile },
            Found::SlotInfo(slot, keys, volatile) => Item::SlotInfo {
                slot,
                keys,
                volatile,
            },
            Found::SlotImport(ranges) => Item::SlotImport {
                job: &self.key,
                ranges,
            },
            Found::ModuleAux(module_id, bytes) => Item::ModuleAux { module_id, bytes },
            Found::End(checksum) => Item::End { checksum },
        }
    }
}

impl Checksum {
    /// An error if the checksum shows damage. `at` is where the stream ends.
    pub fn verdict(self, at: u64) -> Result<()> {
        match self {
            Checksum::Wrong { stored, computed } => {
                Err(Fault::new(at, FaultKind::Checksum { stored, computed }))
            }
            Checksum::Right | Checksum::Off | Checksum::Absent | Checksum::Unread => Ok(()),
        }
    }
}

/// `REDIS` and four digits, or `VALKEY` and three.
fn read_format(header: &[u8; 9]) -> Result<Format> {
    let (family, digits, versions) = if let Some(digits) = header.strip_prefix(b"REDIS") {
        (Family::Redis, digits, 1..=REDIS_VERSION_MAX)
    } else if let Some(digits) = header.strip_prefix(b"VALKEY") {
        (Family::Valkey, digits, VALKEY_VERSION..=VALKEY_VERSION)
    } else {
        return Err(Fault::new(0, FaultKind::NotRdb { found: *header }));
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::new(0, FaultKind::NotRdb { found: *header }));
    }
    let version = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    if !versions.contains(&version) {
        let family = family.name();
        let number = version;
        return Err(Fault::new(0, FaultKind::Version { family, number }));
    }
    Ok(Format { family, version })
}

/// Bring a piece that lies nowhere into this room.
fn own(piece: Piece, room: &mut Vec<u8>) {
    match piece {
        Piece::Here { .. } => unreachable!("a piece in the window is lent from there"),
        Piece::Own(bytes) => *room = bytes,
        Piece::Int(number) => {
            room.clear();
            base::write_i64(room, number);
        }
    }
}

fn lend_text<'a, R: Read>(input: &'a Input<R>, piece: Piece, room: &'a mut Vec<u8>) -> &'a [u8] {
    match piece {
        Piece::Here { from, len } => input.lend(from, len),
        piece => {
            own(piece, room);
            room
        }
    }
}
