//! CLIENT KILL: close the connections that pass all filters.
//!
//! ```text
//!   CLIENT KILL 127.0.0.1:50000                      one, by its address; may be one's own
//!   CLIENT KILL TYPE normal MAXAGE 3600 SKIPME no    those that pass, counted
//! ```
//!
//! Others are closed at once, whatever they still had to read. Who kills itself
//! gets the answer first.

use resp::Reply;

use super::super::connection::DEFAULT_USER;
use super::Kind;
use crate::args::Args;
use crate::clients::Card;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::pipeline::{SHOWN_BYTES_MAX, shown};
use crate::session::Stage;

pub(super) fn kill(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if args.left() == 1 {
        let filter = Filter {
            peer: Some(args.bytes()?),
            ..Filter::default()
        };
        if close_all(ctx, &filter) == 0 {
            return Err(CommandError::err("No such client"));
        }
        reply.ok();
    } else {
        let filter = Filter::parse(args)?;
        reply.count(close_all(ctx, &filter));
    }
    Ok(())
}

/// Close all that pass, and count them.
fn close_all(ctx: &mut Ctx, filter: &Filter) -> usize {
    let now_secs = ctx.now.unix_secs();
    let own = ctx.session.id;
    let mut closed = 0;
    for card in ctx.engine.clients.all() {
        if !filter.passes(&card, now_secs) {
            continue;
        }
        if card.id != own {
            closed += usize::from(ctx.engine.clients.kill(card.id));
        } else if !filter.skip_self {
            ctx.session.stage = Stage::Closing;
            closed += 1;
        }
    }
    closed
}

/// What must be true of a client; `None` is true of all.
#[derive(Default)]
struct Filter<'a> {
    id: Option<u64>,
    peer: Option<&'a [u8]>,
    local: Option<&'a [u8]>,
    kind: Option<Kind>,
    /// Seconds.
    age_min: Option<i64>,
    skip_self: bool,
}

impl<'a> Filter<'a> {
    /// Pairs of a word and its value; of a word that comes twice, the last counts.
    fn parse(args: &mut Args<'a>) -> Result<Filter<'a>, CommandError> {
        let mut filter = Filter {
            skip_self: true,
            ..Filter::default()
        };
        while !args.is_done() {
            if args.left() == 1 {
                return Err(CommandError::Syntax);
            }
            if args.word("id") {
                filter.id = Some(id(args.bytes()?)?);
            } else if args.word("maxage") {
                filter.age_min = Some(age(args.bytes()?)?);
            } else if args.word("type") {
                filter.kind = Some(Kind::parse(args.bytes()?)?);
            } else if args.word("addr") {
                filter.peer = Some(args.bytes()?);
            } else if args.word("laddr") {
                filter.local = Some(args.bytes()?);
            } else if args.word("user") {
                known_user(args.bytes()?)?;
            } else if args.word("skipme") {
                filter.skip_self = yes_or_no(args)?;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(filter)
    }

    fn passes(&self, card: &Card, now_secs: i64) -> bool {
        let origin = &card.origin;
        self.id.is_none_or(|id| id == card.id)
            && self.peer.is_none_or(|peer| peer == origin.peer.as_bytes())
            && self
                .local
                .is_none_or(|local| local == origin.local.as_bytes())
            && self.kind.is_none_or(|kind| kind == Kind::of(card))
            && self
                .age_min
                .is_none_or(|age| now_secs - card.created_unix_secs >= age)
    }
}

fn id(text: &[u8]) -> Result<u64, CommandError> {
    let id = base::parse_i64(text).filter(|&id| id > 0);
    id.map(|id| id as u64)
        .ok_or_else(|| CommandError::err("client-id should be greater than 0"))
}

fn age(text: &[u8]) -> Result<i64, CommandError> {
    match base::parse_i64(text) {
        Some(age) if age > 0 => Ok(age),
        Some(_) => Err(CommandError::err("maxage should be greater than 0")),
        None => Err(CommandError::err(
            "maxage is not an integer or out of range",
        )),
    }
}

/// Every client is the one user that there is, so a known name filters nothing.
fn known_user(name: &[u8]) -> Result<(), CommandError> {
    if name == DEFAULT_USER {
        return Ok(());
    }
    let name = shown(name, SHOWN_BYTES_MAX);
    Err(CommandError::err(format_args!("No such user '{name}'")))
}

fn yes_or_no(args: &mut Args) -> Result<bool, CommandError> {
    if args.word("yes") {
        Ok(true)
    } else if args.word("no") {
        Ok(false)
    } else {
        Err(CommandError::Syntax)
    }
}
