//! ZRANGE and ZRANGESTORE, and what they replace: ZREVRANGE, ZRANGEBYSCORE, ZREVRANGEBYSCORE,
//! ZRANGEBYLEX, ZREVRANGEBYLEX.
//!
//! ```text
//!   words ─► Query ─► range of ranks ─► walk, up or down ─► reply, or another key
//! ```

use std::ops::Range;

use resp::Reply;
use store::{Direction, Item, Large, LexRange, NewZSet, ScoreRange, ZSetView};

use super::bounds::{lex_range, rank_range, score_range};
use super::{answer_member, begin_members};
use crate::args::Args;
use crate::ctx::{Ctx, Walk};
use crate::error::CommandError;

pub(super) fn zrange(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    range(ctx, args, Form::open(), reply)
}

pub(super) fn zrevrange(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    range(ctx, args, Form::fixed(By::Rank, Direction::Down), reply)
}

pub(super) fn zrangebyscore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    range(ctx, args, Form::fixed(By::Score, Direction::Up), reply)
}

pub(super) fn zrevrangebyscore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    range(ctx, args, Form::fixed(By::Score, Direction::Down), reply)
}

pub(super) fn zrangebylex(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    range(ctx, args, Form::fixed(By::Name, Direction::Up), reply)
}

pub(super) fn zrevrangebylex(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    range(ctx, args, Form::fixed(By::Name, Direction::Down), reply)
}

fn range(
    ctx: &mut Ctx,
    args: &mut Args,
    form: Form,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let query = Query::read(args, form)?;
    let Some(zset) = ctx.zset(&key)? else {
        reply.array(0);
        return Ok(());
    };
    let ranks = query.ranks(zset);
    if let ZSetView::Large(_) = zset {
        let end = ranks.end.min(zset.len());
        let left = ranks.start.min(end)..end;
        begin_members(left.len(), query.with_scores, reply);
        let (elements, direction, with_scores) = (left.len(), query.direction, query.with_scores);
        let walk = Ranks {
            left,
            direction,
            with_scores,
        };
        ctx.answer_walk(&key, elements, walk, reply);
        return Ok(());
    }
    let members = zset.walk(ranks, query.direction);
    begin_members(members.len(), query.with_scores, reply);
    for (member, score) in members {
        if reply.has_overflowed() {
            break;
        }
        answer_member(member, query.with_scores.then_some(score), reply);
    }
    Ok(())
}

/// The members of a range of ranks of a large sorted set.
struct Ranks {
    left: Range<usize>,
    direction: Direction,
    with_scores: bool,
}

impl Walk for Ranks {
    fn answer(&mut self, large: &Large, reply: &mut Reply<'_>) -> bool {
        let Large::SortedSet(zset) = large else {
            unreachable!("the walk began in a sorted set")
        };
        let mut members = zset.walk(self.left.clone());
        while !self.left.is_empty() && !reply.is_slice() {
            let member = match self.direction {
                Direction::Up => {
                    self.left.start += 1;
                    members.next()
                }
                Direction::Down => {
                    self.left.end -= 1;
                    members.next_back()
                }
            };
            let (name, score) = member.expect("a rank of a member");
            answer_member(Item::Bytes(name), self.with_scores.then_some(score), reply);
        }
        !self.left.is_empty()
    }
}

pub(super) fn zrangestore(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let (destination, source) = (args.key()?, args.key()?);
    let query = Query::read(args, Form::storing())?;
    let (limits, hasher) = (ctx.config().live.zset_limits, ctx.engine.hasher);
    let members: Vec<(Vec<u8>, f64)> = match ctx.zset(&source)? {
        None => Vec::new(),
        Some(zset) => {
            let members = zset.walk(query.ranks(zset), Direction::Up);
            members
                .map(|(member, score)| (member.to_vec(), score))
                .collect()
        }
    };
    let members: Vec<(&[u8], f64)> = members.iter().map(|(m, score)| (&m[..], *score)).collect();
    let value = (!members.is_empty()).then(|| NewZSet::of_sorted(limits, hasher, &members));
    super::combine::keep(ctx, args, &destination, value);
    reply.count(members.len());
    Ok(())
}

/// What a range is a range of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Name,
}

/// What the command's name has said already.
struct Form {
    by: Option<By>,
    direction: Option<Direction>,
    is_stored: bool,
}

impl Form {
    fn open() -> Form {
        Form {
            by: None,
            direction: None,
            is_stored: false,
        }
    }

    fn storing() -> Form {
        Form {
            is_stored: true,
            ..Form::open()
        }
    }

    fn fixed(by: By, direction: Direction) -> Form {
        Form {
            by: Some(by),
            direction: Some(direction),
            is_stored: false,
        }
    }
}

enum Wanted<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Names(LexRange<'a>),
}

struct Query<'a> {
    wanted: Wanted<'a>,
    direction: Direction,
    /// An offset and a count; a count below zero is all.
    limit: (i64, i64),
    with_scores: bool,
}

impl<'a> Query<'a> {
    fn read(args: &mut Args<'a>, form: Form) -> Result<Query<'a>, CommandError> {
        let (first, second) = (args.bytes()?, args.bytes()?);
        let (mut by, mut direction) = (form.by, form.direction);
        let (mut limit, mut with_scores) = ((0, -1), false);
        while !args.is_done() {
            let has_values = args.left() >= 3;
            if !form.is_stored && args.word("WITHSCORES") {
                with_scores = true;
            } else if has_values && args.word("LIMIT") {
                limit = (args.i64()?, args.i64()?);
            } else if direction.is_none() && args.word("REV") {
                direction = Some(Direction::Down);
            } else if by.is_none() && args.word("BYLEX") {
                by = Some(By::Name);
            } else if by.is_none() && args.word("BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        let by = by.unwrap_or(By::Rank);
        let direction = direction.unwrap_or(Direction::Up);
        if by == By::Rank && limit.1 != -1 {
            return Err(CommandError::err(
                "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if by == By::Name && with_scores {
            let text = "syntax error, WITHSCORES not supported in combination with BYLEX";
            return Err(CommandError::err(text));
        }
        // Downwards, the higher bound comes first.
        let (low, high) = match direction {
            Direction::Up => (first, second),
            Direction::Down => (second, first),
        };
        let wanted = match by {
            By::Rank => Wanted::Ranks(whole(first)?, whole(second)?),
            By::Score => Wanted::Scores(score_range(low, high)?),
            By::Name => Wanted::Names(lex_range(low, high)?),
        };
        Ok(Query {
            wanted,
            direction,
            limit,
            with_scores,
        })
    }

    /// Counted from the lowest score, whatever the direction.
    fn ranks(&self, zset: ZSetView<'_>) -> Range<usize> {
        let range = match &self.wanted {
            Wanted::Ranks(start, stop) => {
                let len = zset.len();
                let range = rank_range(*start, *stop, len);
                return match self.direction {
                    Direction::Up => range,
                    Direction::Down => len - range.end..len - range.start,
                };
            }
            Wanted::Scores(range) => range.ranks(zset),
            Wanted::Names(range) => range.ranks(zset),
        };
        let (offset, count) = self.limit;
        // An offset below zero lies beyond every end.
        let offset = usize::try_from(offset).map_or(range.len(), |offset| offset.min(range.len()));
        let left = range.len() - offset;
        let count = usize::try_from(count).map_or(left, |count| count.min(left));
        match self.direction {
            Direction::Up => range.start + offset..range.start + offset + count,
            Direction::Down => range.end - offset - count..range.end - offset,
        }
    }
}

fn whole(text: &[u8]) -> Result<i64, CommandError> {
    base::parse_i64(text).ok_or(CommandError::NotInteger)
}
