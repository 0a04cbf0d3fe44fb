//! HRANDFIELD: fields picked at random.
//!
//! ```text
//!   no count    one field, or nothing
//!   N           up to N different fields
//!   -N          N fields, each drawn from all
//! ```

use std::collections::BTreeSet;

use base::Rng;
use resp::{Protocol, Reply};
use store::{HashForm, HashView, Item};

use crate::args::Args;
use crate::commands::{answer_item, answer_item_or_null};
use crate::ctx::Ctx;
use crate::error::CommandError;

type Pair<'a> = (Item<'a>, Item<'a>);

pub(super) fn hrandfield(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let wanted = Wanted::parse(args)?;
    // A draw of its own, as the hash is borrowed while it is drawn from.
    let mut rng = Rng::new(ctx.random());
    let hash = ctx.hash_without_expired(&key)?;
    let Some(count) = wanted.count else {
        let drawn = hash.and_then(|hash| hash.random(&mut rng));
        answer_item_or_null(drawn.map(|(field, _)| field), reply);
        return Ok(());
    };
    let Some(hash) = hash.filter(|hash| count != 0 && hash.shown_len() > 0) else {
        reply.array(0);
        return Ok(());
    };
    match usize::try_from(count) {
        Ok(count) => {
            let drawn = different(hash, count, &mut rng);
            wanted.begin(drawn.len(), reply);
            drawn.iter().for_each(|pair| wanted.answer(*pair, reply));
        }
        Err(_) => {
            let count = count.unsigned_abs() as usize;
            wanted.begin(count, reply);
            draw(hash, count, &mut rng, &mut |pair| {
                wanted.answer(pair, reply);
                !reply.has_overflowed()
            });
        }
    }
    Ok(())
}

struct Wanted {
    count: Option<i64>,
    values: bool,
}

impl Wanted {
    fn parse(args: &mut Args) -> Result<Wanted, CommandError> {
        if args.is_done() {
            return Ok(Wanted {
                count: None,
                values: false,
            });
        }
        let count = args.i64()?;
        if count == i64::MIN {
            return Err(CommandError::err(format_args!(
                "value is out of range, value must between -{0} and {0}",
                i64::MAX
            )));
        }
        let values = args.word("WITHVALUES");
        args.end()?;
        if values && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(CommandError::OutOfRange);
        }
        Ok(Wanted {
            count: Some(count),
            values,
        })
    }

    fn begin(&self, pairs: usize, reply: &mut Reply) {
        let is_flat = self.values && reply.protocol() == Protocol::Resp2;
        reply.array(if is_flat { 2 * pairs } else { pairs });
    }

    fn answer(&self, (field, value): Pair<'_>, reply: &mut Reply) {
        if self.values && reply.protocol() == Protocol::Resp3 {
            reply.array(2);
        }
        answer_item(field, reply);
        if self.values {
            answer_item(value, reply);
        }
    }
}

/// So many different pairs, or all there are.
fn different<'a>(hash: HashView<'a>, count: usize, rng: &mut Rng) -> Vec<Pair<'a>> {
    let len = hash.shown_len();
    if count >= len {
        return hash.iter().collect();
    }
    if let HashForm::Large(_) = hash.form()
        && count < len / 3
    {
        // Few of many: draw until there are enough.
        let (mut names, mut drawn) = (BTreeSet::new(), Vec::with_capacity(count));
        while drawn.len() < count {
            let pair = hash.random(rng).expect("a hash has fields");
            let Item::Bytes(name) = pair.0 else {
                unreachable!("large hashes keep bytes")
            };
            if names.insert(name) {
                drawn.push(pair);
            }
        }
        return drawn;
    }
    // One walk, each pair taken with the chance that is left for it.
    let mut drawn = Vec::with_capacity(count);
    for (at, pair) in hash.iter().enumerate() {
        let missing = (count - drawn.len()) as u64;
        if rng.below((len - at) as u64) < missing {
            drawn.push(pair);
        }
    }
    drawn
}

/// Draw so often, or until `visit` has had enough.
fn draw(hash: HashView<'_>, count: usize, rng: &mut Rng, visit: &mut dyn FnMut(Pair<'_>) -> bool) {
    // In a small hash finding a pair by its number is a walk.
    let pairs: Option<Vec<Pair<'_>>> = match hash.form() {
        HashForm::Packed(_) | HashForm::Timed(_) => Some(hash.iter().collect()),
        HashForm::Large(_) => None,
    };
    for _ in 0..count {
        let pair = match &pairs {
            Some(pairs) => pairs[rng.below(pairs.len() as u64) as usize],
            None => hash.random(rng).expect("a hash has fields"),
        };
        if !visit(pair) {
            return;
        }
    }
}
