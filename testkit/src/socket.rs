//! A server as a target: each session is a TCP connection.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::reply::Reply;
use crate::target::{Flavor, Received, SessionId, Target};

/// A running server and the connections to it.
pub struct Socket {
    address: SocketAddr,
    flavor: Flavor,
    sessions: HashMap<SessionId, Connection>,
}

impl Socket {
    /// Talks to the server at `address`, which is asked once what it is.
    pub fn connect(address: SocketAddr) -> io::Result<Socket> {
        let mut socket = Socket {
            address,
            flavor: Flavor::Ochre,
            sessions: HashMap::new(),
        };
        const PROBE: SessionId = SessionId::MAX;
        let info = match socket.ask(PROBE, &["INFO", "server"])? {
            Reply::Bulk(info) => String::from_utf8_lossy(&info).into_owned(),
            other => return Err(io::Error::other(format!("INFO was answered by {other}"))),
        };
        socket.close(PROBE);
        socket.flavor = flavor(&info);
        Ok(socket)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn session(&mut self, session: SessionId) -> io::Result<&mut Connection> {
        match self.sessions.entry(session) {
            std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                Ok(entry.insert(Connection::open(self.address)?))
            }
        }
    }
}

impl Target for Socket {
    fn name(&self) -> String {
        let (family, version) = self.flavor.family_and_version();
        let version: Vec<String> = version.iter().map(u32::to_string).collect();
        format!("{family} {}", version.join("."))
            .trim_end()
            .to_string()
    }

    fn flavor(&self) -> &Flavor {
        &self.flavor
    }

    fn offers(&self, feature: &str) -> bool {
        feature == "socket" || self.flavor.offers(feature)
    }

    fn send(&mut self, session: SessionId, argv: &[Vec<u8>]) -> io::Result<()> {
        self.session(session)?.send(argv)
    }

    fn receive(&mut self, session: SessionId, wait: Duration) -> io::Result<Received> {
        self.session(session)?.receive(wait)
    }

    fn close(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }
}

/// Reads `INFO server`. A Valkey built between releases calls itself 255.255.255: newer
/// than any.
fn flavor(info: &str) -> Flavor {
    let field = |name: &str| {
        let value = info
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        value
            .trim()
            .split('.')
            .map(str::parse)
            .collect::<Result<Vec<u32>, _>>()
            .ok()
    };
    if info.contains("ochre_version:") {
        return Flavor::Ochre;
    }
    match field("valkey_version") {
        Some(version) => Flavor::Valkey(version),
        None => Flavor::Redis(field("redis_version").unwrap_or_default()),
    }
}

/// One connection and what has arrived on it but is not read yet.
struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
    closed: bool,
}

impl Connection {
    fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            inbox: Vec::new(),
            closed: false,
        })
    }

    fn send(&mut self, argv: &[Vec<u8>]) -> io::Result<()> {
        let mut bytes = format!("*{}\r\n", argv.len()).into_bytes();
        for argument in argv {
            bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            bytes.extend_from_slice(argument);
            bytes.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&bytes)
    }

    fn receive(&mut self, wait: Duration) -> io::Result<Received> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some((reply, length)) = Reply::decode(&self.inbox).map_err(io::Error::other)? {
                self.inbox.drain(..length);
                return Ok(Received::Reply(reply));
            }
            if self.closed {
                return Ok(Received::Closed);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Received::Nothing);
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => self.closed = true,
                Ok(length) => self.inbox.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.closed = true,
                Err(error)
                    if matches!(
                        error.kind(),
                        // A stopped process that goes on reads anew.
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_by_its_info() {
        assert_eq!(
            flavor("# Server\r\nredis_version:7.0.15\r\n"),
            Flavor::Redis(vec![7, 0, 15])
        );
        assert_eq!(
            flavor("redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n"),
            Flavor::Valkey(vec![8, 0, 1])
        );
        assert_eq!(
            flavor("redis_version:7.4.0\r\nochre_version:0.1.0\r\n"),
            Flavor::Ochre
        );
    }
}
