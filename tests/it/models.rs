//! Commands against naive models: random sequences whose every reply is predicted.
//!
//! Transcripts show chosen cases; this finds the ones that nobody chose. Each run
//! prints its seed, and `OCHRE_SEED` repeats one. The models are as plain as can be, a
//! map of byte strings and bits in a `Vec<bool>`, and the oracle judges them as well as
//! the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use testkit::reply::Reply;
use testkit::target::Target;

const STEPS: usize = 6_000;

/// Runs every model on a target.
pub fn judge(target: &mut dyn Target) {
    let seed = seed();
    println!("OCHRE_SEED={seed} on {}", target.name());
    strings(target, &mut Dice(seed));
    bitfields(target, &mut Dice(seed));
    scan(target, &mut Dice(seed));
}

fn seed() -> u64 {
    if let Ok(seed) = std::env::var("OCHRE_SEED") {
        return seed.parse().expect("OCHRE_SEED is a number");
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    now.as_nanos() as u64
}

/// A small generator of numbers (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `low..=high`.
    fn within(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    fn key(&mut self) -> Vec<u8> {
        vec![b'a' + self.within(0, 3) as u8]
    }

    /// Mostly short strings over few bytes, some integers, some long.
    fn value(&mut self) -> Vec<u8> {
        match self.within(0, 9) {
            0 | 1 => self.within(-1000, 1000).to_string().into_bytes(),
            2 => (self.next() as i64).to_string().into_bytes(),
            3 => (0..self.within(40, 200))
                .map(|_| self.next() as u8)
                .collect(),
            _ => (0..self.within(0, 12))
                .map(|_| b"\x00\xffab7"[self.within(0, 4) as usize])
                .collect(),
        }
    }
}

/// Asks with words of any kind that can be turned into bytes.
macro_rules! ask {
    ($target:expr, $($word:expr),+) => {{
        let argv: Vec<Vec<u8>> = vec![$(Bytes::bytes(&$word)),+];
        ask_argv($target, &argv)
    }};
}

trait Bytes {
    fn bytes(&self) -> Vec<u8>;
}

impl Bytes for &str {
    fn bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Bytes for Vec<u8> {
    fn bytes(&self) -> Vec<u8> {
        self.clone()
    }
}

impl Bytes for i64 {
    fn bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

fn ask_argv(target: &mut dyn Target, argv: &[Vec<u8>]) -> Reply {
    const SESSION: usize = 1 << 40;
    target
        .send(SESSION, argv)
        .expect("the target takes commands");
    match target.receive(SESSION, std::time::Duration::from_secs(10)) {
        Ok(testkit::target::Received::Reply(reply)) => reply,
        other => panic!("{argv:?} was answered by {other:?}"),
    }
}

fn integer(value: i64) -> Reply {
    Reply::Integer(value)
}

fn bulk(value: Option<&Vec<u8>>) -> Reply {
    value.map_or(Reply::NullBulk, |value| Reply::Bulk(value.clone()))
}

fn ok() -> Reply {
    Reply::Simple(b"OK".to_vec())
}

/// Strings and bitmaps over a map of byte strings.
fn strings(target: &mut dyn Target, dice: &mut Dice) {
    assert_eq!(ask!(target, "FLUSHALL"), ok());
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for step in 0..STEPS {
        let (key, other, value) = (dice.key(), dice.key(), dice.value());
        let old = model.get(&key).cloned();
        let content = old.clone().unwrap_or_default();
        let (start, end) = (dice.within(-250, 250), dice.within(-250, 250));
        let choice = dice.within(0, 23);
        let (got, wanted) = match choice {
            0 | 1 => (ask!(target, "SET", key, value), {
                model.insert(key.clone(), value);
                ok()
            }),
            2 => (ask!(target, "GET", key), bulk(old.as_ref())),
            3 => (ask!(target, "APPEND", key, value), {
                model.entry(key.clone()).or_default().extend(&value);
                integer(model[&key].len() as i64)
            }),
            4 => (ask!(target, "SETRANGE", key, start.abs(), value), {
                if !value.is_empty() {
                    overwrite(
                        model.entry(key.clone()).or_default(),
                        start.unsigned_abs() as usize,
                        &value,
                    );
                }
                integer(model.get(&key).map_or(0, Vec::len) as i64)
            }),
            5 => (ask!(target, "GETRANGE", key, start, end), {
                Reply::Bulk(part(&content, start, end).to_vec())
            }),
            6 => (ask!(target, "STRLEN", key), integer(content.len() as i64)),
            7 => {
                let bit = dice.within(0, 1);
                (ask!(target, "SETBIT", key, start.abs(), bit), {
                    let at = start.unsigned_abs() as usize;
                    let mut bits = bits(&content);
                    let before = bits.get(at).copied().unwrap_or(false);
                    let length = bits.len().max((at / 8 + 1) * 8);
                    bits.resize(length, false);
                    bits[at] = bit == 1;
                    model.insert(key.clone(), pack(&bits));
                    integer(before.into())
                })
            }
            8 => (ask!(target, "GETBIT", key, start.abs()), {
                let bit = bits(&content).get(start.unsigned_abs() as usize).copied();
                integer(bit.unwrap_or(false).into())
            }),
            9 => (ask!(target, "BITCOUNT", key), {
                integer(bits(&content).iter().filter(|bit| **bit).count() as i64)
            }),
            10 => (ask!(target, "BITCOUNT", key, start, end), {
                integer(
                    bits(part(&content, start, end))
                        .iter()
                        .filter(|bit| **bit)
                        .count() as i64,
                )
            }),
            11 => (ask!(target, "BITCOUNT", key, start, end, "BIT"), {
                integer(
                    part(&bits(&content), start, end)
                        .iter()
                        .filter(|bit| **bit)
                        .count() as i64,
                )
            }),
            12 => {
                let bit = dice.within(0, 1);
                (
                    ask!(target, "BITPOS", key, bit),
                    integer(first_bit(old.as_deref(), bit == 1)),
                )
            }
            13 if old.is_some() => {
                let bit = dice.within(0, 1) == 1;
                (
                    ask!(target, "BITPOS", key, i64::from(bit), start, end, "BIT"),
                    {
                        let bits = bits(&content);
                        let (from, to) = clamp(start, end, bits.len()).unwrap_or((1, 0));
                        let found = (from..=to).find(|at| bits[*at] == bit);
                        integer(found.map_or(-1, |at| at as i64))
                    },
                )
            }
            14 | 15 => {
                let name = ["AND", "OR", "XOR", "NOT"][dice.within(0, 3) as usize];
                let third = dice.key();
                let sources = if name == "NOT" {
                    vec![other]
                } else {
                    vec![other, third]
                };
                let mut argv = vec![b"BITOP".to_vec(), name.as_bytes().to_vec(), key.clone()];
                argv.extend(sources.iter().cloned());
                (ask_argv(target, &argv), {
                    let sources: Vec<Vec<u8>> = sources
                        .iter()
                        .map(|source| model.get(source).cloned().unwrap_or_default())
                        .collect();
                    let result = combine(name, &sources);
                    let length = result.len();
                    match length {
                        0 => model.remove(&key),
                        _ => model.insert(key.clone(), result),
                    };
                    integer(length as i64)
                })
            }
            16 => {
                let got = ask!(target, "INCRBY", key, start);
                let number = old.as_deref().map_or(Some(0), canonical_integer);
                match number.and_then(|number| number.checked_add(start)) {
                    Some(sum) => {
                        model.insert(key.clone(), sum.to_string().into_bytes());
                        (got, integer(sum))
                    }
                    None => {
                        assert!(
                            matches!(&got, Reply::Error(text) if text.starts_with(b"ERR ")),
                            "{got}"
                        );
                        (integer(0), integer(0))
                    }
                }
            }
            17 => (ask!(target, "GETDEL", key), {
                model.remove(&key);
                bulk(old.as_ref())
            }),
            18 => (ask!(target, "SETNX", key, value), {
                model.entry(key.clone()).or_insert(value);
                integer(old.is_none().into())
            }),
            19 => (ask!(target, "GETSET", key, value), {
                model.insert(key.clone(), value);
                bulk(old.as_ref())
            }),
            20 if old.is_some() => (ask!(target, "RENAME", key, other), {
                let moved = model.remove(&key).expect("it exists");
                model.insert(other, moved);
                ok()
            }),
            21 if key != other => (ask!(target, "COPY", key, other, "REPLACE"), {
                if let Some(content) = &old {
                    model.insert(other, content.clone());
                }
                integer(old.is_some().into())
            }),
            22 => (ask!(target, "DEL", key, other), {
                let found = model.remove(&key).is_some() as i64;
                integer(found + model.remove(&other).is_some() as i64)
            }),
            23 => (ask!(target, "LCS", key, other, "LEN"), {
                let second = model.get(&other).cloned().unwrap_or_default();
                integer(common_length(&content, &second) as i64)
            }),
            _ => (ask!(target, "DBSIZE"), integer(model.len() as i64)),
        };
        assert_eq!(
            got, wanted,
            "step {step}, choice {choice}, key {:?} held {content:?}",
            key
        );
    }
    for (key, value) in &model {
        assert_eq!(ask!(target, "GET", key.clone()), Reply::Bulk(value.clone()));
    }
}

/// Where `start..=end` lies in `length` elements: negative ends count from the end, and
/// both are cut to what is there.
fn clamp(start: i64, end: i64, length: usize) -> Option<(usize, usize)> {
    let length = length as i64;
    let from_end = |at: i64| if at < 0 { (length + at).max(0) } else { at };
    let (start, end) = (from_end(start), from_end(end).min(length - 1));
    (start <= end && length > 0).then_some((start as usize, end as usize))
}

/// The part that GETRANGE and BITCOUNT take. Unlike BITPOS they take nothing if both
/// ends count from the end and lie the wrong way round, even where cutting would bring
/// them together.
fn part<T>(all: &[T], start: i64, end: i64) -> &[T] {
    if start < 0 && end < 0 && start > end {
        return &[];
    }
    clamp(start, end, all.len()).map_or(&[], |(start, end)| &all[start..=end])
}

fn overwrite(content: &mut Vec<u8>, offset: usize, value: &[u8]) {
    let length = content.len().max(offset + value.len());
    content.resize(length, 0);
    content[offset..offset + value.len()].copy_from_slice(value);
}

fn bits(bytes: &[u8]) -> Vec<bool> {
    bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| byte >> (7 - bit) & 1 == 1))
        .collect()
}

fn pack(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8)
        .map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit)))
        .collect()
}

/// BITPOS without a range: a clear bit is found behind the end, but not in an empty
/// string.
fn first_bit(content: Option<&[u8]>, bit: bool) -> i64 {
    let Some(content) = content else {
        return if bit { -1 } else { 0 };
    };
    let bits = bits(content);
    match bits.iter().position(|found| *found == bit) {
        Some(at) => at as i64,
        None if bit || bits.is_empty() => -1,
        None => bits.len() as i64,
    }
}

fn combine(name: &str, sources: &[Vec<u8>]) -> Vec<u8> {
    let length = sources.iter().map(Vec::len).max().unwrap_or(0);
    let byte = |source: &Vec<u8>, at: usize| source.get(at).copied().unwrap_or(0);
    let column = |at: usize| {
        let mut bytes = sources.iter().map(|source| byte(source, at));
        let first = bytes.next().unwrap_or(0);
        match name {
            "AND" => bytes.fold(first, |sum, byte| sum & byte),
            "OR" => bytes.fold(first, |sum, byte| sum | byte),
            "XOR" => bytes.fold(first, |sum, byte| sum ^ byte),
            _ => !first,
        }
    };
    (0..length).map(column).collect()
}

fn canonical_integer(text: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}

fn common_length(a: &[u8], b: &[u8]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (at, y) in b.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if x == y {
                diagonal + 1
            } else {
                above.max(row[at])
            };
            diagonal = above;
        }
    }
    row[b.len()]
}

/// BITFIELD over bits in a vector and integers that cannot overflow.
fn bitfields(target: &mut dyn Target, dice: &mut Dice) {
    assert_eq!(ask!(target, "FLUSHALL"), ok());
    let mut model: Vec<bool> = Vec::new();
    for step in 0..STEPS / 2 {
        let signed = dice.within(0, 1) == 1;
        let width = dice.within(1, if signed { 64 } else { 63 }) as u32;
        let offset = dice.within(0, 200) as usize;
        let operand = match dice.within(0, 2) {
            0 => dice.within(-3, 3),
            1 => dice.next() as i64,
            _ => dice.within(-(1 << 20), 1 << 20),
        };
        let field = format!("{}{width}", if signed { "i" } else { "u" });
        let mode = ["WRAP", "SAT", "FAIL"][dice.within(0, 2) as usize];
        let action = ["GET", "SET", "INCRBY"][dice.within(0, 2) as usize];
        // Redis and Valkey saturate a wide signed field at its upper end when the value
        // is too far below: see bitfield.txt.
        let far_below = signed && width < 64 && action == "SET" && mode == "SAT";
        let operand = if far_below { operand >> 2 } else { operand };
        let old = read_field(&model, offset, width, signed);
        let (got, wanted) = if action == "GET" {
            (
                ask!(
                    target,
                    "BITFIELD",
                    "k",
                    "GET",
                    field.as_str(),
                    offset as i64
                ),
                Some(old),
            )
        } else {
            let got = ask!(
                target,
                "BITFIELD",
                "k",
                "OVERFLOW",
                mode,
                action,
                field.as_str(),
                offset as i64,
                operand
            );
            // An unsigned field takes its operand of SET as 64 unsigned bits.
            let target_value = match action {
                "SET" if !signed => i128::from(operand as u64),
                "SET" => i128::from(operand),
                _ => old + i128::from(operand),
            };
            let end = (offset + width as usize).div_ceil(8) * 8;
            let length = model.len().max(end);
            model.resize(length, false);
            let new = fit(target_value, width, signed, mode);
            if let Some(new) = new {
                write_field(&mut model, offset, width, new);
            }
            (got, new.map(|new| if action == "SET" { old } else { new }))
        };
        let wanted = wanted.map_or(Reply::NullBulk, |value| integer(value as i64));
        assert_eq!(
            got,
            Reply::Array(vec![wanted]),
            "step {step}: {mode} {action} {field} {offset} {operand} over {old}"
        );
    }
    assert_eq!(ask!(target, "GET", "k"), Reply::Bulk(pack(&model)));
}

fn read_field(bits: &[bool], offset: usize, width: u32, signed: bool) -> i128 {
    let bit = |at: usize| i128::from(bits.get(at).copied().unwrap_or(false));
    let value = (offset..offset + width as usize).fold(0, |sum, at| sum << 1 | bit(at));
    if signed && value >> (width - 1) == 1 {
        value - (1 << width)
    } else {
        value
    }
}

fn write_field(bits: &mut [bool], offset: usize, width: u32, value: i128) {
    for at in 0..width {
        bits[offset + at as usize] = value >> (width - 1 - at) & 1 == 1;
    }
}

/// A value brought into the bounds of a field, or `None` where the overflow is to fail.
fn fit(value: i128, width: u32, signed: bool, mode: &str) -> Option<i128> {
    let (low, high): (i128, i128) = if signed {
        (-(1 << (width - 1)), (1 << (width - 1)) - 1)
    } else {
        (0, (1 << width) - 1)
    };
    match mode {
        _ if (low..=high).contains(&value) => Some(value),
        "FAIL" => None,
        "SAT" => Some(value.clamp(low, high)),
        _ => Some((value - low).rem_euclid(1 << width) + low),
    }
}

/// A full SCAN gives every key that is there from the first step to the last, whatever
/// else comes and goes.
fn scan(target: &mut dyn Target, dice: &mut Dice) {
    for size in [0, 1, 10, 500] {
        assert_eq!(ask!(target, "FLUSHALL"), ok());
        let lasting: BTreeSet<Vec<u8>> = (0..size)
            .map(|n| format!("lasting:{n}").into_bytes())
            .collect();
        for key in &lasting {
            ask!(target, "SET", key.clone(), "v");
        }
        let mut seen = BTreeSet::new();
        let mut cursor = b"0".to_vec();
        for step in 0.. {
            assert!(step < 20_000, "the scan does not end");
            let Reply::Array(parts) = ask!(target, "SCAN", cursor, "COUNT", dice.within(1, 30))
            else {
                panic!("SCAN gives an array")
            };
            let [Reply::Bulk(next), Reply::Array(keys)] = parts.as_slice() else {
                panic!("of a cursor and keys: {parts:?}")
            };
            for key in keys {
                match key {
                    Reply::Bulk(key) => seen.insert(key.clone()),
                    other => panic!("a key is a bulk string: {other}"),
                };
            }
            if next == b"0" {
                break;
            }
            cursor = next.clone();
            // Growth and shrinkage in the middle of the walk.
            for _ in 0..if step < 60 { dice.within(0, 40) } else { 0 } {
                let passing = format!("passing:{}", dice.within(0, 3_000));
                match dice.within(0, 2) {
                    0 => ask!(target, "DEL", passing.as_str()),
                    _ => ask!(target, "SET", passing.as_str(), "v"),
                };
            }
        }
        let missing: Vec<_> = lasting.difference(&seen).collect();
        assert!(
            missing.is_empty(),
            "{} of {size} keys were never given",
            missing.len()
        );
    }
}
