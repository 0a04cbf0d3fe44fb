//! Bitmaps as plainly as can be: a `Vec<bool>`.

use ochredb::Value;

use crate::Word;
use crate::model::{Answer, NOT_AN_INTEGER, SYNTAX, error, int, integer};

pub fn bits_of(bytes: &[u8]) -> Vec<bool> {
    let bits = |byte: &u8| (0..8).map(|i| byte & (0x80 >> i) != 0).collect::<Vec<_>>();
    bytes.iter().flat_map(bits).collect()
}

pub fn bytes_of(bits: &[bool]) -> Word {
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks(8).map(byte).collect()
}

pub const OFFSET: &str = "ERR bit offset is not an integer or out of range";

/// An offset in bits, `scale` of them a step.
pub fn offset(word: &[u8], scale: i64) -> Result<usize, Value> {
    integer(word)
        .and_then(|steps| steps.checked_mul(scale))
        .filter(|offset| (0..8 * (512 << 20)).contains(offset))
        .map(|offset| offset as usize)
        .ok_or_else(|| error(OFFSET))
}

/// Both ends of a range, moved into a row one by one.
fn ends(start: i64, end: i64, len: usize) -> std::ops::Range<usize> {
    let len = len as i128;
    let place = |at: i64| {
        let at = i128::from(at);
        if at < 0 { (at + len).max(0) } else { at }
    };
    let (start, end) = (place(start), place(end).min(len - 1) + 1);
    if start < end {
        start as usize..end as usize
    } else {
        0..0
    }
}

/// A range of a row as GETRANGE and BITCOUNT mean it.
pub fn range(start: i64, end: i64, len: usize) -> std::ops::Range<usize> {
    if start < 0 && end < 0 && start > end {
        0..0
    } else {
        ends(start, end, len)
    }
}

/// The unit of a range: how many bits one step is.
fn unit(word: Option<&Word>) -> Result<usize, Value> {
    match word.map(|word| word.to_ascii_uppercase()).as_deref() {
        None | Some(b"BYTE") => Ok(8),
        Some(b"BIT") => Ok(1),
        Some(_) => Err(error(SYNTAX)),
    }
}

pub fn count(bytes: Option<&Word>, args: &[Word]) -> Answer {
    let bits = bits_of(bytes.map_or(b"", |bytes| bytes));
    let ones = |bits: &[bool]| bits.iter().filter(|bit| **bit).count();
    let (start, end, word) = match args {
        [] => return int(ones(&bits)),
        [start, end] => (start, end, None),
        [start, end, word] => (start, end, Some(word)),
        _ => return Err(error(SYNTAX)),
    };
    let start = integer(start).ok_or_else(|| error(NOT_AN_INTEGER))?;
    let end = integer(end).ok_or_else(|| error(NOT_AN_INTEGER))?;
    let unit = unit(word)?;
    let steps = range(start, end, bits.len() / unit);
    int(ones(&bits[steps.start * unit..steps.end * unit]))
}

pub fn position(bytes: Option<&Word>, args: &[Word]) -> Answer {
    let wanted = match integer(&args[0]) {
        Some(0) => false,
        Some(1) => true,
        Some(_) => return Err(error("ERR The bit argument must be 1 or 0.")),
        None => return Err(error(NOT_AN_INTEGER)),
    };
    let number = |word: Option<&Word>, default| match word {
        Some(word) => integer(word).ok_or_else(|| error(NOT_AN_INTEGER)),
        None => Ok(default),
    };
    let start = number(args.get(1), 0)?;
    let unit = unit(args.get(3))?;
    let end = number(args.get(2), -1)?;
    let Some(bytes) = bytes else {
        return int(if wanted { -1 } else { 0 });
    };
    let bits = bits_of(bytes);
    let steps = ends(start, end, bits.len() / unit);
    let (first, behind) = (steps.start * unit, steps.end * unit);
    match bits[first..behind].iter().position(|bit| *bit == wanted) {
        Some(at) => int(first + at),
        None if !wanted && args.len() < 3 && first < behind => int(behind),
        None => int(-1),
    }
}

pub fn combine(op: &str, sources: &[Word]) -> Word {
    let rows: Vec<Vec<bool>> = sources.iter().map(|source| bits_of(source)).collect();
    let len = rows.iter().map(Vec::len).max().unwrap_or(0);
    let combined = (0..len).map(|at| {
        let column: Vec<bool> = rows
            .iter()
            .map(|row| row.get(at).copied().unwrap_or(false))
            .collect();
        let ones = column.iter().filter(|bit| **bit).count();
        let (x, any_y) = (column[0], column[1..].contains(&true));
        match op {
            "AND" => ones == column.len(),
            "OR" => ones > 0,
            "XOR" => ones % 2 == 1,
            "NOT" => !x,
            "DIFF" => x && !any_y,
            "DIFF1" => !x && any_y,
            "ANDOR" => x && any_y,
            "ONE" => ones == 1,
            _ => panic!("the model does not know BITOP {op}"),
        }
    });
    bytes_of(&combined.collect::<Vec<_>>())
}

/// One operation of BITFIELD.
pub struct Operation {
    verb: String,
    signed: bool,
    width: usize,
    at: usize,
    value: i64,
    overflow: String,
}

pub fn operations(args: &[Word]) -> Result<Vec<Operation>, Value> {
    let mut operations = Vec::new();
    let mut overflow = "WRAP".to_owned();
    let mut rest = args;
    while let Some((verb, after)) = rest.split_first() {
        let verb = String::from_utf8_lossy(verb).to_uppercase();
        let words = match verb.as_str() {
            "OVERFLOW" => 1,
            "GET" => 2,
            "SET" | "INCRBY" => 3,
            _ => return Err(error(SYNTAX)),
        };
        if after.len() < words {
            return Err(error(SYNTAX));
        }
        rest = &after[words..];
        if verb == "OVERFLOW" {
            overflow = String::from_utf8_lossy(&after[0]).to_uppercase();
            if !["WRAP", "SAT", "FAIL"].contains(&overflow.as_str()) {
                return Err(error("ERR Invalid OVERFLOW type specified"));
            }
            continue;
        }
        let signed = after[0].first() == Some(&b'i');
        let width = integer(after[0].get(1..).unwrap_or_default())
            .filter(|width| (1..=if signed { 64 } else { 63 }).contains(width))
            .filter(|_| matches!(after[0][0], b'i' | b'u'))
            .ok_or_else(|| {
                error(
                    "ERR Invalid bitfield type. Use something like i16 u8. \
                     Note that u64 is not supported but i64 is.",
                )
            })?;
        let at = match after[1].strip_prefix(b"#") {
            Some(index) => offset(index, width)?,
            None => offset(&after[1], 1)?,
        };
        let value = match after.get(2) {
            Some(value) if words == 3 => integer(value).ok_or_else(|| error(NOT_AN_INTEGER))?,
            _ => 0,
        };
        operations.push(Operation {
            verb,
            signed,
            width: width as usize,
            at,
            value,
            overflow: overflow.clone(),
        });
    }
    Ok(operations)
}

impl Operation {
    pub fn writes(&self) -> bool {
        self.verb != "GET"
    }

    /// How many bytes it needs.
    pub fn end_bytes(&self) -> usize {
        (self.at + self.width).div_ceil(8)
    }

    fn read(&self, bits: &[bool]) -> i128 {
        let bit = |at: usize| bits.get(at).copied().unwrap_or(false);
        let range = self.at..self.at + self.width;
        let value = range.fold(0i128, |value, at| value << 1 | i128::from(bit(at)));
        let negative = self.signed && bit(self.at);
        value - if negative { 1 << self.width } else { 0 }
    }

    fn write(&self, bits: &mut [bool], value: i128) {
        for i in 0..self.width {
            bits[self.at + i] = value >> (self.width - 1 - i) & 1 == 1;
        }
    }

    /// What is stored for a value, if anything is.
    fn fitted(&self, value: i128) -> Option<i128> {
        let count = 1i128 << self.width;
        let (min, max) = if self.signed {
            (-count / 2, count / 2 - 1)
        } else {
            (0, count - 1)
        };
        match self.overflow.as_str() {
            _ if (min..=max).contains(&value) => Some(value),
            "WRAP" => Some((value - min).rem_euclid(count) + min),
            "SAT" => Some(value.clamp(min, max)),
            _ => None,
        }
    }

    pub fn run(&self, bits: &mut [bool]) -> Value {
        let old = self.read(bits);
        let new = match self.verb.as_str() {
            "GET" => return Value::Int(old as i64),
            "SET" if self.signed => self.fitted(i128::from(self.value)),
            "SET" => self.fitted(i128::from(self.value as u64)),
            _ => self.fitted(old + i128::from(self.value)),
        };
        let Some(new) = new else {
            return Value::Null;
        };
        self.write(bits, new);
        let reply = if self.verb == "SET" { old } else { new };
        Value::Int(reply as i64)
    }
}
