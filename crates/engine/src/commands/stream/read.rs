//! XREAD, XREADGROUP: what comes behind an id, from several streams.
//!
//! ```text
//!   XREAD        5-3   what is behind it      $  what comes from now on     +  the last entry
//!   XREADGROUP   5-3   what is pending for this consumer, behind it
//!                >     what no consumer of the group has got yet
//! ```
//!
//! A request is read and checked as a whole before anything is served, as a consumer that gets
//! something is a change. If there is nothing and BLOCK was said, the client waits for the streams
//! (see `waits`) with the request as it was understood: `$` is an id by then. Whoever changes one
//! of them asks again in its name, and a group that has gone is an error then.

use resp::{Argv, OwnedArgv, Protocol, Reply};
use store::{Key, Kind, Progress};
use structs::stream::{Group, Pending, Stream, StreamId};

use super::delivery;
use super::id::{self, IdText};
use super::range::{answer_entries, answer_entry, answer_id};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::waits::{Awaited, Serve, Served, Wish};

pub(super) fn xread(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let request = Request::parse(ctx, args, false)?;
    request.serve_or_wait(ctx, args, reply, |ctx, args, _, reply| {
        Request::parse(ctx, args, false)?.serve_now(ctx, reply)
    })
}

pub(super) fn xreadgroup(
    ctx: &mut Ctx,
    args: &mut Args,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let request = Request::parse(ctx, args, true)?;
    request.serve_or_wait(ctx, args, reply, |ctx, args, _, reply| {
        Request::parse(ctx, args, true)?.serve_now(ctx, reply)
    })
}

/// What is asked for.
struct Request<'a> {
    /// So many entries of each stream at most.
    count: usize,
    /// Wait, and until when.
    block: Option<Option<u64>>,
    reader: Option<Reader<'a>>,
    streams: Vec<(Key<'a>, From)>,
}

/// Whoever reads on behalf of a group.
#[derive(Clone, Copy)]
struct Reader<'a> {
    group: &'a [u8],
    consumer: &'a [u8],
    /// What is delivered is not noted as pending.
    no_ack: bool,
}

/// Where to begin in a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Behind(StreamId),
    /// What is new to the group.
    New,
}

impl<'a> Request<'a> {
    fn parse(
        ctx: &mut Ctx,
        args: &mut Args<'a>,
        is_group: bool,
    ) -> Result<Request<'a>, CommandError> {
        let mut request = Request {
            count: usize::MAX,
            block: None,
            reader: None,
            streams: Vec::new(),
        };
        let mut no_ack = false;
        loop {
            let left = args.left();
            if left >= 2 && args.word("BLOCK") {
                request.block = Some(ctx.deadline_of_ms(args.bytes()?)?);
            } else if left >= 2 && args.word("COUNT") {
                let count = args.i64()?;
                request.count = if count > 0 {
                    count as usize
                } else {
                    usize::MAX
                };
            } else if left >= 2 && args.word("STREAMS") {
                break;
            } else if left >= 3 && args.word("GROUP") {
                if !is_group {
                    return Err(only_for_groups("GROUP"));
                }
                let (group, consumer) = (args.bytes()?, args.bytes()?);
                request.reader = Some(Reader {
                    group,
                    consumer,
                    no_ack: false,
                });
            } else if args.word("NOACK") {
                if !is_group {
                    return Err(only_for_groups("NOACK"));
                }
                no_ack = true;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        if args.left() % 2 == 1 {
            return Err(unbalanced(is_group));
        }
        match &mut request.reader {
            Some(reader) => reader.no_ack = no_ack,
            None if is_group => {
                return Err(CommandError::err("Missing GROUP option for XREADGROUP"));
            }
            None => {}
        }
        request.streams = streams(ctx, args, request.reader)?;
        Ok(request)
    }

    /// Answer with what there is, or wait until there is something.
    fn serve_or_wait(
        &self,
        ctx: &mut Ctx,
        args: &Args,
        reply: &mut Reply,
        serve: Serve,
    ) -> Result<(), CommandError> {
        if !self.comes_late(ctx) && self.serve(ctx, reply)? {
            return Ok(());
        }
        let Some(deadline_us) = self.block.filter(|_| ctx.may_wait()) else {
            reply.null_array();
            return Ok(());
        };
        let keys: Vec<Key<'_>> = self.streams.iter().map(|(key, _)| *key).collect();
        ctx.wait_for(Wish {
            request: self.understood(args.argv()),
            keys: &keys,
            touches: &keys,
            awaited: match self.reader {
                None => Awaited::Value(Kind::Stream),
                Some(_) => Awaited::Whatever(Kind::Stream),
            },
            deadline_us,
            serve,
        });
        Ok(())
    }

    fn serve_now(&self, ctx: &mut Ctx, reply: &mut Reply) -> Result<Served, CommandError> {
        Ok(match self.serve(ctx, reply)? {
            true => Served::Yes,
            false => Served::NotYet,
        })
    }

    /// Is what is new meant for consumers who waited for it before?
    fn comes_late(&self, ctx: &mut Ctx) -> bool {
        let is_new = |from: From| self.block.is_some() && from == From::New;
        let mut streams = self.streams.iter();
        streams.any(|(key, from)| is_new(*from) && ctx.is_promised(key))
    }

    /// The request with the ids that its signs stand for.
    fn understood(&self, argv: Argv<'_>) -> OwnedArgv {
        let ids_at = argv.len() - self.streams.len();
        let mut request = OwnedArgv::new(argv.iter_from(0).take(ids_at));
        for (_, from) in &self.streams {
            match from {
                From::Behind(id) => request.push(IdText::of(*id).bytes()),
                From::New => request.push(b">"),
            }
        }
        request
    }

    /// Answer with what there is; false if that is nothing.
    fn serve(&self, ctx: &mut Ctx, reply: &mut Reply) -> Result<bool, CommandError> {
        let mark = reply.mark();
        let mut served = 0;
        for (key, from) in &self.streams {
            let is_served = match (&self.reader, from) {
                (Some(reader), From::New) => self.serve_new(ctx, reader, key, reply)?,
                (Some(reader), From::Behind(id)) => {
                    self.serve_pending(ctx, reader, key, *id, reply)?
                }
                (None, From::Behind(id)) => self.serve_plain(ctx, key, *id, reply)?,
                (None, From::New) => unreachable!("refused when it was read"),
            };
            served += usize::from(is_served);
        }
        if served > 0 {
            match reply.protocol() {
                Protocol::Resp2 => reply.array_since(mark, served),
                Protocol::Resp3 => reply.map_since(mark, served),
            }
        }
        Ok(served > 0)
    }

    fn serve_plain(
        &self,
        ctx: &mut Ctx,
        key: &Key<'_>,
        behind: StreamId,
        reply: &mut Reply,
    ) -> Result<bool, CommandError> {
        let Some(stream) = ctx.stream(key)? else {
            return Ok(false);
        };
        let mark = reply.mark();
        begin(key, reply);
        let entries = new_entries(stream, behind).take(self.count);
        let is_any = answer_entries(entries, reply) > 0;
        if !is_any {
            reply.cut(mark);
        }
        Ok(is_any)
    }

    fn serve_new(
        &self,
        ctx: &mut Ctx,
        reader: &Reader<'_>,
        key: &Key<'_>,
        reply: &mut Reply,
    ) -> Result<bool, CommandError> {
        let slot = ctx.stream_slot_to_read(key)?;
        let slot = slot.ok_or_else(|| no_group(key, reader.group))?;
        let stream = ctx.stream_at(key, slot);
        let group = stream.group(reader.group);
        let group = group.ok_or_else(|| no_group(key, reader.group))?;
        let is_known = group.find_consumer(reader.consumer).is_some();
        let marks = stream.marks();
        let mut progress = Progress::of(group);
        let mark = reply.mark();
        begin(key, reply);
        let mut ids = Vec::new();
        let entries = new_entries(stream, progress.last_id).take(self.count);
        let entries = entries.inspect(|entry| {
            progress.advance(&marks, entry.id);
            ids.push(entry.id);
        });
        if answer_entries(entries, reply) == 0 {
            reply.cut(mark);
        }
        let now_ms = ctx.now_ms();
        let change = |group: &mut Group| {
            let consumer = delivery::consumer(group, reader.consumer, now_ms);
            let has_got = !ids.is_empty() && !reader.no_ack;
            group.touch(consumer, now_ms, has_got.then_some(now_ms));
            if has_got {
                for id in &ids {
                    let pending = Pending {
                        consumer,
                        delivered_ms: now_ms,
                        deliveries: 1,
                    };
                    group.deliver(*id, pending);
                }
            }
            if !ids.is_empty() {
                group.set_position(progress.last_id, progress.entries_read);
            }
        };
        if is_known && ids.is_empty() {
            ctx.note_in_group(key, slot, reader.group, change);
            return Ok(false);
        }
        ctx.change_group(key, slot, reader.group, change);
        let told = delivery::Told {
            key,
            group: reader.group,
            consumer: reader.consumer,
        };
        if !is_known {
            told.created(ctx);
        }
        if !ids.is_empty() {
            ctx.effects_that_count(1, |ctx| {
                if !reader.no_ack {
                    told.delivered(ctx, &ids, now_ms, 1);
                }
                told.position(ctx, progress);
            });
        }
        Ok(!ids.is_empty())
    }

    /// What is pending is delivered once more.
    fn serve_pending(
        &self,
        ctx: &mut Ctx,
        reader: &Reader<'_>,
        key: &Key<'_>,
        behind: StreamId,
        reply: &mut Reply,
    ) -> Result<bool, CommandError> {
        let slot = ctx.stream_slot_to_read(key)?;
        let slot = slot.ok_or_else(|| no_group(key, reader.group))?;
        let now_ms = ctx.now_ms();
        let stream = ctx.stream_at(key, slot);
        let group = stream.group(reader.group);
        let group = group.ok_or_else(|| no_group(key, reader.group))?;
        begin(key, reply);
        let mark = reply.mark();
        let known = group.find_consumer(reader.consumer);
        let (mut answered, mut again) = (0, Vec::new());
        if let (Some(consumer), Some(from)) = (known, behind.next()) {
            for (id, pending) in group.pending_of(consumer, from).take(self.count) {
                match stream.get(id) {
                    Some(entry) => {
                        answer_entry(entry, reply);
                        let pending = Pending {
                            delivered_ms: now_ms,
                            deliveries: pending.deliveries.saturating_add(1),
                            ..*pending
                        };
                        again.push((id, pending));
                    }
                    None => {
                        reply.array(2);
                        answer_id(id, reply);
                        reply.null_array();
                    }
                }
                answered += 1;
                if reply.has_overflowed() {
                    break;
                }
            }
        }
        reply.array_since(mark, answered);
        let change = |group: &mut Group| {
            let consumer = delivery::consumer(group, reader.consumer, now_ms);
            group.touch(consumer, now_ms, None);
            for (id, pending) in &again {
                group.deliver(*id, *pending);
            }
        };
        if known.is_some() && again.is_empty() {
            ctx.note_in_group(key, slot, reader.group, change);
            return Ok(true);
        }
        ctx.change_group(key, slot, reader.group, change);
        let told = delivery::Told {
            key,
            group: reader.group,
            consumer: reader.consumer,
        };
        if known.is_none() {
            told.created(ctx);
        }
        if !again.is_empty() {
            ctx.effects_that_count(1, |ctx| told.claimed(ctx, &again));
        }
        Ok(true)
    }
}

/// Keys first, then as many ids.
fn streams<'a>(
    ctx: &mut Ctx,
    args: &mut Args<'a>,
    reader: Option<Reader<'a>>,
) -> Result<Vec<(Key<'a>, From)>, CommandError> {
    let count = args.left() / 2;
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push((args.key()?, From::New));
    }
    for (key, from) in &mut streams {
        let text = args.bytes()?;
        *from = match reader {
            Some(reader) => group_from(ctx, key, reader, text)?,
            None => plain_from(ctx, key, text)?,
        };
    }
    Ok(streams)
}

fn plain_from(ctx: &mut Ctx, key: &Key<'_>, text: &[u8]) -> Result<From, CommandError> {
    if text != b"$"
        && text != b"+"
        && let Ok(id) = id::strict(text, 0)
    {
        return Ok(From::Behind(id));
    }
    let stream = ctx.stream_to_peek(key)?;
    let last_id = stream.map_or(StreamId::MIN, |stream| stream.marks().last_id);
    let id = match text {
        b"$" => last_id,
        b"+" => {
            let last = stream.and_then(Stream::last);
            last.and_then(|entry| entry.id.prev()).unwrap_or(last_id)
        }
        b">" => {
            return Err(CommandError::err(
                "The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
                 <consumer> option.",
            ));
        }
        _ => id::strict(text, 0)?,
    };
    Ok(From::Behind(id))
}

fn group_from(
    ctx: &mut Ctx,
    key: &Key<'_>,
    reader: Reader<'_>,
    text: &[u8],
) -> Result<From, CommandError> {
    let stream = ctx.stream_to_peek(key)?;
    if stream
        .and_then(|stream| stream.group(reader.group))
        .is_none()
    {
        return Err(no_group(key, reader.group));
    }
    match text {
        b">" => Ok(From::New),
        b"$" | b"+" => Err(CommandError::err(format_args!(
            "The {0} ID is meaningless in the context of XREADGROUP: you want to read the history of \
             this consumer by specifying a proper ID, or use the > ID to get new messages. The {0} ID \
             would just return an empty result set.",
            char::from(text[0])
        ))),
        _ => match id::strict(text, 0)? {
            StreamId::MAX => Ok(From::New),
            id => Ok(From::Behind(id)),
        },
    }
}

/// The entries behind an id.
fn new_entries(
    stream: &Stream,
    behind: StreamId,
) -> impl Iterator<Item = structs::stream::Entry<'_>> {
    let from = behind.next().filter(|_| stream.marks().last_id > behind);
    from.into_iter().flat_map(|from| stream.iter_from(from))
}

/// A stream's part of the reply: its key, and what follows.
fn begin(key: &Key<'_>, reply: &mut Reply) {
    if reply.protocol() == Protocol::Resp2 {
        reply.array(2);
    }
    reply.bulk(key.bytes);
}

fn only_for_groups(option: &str) -> CommandError {
    CommandError::err(format_args!(
        "The {option} option is only supported by XREADGROUP. You called XREAD instead."
    ))
}

fn unbalanced(is_group: bool) -> CommandError {
    let (name, symbol) = if is_group {
        ("xreadgroup", '>')
    } else {
        ("xread", '$')
    };
    CommandError::err(format_args!(
        "Unbalanced '{name}' list of streams: for each stream key an ID or '{symbol}' must be specified."
    ))
}

fn no_group(key: &Key<'_>, group: &[u8]) -> CommandError {
    super::no_group(key, group, " in XREADGROUP with GROUP option")
}
