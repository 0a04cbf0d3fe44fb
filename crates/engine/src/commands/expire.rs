//! Time to live: EXPIRE and its sisters set a deadline, TTL and its sisters
//! read it, PERSIST removes it.
//!
//! ```text
//!               seconds              milliseconds
//!   from now    EXPIRE    TTL        PEXPIRE    PTTL
//!   since 1970  EXPIREAT  EXPIRETIME PEXPIREAT  PEXPIRETIME
//! ```
//!
//! Kept and logged is one form alone: the millisecond of Unix time until which
//! a key lives. A deadline in the past deletes the key at once.

use resp::Reply;

use super::{Row, cmd};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) static TABLE: &[Row] = &[
    cmd(&spec::generic::EXPIRE, expire),
    cmd(&spec::generic::EXPIREAT, expireat),
    cmd(&spec::generic::EXPIRETIME, expiretime),
    cmd(&spec::generic::PERSIST, persist),
    cmd(&spec::generic::PEXPIRE, pexpire),
    cmd(&spec::generic::PEXPIREAT, pexpireat),
    cmd(&spec::generic::PEXPIRETIME, pexpiretime),
    cmd(&spec::generic::PTTL, pttl),
    cmd(&spec::generic::TTL, ttl),
];

/// Where a command's zero is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Since {
    Now,
    Epoch,
}

const SECOND_MS: i64 = 1000;
const MILLISECOND_MS: i64 = 1;

fn expire(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    set_deadline(ctx, args, reply, "expire", SECOND_MS, Since::Now)
}

fn pexpire(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    set_deadline(ctx, args, reply, "pexpire", MILLISECOND_MS, Since::Now)
}

fn expireat(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    set_deadline(ctx, args, reply, "expireat", SECOND_MS, Since::Epoch)
}

fn pexpireat(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    set_deadline(ctx, args, reply, "pexpireat", MILLISECOND_MS, Since::Epoch)
}

fn ttl(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    answer_deadline(ctx, args, reply, SECOND_MS, Since::Now)
}

fn pttl(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    answer_deadline(ctx, args, reply, MILLISECOND_MS, Since::Now)
}

fn expiretime(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    answer_deadline(ctx, args, reply, SECOND_MS, Since::Epoch)
}

fn pexpiretime(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    answer_deadline(ctx, args, reply, MILLISECOND_MS, Since::Epoch)
}

fn persist(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let slot = ctx.find_to_change(ctx.session.database, &key);
    let volatile = slot.filter(|&slot| ctx.entry(&key, slot).deadline_ms().is_some());
    if let Some(slot) = volatile {
        ctx.set_deadline(&key, slot, None);
        ctx.effect(&[b"PERSIST", key.bytes]);
    }
    reply.int(i64::from(volatile.is_some()));
    Ok(())
}

fn set_deadline(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    command: &'static str,
    unit_ms: i64,
    since: Since,
) -> Result<(), CommandError> {
    let (key, number) = (args.key()?, args.bytes()?);
    // A wrong option is reported before a wrong number.
    let condition = Condition::read(args)?;
    let number = base::parse_i64(number).ok_or(CommandError::NotInteger)?;
    let now_ms = ctx.now_ms();
    let zero_ms = if since == Since::Now { now_ms } else { 0 };
    let deadline_ms = number
        .checked_mul(unit_ms)
        .and_then(|ms| ms.checked_add(zero_ms))
        .ok_or(CommandError::InvalidExpire(command))?;
    let Some(slot) = ctx.find_to_change(ctx.session.database, &key) else {
        reply.int(0);
        return Ok(());
    };
    let present_ms = ctx.entry(&key, slot).deadline_ms();
    if !condition.allows(present_ms, deadline_ms) {
        reply.int(0);
        return Ok(());
    }
    // A log may be read long after: what it goes on to do counts on the key.
    if deadline_ms <= now_ms && !ctx.local.replaying {
        ctx.remove(&key, slot);
        ctx.effect(&[b"DEL", key.bytes]);
    } else {
        ctx.set_deadline(&key, slot, Some(deadline_ms));
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(deadline_ms).as_bytes();
        ctx.effect(&[b"PEXPIREAT", key.bytes, digits]);
    }
    reply.int(1);
    Ok(())
}

fn answer_deadline(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    unit_ms: i64,
    since: Since,
) -> Result<(), CommandError> {
    let now_ms = ctx.now_ms();
    let zero_ms = if since == Since::Now { now_ms } else { 0 };
    let deadline_ms = ctx.peek(&args.key()?).map(|entry| entry.deadline_ms());
    reply.int(match deadline_ms {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline_ms)) => {
            // Rounded to the nearest; the sum may need the 64th bit.
            let ms = (deadline_ms - zero_ms).max(0) as u64;
            let unit_ms = unit_ms as u64;
            ((ms + unit_ms / 2) / unit_ms) as i64
        }
    });
    Ok(())
}

/// NX, XX, GT, LT: which present deadlines may be replaced.
#[derive(Clone, Copy, Default)]
struct Condition {
    none: bool,
    some: bool,
    later: bool,
    earlier: bool,
}

impl Condition {
    fn read(args: &mut Args) -> Result<Condition, CommandError> {
        let mut condition = Condition::default();
        while !args.is_done() {
            if args.word("NX") {
                condition.none = true;
            } else if args.word("XX") {
                condition.some = true;
            } else if args.word("GT") {
                condition.later = true;
            } else if args.word("LT") {
                condition.earlier = true;
            } else {
                let option = crate::pipeline::shown(args.bytes()?, usize::MAX);
                return Err(CommandError::err(format_args!(
                    "Unsupported option {option}"
                )));
            }
        }
        if condition.none && (condition.some || condition.later || condition.earlier) {
            return Err(CommandError::err(
                "NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if condition.later && condition.earlier {
            return Err(CommandError::err(
                "GT and LT options at the same time are not compatible",
            ));
        }
        Ok(condition)
    }

    /// No deadline is later than any.
    fn allows(self, present_ms: Option<i64>, deadline_ms: i64) -> bool {
        let none = !self.none || present_ms.is_none();
        let some = !self.some || present_ms.is_some();
        let later = !self.later || present_ms.is_some_and(|present| deadline_ms > present);
        let earlier = !self.earlier || present_ms.is_none_or(|present| deadline_ms < present);
        none && some && later && earlier
    }
}
