//! What an event loop does for clients that wait for a key (BLPOP and the like).
//!
//! ```text
//!   settle    Blocked? not read from any more; its deadline is noted
//!   Look      somebody served or unblocked it: its reply is taken up, and it is executed on
//!   deadline  the loop wakes for the next one at the latest
//!   RDHUP     closed: nobody is served who is on his way out
//! ```
//!
//! Epoll goes on watching the socket, as two calls to it for each wait would cost more than
//! the wait itself; what the client sends meanwhile stays there until it is read from again.

use std::collections::BTreeSet;

use base::Now;
use engine::Client;

use super::event::EventLoop;

/// Blocked clients who will not wait for ever, by their deadlines: the seat beside it.
#[derive(Default)]
pub(super) struct Blocked(BTreeSet<(u64, u32)>);

impl Blocked {
    pub(super) fn add(&mut self, seat: u32, client: &Client) {
        self.0.extend(deadline_us(client).map(|us| (us, seat)));
    }

    pub(super) fn remove(&mut self, seat: u32, client: &Client) {
        if let Some(deadline_us) = deadline_us(client) {
            self.0.remove(&(deadline_us, seat));
        }
    }

    pub(super) fn wait_us_max(&self, now: Now) -> u64 {
        let next = self.0.first();
        next.map_or(u64::MAX, |(us, _)| us.saturating_sub(now.mono_us))
    }

    /// One whose time is up.
    fn pop_due(&mut self, now: Now) -> Option<u32> {
        let &(deadline_us, seat) = self.0.first()?;
        (deadline_us <= now.mono_us).then(|| {
            self.0.pop_first();
            seat
        })
    }
}

fn deadline_us(client: &Client) -> Option<u64> {
    client.session.wait.as_ref()?.deadline_us
}

impl EventLoop {
    /// If the wait of a client that is blocked is over, it reads why and goes on.
    pub(super) fn go_on(&mut self, seat: u32, now: Now) {
        let index = seat as usize;
        let (Some(entry), Some(client)) = (&mut self.seats[index], &mut self.clients[index]) else {
            return;
        };
        let noted = deadline_us(client).map(|us| (us, seat));
        client.outbox.lend(&mut self.outbox_pool);
        if !self.executor.take_up(now, client) {
            return;
        }
        if let Some(noted) = noted {
            self.blocked.0.remove(&noted);
        }
        entry.blocked = false;
        let sent_more = std::mem::take(&mut entry.sent_more);
        if sent_more {
            self.read_later(seat);
        }
        self.list(seat);
    }

    /// Blocked clients whose time is up go on.
    pub(super) fn time_out(&mut self, now: Now) {
        while let Some(seat) = self.blocked.pop_due(now) {
            if let Some(client) = &self.clients[seat as usize] {
                client.session.time_out();
            }
            self.go_on(seat, now);
        }
    }
}
