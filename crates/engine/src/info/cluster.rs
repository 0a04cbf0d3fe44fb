//! INFO cluster: whether this node is part of one.

use super::page::Page;
use crate::ctx::Ctx;

pub(super) fn write(_ctx: &mut Ctx<'_>, page: &mut Page) {
    page.field("cluster_enabled", 0);
}
