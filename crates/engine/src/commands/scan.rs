//! KEYS and SCAN: walks over the names of all keys.
//!
//! Keys lie in the order of their hashes, from shard to shard and within each.
//! So a place in the walk is the upper 48 bits of a hash, and that number is
//! SCAN's cursor:
//!
//! ```text
//!   0 ─────────────────────────────────────────► 2^48
//!   │   shard 0   │   shard 1   │  ...  │ shard n │
//!          ▲ SCAN returns this, and goes on from here
//! ```
//!
//! What is there during the whole walk is reported exactly once, whatever
//! grows, splits or merges meanwhile; what comes or goes may be reported or not.
//!
//! A walk holds one shard at a time, and lets go of it after every slice. So
//! the longest KEYS keeps nobody out for long, and in return it is no snapshot.
//! Inside MULTI all shards are held anyway, and it is one.

use resp::{Outbox, Reply};
use store::{Entry, Item, Table};

use super::{Row, Scope, answer_item, scoped};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::executor::key_of;

pub(super) static TABLE: &[Row] = &[
    scoped(&spec::generic::KEYS, Scope::Each, keys),
    scoped(&spec::generic::SCAN, Scope::Each, scan),
];

/// Keys visited before others get their turn in a shard.
const SLICE: usize = 512;

fn keys(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let glob = args.bytes()?;
    let (database, now_ms) = (ctx.session.database, ctx.now_ms());
    let mut page = Page::default();
    if base::glob::is_literal(glob) {
        let key = args.key_of(glob);
        let shard = ctx.enter_shard(ctx.engine.shards.of(key.hash));
        let table = shard.keys.database(database);
        let found = table.find(&key).map(|slot| table.entry(slot));
        if found.is_some_and(|entry| !entry.is_expired(now_ms)) {
            page.push(glob, reply);
        }
    } else {
        let filter = NameFilter::new(glob);
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            cursor = ctx.walk(database, from, SLICE, &mut |entry| {
                if !entry.is_expired(now_ms) && filter.passes(entry.key()) {
                    page.push(entry.key(), reply);
                }
            });
        }
    }
    page.answer(reply);
    Ok(())
}

fn scan(ctx: &mut Ctx, args: &mut Args, reply: &mut Reply) -> Result<(), CommandError> {
    let cursor = base::parse_u64(args.bytes()?);
    let cursor = cursor.ok_or_else(|| CommandError::err("invalid cursor"))?;
    let options = ScanOptions::read(args)?;
    let mut page = Page::default();
    // No key lies beyond the last cursor that we give.
    let next = match cursor >> Table::CURSOR_BITS {
        0 => fill(ctx, cursor, &options, &mut page, reply),
        _ => None,
    };
    reply.array(2);
    reply.bulk_int(next.unwrap_or(0) as i64);
    page.answer(reply);
    Ok(())
}

/// Stretches with hardly a key that one call crosses before it returns what it has.
const SPARSE_MAX: usize = 10;

/// Walk from `cursor` on until about COUNT keys were seen, those that the
/// options leave out included. Returns where the next call goes on.
fn fill(
    ctx: &mut Ctx,
    mut cursor: u64,
    options: &ScanOptions,
    page: &mut Page,
    reply: &Reply,
) -> Option<u64> {
    let (database, now_ms) = (ctx.session.database, ctx.now_ms());
    let (mut left, mut sparse) = (options.count, 0);
    let mut expired: Vec<Box<[u8]>> = Vec::new();
    loop {
        let (wanted, mut seen) = (left.min(SLICE), 0);
        let next = ctx.walk(database, cursor, wanted, &mut |entry| {
            seen += 1;
            if options.pass(entry) {
                match entry.is_expired(now_ms) {
                    true => expired.push(entry.key().into()),
                    false => page.push(entry.key(), reply),
                }
            }
        });
        // Being found is what removes an expired key.
        for key in expired.drain(..) {
            ctx.find(&key_of(ctx.engine, &key));
        }
        left = left.saturating_sub(seen);
        let shards = &ctx.engine.shards;
        match next {
            Some(next) if left > 0 && sparse < SPARSE_MAX => {
                // The table gave up early: empty buckets are work as well.
                let is_sparse = seen < wanted && shards.of_cursor(next) == shards.of_cursor(cursor);
                sparse += usize::from(is_sparse);
                cursor = next;
            }
            _ => return next,
        }
    }
}

impl Ctx<'_> {
    /// One step of a walk over a database: visit about `limit` keys from
    /// `cursor` on, all of one shard, which stays held. Returns the cursor of
    /// the next step, or `None` behind the last shard.
    pub(super) fn walk(
        &mut self,
        database: usize,
        cursor: u64,
        limit: usize,
        visit: &mut dyn FnMut(Entry<'_>),
    ) -> Option<u64> {
        self.leave_shards();
        let index = self.engine.shards.of_cursor(cursor);
        let table = self.enter_shard(index).keys.database(database);
        let next = match table.is_empty() {
            true => None,
            false => table.scan(cursor, limit, visit),
        };
        next.or_else(|| self.engine.shards.cursor_behind(index))
    }
}

/// Keys on their way into an array whose length is not known yet: encoded once,
/// and put behind the array's header as they are.
#[derive(Default)]
pub(super) struct Page {
    encoded: Outbox,
    count: usize,
}

impl Page {
    fn push(&mut self, key: &[u8], reply: &Reply) {
        Reply::new(&mut self.encoded, reply.protocol()).bulk(key);
        self.count += 1;
    }

    /// An element of a collection.
    pub(super) fn push_item(&mut self, item: Item<'_>, reply: &Reply) {
        answer_item(item, &mut Reply::new(&mut self.encoded, reply.protocol()));
        self.count += 1;
    }

    pub(super) fn answer(self, reply: &mut Reply) {
        reply.array(self.count);
        if self.count > 0 {
            reply.append(self.encoded);
        }
    }
}

/// Which names to report.
#[derive(Clone, Copy)]
enum NameFilter<'a> {
    All,
    Glob(&'a [u8]),
}

impl NameFilter<'_> {
    fn new(glob: &[u8]) -> NameFilter<'_> {
        match glob {
            // As a glob it would leave out the empty name.
            b"*" => NameFilter::All,
            _ => NameFilter::Glob(glob),
        }
    }

    fn passes(self, name: &[u8]) -> bool {
        match self {
            NameFilter::All => true,
            NameFilter::Glob(glob) => base::glob_match(glob, name, false),
        }
    }
}

/// What HSCAN and its like are asked for.
pub(super) struct ElementScan<'a> {
    name: NameFilter<'a>,
    pub(super) count: usize,
    /// Leave out what belongs to the names.
    pub(super) names_only: bool,
}

impl<'a> ElementScan<'a> {
    pub(super) fn cursor(args: &mut Args) -> Result<u64, CommandError> {
        let cursor = base::parse_u64(args.bytes()?);
        cursor.ok_or_else(|| CommandError::err("invalid cursor"))
    }

    /// `names_only` is the word that says so, if there is one.
    pub(super) fn read(
        args: &mut Args<'a>,
        names_only: &str,
    ) -> Result<ElementScan<'a>, CommandError> {
        let mut scan = ElementScan {
            name: NameFilter::All,
            count: 10,
            names_only: false,
        };
        while !args.is_done() {
            let has_value = args.left() >= 2;
            if has_value && args.word("COUNT") {
                let count = args.i64()?;
                if count < 1 {
                    return Err(CommandError::Syntax);
                }
                scan.count = count as usize;
            } else if has_value && args.word("MATCH") {
                scan.name = NameFilter::new(args.bytes()?);
            } else if !names_only.is_empty() && args.word(names_only) {
                scan.names_only = true;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(scan)
    }

    pub(super) fn passes(&self, name: &[u8]) -> bool {
        self.name.passes(name)
    }
}

struct ScanOptions<'a> {
    name: NameFilter<'a>,
    kind: Option<&'a [u8]>,
    count: usize,
}

impl<'a> ScanOptions<'a> {
    /// Of an option given twice the last one counts.
    fn read(args: &mut Args<'a>) -> Result<ScanOptions<'a>, CommandError> {
        let mut options = ScanOptions {
            name: NameFilter::All,
            kind: None,
            count: 10,
        };
        while !args.is_done() {
            let has_value = args.left() >= 2;
            if has_value && args.word("COUNT") {
                let count = args.i64()?;
                if count < 1 {
                    return Err(CommandError::Syntax);
                }
                options.count = count as usize;
            } else if has_value && args.word("MATCH") {
                options.name = NameFilter::new(args.bytes()?);
            } else if has_value && args.word("TYPE") {
                options.kind = Some(args.bytes()?);
            } else if args.word("NOVALUES") {
                let text = "NOVALUES option can only be used in HSCAN";
                return Err(CommandError::err(text));
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }

    fn pass(&self, entry: Entry<'_>) -> bool {
        let is_kind = |name: &[u8]| base::eq_ignore_case(name, entry.kind().name().as_bytes());
        self.kind.is_none_or(is_kind) && self.name.passes(entry.key())
    }
}
