//! SET and its older relatives SETEX, PSETEX, SETNX, GETSET; DELIFEQ.

use resp::Reply;
use store::{Key, NewValue, Slot};

use super::answer;
use super::expiration::{Expiration, Moment, Unit};
use super::get::delete;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn set(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let pair = Pair::next(args)?;
    if !args.is_done() {
        return set_with_options(ctx, args, reply, pair);
    }
    ctx.set(&pair.key, pair.value, None);
    ctx.effect_as_sent(b"SET", args.argv());
    reply.ok();
    Ok(())
}

fn set_with_options<'a>(
    ctx: &mut Ctx,
    args: &mut Args<'a>,
    reply: &mut Reply,
    pair: Pair<'a>,
) -> Result<(), CommandError> {
    let options = SetOptions::parse(args)?;
    let deadline = Deadline::of(options.expiration, ctx.now_ms(), "set")?;
    if options.get {
        answer(ctx, &pair.key, reply)?;
    }
    let slot = ctx.find(&pair.key);
    if options.condition.holds(ctx, &pair.key, slot)? {
        pair.set_at(ctx, slot, deadline);
        if !options.get {
            reply.ok();
        }
    } else {
        looked_at(ctx, &pair.key, slot);
        if !options.get {
            reply.null();
        }
    }
    Ok(())
}

pub(super) fn setex(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    set_expiring(ctx, args, reply, Unit::Seconds, "setex")
}

pub(super) fn psetex(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    set_expiring(ctx, args, reply, Unit::Milliseconds, "psetex")
}

fn set_expiring(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    unit: Unit,
    command: &'static str,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let text = args.bytes()?;
    let pair = Pair::of(key, args)?;
    let deadline_ms = Moment { unit, text }.deadline_ms(ctx.now_ms(), command)?;
    let slot = ctx.find(&pair.key);
    pair.set_at(ctx, slot, Deadline::At(deadline_ms));
    reply.ok();
    Ok(())
}

pub(super) fn setnx(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let pair = Pair::next(args)?;
    let slot = ctx.find(&pair.key);
    looked_at(ctx, &pair.key, slot);
    if slot.is_none() {
        pair.set_at(ctx, None, Deadline::None);
    }
    reply.int(i64::from(slot.is_none()));
    Ok(())
}

/// A key that stays as it is was used nevertheless.
fn looked_at(ctx: &mut Ctx, key: &Key<'_>, slot: Option<Slot>) {
    if let Some(slot) = slot
        && !ctx.session.no_touch
    {
        ctx.touch(key, slot);
    }
}

pub(super) fn getset(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let pair = Pair::next(args)?;
    answer(ctx, &pair.key, reply)?;
    pair.set(ctx);
    Ok(())
}

pub(super) fn delifeq(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let wanted = args.bytes()?;
    let found = ctx.string_slot(&key)?;
    let equal = found.filter(|slot| ctx.entry(&key, *slot).string().equals(wanted));
    if let Some(slot) = equal {
        delete(ctx, &key, slot);
    }
    reply.int(i64::from(equal.is_some()));
    Ok(())
}

/// A key, and the string that it is to hold.
pub(super) struct Pair<'a> {
    pub(super) key: Key<'a>,
    value: NewValue<'a>,
    bytes: &'a [u8],
}

impl<'a> Pair<'a> {
    /// Take a key and a value.
    #[inline]
    pub(super) fn next(args: &mut Args<'a>) -> Result<Pair<'a>, CommandError> {
        let key = args.key()?;
        Pair::of(key, args)
    }

    /// Take the value of a key.
    #[inline]
    fn of(key: Key<'a>, args: &mut Args<'a>) -> Result<Pair<'a>, CommandError> {
        let bytes = args.peek().ok_or(CommandError::Syntax)?;
        let value = args.value()?;
        Ok(Pair { key, value, bytes })
    }

    /// Set it, whatever there was.
    #[inline]
    pub(super) fn set(self, ctx: &mut Ctx) {
        ctx.set(&self.key, self.value, None);
        ctx.effect(&[b"SET", self.key.bytes, self.bytes]);
    }

    /// Set it where the key was found, or found missing. A deadline that has
    /// passed leaves no key behind.
    pub(super) fn set_at(self, ctx: &mut Ctx, slot: Option<Slot>, deadline: Deadline) {
        let Pair { key, value, bytes } = self;
        match deadline {
            Deadline::None => {
                ctx.set_at(&key, slot, value, None);
                ctx.effect(&[b"SET", key.bytes, bytes]);
            }
            Deadline::Kept => {
                let deadline_ms = slot.and_then(|slot| ctx.entry(&key, slot).deadline_ms());
                ctx.set_at(&key, slot, value, deadline_ms);
                ctx.effect(&[b"SET", key.bytes, bytes, b"KEEPTTL"]);
            }
            Deadline::At(deadline_ms) if deadline_ms <= ctx.now_ms() => {
                if let Some(slot) = slot {
                    delete(ctx, &key, slot);
                }
            }
            Deadline::At(deadline_ms) => {
                ctx.set_at(&key, slot, value, Some(deadline_ms));
                let mut digits = itoa::Buffer::new();
                let deadline_ms = digits.format(deadline_ms).as_bytes();
                ctx.effect(&[b"SET", key.bytes, bytes, b"PXAT", deadline_ms]);
            }
        }
    }
}

/// When a string that is set expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deadline {
    None,
    /// When the one expires that was there.
    Kept,
    /// In milliseconds since 1970.
    At(i64),
}

impl Deadline {
    pub(super) fn of(
        expiration: Expiration<'_>,
        now_ms: i64,
        command: &'static str,
    ) -> Result<Deadline, CommandError> {
        Ok(match expiration {
            Expiration::Unsaid | Expiration::Persist => Deadline::None,
            Expiration::Keep => Deadline::Kept,
            Expiration::At(moment) => Deadline::At(moment.deadline_ms(now_ms, command)?),
        })
    }
}

/// What SET and MSETEX ask of the keys before they set them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Condition<'a> {
    #[default]
    Always,
    /// NX.
    Missing,
    /// XX.
    There,
    /// IFEQ.
    Equal(&'a [u8]),
}

impl<'a> Condition<'a> {
    /// Take the next option if it is NX or XX, and does not contradict what was
    /// said before.
    pub(super) fn take(&mut self, args: &mut Args<'a>) -> bool {
        for (word, condition) in [("NX", Condition::Missing), ("XX", Condition::There)] {
            let free = *self == Condition::Always || *self == condition;
            if free && args.word(word) {
                *self = condition;
                return true;
            }
        }
        false
    }

    /// Take IFEQ and its value.
    fn take_equal(&mut self, args: &mut Args<'a>) -> Result<bool, CommandError> {
        let free = matches!(self, Condition::Always | Condition::Equal(_));
        let taken = free && args.word("IFEQ");
        if taken {
            *self = Condition::Equal(args.bytes()?);
        }
        Ok(taken)
    }

    /// Does it hold for a key that was found, or found missing?
    pub(super) fn holds(
        &self,
        ctx: &mut Ctx,
        key: &Key<'_>,
        slot: Option<Slot>,
    ) -> Result<bool, CommandError> {
        Ok(match (self, slot) {
            (Condition::Always, _) => true,
            (Condition::Missing, slot) => slot.is_none(),
            (Condition::There, slot) => slot.is_some(),
            (Condition::Equal(_), None) => false,
            (Condition::Equal(wanted), Some(slot)) => {
                let entry = ctx.entry(key, slot);
                if !entry.is_string() {
                    return Err(CommandError::WrongType);
                }
                entry.string().equals(wanted)
            }
        })
    }
}

#[derive(Default)]
struct SetOptions<'a> {
    condition: Condition<'a>,
    expiration: Expiration<'a>,
    get: bool,
}

impl<'a> SetOptions<'a> {
    fn parse(args: &mut Args<'a>) -> Result<SetOptions<'a>, CommandError> {
        let mut options = SetOptions::default();
        while !args.is_done() {
            let SetOptions {
                condition,
                expiration,
                get,
            } = &mut options;
            if args.word("GET") {
                *get = true;
                continue;
            }
            let taken = expiration.take_time(args)?
                || condition.take(args)
                || expiration.take_word(args, "KEEPTTL", Expiration::Keep)
                || condition.take_equal(args)?;
            if !taken {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }
}
