//! The first of several keys that has something to take, or a wait for one.
//!
//! ```text
//!   BLPOP a b 5    a has a list ──────────► taken from a, as by LPOP
//!                  neither has one ───────► in the queues of a and b (see `waits`)
//!                  b is filled later ─────► taken from b, by whoever filled it
//! ```
//!
//! Both ways run the same [`Serve`] function. What is there while others wait for it who came
//! before is theirs, not ours. Where nobody waits, in a transaction, nothing is the answer.

use resp::{OwnedArgv, Reply};
use store::{Key, Kind};

use crate::args::Args;
use crate::ctx::Ctx;
use crate::error::CommandError;
use crate::waits::{Awaited, Serve, Wish};

/// What is taken, and how.
#[derive(Clone, Copy)]
pub(super) struct Take {
    pub(super) kind: Kind,
    pub(super) serve: Serve,
}

/// Keys of a request, in their order: where they begin, and how many.
pub(super) struct Keys<'a> {
    pub(super) from: Args<'a>,
    pub(super) count: usize,
}

impl Take {
    /// Of a request that names its keys and then its timeout.
    pub(super) fn before_timeout(
        self,
        ctx: &mut Ctx,
        request: &Args,
        reply: &mut Reply,
    ) -> Result<(), CommandError> {
        let argv = request.argv();
        let deadline_us = ctx.deadline_of_secs(argv.get(argv.len() - 1))?;
        let keys = Keys {
            from: request.clone(),
            count: request.left() - 1,
        };
        self.or_wait(ctx, request, keys, deadline_us, reply)
    }

    /// `request`: the arguments from the first one on, as `serve` gets them later.
    pub(super) fn or_wait(
        self,
        ctx: &mut Ctx,
        request: &Args,
        keys: Keys<'_>,
        deadline_us: Option<u64>,
        reply: &mut Reply,
    ) -> Result<(), CommandError> {
        let mut names = keys.from.clone();
        for _ in 0..keys.count {
            let key = names.key()?;
            if self.has_some(ctx, &key)? {
                (self.serve)(ctx, &mut request.clone(), &key, reply)?;
                return Ok(());
            }
        }
        if !ctx.may_wait() {
            reply.null_array();
            return Ok(());
        }
        let mut names = keys.from;
        let keys = (0..keys.count).map(|_| names.key());
        let keys: Vec<Key> = keys.collect::<Result<_, CommandError>>()?;
        self.wait(ctx, request, &keys, &[], deadline_us);
        Ok(())
    }

    /// Is there something to take, which is not meant for others who came before?
    pub(super) fn has_some(self, ctx: &mut Ctx, key: &Key<'_>) -> Result<bool, CommandError> {
        Ok(ctx.slot_of(key, self.kind)?.is_some() && !ctx.is_promised(key))
    }

    /// Wait for the first of these keys. Whoever serves the request `touches` others too.
    pub(super) fn wait(
        self,
        ctx: &mut Ctx,
        request: &Args,
        keys: &[Key<'_>],
        touches: &[Key<'_>],
        deadline_us: Option<u64>,
    ) {
        ctx.wait_for(Wish {
            request: OwnedArgv::from(request.argv()),
            keys,
            touches,
            awaited: Awaited::Value(self.kind),
            deadline_us,
            serve: self.serve,
        });
    }
}
