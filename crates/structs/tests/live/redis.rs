//! A redis-server of our own, and what it dumps.

use std::io::Write;
use std::time::Duration;

use testkit::process::{self, ServerProcess};
use testkit::reply::Reply;
use testkit::socket::Socket;
use testkit::target::{Received, Target};

pub struct Redis {
    _process: ServerProcess,
    socket: Socket,
}

/// The value inside the payload of DUMP.
pub struct Dumped {
    pub type_byte: u8,
    bytes: Vec<u8>,
    at: usize,
}

impl Redis {
    /// Started, if there is one.
    pub fn start() -> Option<Redis> {
        let Some(program) = process::find_program("redis-server") else {
            // Past the test harness, which keeps the output of a passing test to itself.
            let word = b"SKIPPED: no redis-server on PATH, so no bytes were compared\n";
            std::io::stderr().write_all(word).expect("stderr is open");
            return None;
        };
        let plain = &["--rdbcompression", "no"];
        let process = ServerProcess::redis(&program, plain).expect("redis-server starts");
        let socket = Socket::connect(process.address()).expect("redis-server answers");
        Some(Redis {
            _process: process,
            socket,
        })
    }

    pub fn ask(&mut self, words: &[&[u8]]) -> Reply {
        let argv: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
        self.socket.send(0, &argv).expect("it listens");
        let received = self.socket.receive(0, Duration::from_secs(20));
        match received.expect("it answers") {
            Received::Reply(Reply::Error(error)) => {
                panic!("{}: {}", argv[0].escape_ascii(), error.escape_ascii())
            }
            Received::Reply(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    pub fn dump(&mut self, key: &[u8]) -> Dumped {
        let Reply::Bulk(mut bytes) = self.ask(&[b"DUMP", key]) else {
            panic!("no dump of {}", key.escape_ascii());
        };
        // Version and checksum.
        bytes.truncate(bytes.len() - 10);
        Dumped {
            type_byte: bytes[0],
            bytes,
            at: 1,
        }
    }
}

impl Dumped {
    pub fn is_over(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// A length or a count.
    pub fn number(&mut self) -> u64 {
        let first = self.take(1)[0];
        match first >> 6 {
            0 => u64::from(first & 63),
            1 => u64::from(first & 63) << 8 | u64::from(self.take(1)[0]),
            _ => {
                let width = if first == 0x81 { 8 } else { 4 };
                assert!(first == 0x80 || first == 0x81);
                self.take(width)
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            }
        }
    }

    /// A string that is not compressed and no integer.
    pub fn string(&mut self) -> Vec<u8> {
        let len = self.number();
        self.take(len as usize)
    }

    pub fn take(&mut self, len: usize) -> Vec<u8> {
        let taken = self.bytes[self.at..self.at + len].to_vec();
        self.at += len;
        taken
    }
}
