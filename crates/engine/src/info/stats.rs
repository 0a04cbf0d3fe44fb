//! INFO stats: what was counted since the start or the last CONFIG RESETSTAT.

use super::page::Page;
use super::rates::PerSecond;
use crate::ctx::Ctx;
use crate::stats::Totals;

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let totals = ctx.engine.stats.totals();
    let rates = ctx.engine.rates.per_second();
    write_traffic(page, &totals, rates);
    write_keys(page, &totals);
    write_absent(page);
    write_work(page, &totals, rates);
    write_denials(ctx, page);
}

fn write_traffic(page: &mut Page, totals: &Totals, rates: PerSecond) {
    page.field("total_connections_received", totals.connections_received);
    page.field("total_commands_processed", totals.commands_processed);
    page.field("instantaneous_ops_per_sec", rates.commands);
    page.bytes("total_net_input_bytes", totals.received_bytes);
    page.bytes("total_net_output_bytes", totals.sent_bytes);
    page.zeros(&["total_net_repl_input_bytes", "total_net_repl_output_bytes"]);
    page.field("instantaneous_input_kbps", kib(rates.received_bytes));
    page.field("instantaneous_output_kbps", kib(rates.sent_bytes));
    page.field("instantaneous_input_repl_kbps", kib(0));
    page.field("instantaneous_output_repl_kbps", kib(0));
    page.field("rejected_connections", totals.rejected_connections);
    page.zeros(&["sync_full", "sync_partial_ok", "sync_partial_err"]);
}

fn write_keys(page: &mut Page, totals: &Totals) {
    page.field("expired_subkeys", totals.expired_subkeys);
    page.field("expired_keys", totals.expired_keys);
    // Found when due and not by sampling, expired keys do not pile up.
    page.field("expired_stale_perc", "0.00");
    page.field(
        "expired_time_cap_reached_count",
        totals.expired_time_cap_reached,
    );
    page.field("expire_cycle_cpu_milliseconds", totals.sweep_ns / 1_000_000);
    page.zeros(&[
        "evicted_keys",
        "evicted_clients",
        "total_eviction_exceeded_time",
        "current_eviction_exceeded_time",
    ]);
    page.field("keyspace_hits", totals.keyspace_hits);
    page.field("keyspace_misses", totals.keyspace_misses);
}

/// What does not exist here, or not yet.
fn write_absent(page: &mut Page) {
    page.zeros(&[
        "pubsub_channels",
        "pubsub_patterns",
        "pubsubshard_channels",
        "latest_fork_usec",
        "total_forks",
        "migrate_cached_sockets",
        "slave_expires_tracked_keys",
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
        "tracking_total_keys",
        "tracking_total_items",
        "tracking_total_prefixes",
        "unexpected_error_replies",
    ]);
}

fn write_work(page: &mut Page, totals: &Totals, rates: PerSecond) {
    page.field("total_error_replies", totals.error_replies);
    page.field("dump_payload_sanitizations", 0);
    page.field("total_reads_processed", totals.reads_processed);
    page.field("total_writes_processed", totals.writes_processed);
    page.zeros(&[
        "io_threaded_reads_processed",
        "io_threaded_writes_processed",
    ]);
    page.field(
        "client_query_buffer_limit_disconnections",
        totals.query_buffer_limit_disconnections,
    );
    page.field(
        "client_output_buffer_limit_disconnections",
        totals.output_buffer_limit_disconnections,
    );
    page.zeros(&["reply_buffer_shrinks", "reply_buffer_expands"]);
    page.field("eventloop_cycles", totals.eventloop_cycles);
    page.field("eventloop_duration_sum", totals.eventloop_ns / 1000);
    page.field("eventloop_duration_cmd_sum", totals.command_ns / 1000);
    page.field(
        "instantaneous_eventloop_cycles_per_sec",
        rates.eventloop_cycles,
    );
    page.field("instantaneous_eventloop_duration_usec", rates.eventloop_us);
}

/// Wrong passwords are the only denial as long as there is only one user.
fn write_denials(ctx: &Ctx<'_>, page: &mut Page) {
    let errors = ctx.engine.stats.errors();
    let wrong_passwords = errors.iter().find(|(code, _)| code == "WRONGPASS");
    let wrong_passwords = wrong_passwords.map_or(0, |(_, count)| *count);
    page.field("acl_access_denied_auth", wrong_passwords);
    page.zeros(&[
        "acl_access_denied_cmd",
        "acl_access_denied_key",
        "acl_access_denied_channel",
    ]);
}

fn kib(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1024.0)
}
