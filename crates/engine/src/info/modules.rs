//! INFO modules: a headline, since modules cannot be loaded.

use super::page::Page;
use crate::ctx::Ctx;

pub(super) fn write(_ctx: &mut Ctx<'_>, _page: &mut Page) {}
