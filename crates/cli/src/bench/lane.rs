//! The sockets of one generator thread behind one epoll descriptor.
//!
//! ```text
//!   send ──► write, whole in nearly all cases; the rest waits for EPOLLOUT
//!   wait ──► which connections have something
//!   receive ─► one read into the lane's buffer, replies counted on the spot
//! ```
//!
//! A round trip costs one write, one read and a share of one epoll_wait.
//! Connections are watched edge-triggered for reading, so the kernel does not
//! look again at sockets that are drained; therefore whoever expects more from
//! a connection reads on until [`Received::Nothing`].

use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::time::Timespec;

use crate::bench::error::Error;
use crate::bench::target::Target;
use crate::bench::wire::ReplyScanner;

/// Fits in the second-level cache and holds a deep pipeline of small replies.
const BUFFER_BYTES: usize = 128 * 1024;
const EVENTS_PER_WAIT: usize = 256;

/// Some connections and the means to wait for them all.
pub struct Lane {
    target: Target,
    greeting: (Vec<u8>, u64),
    epoll: OwnedFd,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
}

struct Connection {
    socket: OwnedFd,
    scanner: ReplyScanner,
    /// Bytes that the socket did not take yet.
    unwritten: Vec<u8>,
    written: usize,
    /// Replies to the greeting, which nobody measures.
    greetings_due: u64,
}

/// What [`Lane::wait`] found. It belongs to the thread that waits.
pub struct Events(Vec<epoll::Event>);

impl Events {
    pub fn new() -> Events {
        Events(Vec::with_capacity(EVENTS_PER_WAIT))
    }

    pub fn iter(&self) -> impl Iterator<Item = Ready> + '_ {
        let trouble = EventFlags::HUP | EventFlags::ERR;
        self.0
            .iter()
            .map(move |&epoll::Event { flags, data }| Ready {
                index: data.u64() as usize,
                readable: flags.intersects(EventFlags::IN | trouble),
                writable: flags.intersects(EventFlags::OUT | trouble),
            })
    }
}

/// A connection that has something to do.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    pub index: usize,
    pub readable: bool,
    pub writable: bool,
}

/// What one read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// The socket is drained.
    Nothing,
    /// So many replies ended; perhaps none.
    Replies(u64),
}

/// Totals of all scanners of a lane.
#[derive(Debug, Default, Clone)]
pub struct ReplyCounts {
    pub errors: u64,
    pub nulls: u64,
    pub first_error: Option<String>,
}

impl Lane {
    /// Opens and greets `count` connections.
    pub fn open(target: &Target, count: usize) -> Result<Lane, Error> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(|errno| Error::system("epoll_create")(errno.into()))?;
        let mut lane = Lane {
            target: target.resolved(),
            greeting: target.greeting(),
            epoll,
            connections: Vec::with_capacity(count),
            buffer: vec![0; BUFFER_BYTES],
        };
        for index in 0..count {
            let socket = lane.target.dial()?;
            rustix::io::ioctl_fionbio(&socket, true)
                .map_err(|errno| Error::system("FIONBIO")(errno.into()))?;
            lane.watch(&socket, index, false)?;
            let connection = Connection::new(socket);
            lane.connections.push(connection);
            lane.greet(index)?;
        }
        Ok(lane)
    }

    /// How many connections there are; their indices are below this.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Replaces a connection by a fresh one, which may still be connecting.
    pub fn reopen(&mut self, index: usize) -> Result<(), Error> {
        let socket = self.target.dial_nonblocking()?;
        self.watch(&socket, index, true)?;
        let fresh = Connection::new(socket);
        let mut old = std::mem::replace(&mut self.connections[index], fresh);
        let scanner = &mut self.connections[index].scanner;
        std::mem::swap(scanner, &mut old.scanner);
        self.greet(index)
    }

    /// Sends `bytes` on a connection, at once as far as the socket takes them.
    pub fn send(&mut self, index: usize, bytes: &[u8]) -> Result<(), Error> {
        let connection = &mut self.connections[index];
        if connection.is_blocked() {
            connection.unwritten.extend_from_slice(bytes);
            return Ok(());
        }
        let taken = match rustix::io::write(&connection.socket, bytes) {
            Ok(taken) => taken,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(errno) => return Err(self.lost(errno)),
        };
        if taken < bytes.len() {
            connection.unwritten.extend_from_slice(&bytes[taken..]);
            self.rewatch(index, true)?;
        }
        Ok(())
    }

    /// Goes on writing what the socket did not take before.
    pub fn flush(&mut self, index: usize) -> Result<(), Error> {
        let connection = &mut self.connections[index];
        while connection.is_blocked() {
            let rest = &connection.unwritten[connection.written..];
            match rustix::io::write(&connection.socket, rest) {
                Ok(taken) => connection.written += taken,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.lost(errno)),
            }
            if connection.written == connection.unwritten.len() {
                connection.unwritten.clear();
                connection.written = 0;
            }
        }
        self.rewatch(index, false)
    }

    /// Whether bytes wait for the socket.
    pub fn is_blocked(&self, index: usize) -> bool {
        self.connections[index].is_blocked()
    }

    /// Waits up to `timeout_ns` until some connection is ready.
    pub fn wait(&mut self, timeout_ns: u64, events: &mut Events) -> Result<(), Error> {
        let mut timeout = timespec(timeout_ns);
        if !timeout_ns.is_multiple_of(1_000_000) {
            // epoll_wait counts whole milliseconds, ppoll nanoseconds.
            let mut readiness = [PollFd::new(&self.epoll, PollFlags::IN)];
            match poll(&mut readiness, Some(&timeout)) {
                Ok(_) | Err(Errno::INTR) => timeout = timespec(0),
                Err(errno) => return Err(Error::system("ppoll")(errno.into())),
            }
        }
        events.0.clear();
        let room = rustix::buffer::spare_capacity(&mut events.0);
        match epoll::wait(&self.epoll, room, Some(&timeout)) {
            // Whoever polls holds a core on which the server may be waiting to run.
            Ok(0) if timeout_ns == 0 => rustix::thread::sched_yield(),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::system("epoll_wait")(errno.into())),
        }
        Ok(())
    }

    /// Reads once from a connection.
    pub fn receive(&mut self, index: usize) -> Result<Received, Error> {
        let connection = &mut self.connections[index];
        let read = match rustix::io::read(&connection.socket, &mut self.buffer[..]) {
            Ok(0) => {
                let source =
                    std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "closed by the server");
                return Err(Error::Lost {
                    endpoint: self.target.to_string(),
                    source,
                });
            }
            Ok(read) => read,
            Err(Errno::AGAIN) => return Ok(Received::Nothing),
            Err(Errno::INTR) => return Ok(Received::Replies(0)),
            Err(errno) => return Err(self.lost(errno)),
        };
        let ended = connection.scanner.scan(&self.buffer[..read]);
        let ended = ended.map_err(|source| Error::Wire {
            endpoint: self.target.to_string(),
            source,
        })?;
        let greetings = ended.min(connection.greetings_due);
        connection.greetings_due -= greetings;
        Ok(Received::Replies(ended - greetings))
    }

    /// Whether any reply on this connection so far was an error.
    pub fn has_errors(&self, index: usize) -> bool {
        self.connections[index].scanner.errors() > 0
    }

    /// Takes the counts of all connections and starts them anew.
    pub fn take_counts(&mut self) -> ReplyCounts {
        let mut counts = ReplyCounts::default();
        for connection in &mut self.connections {
            counts.errors += connection.scanner.errors();
            counts.nulls += connection.scanner.nulls();
            counts.first_error = counts
                .first_error
                .or_else(|| connection.scanner.first_error());
            connection.scanner.reset_counts();
        }
        counts
    }

    /// An answer that nobody asked for; the stream is out of step.
    pub fn out_of_step(&self) -> Error {
        let source = std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "the server sent more replies than it had requests",
        );
        Error::Lost {
            endpoint: self.target.to_string(),
            source,
        }
    }

    fn greet(&mut self, index: usize) -> Result<(), Error> {
        if self.greeting.1 > 0 {
            self.connections[index].greetings_due = self.greeting.1;
            let greeting = self.greeting.0.clone();
            self.send(index, &greeting)?;
        }
        Ok(())
    }

    fn watch(&self, socket: &OwnedFd, index: usize, for_writing: bool) -> Result<(), Error> {
        let data = EventData::new_u64(index as u64);
        epoll::add(&self.epoll, socket, data, interest(for_writing))
            .map_err(|errno| Error::system("epoll_ctl")(errno.into()))
    }

    fn rewatch(&self, index: usize, for_writing: bool) -> Result<(), Error> {
        let data = EventData::new_u64(index as u64);
        epoll::modify(
            &self.epoll,
            &self.connections[index].socket,
            data,
            interest(for_writing),
        )
        .map_err(|errno| Error::system("epoll_ctl")(errno.into()))
    }

    fn lost(&self, errno: Errno) -> Error {
        Error::Lost {
            endpoint: self.target.to_string(),
            source: errno.into(),
        }
    }
}

impl Connection {
    fn new(socket: OwnedFd) -> Connection {
        Connection {
            socket,
            scanner: ReplyScanner::default(),
            unwritten: Vec::new(),
            written: 0,
            greetings_due: 0,
        }
    }

    fn is_blocked(&self) -> bool {
        !self.unwritten.is_empty()
    }
}

fn timespec(ns: u64) -> Timespec {
    Timespec {
        tv_sec: (ns / 1_000_000_000) as i64,
        tv_nsec: (ns % 1_000_000_000) as i64,
    }
}

/// Writability is watched only while bytes wait for it: on Unix sockets every
/// message that the server takes would otherwise wake us.
fn interest(for_writing: bool) -> EventFlags {
    let reading = EventFlags::IN | EventFlags::ET;
    if for_writing {
        reading | EventFlags::OUT
    } else {
        reading
    }
}
