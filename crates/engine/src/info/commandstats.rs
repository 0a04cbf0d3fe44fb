//! INFO commandstats: how often each command ran and how long it took.

use super::page::{Page, safe};
use crate::ctx::Ctx;
use crate::stats::CommandTotals;

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let totals = ctx.engine.stats.totals();
    for (name, command) in by_name(ctx, &totals.commands) {
        if command.calls + command.rejected + command.failed == 0 {
            continue;
        }
        let us = command.ns as f64 / 1000.0;
        page.field(
            &format!("cmdstat_{}", safe(&name)),
            format_args!(
                "calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}",
                command.calls,
                command.ns / 1000,
                us / command.calls.max(1) as f64,
                command.rejected,
                command.failed,
            ),
        );
    }
}

/// What was counted per command, in the order of the commands' full names.
pub(super) fn by_name<'t>(
    ctx: &Ctx<'_>,
    totals: &'t [CommandTotals],
) -> Vec<(String, &'t CommandTotals)> {
    let commands = ctx.engine.commands.all();
    let names = commands
        .iter()
        .map(|command| command.spec.full_name().into_owned());
    let mut named: Vec<_> = names.zip(totals).collect();
    named.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    named
}
