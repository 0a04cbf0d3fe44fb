//! DUMP and RESTORE: a value in bytes, to be carried elsewhere and back.
//!
//! The bytes are a file's ([`crate::codec`]), so that those of Redis and Valkey come in and go
//! out. In the log stands RESTORE with its time in absolute terms and REPLACE; idle time and
//! frequency are left out there, as no file keeps them. A payload that servers of `rdb-version`
//! could not read is written down anew.

use std::borrow::Cow;
use std::sync::Arc;

use resp::Reply;
use store::{Access, Key, NewValue};

use super::{Row, cmd};
use crate::args::Args;
use crate::codec::{BadPayload, Codec};
use crate::ctx::{Ctx, is_lfu};
use crate::engine::Engine;
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[
    cmd(&spec::generic::DUMP, dump),
    cmd(&spec::generic::RESTORE, restore),
];

fn dump(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (engine, version) = (ctx.engine, ctx.config().live.rdb_version.number());
    let codec = codec_of(engine)?;
    match ctx.read(&args.key()?) {
        None => reply.null(),
        Some(entry) => reply.block(&Arc::new(codec.dump(&entry, version))),
    }
    Ok(())
}

fn restore(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, ttl, payload) = (args.key()?, args.bytes()?, args.bytes()?);
    let options = Options::read(args)?;
    let codec = codec_of(ctx.engine)?;
    let taken = ctx.find_to_change(ctx.session.database, &key);
    if taken.is_some() && !options.replace {
        return Err(line("BUSYKEY Target key name already exists."));
    }
    let deadline_ms = options.deadline_ms(ttl, ctx.now_ms())?;
    // A log may be read long after.
    let is_over = deadline_ms.is_some_and(|ms| ms <= ctx.now_ms()) && !ctx.local.replaying;
    let (hasher, config) = (ctx.engine.hasher, ctx.local.config.clone());
    let mut put = |value: NewValue<'_>| {
        if let Some(slot) = taken {
            ctx.remove(&key, slot);
        }
        if !is_over {
            ctx.set_at(&key, None, value, deadline_ms);
        }
    };
    let version = codec
        .restore(payload, hasher, &config.live, &mut put)
        .map_err(|bad| match bad {
            BadPayload::VersionOrChecksum => line("ERR DUMP payload version or checksum are wrong"),
            BadPayload::Format => line("ERR Bad data format"),
        })?;
    if !is_over {
        ctx.mark_use(&key, &options);
        let payload = (version <= config.live.rdb_version.number()).then_some(payload);
        ctx.effect_of_restore(&key, deadline_ms, payload, codec);
    } else if taken.is_some() {
        ctx.effect(&[b"DEL", key.bytes]);
    }
    reply.ok();
    Ok(())
}

pub(super) fn codec_of(engine: &Engine) -> Result<&dyn Codec, CommandError> {
    let codec = engine.host.codec();
    codec.ok_or(line("ERR values cannot be written down here"))
}

const fn line(text: &'static str) -> CommandError {
    CommandError::Line(Cow::Borrowed(text))
}

/// What follows the payload.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    usage: Usage,
}

/// How long the key was not used, or how often it was: one of the two.
#[derive(Clone, Copy, Default)]
enum Usage {
    #[default]
    Unsaid,
    IdleSecs(i64),
    Freq(u8),
}

impl Options {
    fn read(args: &mut Args) -> Result<Options, CommandError> {
        let mut options = Options::default();
        while !args.is_done() {
            if args.word("REPLACE") {
                options.replace = true;
            } else if args.word("ABSTTL") {
                options.absolute = true;
            } else if args.left() >= 2
                && !matches!(options.usage, Usage::Freq(_))
                && args.word("IDLETIME")
            {
                let secs = Some(args.i64()?).filter(|secs| *secs >= 0);
                let wrong = line("ERR Invalid IDLETIME value, must be >= 0");
                options.usage = Usage::IdleSecs(secs.ok_or(wrong)?);
            } else if args.left() >= 2
                && !matches!(options.usage, Usage::IdleSecs(_))
                && args.word("FREQ")
            {
                let counter = u8::try_from(args.i64()?);
                let wrong = line("ERR Invalid FREQ value, must be >= 0 and <= 255");
                options.usage = Usage::Freq(counter.map_err(|_| wrong)?);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }

    /// Zero is for ever.
    fn deadline_ms(&self, ttl: &[u8], now_ms: i64) -> Result<Option<i64>, CommandError> {
        let ttl_ms = base::parse_i64(ttl).ok_or(CommandError::NotInteger)?;
        match ttl_ms {
            ..0 => Err(line("ERR Invalid TTL value, must be >= 0")),
            0 => Ok(None),
            _ if self.absolute => Ok(Some(ttl_ms)),
            _ => {
                let deadline_ms = ttl_ms.checked_add(now_ms);
                let deadline_ms = deadline_ms.ok_or(CommandError::InvalidExpire("restore"))?;
                Ok(Some(deadline_ms))
            }
        }
    }
}

impl Ctx<'_> {
    /// What was said about its use holds if the eviction policy looks at that.
    fn mark_use(&mut self, key: &Key<'_>, options: &Options) {
        let unix_secs = self.now.unix_secs();
        let counts_uses = is_lfu(self.config().live.maxmemory_policy);
        let access = match options.usage {
            Usage::IdleSecs(secs) if !counts_uses => Access::idle(unix_secs, secs),
            Usage::Freq(counter) if counts_uses => Access::lfu(unix_secs, counter),
            _ => return,
        };
        if let Some(slot) = self.find(key) {
            self.set_access(key, slot, access);
        }
    }

    fn effect_of_restore(
        &mut self,
        key: &Key<'_>,
        deadline_ms: Option<i64>,
        payload: Option<&[u8]>,
        codec: &dyn Codec,
    ) {
        if !self.effects_wanted() {
            return self.effect(&[]);
        }
        let payload = payload.map_or_else(
            || {
                let version = self.config().live.rdb_version.number();
                let slot = self.find(key).expect("it was put there a moment ago");
                Cow::Owned(codec.dump(&self.entry(key, slot), version))
            },
            Cow::Borrowed,
        );
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(deadline_ms.unwrap_or(0)).as_bytes();
        let words = [
            b"RESTORE", key.bytes, digits, &payload, b"REPLACE", b"ABSTTL",
        ];
        self.effect(&words);
    }
}
