//! SPOP: members picked at random, and removed.
//!
//! ```text
//!   all of them         the set goes as it is                            DEL
//!   more than 5 in 6    one walk: those that stay make a new set         SREM ...
//!   of a packed set     one walk: those that go are left out             SREM ...
//!   of a large set      drawn one by one                                 SREM ...
//! ```
//!
//! A new set may be small again, where the old one was large. The log is told what went, so many
//! members in one SREM and the rest in the next: nobody who reads it has to take in a command as
//! long as the set.

use base::Rng;
use resp::Reply;
use store::{Item, Key, NewSet, SetView, Slot};

use crate::args::Args;
use crate::commands::answer_item;
use crate::ctx::Ctx;
use crate::error::CommandError;

/// If so many times what stays is no more than what goes, what stays is moved.
const MOVED_SHARE: usize = 5;
/// Members in one SREM of the log.
const BATCH: usize = 1024;

pub(super) fn spop(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    if args.is_done() {
        return pop_one(ctx, &key, reply);
    }
    if args.left() > 1 {
        return Err(CommandError::Syntax);
    }
    let count = base::parse_i64(args.bytes()?).and_then(|count| usize::try_from(count).ok());
    let text = "value is out of range, must be positive";
    let count = count.ok_or_else(|| CommandError::err(text))?;
    let Some(slot) = ctx.set_slot(&key)?.filter(|_| count > 0) else {
        reply.set(0);
        return Ok(());
    };
    let len = ctx.set_view_at(&key, slot).len();
    if count >= len {
        pop_all(ctx, &key, slot, reply);
    } else {
        reply.set(count);
        let mut gone = Gone::new(ctx.effects_wanted());
        if (len - count) * MOVED_SHARE <= count {
            pop_most(ctx, &key, slot, count, &mut gone, reply);
        } else {
            pop_some(ctx, &key, slot, count, &mut gone, reply);
        }
        gone.tell(ctx, &key, count);
    }
    Ok(())
}

fn pop_one(ctx: &mut Ctx, key: &Key<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let Some(slot) = ctx.set_slot(key)? else {
        reply.null();
        return Ok(());
    };
    let mut rng = Rng::new(ctx.random());
    let (member, is_empty) = ctx.change_set(key, Some(slot), |set| {
        let member = set.pop(&mut rng);
        (member, set.is_empty())
    });
    match is_empty {
        true => ctx.remove_empty(key),
        false => ctx.changed(key),
    }
    ctx.effect(&[b"SREM", key.bytes, &member]);
    reply.bulk(&member);
    Ok(())
}

fn pop_all(ctx: &mut Ctx, key: &Key<'_>, slot: Slot, reply: &mut Reply) {
    let set = ctx.set_view_at(key, slot);
    let len = set.len();
    reply.set(len);
    for member in set.iter() {
        if reply.has_overflowed() {
            break;
        }
        answer_item(member, reply);
    }
    ctx.remove(key, slot);
    ctx.effect(&[b"DEL", key.bytes]);
    ctx.count_changes(len - 1);
}

/// Few stay: they make a new set.
fn pop_most(
    ctx: &mut Ctx,
    key: &Key<'_>,
    slot: Slot,
    count: usize,
    gone: &mut Gone,
    reply: &mut Reply,
) {
    let (limits, hasher) = (ctx.set_limits(), ctx.hasher());
    let mut chance = Chance::new(ctx);
    let set = ctx.set_view_at(key, slot);
    let mut rest = match set {
        SetView::Integers(_) => NewSet::new(limits, hasher),
        SetView::Small(_) | SetView::Large(_) => NewSet::small(limits, hasher),
    };
    chance.begin(count, set.len());
    for member in set.iter() {
        if chance.takes_next() {
            answer_item(member, reply);
            gone.push(member);
        } else {
            rest.add_item(member);
        }
    }
    ctx.replace_set(key, slot, rest);
}

fn pop_some(
    ctx: &mut Ctx,
    key: &Key<'_>,
    slot: Slot,
    count: usize,
    gone: &mut Gone,
    reply: &mut Reply,
) {
    let mut chance = Chance::new(ctx);
    ctx.change_set(key, Some(slot), |set| {
        if let SetView::Large(_) = set.view() {
            for _ in 0..count {
                let member = set.pop(&mut chance.rng);
                reply.bulk(&member);
                gone.push(Item::Bytes(&member));
            }
            return;
        }
        chance.begin(count, set.view().len());
        set.retain_packed(|member| {
            let goes = chance.takes_next();
            if goes {
                answer_item(member, reply);
                gone.push(member);
            }
            !goes
        });
    });
    ctx.changed(key);
}

/// Takes so many of so many, each choice equally likely, as they pass by.
struct Chance {
    rng: Rng,
    missing: u64,
    left: u64,
}

impl Chance {
    fn new(ctx: &mut Ctx) -> Chance {
        Chance {
            rng: Rng::new(ctx.random()),
            missing: 0,
            left: 0,
        }
    }

    fn begin(&mut self, count: usize, of: usize) {
        (self.missing, self.left) = (count as u64, of as u64);
    }

    fn takes_next(&mut self) -> bool {
        let takes = self.rng.below(self.left) < self.missing;
        self.missing -= u64::from(takes);
        self.left -= 1;
        takes
    }
}

/// The members that went, one behind the other, if the log wants to know.
struct Gone {
    is_wanted: bool,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Gone {
    fn new(is_wanted: bool) -> Gone {
        Gone {
            is_wanted,
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn push(&mut self, member: Item<'_>) {
        if self.is_wanted {
            member.append_to(&mut self.bytes);
            self.ends.push(self.bytes.len());
        }
    }

    fn tell(&self, ctx: &mut Ctx, key: &Key<'_>, count: usize) {
        if !self.is_wanted {
            ctx.effect(&[]);
            ctx.count_changes(count - 1);
            return;
        }
        let mut start = 0;
        for ends in self.ends.chunks(BATCH) {
            let mut words: Vec<&[u8]> = vec![b"SREM", key.bytes];
            for end in ends {
                words.push(&self.bytes[start..*end]);
                start = *end;
            }
            ctx.effect(&words);
        }
        ctx.count_changes(count - self.ends.len().div_ceil(BATCH));
    }
}
