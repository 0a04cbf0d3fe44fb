//! XTRIM, and the trimming that XADD does: the oldest entries go.
//!
//! ```text
//!   MAXLEN n    until n are left                 ~  whole nodes only, so some more may stay
//!   MINID id    those below an id                LIMIT n  with ~: no more than n entries
//! ```
//!
//! The log is told what stays, exactly: `MAXLEN = n` where nodes decided, as nodes may be cut in
//! another way when it is replayed.

use resp::Reply;
use store::Key;
use structs::stream::{Extent, Stream, StreamId, Trim};

use super::id::{self, IdText};
use super::reference::{self, References};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;

/// The options of both commands, as they come in.
#[derive(Default)]
pub(super) struct TrimOptions {
    trim: Option<Trim>,
    is_approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
}

/// What is to be cut off.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    trim: Trim,
    extent: Extent,
    references: References,
}

/// What was cut off.
#[derive(Default)]
pub(super) struct Gone {
    pub(super) removed: u64,
    /// The cut, for the log: what stays.
    kept: Option<Trim>,
    /// Entries that were removed one by one.
    singles: Vec<StreamId>,
    /// Pending entries that were forgotten, by the name of their group.
    references: Vec<(Box<[u8]>, Vec<StreamId>)>,
}

impl TrimOptions {
    /// Take the next option if it is one of these.
    pub(super) fn take(&mut self, args: &mut Args) -> Result<bool, CommandError> {
        let has_value = args.left() >= 2;
        if has_value && args.word("MAXLEN") {
            self.operator(args)?;
            let len = args.i64()?;
            let len = u64::try_from(len)
                .map_err(|_| CommandError::err("The MAXLEN argument must be >= 0."))?;
            self.trim = Some(Trim::MaxLen(len));
        } else if has_value && args.word("MINID") {
            self.operator(args)?;
            self.trim = Some(Trim::MinId(id::strict(args.bytes()?, 0)?));
        } else if has_value && args.word("LIMIT") {
            let limit = u64::try_from(args.i64()?)
                .map_err(|_| CommandError::err("The LIMIT argument must be >= 0."))?;
            self.limit = Some(limit);
        } else if let Some(references) = References::take(args) {
            if self.references.replace(references).is_some() {
                return Err(CommandError::Syntax);
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn operator(&mut self, args: &mut Args) -> Result<(), CommandError> {
        if self.trim.is_some() {
            return Err(CommandError::err(
                "syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        if args.left() >= 2 {
            self.is_approximate = args.word("~");
            if !self.is_approximate {
                args.word("=");
            }
        }
        Ok(())
    }

    /// All options are there: what do they come to?
    pub(super) fn finish(self, ctx: &Ctx) -> Result<Option<Cut>, CommandError> {
        let Some(trim) = self.trim else {
            return match self.limit {
                None => Ok(None),
                Some(0) => Err(CommandError::err(LIMIT_WITHOUT_TILDE)),
                Some(_) => Err(CommandError::err(
                    "syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
            };
        };
        let extent = match (self.is_approximate, self.limit) {
            // A log of Redis' may say both.
            (false, Some(_)) if !ctx.local.replaying => {
                return Err(CommandError::err(LIMIT_WITHOUT_TILDE));
            }
            (false, _) => Extent::Exact,
            (true, _) if ctx.local.replaying => Extent::WholeNodes { entries_max: None },
            (true, limit) => {
                let entries_max = limit.unwrap_or_else(|| default_limit(ctx));
                Extent::WholeNodes {
                    entries_max: (entries_max > 0).then_some(entries_max),
                }
            }
        };
        Ok(Some(Cut {
            trim,
            extent,
            references: self.references.unwrap_or_default(),
        }))
    }
}

const LIMIT_WITHOUT_TILDE: &str = "syntax error, LIMIT cannot be used without the special ~ option";

/// An approximate cut does not take long: a hundred nodes go at most.
fn default_limit(ctx: &Ctx) -> u64 {
    match ctx.stream_node_limit().entries.saturating_mul(100) {
        0 => 10_000,
        entries => entries.min(1_000_000),
    }
}

impl Cut {
    pub(super) fn apply(self, stream: &mut Stream) -> Gone {
        match self.references {
            References::Keep => self.plain(stream),
            References::Delete => {
                // Held while the entries are cut off, to see which were there.
                let before = stream.clone();
                let mut gone = self.plain(stream);
                if gone.removed > 0 {
                    gone.references = reference::forget_front(stream, &before);
                }
                gone
            }
            References::Acknowledged if stream.groups().len() == 0 => self.plain(stream),
            References::Acknowledged => self.acknowledged(stream),
        }
    }

    fn plain(self, stream: &mut Stream) -> Gone {
        let (removed, _) = stream.trim(self.trim, self.extent);
        let kept = match self.extent {
            Extent::Exact => self.trim,
            Extent::WholeNodes { .. } => Trim::MaxLen(stream.len()),
        };
        Gone {
            removed,
            kept: (removed > 0).then_some(kept),
            ..Gone::default()
        }
    }

    /// Entries that a group has yet to read or acknowledge stay where they are.
    fn acknowledged(self, stream: &mut Stream) -> Gone {
        let most = match self.extent {
            Extent::Exact => u64::MAX,
            Extent::WholeNodes { entries_max } => entries_max.unwrap_or(u64::MAX),
        };
        let most = match self.trim {
            Trim::MaxLen(len) => most.min(stream.len().saturating_sub(len)),
            Trim::MinId(_) => most,
        };
        let ids = stream.iter_from(StreamId::MIN).map(|entry| entry.id);
        let below = ids.take_while(|id| match self.trim {
            Trim::MaxLen(_) => true,
            Trim::MinId(least) => *id < least,
        });
        let free = below.filter(|id| reference::is_free(stream, *id));
        let singles: Vec<StreamId> = free.take(most as usize).collect();
        for id in &singles {
            stream.remove(*id);
        }
        Gone {
            removed: singles.len() as u64,
            singles,
            ..Gone::default()
        }
    }
}

impl Gone {
    /// Words for the log, behind the name of the key of XTRIM or XADD.
    pub(super) fn words(&self) -> Option<[Vec<u8>; 3]> {
        let (name, threshold) = match self.kept? {
            Trim::MaxLen(len) => ("MAXLEN", len.to_string().into_bytes()),
            Trim::MinId(id) => ("MINID", IdText::of(id).bytes().to_vec()),
        };
        Some([name.into(), b"=".to_vec(), threshold])
    }

    /// Tell the log what went beside the cut itself.
    pub(super) fn emit_singles(&self, ctx: &mut Ctx, key: &Key<'_>) {
        if !self.singles.is_empty() {
            reference::emit_ids(ctx, &[b"XDEL", key.bytes], &self.singles);
        }
        for (group, ids) in &self.references {
            reference::emit_ids(ctx, &[b"XACK", key.bytes, group], ids);
        }
    }
}

pub(super) fn xtrim(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.key()?;
    let mut options = TrimOptions::default();
    while !args.is_done() {
        if !options.take(args)? {
            return Err(CommandError::Syntax);
        }
    }
    if options.trim.is_none() && options.limit.unwrap_or(0) == 0 {
        return Err(CommandError::err(
            "syntax error, XTRIM must be called with a trimming strategy",
        ));
    }
    let cut = options.finish(ctx)?.expect("there is a strategy");
    let Some(slot) = ctx.stream_slot(&key)? else {
        reply.int(0);
        return Ok(());
    };
    if cut.is_idle(ctx.stream_at(&key, slot)) {
        reply.int(0);
        return Ok(());
    }
    let gone = ctx.change_stream(&key, Some(slot), |stream| cut.apply(stream));
    if let Some([name, operator, threshold]) = gone.words() {
        ctx.effect(&[b"XTRIM", key.bytes, &name, &operator, &threshold]);
    }
    gone.emit_singles(ctx, &key);
    ctx.count_changes((gone.removed as usize).saturating_sub(1));
    reply.int(gone.removed as i64);
    Ok(())
}

impl Cut {
    /// Is there nothing to do, as can be seen at once?
    fn is_idle(self, stream: &Stream) -> bool {
        match self.trim {
            Trim::MaxLen(len) => stream.len() <= len,
            Trim::MinId(least) => stream.is_empty() || stream.marks().first_id >= least,
        }
    }
}
