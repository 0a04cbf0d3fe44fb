//! INFO keyspace: a line for each database that has keys.

use std::ops::ControlFlow;

use store::Counts;

use super::page::Page;
use crate::ctx::Ctx;

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let now_ms = ctx.now_ms();
    for (database, counts) in counts(ctx).iter().enumerate() {
        if counts.keys > 0 {
            let (keys, volatile, timed) = (counts.keys, counts.volatile, counts.timed);
            let ttl_ms = mean_ttl_ms(counts, now_ms);
            page.field(
                &format!("db{database}"),
                format_args!("keys={keys},expires={volatile},avg_ttl={ttl_ms},subexpiry={timed}"),
            );
        }
    }
}

/// What each database holds. Keys past their deadline count until they are removed.
fn counts(ctx: &mut Ctx<'_>) -> Vec<Counts> {
    let mut counts = vec![Counts::default(); ctx.engine.databases()];
    ctx.each_shard(|ctx, index| {
        let shard = &ctx.held_shard(index).keys;
        for (database, sum) in counts.iter_mut().enumerate() {
            *sum += shard.counts(database);
        }
        ControlFlow::<()>::Continue(())
    });
    ctx.leave_shards();
    counts
}

/// How long the volatile keys have still to live, on average; not an estimate.
fn mean_ttl_ms(counts: &Counts, now_ms: i64) -> i64 {
    if counts.volatile == 0 {
        return 0;
    }
    let deadline_ms = counts.deadline_sum_ms / counts.volatile as i128;
    i64::try_from(deadline_ms - i128::from(now_ms)).map_or(i64::MAX, |ttl| ttl.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_exact_and_never_negative() {
        let of = |volatile, deadline_sum_ms| Counts {
            keys: 9,
            volatile,
            timed: 0,
            deadline_sum_ms,
        };
        assert_eq!(mean_ttl_ms(&of(0, 0), 50), 0);
        assert_eq!(mean_ttl_ms(&of(2, 300), 50), 100);
        assert_eq!(mean_ttl_ms(&of(2, 60), 50), 0);
        assert_eq!(mean_ttl_ms(&of(3, 3 * i128::from(i64::MAX)), -5), i64::MAX);
    }
}
