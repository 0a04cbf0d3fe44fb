//! SSCAN: a walk over members, a few per call.
//!
//! A large set is walked in the order of its hashes, so what is there from the
//! first call to the last is reported exactly once. A packed one comes whole.

use resp::Reply;
use store::Item;

use crate::args::Args;
use crate::commands::scan::{ElementScan, Page};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn sscan(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let cursor = ElementScan::cursor(args)?;
    let Some(set) = ctx.set_view(&key)? else {
        // Options are not even looked at.
        reply.array(2);
        reply.bulk_int(0);
        reply.array(0);
        return Ok(());
    };
    let scan = ElementScan::read(args, "")?;
    let mut page = Page::default();
    let mut digits = itoa::Buffer::new();
    let next = set.scan(cursor, scan.count, &mut |member| {
        let text = match member {
            Item::Bytes(bytes) => bytes,
            Item::Int(int) => digits.format(int).as_bytes(),
        };
        if scan.passes(text) {
            page.push_item(member, reply);
        }
    });
    reply.array(2);
    reply.bulk_int(next as i64);
    page.answer(reply);
    Ok(())
}
