//! One blocking connection for questions beside the load: is the server up,
//! which process is it, does it know a command.
//!
//! Unlike [`crate::bench::wire`] this turns replies into values. It is used
//! when no clock runs.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::bench::error::Error;
use crate::bench::target::Target;
use crate::bench::wire::encode_request;

/// Longest string and most elements that are accepted here.
const LENGTH_MAX: usize = 64 << 20;
/// How deep replies may nest.
const DEPTH_MAX: u32 = 16;

/// A session with the server.
pub struct Control {
    stream: BufReader<File>,
    endpoint: String,
}

/// A reply, as far as a benchmark cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Strings, numbers, booleans.
    Text(String),
    Error(String),
    Null,
    Many(Vec<Reply>),
}

impl Control {
    /// Connects and greets. An answer that takes longer than `patience` is
    /// reported as a broken connection.
    pub fn open(target: &Target, patience: Duration) -> Result<Control, Error> {
        let socket = target.dial()?;
        for side in [Timeout::Recv, Timeout::Send] {
            set_socket_timeout(&socket, side, Some(patience))
                .map_err(|errno| Error::system("SO_RCVTIMEO")(errno.into()))?;
        }
        let stream = BufReader::new(File::from(socket));
        let mut control = Control {
            stream,
            endpoint: target.to_string(),
        };
        let (greeting, replies) = target.greeting();
        control.send(&greeting)?;
        for _ in 0..replies {
            if let Reply::Error(answer) = control.receive()? {
                return Err(Error::Refused {
                    asked: "the greeting".to_string(),
                    answer,
                });
            }
        }
        Ok(control)
    }

    /// Asks and waits for the answer, which may be an error reply.
    pub fn call(&mut self, argv: &[&str]) -> Result<Reply, Error> {
        let mut request = Vec::new();
        encode_request(&mut request, argv);
        self.call_encoded(&request)
    }

    /// The same for a request that is already bytes.
    pub fn call_encoded(&mut self, request: &[u8]) -> Result<Reply, Error> {
        self.send(request)?;
        self.receive()
    }

    /// `INFO` as its lines; empty when the server has none.
    pub fn info(&mut self) -> Result<Info, Error> {
        match self.call(&["INFO"])? {
            Reply::Text(text) => Ok(Info { text }),
            Reply::Error(answer) if answer.starts_with("NOAUTH") => Err(Error::Refused {
                asked: "INFO".to_string(),
                answer,
            }),
            _ => Ok(Info::default()),
        }
    }

    /// One configuration parameter, when the server lets us read it.
    pub fn config(&mut self, parameter: &str) -> Result<Option<String>, Error> {
        match self.call(&["CONFIG", "GET", parameter])? {
            Reply::Many(pair) => match &pair[..] {
                [_, Reply::Text(value)] => Ok(Some(value.clone())),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream
            .get_mut()
            .write_all(bytes)
            .map_err(|source| self.lost(source))
    }

    fn receive(&mut self) -> Result<Reply, Error> {
        read_reply(&mut self.stream, 0).map_err(|source| self.lost(source))
    }

    fn lost(&self, source: io::Error) -> Error {
        Error::Lost {
            endpoint: self.endpoint.clone(),
            source,
        }
    }
}

/// What INFO says.
#[derive(Debug, Default, Clone)]
pub struct Info {
    text: String,
}

impl Info {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    }

    /// The product and its version, as well as they can be told.
    pub fn version(&self) -> Option<String> {
        if let Some(own) = self.field("ochre_version") {
            return Some(format!("ochre {own}"));
        }
        if let Some(valkey) = self.field("valkey_version") {
            return Some(format!("valkey {valkey}"));
        }
        self.field("redis_version")
            .map(|version| format!("redis {version}"))
    }
}

fn read_reply(stream: &mut impl BufRead, depth: u32) -> io::Result<Reply> {
    let malformed = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_string());
    if depth > DEPTH_MAX {
        return Err(malformed("a reply nests too deeply"));
    }
    let mut line = Vec::new();
    stream
        .by_ref()
        .take(LENGTH_MAX as u64)
        .read_until(b'\n', &mut line)?;
    let Some(text) = line.strip_suffix(b"\r\n") else {
        let kind = io::ErrorKind::UnexpectedEof;
        return Err(if line.is_empty() {
            kind.into()
        } else {
            malformed("a line has no end")
        });
    };
    let text = String::from_utf8_lossy(text);
    let rest = text.get(1..).unwrap_or("").to_string();
    let kind = line[0];
    if !b"$=!*%~>|".contains(&kind) {
        return match kind {
            b'+' | b':' | b',' | b'(' | b'#' => Ok(Reply::Text(rest)),
            b'-' => Ok(Reply::Error(rest)),
            b'_' => Ok(Reply::Null),
            _ => Err(malformed("a reply is not RESP")),
        };
    }
    if rest == "-1" {
        return Ok(Reply::Null);
    }
    let length: usize = rest
        .parse()
        .map_err(|_| malformed("a length is not a number"))?;
    if length > LENGTH_MAX {
        return Err(malformed("a length is too large"));
    }
    if matches!(kind, b'$' | b'=' | b'!') {
        let mut body = Vec::new();
        stream
            .by_ref()
            .take(length as u64 + 2)
            .read_to_end(&mut body)?;
        if body.len() != length + 2 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&body[..length]).into_owned();
        return Ok(if kind == b'!' {
            Reply::Error(text)
        } else {
            Reply::Text(text)
        });
    }
    let elements = if matches!(kind, b'%' | b'|') {
        length * 2
    } else {
        length
    };
    let mut many = Vec::new();
    for _ in 0..elements {
        many.push(read_reply(stream, depth + 1)?);
    }
    // Attributes and pushed messages only precede the answer.
    if matches!(kind, b'|' | b'>') {
        read_reply(stream, depth + 1)
    } else {
        Ok(Reply::Many(many))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Reply, io::ErrorKind> {
        read_reply(&mut BufReader::new(bytes), 0).map_err(|error| error.kind())
    }

    #[test]
    fn replies_become_values() {
        let text = |text: &str| Reply::Text(text.to_string());
        assert_eq!(parse(b"+PONG\r\n"), Ok(text("PONG")));
        assert_eq!(
            parse(b"-ERR no\r\n"),
            Ok(Reply::Error("ERR no".to_string()))
        );
        assert_eq!(parse(b"$4\r\na\r\nb\r\n"), Ok(text("a\r\nb")));
        assert_eq!(parse(b"$-1\r\n"), Ok(Reply::Null));
        assert_eq!(
            parse(b"%1\r\n+a\r\n:1\r\n"),
            Ok(Reply::Many(vec![text("a"), text("1")]))
        );
        assert_eq!(parse(b">1\r\n+x\r\n+OK\r\n"), Ok(text("OK")));
    }

    #[test]
    fn broken_replies_are_errors() {
        assert_eq!(parse(b""), Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(parse(b"$4\r\nab"), Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(parse(b"HTTP/1.1\r\n"), Err(io::ErrorKind::InvalidData));
        assert_eq!(parse(b"$nine\r\n"), Err(io::ErrorKind::InvalidData));
        assert_eq!(
            parse(b"*1\r\n".repeat(40).as_slice()),
            Err(io::ErrorKind::InvalidData)
        );
    }

    #[test]
    fn info_fields_are_found_by_their_whole_name() {
        let info = Info {
            text: "# Server\r\nredis_version:7.0.15\r\nprocess_id:12\r\n".to_string(),
        };
        assert_eq!(info.field("process_id"), Some("12"));
        assert_eq!(info.field("process"), None);
        assert_eq!(info.version().as_deref(), Some("redis 7.0.15"));
    }
}
