//! Third stage: may this request run, here and now?
//!
//! The order of the questions is Redis', as the first "no" is the answer:
//! does the command exist, is the number of arguments right, is it closed to
//! this caller, is the caller logged in, may it be inside MULTI, is everything
//! paused. What comes out is a verdict, or the error to answer. A question of
//! our own comes last: is there room for what a snapshot would have to keep?

use std::borrow::Cow;

use resp::Argv;
use spec::Flags;

use crate::commands::{Command, Named, Scope};
use crate::config::Permission;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::host::Admission;
use crate::pause::PauseMode;
use crate::pipeline::Resolved;

/// What becomes of a request.
#[derive(Clone, Copy)]
pub(crate) enum Verdict<'e> {
    Run(&'e Command),
    /// It waits for EXEC.
    Queue(&'e Command),
    /// It waits until the pause is over.
    Wait,
    /// Somebody speaks HTTP to us; do not even answer.
    Close,
}

impl PartialEq for Verdict<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

#[inline]
pub(crate) fn judge<'e>(
    ctx: &Ctx<'e>,
    resolved: Resolved,
    argv: Argv<'_>,
) -> Result<Verdict<'e>, CommandError> {
    let engine = ctx.engine;
    let command = match resolved.named {
        Named::Command(id) => engine.commands.get(id),
        Named::Unknown => return unknown(ctx, argv),
        Named::UnknownIn(id) => return Err(unknown_in(engine.commands.get(id), argv)),
    };
    let spec = command.spec;
    if !spec.arity_ok(argv.len()) {
        return Err(CommandError::Arity(spec.full_name()));
    }
    if !ctx.is_authenticated() && !spec.flags.contains(Flags::NO_AUTH) {
        return Err(CommandError::AuthRequired);
    }
    if std::ptr::eq(spec, &spec::server::DEBUG) {
        debug_allowed(ctx)?;
    }
    if engine.is_loading() && !spec.flags.contains(Flags::LOADING) {
        return Err(CommandError::Line(LOADING.into()));
    }
    let asks = ctx.local.asks_before_writes || ctx.local.effects.is_wanted();
    if asks && writes_ever(ctx, command) {
        let bytes = request_bytes(ctx, command, argv) + ctx.local.effects.closed_bytes();
        match engine.host.admit(bytes, ctx.config()) {
            Admission::Open => {}
            Admission::Wait => return Ok(Verdict::Wait),
            Admission::Refused(line) => return Err(CommandError::Line(line.into())),
        }
    }
    if let Some(mode) = ctx.local.pause
        && (mode == PauseMode::All || may_write(ctx, command))
    {
        return Ok(Verdict::Wait);
    }
    if ctx.session.transaction.is_some() && !runs_inside_multi(command) {
        if spec.flags.contains(Flags::NO_MULTI) {
            return Err(CommandError::err(
                "Command not allowed inside a transaction",
            ));
        }
        return Ok(Verdict::Queue(command));
    }
    Ok(Verdict::Run(command))
}

/// What everybody hears while the data set is being read.
const LOADING: &str = "LOADING Redis is loading the dataset in memory";

/// Would this command write, now or when its transaction ends?
fn writes_ever(ctx: &Ctx<'_>, command: &Command) -> bool {
    command.spec.flags.contains(Flags::WRITE) || may_write(ctx, command)
}

/// About how many bytes of effects a request comes to; for EXEC, all of its queue.
fn request_bytes(ctx: &Ctx<'_>, command: &Command, argv: Argv<'_>) -> usize {
    match ctx.session.transaction.as_deref() {
        Some(transaction) if super::lock::is_exec(command) => transaction.bytes(),
        _ => argv.wire_bytes(),
    }
}

/// Commands that act at once although a transaction is open.
fn runs_inside_multi(command: &Command) -> bool {
    use spec::{connection, transaction};
    [
        &transaction::EXEC,
        &transaction::DISCARD,
        &transaction::MULTI,
        &transaction::WATCH,
        &connection::QUIT,
        &connection::RESET,
    ]
    .iter()
    .any(|spec| std::ptr::eq(*spec, command.spec))
}

/// Would this command, or the transaction that it ends, write?
fn may_write(ctx: &Ctx<'_>, command: &Command) -> bool {
    let writes = |command: &Command| {
        let flags = command.spec.flags;
        flags.contains(Flags::WRITE) || flags.contains(Flags::MAY_REPLICATE)
    };
    let queue = ctx.session.transaction.as_deref();
    match queue {
        Some(transaction) if super::lock::is_exec(command) => transaction
            .queue()
            .iter()
            .any(|queued| writes(ctx.engine.commands.get(queued.command))),
        // Queueing changes nothing.
        Some(_) => false,
        None => writes(command),
    }
}

/// A snapshot has no room for more images: would this command need some? It
/// would if it changes what is not saved yet, or finds it expired; of a
/// transaction that writes it is not asked in detail. What concerns whole
/// databases keeps none.
#[cold]
pub(crate) fn waits_for_walk(
    ctx: &mut Ctx<'_>,
    command: &Command,
    argv: Argv<'_>,
    hashes: &[u64],
) -> bool {
    let writes = may_write(ctx, command);
    if super::lock::is_exec(command) {
        return writes;
    }
    if matches!(command.scope, Scope::Each | Scope::All) || hashes.is_empty() {
        return false;
    }
    super::lock::enter(ctx, command, argv, hashes);
    let (engine, now_ms) = (ctx.engine, ctx.now_ms());
    hashes.iter().any(|&hash| {
        let shard = ctx.held_shard(engine.shards.of(hash));
        let mut unsaved = shard.keys.unsaved_like(hash);
        unsaved.any(|entry| writes || entry.is_expired(now_ms))
    })
}

fn debug_allowed(ctx: &Ctx<'_>) -> Result<(), CommandError> {
    let permission: Permission = ctx.config().live.enable_debug_command;
    if permission.allows(ctx.session.card.origin.is_local) {
        return Ok(());
    }
    Err(CommandError::err(
        "DEBUG command not allowed. If the enable-debug-command option is set to \"local\", \
         you can run it from a local connection, otherwise you need to set this option in \
         the configuration file, and then restart the server.",
    ))
}

/// The line for a name that nobody knows.
fn unknown<'e>(ctx: &Ctx<'e>, argv: Argv<'_>) -> Result<Verdict<'e>, CommandError> {
    let name = argv.get(0);
    if base::eq_ignore_case(name, b"post") || base::eq_ignore_case(name, b"host:") {
        ctx.engine.host.log(
            true,
            "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or \
             Host: commands to Ochre. This is likely due to an attacker attempting to use \
             Cross Protocol Scripting to compromise your Ochre instance. Connection aborted.",
        );
        return Ok(Verdict::Close);
    }
    let mut args = Vec::new();
    for arg in argv.iter_from(1) {
        if args.len() >= SHOWN_BYTES_MAX {
            break;
        }
        let word = cut(arg, SHOWN_BYTES_MAX - args.len());
        args.extend([b"'", word, b"' "].concat());
    }
    Err(CommandError::UnknownCommand {
        name: cut(name, SHOWN_BYTES_MAX).to_vec(),
        args,
    })
}

fn unknown_in(container: &Command, argv: Argv<'_>) -> CommandError {
    CommandError::UnknownSubcommand {
        name: cut(argv.get(1), SHOWN_BYTES_MAX).to_vec(),
        container: container.spec.name.to_ascii_uppercase(),
    }
}

/// At most so much of a client's words is given back in an error.
pub(crate) const SHOWN_BYTES_MAX: usize = 128;

pub(crate) fn shown(bytes: &[u8], bytes_max: usize) -> Cow<'_, str> {
    String::from_utf8_lossy(cut(bytes, bytes_max))
}

/// Redis cuts at a NUL, being C; so the texts stay the same.
fn cut(bytes: &[u8], bytes_max: usize) -> &[u8] {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    &bytes[..end.min(bytes_max)]
}
