//! A stream of keys is read from any bytes or refused at a place inside of them; what was written
//! reads the same, and damage to it is noticed.
//!
//! The first byte of the tape chooses: the rest as a stream, as a payload of RESTORE under a right
//! checksum, or as decisions about a stream to write and to damage.

use std::io::Read;

use persist::rdb::{
    BadDump, Checksum, Fault, Item, Reader, Usage, Value, WriteOptions, Writer, restore, verify,
};

use crate::tape::Tape;

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    match tape.below(4) {
        0 | 1 => read_anything(tape.rest()),
        2 => restore_anything(&mut tape),
        _ => write_and_damage(&mut tape),
    }
}

/// Bytes from nowhere, as a file and as a stream.
fn read_anything(bytes: &[u8]) {
    let whole = outline(Reader::with_len(bytes, bytes.len() as u64));
    for step in [1, 13] {
        let dripping = outline(Reader::new(Drip { bytes, step }));
        assert_eq!(whole.keys, dripping.keys);
        assert_eq!(whole.is_sound(), dripping.is_sound());
    }
    if let Some(fault) = &whole.fault {
        assert!(fault.at <= bytes.len() as u64, "{fault}");
    }
    if let Ok(reader) = Reader::with_len(bytes, bytes.len() as u64) {
        let report = verify(reader);
        assert!(report.bytes <= bytes.len() as u64);
        assert!(report.damage.is_none() <= whole.is_sound());
    }
}

fn restore_anything(tape: &mut Tape<'_>) {
    let version: u16 = *tape.pick(&[11, 9, 12, 80]);
    let body = tape.rest();
    let mut payload = [body, &version.to_le_bytes()].concat();
    payload.extend_from_slice(&base::crc64(&payload).to_le_bytes());
    match restore(&payload) {
        Ok(Value::String(text)) => assert!(text.to_bytes().len() <= 20 + 88 * body.len()),
        Ok(Value::Collection(_)) => {}
        Ok(Value::Other(other)) => assert!(other.at + other.bytes == body.len() as u64),
        Err(BadDump::Format(fault)) => assert!(fault.at <= body.len() as u64),
        Err(BadDump::VersionOrChecksum) => panic!("the frame is right"),
    }
}

fn write_and_damage(tape: &mut Tape<'_>) {
    let mut writer = Writer::new(WriteOptions {
        version: *tape.pick(&[11, 10]),
        compress: tape.bool(),
        checksum: true,
    });
    let mut expected = Vec::new();
    for _ in 0..tape.below(20) {
        if tape.below(6) == 0 {
            writer.select_db(tape.integer() as u32, 1, 0);
        }
        let (key, value) = (tape.text(300), tape.text(3000));
        let deadline_ms = tape.bool().then(|| tape.integer());
        let usage = match tape.below(3) {
            0 => Usage::Unknown,
            1 => Usage::IdleSecs(tape.integer() as u64),
            _ => Usage::Freq(tape.byte()),
        };
        if tape.bool() {
            writer.begin_large(&key, deadline_ms, usage, value.len() as u64);
            value.chunks(700).for_each(|slice| writer.slice(slice));
        } else {
            writer.string_key(&key, deadline_ms, usage, &value);
        }
        expected.push((key, Some(value), deadline_ms));
    }
    writer.finish();
    let mut file = writer.take();
    let step = 1 + tape.below(1000) as usize;
    let read = outline(Reader::new(Drip { bytes: &file, step }));
    assert!(read.is_sound());
    assert_eq!(read.keys, expected);

    let bit = tape.below(8 * file.len() as u64) as usize;
    file[bit / 8] ^= 1 << (bit % 8);
    let damaged = outline(Reader::with_len(&file[..], file.len() as u64));
    assert!(!damaged.is_sound(), "bit {bit} is missed");
}

/// A key, its string if it has one, and its deadline.
type KeyOutline = (Vec<u8>, Option<Vec<u8>>, Option<i64>);

/// The keys of a stream, and how it ended.
struct Outline {
    keys: Vec<KeyOutline>,
    checksum: Option<Checksum>,
    fault: Option<Fault>,
}

impl Outline {
    fn is_sound(&self) -> bool {
        let wrong = matches!(self.checksum, Some(Checksum::Wrong { .. }));
        self.fault.is_none() && !wrong
    }
}

fn outline<R: Read>(reader: Result<Reader<R>, Fault>) -> Outline {
    let mut outline = Outline {
        keys: Vec::new(),
        checksum: None,
        fault: None,
    };
    let outcome = reader.and_then(|mut reader| {
        while let Some(item) = reader.next()? {
            match item {
                Item::Key {
                    key,
                    value,
                    deadline_ms,
                    ..
                } => {
                    let value = match value {
                        Value::String(text) => Some(text.to_bytes()),
                        Value::Collection(_) | Value::Other(_) => None,
                    };
                    outline.keys.push((key.to_vec(), value, deadline_ms));
                }
                Item::End { checksum } => outline.checksum = Some(checksum),
                _ => {}
            }
        }
        reader.expect_end()
    });
    outline.fault = outcome.err();
    outline
}

/// A stream that comes a few bytes at a time.
struct Drip<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for Drip<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let len = self.step.min(to.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(len);
        to[..len].copy_from_slice(now);
        self.bytes = later;
        Ok(len)
    }
}
