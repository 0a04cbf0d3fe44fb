//! A connection that sends whatever bytes it is given, and reads replies strictly.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use testkit::reply::Reply;

/// Longer than the slowest answer; after it a test has failed.
const WAIT: Duration = Duration::from_secs(20);

pub(super) struct Client {
    pub(super) stream: TcpStream,
    inbox: Vec<u8>,
}

impl Client {
    pub(super) fn open(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WAIT))?;
        stream.set_write_timeout(Some(WAIT))?;
        Ok(Client {
            stream,
            inbox: Vec::new(),
        })
    }

    /// Sends bytes. A server that has closed already is no failure: what it said can be
    /// read nevertheless, mostly.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        match self.stream.write_all(bytes) {
            Ok(()) => {}
            Err(error) if is_closed(&error) => {}
            Err(error) => panic!("sending {} bytes: {error}", bytes.len()),
        }
    }

    /// Sends until the server takes no more for `patience`, at most `limit_bytes`, and
    /// reads nothing. Returns how many bytes went out.
    pub(super) fn stuff(&mut self, bytes: &[u8], limit_bytes: usize, patience: Duration) -> usize {
        self.stream.set_nonblocking(true).expect("a socket");
        let (mut total, mut at) = (0, 0);
        let mut since = Instant::now();
        while total < limit_bytes && since.elapsed() < patience {
            match self.stream.write(&bytes[at..]) {
                Ok(count) => {
                    total += count;
                    at = (at + count) % bytes.len();
                    since = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) if is_closed(&error) => break,
                Err(error) => panic!("sending: {error}"),
            }
        }
        self.stream.set_nonblocking(false).expect("a socket");
        total
    }

    /// Sends a request and reads its reply.
    pub(super) fn ask<W: AsRef<[u8]>>(&mut self, argv: &[W]) -> Reply {
        self.send(&request(argv));
        self.reply().unwrap_or_else(|| {
            let name = String::from_utf8_lossy(argv[0].as_ref());
            panic!("closed instead of an answer to {name}")
        })
    }

    /// The next reply; `None` if the server has closed before it.
    pub(super) fn reply(&mut self) -> Option<Reply> {
        loop {
            match Reply::decode(&self.inbox) {
                Ok(Some((reply, length))) => {
                    self.inbox.drain(..length);
                    return Some(reply);
                }
                Ok(None) => {}
                Err(error) => panic!("no reply: {error}"),
            }
            if !self.receive() {
                return self.last_reply();
            }
            // Decoding begins anew each time: take first what is there already.
            while self.has_more() && self.receive() {}
        }
    }

    /// All replies until the server closes, and nothing but whole replies.
    pub(super) fn replies_to_the_end(&mut self) -> Vec<Reply> {
        while self.receive() {}
        std::iter::from_fn(|| self.last_reply()).collect()
    }

    /// Reads and counts bytes until the server closes or `expected` have come.
    pub(super) fn drain(&mut self, expected: usize) -> usize {
        while self.inbox.len() < expected && self.receive() {}
        self.inbox.len()
    }

    pub(super) fn shut_down_writing(&self) {
        // It may be gone entirely by now.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Leaves with a reset instead of a farewell.
    pub(super) fn reset(self) {
        let linger = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(&self.stream, linger).expect("a socket");
    }

    /// Does more come at once?
    fn has_more(&self) -> bool {
        if self.inbox.len() < 64 * 1024 {
            return false;
        }
        let short = Some(Duration::from_millis(20));
        self.stream.set_read_timeout(short).expect("a socket");
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(WAIT)).expect("a socket");
        peeked.is_ok()
    }

    /// More bytes; false when the server has closed.
    fn receive(&mut self) -> bool {
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(length) => {
                self.inbox.extend_from_slice(&chunk[..length]);
                true
            }
            Err(error) if is_closed(&error) => false,
            Err(error) => panic!("no answer, and not closed either: {error}"),
        }
    }

    /// A reply from what has arrived, when no more will. A reset may cut the last.
    fn last_reply(&mut self) -> Option<Reply> {
        let decoded = Reply::decode(&self.inbox);
        let (reply, length) = decoded.unwrap_or_else(|error| panic!("no reply: {error}"))?;
        self.inbox.drain(..length);
        Some(reply)
    }
}

/// A request as clients send it.
pub(super) fn request<W: AsRef<[u8]>>(argv: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", argv.len()).into_bytes();
    for word in argv.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The text of an error reply; anything else fails.
pub(super) fn error_text(reply: &Reply) -> String {
    match reply {
        Reply::Error(text) => String::from_utf8_lossy(text).into_owned(),
        other => panic!("not an error: {}", brief(other)),
    }
}

/// A reply as a short text, for messages.
pub(super) fn brief(reply: &Reply) -> String {
    reply.to_string().chars().take(200).collect()
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected
    )
}
