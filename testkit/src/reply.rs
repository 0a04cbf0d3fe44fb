//! A reply, its bytes on the wire and its notation in a transcript.
//!
//! | notation | RESP2 | RESP3 |
//! |---|---|---|
//! | `+OK` | simple string | simple string |
//! | `-ERR text` | error | error |
//! | `42` | integer | integer |
//! | `"bytes"` | bulk string | bulk string |
//! | `nil` | null bulk `$-1` | null `_` |
//! | `nil-array` | null array `*-1` | null `_` |
//! | `[a, b]` | array | array |
//! | `{k: v}`, empty `{:}` | flat array | map |
//! | `{a, b}`, empty `{}` | array | set |
//! | `push [a, b]` | array | push |
//! | `double 1.5` | bulk string | double |
//! | `big 123` | bulk string | big number |
//! | `true` | integer 1 | boolean |
//! | `verbatim txt "bytes"` | bulk string | verbatim string |
//! | `attribute {k: v} reply` | the reply alone | attribute, then the reply |
//!
//! So one line serves both protocols: read under RESP2, a richer type means the plain
//! one that servers send instead of it (see [`crate::pattern`]). Doubles keep their
//! text, since how a float is printed is part of the behaviour.

use std::fmt;

use crate::quote;

/// The version of the protocol that a session speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Resp2,
    Resp3,
}

impl Protocol {
    pub const BOTH: [Protocol; 2] = [Protocol::Resp2, Protocol::Resp3];
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Protocol::Resp2 => "RESP2",
            Protocol::Resp3 => "RESP3",
        })
    }
}

/// One reply, exactly as typed on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Simple(Vec<u8>),
    Error(Vec<u8>),
    Integer(i64),
    Bulk(Vec<u8>),
    NullBulk,
    NullArray,
    Array(Vec<Reply>),
    Null,
    Boolean(bool),
    Double(Vec<u8>),
    BigNumber(Vec<u8>),
    BulkError(Vec<u8>),
    Verbatim {
        format: Vec<u8>,
        text: Vec<u8>,
    },
    Map(Vec<(Reply, Reply)>),
    Set(Vec<Reply>),
    Push(Vec<Reply>),
    Attribute {
        pairs: Vec<(Reply, Reply)>,
        reply: Box<Reply>,
    },
}

/// Deeper nesting than any reply has; a server that nests further is broken.
const DEPTH_LIMIT: usize = 64;

impl Reply {
    /// Decodes the reply at the start of `bytes`: the reply and its length, or `None`
    /// if it is not complete yet.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Reply, usize)>, String> {
        let mut cursor = Cursor { bytes, at: 0 };
        match cursor.reply(0) {
            Ok(reply) => Ok(Some((reply, cursor.at))),
            Err(Stop::Incomplete) => Ok(None),
            Err(Stop::Malformed(what)) => Err(what),
        }
    }
}

enum Stop {
    Incomplete,
    Malformed(String),
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn reply(&mut self, depth: usize) -> Result<Reply, Stop> {
        if depth > DEPTH_LIMIT {
            return Err(Stop::Malformed("a reply is nested too deep".into()));
        }
        let line = self.line()?;
        let Some((&kind, rest)) = line.split_first() else {
            return Err(Stop::Malformed(
                "an empty line where a reply should start".into(),
            ));
        };
        let reply = match kind {
            b'+' => Reply::Simple(rest.to_vec()),
            b'-' => Reply::Error(rest.to_vec()),
            b':' => Reply::Integer(number(rest)?),
            b',' => Reply::Double(rest.to_vec()),
            b'(' => Reply::BigNumber(rest.to_vec()),
            b'#' => Reply::Boolean(match rest {
                b"t" => true,
                b"f" => false,
                _ => return Err(malformed("boolean", line)),
            }),
            b'_' if rest.is_empty() => Reply::Null,
            b'$' if rest == b"-1" => Reply::NullBulk,
            b'*' if rest == b"-1" => Reply::NullArray,
            b'$' => Reply::Bulk(self.blob(count(rest)?)?),
            b'!' => Reply::BulkError(self.blob(count(rest)?)?),
            b'=' => {
                let blob = self.blob(count(rest)?)?;
                if blob.get(3) != Some(&b':') {
                    return Err(malformed("verbatim string", &blob));
                }
                Reply::Verbatim {
                    format: blob[..3].to_vec(),
                    text: blob[4..].to_vec(),
                }
            }
            b'*' => Reply::Array(self.items(count(rest)?, depth)?),
            b'~' => Reply::Set(self.items(count(rest)?, depth)?),
            b'>' => Reply::Push(self.items(count(rest)?, depth)?),
            b'%' => Reply::Map(self.pairs(count(rest)?, depth)?),
            b'|' => {
                let pairs = self.pairs(count(rest)?, depth)?;
                Reply::Attribute {
                    pairs,
                    reply: Box::new(self.reply(depth + 1)?),
                }
            }
            _ => return Err(malformed("reply", line)),
        };
        Ok(reply)
    }

    /// The line at the cursor without its CR LF.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let end = rest
            .windows(2)
            .position(|pair| pair == b"\r\n")
            .ok_or(Stop::Incomplete)?;
        self.at += end + 2;
        Ok(&rest[..end])
    }

    fn blob(&mut self, length: usize) -> Result<Vec<u8>, Stop> {
        let rest = &self.bytes[self.at..];
        if rest.len() < length + 2 {
            return Err(Stop::Incomplete);
        }
        if &rest[length..length + 2] != b"\r\n" {
            return Err(malformed("end of a bulk string", &rest[length..length + 2]));
        }
        self.at += length + 2;
        Ok(rest[..length].to_vec())
    }

    fn items(&mut self, count: usize, depth: usize) -> Result<Vec<Reply>, Stop> {
        (0..count).map(|_| self.reply(depth + 1)).collect()
    }

    fn pairs(&mut self, count: usize, depth: usize) -> Result<Vec<(Reply, Reply)>, Stop> {
        (0..count)
            .map(|_| Ok((self.reply(depth + 1)?, self.reply(depth + 1)?)))
            .collect()
    }
}

fn malformed(what: &str, bytes: &[u8]) -> Stop {
    Stop::Malformed(format!("malformed {what}: {}", quote::quoted(bytes)))
}

fn number(text: &[u8]) -> Result<i64, Stop> {
    let parsed = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| malformed("integer", text))
}

fn count(text: &[u8]) -> Result<usize, Stop> {
    usize::try_from(number(text)?).map_err(|_| malformed("length", text))
}

/// The notation. At the top a simple string or an error is written bare to the end of
/// the line; inside a container it is quoted unless it is one plain word.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Reply::Simple(text) if bare_line(text) => write!(f, "+{}", quote::escaped(text)),
            Reply::Error(text) if bare_line(text) => {
                write!(f, "-{}", String::from_utf8_lossy(text))
            }
            _ => self.write_inner(f),
        }
    }
}

impl Reply {
    fn write_inner(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Reply::Simple(text) if bare_word(text) => {
                write!(f, "+{}", String::from_utf8_lossy(text))
            }
            Reply::Simple(text) => write!(f, "+{}", quote::quoted(text)),
            Reply::Error(text) => write!(f, "-{}", quote::quoted(text)),
            Reply::Integer(value) => write!(f, "{value}"),
            Reply::Bulk(text) => f.write_str(&quote::quoted(text)),
            Reply::NullBulk | Reply::Null => f.write_str("nil"),
            Reply::NullArray => f.write_str("nil-array"),
            Reply::Array(items) => write_items(f, "[", items, "]"),
            Reply::Boolean(value) => write!(f, "{value}"),
            Reply::Double(text) => write!(f, "double {}", String::from_utf8_lossy(text)),
            Reply::BigNumber(text) => write!(f, "big {}", String::from_utf8_lossy(text)),
            Reply::BulkError(text) => write!(f, "!{}", quote::quoted(text)),
            Reply::Verbatim { format, text } => {
                write!(
                    f,
                    "verbatim {} {}",
                    String::from_utf8_lossy(format),
                    quote::quoted(text)
                )
            }
            Reply::Map(pairs) => write_pairs(f, pairs),
            Reply::Set(items) => write_items(f, "{", items, "}"),
            Reply::Push(items) => write_items(f, "push [", items, "]"),
            Reply::Attribute { pairs, reply } => {
                f.write_str("attribute ")?;
                write_pairs(f, pairs)?;
                f.write_str(" ")?;
                reply.write_inner(f)
            }
        }
    }
}

fn write_items(f: &mut fmt::Formatter, open: &str, items: &[Reply], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        item.write_inner(f)?;
    }
    f.write_str(close)
}

fn write_pairs(f: &mut fmt::Formatter, pairs: &[(Reply, Reply)]) -> fmt::Result {
    if pairs.is_empty() {
        return f.write_str("{:}");
    }
    for (index, (key, value)) in pairs.iter().enumerate() {
        f.write_str(if index == 0 { "{" } else { ", " })?;
        key.write_inner(f)?;
        f.write_str(": ")?;
        value.write_inner(f)?;
    }
    f.write_str("}")
}

/// Whether text can stand unquoted to the end of a line without being mistaken for
/// something else.
fn bare_line(text: &[u8]) -> bool {
    let printable = text
        .iter()
        .all(|byte| (b' '..=b'~').contains(byte) && *byte != b'\\');
    let ambiguous = text
        .first()
        .is_none_or(|first| matches!(first, b'"' | b'~' | b' ' | b'0'..=b'9'));
    printable && !ambiguous && text.last() != Some(&b' ')
}

fn bare_word(text: &[u8]) -> bool {
    !text.is_empty()
        && text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> String {
        let (reply, length) = Reply::decode(bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        for cut in 0..bytes.len() {
            assert_eq!(Reply::decode(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        reply.to_string()
    }

    #[test]
    fn every_type_has_its_notation() {
        let cases: [(&[u8], &str); 20] = [
            (b"+OK\r\n", "+OK"),
            (
                b"+Background saving started\r\n",
                "+Background saving started",
            ),
            (b"-ERR no such key\r\n", "-ERR no such key"),
            (b"-ERR x: 'a' \r\n", "-\"ERR x: 'a' \""),
            (b":-3\r\n", "-3"),
            (b"$3\r\na\r\n\r\n", "\"a\\r\\n\""),
            (b"$-1\r\n", "nil"),
            (b"*-1\r\n", "nil-array"),
            (b"_\r\n", "nil"),
            (b"*0\r\n", "[]"),
            (b"*3\r\n:1\r\n+OK\r\n-ERR x\r\n", "[1, +OK, -\"ERR x\"]"),
            (b"%1\r\n+a\r\n~2\r\n:1\r\n:2\r\n", "{+a: {1, 2}}"),
            (b"%0\r\n", "{:}"),
            (b"~0\r\n", "{}"),
            (b">2\r\n+a\r\n#t\r\n", "push [+a, true]"),
            (b",1.5\r\n", "double 1.5"),
            (b"(123\r\n", "big 123"),
            (b"=6\r\ntxt:hi\r\n", "verbatim txt \"hi\""),
            (b"!5\r\nERR x\r\n", "!\"ERR x\""),
            (b"|1\r\n+k\r\n#f\r\n:7\r\n", "attribute {+k: false} 7"),
        ];
        for (bytes, notation) in cases {
            assert_eq!(decoded(bytes), notation);
        }
    }

    #[test]
    fn malformed_replies_are_told_apart_from_incomplete_ones() {
        for bytes in [
            &b"\r\n"[..],
            b"?1\r\n",
            b":x\r\n",
            b"$-2\r\n",
            b"$1\r\nab\r\n",
            b"=1\r\na\r\n",
            b"#x\r\n",
        ] {
            assert!(Reply::decode(bytes).is_err(), "{}", quote::quoted(bytes));
        }
        let deep = b"*1\r\n".repeat(DEPTH_LIMIT + 2);
        assert!(Reply::decode(&deep).is_err());
    }
}
