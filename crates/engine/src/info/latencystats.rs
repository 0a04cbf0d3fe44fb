//! INFO latencystats: the percentiles of each command's latency.

use super::commandstats::by_name;
use super::page::{Page, safe};
use crate::ctx::Ctx;

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let live = &ctx.config().live;
    if !live.latency_tracking {
        return;
    }
    let percentiles = live.latency_tracking_info_percentiles.clone();
    let totals = ctx.engine.stats.totals();
    for (name, command) in by_name(ctx, &totals.commands) {
        if command.latency.total() == 0 {
            continue;
        }
        let shown = percentiles.iter().map(|&percent| {
            let us = command.latency.percentile_ns(percent) as f64 / 1000.0;
            format!("p{percent}={us:.3}")
        });
        let shown: Vec<_> = shown.collect();
        page.field(
            &format!("latency_percentiles_usec_{}", safe(&name)),
            shown.join(","),
        );
    }
}
