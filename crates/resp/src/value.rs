//! A reply as a tree: what a client reads, and what the embedded library returns.
//!
//! [`Value::read`] takes one whole reply off the front of some bytes, or says
//! that more are needed. It understands both protocols at once, as their first
//! bytes differ.

use std::fmt;

/// One reply of any shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Simple(String),
    /// An error line, its code first: `WRONGTYPE Operation ...`.
    Error(String),
    Int(i64),
    Bulk(Vec<u8>),
    /// RESP3 null.
    Null,
    /// RESP2's missing string, `$-1`.
    NilBulk,
    /// RESP2's missing array, `*-1`.
    NilArray,
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    Double(f64),
    Bool(bool),
    BigNumber(String),
    Verbatim {
        format: String,
        text: Vec<u8>,
    },
    /// Attributes and the reply that they describe.
    Attributed(Vec<(Value, Value)>, Box<Value>),
}

/// Bytes that are no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// Where in the given bytes.
    pub offset: usize,
    pub what: &'static str,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no reply at byte {}: {}", self.offset, self.what)
    }
}

impl std::error::Error for ValueError {}

impl Value {
    /// Aggregates nest at most this deep.
    const DEPTH_MAX: usize = 128;

    /// Read one reply from the front of `bytes`: the reply and how many bytes
    /// it took, or `None` while it is incomplete.
    pub fn read(bytes: &[u8]) -> Result<Option<(Value, usize)>, ValueError> {
        let mut reader = Reader { bytes, at: 0 };
        match reader.value(0) {
            Ok(value) => Ok(Some((value, reader.at))),
            Err(Stop::NeedMore) => Ok(None),
            Err(Stop::Broken(what)) => Err(ValueError {
                offset: reader.at,
                what,
            }),
        }
    }

    /// Is this any of the three ways to say "nothing"?
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Null | Value::NilBulk | Value::NilArray)
    }

    /// The bytes of a string of any kind.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bulk(bytes) | Value::Verbatim { text: bytes, .. } => Some(bytes),
            Value::Simple(text) | Value::BigNumber(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }
}

enum Stop {
    NeedMore,
    Broken(&'static str),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        if depth > Value::DEPTH_MAX {
            return Err(Stop::Broken("nested too deep"));
        }
        let kind = *self.bytes.get(self.at).ok_or(Stop::NeedMore)?;
        self.at += 1;
        Ok(match kind {
            b'+' => Value::Simple(self.text()?),
            b'-' => Value::Error(self.text()?),
            b':' => Value::Int(self.number()?),
            b'$' => match self.length()? {
                Some(len) => Value::Bulk(self.string(len)?),
                None => Value::NilBulk,
            },
            b'*' => match self.length()? {
                Some(len) => Value::Array(self.values(len, depth)?),
                None => Value::NilArray,
            },
            b'_' => {
                self.line()?;
                Value::Null
            }
            b'#' => match self.line()? {
                b"t" => Value::Bool(true),
                b"f" => Value::Bool(false),
                _ => return Err(Stop::Broken("a boolean is t or f")),
            },
            b',' => Value::Double(self.double()?),
            b'(' => Value::BigNumber(self.text()?),
            b'=' => self.verbatim()?,
            b'%' => Value::Map(self.pairs(depth)?),
            b'~' => {
                let len = self.size()?;
                Value::Set(self.values(len, depth)?)
            }
            b'>' => {
                let len = self.size()?;
                Value::Push(self.values(len, depth)?)
            }
            b'|' => {
                let attributes = self.pairs(depth)?;
                Value::Attributed(attributes, Box::new(self.value(depth + 1)?))
            }
            _ => return Err(Stop::Broken("unknown kind of reply")),
        })
    }

    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let end = memchr::memchr(b'\r', rest).ok_or(Stop::NeedMore)?;
        match rest.get(end + 1) {
            None => Err(Stop::NeedMore),
            Some(b'\n') => {
                self.at += end + 2;
                Ok(&rest[..end])
            }
            Some(_) => Err(Stop::Broken("a carriage return without a line feed")),
        }
    }

    fn text(&mut self) -> Result<String, Stop> {
        Ok(String::from_utf8_lossy(self.line()?).into_owned())
    }

    fn number(&mut self) -> Result<i64, Stop> {
        base::number::parse_i64(self.line()?).ok_or(Stop::Broken("not an integer"))
    }

    /// A length, or nothing for -1.
    fn length(&mut self) -> Result<Option<usize>, Stop> {
        match self.number()? {
            -1 => Ok(None),
            len if len >= 0 => Ok(Some(len as usize)),
            _ => Err(Stop::Broken("a negative length")),
        }
    }

    fn size(&mut self) -> Result<usize, Stop> {
        self.length()?.ok_or(Stop::Broken("a negative length"))
    }

    fn string(&mut self, len: usize) -> Result<Vec<u8>, Stop> {
        let rest = &self.bytes[self.at..];
        if rest.len() < len.saturating_add(2) {
            return Err(Stop::NeedMore);
        }
        if &rest[len..len + 2] != b"\r\n" {
            return Err(Stop::Broken("a string that does not end where it should"));
        }
        self.at += len + 2;
        Ok(rest[..len].to_vec())
    }

    fn values(&mut self, len: usize, depth: usize) -> Result<Vec<Value>, Stop> {
        // An announced length reserves nothing.
        (0..len).map(|_| self.value(depth + 1)).collect()
    }

    fn pairs(&mut self, depth: usize) -> Result<Vec<(Value, Value)>, Stop> {
        let len = self.size()?;
        (0..len)
            .map(|_| Ok((self.value(depth + 1)?, self.value(depth + 1)?)))
            .collect()
    }

    fn double(&mut self) -> Result<f64, Stop> {
        let line = self.line()?;
        if line.eq_ignore_ascii_case(b"nan") || line.eq_ignore_ascii_case(b"-nan") {
            return Ok(f64::NAN);
        }
        base::number::parse_f64(line).ok_or(Stop::Broken("not a double"))
    }

    fn verbatim(&mut self) -> Result<Value, Stop> {
        let len = self.size()?;
        let all = self.string(len)?;
        if all.len() < 4 || all[3] != b':' {
            return Err(Stop::Broken("a verbatim string without its format"));
        }
        Ok(Value::Verbatim {
            format: String::from_utf8_lossy(&all[..3]).into_owned(),
            text: all[4..].to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_every_cut() {
        let bytes = b"*9\r\n+OK\r\n-ERR no\r\n:-3\r\n$2\r\nhi\r\n$-1\r\n%1\r\n+k\r\n,1.5\r\n~1\r\n#t\r\n=6\r\ntxt:ab\r\n|1\r\n+a\r\n:1\r\n_\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(Value::read(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        let (value, used) = Value::read(bytes).unwrap().unwrap();
        assert_eq!(used, bytes.len());
        let Value::Array(items) = value else {
            panic!("{value:?}")
        };
        assert_eq!(items[3], Value::Bulk(b"hi".to_vec()));
        assert_eq!(items[6], Value::Set(vec![Value::Bool(true)]));
        assert!(matches!(items[8], Value::Attributed(..)));
    }

    #[test]
    fn damage_is_named() {
        for bad in [
            &b"?x\r\n"[..],
            b":a\r\n",
            b"$1\r\nabc",
            b"#x\r\n",
            b"%-1\r\n",
        ] {
            assert!(Value::read(bad).is_err(), "{bad:?}");
        }
        let deep = b"*1\r\n".repeat(500);
        assert!(Value::read(&deep).is_err());
    }
}
