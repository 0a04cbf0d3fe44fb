//! INFO debug: how the loops spend their turns. Shown only when named.

use super::page::Page;
use crate::ctx::Ctx;

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let totals = ctx.engine.stats.totals();
    page.field("eventloop_duration_aof_sum", 0);
    page.field("eventloop_duration_cron_sum", totals.sweep_ns / 1000);
    page.field("eventloop_duration_max", totals.eventloop_ns_max / 1000);
    page.field("eventloop_cmd_per_cycle_max", totals.eventloop_requests_max);
}
