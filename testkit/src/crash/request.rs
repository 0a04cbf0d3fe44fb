//! A change in a client's words.

use super::state::{Change, Expiry, Key};
use super::workload::{Argv, name};

/// A change as a request of a client.
pub fn words(client: u8, change: &Change) -> Argv {
    let key = |key: &Key| name(client, *key);
    let text = |word: &str| word.as_bytes().to_vec();
    let number = |number: i64| number.to_string().into_bytes();
    match change {
        Change::Set(at, bytes, expiry) => {
            let mut argv = vec![text("SET"), key(at), bytes.clone()];
            match expiry {
                Expiry::Never => {}
                Expiry::Keep => argv.push(text("KEEPTTL")),
                Expiry::In(ms) => argv.extend([text("PX"), number(*ms)]),
                Expiry::At(ms) => argv.extend([text("PXAT"), number(*ms)]),
            }
            argv
        }
        Change::SetIfNew(at, bytes) => vec![text("SETNX"), key(at), bytes.clone()],
        Change::GetSet(at, bytes) => vec![text("GETSET"), key(at), bytes.clone()],
        Change::Append(at, bytes) => vec![text("APPEND"), key(at), bytes.clone()],
        Change::IncrBy(at, by) => vec![text("INCRBY"), key(at), number(*by)],
        Change::SetRange(at, from, bytes) => {
            vec![
                text("SETRANGE"),
                key(at),
                number(*from as i64),
                bytes.clone(),
            ]
        }
        Change::SetBit(at, bit, value) => vec![
            text("SETBIT"),
            key(at),
            number(*bit as i64),
            number(i64::from(*value)),
        ],
        Change::Delete(keys, unlinks) => {
            let first = text(if *unlinks { "UNLINK" } else { "DEL" });
            std::iter::once(first).chain(keys.iter().map(key)).collect()
        }
        Change::ExpireAt(at, ms) => vec![text("PEXPIREAT"), key(at), number(*ms)],
        Change::ExpireIn(at, secs) => vec![text("EXPIRE"), key(at), number(*secs)],
        Change::Persist(at) => vec![text("PERSIST"), key(at)],
        Change::GetDel(at) => vec![text("GETDEL"), key(at)],
        Change::Rename(from, to) => vec![text("RENAME"), key(from), key(to)],
        Change::Copy(from, to) => vec![
            text("COPY"),
            key(from),
            key(to),
            text("DB"),
            number(to.database.into()),
            text("REPLACE"),
        ],
        Change::Move(at, database) => vec![text("MOVE"), key(at), number((*database).into())],
        Change::SetMany(pairs) => {
            let pairs = pairs
                .iter()
                .flat_map(|(at, bytes)| [key(at), bytes.clone()]);
            std::iter::once(text("MSET")).chain(pairs).collect()
        }
        Change::Flush(_) => vec![text("FLUSHDB")],
        Change::Swap(one, other) => {
            vec![
                text("SWAPDB"),
                number((*one).into()),
                number((*other).into()),
            ]
        }
        Change::OfSet(at, change) => {
            let name_of = |number| name(client, Key { number, ..*at });
            change.words(name_of, *at)
        }
        Change::OfZSet(at, change) => {
            let name_of = |number| name(client, Key { number, ..*at });
            change.words(key(at), name_of)
        }
        Change::OfHash(at, change) => change.words(key(at)),
        Change::OfList(at, change) => {
            let name_of = |number| name(client, Key { number, ..*at });
            change.words(key(at), name_of)
        }
        Change::OfStream(_, name, change) => change.words(name.clone()),
        Change::Look(at) => vec![text("PEXPIRETIME"), key(at)],
    }
}

impl Change {
    /// The database that has to be selected, if it matters.
    pub fn database(&self) -> Option<u8> {
        match self {
            Change::Swap(..) => None,
            Change::Flush(database) => Some(*database),
            Change::Delete(keys, _) => keys.first().map(|key| key.database),
            Change::SetMany(pairs) => pairs.first().map(|(key, _)| key.database),
            Change::Set(key, ..)
            | Change::SetIfNew(key, _)
            | Change::GetSet(key, _)
            | Change::Append(key, _)
            | Change::IncrBy(key, _)
            | Change::SetRange(key, ..)
            | Change::SetBit(key, ..)
            | Change::ExpireAt(key, _)
            | Change::ExpireIn(key, _)
            | Change::Persist(key)
            | Change::GetDel(key)
            | Change::Rename(key, _)
            | Change::Copy(key, _)
            | Change::Move(key, _)
            | Change::OfSet(key, _)
            | Change::OfZSet(key, _)
            | Change::OfHash(key, _)
            | Change::OfList(key, _)
            | Change::OfStream(key, ..)
            | Change::Look(key) => Some(key.database),
        }
    }
}
