//! The keyspace as plainly as it can be written: a map per database, searched
//! from end to end, and no key is ever removed just because it has expired.

use std::collections::{BTreeMap, BTreeSet};

use ochredb::Value;

use crate::Word;

pub const DATABASES: usize = 16;

/// What a reply must be.
#[derive(Debug)]
pub enum Expected {
    Exactly(Value),
    Error(&'static str),
    /// These, in any order.
    AllOf(BTreeSet<Word>),
    /// One of these, or null if there are none.
    OneOf(BTreeSet<Word>),
    Between(i64, i64),
}

#[derive(Clone, Debug)]
struct Item {
    value: Word,
    deadline_ms: Option<i64>,
}

/// Several databases, one session, and a count of the changes to each key.
pub struct Model {
    pub now_ms: i64,
    pub selected: usize,
    databases: Vec<BTreeMap<Word, Item>>,
    changes: BTreeMap<(usize, Word), u64>,
}

/// What a watching session remembers of a key.
pub struct Watched {
    database: usize,
    key: Word,
    changes: u64,
    was_alive: bool,
}

fn int(value: impl TryInto<i64>) -> Expected {
    Expected::Exactly(Value::Int(value.try_into().ok().expect("a small number")))
}

fn ok() -> Expected {
    Expected::Exactly(Value::Simple("OK".into()))
}

fn bulk(value: Option<&Word>) -> Expected {
    Expected::Exactly(value.map_or(Value::Null, |value| Value::Bulk(value.clone())))
}

fn number(word: &[u8]) -> i64 {
    let text = std::str::from_utf8(word).expect("a number is ASCII");
    text.parse().expect("the tests send numbers here")
}

impl Model {
    pub fn new(now_ms: i64) -> Model {
        Model {
            now_ms,
            selected: 0,
            databases: vec![BTreeMap::new(); DATABASES],
            changes: BTreeMap::new(),
        }
    }

    pub fn answer(&mut self, argv: &[Word]) -> Expected {
        let name = String::from_utf8_lossy(&argv[0]).into_owned();
        let args = &argv[1..];
        match name.as_str() {
            "SELECT" => {
                self.selected = number(&args[0]) as usize;
                ok()
            }
            "GET" => bulk(self.get(&args[0]).map(|item| &item.value)),
            "SET" => {
                self.put(self.selected, &args[0], args[1].clone(), None);
                ok()
            }
            "APPEND" => self.append(&args[0], &args[1]),
            "DEL" | "UNLINK" => int(args.iter().filter(|key| self.delete(key)).count()),
            "EXISTS" | "TOUCH" => int(args.iter().filter(|key| self.get(key).is_some()).count()),
            "TYPE" => {
                let name = self.get(&args[0]).map_or("none", |_| "string");
                Expected::Exactly(Value::Simple(name.into()))
            }
            "RENAME" | "RENAMENX" => self.rename(&args[0], &args[1], name == "RENAMENX"),
            "COPY" => self.copy(args),
            "MOVE" => self.move_key(&args[0], number(&args[1]) as usize),
            "EXPIRE" => self.expire(args, 1000, self.now_ms),
            "PEXPIRE" => self.expire(args, 1, self.now_ms),
            "EXPIREAT" => self.expire(args, 1000, 0),
            "PEXPIREAT" => self.expire(args, 1, 0),
            "TTL" => self.deadline(&args[0], 1000, self.now_ms),
            "PTTL" => self.deadline(&args[0], 1, self.now_ms),
            "EXPIRETIME" => self.deadline(&args[0], 1000, 0),
            "PEXPIRETIME" => self.deadline(&args[0], 1, 0),
            "PERSIST" => self.persist(&args[0]),
            "KEYS" => Expected::AllOf(self.alive(|key| fits(&args[0], key))),
            "RANDOMKEY" => Expected::OneOf(self.alive(|_| true)),
            "DBSIZE" => {
                let all = self.databases[self.selected].len();
                Expected::Between(self.alive(|_| true).len() as i64, all as i64)
            }
            "FLUSHDB" => self.flush(self.selected..=self.selected),
            "FLUSHALL" => self.flush(0..=DATABASES - 1),
            "SWAPDB" => self.swap(number(&args[0]) as usize, number(&args[1]) as usize),
            _ => panic!("the model does not know {name}"),
        }
    }

    pub fn watch(&self, database: usize, key: &Word) -> Watched {
        Watched {
            database,
            key: key.clone(),
            changes: self.changes(database, key),
            was_alive: self.get_in(database, key).is_some(),
        }
    }

    /// Must an EXEC now fail because of this key?
    pub fn is_broken(&self, watched: &Watched) -> bool {
        let is_alive = self.get_in(watched.database, &watched.key).is_some();
        watched.changes != self.changes(watched.database, &watched.key)
            || watched.was_alive && !is_alive
    }

    /// The living keys of the selected database that pass a test.
    pub fn alive(&self, passes: impl Fn(&[u8]) -> bool) -> BTreeSet<Word> {
        let keys = self.databases[self.selected].keys();
        let keys = keys.filter(|key| self.get(key).is_some() && passes(key));
        keys.cloned().collect()
    }

    fn get(&self, key: &[u8]) -> Option<&Item> {
        self.get_in(self.selected, key)
    }

    fn get_in(&self, database: usize, key: &[u8]) -> Option<&Item> {
        let item = self.databases[database].get(key)?;
        let dead = item.deadline_ms.is_some_and(|ms| self.now_ms > ms);
        (!dead).then_some(item)
    }

    fn changes(&self, database: usize, key: &[u8]) -> u64 {
        let at = (database, key.to_vec());
        self.changes.get(&at).copied().unwrap_or(0)
    }

    fn changed(&mut self, database: usize, key: &[u8]) {
        *self.changes.entry((database, key.to_vec())).or_default() += 1;
    }

    fn put(&mut self, database: usize, key: &[u8], value: Word, deadline_ms: Option<i64>) {
        self.databases[database].insert(key.to_vec(), Item { value, deadline_ms });
        self.changed(database, key);
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        let was_alive = self.get(key).is_some();
        if was_alive {
            self.databases[self.selected].remove(key);
            self.changed(self.selected, key);
        }
        was_alive
    }

    fn append(&mut self, key: &[u8], more: &[u8]) -> Expected {
        let old = self.get(key).cloned();
        let (mut value, deadline_ms) = match old {
            Some(item) => (item.value, item.deadline_ms),
            None => (Word::new(), None),
        };
        value.extend_from_slice(more);
        let len = value.len();
        self.put(self.selected, key, value, deadline_ms);
        int(len)
    }

    fn rename(&mut self, from: &[u8], to: &[u8], nx: bool) -> Expected {
        let Some(item) = self.get(from).cloned() else {
            return Expected::Error("ERR no such key");
        };
        let answer = |done| if nx { int(i64::from(done)) } else { ok() };
        if from == to {
            return answer(false);
        }
        if nx && self.get(to).is_some() {
            return answer(false);
        }
        self.delete(from);
        self.put(self.selected, to, item.value, item.deadline_ms);
        answer(true)
    }

    fn copy(&mut self, args: &[Word]) -> Expected {
        let has = |word: &[u8]| args[2..].iter().position(|arg| arg == word);
        let database = has(b"DB").map_or(self.selected, |at| number(&args[at + 3]) as usize);
        if database >= DATABASES {
            return Expected::Error("ERR DB index is out of range");
        }
        if database == self.selected && args[0] == args[1] {
            return Expected::Error("ERR source and destination objects are the same");
        }
        let Some(item) = self.get(&args[0]).cloned() else {
            return int(0);
        };
        if self.get_in(database, &args[1]).is_some() && has(b"REPLACE").is_none() {
            return int(0);
        }
        self.put(database, &args[1], item.value, item.deadline_ms);
        int(1)
    }

    fn move_key(&mut self, key: &[u8], database: usize) -> Expected {
        if database >= DATABASES {
            return Expected::Error("ERR DB index is out of range");
        }
        if database == self.selected {
            return Expected::Error("ERR source and destination objects are the same");
        }
        let Some(item) = self.get(key).cloned() else {
            return int(0);
        };
        if self.get_in(database, key).is_some() {
            return int(0);
        }
        self.delete(key);
        self.put(database, key, item.value, item.deadline_ms);
        int(1)
    }

    fn expire(&mut self, args: &[Word], unit_ms: i64, zero_ms: i64) -> Expected {
        let has = |word: &str| args[2..].iter().any(|arg| arg == word.as_bytes());
        let (nx, xx, gt, lt) = (has("NX"), has("XX"), has("GT"), has("LT"));
        if nx && (xx || gt || lt) {
            return Expected::Error(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            );
        }
        if gt && lt {
            return Expected::Error("ERR GT and LT options at the same time are not compatible");
        }
        let new_ms = number(&args[1]) * unit_ms + zero_ms;
        let Some(mut item) = self.get(&args[0]).cloned() else {
            return int(0);
        };
        let forever = i64::MAX;
        let old_ms = item.deadline_ms.unwrap_or(forever);
        let refused = nx && item.deadline_ms.is_some()
            || xx && item.deadline_ms.is_none()
            || gt && new_ms <= old_ms
            || lt && new_ms >= old_ms;
        if refused {
            return int(0);
        }
        if new_ms <= self.now_ms {
            self.delete(&args[0]);
        } else {
            item.deadline_ms = Some(new_ms);
            self.put(self.selected, &args[0], item.value, item.deadline_ms);
        }
        int(1)
    }

    fn deadline(&self, key: &[u8], unit_ms: i64, zero_ms: i64) -> Expected {
        int(match self.get(key).map(|item| item.deadline_ms) {
            None => -2,
            Some(None) => -1,
            Some(Some(ms)) if unit_ms == 1 => ms - zero_ms,
            Some(Some(ms)) => (ms - zero_ms + 500) / 1000,
        })
    }

    fn persist(&mut self, key: &[u8]) -> Expected {
        match self.get(key).cloned() {
            Some(item) if item.deadline_ms.is_some() => {
                self.put(self.selected, key, item.value, None);
                int(1)
            }
            _ => int(0),
        }
    }

    fn flush(&mut self, databases: std::ops::RangeInclusive<usize>) -> Expected {
        for database in databases {
            let keys: Vec<Word> = self.databases[database].keys().cloned().collect();
            for key in keys {
                if self.get_in(database, &key).is_some() {
                    self.changed(database, &key);
                }
            }
            self.databases[database].clear();
        }
        ok()
    }

    fn swap(&mut self, a: usize, b: usize) -> Expected {
        if a >= DATABASES || b >= DATABASES {
            return Expected::Error("ERR DB index is out of range");
        }
        if a != b {
            let keys = self.databases[a].keys().chain(self.databases[b].keys());
            let keys: BTreeSet<Word> = keys.cloned().collect();
            for key in keys {
                if self.get_in(a, &key).is_some() || self.get_in(b, &key).is_some() {
                    self.changed(a, &key);
                    self.changed(b, &key);
                }
            }
            self.databases.swap(a, b);
        }
        ok()
    }
}

/// The globs that the tests send: all, a beginning, or the name itself.
fn fits(glob: &[u8], key: &[u8]) -> bool {
    match glob {
        [beginning @ .., b'*'] => {
            key.starts_with(beginning) && (beginning.is_empty() || !key.is_empty())
        }
        _ => glob == key,
    }
}
