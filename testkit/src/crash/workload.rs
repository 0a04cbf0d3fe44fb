//! What a client does next: units by chance, the same for the same seed.
//!
//! Every value says which write it is of, so that no two states are alike. Numbers of keys tell
//! what they are for: counters, strings, each of the collections, and short-lived ones that
//! nothing but SET ever touches, because nobody foretells what a command finds of them.

use super::content::{Content, texts};
use super::hashes::{HASHES, HashChange};
use super::history::Shown;
use super::lists::{Elements, LISTS, ListChange};
use super::request::words;
use super::sets::{POOLS, SETS, SetChange};
use super::state::{Change, Expiry, Key, Span, State};
use super::streams::{STREAMS, Stream, StreamChange};
use super::zsets::{ZSETS, ZSetChange};
use crate::linear::dice::Dice;
use crate::reply::Reply;

pub type Argv = Vec<Vec<u8>>;

/// One client's chance and its place in the databases.
pub struct Workload {
    client: u8,
    dice: Dice,
    /// The state after everything that was drawn.
    state: State,
    /// The database that is selected.
    selected: u8,
    written: u64,
    /// Are there keys that expire soon?
    expires: bool,
}

/// A unit, its requests, and the replies that are due.
pub struct Draw {
    pub changes: Vec<Change>,
    pub requests: Vec<Argv>,
    pub due: Vec<Due>,
}

/// The reply that is due to a request.
#[derive(Clone, Debug)]
pub enum Due {
    Exactly(Reply),
    /// Any number: of a look.
    Number,
    /// So many members, whichever.
    Popped(usize),
    /// Of EXEC.
    All(Vec<Due>),
}

const COUNTERS: std::ops::Range<u16> = 0..4;
const STRINGS: std::ops::Range<u16> = 4..16;
const SHORT_LIVED: std::ops::Range<u16> = 100..104;
const FAR_MS: i64 = 10_000_000_000;

/// The two databases of which a client is the only user.
pub fn own_databases(client: u8) -> [u8; 2] {
    [1 + 2 * client, 2 + 2 * client]
}

/// A key's name.
pub fn name(client: u8, key: Key) -> Vec<u8> {
    format!("c{client}:{}", key.number).into_bytes()
}

/// Whose key is it, and which?
pub fn parse_name(name: &[u8], database: u8) -> Option<(u8, Key)> {
    let (client, number) = std::str::from_utf8(name)
        .ok()?
        .strip_prefix('c')?
        .split_once(':')?;
    let number = number.parse().ok()?;
    Some((client.parse().ok()?, Key { database, number }))
}

impl Workload {
    pub fn new(client: u8, dice: Dice, state: State) -> Workload {
        Workload {
            client,
            dice,
            state,
            selected: 0,
            written: 0,
            expires: true,
        }
    }

    /// Without keys that expire soon: what was written tells then which units there were, however
    /// late it is read.
    pub fn lasting(self) -> Workload {
        Workload {
            expires: false,
            ..self
        }
    }

    pub fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// The next unit, at the present time.
    pub fn draw(&mut self, now_ms: i64) -> Draw {
        let mut draw = Draw {
            changes: Vec::new(),
            requests: Vec::new(),
            due: Vec::new(),
        };
        match self.dice.below(24) {
            0..4 => self.draw_transaction(&mut draw, now_ms),
            4 => self.draw_discarded(&mut draw),
            _ => {
                let change = self.change(now_ms);
                self.select(&mut draw, &change);
                let due = self.apply(&change, now_ms);
                draw.requests.push(words(self.client, &change));
                draw.due.push(due);
                draw.changes.push(change);
            }
        }
        draw
    }

    fn draw_transaction(&mut self, draw: &mut Draw, now_ms: i64) {
        draw.ask(&[b"MULTI"], ok());
        let mut replies = Vec::new();
        for _ in 0..2 + self.dice.below(6) {
            let change = self.change(now_ms);
            let before = draw.requests.len();
            self.select(draw, &change);
            if draw.requests.len() > before {
                draw.due.pop();
                draw.due.push(queued());
                replies.push(ok());
            }
            replies.push(self.apply(&change, now_ms));
            draw.requests.push(words(self.client, &change));
            draw.due.push(queued());
            draw.changes.push(change);
        }
        draw.ask(&[b"EXEC"], Due::All(replies));
    }

    fn draw_discarded(&mut self, draw: &mut Draw) {
        draw.ask(&[b"MULTI"], ok());
        let name = name(
            self.client,
            Key {
                database: 0,
                number: STRINGS.start,
            },
        );
        draw.ask(&[b"SET", &name, b"discarded"], queued());
        draw.ask(&[b"DISCARD"], ok());
    }

    fn apply(&mut self, change: &Change, now_ms: i64) -> Due {
        let hour = Span {
            least_ms: now_ms - 1_000,
            most_ms: now_ms + 3_600_000,
        };
        if let Change::OfSet(key, change) = change {
            return change
                .apply(&mut self.state, *key)
                .map_or_else(Due::Popped, Due::Exactly);
        }
        self.state
            .apply(change, hour)
            .map_or(Due::Number, Due::Exactly)
    }

    /// SELECT, if another database is meant than the last time.
    fn select(&mut self, draw: &mut Draw, change: &Change) {
        let Some(database) = change.database() else {
            return;
        };
        if database != self.selected {
            self.selected = database;
            draw.ask(&[b"SELECT", database.to_string().as_bytes()], ok());
        }
    }

    fn change(&mut self, now_ms: i64) -> Change {
        let database = self.database();
        let string = self.key(database, STRINGS);
        // What is done to keys whatever they hold.
        let kinds = [STRINGS, STRINGS, SETS, ZSETS, HASHES, LISTS, STREAMS];
        let range = kinds[self.dice.below(kinds.len())].clone();
        let any = self.key(database, range);
        match self.dice.below(102) {
            64..70 => {
                let set = self.key(database, SETS.start..POOLS.end);
                self.change_set(set, now_ms)
            }
            70..74 => {
                let pool = self.key(database, POOLS);
                self.change_set(pool, now_ms)
            }
            74..80 => {
                let value = self.bytes();
                let hash = self.key(database, HASHES);
                Change::OfHash(hash, HashChange::draw(&mut self.dice, value))
            }
            80..86 => {
                let zset = self.key(database, ZSETS);
                Change::OfZSet(zset, ZSetChange::draw(&mut self.dice))
            }
            86..94 => {
                let list = self.key(database, LISTS);
                self.change_list(list)
            }
            94..102 => {
                let stream = self.key(database, STREAMS);
                self.change_stream(stream, now_ms)
            }
            0..10 => Change::Set(string, self.bytes(), self.expiry(now_ms)),
            10..16 => self.append(string),
            16..24 => Change::IncrBy(
                self.key(database, COUNTERS),
                1 + self.dice.below(900) as i64,
            ),
            24..29 => Change::SetRange(string, self.dice.below(300), self.bytes()),
            29..33 => Change::SetBit(string, self.dice.below(4_000), self.dice.once_in(2)),
            33..35 => Change::Delete(self.keys(database), self.dice.once_in(2)),
            35..38 => Change::ExpireAt(any, now_ms + FAR_MS + self.dice.below(100_000) as i64),
            38..40 => Change::ExpireIn(any, 100_000 + self.dice.below(100_000) as i64),
            40..42 => Change::Persist(any),
            42..44 => Change::GetDel(string),
            44..47 => self.rename(database, any),
            47..50 => {
                let elsewhere = self.database();
                let to = self.key(elsewhere, range_of(any));
                self.copy(any, to)
            }
            50 => {
                let elsewhere = own_databases(self.client)[0];
                Change::Move(any, if database == 0 { elsewhere } else { 0 })
            }
            51..54 => Change::SetMany(self.pairs(database)),
            54 => Change::Flush(own_databases(self.client)[self.dice.below(2)]),
            55 => {
                let [one, other] = own_databases(self.client);
                Change::Swap(one, other)
            }
            56 => Change::SetIfNew(string, self.bytes()),
            57 => Change::GetSet(string, self.bytes()),
            58..61 => Change::Look(any),
            _ if !self.expires => Change::Set(string, self.bytes(), Expiry::Never),
            _ => {
                let key = self.key(0, SHORT_LIVED);
                let deadline_ms = now_ms + 20 + self.dice.below(700) as i64;
                Change::Set(key, self.bytes(), Expiry::At(deadline_ms))
            }
        }
    }

    fn change_set(&mut self, key: Key, now_ms: i64) -> Change {
        let written = &mut self.written;
        let unique = || unique(written, now_ms);
        Change::OfSet(key, SetChange::draw(key, &mut self.dice, unique))
    }

    fn change_list(&mut self, key: Key) -> Change {
        let value = self.bytes();
        let none = Elements::new();
        let list = match self.state.0.get(&key).map(|value| &value.content) {
            Some(Content::List(list)) => list,
            _ => &none,
        };
        Change::OfList(key, ListChange::draw(&mut self.dice, list, value))
    }

    fn change_stream(&mut self, key: Key, now_ms: i64) -> Change {
        let value = self.bytes();
        let id = unique(&mut self.written, now_ms) as u64;
        let none = Stream::default();
        let stream = match self.state.0.get(&key).map(|value| &value.content) {
            Some(Content::Stream(stream)) => stream,
            _ => &none,
        };
        let change = StreamChange::draw(&mut self.dice, stream, id, value);
        Change::OfStream(key, name(self.client, key), change)
    }

    fn database(&mut self) -> u8 {
        match self.dice.below(4) {
            0 => own_databases(self.client)[0],
            1 => own_databases(self.client)[1],
            _ => 0,
        }
    }

    fn key(&mut self, database: u8, among: std::ops::Range<u16>) -> Key {
        let number = among.start + self.dice.below(among.len()) as u16;
        Key { database, number }
    }

    /// One to four different strings.
    fn keys(&mut self, database: u8) -> Vec<Key> {
        let numbers = self.dice.shuffled(STRINGS.len());
        let count = 1 + self.dice.below(4);
        let numbers = numbers.into_iter().take(count);
        numbers
            .map(|number| Key {
                database,
                number: STRINGS.start + number as u16,
            })
            .collect()
    }

    fn pairs(&mut self, database: u8) -> Vec<(Key, Vec<u8>)> {
        let keys = self.keys(database);
        keys.into_iter().map(|key| (key, self.bytes())).collect()
    }

    /// A string that does not grow for ever.
    fn append(&mut self, key: Key) -> Change {
        let bytes = self.bytes();
        match self.state.len_of(key) > 40_000 {
            true => Change::Set(key, bytes, Expiry::Keep),
            false => Change::Append(key, bytes),
        }
    }

    fn rename(&mut self, database: u8, from: Key) -> Change {
        let to = self.key(database, range_of(from));
        match self.state.holds(from) && from != to {
            true => Change::Rename(from, to),
            false => Change::Set(self.key(database, STRINGS), self.bytes(), Expiry::Never),
        }
    }

    fn copy(&mut self, from: Key, to: Key) -> Change {
        match from != to {
            true => Change::Copy(from, to),
            false => Change::Set(
                self.key(from.database, STRINGS),
                self.bytes(),
                Expiry::Never,
            ),
        }
    }

    fn expiry(&mut self, now_ms: i64) -> Expiry {
        match self.dice.below(8) {
            0 => Expiry::In(FAR_MS + self.dice.below(100_000) as i64),
            1 => Expiry::At(now_ms + FAR_MS + self.dice.below(100_000) as i64),
            2 => Expiry::Keep,
            _ => Expiry::Never,
        }
    }

    /// A value that no other write has: short mostly, long now and then.
    fn bytes(&mut self) -> Vec<u8> {
        self.written += 1;
        let mut bytes = format!("w{}.", self.written).into_bytes();
        let len = match self.dice.below(60) {
            0 => 20_000,
            1..4 => 2_000,
            4..20 => 100,
            _ => 8,
        };
        let filler = b'a' + self.dice.below(26) as u8;
        bytes.resize(bytes.len() + self.dice.below(len), filler);
        bytes
    }
}

impl Draw {
    fn ask(&mut self, words: &[&[u8]], due: Due) {
        self.requests
            .push(words.iter().map(|word| word.to_vec()).collect());
        self.due.push(due);
    }
}

impl Due {
    /// Is it this reply? What it shows that is not foretold is put down.
    pub fn is(&self, reply: &Reply, shown: &mut Vec<Shown>) -> bool {
        match (self, reply) {
            (Due::Exactly(due), reply) => due == reply,
            (Due::Number, Reply::Integer(number)) => {
                shown.push(Shown::Ms(*number));
                true
            }
            (Due::Popped(count), Reply::Array(members)) => match texts(members.clone()) {
                Ok(members) if members.len() == *count => {
                    shown.push(Shown::Popped(members));
                    true
                }
                _ => false,
            },
            (Due::All(due), Reply::Array(replies)) => {
                due.len() == replies.len()
                    && due.iter().zip(replies).all(|(due, it)| due.is(it, shown))
            }
            _ => false,
        }
    }
}

/// A number that comes once, also among those of earlier rounds, and grows.
fn unique(written: &mut u64, now_ms: i64) -> i64 {
    *written += 1;
    now_ms * 100_000 + *written as i64
}

/// The keys that may hold what this one may.
fn range_of(key: Key) -> std::ops::Range<u16> {
    let ranges = [SETS, ZSETS, HASHES, LISTS, STREAMS];
    let of = ranges.into_iter().find(|range| range.contains(&key.number));
    of.unwrap_or(STRINGS)
}

fn ok() -> Due {
    Due::Exactly(Reply::Simple(b"OK".to_vec()))
}

fn queued() -> Due {
    Due::Exactly(Reply::Simple(b"QUEUED".to_vec()))
}
