//! INFO errorstats: error replies by their first word.

use super::page::{Page, safe};
use crate::ctx::Ctx;

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    for (code, count) in ctx.engine.stats.errors() {
        page.field(
            &format!("errorstat_{}", safe(&code)),
            format_args!("count={count}"),
        );
    }
}
