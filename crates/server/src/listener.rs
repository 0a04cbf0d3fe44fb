//! Listening sockets: TCP on several addresses, and a unix socket.
//!
//! A listener accepts without blocking and prepares what it accepts: no delay,
//! keepalive, and where it comes from as CLIENT LIST shows it. Too many
//! clients, or a stranger at a protected server, are told so and closed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::Origin;
use engine::config::{BindAddress, Live};
use rustix::net::{SendFlags, SocketFlags};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};

/// A socket that accepts clients.
pub(crate) struct Listener {
    socket: Socket,
    place: Place,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A new client's socket.
pub(crate) struct Accepted {
    pub(crate) socket: OwnedFd,
    pub(crate) origin: Origin,
}

/// All listeners that a configuration asks for, or what is in the way. Those
/// of `present` that it asks for too are kept as they are.
pub(crate) fn listen(
    live: &Live,
    present: &[Arc<Listener>],
    log: &crate::log::Log,
) -> Result<Vec<Arc<Listener>>, String> {
    let mut listeners = Vec::new();
    let mut port = live.port;
    if wants_tcp(live) {
        for address in &live.bind {
            match Listener::tcp(address, port, live.tcp_backlog, present) {
                Ok(listener) => {
                    // Port 0 lets the system choose, once for all addresses.
                    port = listener.port().unwrap_or(port);
                    listeners.push(listener);
                }
                Err(error) if address.optional && is_absent(&error) => {}
                Err(error) => {
                    let line = format!(
                        "Could not create server TCP listening socket {}:{port}: {error}",
                        address.host
                    );
                    log.warning(&line);
                    return Err(line);
                }
            }
        }
        if listeners.is_empty() {
            return Err("none of the addresses of 'bind' exists on this machine".into());
        }
    }
    if let Some(path) = &live.unixsocket {
        let listener = Listener::unix(path, live.unixsocketperm, live.tcp_backlog, present);
        listeners.push(listener.map_err(|error| {
            let line = format!("Failed opening Unix socket: {}: {error}", path.display());
            log.warning(&line);
            line
        })?);
    }
    Ok(listeners)
}

fn kept(present: &[Arc<Listener>], place: &Place) -> Option<Arc<Listener>> {
    present.iter().find(|l| l.place == *place).cloned()
}

/// With a unix socket and no port there is no TCP; with port 0 alone the
/// system chooses a port.
fn wants_tcp(live: &Live) -> bool {
    !live.bind.is_empty() && (live.port != 0 || live.unixsocket.is_none())
}

/// Errors that mean "this machine has no such address".
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EADDRNOTAVAIL
                | libc::EAFNOSUPPORT
                | libc::EPFNOSUPPORT
                | libc::EPROTONOSUPPORT
                | libc::ESOCKTNOSUPPORT
                | libc::ENOPROTOOPT
        )
    )
}

impl Listener {
    fn tcp(
        address: &BindAddress,
        port: u16,
        backlog: u32,
        present: &[Arc<Listener>],
    ) -> io::Result<Arc<Listener>> {
        let addr = resolve(&address.host, port)?;
        if let Some(same) = kept(present, &Place::Tcp(addr)) {
            return Ok(same);
        }
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        socket.listen(backlog.min(i32::MAX as u32) as i32)?;
        socket.set_nonblocking(true)?;
        let bound = socket.local_addr()?.as_socket().unwrap_or(addr);
        Ok(Arc::new(Listener {
            socket,
            place: Place::Tcp(bound),
        }))
    }

    fn unix(
        path: &Path,
        permissions: u32,
        backlog: u32,
        present: &[Arc<Listener>],
    ) -> io::Result<Arc<Listener>> {
        if let Some(same) = kept(present, &Place::Unix(path.to_owned())) {
            return Ok(same);
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        remove_stale_socket(path)?;
        socket.bind(&SockAddr::unix(path)?)?;
        if permissions != 0 {
            // Before listening, so that nobody slips in under wider permissions.
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(permissions))?;
        }
        socket.listen(backlog.min(i32::MAX as u32) as i32)?;
        socket.set_nonblocking(true)?;
        Ok(Arc::new(Listener {
            socket,
            place: Place::Unix(path.to_owned()),
        }))
    }

    pub(crate) fn port(&self) -> Option<u16> {
        match &self.place {
            Place::Tcp(addr) => Some(addr.port()),
            Place::Unix(_) => None,
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The next waiting client, if there is one.
    pub(crate) fn accept(&self, live: &Live, nonblocking: bool) -> io::Result<Option<Accepted>> {
        let flags = if nonblocking {
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK
        } else {
            SocketFlags::CLOEXEC
        };
        let socket = match rustix::net::accept_with(&self.socket, flags) {
            Ok(socket) => socket,
            Err(error) => {
                let error = io::Error::from(error);
                return match error.kind() {
                    io::ErrorKind::WouldBlock
                    | io::ErrorKind::Interrupted
                    | io::ErrorKind::ConnectionAborted => Ok(None),
                    _ => Err(error),
                };
            }
        };
        let origin = self.origin(&socket);
        if let Place::Tcp(_) = self.place {
            // A client that has hung up already shows at the first read.
            let _ = prepare_tcp(&socket, live);
        }
        Ok(Some(Accepted { socket, origin }))
    }

    fn origin(&self, socket: &OwnedFd) -> Origin {
        let descriptor = i64::from(socket.as_raw_fd());
        let socket = SockRef::from(socket);
        let shown = |addr: io::Result<SockAddr>| addr.ok().and_then(|addr| addr.as_socket());
        match &self.place {
            Place::Unix(path) => {
                let name = format!("{}:0", path.display());
                Origin {
                    peer: name.clone(),
                    local: name,
                    descriptor,
                    is_local: true,
                    is_unix: true,
                    loop_index: 0,
                }
            }
            Place::Tcp(_) => {
                let peer = shown(socket.peer_addr());
                let text = |addr: Option<SocketAddr>| {
                    addr.map_or_else(|| "?:0".to_owned(), |addr| show_address(&addr))
                };
                Origin {
                    peer: text(peer),
                    local: text(shown(socket.local_addr())),
                    descriptor,
                    is_local: peer.is_some_and(|peer| is_loopback(peer.ip())),
                    is_unix: false,
                    loop_index: 0,
                }
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Place::Unix(path) = &self.place {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Tell a client that cannot stay why, and close it.
pub(crate) fn turn_away(accepted: Accepted, line: &str) {
    let text = format!("-{line}\r\n");
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let _ = rustix::net::send(&accepted.socket, text.as_bytes(), flags);
}

/// What a stranger reads at a server without a password.
pub(crate) const PROTECTED: &str = "DENIED Ochre is running in protected mode because protected \
    mode is enabled and no password is set for the default user. In this mode connections are \
    only accepted from the loopback interface. If you want to connect from external computers, \
    set a password with CONFIG SET requirepass or the 'requirepass' directive, or disable \
    protected mode with CONFIG SET protected-mode no (only on a network that you trust).";

/// `127.0.0.1:6379`, and an IPv6 address in brackets.
fn show_address(addr: &SocketAddr) -> String {
    match addr {
        SocketAddr::V4(addr) => addr.to_string(),
        SocketAddr::V6(addr) => format!("[{}]:{}", addr.ip(), addr.port()),
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback())
        }
    }
}

fn resolve(host: &str, port: u16) -> io::Result<SocketAddr> {
    match host {
        "*" => Ok((Ipv4Addr::UNSPECIFIED, port).into()),
        "::*" => Ok((std::net::Ipv6Addr::UNSPECIFIED, port).into()),
        _ => (host, port)
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such host")),
    }
}

/// A socket file left behind by a server that was killed is in the way; any
/// other file stays.
fn remove_stale_socket(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => std::fs::remove_file(path),
        _ => Ok(()),
    }
}

fn prepare_tcp(socket: &OwnedFd, live: &Live) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_tcp_nodelay(true)?;
    if live.tcp_keepalive_secs > 0 {
        let idle = Duration::from_secs(u64::from(live.tcp_keepalive_secs));
        let keepalive = TcpKeepalive::new()
            .with_time(idle)
            .with_interval((idle / 3).max(Duration::from_secs(1)))
            .with_retries(3);
        socket.set_tcp_keepalive(&keepalive)?;
    }
    Ok(())
}
