//! INFO clients: who is connected.

use std::sync::atomic::Ordering;

use super::page::Page;
use crate::ctx::Ctx;

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let cards = ctx.engine.clients.all();
    // A session of the program itself has no place in the list, yet it asks.
    let unlisted = usize::from(ctx.engine.clients.find(ctx.session.id).is_none());
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let input = cards
        .iter()
        .map(|card| load(&card.query_bytes) + load(&card.query_free_bytes));
    let output = cards.iter().map(|card| load(&card.outbox_bytes));
    let watching = cards
        .iter()
        .filter(|card| card.watched.load(Ordering::Relaxed) > 0);

    page.field("connected_clients", cards.len() + unlisted);
    page.field("cluster_connections", 0);
    page.field("maxclients", ctx.config().live.maxclients);
    page.bytes("client_recent_max_input_buffer", input.max().unwrap_or(0));
    page.bytes("client_recent_max_output_buffer", output.max().unwrap_or(0));
    let waiting = &ctx.engine.waiting;
    page.field("blocked_clients", load(&waiting.clients));
    page.field("tracking_clients", 0);
    page.field("watching_clients", watching.count());
    page.field("clients_in_timeout_table", load(&waiting.timed_clients));
    page.field("total_blocking_keys", load(&waiting.keys));
    page.field(
        "total_blocking_keys_on_nokey",
        load(&waiting.keys_on_no_key),
    );
}
