//! One client's socket, and the bytes that go in and out.
//!
//! The same for both loops: an event loop calls these when the socket is
//! ready, a client's own thread calls them and waits inside.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use resp::{Outbox, Query, QueryPool};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

/// A client's socket and what it has sent.
pub(crate) struct Connection {
    /// Shared with whoever may have to end the connection.
    socket: Arc<OwnedFd>,
    pub(crate) query: Query,
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes; if `more`, the room was filled and more may wait.
    Bytes {
        count: usize,
        more: bool,
    },
    Nothing,
    /// The client has sent all it will: answer what is there, then close.
    End,
    Broken,
}

/// What a write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    All,
    /// The client does not keep up.
    Part,
    /// It does, but it is others' turn.
    More,
    Broken,
}

impl Connection {
    pub(crate) fn new(socket: OwnedFd) -> Connection {
        Connection {
            socket: Arc::new(socket),
            query: Query::default(),
            received_bytes: 0,
            sent_bytes: 0,
        }
    }

    /// One read into the query.
    #[inline]
    pub(crate) fn receive(&mut self, pool: &mut QueryPool) -> Received {
        let room = self.query.room(pool);
        let free = room.capacity() - room.len();
        let got = rustix::net::recv(&self.socket, spare_capacity(room), RecvFlags::empty());
        match got {
            Ok((0, _)) => Received::End,
            Ok((count, _)) => {
                self.received_bytes += count as u64;
                let more = count == free;
                self.query.was_read(count, more);
                Received::Bytes { count, more }
            }
            Err(Errno::AGAIN | Errno::INTR) => Received::Nothing,
            Err(_) => Received::Broken,
        }
    }

    /// Send what waits, as much as the socket takes. Of what is still to be encoded,
    /// about so many bytes as are left to be `encoded`.
    #[inline]
    pub(crate) fn send(&mut self, outbox: &mut Outbox, encoded: &mut usize) -> Sent {
        while !outbox.is_empty() {
            if outbox.must_encode() {
                if *encoded == 0 {
                    return Sent::More;
                }
                *encoded = encoded.saturating_sub(outbox.encode());
                continue;
            }
            match self.send_some(outbox) {
                Ok(count) => {
                    self.sent_bytes += count as u64;
                    outbox.advance(count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Sent::Part,
                Err(_) => return Sent::Broken,
            }
        }
        Sent::All
    }

    #[inline]
    fn send_some(&self, outbox: &Outbox) -> Result<usize, Errno> {
        if let Some(bytes) = outbox.single() {
            return rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL);
        }
        let mut slices = [IoSlice::new(&[]); 64];
        let used = outbox.slices(&mut slices);
        rustix::io::writev(&self.socket, &slices[..used])
    }

    /// The socket, for another thread. It stays open as long as this is kept.
    pub(crate) fn socket(&self) -> Arc<OwnedFd> {
        self.socket.clone()
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
