//! `replicaof`: the node whose data set is copied.

use super::numbers::signed;
use super::quoted;
use crate::config::error::Reason;

/// Where the primary is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primary {
    pub host: Box<[u8]>,
    pub port: u16,
}

impl Primary {
    /// Host and port; `no one`, or a single empty word, is no primary.
    pub fn parse(words: &[&[u8]]) -> Result<Option<Primary>, Reason> {
        let (host, port) = match words {
            [b""] => return Ok(None),
            [host, port] => (host, port),
            _ => return Err("wrong number of arguments".into()),
        };
        if base::eq_ignore_case(host, b"no") && base::eq_ignore_case(port, b"one") {
            return Ok(None);
        }
        let port = signed(port).and_then(|port| u16::try_from(port).ok());
        Ok(Some(Primary {
            host: (*host).into(),
            port: port.ok_or("Invalid master port")?,
        }))
    }

    /// Host and port, a blank between them.
    pub fn text(&self) -> Vec<u8> {
        [
            &self.host,
            b" ".as_slice(),
            self.port.to_string().as_bytes(),
        ]
        .concat()
    }

    /// The same as two words of a configuration line.
    pub fn words(&self) -> Vec<u8> {
        [
            &quoted(&self.host),
            b" ".as_slice(),
            self.port.to_string().as_bytes(),
        ]
        .concat()
    }
}
