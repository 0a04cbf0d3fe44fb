//! SRANDMEMBER: members picked at random.
//!
//! ```text
//!   no count    one member, or nothing
//!   N           up to N different members
//!   -N          N members, each drawn from all
//! ```

use std::collections::BTreeSet;

use base::Rng;
use resp::Reply;
use store::{Item, SetView};

use crate::args::Args;
use crate::commands::{answer_item, answer_item_or_null};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn srandmember(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let count = count(args)?;
    // A draw of its own, as the set is borrowed while it is drawn from.
    let mut rng = Rng::new(ctx.random());
    let set = ctx.set_view(&key)?;
    let Some(count) = count else {
        answer_item_or_null(set.and_then(|set| set.random(&mut rng)), reply);
        return Ok(());
    };
    let Some(set) = set.filter(|_| count != 0) else {
        reply.array(0);
        return Ok(());
    };
    match usize::try_from(count) {
        Ok(count) => different(set, count, &mut rng, reply),
        Err(_) => draw(set, count.unsigned_abs() as usize, &mut rng, reply),
    }
    Ok(())
}

fn count(args: &mut Args) -> Result<Option<i64>, CommandError> {
    if args.is_done() {
        return Ok(None);
    }
    if args.left() > 1 {
        return Err(CommandError::Syntax);
    }
    match args.i64()? {
        i64::MIN => Err(CommandError::err(format_args!(
            "value is out of range, value must between -{0} and {0}",
            i64::MAX
        ))),
        count => Ok(Some(count)),
    }
}

/// So many different members, or all there are.
fn different(set: SetView<'_>, count: usize, rng: &mut Rng, reply: &mut Reply) {
    let len = set.len();
    let count = count.min(len);
    reply.array(count);
    if let SetView::Large(dict) = set
        && count < len / 3
    {
        // Few of many: draw until there are enough.
        let mut drawn = BTreeSet::new();
        while drawn.len() < count && !reply.has_overflowed() {
            let member = dict.random(rng).expect("a set has members").name;
            if drawn.insert(member) {
                reply.bulk(member);
            }
        }
        return;
    }
    // One walk, each member taken with the chance that is left for it.
    let mut missing = count as u64;
    for (at, member) in set.iter().enumerate() {
        if missing == 0 || reply.has_overflowed() {
            break;
        }
        if rng.below((len - at) as u64) < missing {
            answer_item(member, reply);
            missing -= 1;
        }
    }
}

/// Draw so often.
fn draw(set: SetView<'_>, count: usize, rng: &mut Rng, reply: &mut Reply) {
    // In a listpack finding a member by its number is a walk.
    let members: Option<Vec<Item<'_>>> = match set {
        SetView::Small(list) => Some(list.iter().collect()),
        SetView::Integers(_) | SetView::Large(_) => None,
    };
    reply.array(count);
    for _ in 0..count {
        if reply.has_overflowed() {
            break;
        }
        let member = match &members {
            Some(members) => members[rng.below(members.len() as u64) as usize],
            None => set.random(rng).expect("a set has members"),
        };
        answer_item(member, reply);
    }
}
