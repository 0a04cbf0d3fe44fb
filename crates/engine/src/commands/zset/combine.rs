//! ZUNION, ZINTER, ZDIFF, with their STOREs, and ZINTERCARD.
//!
//! ```text
//!   keys ─► Source, the fewest members first ─► Tally ─► by score ─► reply, or another key
//! ```
//!
//! Each source is looked at by itself, one after the other, and a [`Tally`] has what came of those
//! before. A score is multiplied by the weight of its source, and added to (or compared with) that
//! of the sources before, in their order: floats do not add up the same in another one.

use std::cmp::Ordering;

use resp::Reply;
use store::{Item, Key, NewValue, NewZSet, SetView, ZSetView};

use super::{answer_member, begin_members};
use crate::args::Args;
use crate::commands::effect_as_asked;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn zunion(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    answer(ctx, args, Operation::Union, "zunion", reply)
}

pub(super) fn zinter(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    answer(ctx, args, Operation::Inter, "zinter", reply)
}

pub(super) fn zdiff(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    answer(ctx, args, Operation::Diff, "zdiff", reply)
}

pub(super) fn zunionstore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    store(ctx, args, Operation::Union, "zunionstore", reply)
}

pub(super) fn zinterstore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    store(ctx, args, Operation::Inter, "zinterstore", reply)
}

pub(super) fn zdiffstore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    store(ctx, args, Operation::Diff, "zdiffstore", reply)
}

pub(super) fn zintercard(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let mut sources = Source::read_all(ctx, args, "zintercard")?;
    let mut limit = 0;
    while !args.is_done() {
        if args.left() < 2 || !args.word("LIMIT") {
            return Err(CommandError::Syntax);
        }
        let count = base::parse_i64(args.bytes()?).and_then(|count| usize::try_from(count).ok());
        limit = count.ok_or_else(|| CommandError::err("LIMIT can't be negative"))?;
    }
    let tally = combine(ctx, &mut sources, Operation::Inter, Aggregate::Sum);
    let count = tally.rows.len();
    reply.count(if limit > 0 { count.min(limit) } else { count });
    Ok(())
}

fn answer(
    ctx: &mut Ctx,
    args: &mut Args,
    operation: Operation,
    name: &'static str,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let mut sources = Source::read_all(ctx, args, name)?;
    let options = Options::read(args, operation, &mut sources, true)?;
    let tally = combine(ctx, &mut sources, operation, options.aggregate);
    let members = tally.sorted();
    begin_members(members.len(), options.with_scores, reply);
    for (member, score) in members {
        if reply.has_overflowed() {
            break;
        }
        let score = options.with_scores.then_some(score);
        answer_member(Item::Bytes(member), score, reply);
    }
    Ok(())
}

fn store(
    ctx: &mut Ctx,
    args: &mut Args,
    operation: Operation,
    name: &'static str,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let destination = args.key()?;
    let mut sources = Source::read_all(ctx, args, name)?;
    let options = Options::read(args, operation, &mut sources, false)?;
    let tally = combine(ctx, &mut sources, operation, options.aggregate);
    let (limits, hasher) = (ctx.config().live.zset_limits, ctx.engine.hasher);
    let members = tally.sorted();
    let value = (!members.is_empty()).then(|| NewZSet::of_sorted(limits, hasher, &members));
    keep(ctx, args, &destination, value);
    reply.count(members.len());
    Ok(())
}

/// Keep what a STORE has computed; of nothing, no key remains.
pub(super) fn keep(
    ctx: &mut Ctx,
    args: &Args,
    destination: &Key<'_>,
    value: Option<NewValue<'static>>,
) {
    match value {
        Some(value) => ctx.set(destination, value, None),
        None => match ctx.find(destination) {
            Some(slot) => ctx.remove(destination, slot),
            None => return,
        },
    }
    effect_as_asked(ctx, args);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// What becomes of the scores of a member that several sources have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    /// Infinity less infinity is zero.
    fn join(self, before: f64, score: f64) -> f64 {
        match self {
            Aggregate::Sum => number_or_zero(before + score),
            Aggregate::Min if score < before => score,
            Aggregate::Max if score > before => score,
            Aggregate::Min | Aggregate::Max => before,
        }
    }
}

/// Infinity times zero is zero.
fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

struct Options {
    aggregate: Aggregate,
    with_scores: bool,
}

impl Options {
    fn read(
        args: &mut Args,
        operation: Operation,
        sources: &mut [Source<'_>],
        is_answered: bool,
    ) -> Result<Options, CommandError> {
        let mut options = Options {
            aggregate: Aggregate::Sum,
            with_scores: false,
        };
        let has_weights = operation != Operation::Diff;
        while !args.is_done() {
            if has_weights && args.left() > sources.len() && args.word("WEIGHTS") {
                for source in &mut *sources {
                    source.weight = base::parse_f64(args.bytes()?)
                        .ok_or_else(|| CommandError::err("weight value is not a float"))?;
                }
            } else if has_weights && args.left() >= 2 && args.word("AGGREGATE") {
                options.aggregate = if args.word("SUM") {
                    Aggregate::Sum
                } else if args.word("MIN") {
                    Aggregate::Min
                } else if args.word("MAX") {
                    Aggregate::Max
                } else {
                    return Err(CommandError::Syntax);
                };
            } else if is_answered && args.word("WITHSCORES") {
                options.with_scores = true;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }
}

/// A key that members come from.
struct Source<'a> {
    key: Key<'a>,
    weight: f64,
    /// 0 for a missing key.
    len: usize,
}

impl<'a> Source<'a> {
    /// Read a number of keys and the keys, and see what is there.
    fn read_all(
        ctx: &mut Ctx,
        args: &mut Args<'a>,
        command: &'static str,
    ) -> Result<Vec<Source<'a>>, CommandError> {
        let numkeys = args.i64()?;
        if numkeys < 1 {
            return Err(CommandError::err(format_args!(
                "at least 1 input key is needed for '{command}' command"
            )));
        }
        if numkeys > args.left() as i64 {
            return Err(CommandError::Syntax);
        }
        let mut sources = Vec::with_capacity(numkeys as usize);
        for _ in 0..numkeys {
            let key = args.key()?;
            let len = match ctx.read(&key) {
                None => 0,
                Some(entry) => Content::of(entry).ok_or(CommandError::WrongType)?.len(),
            };
            let weight = 1.0;
            sources.push(Source { key, weight, len });
        }
        Ok(sources)
    }

    /// What is there, looked up once more: nothing has changed since it was counted.
    fn look<R>(&self, ctx: &mut Ctx, look: impl FnOnce(Content<'_>) -> R) -> Option<R> {
        let slot = ctx.find(&self.key)?;
        let content = Content::of(ctx.entry(&self.key, slot));
        Some(look(content.expect("its kind was looked at")))
    }
}

/// Members with scores; those of a set have 1.
enum Content<'a> {
    Set(SetView<'a>),
    SortedSet(ZSetView<'a>),
}

impl<'a> Content<'a> {
    fn of(entry: store::Entry<'a>) -> Option<Content<'a>> {
        let zset = entry.zset().map(Content::SortedSet);
        zset.or_else(|| entry.set().map(Content::Set))
    }

    fn len(&self) -> usize {
        match self {
            Content::Set(set) => set.len(),
            Content::SortedSet(zset) => zset.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Content::Set(set) => set.contains(member).then_some(1.0),
            Content::SortedSet(zset) => zset.score(member),
        }
    }

    fn for_each(&self, mut visit: impl FnMut(Item<'_>, f64)) {
        match self {
            Content::Set(set) => set.iter().for_each(|member| visit(member, 1.0)),
            Content::SortedSet(zset) => {
                zset.iter().for_each(|(member, score)| visit(member, score));
            }
        }
    }
}

fn combine(
    ctx: &mut Ctx,
    sources: &mut [Source<'_>],
    operation: Operation,
    aggregate: Aggregate,
) -> Tally {
    let mut tally = Tally::default();
    if operation != Operation::Diff {
        // Stable, so that the order of equals is that of the keys.
        sources.sort_by_key(|source| source.len);
    }
    for (at, source) in sources.iter().enumerate() {
        let weight = source.weight;
        let is_there = source.look(ctx, |content| match operation {
            _ if at == 0 => tally.collect(&content, weight),
            Operation::Union => tally.collect(&content, weight),
            Operation::Diff => tally.retain(|member, score| match content.score(member) {
                Some(_) => None,
                None => Some(score),
            }),
            Operation::Inter => tally.retain(|member, before| {
                let score = weight * content.score(member)?;
                Some(aggregate.join(before, score))
            }),
        });
        if is_there.is_none() && operation == Operation::Inter {
            return Tally::default();
        }
    }
    if operation == Operation::Union {
        tally.merge(aggregate);
    }
    tally
}

/// Members with the scores that they have so far.
#[derive(Default)]
struct Tally {
    /// Their names, one behind the other.
    text: Vec<u8>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy)]
struct Row {
    start: usize,
    end: usize,
    score: f64,
}

impl Row {
    fn name<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start..self.end]
    }
}

impl Tally {
    /// Add all members of a source. Some may be there already.
    fn collect(&mut self, content: &Content<'_>, weight: f64) {
        self.rows.reserve(content.len());
        content.for_each(|member, score| {
            let start = self.text.len();
            member.append_to(&mut self.text);
            self.rows.push(Row {
                start,
                end: self.text.len(),
                score: number_or_zero(weight * score),
            });
        });
    }

    /// Keep those for which there is a score.
    fn retain(&mut self, mut keep: impl FnMut(&[u8], f64) -> Option<f64>) {
        let text = &self.text;
        self.rows.retain_mut(|row| {
            let score = keep(row.name(text), row.score);
            row.score = score.unwrap_or_default();
            score.is_some()
        });
    }

    /// Make one of members of the same name, in the order in which they came.
    fn merge(&mut self, aggregate: Aggregate) {
        let text = &self.text;
        self.rows
            .sort_by(|one, other| one.name(text).cmp(other.name(text)));
        self.rows.dedup_by(|next, before| {
            let is_same = next.name(text) == before.name(text);
            if is_same {
                before.score = aggregate.join(before.score, next.score);
            }
            is_same
        });
    }

    /// The members in the order of a sorted set.
    fn sorted(&self) -> Vec<(&[u8], f64)> {
        let members = self
            .rows
            .iter()
            .map(|row| (row.name(&self.text), row.score));
        let mut members: Vec<(&[u8], f64)> = members.collect();
        members.sort_unstable_by(|(name, score), (other_name, other)| {
            let order = score.partial_cmp(other).unwrap_or(Ordering::Equal);
            order.then_with(|| name.cmp(other_name))
        });
        members
    }
}
