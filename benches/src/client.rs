//! A plain blocking client, and a way to load many keys quickly.

use std::io::{Read, Write};
use std::net::TcpStream;

use resp::Value;

use crate::Result;

/// A connection to a server.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    pub(crate) fn on(stream: TcpStream) -> Client {
        let _ = stream.set_nodelay(true);
        Client {
            stream,
            received: Vec::new(),
        }
    }

    pub(crate) fn call(&mut self, words: &[&str]) -> Result<Value> {
        let mut request = Vec::new();
        push(&mut request, words);
        self.stream.write_all(&request)?;
        self.read()
    }

    pub(crate) fn int(&mut self, words: &[&str]) -> Result<i64> {
        let value = self.call(words)?;
        Ok(value
            .as_int()
            .ok_or_else(|| format!("{words:?}: {value:?}"))?)
    }

    /// Send requests made by `make`, so many at a time, and check each reply.
    pub(crate) fn pipeline(
        &mut self,
        numbers: std::ops::Range<u64>,
        make: impl FnMut(u64, &mut Vec<u8>),
    ) -> Result<()> {
        self.pipeline_of(numbers, 1, make)
    }

    /// The same, where each call of `make` makes so many requests.
    pub(crate) fn pipeline_of(
        &mut self,
        numbers: std::ops::Range<u64>,
        each: u64,
        mut make: impl FnMut(u64, &mut Vec<u8>),
    ) -> Result<()> {
        const DEPTH: usize = 256;
        let mut numbers = numbers.peekable();
        while numbers.peek().is_some() {
            let mut request = Vec::new();
            let mut sent = 0;
            for number in numbers.by_ref().take(DEPTH) {
                make(number, &mut request);
                sent += each;
            }
            self.stream.write_all(&request)?;
            for _ in 0..sent {
                if let Value::Error(line) = self.read()? {
                    return Err(line.into());
                }
            }
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, requests: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(requests)?)
    }

    /// Read so many replies; none may be an error.
    pub(crate) fn expect_replies(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            if let Value::Error(line) = self.read()? {
                return Err(line.into());
            }
        }
        Ok(())
    }

    /// Send a request, wait, and read its reply without keeping it; how long it was.
    /// A PING behind it says where it ends.
    pub(crate) fn drain(&mut self, words: &[&str], wait: std::time::Duration) -> Result<usize> {
        const END: &[u8] = b"+PONG\r\n";
        let mut request = Vec::new();
        push(&mut request, words);
        push(&mut request, &["PING"]);
        self.stream.write_all(&request)?;
        std::thread::sleep(wait);
        let mut chunk = vec![0; 256 * 1024];
        let (mut kept, mut bytes) = (Vec::new(), 0);
        while !kept.ends_with(END) {
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err("the server closed the connection".into());
            }
            bytes += count;
            kept.extend_from_slice(&chunk[..count]);
            kept.drain(..kept.len().saturating_sub(END.len()));
        }
        Ok(bytes - END.len())
    }

    fn read(&mut self) -> Result<Value> {
        loop {
            if let Some((value, used)) = Value::read(&self.received)? {
                self.received.drain(..used);
                return Ok(value);
            }
            let mut chunk = [0; 16 * 1024];
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err("the server closed the connection".into());
            }
            self.received.extend_from_slice(&chunk[..count]);
        }
    }
}

/// Append one request.
pub(crate) fn push(out: &mut Vec<u8>, words: &[&str]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}

/// Key number `number`, sixteen bytes.
pub(crate) fn key(number: u64) -> String {
    format!("key:{number:012}")
}
