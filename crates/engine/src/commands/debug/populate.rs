//! DEBUG POPULATE: many keys at once.
//!
//! ```text
//!   key:0 key:1 ... key:255      planned: names and hashes
//!        sorted by shard         so that each shard is entered once
//!   SET, one after the other     the effect of each handed over at once
//! ```
//!
//! Only the shard of the present key is held, so the other threads go on, and
//! neither keys nor effects pile up. Unlike in Redis the log and the replicas
//! are told, as of any other write.

use resp::Reply;
use store::{Key, NewValue};

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

/// Keys that are planned together, and the bytes of their names.
const PLANNED_KEYS_MAX: usize = 256;
const PLANNED_BYTES_MAX: usize = 1 << 20;

pub(super) fn populate(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let count = not_negative(args)?;
    let prefix = if args.is_done() {
        b"key"
    } else {
        args.bytes()?
    };
    let size = if args.is_done() {
        0
    } else {
        not_negative(args)?
    };
    if size > ctx.string_bytes_max() as u64 {
        return Err(CommandError::StringTooLong);
    }
    refuse_too_much(ctx, count, prefix, size)?;

    let mut plan = Plan::default();
    let mut number = 0;
    while number < count {
        number = plan.make(ctx, prefix, number, count);
        for planned in &plan.keys {
            create(ctx, &plan.names, planned, size as usize);
        }
    }
    reply.ok();
    Ok(())
}

/// A number from zero on; whatever else it is, Redis says the same.
fn not_negative(args: &mut Args) -> Result<u64, CommandError> {
    let number = base::parse_i64(args.bytes()?);
    let number = number.and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| CommandError::err("value is out of range, must be positive"))
}

/// A slip of the finger must not take the machine down.
fn refuse_too_much(
    ctx: &Ctx<'_>,
    count: u64,
    prefix: &[u8],
    size: u64,
) -> Result<(), CommandError> {
    let key_bytes = prefix.len() as u128 + u128::from(size) + 16;
    let memory_bytes = match ctx.engine.host.facts().total_system_memory_bytes {
        0 => 1 << 40, // not known: more than a test machine has
        bytes => bytes,
    };
    if u128::from(count) * key_bytes > u128::from(memory_bytes) {
        return Err(CommandError::err(
            "so many keys of this size are more than the memory of this machine",
        ));
    }
    Ok(())
}

/// The next keys to be created.
#[derive(Default)]
struct Plan {
    names: Vec<u8>,
    keys: Vec<Planned>,
}

struct Planned {
    shard: usize,
    hash: u64,
    number: u64,
    /// Where its name lies in [`Plan::names`].
    start: usize,
    end: usize,
}

impl Plan {
    /// Plan keys from `number` on; returns the number behind the last.
    fn make(&mut self, ctx: &Ctx<'_>, prefix: &[u8], number: u64, count: u64) -> u64 {
        self.names.clear();
        self.keys.clear();
        let mut next = number;
        while next < count
            && self.keys.len() < PLANNED_KEYS_MAX
            && self.names.len() < PLANNED_BYTES_MAX
        {
            let start = self.names.len();
            self.names.extend_from_slice(prefix);
            self.names.push(b':');
            base::write_u64(&mut self.names, next);
            let end = self.names.len();
            let hash = ctx.engine.hasher.hash(&self.names[start..end]);
            self.keys.push(Planned {
                shard: ctx.engine.shards.of(hash),
                hash,
                number: next,
                start,
                end,
            });
            next += 1;
        }
        self.keys
            .sort_unstable_by_key(|key| (key.shard, key.number));
        next
    }
}

fn create(ctx: &mut Ctx<'_>, names: &[u8], planned: &Planned, size: usize) {
    ctx.enter_shard(planned.shard);
    let key = Key {
        bytes: &names[planned.start..planned.end],
        hash: planned.hash,
    };
    if ctx.find(&key).is_none() {
        let mut value = b"value:".to_vec();
        base::write_u64(&mut value, planned.number);
        if size > 0 {
            value.resize(size, 0);
        }
        ctx.set_at(&key, None, NewValue::String(&value), None);
        ctx.effect(&[b"SET", key.bytes, &value]);
    }
    ctx.settle_so_far();
}
