//! HEXPIRE and its sisters give fields a deadline, HTTL and its sisters tell it,
//! HPERSIST takes it away. Each answers a number for each field.
//!
//! ```text
//!               seconds                ms                      -2  no such field
//!   from now    HEXPIRE    HTTL        HPEXPIRE    HPTTL        0  the condition does not hold
//!   since 1970  HEXPIREAT  HEXPIRETIME HPEXPIREAT  HPEXPIRETIME 1  set     2  removed at once
//!                                                              -1  it has no deadline
//! ```
//!
//! The log is told HPEXPIREAT with the fields that were set, HPERSIST with those
//! that had a deadline, HDEL with those whose deadline had passed already.

use resp::Reply;
use store::Key;

use super::moment::{Clock, NO_NUMBER, NO_PARAMETER, read_fields};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

const NO_FIELD: i64 = -2;
const NO_DEADLINE: i64 = -1;
const NOT_MET: i64 = 0;
const SET: i64 = 1;
const REMOVED: i64 = 2;

pub(super) fn hexpire(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    set_deadlines(ctx, args, reply, "hexpire", Clock::Seconds)
}

pub(super) fn hpexpire(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    set_deadlines(ctx, args, reply, "hpexpire", Clock::Milliseconds)
}

pub(super) fn hexpireat(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    set_deadlines(ctx, args, reply, "hexpireat", Clock::UnixSeconds)
}

pub(super) fn hpexpireat(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    set_deadlines(ctx, args, reply, "hpexpireat", Clock::UnixMilliseconds)
}

pub(super) fn httl(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    answer_deadlines(ctx, args, reply, Clock::Seconds)
}

pub(super) fn hpttl(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    answer_deadlines(ctx, args, reply, Clock::Milliseconds)
}

pub(super) fn hexpiretime(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    answer_deadlines(ctx, args, reply, Clock::UnixSeconds)
}

pub(super) fn hpexpiretime(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    answer_deadlines(ctx, args, reply, Clock::UnixMilliseconds)
}

fn set_deadlines(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    command: &'static str,
    clock: Clock,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let slot = ctx.hash_slot(&key)?;
    let deadline_ms = clock.deadline_ms(args.bytes()?, ctx.now_ms(), command)?;
    let condition = Condition::read(args);
    let fields = read_fields(args, NO_PARAMETER)?;
    let slot = slot.and_then(|slot| ctx.without_expired(&key, slot, fields.clone()));
    // The log has only what was to come when it was written.
    let is_past = deadline_ms <= ctx.fields_now_ms();
    let outcome = |present: Option<Option<i64>>| match present {
        None => NO_FIELD,
        Some(present_ms) if !condition.allows(present_ms, deadline_ms) => NOT_MET,
        Some(_) if is_past => REMOVED,
        Some(_) => SET,
    };
    let Some(slot) = slot else {
        return answer_all(fields.len(), NO_FIELD, reply);
    };
    let hash = ctx.hash_at(&key, slot);
    let first: Vec<i64> = fields
        .clone()
        .map(|field| outcome(hash.deadline_ms(field)))
        .collect();
    if !first.iter().any(|outcome| *outcome > 0) {
        answer(&first, reply);
        return Ok(());
    }
    let mut changed: Vec<&[u8]> = Vec::new();
    // Asked again, field by field: one may be named twice.
    let outcomes: Vec<i64> = ctx.change_hash(&key, Some(slot), |hash| {
        let each = fields.map(|field| {
            let outcome = outcome(hash.view().deadline_ms(field));
            match outcome {
                SET => hash.set_deadline(field, Some(deadline_ms)),
                REMOVED => hash.remove(field),
                _ => return outcome,
            };
            changed.push(field);
            outcome
        });
        each.collect()
    });
    if is_past {
        ctx.fields_removed(&key, changed.len());
        ctx.effect_on_fields(&[b"HDEL", key.bytes], &changed);
    } else {
        effect_of_deadline(ctx, &key, deadline_ms, &changed);
    }
    answer(&outcomes, reply);
    Ok(())
}

/// HPEXPIREAT, which counts as so many changes.
pub(super) fn effect_of_deadline(ctx: &mut Ctx, key: &Key<'_>, deadline_ms: i64, fields: &[&[u8]]) {
    let (mut deadline, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
    let deadline = deadline.format(deadline_ms).as_bytes();
    let count = count.format(fields.len()).as_bytes();
    ctx.effect_on_fields(
        &[b"HPEXPIREAT", key.bytes, deadline, b"FIELDS", count],
        fields,
    );
}

/// HPERSIST, which counts as one change.
pub(super) fn effect_of_persist(ctx: &mut Ctx, key: &Key<'_>, fields: &[&[u8]]) {
    let mut count = itoa::Buffer::new();
    let count = count.format(fields.len()).as_bytes();
    let front: [&[u8]; 4] = [b"HPERSIST", key.bytes, b"FIELDS", count];
    let argv: Vec<&[u8]> = front.iter().chain(fields).copied().collect();
    ctx.effect(&argv);
}

fn answer_deadlines(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
    clock: Clock,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let now_ms = ctx.now_ms();
    let hash = ctx.hash(&key)?;
    let fields = read_fields(args, NO_NUMBER)?;
    let in_unit = |deadline_ms: i64| match clock {
        Clock::Seconds => (deadline_ms + 999 - now_ms) / 1000,
        Clock::Milliseconds => deadline_ms - now_ms,
        Clock::UnixSeconds => (deadline_ms + 999) / 1000,
        Clock::UnixMilliseconds => deadline_ms,
    };
    reply.array(fields.len());
    for field in fields {
        reply.int(match hash.and_then(|hash| hash.deadline_ms(field)) {
            None => NO_FIELD,
            Some(None) => NO_DEADLINE,
            Some(Some(deadline_ms)) => in_unit(deadline_ms),
        });
    }
    Ok(())
}

pub(super) fn hpersist(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let slot = ctx.hash_slot(&key)?;
    let fields = read_fields(args, NO_NUMBER)?;
    let slot = slot.and_then(|slot| ctx.without_expired(&key, slot, fields.clone()));
    let Some(slot) = slot else {
        return answer_all(fields.len(), NO_FIELD, reply);
    };
    let outcome = |present: Option<Option<i64>>| match present {
        None => NO_FIELD,
        Some(None) => NO_DEADLINE,
        Some(Some(_)) => SET,
    };
    let hash = ctx.hash_at(&key, slot);
    let mut outcomes: Vec<i64> = fields
        .clone()
        .map(|field| outcome(hash.deadline_ms(field)))
        .collect();
    let mut persisted: Vec<&[u8]> = Vec::new();
    if outcomes.contains(&SET) {
        outcomes = ctx.change_hash(&key, Some(slot), |hash| {
            let each = fields.map(|field| {
                let outcome = outcome(hash.view().deadline_ms(field));
                if outcome == SET {
                    hash.set_deadline(field, None);
                    persisted.push(field);
                }
                outcome
            });
            each.collect()
        });
        effect_of_persist(ctx, &key, &persisted);
    }
    answer(&outcomes, reply);
    Ok(())
}

fn answer(outcomes: &[i64], reply: &mut Reply) {
    reply.array(outcomes.len());
    outcomes.iter().for_each(|outcome| reply.int(*outcome));
}

fn answer_all(count: usize, outcome: i64, reply: &mut Reply) -> Result<(), CommandError> {
    reply.array(count);
    (0..count).for_each(|_| reply.int(outcome));
    Ok(())
}

/// Which present deadlines may be replaced: one of four words, or any.
#[derive(Clone, Copy)]
enum Condition {
    Any,
    None,
    Some,
    Later,
    Earlier,
}

impl Condition {
    fn read(args: &mut Args) -> Condition {
        let words = [
            ("NX", Condition::None),
            ("XX", Condition::Some),
            ("GT", Condition::Later),
            ("LT", Condition::Earlier),
        ];
        let found = words.into_iter().find(|(word, _)| args.word(word));
        found.map_or(Condition::Any, |(_, condition)| condition)
    }

    /// No deadline is later than any.
    fn allows(self, present_ms: Option<i64>, deadline_ms: i64) -> bool {
        match self {
            Condition::Any => true,
            Condition::None => present_ms.is_none(),
            Condition::Some => present_ms.is_some(),
            Condition::Later => present_ms.is_some_and(|present| deadline_ms > present),
            Condition::Earlier => present_ms.is_none_or(|present| deadline_ms < present),
        }
    }
}
