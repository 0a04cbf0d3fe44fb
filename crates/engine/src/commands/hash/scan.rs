//! HSCAN: a walk over fields, a few per call.
//!
//! A large hash is walked in the order of its hashes, so what is there from the
//! first call to the last is reported exactly once. A small one comes whole.

use resp::Reply;
use store::Item;

use crate::args::Args;
use crate::commands::scan::{ElementScan, Page};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn hscan(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let cursor = ElementScan::cursor(args)?;
    let Some(hash) = ctx.hash(&key)? else {
        // Options are not even looked at.
        reply.array(2);
        reply.bulk_int(0);
        reply.array(0);
        return Ok(());
    };
    let scan = ElementScan::read(args, "NOVALUES")?;
    let mut page = Page::default();
    let mut text = Vec::new();
    let next = hash.scan(cursor, scan.count, &mut |field, value| {
        if scan.passes(bytes_of(field, &mut text)) {
            page.push_item(field, reply);
            if !scan.names_only {
                page.push_item(value, reply);
            }
        }
    });
    reply.array(2);
    reply.bulk_int(next as i64);
    page.answer(reply);
    Ok(())
}

fn bytes_of<'a>(item: Item<'a>, room: &'a mut Vec<u8>) -> &'a [u8] {
    match item {
        Item::Bytes(bytes) => bytes,
        Item::Int(_) => {
            room.clear();
            item.append_to(room);
            room
        }
    }
}
