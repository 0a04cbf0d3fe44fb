//! What a driver does for a client that is blocked.
//!
//! ```text
//!   Blocked ─► Wake::go_on ─► take_up ─┬─ served, timed out, unblocked: the reply is in the outbox
//!           ─► Session::time_out ───────┘  and the client is Running
//!           ─► hangs up ────► disconnect
//! ```
//!
//! The ticket is taken out of the queues of all its keys here and nowhere else but by
//! whoever serves it, from that of one key.

use std::sync::Arc;

use base::Now;

use super::Executor;
use crate::ctx::Ctx;
use crate::pipeline;
use crate::session::{Client, Session, Stage};
use crate::waits::{Outcome, Ticket};

impl Executor {
    /// If the wait of a client that is blocked is over: answer it and let it go on.
    /// Returns whether that was so. Its gate may be further than before, and what its
    /// reply shows in the log's memory only: the batch is to be ended as after
    /// [`Executor::execute`].
    pub fn take_up(&mut self, now: Now, client: &mut Client) -> bool {
        let wait = client.session.wait.as_ref();
        let Some(outcome) = wait.and_then(|ticket| ticket.take_outcome()) else {
            return false;
        };
        self.begin(now);
        let ticket = self.forget_wait(&mut client.session);
        let ticket = ticket.expect("it has an outcome");
        let Client { session, outbox } = client;
        session.stage = Stage::Running;
        let mut ctx = Ctx {
            engine: &self.engine,
            now,
            session,
            local: &mut self.local,
        };
        pipeline::answer_outcome(&mut ctx, &ticket, outcome, outbox);
        true
    }

    /// A client is gone: nothing is to be taken out of a key for it.
    pub(super) fn abandon(&mut self, session: &mut Session) {
        if let Some(ticket) = &session.wait {
            ticket.end(Outcome::Abandoned);
            self.forget_wait(session);
        }
    }

    fn forget_wait(&mut self, session: &mut Session) -> Option<Arc<Ticket>> {
        let ticket = session.wait.take()?;
        *session.card.wait.lock() = None;
        for key in &ticket.keys {
            let shard = self.engine.shards.of(key.hash);
            self.local.held.one(shard);
            self.local
                .held
                .shard(shard)
                .waits
                .remove(&key.bytes, &ticket);
        }
        self.local.held.none();
        Some(ticket)
    }
}
