//! All commands by name, and the lookup that every request begins with.
//!
//! [`find`] is one hash and one comparison: an open-addressed index of positions in [`COMMANDS`]
//! is built at compile time and kept at most a quarter full. Both go by [`Folded`] names, two words
//! whose letter case is gone, not byte by byte.

use base::Folded;

use crate::families::{
    bitmap, connection, field, generic, geo, hash, hyperloglog, list, scripting, server, set,
    stream, string, transaction, zset,
};
use crate::spec::Spec;

/// All top-level commands, in the order of their names.
pub static COMMANDS: &[&Spec] = &[
    &string::APPEND,
    &connection::AUTH,
    &server::BGREWRITEAOF,
    &server::BGSAVE,
    &bitmap::BITCOUNT,
    &bitmap::BITFIELD,
    &bitmap::BITFIELD_RO,
    &bitmap::BITOP,
    &bitmap::BITPOS,
    &list::BLMOVE,
    &list::BLMPOP,
    &list::BLPOP,
    &list::BRPOP,
    &list::BRPOPLPUSH,
    &zset::BZMPOP,
    &zset::BZPOPMAX,
    &zset::BZPOPMIN,
    &connection::CLIENT,
    &server::COMMAND,
    &server::CONFIG,
    &generic::COPY,
    &server::DBSIZE,
    &server::DEBUG,
    &string::DECR,
    &string::DECRBY,
    &generic::DEL,
    &string::DELIFEQ,
    &transaction::DISCARD,
    &generic::DUMP,
    &connection::ECHO,
    &transaction::EXEC,
    &generic::EXISTS,
    &generic::EXPIRE,
    &generic::EXPIREAT,
    &generic::EXPIRETIME,
    &server::FLUSHALL,
    &server::FLUSHDB,
    &scripting::FUNCTION,
    &geo::GEOADD,
    &geo::GEODIST,
    &geo::GEOHASH,
    &geo::GEOPOS,
    &geo::GEORADIUS,
    &geo::GEORADIUS_RO,
    &geo::GEORADIUSBYMEMBER,
    &geo::GEORADIUSBYMEMBER_RO,
    &geo::GEOSEARCH,
    &geo::GEOSEARCHSTORE,
    &string::GET,
    &bitmap::GETBIT,
    &string::GETDEL,
    &string::GETEX,
    &string::GETRANGE,
    &string::GETSET,
    &hash::HDEL,
    &connection::HELLO,
    &hash::HEXISTS,
    &field::HEXPIRE,
    &field::HEXPIREAT,
    &field::HEXPIRETIME,
    &hash::HGET,
    &hash::HGETALL,
    &field::HGETDEL,
    &field::HGETEX,
    &hash::HINCRBY,
    &hash::HINCRBYFLOAT,
    &hash::HKEYS,
    &hash::HLEN,
    &hash::HMGET,
    &hash::HMSET,
    &field::HPERSIST,
    &field::HPEXPIRE,
    &field::HPEXPIREAT,
    &field::HPEXPIRETIME,
    &field::HPTTL,
    &hash::HRANDFIELD,
    &hash::HSCAN,
    &hash::HSET,
    &field::HSETEX,
    &hash::HSETNX,
    &hash::HSTRLEN,
    &field::HTTL,
    &hash::HVALS,
    &string::INCR,
    &string::INCRBY,
    &string::INCRBYFLOAT,
    &server::INFO,
    &generic::KEYS,
    &server::LASTSAVE,
    &server::LATENCY,
    &string::LCS,
    &list::LINDEX,
    &list::LINSERT,
    &list::LLEN,
    &list::LMOVE,
    &list::LMPOP,
    &server::LOLWUT,
    &list::LPOP,
    &list::LPOS,
    &list::LPUSH,
    &list::LPUSHX,
    &list::LRANGE,
    &list::LREM,
    &list::LSET,
    &list::LTRIM,
    &server::MEMORY,
    &string::MGET,
    &generic::MOVE,
    &string::MSET,
    &string::MSETEX,
    &string::MSETNX,
    &transaction::MULTI,
    &generic::OBJECT,
    &generic::PERSIST,
    &generic::PEXPIRE,
    &generic::PEXPIREAT,
    &generic::PEXPIRETIME,
    &hyperloglog::PFADD,
    &hyperloglog::PFCOUNT,
    &hyperloglog::PFDEBUG,
    &hyperloglog::PFMERGE,
    &hyperloglog::PFSELFTEST,
    &connection::PING,
    &string::PSETEX,
    &generic::PTTL,
    &connection::QUIT,
    &generic::RANDOMKEY,
    &generic::RENAME,
    &generic::RENAMENX,
    &connection::RESET,
    &generic::RESTORE,
    &list::RPOP,
    &list::RPOPLPUSH,
    &list::RPUSH,
    &list::RPUSHX,
    &set::SADD,
    &server::SAVE,
    &generic::SCAN,
    &set::SCARD,
    &scripting::SCRIPT,
    &set::SDIFF,
    &set::SDIFFSTORE,
    &connection::SELECT,
    &string::SET,
    &bitmap::SETBIT,
    &string::SETEX,
    &string::SETNX,
    &string::SETRANGE,
    &server::SHUTDOWN,
    &set::SINTER,
    &set::SINTERCARD,
    &set::SINTERSTORE,
    &set::SISMEMBER,
    &set::SMEMBERS,
    &set::SMISMEMBER,
    &set::SMOVE,
    &generic::SORT,
    &generic::SORT_RO,
    &set::SPOP,
    &set::SRANDMEMBER,
    &set::SREM,
    &set::SSCAN,
    &string::STRLEN,
    &string::SUBSTR,
    &set::SUNION,
    &set::SUNIONSTORE,
    &server::SWAPDB,
    &server::TIME,
    &generic::TOUCH,
    &generic::TTL,
    &generic::TYPE,
    &generic::UNLINK,
    &transaction::UNWATCH,
    &transaction::WATCH,
    &stream::XACK,
    &stream::XACKDEL,
    &stream::XADD,
    &stream::XAUTOCLAIM,
    &stream::XCLAIM,
    &stream::XDEL,
    &stream::XDELEX,
    &stream::XGROUP,
    &stream::XINFO,
    &stream::XLEN,
    &stream::XPENDING,
    &stream::XRANGE,
    &stream::XREAD,
    &stream::XREADGROUP,
    &stream::XREVRANGE,
    &stream::XSETID,
    &stream::XTRIM,
    &zset::ZADD,
    &zset::ZCARD,
    &zset::ZCOUNT,
    &zset::ZDIFF,
    &zset::ZDIFFSTORE,
    &zset::ZINCRBY,
    &zset::ZINTER,
    &zset::ZINTERCARD,
    &zset::ZINTERSTORE,
    &zset::ZLEXCOUNT,
    &zset::ZMPOP,
    &zset::ZMSCORE,
    &zset::ZPOPMAX,
    &zset::ZPOPMIN,
    &zset::ZRANDMEMBER,
    &zset::ZRANGE,
    &zset::ZRANGEBYLEX,
    &zset::ZRANGEBYSCORE,
    &zset::ZRANGESTORE,
    &zset::ZRANK,
    &zset::ZREM,
    &zset::ZREMRANGEBYLEX,
    &zset::ZREMRANGEBYRANK,
    &zset::ZREMRANGEBYSCORE,
    &zset::ZREVRANGE,
    &zset::ZREVRANGEBYLEX,
    &zset::ZREVRANGEBYSCORE,
    &zset::ZREVRANK,
    &zset::ZSCAN,
    &zset::ZSCORE,
    &zset::ZUNION,
    &zset::ZUNIONSTORE,
];

/// The command called `name`, in any letter case.
pub fn find(name: &[u8]) -> Option<&'static Spec> {
    position(name).map(|at| COMMANDS[at])
}

/// Where in [`COMMANDS`] the command called `name` stands, for tables that run beside it.
#[inline]
pub fn position(name: &[u8]) -> Option<usize> {
    let folded = Folded::of(name);
    let mut slot = home(folded);
    loop {
        let at = INDEX[slot];
        if at == EMPTY {
            return None;
        }
        let at = usize::from(at);
        if FOLDED[at] == folded && (folded.is_whole() || is_called(at, name)) {
            return Some(at);
        }
        slot = (slot + 1) % INDEX_SLOTS;
    }
}

/// The names of two commands are too long to be told by their ends.
#[cold]
fn is_called(at: usize, name: &[u8]) -> bool {
    base::eq_ignore_case(COMMANDS[at].name.as_bytes(), name)
}

/// The subcommand called `name` of a container, in any letter case.
pub fn find_sub(container: &Spec, name: &[u8]) -> Option<&'static Spec> {
    let called = |sub: &&&'static Spec| sub.name.as_bytes().eq_ignore_ascii_case(name);
    container.subcommands.iter().find(called).copied()
}

/// Every spec: each command, followed by its subcommands.
pub fn every() -> impl Iterator<Item = &'static Spec> {
    COMMANDS
        .iter()
        .flat_map(|spec| std::iter::once(*spec).chain(spec.subcommands.iter().copied()))
}

const INDEX_SLOTS_LOG2: u32 = 11;
const INDEX_SLOTS: usize = 1 << INDEX_SLOTS_LOG2;
const EMPTY: u16 = u16::MAX;

/// The names of [`COMMANDS`].
static FOLDED: [Folded; COMMANDS.len()] = folded_of(COMMANDS);

static INDEX: [u16; INDEX_SLOTS] = index_of(COMMANDS);

const fn folded_of<const N: usize>(commands: &[&Spec]) -> [Folded; N] {
    let mut folded = [Folded::of(b""); N];
    let mut at = 0;
    while at < N {
        folded[at] = Folded::of(commands[at].name.as_bytes());
        at += 1;
    }
    folded
}

const fn index_of(commands: &[&Spec]) -> [u16; INDEX_SLOTS] {
    assert!(
        commands.len() <= INDEX_SLOTS / 4,
        "a fuller index would probe too long"
    );
    let mut index = [EMPTY; INDEX_SLOTS];
    let mut at = 0;
    while at < commands.len() {
        let mut slot = home(Folded::of(commands[at].name.as_bytes()));
        while index[slot] != EMPTY {
            slot = (slot + 1) % INDEX_SLOTS;
        }
        index[slot] = at as u16;
        at += 1;
    }
    index
}

/// Where the search for a name begins. Names are ours, so nobody can flood the index: a stranger's
/// name costs at most the longest run of taken slots.
const fn home(name: Folded) -> usize {
    (name.mixed() >> (u64::BITS - INDEX_SLOTS_LOG2)) as usize
}
