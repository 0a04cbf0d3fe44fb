//! XADD: an entry at the end.
//!
//! The log is told the id that the entry was given, and what is left after a cut.

use resp::{Argv, Reply};

use super::id::{IdText, Wanted};
use super::trim::{Gone, TrimOptions};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

/// An entry may have so many bytes.
const ENTRY_BYTES_MAX: usize = 1 << 30;

pub(super) fn xadd(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let mut options = TrimOptions::default();
    let mut may_create = true;
    let mut wanted = None;
    while wanted.is_none() && !args.is_done() {
        if args.word("*") {
            wanted = Some(Wanted::Next);
        } else if args.word("NOMKSTREAM") {
            may_create = false;
        } else if !options.take(args)? {
            wanted = Some(Wanted::parse(args.bytes()?)?);
        }
    }
    let cut = options.finish(ctx)?;
    let arity = || CommandError::Arity("xadd".into());
    let fields = Fields::of(args).ok_or_else(arity)?;
    let wanted = wanted.ok_or_else(arity)?;
    if wanted.is_least() {
        let text = "The ID specified in XADD must be greater than 0-0";
        return Err(CommandError::err(text));
    }
    let slot = ctx.stream_slot(&key)?;
    if slot.is_none() && !may_create {
        reply.null();
        return Ok(());
    }
    let last_id = slot.map(|slot| ctx.stream_at(&key, slot).marks().last_id);
    let id = wanted.choose(last_id.unwrap_or_default(), ctx.now_ms())?;
    if fields.argv.payload_bytes() > ENTRY_BYTES_MAX {
        return Err(CommandError::err("Elements are too large to be stored"));
    }
    let limit = ctx.stream_node_limit();
    let gone = ctx.change_stream(&key, slot, |stream| {
        stream.add(id, fields, limit);
        cut.map(|cut| cut.apply(stream)).unwrap_or_default()
    });
    let text = IdText::of(id);
    emit(ctx, key.bytes, &gone, text.bytes(), fields);
    gone.emit_singles(ctx, &key);
    reply.bulk(text.bytes());
    Ok(())
}

fn emit(ctx: &mut Ctx, key: &[u8], gone: &Gone, id: &[u8], fields: Fields<'_>) {
    if !ctx.effects_wanted() {
        return ctx.effect(&[]);
    }
    let trim = gone.words();
    let mut words: Vec<&[u8]> = Vec::with_capacity(6 + fields.argv.len());
    words.extend([&b"XADD"[..], key]);
    words.extend(trim.iter().flatten().map(|word| &word[..]));
    words.push(id);
    words.extend(fields.argv.iter_from(0));
    ctx.effect(&words);
}

/// Names and values in turn, as they lie in the request.
#[derive(Clone, Copy)]
struct Fields<'a> {
    argv: Argv<'a>,
    at: usize,
}

impl<'a> Fields<'a> {
    /// All that is left, if it is pairs.
    fn of(args: &Args<'a>) -> Option<Fields<'a>> {
        let left = args.left();
        let argv = args.argv().behind(args.argv().len() - left);
        (left >= 2 && left.is_multiple_of(2)).then_some(Fields { argv, at: 0 })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        (at < self.argv.len()).then(|| {
            self.at += 2;
            (self.argv.get(at), self.argv.get(at + 1))
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.argv.len() - self.at) / 2;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Fields<'_> {}
