//! Strings: bytes, counters, or both at once.
//!
//! ```text
//!   get         GET GETDEL GETEX STRLEN
//!   set         SET SETEX PSETEX SETNX GETSET DELIFEQ
//!   many        MGET MSET MSETNX MSETEX
//!   number      INCR INCRBY DECR DECRBY INCRBYFLOAT
//!   range       APPEND SETRANGE GETRANGE SUBSTR
//!   lcs         LCS
//!   expiration  the options EX PX EXAT PXAT KEEPTTL PERSIST that several share
//! ```
//!
//! What goes to the log is what a command did, not what it was asked: SET with
//! any options becomes SET with PXAT, KEEPTTL or neither.

mod expiration;
mod get;
mod lcs;
mod many;
mod number;
mod range;
mod set;

use resp::Reply;
use spec::string;
use store::{Key, StringView};

use super::{Row, cmd};
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) use range::{clip, clip_each};

pub(super) static TABLE: &[Row] = &[
    cmd(&string::APPEND, range::append),
    cmd(&string::DECR, number::decr),
    cmd(&string::DECRBY, number::decrby),
    cmd(&string::DELIFEQ, set::delifeq),
    cmd(&string::GET, get::get),
    cmd(&string::GETDEL, get::getdel),
    cmd(&string::GETEX, get::getex),
    cmd(&string::GETRANGE, range::getrange),
    cmd(&string::GETSET, set::getset),
    cmd(&string::INCR, number::incr),
    cmd(&string::INCRBY, number::incrby),
    cmd(&string::INCRBYFLOAT, number::incrbyfloat),
    cmd(&string::LCS, lcs::lcs),
    cmd(&string::MGET, many::mget),
    cmd(&string::MSET, many::mset),
    cmd(&string::MSETEX, many::msetex),
    cmd(&string::MSETNX, many::msetnx),
    cmd(&string::PSETEX, set::psetex),
    cmd(&string::SET, set::set),
    cmd(&string::SETEX, set::setex),
    cmd(&string::SETNX, set::setnx),
    cmd(&string::SETRANGE, range::setrange),
    cmd(&string::STRLEN, get::strlen),
    cmd(&string::SUBSTR, range::getrange),
];

/// The string of a key as a reply; a missing one is null.
#[inline]
fn answer(ctx: &mut Ctx, key: &Key<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match ctx.string(key)? {
        Some(StringView::Bytes(bytes)) => reply.bulk(bytes),
        Some(StringView::Int(value)) => reply.bulk_int(value),
        Some(StringView::Block(block)) => {
            let block = block.share();
            let all = 0..block.len();
            ctx.answer_block(block, all, reply);
        }
        None => reply.null(),
    }
    Ok(())
}
