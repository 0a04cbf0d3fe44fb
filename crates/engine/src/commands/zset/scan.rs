//! ZSCAN: a walk over members with their scores, a few per call.
//!
//! A large set is walked in the order of its hashes, so what is there from the first call to the
//! last is reported exactly once. A small one comes whole, in order.

use resp::Reply;
use store::{Item, ZSetView};

use crate::args::Args;
use crate::commands::scan::{ElementScan, Page};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn zscan(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let cursor = ElementScan::cursor(args)?;
    let Some(zset) = ctx.zset(&key)? else {
        // Options are not even looked at.
        reply.array(2);
        reply.bulk_int(0);
        reply.array(0);
        return Ok(());
    };
    let scan = ElementScan::read(args, "NOSCORES")?;
    // The scores of a large set come with all the digits that a double can have.
    let write_score = match zset {
        ZSetView::Packed(_) => base::write_double,
        ZSetView::Large(_) => base::write_f64_17g,
    };
    let mut page = Page::default();
    let (mut digits, mut text) = (itoa::Buffer::new(), Vec::new());
    let next = zset.scan(cursor, scan.count, &mut |member, score| {
        let name = match member {
            Item::Bytes(bytes) => bytes,
            Item::Int(int) => digits.format(int).as_bytes(),
        };
        if scan.passes(name) {
            page.push_item(member, reply);
            if !scan.names_only {
                text.clear();
                write_score(&mut text, score);
                page.push_item(Item::Bytes(&text), reply);
            }
        }
    });
    reply.array(2);
    reply.bulk_int(next as i64);
    page.answer(reply);
    Ok(())
}
