//! INFO cpu: processor time, as the system counts it.

use super::page::Page;
use crate::ctx::Ctx;

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let facts = ctx.engine.host.facts();
    page.seconds("used_cpu_sys", facts.cpu_system_us);
    page.seconds("used_cpu_user", facts.cpu_user_us);
    // There are no child processes.
    page.seconds("used_cpu_sys_children", 0);
    page.seconds("used_cpu_user_children", 0);
    page.seconds("used_cpu_sys_main_thread", facts.cpu_system_main_us);
    page.seconds("used_cpu_user_main_thread", facts.cpu_user_main_us);
}
