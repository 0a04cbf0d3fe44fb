//! After a command: serve those who waited for what it changed.
//!
//! ```text
//!   LPUSH k x ─► k is signaled ─► ticket 7: LPOP k, in its client's name ─► effects of the pop
//!                                 ticket 9: k is empty again, it waits on
//!                              ─► hand over ─► replies to the drivers of those served
//! ```
//!
//! The thread that wrote does it while it still holds the shards, so that nobody sees
//! what a waiting client takes. A ticket that needs other shards (the destination of
//! BLMOVE) comes after: all are left, those needed are entered, and the queue is looked
//! at again from its front. Until then the key stays signaled, and whoever comes with a
//! blocking command stands in line behind it.
//!
//! What serving changes may be awaited too; its keys are signaled in turn and served in
//! this same loop, which ends because each round takes a ticket away.

use std::collections::VecDeque;
use std::sync::Arc;

use resp::{Outbox, Reply};
use store::Key;

use crate::args::Args;
use crate::clients::Card;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::host::Lsn;
use crate::pipeline::{answer_error, hand_over, settle};
use crate::session::{Client, Session, Stage};
use crate::waits::{Outcome, Ready, Served, Ticket};

/// A reply that goes out once its effects are in the log.
struct Answer {
    ticket: Arc<Ticket>,
    reply: Outbox,
    gate: Lsn,
}

/// Serve all keys that were signaled.
#[cold]
pub(crate) fn serve(ctx: &mut Ctx<'_>) {
    ctx.now = ctx.local.now;
    let mut answers = Vec::new();
    let mut far = VecDeque::new();
    loop {
        while let Some(mut ready) = ctx.local.ready.pop_front() {
            if let Err(missing) = serve_key(ctx, &ready, &mut answers) {
                ready.needs.extend(missing);
                far.push_back(ready);
            }
        }
        deliver(ctx, &mut answers);
        let Some(ready) = far.pop_front() else {
            return;
        };
        enter(ctx, &ready);
        ctx.local.ready.push_back(ready);
    }
}

/// Serve the queue of one key from its front. An error names the shards that its first
/// ticket needs beside the key's.
fn serve_key(ctx: &mut Ctx<'_>, ready: &Ready, answers: &mut Vec<Answer>) -> Result<(), Vec<u32>> {
    let index = ctx.engine.shards.of(ready.hash);
    if !ctx.local.held.holds(index) {
        return Err(Vec::new());
    }
    let key = Key {
        bytes: &ready.key,
        hash: ready.hash,
    };
    let mut after = 0;
    loop {
        let slot = ctx.find_in(ready.database, &key);
        let holds = slot.map(|slot| ctx.entry_in(ready.database, &key, slot).kind());
        let waits = &ctx.held_shard(index).waits;
        let Some(ticket) = waits.next(ready.database, &ready.key, after, holds) else {
            break;
        };
        let needs = ticket.needs.iter();
        if needs.clone().any(|&it| !ctx.local.held.holds(it as usize)) {
            return Err(needs.copied().collect());
        }
        after = ticket.arrival;
        match serve_one(ctx, &ticket, &key) {
            Some(Answered::NotYet) => continue,
            Some(Answered::With(reply, gate)) => answers.push(Answer {
                ticket: ticket.clone(),
                reply,
                gate,
            }),
            None => {}
        }
        ctx.held_shard(index).waits.remove(&ready.key, &ticket);
    }
    let waits = &mut ctx.held_shard(index).waits;
    waits.was_served(ready.database, &ready.key);
    Ok(())
}

enum Answered {
    With(Outbox, Lsn),
    NotYet,
}

/// Run a waiting request. `None` if its wait was over already.
fn serve_one(ctx: &mut Ctx<'_>, ticket: &Ticket, key: &Key<'_>) -> Option<Answered> {
    let mut session = stand_in(ticket);
    let mut outbox = Outbox::default();
    let mut ctx = Ctx {
        engine: ctx.engine,
        now: ctx.now,
        session: &mut session,
        local: ctx.local,
    };
    let served = ticket.try_serve(|| run(&mut ctx, ticket, key, &mut outbox))?;
    if !ctx.local.effects.is_empty() {
        settle(&mut ctx);
    }
    if served == Served::NotYet {
        return Some(Answered::NotYet);
    }
    if ctx.local.effects.groups() > 0 || !ctx.local.written.is_kept {
        // What it was given may be the work of those before it. It is sent from elsewhere: perhaps
        // when replies have come to be held back, which they were not when this batch began.
        ctx.session.gate = Lsn::PENDING;
    }
    Some(Answered::With(outbox, ctx.session.gate))
}

fn run(ctx: &mut Ctx<'_>, ticket: &Ticket, key: &Key<'_>, outbox: &mut Outbox) -> Served {
    let command = ctx.engine.commands.get(ticket.command);
    let mut reply = Reply::new(outbox, ticket.protocol);
    let mark = reply.mark();
    let argv = ticket.request.as_argv();
    let mut args = Args::new(argv, command.words, &ctx.engine.hasher, &[]);
    match (ticket.serve)(ctx, &mut args, key, &mut reply) {
        Ok(served) => served,
        Err(error) => {
            reply.cut(mark);
            ctx.local.stats.failed(ticket.command.index());
            answer_error(ctx, &error, &mut reply);
            Served::Yes
        }
    }
}

/// A session that looks to a handler like the client's own, which is elsewhere.
fn stand_in(ticket: &Ticket) -> Session {
    let card: &Arc<Card> = &ticket.card;
    let mut session = Client::new(card.clone(), true).session;
    session.database = ticket.database;
    session.protocol = ticket.protocol;
    session.no_touch = ticket.no_touch;
    session.last_command = Some(ticket.command);
    session
}

/// The effects go to the log, then the replies to their drivers.
fn deliver(ctx: &mut Ctx<'_>, answers: &mut Vec<Answer>) {
    if ctx.local.effects.groups() > 0 && !answers.is_empty() {
        hand_over(ctx);
    }
    for answer in answers.drain(..) {
        let gate = match answer.gate {
            Lsn::PENDING => ctx.local.written.last,
            gate => gate,
        };
        answer.ticket.deliver(answer.reply, gate);
    }
}

/// Leave everything, and enter what a ticket needs.
fn enter(ctx: &mut Ctx<'_>, ready: &Ready) {
    ctx.hand_over();
    let mut wanted = ready.needs.clone();
    wanted.push(ctx.engine.shards.of(ready.hash) as u32);
    ctx.local.held.many(&mut wanted);
}

/// For a client's driver: what the client reads now that its wait is over.
pub(crate) fn answer_outcome(
    ctx: &mut Ctx<'_>,
    ticket: &Ticket,
    outcome: Outcome,
    outbox: &mut Outbox,
) {
    match outcome {
        Outcome::Abandoned => ctx.session.stage = Stage::Closed,
        _ if ticket.silent => {}
        Outcome::Served { reply, gate } => {
            ctx.session.gate = ctx.session.gate.max(gate);
            outbox.append(reply);
        }
        Outcome::TimedOut => Reply::new(outbox, ticket.protocol).null_array(),
        Outcome::Refused => {
            let line = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
            let error = CommandError::Line(line.into());
            ctx.local.stats.failed(ticket.command.index());
            answer_error(ctx, &error, &mut Reply::new(outbox, ticket.protocol));
        }
    }
}
