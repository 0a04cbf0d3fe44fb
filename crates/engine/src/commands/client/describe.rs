//! CLIENT INFO and CLIENT LIST: a connection as one line of `field=value` words.
//!
//! ```text
//!   id=3 addr=127.0.0.1:50000 laddr=127.0.0.1:6379 fd=9 name= age=4 idle=0 flags=N db=0 ...
//! ```
//!
//! Fields and their order are Redis', as monitoring tools split such lines. The
//! line is made from the client's card, so the other clients are shown as they
//! were at the end of their last turn.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;

use resp::Reply;

use super::Kind;
use crate::args::Args;
use crate::clients::{Card, flag};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn info(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    refresh_own(ctx);
    let mut text = Vec::new();
    write_line(&mut text, ctx, &ctx.session.card);
    reply.verbatim("txt", &text);
    Ok(())
}

pub(super) fn list(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let cards = selected(ctx, args)?;
    refresh_own(ctx);
    let mut text = Vec::new();
    for card in &cards {
        write_line(&mut text, ctx, card);
    }
    reply.verbatim("txt", &text);
    Ok(())
}

/// The cards of all clients, of one kind (`TYPE kind`), or of some (`ID id ...`,
/// in the order given). Who is named again is not listed again: the reply is
/// bounded by the clients, not by the request.
fn selected(ctx: &Ctx, args: &mut Args) -> Result<Vec<std::sync::Arc<Card>>, CommandError> {
    let clients = &ctx.engine.clients;
    if args.is_done() {
        return Ok(clients.all());
    }
    if args.left() == 2 && args.word("type") {
        let kind = Kind::parse(args.bytes()?)?;
        let mut cards = clients.all();
        cards.retain(|card| Kind::of(card) == kind);
        return Ok(cards);
    }
    if args.left() >= 2 && args.word("id") {
        let (mut cards, mut seen) = (Vec::new(), BTreeSet::new());
        while !args.is_done() {
            let id = base::parse_i64(args.bytes()?);
            let id = id.ok_or_else(|| CommandError::err("Invalid client ID"))?;
            let id = u64::try_from(id).ok().filter(|&id| seen.insert(id));
            cards.extend(id.and_then(|id| clients.find(id)));
        }
        return Ok(cards);
    }
    Err(CommandError::Syntax)
}

/// Cards are written at the end of a turn; who asks in the middle of its own
/// sees the present.
fn refresh_own(ctx: &Ctx) {
    ctx.session.publish();
    let card = &ctx.session.card;
    card.last_active_unix_secs
        .store(ctx.now.unix_secs(), Relaxed);
}

/// Nobody can subscribe or be redirected to, hence the zeros and `redir=-1`.
/// Arguments lie in the query and reply buffers are lent by the driver, so a
/// client owns neither: `argv-mem`, `rbs` and `rbp` are zero.
fn write_line(out: &mut Vec<u8>, ctx: &Ctx, card: &Card) {
    let now_secs = ctx.now.unix_secs();
    let names = card.names.lock().clone();
    let (pieces, tail_bytes) = (
        card.outbox_pieces.load(Relaxed),
        card.outbox_tail_bytes.load(Relaxed),
    );
    write!(
        out,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub=0 psub=0 ssub=0 \
         multi={} watch={} qbuf={} qbuf-free={} argv-mem=0 multi-mem={} rbs=0 rbp=0 obl={} oll={} \
         omem={} tot-mem={} events={} cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}",
        card.id,
        card.origin.peer,
        card.origin.local,
        card.origin.descriptor,
        Word(&names.name),
        (now_secs - card.created_unix_secs).max(0),
        (now_secs - card.last_active_unix_secs.load(Relaxed)).max(0),
        letters(card),
        card.database.load(Relaxed),
        card.multi.load(Relaxed),
        card.watched.load(Relaxed),
        card.query_bytes.load(Relaxed),
        card.query_free_bytes.load(Relaxed),
        card.multi_bytes.load(Relaxed),
        tail_bytes,
        pieces,
        card.outbox_bytes.load(Relaxed),
        card.memory_bytes.load(Relaxed),
        if pieces > 0 || tail_bytes > 0 {
            "rw"
        } else {
            "r"
        },
        last_command(ctx, card),
        card.protocol.load(Relaxed),
        Word(&names.lib_name),
        Word(&names.lib_version),
    )
    .expect("a vector takes all");
    out.push(b'\n');
}

/// A name of printable ASCII, as text.
struct Word<'a>(&'a [u8]);

impl std::fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = std::str::from_utf8(self.0).expect("names are checked to be ASCII");
        f.write_str(text)
    }
}

/// One letter for each peculiarity, `N` for none.
fn letters(card: &Card) -> String {
    let flags = card.flags.load(Relaxed);
    let is = |bit| flags & bit != 0;
    let marks = [
        ('x', is(flag::IN_MULTI)),
        ('b', is(flag::PARKED)),
        ('d', is(flag::WATCH_BROKEN)),
        ('c', is(flag::CLOSING)),
        ('A', card.is_doomed()),
        ('U', card.origin.is_unix),
        ('e', card.no_evict.load(Relaxed)),
        ('T', is(flag::NO_TOUCH)),
    ];
    let set = marks.iter().filter(|(_, on)| *on);
    let letters: String = set.map(|(letter, _)| letter).collect();
    match letters.as_str() {
        "" => "N".to_owned(),
        _ => letters,
    }
}

fn last_command(ctx: &Ctx, card: &Card) -> std::borrow::Cow<'static, str> {
    let commands = ctx.engine.commands.all();
    match usize::from(card.last_command.load(Relaxed)) {
        0 => "NULL".into(),
        after => commands[after - 1].spec.full_name(),
    }
}
