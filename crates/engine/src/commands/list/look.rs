//! LLEN, LINDEX, LRANGE, LPOS. A missing list is one without elements.

use resp::Reply;
use store::{ListView, Needle};

use super::{resolve, resolve_range};
use crate::args::Args;
use crate::commands::{answer_item, answer_item_or_null};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn llen(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    reply.count(ctx.list(&args.key()?)?.map_or(0, ListView::len));
    Ok(())
}

pub(super) fn lindex(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let Some(list) = ctx.list(&args.key()?)? else {
        // The index is not even looked at.
        reply.null();
        return Ok(());
    };
    let index = resolve(args.i64()?, list.len());
    answer_item_or_null(index.and_then(|index| list.get(index)), reply);
    Ok(())
}

pub(super) fn lrange(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let (start, stop) = (args.i64()?, args.i64()?);
    let Some(list) = ctx.list(&key)? else {
        reply.array(0);
        return Ok(());
    };
    let range = resolve_range(start, stop, list.len());
    reply.array(range.len());
    list.walk(range, |item| {
        answer_item(item, reply);
        !reply.has_overflowed()
    });
    Ok(())
}

pub(super) fn lpos(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let element = args.bytes()?;
    let search = Search::read(args)?;
    let found = match ctx.list(&key)? {
        None => Vec::new(),
        Some(list) => search.run(list, element),
    };
    match (search.most, found.first()) {
        (Some(_), _) => {
            reply.array(found.len());
            found.iter().for_each(|index| reply.count(*index));
        }
        (None, Some(first)) => reply.count(*first),
        (None, None) => reply.null(),
    }
    Ok(())
}

/// What LPOS is to look for.
struct Search {
    /// The first match that counts, from 1 on; negative: from the back of the list.
    rank: i64,
    /// `None`: one, and not as an array. 0: all.
    most: Option<usize>,
    /// How many elements to look at; 0: all.
    looked_at_max: usize,
}

impl Search {
    fn read(args: &mut Args) -> Result<Search, CommandError> {
        let mut search = Search {
            rank: 1,
            most: None,
            looked_at_max: 0,
        };
        while !args.is_done() {
            // A name without a value is no option.
            let has_value = args.left() > 1;
            if has_value && args.word("RANK") {
                search.rank = rank(args)?;
            } else if has_value && args.word("COUNT") {
                search.most = Some(not_negative(args, "COUNT can't be negative")?);
            } else if has_value && args.word("MAXLEN") {
                search.looked_at_max = not_negative(args, "MAXLEN can't be negative")?;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(search)
    }

    fn run(&self, list: ListView<'_>, element: &[u8]) -> Vec<usize> {
        let needle = Needle::new(element);
        let passed = (self.rank.unsigned_abs() - 1) as usize;
        let most = match self.most {
            None => 1,
            Some(0) => usize::MAX,
            Some(most) => most,
        };
        let looked_at = match self.looked_at_max {
            0 => usize::MAX,
            max => max,
        };
        if self.rank > 0 {
            let items = list.iter().enumerate().take(looked_at);
            let equal = items.filter(|(_, item)| needle.is(*item));
            equal.map(|(at, _)| at).skip(passed).take(most).collect()
        } else {
            let last = list.len() - 1;
            let items = list.iter_back_from(last).enumerate().take(looked_at);
            let equal = items.filter(|(_, item)| needle.is(*item));
            let equal = equal.map(|(at, _)| last - at);
            equal.skip(passed).take(most).collect()
        }
    }
}

fn rank(args: &mut Args) -> Result<i64, CommandError> {
    match args.i64()? {
        0 => Err(CommandError::err(
            "RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
             or use negative to start from the end of the list",
        )),
        i64::MIN => Err(CommandError::err(format_args!(
            "value is out of range, value must between -{0} and {0}",
            i64::MAX
        ))),
        rank => Ok(rank),
    }
}

fn not_negative(args: &mut Args, mistake: &'static str) -> Result<usize, CommandError> {
    let number = args.i64().ok();
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| CommandError::err(mistake))
}
