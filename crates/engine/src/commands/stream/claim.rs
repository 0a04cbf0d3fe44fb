//! XCLAIM, XAUTOCLAIM: a consumer takes over what is pending for others.
//!
//! What is no longer in the stream cannot be claimed; it is pending no more when somebody tries.

use std::collections::BTreeMap;

use resp::Reply;
use store::{Key, Progress, Slot};
use structs::stream::{ConsumerIndex, Pending, StreamId};

use super::delivery::{self, Told};
use super::id;
use super::range::{answer_entry, answer_id};
use super::reference;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

/// Whose entries go to whom.
struct Claim<'a> {
    key: Key<'a>,
    slot: Slot,
    group: &'a [u8],
    consumer: &'a [u8],
    known: Option<ConsumerIndex>,
    now_ms: i64,
    ids_only: bool,
}

/// What a claim comes to, found out before anything is changed.
#[derive(Default)]
struct Outcome {
    claimed: Vec<(StreamId, Pending)>,
    /// Pending, but no longer in the stream.
    gone: Vec<StreamId>,
}

pub(super) fn xclaim(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let (mut claim, idle_ms_min) = Claim::begin(ctx, args, "XCLAIM")?;
    let ids = leading_ids(args);
    let options = Options::read(args, claim.now_ms)?;
    claim.ids_only = options.ids_only;
    let delivered_ms = match options.delivered_ms {
        // In a log it is what it was.
        Some(at_ms) if ctx.local.replaying => at_ms,
        // A time that cannot be is taken for now: a client's clock may be wrong.
        Some(at_ms) if (0..=claim.now_ms).contains(&at_ms) => at_ms,
        _ => claim.now_ms,
    };
    let mut outcome = Outcome::default();
    let stream = ctx.stream_at(&claim.key, claim.slot);
    let group = stream.group(claim.group).expect("looked up");
    let mut progress = Progress::of(group);
    // An id that comes again finds what became of it the first time.
    let mut seen = BTreeMap::new();
    let may_repeat = !ids.is_sorted_by(|one, next| one < next);
    for id in ids {
        let pending = seen.get(&id).or_else(|| group.pending().get(id));
        if stream.get(id).is_none() {
            outcome.gone.extend(pending.map(|_| id));
            continue;
        }
        let before = match pending {
            Some(pending) if claim.is_fresh(pending, idle_ms_min) => continue,
            Some(pending) => pending.deliveries,
            None if options.force => 1,
            None => continue,
        };
        let deliveries = match options.deliveries {
            Some(count) => count,
            None => before.saturating_add(u64::from(!claim.ids_only)),
        };
        let pending = claim.pending(delivered_ms, deliveries);
        outcome.claimed.push((id, pending));
        if may_repeat {
            seen.insert(id, pending);
        }
    }
    let moves_on = options.last_id > progress.last_id;
    progress.last_id = progress.last_id.max(options.last_id);
    claim.answer(ctx, &outcome, reply);
    claim.change(ctx, &outcome, moves_on.then_some(progress));
    Ok(())
}

pub(super) fn xautoclaim(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    /// So many times the count are looked at.
    const ATTEMPTS: usize = 10;
    const COUNT_MAX: i64 = i64::MAX / 16;

    let key = args.key()?;
    let (group, consumer) = (args.bytes()?, args.bytes()?);
    let idle_ms_min = idle_ms_min(args, "XAUTOCLAIM")?;
    let start = id::range_start(args.bytes()?)?;
    let (mut count, mut ids_only) = (100, false);
    while !args.is_done() {
        if args.left() >= 2 && args.word("COUNT") {
            let number = base::parse_i64(args.bytes()?);
            let number = number.filter(|number| (1..=COUNT_MAX).contains(number));
            let number = number.ok_or_else(|| CommandError::err("COUNT must be > 0"))?;
            count = number as usize;
        } else if args.word("JUSTID") {
            ids_only = true;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    let mut claim = Claim::of(ctx, key, group, consumer)?;
    claim.ids_only = ids_only;
    let mut outcome = Outcome::default();
    let stream = ctx.stream_at(&claim.key, claim.slot);
    let all = stream.group(group).expect("looked up").pending();
    let mut rest = all.iter_from(start);
    let mut attempts = count.saturating_mul(ATTEMPTS);
    while attempts > 0 && count > 0 {
        let Some((id, pending)) = rest.next() else {
            break;
        };
        attempts -= 1;
        if stream.get(id).is_none() {
            outcome.gone.push(id);
        } else if claim.is_fresh(pending, idle_ms_min) {
            continue;
        } else {
            let deliveries = pending.deliveries.saturating_add(u64::from(!ids_only));
            let pending = claim.pending(claim.now_ms, deliveries);
            outcome.claimed.push((id, pending));
        }
        count -= 1;
    }
    let next = rest.next().map_or(StreamId::MIN, |(id, _)| id);
    reply.array(3);
    answer_id(next, reply);
    claim.answer(ctx, &outcome, reply);
    reply.array(outcome.gone.len());
    for id in &outcome.gone {
        answer_id(*id, reply);
    }
    claim.change(ctx, &outcome, None);
    Ok(())
}

impl<'a> Claim<'a> {
    /// The words that come first in both commands.
    fn begin(
        ctx: &mut Ctx,
        args: &mut Args<'a>,
        command: &str,
    ) -> Result<(Claim<'a>, i64), CommandError> {
        let key = args.key()?;
        let (group, consumer) = (args.bytes()?, args.bytes()?);
        let claim = Claim::of(ctx, key, group, consumer)?;
        Ok((claim, idle_ms_min(args, command)?))
    }

    fn of(
        ctx: &mut Ctx,
        key: Key<'a>,
        group: &'a [u8],
        consumer: &'a [u8],
    ) -> Result<Claim<'a>, CommandError> {
        let slot = ctx.stream_slot_to_read(&key)?;
        let found = slot.and_then(|slot| ctx.stream_at(&key, slot).group(group));
        let known = match found {
            Some(group) => group.find_consumer(consumer),
            None => return Err(super::no_group(&key, group, "")),
        };
        Ok(Claim {
            slot: slot.expect("its group was found"),
            key,
            group,
            consumer,
            known,
            now_ms: ctx.now_ms(),
            ids_only: false,
        })
    }

    /// Was it delivered too short a time ago?
    fn is_fresh(&self, pending: &Pending, idle_ms_min: i64) -> bool {
        idle_ms_min > 0 && self.now_ms.saturating_sub(pending.delivered_ms) < idle_ms_min
    }

    /// For the consumer; one that is yet to be made gets its index then.
    fn pending(&self, delivered_ms: i64, deliveries: u64) -> Pending {
        Pending {
            consumer: self.known.unwrap_or_default(),
            delivered_ms,
            deliveries,
        }
    }

    fn answer(&self, ctx: &mut Ctx, outcome: &Outcome, reply: &mut Reply) {
        let stream = ctx.stream_at(&self.key, self.slot);
        reply.array(outcome.claimed.len());
        for (id, _) in &outcome.claimed {
            match self.ids_only {
                true => answer_id(*id, reply),
                false => answer_entry(stream.get(*id).expect("it was there"), reply),
            }
        }
    }

    fn change(&self, ctx: &mut Ctx, outcome: &Outcome, progress: Option<Progress>) {
        let change = |group: &mut structs::stream::Group| {
            let consumer = delivery::consumer(group, self.consumer, self.now_ms);
            let has_got = !outcome.claimed.is_empty();
            group.touch(consumer, self.now_ms, has_got.then_some(self.now_ms));
            for id in &outcome.gone {
                group.acknowledge(*id);
            }
            for (id, pending) in &outcome.claimed {
                let pending = Pending {
                    consumer,
                    ..*pending
                };
                group.deliver(*id, pending);
            }
            if let Some(progress) = progress {
                group.set_position(progress.last_id, progress.entries_read);
            }
        };
        let is_idle = outcome.claimed.is_empty() && outcome.gone.is_empty();
        if self.known.is_some() && is_idle && progress.is_none() {
            return ctx.note_in_group(&self.key, self.slot, self.group, change);
        }
        ctx.change_group(&self.key, self.slot, self.group, change);
        let told = Told {
            key: &self.key,
            group: self.group,
            consumer: self.consumer,
        };
        if self.known.is_none() {
            told.created(ctx);
        }
        if is_idle && progress.is_none() {
            return;
        }
        // Each entry is a change; a position by itself is one too.
        let entries = outcome.claimed.len() + outcome.gone.len();
        ctx.effects_that_count(entries.max(1), |ctx| {
            if !outcome.gone.is_empty() {
                let front = [b"XACK", self.key.bytes, self.group];
                reference::emit_ids(ctx, &front, &outcome.gone);
            }
            told.claimed(ctx, &outcome.claimed);
            if let Some(progress) = progress {
                told.position(ctx, progress);
            }
        });
    }
}

fn idle_ms_min(args: &mut Args, command: &str) -> Result<i64, CommandError> {
    let idle_ms = base::parse_i64(args.bytes()?).ok_or_else(|| {
        CommandError::err(format_args!("Invalid min-idle-time argument for {command}"))
    })?;
    Ok(idle_ms.max(0))
}

/// Ids, up to the first word that is none.
fn leading_ids(args: &mut Args) -> Vec<StreamId> {
    let mut ids = Vec::new();
    while let Some(id) = args.peek().and_then(|text| id::strict(text, 0).ok()) {
        ids.push(id);
        args.skip(1);
    }
    ids
}

/// What follows the ids of XCLAIM.
#[derive(Default)]
struct Options {
    delivered_ms: Option<i64>,
    deliveries: Option<u64>,
    force: bool,
    ids_only: bool,
    last_id: StreamId,
}

impl Options {
    fn read(args: &mut Args, now_ms: i64) -> Result<Options, CommandError> {
        let mut options = Options::default();
        while !args.is_done() {
            let has_value = args.left() >= 2;
            if args.word("FORCE") {
                options.force = true;
            } else if args.word("JUSTID") {
                options.ids_only = true;
            } else if has_value && args.word("IDLE") {
                let idle_ms = Options::number(args, "IDLE")?;
                options.delivered_ms = Some(now_ms.wrapping_sub(idle_ms));
            } else if has_value && args.word("TIME") {
                options.delivered_ms = Some(Options::number(args, "TIME")?);
            } else if has_value && args.word("RETRYCOUNT") {
                let count = Options::number(args, "RETRYCOUNT")?;
                options.deliveries = u64::try_from(count).ok();
            } else if has_value && args.word("LASTID") {
                options.last_id = id::strict(args.bytes()?, 0)?;
            } else {
                let option = String::from_utf8_lossy(args.bytes()?).into_owned();
                return Err(CommandError::err(format_args!(
                    "Unrecognized XCLAIM option '{option}'"
                )));
            }
        }
        Ok(options)
    }

    fn number(args: &mut Args, option: &str) -> Result<i64, CommandError> {
        base::parse_i64(args.bytes()?).ok_or_else(|| {
            CommandError::err(format_args!("Invalid {option} option argument for XCLAIM"))
        })
    }
}
