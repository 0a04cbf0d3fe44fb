//! SINTER, SINTERCARD, SUNION, SDIFF, and those that keep the outcome. A missing set is one without
//! members.
//!
//! The outcome is kept in the form in which Redis keeps it: that of a union or a difference as if
//! its members were added one by one; an intersection begins as the smallest set is, and is an
//! intset if it can be.

use std::ops::ControlFlow;

use resp::{Outbox, Reply};
use store::algebra::{self, Probe};
use store::{NewSet, SetCopy, SetView};

use crate::args::Args;
use crate::commands::{answer_item, effect_as_asked};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn sinter(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    if args.left() == 1 {
        return super::get::smembers(ctx, args, reply);
    }
    match common(ctx, args)? {
        None => reply.set(0),
        Some(sets) => answer(reply, |visit| algebra::intersect(&views(&sets), visit)),
    }
    Ok(())
}

pub(super) fn sintercard(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let numkeys = base::parse_i64(args.bytes()?).filter(|count| *count > 0);
    let numkeys = numkeys.ok_or_else(|| CommandError::err("numkeys should be greater than 0"))?;
    let numkeys = usize::try_from(numkeys)
        .ok()
        .filter(|count| *count <= args.left());
    let text = "Number of keys can't be greater than number of args";
    let numkeys = numkeys.ok_or_else(|| CommandError::err(text))?;
    let mut options = args.clone();
    options.skip(numkeys);
    let mut limit = usize::MAX;
    while !options.is_done() {
        if options.left() < 2 || !options.word("LIMIT") {
            return Err(CommandError::Syntax);
        }
        let given = base::parse_i64(options.bytes()?).and_then(|limit| usize::try_from(limit).ok());
        limit = match given.ok_or_else(|| CommandError::err("LIMIT can't be negative"))? {
            0 => usize::MAX,
            limit => limit,
        };
    }
    let sets = common_of(ctx, args, numkeys)?;
    let mut count = 0;
    if let Some(sets) = sets {
        algebra::intersect(&views(&sets), &mut |_| {
            count += 1;
            match count >= limit {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
    }
    reply.count(count);
    Ok(())
}

pub(super) fn sinterstore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let mut sources = args.clone();
    sources.key()?;
    let sets = common(ctx, &mut sources)?;
    let (limits, hasher) = (ctx.set_limits(), ctx.hasher());
    let outcome = sets.map_or_else(
        || NewSet::new(limits, hasher),
        |sets| {
            let views = views(&sets);
            let smallest = views.iter().min_by_key(|set| set.len());
            let mut outcome = match smallest {
                Some(SetView::Integers(_)) => NewSet::new(limits, hasher),
                _ => NewSet::small(limits, hasher),
            };
            let mut only_integers = true;
            algebra::intersect(&views, &mut |probe| {
                only_integers = only_integers && probe.int().is_some();
                outcome.add_probe(probe);
                ControlFlow::Continue(())
            });
            if only_integers {
                outcome.pack_integers();
            }
            outcome
        },
    );
    keep(ctx, args, outcome, reply)
}

pub(super) fn sunion(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    if args.left() == 1 {
        return super::get::smembers(ctx, args, reply);
    }
    let sets = any(ctx, args)?;
    let (limits, hasher) = (ctx.set_limits(), ctx.hasher());
    answer(reply, |visit| {
        algebra::unite(&views(&sets), limits, hasher, visit)
    });
    Ok(())
}

pub(super) fn sunionstore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let mut sources = args.clone();
    sources.key()?;
    let sets = any(ctx, &mut sources)?;
    let mut outcome = NewSet::new(ctx.set_limits(), ctx.hasher());
    for set in &sets {
        let _ = algebra::each(set.view(), |probe| {
            outcome.add_probe(probe);
            ControlFlow::Continue(())
        });
    }
    keep(ctx, args, outcome, reply)
}

pub(super) fn sdiff(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    if args.left() == 1 {
        return super::get::smembers(ctx, args, reply);
    }
    match Difference::read(ctx, args)? {
        None => reply.set(0),
        Some(Difference { first, others }) => {
            let (limits, hasher) = (ctx.set_limits(), ctx.hasher());
            let (first, others) = (first.view(), views(&others));
            answer(reply, |visit| {
                algebra::subtract(first, &others, limits, hasher, visit);
            });
        }
    }
    Ok(())
}

pub(super) fn sdiffstore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let mut sources = args.clone();
    sources.key()?;
    let difference = Difference::read(ctx, &mut sources)?;
    let (limits, hasher) = (ctx.set_limits(), ctx.hasher());
    let mut outcome = NewSet::new(limits, hasher);
    if let Some(Difference { first, others }) = &difference {
        let (first, others) = (first.view(), views(others));
        if algebra::looks_into_others(first, &others) {
            algebra::subtract_looking(first, &others, &mut |probe| {
                outcome.add_probe(probe);
                ControlFlow::Continue(())
            });
        } else {
            outcome = algebra::subtract_copying(first, &others, limits, hasher);
        }
    }
    drop(difference);
    keep(ctx, args, outcome, reply)
}

/// The sets of all arguments; none if one of them is missing. Each must be a set all the same.
fn common(ctx: &mut Ctx, args: &mut Args) -> Result<Option<Vec<SetCopy>>, CommandError> {
    common_of(ctx, args, args.left())
}

fn common_of(
    ctx: &mut Ctx,
    args: &mut Args,
    count: usize,
) -> Result<Option<Vec<SetCopy>>, CommandError> {
    let mut sets = Some(Vec::with_capacity(count));
    for _ in 0..count {
        let set = ctx.set_copy(&args.key()?)?;
        sets = sets.zip(set).map(|(mut sets, set)| {
            sets.push(set);
            sets
        });
    }
    Ok(sets)
}

/// The sets that there are.
fn any(ctx: &mut Ctx, args: &mut Args) -> Result<Vec<SetCopy>, CommandError> {
    let mut sets = Vec::with_capacity(args.left());
    while !args.is_done() {
        sets.extend(ctx.set_copy(&args.key()?)?);
    }
    Ok(sets)
}

struct Difference {
    first: SetCopy,
    others: Vec<SetCopy>,
}

impl Difference {
    /// None if it is known to be empty.
    fn read(ctx: &mut Ctx, args: &mut Args) -> Result<Option<Difference>, CommandError> {
        let key = args.key()?;
        let first = ctx.set_copy(&key)?;
        let (mut others, mut is_itself) = (Vec::with_capacity(args.left()), false);
        while !args.is_done() {
            let other = args.key()?;
            others.extend(ctx.set_copy(&other)?);
            is_itself |= other.bytes == key.bytes;
        }
        let first = first.filter(|_| !is_itself);
        Ok(first.map(|first| Difference { first, others }))
    }
}

fn views(sets: &[SetCopy]) -> Vec<SetView<'_>> {
    sets.iter().map(SetCopy::view).collect()
}

/// Answer a set of which it is not known how many members it has: they are encoded once, and put
/// behind the header as they are.
fn answer(reply: &mut Reply, walk: impl FnOnce(algebra::Visit<'_>)) {
    let (mut encoded, mut count) = (Outbox::default(), 0);
    let protocol = reply.protocol();
    walk(&mut |probe: &mut Probe<'_>| {
        answer_item(probe.item(), &mut Reply::new(&mut encoded, protocol));
        count += 1;
        match encoded.has_overflowed() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    reply.set(count);
    if count > 0 {
        reply.append(encoded);
    }
}

/// Put the outcome in the place of whatever the first argument holds.
fn keep(
    ctx: &mut Ctx,
    args: &mut Args,
    outcome: NewSet,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let target = args.key()?;
    let count = outcome.view().len();
    if count > 0 {
        ctx.put_set(&target, outcome);
        effect_as_asked(ctx, args);
    } else if let Some(slot) = ctx.find(&target) {
        ctx.remove(&target, slot);
        ctx.effect(&[b"DEL", target.bytes]);
    }
    reply.count(count);
    Ok(())
}
