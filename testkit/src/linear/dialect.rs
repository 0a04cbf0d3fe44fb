//! How a command is spoken, and how what comes back is understood.

use super::model::{Answer, Command, Key};
use crate::reply::Reply;

/// One request, word by word.
pub type Argv = Vec<Vec<u8>>;

/// What the keys of a group are really called: a prefix before their letters. Where they
/// lie follows from a hash that nobody knows, so every group spreads anew.
#[derive(Clone, Debug)]
pub struct Names {
    prefix: String,
}

impl Names {
    pub fn new(prefix: impl Into<String>) -> Names {
        Names {
            prefix: prefix.into(),
        }
    }

    /// The requests that make up a command: one, or those from MULTI to EXEC.
    pub fn requests(&self, command: &Command) -> Vec<Argv> {
        match command {
            Command::Exec(queue) => self.transaction(queue, "EXEC"),
            Command::Discard(queue) => self.transaction(queue, "DISCARD"),
            _ => vec![self.request(command)],
        }
    }

    fn transaction(&self, queue: &[Command], end: &str) -> Vec<Argv> {
        let queued = queue.iter().map(|command| self.request(command));
        let mut requests = vec![Words::new("MULTI").argv];
        requests.extend(queued);
        requests.push(Words::new(end).argv);
        requests
    }

    fn request(&self, command: &Command) -> Argv {
        let say = |name| Words::of(self, name);
        let words = match command {
            Command::Get(key) => say("GET").key(*key),
            Command::Set(key, value) => say("SET").key(*key).number(*value),
            Command::SetNx(key, value) => say("SETNX").key(*key).number(*value),
            Command::GetSet(key, value) => say("GETSET").key(*key).number(*value),
            Command::GetDel(key) => say("GETDEL").key(*key),
            Command::IncrBy(key, by) => say("INCRBY").key(*key).number(*by),
            Command::MGet(keys) => say("MGET").keys(keys),
            Command::MSet(pairs) => say("MSET").pairs(pairs),
            Command::MSetNx(pairs) => say("MSETNX").pairs(pairs),
            Command::Del(keys) => say("DEL").keys(keys),
            Command::Exists(keys) => say("EXISTS").keys(keys),
            Command::Rename(from, to) => say("RENAME").key(*from).key(*to),
            Command::RenameNx(from, to) => say("RENAMENX").key(*from).key(*to),
            Command::Copy {
                from,
                to,
                database,
                replace,
            } => {
                let mut words = say("COPY").key(*from).key(*to);
                if let Some(database) = database {
                    words = words.word("DB").number(i64::from(*database));
                }
                if *replace {
                    words.word("REPLACE")
                } else {
                    words
                }
            }
            Command::Move(key, there) => say("MOVE").key(*key).number(i64::from(*there)),
            Command::Select(database) => say("SELECT").number(i64::from(*database)),
            Command::FlushDb => say("FLUSHDB"),
            Command::FlushAll => say("FLUSHALL"),
            Command::SwapDb => say("SWAPDB").number(0).number(1),
            Command::Watch(keys) => say("WATCH").keys(keys),
            Command::Unwatch => say("UNWATCH"),
            Command::Exec(_) | Command::Discard(_) => unreachable!("transactions do not nest"),
        };
        words.argv
    }
}

struct Words<'n> {
    prefix: &'n str,
    argv: Argv,
}

impl<'n> Words<'n> {
    fn new(name: &str) -> Words<'static> {
        Words {
            prefix: "",
            argv: vec![name.into()],
        }
    }

    fn of(names: &'n Names, name: &str) -> Words<'n> {
        Words {
            prefix: &names.prefix,
            argv: vec![name.into()],
        }
    }

    fn word(mut self, word: &str) -> Self {
        self.argv.push(word.into());
        self
    }

    fn key(mut self, key: Key) -> Self {
        self.argv.push(format!("{}{key}", self.prefix).into_bytes());
        self
    }

    fn number(mut self, number: i64) -> Self {
        self.argv.push(number.to_string().into_bytes());
        self
    }

    fn keys(self, keys: &[Key]) -> Self {
        keys.iter().fold(self, |words, key| words.key(*key))
    }

    fn pairs(self, pairs: &[(Key, i64)]) -> Self {
        pairs
            .iter()
            .fold(self, |words, (key, value)| words.key(*key).number(*value))
    }
}

/// What the replies to a command's requests mean.
pub fn understand(command: &Command, replies: &[Reply]) -> Answer {
    match (command, replies) {
        (Command::Exec(queue), [_, queued @ .., last]) if all_queued(replies) => {
            debug_assert_eq!(queue.len(), queued.len());
            executed(queue, last)
        }
        (Command::Discard(_), [.., last]) if all_queued(replies) => one(command, last),
        (Command::Exec(_) | Command::Discard(_), _) => {
            let replies: Vec<String> = replies.iter().map(Reply::to_string).collect();
            Answer::Strange(replies.join(" · "))
        }
        (_, [reply]) => one(command, reply),
        _ => unreachable!("a plain command is one request"),
    }
}

/// MULTI said OK, and every command after it QUEUED.
fn all_queued(replies: &[Reply]) -> bool {
    let is = |reply: &Reply, text: &[u8]| matches!(reply, Reply::Simple(said) if said == text);
    match replies {
        [multi, queued @ .., _] => {
            is(multi, b"OK") && queued.iter().all(|reply| is(reply, b"QUEUED"))
        }
        _ => false,
    }
}

fn executed(queue: &[Command], reply: &Reply) -> Answer {
    match reply {
        Reply::Array(replies) if replies.len() == queue.len() => {
            let pairs = queue.iter().zip(replies);
            Answer::Executed(pairs.map(|(command, reply)| one(command, reply)).collect())
        }
        Reply::Null | Reply::NullArray => Answer::Aborted,
        _ => Answer::Strange(reply.to_string()),
    }
}

fn one(command: &Command, reply: &Reply) -> Answer {
    let understood = match reply {
        Reply::Simple(text) if text == b"OK" => Some(Answer::Ok),
        Reply::Integer(number) => Some(Answer::Integer(*number)),
        Reply::Error(text) if text == b"ERR no such key" => Some(Answer::NoSuchKey),
        Reply::Array(items) if matches!(command, Command::MGet(_)) => items
            .iter()
            .map(value)
            .collect::<Option<_>>()
            .map(Answer::Values),
        _ => value(reply).map(Answer::Value),
    };
    understood.unwrap_or_else(|| Answer::Strange(reply.to_string()))
}

/// A number as a string, or nothing.
fn value(reply: &Reply) -> Option<Option<i64>> {
    match reply {
        Reply::Null | Reply::NullBulk => Some(None),
        Reply::Bulk(text) => std::str::from_utf8(text).ok()?.parse().ok().map(Some),
        _ => None,
    }
}
