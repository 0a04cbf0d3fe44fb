//! HGETDEL, HGETEX, HSETEX: values, and what becomes of their fields.
//!
//! ```text
//!   HGETDEL key                      FIELDS n field ...
//!   HGETEX  key [time | PERSIST]     FIELDS n field ...
//!   HSETEX  key [FNX | FXX] [time | KEEPTTL]   FIELDS n field value ...
//! ```
//!
//! The log is told HDEL; HPEXPIREAT or HPERSIST; HSET and HPEXPIREAT. With KEEPTTL
//! it is HSETEX where there is a deadline to be kept.

use resp::Reply;
use store::{Deadline, Key, Slot};

use super::deadline::{effect_of_deadline, effect_of_persist};
use super::moment::{Clock, NO_NUMBER, read_fields};
use crate::args::Args;
use crate::commands::answer_item_or_null;
use crate::ctx::Ctx;
use crate::error::CommandError;

pub(super) fn hgetdel(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let slot = ctx.hash_slot(&key)?;
    let fields = read_fields(args, NO_NUMBER)?;
    let slot = slot.and_then(|slot| ctx.without_expired(&key, slot, fields.clone()));
    reply.array(fields.len());
    let Some(slot) = slot.filter(|slot| has_any(ctx, &key, *slot, fields.clone())) else {
        (0..fields.len()).for_each(|_| reply.null());
        return Ok(());
    };
    let mut removed = Vec::new();
    ctx.change_hash(&key, Some(slot), |hash| {
        for field in fields {
            answer_item_or_null(hash.view().get(field), reply);
            if hash.remove(field) {
                removed.push(field);
            }
        }
    });
    ctx.remove_if_empty(&key);
    ctx.effect_on_fields(&[b"HDEL", key.bytes], &removed);
    Ok(())
}

fn has_any<'f>(
    ctx: &mut Ctx,
    key: &Key<'_>,
    slot: Slot,
    mut fields: impl Iterator<Item = &'f [u8]>,
) -> bool {
    let hash = ctx.hash_at(key, slot);
    fields.any(|field| hash.contains(field))
}

/// What HGETEX does to the fields that it reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    Until(i64),
    Persist,
}

pub(super) fn hgetex(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let slot = ctx.hash_slot(&key)?;
    let time = Clock::WORDS.iter().find(|(word, _)| args.word(word));
    let then = match time {
        Some((_, clock)) => {
            let deadline_ms = clock.deadline_ms(args.bytes()?, ctx.now_ms(), "hgetex")?;
            Then::Until(deadline_ms)
        }
        None if args.word("PERSIST") => Then::Persist,
        None => Then::Nothing,
    };
    let fields = read_fields(args, NO_NUMBER)?;
    let slot = slot.and_then(|slot| ctx.without_expired(&key, slot, fields.clone()));
    reply.array(fields.len());
    let Some(slot) = slot else {
        (0..fields.len()).for_each(|_| reply.null());
        return Ok(());
    };
    let hash = ctx.hash_at(&key, slot);
    let is_touched = |field: &[u8]| match then {
        Then::Nothing => false,
        Then::Until(_) => hash.contains(field),
        Then::Persist => hash.deadline_ms(field).flatten().is_some(),
    };
    if !fields.clone().any(is_touched) {
        fields.for_each(|field| answer_item_or_null(hash.get(field), reply));
        return Ok(());
    }
    let now_ms = ctx.now_ms();
    let mut changed: Vec<&[u8]> = Vec::new();
    ctx.change_hash(&key, Some(slot), |hash| {
        for field in fields {
            answer_item_or_null(hash.view().get(field), reply);
            let had_deadline = hash.view().deadline_ms(field).flatten().is_some();
            let is_changed = match then {
                Then::Until(deadline_ms) if deadline_ms <= now_ms => hash.remove(field),
                Then::Until(deadline_ms) => hash.set_deadline(field, Some(deadline_ms)),
                Then::Persist => had_deadline && hash.set_deadline(field, None),
                Then::Nothing => unreachable!("nothing is touched"),
            };
            if is_changed {
                changed.push(field);
            }
        }
    });
    match then {
        Then::Until(deadline_ms) if deadline_ms <= now_ms => {
            ctx.fields_removed(&key, changed.len());
            ctx.effect_on_fields(&[b"HDEL", key.bytes], &changed);
        }
        Then::Until(deadline_ms) => effect_of_deadline(ctx, &key, deadline_ms, &changed),
        Then::Persist => effect_of_persist(ctx, &key, &changed),
        Then::Nothing => unreachable!("nothing is touched"),
    }
    Ok(())
}

/// What HSETEX was asked for before its fields.
#[derive(Default)]
struct Options {
    /// FNX is false, FXX true: all fields are there, or none.
    are_there: Option<bool>,
    deadline: Option<Deadline>,
}

impl Options {
    /// Words in any order up to FIELDS.
    fn read(args: &mut Args, now_ms: i64) -> Result<Options, CommandError> {
        let mut options = Options::default();
        while !args.is_done() && !args.clone().word("FIELDS") {
            options.read_word(args, now_ms)?;
        }
        Ok(options)
    }

    fn read_word(&mut self, args: &mut Args, now_ms: i64) -> Result<(), CommandError> {
        for (word, are_there) in [("FNX", false), ("FXX", true)] {
            if args.word(word) {
                return match self.are_there.replace(are_there) {
                    None => Ok(()),
                    Some(_) => Err(CommandError::err(
                        "Only one of FXX or FNX arguments can be specified",
                    )),
                };
            }
        }
        let one_only = || {
            CommandError::err(
                "Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
            )
        };
        if args.word("KEEPTTL") {
            return match self.deadline.replace(Deadline::Keep) {
                None => Ok(()),
                Some(_) => Err(one_only()),
            };
        }
        let Some((_, clock)) = Clock::WORDS.iter().find(|(word, _)| args.word(word)) else {
            let word = crate::pipeline::shown(args.bytes()?, usize::MAX);
            return Err(CommandError::err(format_args!("unknown argument: {word}")));
        };
        if self.deadline.is_some() {
            return Err(one_only());
        }
        let time = args.bytes();
        let time = time.map_err(|_| CommandError::err("missing expire time"))?;
        let deadline_ms = clock.deadline_ms(time, now_ms, "hsetex")?;
        self.deadline = Some(Deadline::At(deadline_ms));
        Ok(())
    }
}

type Pair<'a> = (&'a [u8], &'a [u8]);

/// Take `FIELDS n field value ...`, which must be all that is left.
fn read_pairs<'a>(args: &mut Args<'a>) -> Result<Vec<Pair<'a>>, CommandError> {
    let arity = || CommandError::Arity("hsetex".into());
    if !args.word("FIELDS") || args.left() < 3 {
        return Err(arity());
    }
    let count = base::parse_i64(args.bytes()?);
    let count = count.filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or_else(|| CommandError::err("invalid number of fields"))?;
    let left = args.left();
    if left % 2 == 1 || usize::try_from(count) != Ok(left / 2) {
        return Err(arity());
    }
    let mut words = args.rest();
    let pairs = std::iter::from_fn(|| Some((words.next()?, words.next()?)));
    Ok(pairs.collect())
}

pub(super) fn hsetex(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.key()?;
    let options = Options::read(args, ctx.now_ms())?;
    let pairs = read_pairs(args)?;
    let fields = pairs.iter().map(|(field, _)| *field);
    let slot = ctx.hash_slot(&key)?;
    let slot = slot.and_then(|slot| ctx.without_expired(&key, slot, fields.clone()));
    if let Some(are_there) = options.are_there {
        let hash = slot.map(|slot| ctx.hash_at(&key, slot));
        let is_there = |field: &[u8]| hash.is_some_and(|hash| hash.contains(field));
        if !fields.clone().all(|field| is_there(field) == are_there) {
            reply.int(0);
            return Ok(());
        }
    }
    match options.deadline.unwrap_or(Deadline::None) {
        Deadline::At(deadline_ms) if deadline_ms <= ctx.fields_now_ms() => {
            remove(ctx, &key, slot, fields);
        }
        deadline => set(ctx, &key, slot, &pairs, deadline),
    }
    reply.int(1);
    Ok(())
}

/// To set what has expired already is to remove it.
fn remove<'f>(
    ctx: &mut Ctx,
    key: &Key<'_>,
    slot: Option<Slot>,
    fields: impl Iterator<Item = &'f [u8]> + Clone,
) {
    let Some(slot) = slot.filter(|slot| has_any(ctx, key, *slot, fields.clone())) else {
        return;
    };
    let removed: Vec<&[u8]> = ctx.change_hash(key, Some(slot), |hash| {
        fields.filter(|field| hash.remove(field)).collect()
    });
    ctx.fields_removed(key, removed.len());
    ctx.effect_on_fields(&[b"HDEL", key.bytes], &removed);
}

fn set(
    ctx: &mut Ctx,
    key: &Key<'_>,
    slot: Option<Slot>,
    pairs: &[(&[u8], &[u8])],
    deadline: Deadline,
) {
    let keeps_some = deadline == Deadline::Keep
        && slot.is_some_and(|slot| {
            let hash = ctx.hash_at(key, slot);
            let has_deadline = |field: &[u8]| hash.deadline_ms(field).flatten().is_some();
            pairs.iter().any(|(field, _)| has_deadline(field))
        });
    ctx.change_hash(key, slot, |hash| {
        for (field, value) in pairs {
            hash.put_until(field, value, deadline);
        }
    });
    let words: Vec<&[u8]> = pairs.iter().flat_map(|pair| [pair.0, pair.1]).collect();
    if keeps_some {
        let mut count = itoa::Buffer::new();
        let count = count.format(pairs.len()).as_bytes();
        ctx.effect_on_pairs(
            &[b"HSETEX", key.bytes, b"KEEPTTL", b"FIELDS", count],
            &words,
        );
        return;
    }
    ctx.effect_on_pairs(&[b"HSET", key.bytes], &words);
    if let Deadline::At(deadline_ms) = deadline {
        let fields: Vec<&[u8]> = pairs.iter().map(|(field, _)| *field).collect();
        effect_of_deadline(ctx, key, deadline_ms, &fields);
    }
}
