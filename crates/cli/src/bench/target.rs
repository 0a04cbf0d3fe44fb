//! Where the load goes, and how a connection there is opened and greeted.
//!
//! ```text
//!   dial ──► [HELLO 3] ──► [AUTH user password] ──► [SELECT n] ──► requests
//!             -3            -a, --user                --dbnum
//! ```

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::bench::error::Error;
use crate::bench::wire::encode_request;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server's address together with what each connection says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub address: Address,
    pub user: Option<String>,
    pub password: Option<String>,
    pub dbnum: u32,
    pub resp3: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Target {
    /// A server of our own on this machine.
    pub fn on_port(port: u16) -> Target {
        Target {
            address: Address::Tcp {
                host: "127.0.0.1".to_string(),
                port,
            },
            user: None,
            password: None,
            dbnum: 0,
            resp3: false,
        }
    }

    /// The requests that open a session, and how many replies they bring.
    pub fn greeting(&self) -> (Vec<u8>, u64) {
        let mut bytes = Vec::new();
        let mut replies = 0;
        if let Some(password) = &self.password {
            let user = self.user.as_deref();
            let argv: Vec<&str> = ["AUTH"]
                .into_iter()
                .chain(user)
                .chain([&password[..]])
                .collect();
            encode_request(&mut bytes, &argv);
            replies += 1;
        }
        if self.resp3 {
            encode_request(&mut bytes, &["HELLO", "3"]);
            replies += 1;
        }
        if self.dbnum != 0 {
            encode_request(&mut bytes, &["SELECT", &self.dbnum.to_string()]);
            replies += 1;
        }
        (bytes, replies)
    }

    /// A connected, blocking socket that has not greeted yet.
    pub fn dial(&self) -> Result<OwnedFd, Error> {
        let refused = |source| Error::Connect {
            endpoint: self.to_string(),
            source,
        };
        match &self.address {
            Address::Unix(path) => Ok(UnixStream::connect(path).map_err(refused)?.into()),
            Address::Tcp { .. } => {
                let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
                for address in self.resolve()? {
                    match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                        Ok(stream) => {
                            stream.set_nodelay(true).map_err(refused)?;
                            return Ok(stream.into());
                        }
                        Err(error) => last = error,
                    }
                }
                Err(refused(last))
            }
        }
    }

    /// A socket on which connecting has begun and nothing blocks any more.
    pub fn dial_nonblocking(&self) -> Result<OwnedFd, Error> {
        let refused = |source| Error::Connect {
            endpoint: self.to_string(),
            source,
        };
        let address = match &self.address {
            // Connecting a Unix socket does not wait unless the backlog is full.
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).map_err(refused)?;
                stream.set_nonblocking(true).map_err(refused)?;
                return Ok(stream.into());
            }
            Address::Tcp { .. } => {
                let none = || refused(io::Error::from(io::ErrorKind::AddrNotAvailable));
                *self.resolve()?.first().ok_or_else(none)?
            }
        };
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)
            .map_err(|errno| refused(errno.into()))?;
        rustix::net::sockopt::set_tcp_nodelay(&socket, true)
            .map_err(|errno| refused(errno.into()))?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(socket),
            Err(errno) => Err(refused(errno.into())),
        }
    }

    /// Whether the server's process can be looked at from here.
    pub fn is_local(&self) -> bool {
        match &self.address {
            Address::Unix(_) => true,
            Address::Tcp { .. } => self.resolve().is_ok_and(|found| {
                found
                    .first()
                    .is_some_and(|address| address.ip().is_loopback())
            }),
        }
    }

    /// The same server with its host name already looked up, so that dialling
    /// again costs no look-up.
    pub fn resolved(&self) -> Target {
        let mut target = self.clone();
        if let Ok(found) = self.resolve()
            && let Some(first) = found.first()
        {
            target.address = Address::Tcp {
                host: first.ip().to_string(),
                port: first.port(),
            };
        }
        target
    }

    fn resolve(&self) -> Result<Vec<SocketAddr>, Error> {
        match &self.address {
            Address::Unix(_) => Ok(Vec::new()),
            Address::Tcp { host, port } => (host.as_str(), *port)
                .to_socket_addrs()
                .map(Iterator::collect)
                .map_err(|source| Error::Connect {
                    endpoint: self.to_string(),
                    source,
                }),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets_with_what_is_asked_and_no_more() {
        let mut target = Target::on_port(1);
        assert_eq!(target.greeting(), (vec![], 0));
        target.password = Some("pw".to_string());
        target.dbnum = 3;
        let (bytes, replies) = target.greeting();
        assert_eq!(replies, 2);
        let want = "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), want);
        target.user = Some("me".to_string());
        target.resp3 = true;
        assert_eq!(target.greeting().1, 3);
        assert!(target.is_local());
    }
}
