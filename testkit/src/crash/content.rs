//! What a key holds, whatever its kind, and how it is read back.

use std::fmt;

use super::hashes::Fields;
use super::lists::Elements;
use super::sets::Members;
use super::streams::Stream;
use super::workload::Argv;
use super::zsets::{self, Scores};
use crate::reply::Reply;

/// A kind has its model and its changes in the file named after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Bytes(Vec<u8>),
    Set(Members),
    SortedSet(Scores),
    Hash(Fields),
    List(Elements),
    Stream(Stream),
}

impl Content {
    /// The request for what a key of this type (as TYPE answers it) holds.
    pub fn question(type_name: &Reply, name: &[u8]) -> Argv {
        let words: &[&str] = match type_name {
            Reply::Simple(kind) if kind == b"set" => &["SMEMBERS", "KEY"],
            Reply::Simple(kind) if kind == b"hash" => &["HGETALL", "KEY"],
            Reply::Simple(kind) if kind == b"zset" => &["ZRANGE", "KEY", "0", "-1", "WITHSCORES"],
            Reply::Simple(kind) if kind == b"list" => &["LRANGE", "KEY", "0", "-1"],
            Reply::Simple(kind) if kind == b"stream" => {
                &["XINFO", "STREAM", "KEY", "FULL", "COUNT", "0"]
            }
            _ => &["GET", "KEY"],
        };
        let words = words.iter().map(|word| match *word {
            "KEY" => name.to_vec(),
            word => word.as_bytes().to_vec(),
        });
        words.collect()
    }

    /// What the reply to that tells; nothing if the key is gone.
    pub fn read(type_name: &Reply, reply: Reply) -> Result<Option<Content>, String> {
        let kind = match type_name {
            Reply::Simple(kind) => kind.as_slice(),
            _ => b"",
        };
        Ok(match (kind, reply) {
            (b"none", _) | (_, Reply::NullBulk) => None,
            (b"string", Reply::Bulk(bytes)) => Some(Content::Bytes(bytes)),
            (b"set", Reply::Array(members) | Reply::Set(members)) => {
                Some(Members::of(texts(members)?))
                    .filter(|set| !set.is_empty())
                    .map(Content::Set)
            }
            (b"zset", Reply::Array(words)) => {
                let scores = zsets::scores_of(&texts(words)?)?;
                Some(scores)
                    .filter(|scores| !scores.is_empty())
                    .map(Content::SortedSet)
            }
            (b"hash", Reply::Array(words)) => {
                let words = texts(words)?;
                let pairs = words.chunks_exact(2);
                let fields: Fields = pairs.map(|two| (two[0].clone(), two[1].clone())).collect();
                Some(fields)
                    .filter(|fields| !fields.is_empty())
                    .map(Content::Hash)
            }
            (b"list", Reply::Array(elements)) => {
                let elements = Elements::from(texts(elements)?);
                Some(elements)
                    .filter(|elements| !elements.is_empty())
                    .map(Content::List)
            }
            (b"stream", Reply::Error(line)) if line == b"ERR no such key" => None,
            (b"stream", reply) => Some(Content::Stream(Stream::told(&reply)?)),
            (_, other) => return Err(format!("{type_name} holds {other:.200?}")),
        })
    }

    /// Can this be what that was?
    pub fn allows(&self, shown: &Content) -> bool {
        match (self, shown) {
            (Content::Set(members), Content::Set(shown)) => members.allows(shown),
            (content, shown) => content == shown,
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Bytes(bytes) => {
                let head = bytes[..bytes.len().min(24)].escape_ascii();
                write!(f, "\"{head}\" ({} bytes)", bytes.len())
            }
            Content::Set(members) => write!(f, "{members}"),
            Content::SortedSet(scores) => {
                write!(f, "a sorted set of {}, in quarters:", scores.len())?;
                for (member, quarters) in scores.iter().take(4) {
                    write!(f, " {}={quarters}", member.escape_ascii())?;
                }
                Ok(())
            }
            Content::List(elements) => {
                write!(f, "a list of {}:", elements.len())?;
                for element in elements.iter().take(4) {
                    write!(f, " {}", element[..element.len().min(12)].escape_ascii())?;
                }
                Ok(())
            }
            Content::Stream(stream) => {
                let (entries, pending) = stream.counts();
                write!(
                    f,
                    "a stream of {entries}, {pending} pending: {stream:.300?}"
                )
            }
            Content::Hash(fields) => {
                write!(f, "a hash of {}:", fields.len())?;
                for (field, value) in fields.iter().take(4) {
                    let value = value[..value.len().min(12)].escape_ascii();
                    write!(f, " {}={value}", field.escape_ascii())?;
                }
                Ok(())
            }
        }
    }
}

/// The bulk strings of a reply.
pub(super) fn texts(replies: Vec<Reply>) -> Result<Vec<Vec<u8>>, String> {
    let text = |reply| match reply {
        Reply::Bulk(bytes) => Ok(bytes),
        other => Err(format!("{other} is no text")),
    };
    replies.into_iter().map(text).collect()
}
