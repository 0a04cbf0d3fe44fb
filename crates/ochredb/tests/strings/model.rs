//! The commands as plainly as they can be written, over one map.

use std::collections::BTreeMap;

use ochredb::Value;

use crate::Word;
use crate::bits;

pub const SYNTAX: &str = "ERR syntax error";
pub const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

/// A reply, or an error line.
pub type Answer = Result<Value, Value>;

#[derive(Clone, Debug)]
struct Item {
    bytes: Word,
    form: Form,
    deadline_ms: Option<i64>,
}

/// How a string came about, from which its encoding follows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Given,
    /// The result of INCRBYFLOAT.
    Float,
    Written,
}

pub struct Model {
    pub now_ms: i64,
    keys: BTreeMap<Word, Item>,
}

pub fn error(line: &str) -> Value {
    Value::Error(line.into())
}

pub fn int(value: impl TryInto<i64>) -> Answer {
    Ok(Value::Int(value.try_into().ok().expect("a small number")))
}

fn ok() -> Answer {
    Ok(Value::Simple("OK".into()))
}

fn bulk(bytes: Option<&Word>) -> Value {
    bytes.map_or(Value::Null, |bytes| Value::Bulk(bytes.clone()))
}

/// The integer of which this is the one spelling.
pub fn integer(text: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}

fn number(text: &[u8]) -> Result<i64, Value> {
    integer(text).ok_or_else(|| error(NOT_AN_INTEGER))
}

impl Model {
    pub fn new(now_ms: i64) -> Model {
        Model {
            now_ms,
            keys: BTreeMap::new(),
        }
    }

    /// The living keys: what OBJECT ENCODING, GET and PEXPIRETIME say of each.
    pub fn content(&self) -> BTreeMap<Word, (String, Word, i64)> {
        let alive = self.keys.iter().filter(|(_, item)| self.lives(item));
        let facts = |item: &Item| {
            let deadline = item.deadline_ms.unwrap_or(-1);
            (item.encoding().into(), item.bytes.clone(), deadline)
        };
        alive
            .map(|(key, item)| (key.clone(), facts(item)))
            .collect()
    }

    pub fn answer(&mut self, argv: &[Word]) -> Value {
        self.run(argv).unwrap_or_else(|error| error)
    }

    fn run(&mut self, argv: &[Word]) -> Answer {
        let name = String::from_utf8_lossy(&argv[0]).to_uppercase();
        let args = &argv[1..];
        let key = &args[0];
        match name.as_str() {
            "GET" => Ok(bulk(self.get(key))),
            "STRLEN" => int(self.bytes(key).len()),
            "MGET" => Ok(Value::Array(
                args.iter().map(|key| bulk(self.get(key))).collect(),
            )),
            "DEL" => int(args.iter().filter(|key| self.delete(key)).count()),
            "COPY" => self.copy(key, &args[1]),
            "GETDEL" => {
                let old = bulk(self.get(key));
                self.delete(key);
                Ok(old)
            }
            "GETSET" => {
                let old = bulk(self.get(key));
                self.give(key, &args[1], None);
                Ok(old)
            }
            "GETEX" => self.getex(key, &args[1..]),
            "SET" => self.set(key, &args[1], &args[2..]),
            "SETEX" => self.set_expiring(args, "EX", "setex"),
            "PSETEX" => self.set_expiring(args, "PX", "psetex"),
            "SETNX" => self.set_all_missing(args),
            "MSETNX" => self.set_all_missing(args),
            "MSET" => {
                args.chunks(2)
                    .for_each(|pair| self.give(&pair[0], &pair[1], None));
                ok()
            }
            "MSETEX" => self.msetex(args),
            "DELIFEQ" => {
                let equal = self.get(key) == Some(&args[1]);
                int(i64::from(equal && self.delete(key)))
            }
            "INCR" => self.add(key, 1),
            "DECR" => self.add(key, -1),
            "INCRBY" => {
                let by = number(&args[1])?;
                self.add(key, by)
            }
            "DECRBY" => {
                let by = number(&args[1])?;
                let by = by.checked_neg();
                let by = by.ok_or_else(|| error("ERR decrement would overflow"))?;
                self.add(key, by)
            }
            "INCRBYFLOAT" => self.add_float(key, &args[1]),
            "APPEND" => self.append(key, &args[1]),
            "SETRANGE" => self.setrange(key, &args[1], &args[2]),
            "GETRANGE" | "SUBSTR" => {
                let (start, end) = (number(&args[1])?, number(&args[2])?);
                let bytes = self.bytes(key);
                let range = bits::range(start, end, bytes.len());
                Ok(Value::Bulk(bytes[range].to_vec()))
            }
            "LCS" => lcs(&self.bytes(key), &self.bytes(&args[1]), &args[2..]),
            "SETBIT" => self.setbit(key, &args[1], &args[2]),
            "GETBIT" => {
                let at = bits::offset(&args[1], 1)?;
                let bits = bits::bits_of(&self.bytes(key));
                int(i64::from(bits.get(at).copied().unwrap_or(false)))
            }
            "BITCOUNT" => bits::count(self.get(key), &args[1..]),
            "BITPOS" => bits::position(self.get(key), &args[1..]),
            "BITOP" => self.bitop(args),
            "BITFIELD" => self.bitfield(key, &args[1..]),
            "BITFIELD_RO" => {
                let operations = bits::operations(&args[1..])?;
                if operations.iter().any(bits::Operation::writes) {
                    return Err(error("ERR BITFIELD_RO only supports the GET subcommand"));
                }
                self.bitfield(key, &args[1..])
            }
            _ => panic!("the model does not know {name}"),
        }
    }

    // ---- keys ------------------------------------------------------------

    fn lives(&self, item: &Item) -> bool {
        item.deadline_ms
            .is_none_or(|deadline| self.now_ms <= deadline)
    }

    fn item(&self, key: &[u8]) -> Option<&Item> {
        self.keys.get(key).filter(|item| self.lives(item))
    }

    fn get(&self, key: &[u8]) -> Option<&Word> {
        self.item(key).map(|item| &item.bytes)
    }

    fn bytes(&self, key: &[u8]) -> Word {
        self.get(key).cloned().unwrap_or_default()
    }

    fn deadline(&self, key: &[u8]) -> Option<i64> {
        self.item(key).and_then(|item| item.deadline_ms)
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        let alive = self.get(key).is_some();
        self.keys.remove(key);
        alive
    }

    fn put(&mut self, key: &[u8], bytes: Word, form: Form, deadline_ms: Option<i64>) {
        let item = Item {
            bytes,
            form,
            deadline_ms,
        };
        self.keys.insert(key.to_vec(), item);
    }

    /// Set what a client gave, until a moment that the client gave: if it is past,
    /// even if only just, the key goes at once.
    fn give_until(&mut self, key: &[u8], value: &[u8], moment_ms: i64) {
        self.give(key, value, Some(moment_ms));
        if moment_ms <= self.now_ms {
            self.keys.remove(key);
        }
    }

    /// Set what a client gave.
    fn give(&mut self, key: &[u8], value: &[u8], deadline_ms: Option<i64>) {
        self.put(key, value.to_vec(), Form::Given, deadline_ms);
    }

    /// Set what came of writing into it.
    fn write(&mut self, key: &[u8], bytes: Word) {
        self.put(key, bytes, Form::Written, self.deadline(key));
    }

    fn copy(&mut self, from: &[u8], to: &[u8]) -> Answer {
        if from == to {
            return Err(error("ERR source and destination objects are the same"));
        }
        let Some(item) = self.item(from).cloned() else {
            return int(0);
        };
        self.keys.insert(to.to_vec(), item);
        int(1)
    }

    // ---- whole strings ---------------------------------------------------

    /// The deadline that an option means, in milliseconds since 1970.
    fn moment(&self, unit: &str, time: &[u8], command: &str) -> Result<i64, Value> {
        let time = i128::from(number(time)?);
        let ms = if unit.starts_with("EX") {
            time * 1000
        } else {
            time
        };
        let from = if unit.ends_with("AT") { 0 } else { self.now_ms };
        i64::try_from(ms + i128::from(from))
            .ok()
            .filter(|_| time > 0 && ms <= i128::from(i64::MAX))
            .ok_or_else(|| error(&format!("ERR invalid expire time in '{command}' command")))
    }

    fn getex(&mut self, key: &[u8], options: &[Word]) -> Answer {
        let options = Options::read(options, &["PERSIST"])?;
        let Some(item) = self.item(key).cloned() else {
            return Ok(Value::Null);
        };
        match &options.time {
            Some((unit, time)) => {
                let moment_ms = self.moment(unit, time, "getex")?;
                self.put(key, item.bytes.clone(), item.form, Some(moment_ms));
                if moment_ms <= self.now_ms {
                    self.delete(key);
                }
            }
            None if options.has("PERSIST") => self.put(key, item.bytes.clone(), item.form, None),
            None => {}
        }
        Ok(Value::Bulk(item.bytes))
    }

    fn set(&mut self, key: &[u8], value: &[u8], options: &[Word]) -> Answer {
        let options = Options::read(options, &["NX", "XX", "GET", "KEEPTTL", "IFEQ"])?;
        let moment_ms = match &options.time {
            Some((unit, time)) => Some(self.moment(unit, time, "set")?),
            None => None,
        };
        let old = self.get(key).cloned();
        let holds = match &options.wanted {
            Some(wanted) => old.as_ref() == Some(wanted),
            None => !(options.has("NX") && old.is_some() || options.has("XX") && old.is_none()),
        };
        if holds {
            self.give_as(key, value, moment_ms, &options);
        }
        match options.has("GET") {
            true => Ok(bulk(old.as_ref())),
            false if holds => ok(),
            false => Ok(Value::Null),
        }
    }

    /// Set what a client gave, with the expiration that it asked for.
    fn give_as(&mut self, key: &[u8], value: &[u8], moment_ms: Option<i64>, options: &Options) {
        match moment_ms {
            Some(moment_ms) => self.give_until(key, value, moment_ms),
            None if options.has("KEEPTTL") => self.give(key, value, self.deadline(key)),
            None => self.give(key, value, None),
        }
    }

    fn set_expiring(&mut self, args: &[Word], unit: &str, command: &str) -> Answer {
        let moment_ms = self.moment(unit, &args[1], command)?;
        self.give_until(&args[0], &args[2], moment_ms);
        ok()
    }

    fn set_all_missing(&mut self, pairs: &[Word]) -> Answer {
        let missing = pairs.chunks(2).all(|pair| self.get(&pair[0]).is_none());
        if missing {
            pairs
                .chunks(2)
                .for_each(|pair| self.give(&pair[0], &pair[1], None));
        }
        int(i64::from(missing))
    }

    fn msetex(&mut self, args: &[Word]) -> Answer {
        let count = integer(&args[0])
            .filter(|count| (1..1 << 31).contains(count))
            .ok_or_else(|| error("ERR invalid numkeys value or out of range"))?;
        let count = count as usize;
        if args.len() < 1 + 2 * count {
            return Err(error(SYNTAX));
        }
        let (pairs, options) = args[1..].split_at(2 * count);
        let options = Options::read(options, &["NX", "XX", "KEEPTTL"])?;
        let moment_ms = match &options.time {
            Some((unit, time)) => Some(self.moment(unit, time, "msetex")?),
            None => None,
        };
        let there = |pair: &[Word]| self.get(&pair[0]).is_some();
        let refused = options.has("NX") && pairs.chunks(2).any(there)
            || options.has("XX") && !pairs.chunks(2).all(there);
        if refused {
            return int(0);
        }
        for pair in pairs.chunks(2) {
            self.give_as(&pair[0], &pair[1], moment_ms, &options);
        }
        int(1)
    }

    // ---- numbers ---------------------------------------------------------

    fn add(&mut self, key: &[u8], by: i64) -> Answer {
        let old = self.get(key).map_or(Some(0), |bytes| integer(bytes));
        let old = old.ok_or_else(|| error(NOT_AN_INTEGER))?;
        let new = old
            .checked_add(by)
            .ok_or_else(|| error("ERR increment or decrement would overflow"))?;
        self.give(key, new.to_string().as_bytes(), self.deadline(key));
        int(new)
    }

    /// Only asked for small multiples of a quarter, where 64 bits are exact.
    fn add_float(&mut self, key: &[u8], by: &[u8]) -> Answer {
        let float = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
        let old = self.get(key).map_or(Some(0.0), |bytes| float(bytes));
        let (Some(old), Some(by)) = (old, float(by)) else {
            return Err(error("ERR value is not a valid float"));
        };
        let sum: f64 = old + by + 0.0;
        let text = sum.to_string().into_bytes();
        self.put(key, text.clone(), Form::Float, self.deadline(key));
        Ok(Value::Bulk(text))
    }

    // ---- parts of strings ------------------------------------------------

    fn append(&mut self, key: &[u8], tail: &[u8]) -> Answer {
        match self.get(key).cloned() {
            None => self.give(key, tail, None),
            Some(bytes) => self.write(key, [&bytes, tail].concat()),
        }
        int(self.bytes(key).len())
    }

    fn setrange(&mut self, key: &[u8], offset: &[u8], patch: &[u8]) -> Answer {
        let offset = number(offset)?;
        if offset < 0 {
            return Err(error("ERR offset is out of range"));
        }
        let mut bytes = self.bytes(key);
        if patch.is_empty() {
            return int(bytes.len());
        }
        if i128::from(offset) + patch.len() as i128 > 512 << 20 {
            let line = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
            return Err(error(line));
        }
        let offset = offset as usize;
        let end = offset + patch.len();
        bytes.resize(bytes.len().max(end), 0);
        bytes[offset..end].copy_from_slice(patch);
        let len = bytes.len();
        self.write(key, bytes);
        int(len)
    }

    // ---- bits ------------------------------------------------------------

    fn setbit(&mut self, key: &[u8], at: &[u8], bit: &[u8]) -> Answer {
        let at = bits::offset(at, 1)?;
        let on = match integer(bit) {
            Some(bit @ 0..=1) => bit == 1,
            _ => return Err(error("ERR bit is not an integer or out of range")),
        };
        let mut bytes = self.bytes(key);
        bytes.resize(bytes.len().max(at / 8 + 1), 0);
        let mut bits = bits::bits_of(&bytes);
        let was = std::mem::replace(&mut bits[at], on);
        self.write(key, bits::bytes_of(&bits));
        int(i64::from(was))
    }

    fn bitop(&mut self, args: &[Word]) -> Answer {
        let op = String::from_utf8_lossy(&args[0]).to_uppercase();
        let (target, sources) = (&args[1], &args[2..]);
        if op == "NOT" && sources.len() != 1 {
            let line = "ERR BITOP NOT must be called with a single source key.";
            return Err(error(line));
        }
        if ["DIFF", "DIFF1", "ANDOR"].contains(&op.as_str()) && sources.len() < 2 {
            let line = format!("ERR BITOP {op} must be called with at least two source keys.");
            return Err(error(&line));
        }
        let sources: Vec<Word> = sources.iter().map(|key| self.bytes(key)).collect();
        let result = bits::combine(&op, &sources);
        let len = result.len();
        self.delete(target);
        if len > 0 {
            self.put(target, result, Form::Written, None);
        }
        int(len)
    }

    fn bitfield(&mut self, key: &[u8], args: &[Word]) -> Answer {
        let operations = bits::operations(args)?;
        let writers = operations.iter().filter(|operation| operation.writes());
        let end = writers.map(bits::Operation::end_bytes).max();
        let mut bytes = self.bytes(key);
        bytes.resize(bytes.len().max(end.unwrap_or(0)), 0);
        let mut bits = bits::bits_of(&bytes);
        let replies = operations.iter().map(|operation| operation.run(&mut bits));
        let replies = Value::Array(replies.collect());
        if end.is_some() {
            self.write(key, bits::bytes_of(&bits));
        }
        Ok(replies)
    }
}

impl Item {
    fn encoding(&self) -> &'static str {
        match self.form {
            Form::Given if integer(&self.bytes).is_some() => "int",
            Form::Given | Form::Float if self.bytes.len() <= 44 => "embstr",
            _ => "raw",
        }
    }
}

/// The options of SET and its relatives.
#[derive(Default)]
struct Options {
    words: Vec<String>,
    /// The unit and the time.
    time: Option<(String, Word)>,
    /// What IFEQ asks for.
    wanted: Option<Word>,
}

impl Options {
    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|given| given == word)
    }

    fn read(mut rest: &[Word], known: &[&str]) -> Result<Options, Value> {
        let mut options = Options::default();
        while let Some((word, after)) = rest.split_first() {
            rest = after;
            let word = String::from_utf8_lossy(word).to_uppercase();
            let is_time = ["EX", "PX", "EXAT", "PXAT"].contains(&word.as_str());
            if is_time || word == "IFEQ" {
                let Some((value, after)) = rest.split_first() else {
                    return Err(error(SYNTAX));
                };
                rest = after;
                match is_time {
                    true if options.time.as_ref().is_some_and(|(unit, _)| *unit != word) => {
                        return Err(error(SYNTAX));
                    }
                    true => options.time = Some((word.clone(), value.clone())),
                    false => options.wanted = Some(value.clone()),
                }
            }
            if !is_time && !known.contains(&word.as_str()) {
                return Err(error(SYNTAX));
            }
            options.words.push(word);
        }
        let count = |words: &[&str]| words.iter().filter(|word| options.has(word)).count();
        let times = count(&["KEEPTTL", "PERSIST"]) + usize::from(options.time.is_some());
        if times > 1 || count(&["NX", "XX", "IFEQ"]) > 1 {
            return Err(error(SYNTAX));
        }
        Ok(options)
    }
}

/// The textbook's table, and its walk back.
fn lcs(a: &[u8], b: &[u8], options: &[Word]) -> Answer {
    let mut words = Vec::new();
    let mut min_len = 0;
    let mut rest = options;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        let word = String::from_utf8_lossy(word).to_uppercase();
        if word == "MINMATCHLEN" && !rest.is_empty() {
            min_len = number(&rest[0])?;
            rest = &rest[1..];
        } else if !["LEN", "IDX", "WITHMATCHLEN"].contains(&word.as_str()) {
            return Err(error(SYNTAX));
        }
        words.push(word);
    }
    let has = |word: &str| words.iter().any(|given| given == word);
    if has("LEN") && has("IDX") {
        let line = "ERR If you want both the length and indexes, please just use IDX.";
        return Err(error(line));
    }
    let mut table = vec![vec![0i64; b.len() + 1]; a.len() + 1];
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            table[i][j] = match a[i - 1] == b[j - 1] {
                true => table[i - 1][j - 1] + 1,
                false => table[i - 1][j].max(table[i][j - 1]),
            };
        }
    }
    let len = table[a.len()][b.len()];
    let (mut i, mut j) = (a.len(), b.len());
    // Start and length of each stretch, last first.
    let mut stretches: Vec<(usize, usize, i64)> = Vec::new();
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            match stretches.last_mut() {
                Some(last) if (last.0, last.1) == (i, j) => *last = (i - 1, j - 1, last.2 + 1),
                _ => stretches.push((i - 1, j - 1, 1)),
            }
            (i, j) = (i - 1, j - 1);
        } else if table[i - 1][j] > table[i][j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    if has("LEN") {
        return int(len);
    }
    if !has("IDX") {
        let stretch = |&(i, _, len): &(usize, usize, i64)| &a[i..i + len as usize];
        let common: Vec<&[u8]> = stretches.iter().rev().map(stretch).collect();
        return Ok(Value::Bulk(common.concat()));
    }
    let ends = |start: usize, len: i64| {
        let start = start as i64;
        Value::Array(vec![Value::Int(start), Value::Int(start + len - 1)])
    };
    let matches = stretches.iter().filter(|(_, _, len)| *len >= min_len);
    let matches = matches.map(|&(i, j, len)| {
        let mut parts = vec![ends(i, len), ends(j, len)];
        if has("WITHMATCHLEN") {
            parts.push(Value::Int(len));
        }
        Value::Array(parts)
    });
    let name = |name: &str| Value::Bulk(name.into());
    Ok(Value::Map(vec![
        (name("matches"), Value::Array(matches.collect())),
        (name("len"), Value::Int(len)),
    ]))
}
