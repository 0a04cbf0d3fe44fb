//! ZRANDMEMBER: members picked at random.
//!
//! ```text
//!   no count    one member, or nothing
//!   N           up to N different members
//!   -N          N members, each drawn from all
//! ```
//!
//! What is drawn are ranks, so nothing has to be compared by name.

use std::collections::BTreeSet;

use base::Rng;
use resp::Reply;
use store::{Item, ZSetView};

use super::{answer_member, begin_members};
use crate::args::Args;
use crate::commands::answer_item_or_null;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn zrandmember(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let wanted = Wanted::parse(args)?;
    // A draw of its own, as the set is borrowed while it is drawn from.
    let mut rng = Rng::new(ctx.random());
    let zset = ctx.zset(&key)?;
    let Some(count) = wanted.count else {
        let drawn = zset.and_then(|zset| zset.random(&mut rng));
        answer_item_or_null(drawn.map(|(member, _)| member), reply);
        return Ok(());
    };
    let Some(zset) = zset.filter(|_| count != 0) else {
        reply.array(0);
        return Ok(());
    };
    match usize::try_from(count) {
        Ok(count) => different(zset, count.min(zset.len()), &wanted, &mut rng, reply),
        Err(_) => any(
            zset,
            count.unsigned_abs() as usize,
            &wanted,
            &mut rng,
            reply,
        ),
    }
    Ok(())
}

struct Wanted {
    count: Option<i64>,
    scores: bool,
}

impl Wanted {
    fn parse(args: &mut Args) -> Result<Wanted, CommandError> {
        if args.is_done() {
            return Ok(Wanted {
                count: None,
                scores: false,
            });
        }
        let count = args.i64()?;
        if count == i64::MIN {
            return Err(CommandError::err(format_args!(
                "value is out of range, value must between -{0} and {0}",
                i64::MAX
            )));
        }
        let scores = args.word("WITHSCORES");
        args.end()?;
        if scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(CommandError::OutOfRange);
        }
        Ok(Wanted {
            count: Some(count),
            scores,
        })
    }

    fn answer(&self, (member, score): (Item<'_>, f64), reply: &mut Reply) {
        answer_member(member, self.scores.then_some(score), reply);
    }
}

/// So many different members; there are so many.
fn different(zset: ZSetView<'_>, count: usize, wanted: &Wanted, rng: &mut Rng, reply: &mut Reply) {
    let len = zset.len();
    begin_members(count, wanted.scores, reply);
    if count < len / 3 {
        // Few of many: draw until there are enough.
        let mut drawn = BTreeSet::new();
        while drawn.len() < count {
            let rank = rng.below(len as u64) as usize;
            if drawn.insert(rank) {
                wanted.answer(member_at(zset, rank), reply);
            }
        }
        return;
    }
    // One walk, each member taken with the chance that is left for it.
    let mut missing = count;
    for (at, member) in zset.iter().enumerate() {
        if rng.below((len - at) as u64) < missing as u64 {
            missing -= 1;
            wanted.answer(member, reply);
        }
        if missing == 0 || reply.has_overflowed() {
            break;
        }
    }
}

/// So many members, each drawn from all.
fn any(zset: ZSetView<'_>, count: usize, wanted: &Wanted, rng: &mut Rng, reply: &mut Reply) {
    // In a small set finding a member by its rank is a walk.
    let members: Option<Vec<(Item<'_>, f64)>> = match zset {
        ZSetView::Packed(_) => Some(zset.iter().collect()),
        ZSetView::Large(_) => None,
    };
    begin_members(count, wanted.scores, reply);
    for _ in 0..count {
        let member = match &members {
            Some(members) => members[rng.below(members.len() as u64) as usize],
            None => zset.random(rng).expect("a sorted set has members"),
        };
        wanted.answer(member, reply);
        if reply.has_overflowed() {
            break;
        }
    }
}

fn member_at(zset: ZSetView<'_>, rank: usize) -> (Item<'_>, f64) {
    zset.get(rank).expect("within its length")
}
