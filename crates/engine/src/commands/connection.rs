//! The client's own affairs: AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT.
//!
//! There is one user, `default`. Its password is the parameter `requirepass`;
//! without one, everybody is logged in, under any password.

use std::hint::black_box;
use std::sync::atomic::Ordering;

use resp::{Protocol, Reply};

use super::{Row, Scope, client, cmd, scoped};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::pipeline::{SHOWN_BYTES_MAX, shown};
use crate::session::{ReplyMode, Stage};
use crate::version::REDIS_VERSION;

pub(super) static TABLE: &[Row] = &[
    cmd(&spec::connection::AUTH, auth),
    cmd(&spec::connection::ECHO, echo),
    cmd(&spec::connection::HELLO, hello),
    cmd(&spec::connection::PING, ping),
    cmd(&spec::connection::QUIT, quit),
    scoped(&spec::connection::RESET, Scope::Each, reset),
    cmd(&spec::connection::SELECT, select),
];

/// The one user.
pub(super) const DEFAULT_USER: &[u8] = b"default";

fn ping(_ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    match args.left() {
        0 => reply.simple("PONG"),
        1 => send_back(args, reply)?,
        _ => return Err(CommandError::Arity("ping".into())),
    }
    Ok(())
}

fn echo(_ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    send_back(args, reply)
}

fn send_back(args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let message = args.bytes()?;
    match args.last_block() {
        Some(block) => reply.block(block),
        None => reply.bulk(message),
    }
    Ok(())
}

fn select(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let index = args.i64()?;
    if i32::try_from(index).is_err() {
        return Err(CommandError::err(format_args!(
            "value is out of range, value must between {} and {}",
            i32::MIN,
            i32::MAX
        )));
    }
    match usize::try_from(index) {
        Ok(index) if index < ctx.engine.databases() => ctx.session.database = index,
        _ => return Err(CommandError::DbIndexOutOfRange),
    }
    reply.ok();
    Ok(())
}

fn quit(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    ctx.session.stage = Stage::Closing;
    reply.ok();
    Ok(())
}

/// All that a session chose is forgotten, except the name of its library.
fn reset(ctx: &mut Ctx, _args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    ctx.session.transaction = None;
    ctx.forget_watched();
    let logged_in = ctx.config().live.requirepass.is_none();
    let session = &mut *ctx.session;
    session.database = 0;
    session.protocol = Protocol::Resp2;
    session.authenticated = logged_in;
    session.no_touch = false;
    // A reply that is to be skipped stays so, this very one included.
    if session.reply_mode != ReplyMode::Skipping {
        session.reply_mode = ReplyMode::On;
    }
    session.card.names.lock().name.clear();
    session.card.no_evict.store(false, Ordering::Relaxed);
    reply.set_protocol(Protocol::Resp2);
    reply.simple("RESET");
    Ok(())
}

fn auth(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let user = match args.left() {
        1 if ctx.config().live.requirepass.is_none() => {
            return Err(CommandError::err(
                "AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        1 => DEFAULT_USER,
        2 => args.bytes()?,
        _ => return Err(CommandError::Syntax),
    };
    authenticate(ctx, user, args.bytes()?)?;
    reply.ok();
    Ok(())
}

fn authenticate(ctx: &mut Ctx, user: &[u8], password: &[u8]) -> Result<(), CommandError> {
    let right = match &ctx.config().live.requirepass {
        Some(secret) => is_same_secret(password, secret),
        None => true,
    };
    if user != DEFAULT_USER || !right {
        return Err(CommandError::WrongPassword);
    }
    ctx.session.authenticated = true;
    Ok(())
}

/// Takes the same time wherever the first difference is.
fn is_same_secret(given: &[u8], secret: &[u8]) -> bool {
    let mut differences = u8::from(given.len() != secret.len());
    for (index, byte) in given.iter().enumerate() {
        // Past its end the secret is continued by bytes that differ.
        let wanted = secret.get(index).copied().unwrap_or(!byte);
        differences = black_box(differences | (byte ^ wanted));
    }
    differences == 0
}

fn hello(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let options = HelloOptions::parse(args)?;
    if let Some((user, password)) = options.credentials {
        authenticate(ctx, user, password)?;
    }
    if !ctx.is_authenticated() {
        return Err(CommandError::Line(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time"
                .into(),
        ));
    }
    if let Some(name) = options.name {
        client::rename(ctx, name);
    }
    if let Some(protocol) = options.protocol {
        ctx.session.protocol = protocol;
        reply.set_protocol(protocol);
    }
    introduce(ctx, reply);
    Ok(())
}

/// What HELLO was asked for.
#[derive(Default)]
struct HelloOptions<'a> {
    protocol: Option<Protocol>,
    /// User and password.
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> HelloOptions<'a> {
    fn parse(args: &mut Args<'a>) -> Result<HelloOptions<'a>, CommandError> {
        let mut options = HelloOptions::default();
        if !args.is_done() {
            options.protocol = Some(protocol(args.bytes()?)?);
        }
        while !args.is_done() {
            if args.left() >= 3 && args.word("AUTH") {
                options.credentials = Some((args.bytes()?, args.bytes()?));
            } else if args.left() >= 2 && args.word("SETNAME") {
                let name = args.bytes()?;
                client::check_name(name)?;
                options.name = Some(name);
            } else {
                let option = shown(args.bytes()?, SHOWN_BYTES_MAX);
                return Err(CommandError::err(format_args!(
                    "Syntax error in HELLO option '{option}'"
                )));
            }
        }
        Ok(options)
    }
}

fn protocol(text: &[u8]) -> Result<Protocol, CommandError> {
    match base::parse_i64(text) {
        Some(2) => Ok(Protocol::Resp2),
        Some(3) => Ok(Protocol::Resp3),
        Some(_) => Err(CommandError::Line(
            "NOPROTO unsupported protocol version".into(),
        )),
        None => Err(CommandError::err(
            "Protocol version is not an integer or out of range",
        )),
    }
}

/// What HELLO answers. Clients read `server` and `version` to learn what they
/// may send, so these are Redis'.
fn introduce(ctx: &Ctx, reply: &mut Reply) {
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.int(ctx.session.protocol.number());
    reply.bulk(b"id");
    reply.int(ctx.session.id as i64);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_is_the_secret() {
        assert!(is_same_secret(b"secret", b"secret"));
        for wrong in [&b""[..], b"s", b"secre", b"secreT", b"secret\0", b"Secret"] {
            assert!(!is_same_secret(wrong, b"secret"), "{wrong:?}");
        }
        let long = [b'x'; 700];
        assert!(is_same_secret(&long, &long));
        assert!(!is_same_secret(&long[..444], &long));
    }
}
