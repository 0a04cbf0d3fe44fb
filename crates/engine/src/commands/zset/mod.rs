//! Sorted sets: members with scores at one key.
//!
//! ```text
//!   add      ZADD ZINCRBY
//!   look     ZCARD ZCOUNT ZLEXCOUNT ZSCORE ZMSCORE ZRANK ZREVRANK
//!   range    ZRANGE ZRANGESTORE, and the five that ZRANGE replaces
//!   remove   ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX
//!   pop      ZPOPMIN ZPOPMAX ZMPOP
//!   combine  ZUNION ZINTER ZDIFF, their STOREs, ZINTERCARD
//!   random   ZRANDMEMBER
//!   scan     ZSCAN
//!   bounds   what ranges are given by
//!   wait     BZPOPMIN BZPOPMAX BZMPOP
//! ```
//!
//! The log is told ZADD with the members whose scores changed and what they are now, also for
//! increments; ZREM with those that were there; ZPOPMIN and ZPOPMAX with the number taken. Removals
//! of ranges and the STOREs depend on nothing but the keys, and are repeated as they were asked.

mod add;
pub(super) mod bounds;
mod combine;
mod look;
mod pop;
mod random;
mod range;
mod remove;
mod scan;
mod wait;

use resp::{Protocol, Reply};
use spec::zset;
use store::Item;

use super::{Row, answer_item, cmd};

pub(super) static TABLE: &[Row] = &[
    cmd(&zset::BZMPOP, wait::bzmpop),
    cmd(&zset::BZPOPMAX, wait::bzpopmax),
    cmd(&zset::BZPOPMIN, wait::bzpopmin),
    cmd(&zset::ZADD, add::zadd),
    cmd(&zset::ZCARD, look::zcard),
    cmd(&zset::ZCOUNT, look::zcount),
    cmd(&zset::ZDIFF, combine::zdiff),
    cmd(&zset::ZDIFFSTORE, combine::zdiffstore),
    cmd(&zset::ZINCRBY, add::zincrby),
    cmd(&zset::ZINTER, combine::zinter),
    cmd(&zset::ZINTERCARD, combine::zintercard),
    cmd(&zset::ZINTERSTORE, combine::zinterstore),
    cmd(&zset::ZLEXCOUNT, look::zlexcount),
    cmd(&zset::ZMPOP, pop::zmpop),
    cmd(&zset::ZMSCORE, look::zmscore),
    cmd(&zset::ZPOPMAX, pop::zpopmax),
    cmd(&zset::ZPOPMIN, pop::zpopmin),
    cmd(&zset::ZRANDMEMBER, random::zrandmember),
    cmd(&zset::ZRANGE, range::zrange),
    cmd(&zset::ZRANGEBYLEX, range::zrangebylex),
    cmd(&zset::ZRANGEBYSCORE, range::zrangebyscore),
    cmd(&zset::ZRANGESTORE, range::zrangestore),
    cmd(&zset::ZRANK, look::zrank),
    cmd(&zset::ZREM, remove::zrem),
    cmd(&zset::ZREMRANGEBYLEX, remove::zremrangebylex),
    cmd(&zset::ZREMRANGEBYRANK, remove::zremrangebyrank),
    cmd(&zset::ZREMRANGEBYSCORE, remove::zremrangebyscore),
    cmd(&zset::ZREVRANGE, range::zrevrange),
    cmd(&zset::ZREVRANGEBYLEX, range::zrevrangebylex),
    cmd(&zset::ZREVRANGEBYSCORE, range::zrevrangebyscore),
    cmd(&zset::ZREVRANK, look::zrevrank),
    cmd(&zset::ZSCAN, scan::zscan),
    cmd(&zset::ZSCORE, look::zscore),
    cmd(&zset::ZUNION, combine::zunion),
    cmd(&zset::ZUNIONSTORE, combine::zunionstore),
];

/// Begin a reply of so many members: with scores it is flat in RESP2, and of pairs in RESP3.
fn begin_members(count: usize, with_scores: bool, reply: &mut Reply) {
    let is_flat = with_scores && reply.protocol() == Protocol::Resp2;
    reply.array(if is_flat { 2 * count } else { count });
}

fn answer_member(member: Item<'_>, score: Option<f64>, reply: &mut Reply) {
    if score.is_some() && reply.protocol() == Protocol::Resp3 {
        reply.array(2);
    }
    answer_item(member, reply);
    if let Some(score) = score {
        reply.double(score);
    }
}
