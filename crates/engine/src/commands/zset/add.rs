//! ZADD, ZINCRBY.
//!
//! ```text
//!   NX  only new members          GT  only to a higher score      CH    count changes too
//!   XX  only members there are    LT  only to a lower score       INCR  add to the score
//! ```

use resp::Reply;
use store::{Key, ScoreOutcome, ZSetEdit};

use super::bounds::score;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn zadd(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let options = Options::read(args)?;
    let pairs = args.left() / 2;
    if options.increments && pairs > 1 {
        let text = "INCR option supports a single increment-element pair";
        return Err(CommandError::err(text));
    }
    if options.increments {
        return increment(ctx, &key, args, &options, reply);
    }
    if pairs == 1 {
        return add_one(ctx, &key, args, &options, reply);
    }
    let mut scores = Vec::with_capacity(pairs);
    for text in args.clone().rest().step_by(2) {
        scores.push(score(text)?);
    }
    let slot = ctx.zset_slot(&key)?;
    if slot.is_none() && options.presence == Presence::Old {
        reply.int(0);
        return Ok(());
    }
    let mut effect: Vec<&[u8]> = Vec::new();
    let is_wanted = ctx.effects_wanted();
    if is_wanted {
        effect.reserve(2 + 2 * pairs);
        effect.extend([b"ZADD", key.bytes]);
    }
    let mut words = args.rest();
    let (added, changed) = ctx.edit_zset(&key, slot, |zset| {
        let (mut added, mut changed) = (0, 0);
        if slot.is_none() {
            zset.expect(pairs);
        }
        for score in scores {
            let (Some(text), Some(member)) = (words.next(), words.next()) else {
                break;
            };
            let outcome = options.set(zset, member, score);
            added += usize::from(outcome == ScoreOutcome::Added);
            changed += usize::from(outcome != ScoreOutcome::Same);
            if is_wanted && outcome != ScoreOutcome::Same {
                effect.extend([text, member]);
            }
        }
        (added, changed)
    });
    if changed > 0 {
        ctx.changed(&key);
        ctx.effect(&effect);
        ctx.count_changes(changed - 1);
    }
    reply.count(if options.counts_changes {
        changed
    } else {
        added
    });
    Ok(())
}

/// One member, as it mostly is.
fn add_one(
    ctx: &mut Ctx,
    key: &Key<'_>,
    args: &mut Args,
    options: &Options,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let (text, member) = (args.bytes()?, args.bytes()?);
    let score = score(text)?;
    let slot = ctx.zset_slot(key)?;
    if slot.is_none() && options.presence == Presence::Old {
        reply.int(0);
        return Ok(());
    }
    let outcome = ctx.edit_zset(key, slot, |zset| options.set(zset, member, score));
    if outcome != ScoreOutcome::Same {
        ctx.changed(key);
        ctx.effect(&[b"ZADD", key.bytes, text, member]);
    }
    reply.int(match outcome {
        ScoreOutcome::Added => 1,
        ScoreOutcome::Changed => i64::from(options.counts_changes),
        ScoreOutcome::Same => 0,
    });
    Ok(())
}

pub(super) fn zincrby(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    increment(ctx, &key, args, &Options::default(), reply)
}

/// The log is told the sum.
fn increment(
    ctx: &mut Ctx,
    key: &Key<'_>,
    args: &mut Args,
    options: &Options,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let (by, member) = (score(args.bytes()?)?, args.bytes()?);
    let slot = ctx.zset_slot(key)?;
    let old = slot.and_then(|slot| ctx.zset_at(key, slot).score(member));
    let new = old.map_or(by, |old| old + by);
    if new.is_nan() {
        let text = "resulting score is not a number (NaN)";
        return Err(CommandError::err(text));
    }
    if !options.allow(old, new) {
        reply.null();
        return Ok(());
    }
    let outcome = ctx.edit_zset(key, slot, |zset| zset.set(member, new));
    if outcome != ScoreOutcome::Same {
        ctx.changed(key);
        let mut text = Vec::with_capacity(24);
        base::write_double(&mut text, new);
        ctx.effect(&[b"ZADD", key.bytes, &text, member]);
    }
    reply.double(new);
    Ok(())
}

/// Which members may get a score.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Presence {
    #[default]
    Any,
    New,
    Old,
}

/// Which score may take the place of another.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Comparison {
    #[default]
    Any,
    Higher,
    Lower,
}

#[derive(Default)]
struct Options {
    presence: Presence,
    comparison: Comparison,
    counts_changes: bool,
    increments: bool,
}

impl Options {
    /// Take the options, and see that pairs follow.
    fn read(args: &mut Args) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let (mut nx, mut xx, mut gt, mut lt) = (false, false, false, false);
        loop {
            if args.word("NX") {
                nx = true;
            } else if args.word("XX") {
                xx = true;
            } else if args.word("GT") {
                gt = true;
            } else if args.word("LT") {
                lt = true;
            } else if args.word("CH") {
                options.counts_changes = true;
            } else if args.word("INCR") {
                options.increments = true;
            } else {
                break;
            }
        }
        if args.is_done() || args.left() % 2 == 1 {
            return Err(CommandError::Syntax);
        }
        if nx && xx {
            let text = "XX and NX options at the same time are not compatible";
            return Err(CommandError::err(text));
        }
        if gt && lt || nx && (gt || lt) {
            let text = "GT, LT, and/or NX options at the same time are not compatible";
            return Err(CommandError::err(text));
        }
        options.presence = match (nx, xx) {
            (true, _) => Presence::New,
            (_, true) => Presence::Old,
            _ => Presence::Any,
        };
        options.comparison = match (gt, lt) {
            (true, _) => Comparison::Higher,
            (_, true) => Comparison::Lower,
            _ => Comparison::Any,
        };
        Ok(options)
    }

    /// May a member that has this score, or is missing, get that one?
    fn allow(&self, old: Option<f64>, new: f64) -> bool {
        let Some(old) = old else {
            return self.presence != Presence::Old;
        };
        let is_better = match self.comparison {
            Comparison::Any => true,
            Comparison::Higher => new > old,
            Comparison::Lower => new < old,
        };
        self.presence != Presence::New && is_better
    }

    #[inline]
    fn set(&self, zset: &mut ZSetEdit<'_>, member: &[u8], score: f64) -> ScoreOutcome {
        let is_plain = self.presence == Presence::Any && self.comparison == Comparison::Any;
        if is_plain || self.allow(zset.view().score(member), score) {
            zset.set(member, score)
        } else {
            ScoreOutcome::Same
        }
    }
}
