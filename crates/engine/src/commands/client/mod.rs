//! CLIENT: what a connection says about itself, and how others direct it.
//!
//! ```text
//!   describe   INFO, LIST            a card as one line of text
//!   kill       KILL                  filters over all cards
//!   here       everything else       switches of the own session, names, pauses
//! ```

mod describe;
mod kill;

use std::sync::atomic::Ordering;

use resp::Reply;

use super::help::help;
use super::{Row, bare_container, cmd, container};
use crate::args::Args;
use crate::clients::{Card, Names};
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::pause::PauseMode;
use crate::pipeline::{SHOWN_BYTES_MAX, shown};
use crate::session::ReplyMode;
use crate::waits::Outcome;

pub(super) static TABLE: &[Row] = &[container(
    &spec::connection::CLIENT,
    bare_container,
    &[
        cmd(&spec::connection::CLIENT_GETNAME, getname),
        cmd(&spec::connection::CLIENT_HELP, help),
        cmd(&spec::connection::CLIENT_ID, id),
        cmd(&spec::connection::CLIENT_INFO, describe::info),
        cmd(&spec::connection::CLIENT_KILL, kill::kill),
        cmd(&spec::connection::CLIENT_LIST, describe::list),
        cmd(&spec::connection::CLIENT_NO_EVICT, no_evict),
        cmd(&spec::connection::CLIENT_NO_TOUCH, no_touch),
        cmd(&spec::connection::CLIENT_PAUSE, pause),
        cmd(&spec::connection::CLIENT_REPLY, reply_mode),
        cmd(&spec::connection::CLIENT_SETINFO, setinfo),
        cmd(&spec::connection::CLIENT_SETNAME, setname),
        cmd(&spec::connection::CLIENT_UNBLOCK, unblock),
        cmd(&spec::connection::CLIENT_UNPAUSE, unpause),
    ],
)];

/// The kinds of clients that LIST and KILL tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Normal,
    Master,
    Replica,
    PubSub,
}

impl Kind {
    fn parse(word: &[u8]) -> Result<Kind, CommandError> {
        let kinds: [(&[u8], Kind); 5] = [
            (b"normal", Kind::Normal),
            (b"slave", Kind::Replica),
            (b"replica", Kind::Replica),
            (b"pubsub", Kind::PubSub),
            (b"master", Kind::Master),
        ];
        let found = kinds
            .iter()
            .find(|(name, _)| base::eq_ignore_case(word, name));
        found.map(|&(_, kind)| kind).ok_or_else(|| {
            let word = shown(word, SHOWN_BYTES_MAX);
            CommandError::err(format_args!("Unknown client type '{word}'"))
        })
    }

    /// Nobody subscribes or replicates: all clients are normal ones.
    fn of(_card: &Card) -> Kind {
        Kind::Normal
    }
}

// ---- who is it -----------------------------------------------------------

fn id(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.int(ctx.session.id as i64);
    Ok(())
}

fn getname(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    match ctx.session.card.names.lock().name.as_slice() {
        b"" => reply.null(),
        name => reply.bulk(name),
    }
    Ok(())
}

fn setname(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let name = args.bytes()?;
    check_name(name)?;
    rename(ctx, name);
    reply.ok();
    Ok(())
}

pub(super) fn check_name(name: &[u8]) -> Result<(), CommandError> {
    if is_one_word(name) {
        return Ok(());
    }
    Err(CommandError::err(
        "Client names cannot contain spaces, newlines or special characters.",
    ))
}

/// Give this client a name that was checked. The empty one means none.
pub(super) fn rename(ctx: &mut Ctx, name: &[u8]) {
    ctx.session.card.names.lock().name = name.to_owned();
}

fn setinfo(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (attribute, value) = (args.bytes()?, args.bytes()?);
    let field: fn(&mut Names) -> &mut Vec<u8> = if base::eq_ignore_case(attribute, b"lib-name") {
        |names| &mut names.lib_name
    } else if base::eq_ignore_case(attribute, b"lib-ver") {
        |names| &mut names.lib_version
    } else {
        let attribute = shown(attribute, SHOWN_BYTES_MAX);
        return Err(CommandError::err(format_args!(
            "Unrecognized option '{attribute}'"
        )));
    };
    if !is_one_word(value) {
        let attribute = shown(attribute, SHOWN_BYTES_MAX);
        return Err(CommandError::err(format_args!(
            "{attribute} cannot contain spaces, newlines or special characters."
        )));
    }
    *field(&mut ctx.session.card.names.lock()) = value.to_owned();
    reply.ok();
    Ok(())
}

/// Would this leave CLIENT LIST readable, a line of words?
fn is_one_word(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_graphic)
}

// ---- switches of the own session -----------------------------------------

fn no_evict(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let on = switch(args)?;
    ctx.session.card.no_evict.store(on, Ordering::Relaxed);
    reply.ok();
    Ok(())
}

fn no_touch(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    ctx.session.no_touch = switch(args)?;
    reply.ok();
    Ok(())
}

fn switch(args: &mut Args) -> Result<bool, CommandError> {
    if args.word("on") {
        Ok(true)
    } else if args.word("off") {
        Ok(false)
    } else {
        Err(CommandError::Syntax)
    }
}

fn reply_mode(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let mode = &mut ctx.session.reply_mode;
    if args.word("on") {
        *mode = ReplyMode::On;
        reply.ok();
        return Ok(());
    }
    if args.word("off") {
        *mode = ReplyMode::Off;
    } else if !args.word("skip") {
        return Err(CommandError::Syntax);
    } else if *mode != ReplyMode::Off {
        *mode = ReplyMode::SkipNext;
    }
    if ctx.session.executing > 0 {
        // EXEC has announced an element for each command.
        reply.null();
    }
    Ok(())
}

// ---- other clients -------------------------------------------------------

/// Wakes a client from a blocking command, as if its time were up or with an error.
/// Whoever waits for the end of a pause goes on doing so.
fn unblock(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if args.left() > 2 {
        return Err(malformed(args));
    }
    let id = args.bytes()?;
    let outcome = if args.is_done() || args.word("timeout") {
        Outcome::TimedOut
    } else if args.word("error") {
        Outcome::Refused
    } else {
        return Err(CommandError::err(
            "CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
        ));
    };
    let id = base::parse_i64(id).ok_or(CommandError::NotInteger)?;
    let id = u64::try_from(id).ok();
    let card = id.and_then(|id| ctx.engine.clients.find(id));
    let unblocked = card.is_some_and(|card| card.unblock(outcome));
    reply.int(i64::from(unblocked));
    Ok(())
}

fn pause(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if args.left() > 2 {
        return Err(malformed(args));
    }
    let timeout = args.bytes()?;
    let mode = if args.is_done() || args.word("all") {
        PauseMode::All
    } else if args.word("write") {
        PauseMode::Writes
    } else {
        return Err(CommandError::err("CLIENT PAUSE mode must be WRITE or ALL"));
    };
    let now_ms = ctx.now_ms();
    let until_ms = deadline_ms(timeout, now_ms)?;
    ctx.engine.pause.begin(mode, until_ms, now_ms);
    reply.ok();
    Ok(())
}

/// When a timeout in milliseconds is over, in Unix time.
fn deadline_ms(timeout: &[u8], now_ms: i64) -> Result<i64, CommandError> {
    let timeout_ms = base::parse_i64(timeout)
        .ok_or_else(|| CommandError::err("timeout is not an integer or out of range"))?;
    if timeout_ms < 0 {
        return Err(CommandError::err("timeout is negative"));
    }
    let deadline = timeout_ms.checked_add(now_ms);
    deadline.ok_or_else(|| CommandError::err("timeout is out of range"))
}

fn unpause(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    ctx.engine.pause.end();
    ctx.engine.host.wake_all();
    reply.ok();
    Ok(())
}

/// For subcommands with more words than they take, though their arity allows it.
fn malformed(args: &Args) -> CommandError {
    let subcommand = shown(args.argv().get(1), SHOWN_BYTES_MAX);
    CommandError::err(format_args!(
        "unknown subcommand or wrong number of arguments for '{subcommand}'. Try CLIENT HELP."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_neither_go_back_nor_overflow() {
        assert_eq!(deadline_ms(b"0", 1000), Ok(1000));
        assert_eq!(deadline_ms(b"5", 1000), Ok(1005));
        let line = |text: &[u8]| deadline_ms(text, 1000).unwrap_err().to_string();
        assert_eq!(line(b"-1"), "ERR timeout is negative");
        assert_eq!(line(b"9223372036854775807"), "ERR timeout is out of range");
        assert_eq!(
            line(b"1.5"),
            "ERR timeout is not an integer or out of range"
        );
    }

    #[test]
    fn a_word_is_printable_ascii_without_blanks() {
        assert!(is_one_word(b"") && is_one_word(b"!name-1~"));
        for bad in [&b"a b"[..], b"a\n", b"\x7f", b"\xc3\xa4", b"a\0"] {
            assert!(!is_one_word(bad), "{bad:?}");
        }
    }
}
