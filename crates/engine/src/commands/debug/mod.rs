//! DEBUG: levers for tests, each a name, its arguments and a handler.
//!
//! They are no interface: `enable-debug-command` closes them, and the gate asks
//! it. Only levers that do here what they say are there. Those of Redis that
//! are about its own insides (its hash tables, allocator, reply buffers) or that
//! crash it on purpose are unknown.
//!
//! Nothing is held when a lever is pulled: a server that sleeps keeps no shard
//! from the other threads, unless it sleeps inside a transaction.

mod digest;
mod listpack;
mod object;
mod populate;
mod protocol;
mod reload;

use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

use resp::Reply;

use super::{Handler, Row, Scope, help, scoped};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[scoped(&spec::server::DEBUG, Scope::Each, debug)];

struct Lever {
    name: &'static str,
    /// How many arguments follow the name.
    arguments: RangeInclusive<usize>,
    /// What HELP shows behind the name, and says about it.
    usage: &'static str,
    sentence: &'static str,
    pull: Handler,
}

static LEVERS: &[Lever] = &[
    Lever {
        name: "digest",
        arguments: 0..=0,
        usage: "",
        sentence: "Forty hexadecimal digits that stand for all that is stored, as Redis computes them. \
                   Everybody waits meanwhile.",
        pull: digest::digest,
    },
    Lever {
        name: "digest-value",
        arguments: 0..=usize::MAX,
        usage: " [<key> ...]",
        sentence: "Such digits for the value of each key, and zeros for a key that does not exist.",
        pull: digest::digest_value,
    },
    Lever {
        name: "error",
        arguments: 1..=1,
        usage: " <line>",
        sentence: "Answers with this error line, its code included.",
        pull: error,
    },
    Lever {
        name: "listpack",
        arguments: 1..=1,
        usage: " <key>",
        sentence: "Writes what a small collection is packed into to the server's log.",
        pull: listpack::listpack,
    },
    Lever {
        name: "loadaof",
        arguments: 0..=0,
        usage: "",
        sentence: "Reads the log's files back, as a start would, in place of what is served. Everybody waits.",
        pull: reload::loadaof,
    },
    Lever {
        name: "log",
        arguments: 1..=1,
        usage: " <message>",
        sentence: "Writes the message to the server's log, as a warning.",
        pull: log,
    },
    Lever {
        name: "object",
        arguments: 1..=1,
        usage: " <key>",
        sentence: "Describes how the value is kept: address, encoding, length in an RDB file, last use.",
        pull: object::object,
    },
    Lever {
        name: "populate",
        arguments: 1..=3,
        usage: " <count> [<prefix>] [<size>]",
        sentence: "Creates the keys `<prefix>:0` and so on, `key` if there is no prefix, each with a \
                   value of its own, cut or filled up with zeros to this size. Keys that exist stay.",
        pull: populate::populate,
    },
    Lever {
        name: "protocol",
        arguments: 1..=1,
        usage: " <type>",
        sentence: "Answers with a reply of this type: string, integer, double, bignum, null, array, \
                   set, map, attrib, push, verbatim, true or false.",
        pull: protocol::protocol,
    },
    Lever {
        name: "quicklist-packed-threshold",
        arguments: 1..=1,
        usage: " <size>",
        sentence: "Checks the size and sets nothing: which text of a list has a node for itself is \
                   ruled by `list-max-listpack-size` alone.",
        pull: quicklist_packed_threshold,
    },
    Lever {
        name: "reload",
        arguments: 0..=usize::MAX,
        usage: " [NOSAVE] [NOFLUSH] [MERGE]",
        sentence: "Saves a snapshot and reads it back in place of what is served. NOSAVE takes the one \
                   that is there, NOFLUSH keeps what is served, MERGE lets the snapshot's keys win. \
                   Everybody waits.",
        pull: reload::reload,
    },
    Lever {
        name: "set-active-expire",
        arguments: 1..=1,
        usage: " <0|1>",
        sentence: "Whether expired keys that nobody asks for are removed. Asked for, they are gone anyway.",
        pull: set_active_expire,
    },
    Lever {
        name: "sleep",
        arguments: 1..=1,
        usage: " <seconds>",
        sentence: "Stops the thread that serves this client for some time; fractions are fine.",
        pull: sleep,
    },
    Lever {
        name: "stringmatch-len",
        arguments: 2..=2,
        usage: " <pattern> <text>",
        sentence: "Whether the glob matches the text: 1 or 0.",
        pull: stringmatch_len,
    },
];

fn debug(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let name = args.bytes()?;
    let left = args.left();
    let is = |word: &str| base::eq_ignore_case(name, word.as_bytes());
    if is("help") && left == 0 {
        write_help(reply);
        return Ok(());
    }
    let lever = LEVERS.iter().find(|lever| is(lever.name));
    match lever.filter(|lever| lever.arguments.contains(&left)) {
        Some(lever) => (lever.pull)(ctx, args, reply),
        None => Err(unknown(name)),
    }
}

fn write_help(reply: &mut Reply) {
    let line = |lever: &Lever| {
        let usage = lever.name.to_ascii_uppercase() + lever.usage;
        (usage, lever.sentence)
    };
    let lines: Vec<_> = LEVERS.iter().map(line).collect();
    help::write(reply, "DEBUG", &lines);
}

fn unknown(name: &[u8]) -> CommandError {
    let shown = String::from_utf8_lossy(&name[..name.len().min(128)]);
    CommandError::err(format_args!(
        "unknown subcommand or wrong number of arguments for '{shown}'. Try DEBUG HELP."
    ))
}

/// The line goes out as it is, and is not counted as an error of ours.
fn error(_ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.error(&String::from_utf8_lossy(args.bytes()?));
    Ok(())
}

fn log(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    // One message, one line: a client must not be able to forge another.
    let message = String::from_utf8_lossy(args.bytes()?).replace(char::is_control, " ");
    ctx.engine.host.log(true, &format!("DEBUG LOG: {message}"));
    reply.ok();
    Ok(())
}

fn quicklist_packed_threshold(
    _ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    /// That of Redis: a node and its head stay below 4 GiB.
    const BYTES_MAX: u64 = (1 << 32) - (1 << 20);
    let size = base::parse_memory(args.bytes()?);
    if size.is_none_or(|bytes| bytes > BYTES_MAX) {
        return Err(CommandError::err(
            "argument must be a memory value bigger than 1 and smaller than 4gb",
        ));
    }
    reply.ok();
    Ok(())
}

fn set_active_expire(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let on = args.i64()? != 0;
    ctx.engine.active_expire.store(on, Ordering::Relaxed);
    reply.ok();
    Ok(())
}

fn sleep(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    // A negative time is none; one without end is as long as can be said.
    let us = (args.f64()? * 1e6) as u64;
    let now = ctx.engine.host.sleep_us(us, ctx.now);
    ctx.moved_on(now);
    reply.ok();
    Ok(())
}

fn stringmatch_len(_ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (pattern, text) = (args.bytes()?, args.bytes()?);
    reply.int(i64::from(base::glob_match(pattern, text, false)));
    Ok(())
}
