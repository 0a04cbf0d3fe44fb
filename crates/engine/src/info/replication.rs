//! INFO replication: a primary without replicas.

use super::identity;
use super::page::Page;
use crate::config::Value;
use crate::ctx::Ctx;

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let backlog_bytes = match ctx.config().value("repl-backlog-size") {
        Some(Value::Bytes(bytes)) => *bytes,
        _ => unreachable!("an amount of memory"),
    };
    page.field("role", "master");
    page.field("connected_slaves", 0);
    page.field("master_failover_state", "no-failover");
    page.field("master_replid", identity(ctx.engine, "replication"));
    page.field("master_replid2", "0".repeat(40));
    page.field("master_repl_offset", 0);
    page.field("second_repl_offset", -1);
    page.field("repl_backlog_active", 0);
    page.bytes("repl_backlog_size", backlog_bytes);
    page.zeros(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}
