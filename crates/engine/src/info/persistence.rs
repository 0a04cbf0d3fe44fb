//! INFO persistence: snapshots and the log.

use super::page::Page;
use crate::ctx::Ctx;
use crate::host::{LoadingFacts, LogFacts, PersistenceFacts};

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let facts = ctx.persistence();
    write_snapshots(ctx, page, &facts);
    write_log(page, &facts);
    if let Some(loading) = &facts.loading {
        write_loading(page, loading);
    }
}

fn ok(failed: bool) -> &'static str {
    if failed { "err" } else { "ok" }
}

fn running(secs: Option<i64>) -> u8 {
    u8::from(secs.is_some())
}

fn write_snapshots(ctx: &Ctx<'_>, page: &mut Page, facts: &PersistenceFacts) {
    page.field("loading", u8::from(ctx.engine.is_loading()));
    page.zeros(&["async_loading", "current_cow_peak"]);
    // What writers keep for a snapshot, where Redis copies pages.
    page.field("current_cow_size", ctx.engine.image_bytes());
    page.zeros(&["current_cow_size_age"]);
    page.field("current_fork_perc", "0.00");
    page.field("current_save_keys_processed", facts.keys_done);
    page.field("current_save_keys_total", facts.keys_total);
    page.field("rdb_changes_since_last_save", facts.changes_since_save);
    page.field(
        "rdb_bgsave_in_progress",
        running(facts.snapshot_running_secs),
    );
    page.field(
        "rdb_last_save_time",
        last_save(ctx, facts.last_save_unix_secs),
    );
    page.field("rdb_last_bgsave_status", ok(facts.snapshot_failed));
    page.field(
        "rdb_last_bgsave_time_sec",
        facts.snapshot_took_secs.unwrap_or(-1),
    );
    page.field(
        "rdb_current_bgsave_time_sec",
        facts.snapshot_running_secs.unwrap_or(-1),
    );
    page.field("rdb_saves", facts.snapshots);
    page.zeros(&["rdb_last_cow_size"]);
    page.field("rdb_last_load_keys_expired", facts.loaded_expired_keys);
    page.field("rdb_last_load_keys_loaded", facts.loaded_keys);
}

fn write_log(page: &mut Page, facts: &PersistenceFacts) {
    page.field("aof_enabled", u8::from(facts.log.is_some()));
    page.field(
        "aof_rewrite_in_progress",
        running(facts.rewrite_running_secs),
    );
    page.field("aof_rewrite_scheduled", u8::from(facts.rewrite_scheduled));
    page.field(
        "aof_last_rewrite_time_sec",
        facts.rewrite_took_secs.unwrap_or(-1),
    );
    page.field(
        "aof_current_rewrite_time_sec",
        facts.rewrite_running_secs.unwrap_or(-1),
    );
    page.field("aof_last_bgrewrite_status", ok(facts.rewrite_failed));
    page.field("aof_rewrites", facts.rewrites);
    page.field("aof_rewrites_consecutive_failures", facts.rewrite_failures);
    let error = facts.log.as_ref().and_then(|log| log.error.as_ref());
    page.field("aof_last_write_status", ok(error.is_some()));
    page.zeros(&[
        "aof_last_cow_size",
        "module_fork_in_progress",
        "module_fork_last_cow_size",
    ]);
    if let Some(log) = &facts.log {
        page.field("aof_current_size", log.current_bytes);
        page.field("aof_base_size", log.base_bytes);
        page.field("aof_pending_rewrite", 0);
        page.field(
            "aof_buffer_length",
            log.appended - log.written.min(log.appended),
        );
        page.field("aof_pending_bio_fsync", u8::from(log.durable < log.written));
        page.field("aof_delayed_fsync", 0);
        page.field("ochre_log_appended_lsn", log.appended);
        page.field("ochre_log_written_lsn", log.written);
        page.field("ochre_log_durable_lsn", log.durable);
        write_commits(page, log);
    }
}

fn write_commits(page: &mut Page, log: &LogFacts) {
    let mean = |sum: u64| format!("{:.2}", sum as f64 / log.commits.max(1) as f64);
    page.field("ochre_log_commits", log.commits);
    page.field("ochre_log_commit_groups_mean", mean(log.commit_groups));
    page.field("ochre_log_commit_groups_max", log.commit_groups_max);
    page.field("ochre_log_commit_bytes_mean", mean(log.commit_bytes));
    page.field("ochre_log_commit_bytes_max", log.commit_bytes_max);
    page.field("ochre_log_syncs", log.syncs);
    page.field("ochre_log_sync_us", log.sync_us);
    page.field("ochre_log_sync_us_p50", log.sync_us_p50);
    page.field("ochre_log_sync_us_p99", log.sync_us_p99);
    page.field("ochre_log_sync_us_max", log.sync_us_max);
}

fn write_loading(page: &mut Page, loading: &LoadingFacts) {
    page.field("loading_start_time", loading.began_unix_secs);
    page.field("loading_total_bytes", loading.bytes_total);
    page.field("loading_rdb_used_mem", 0);
    page.field("loading_loaded_bytes", loading.bytes_done);
    let percent = loading.bytes_done as f64 * 100.0 / loading.bytes_total.max(1) as f64;
    page.field("loading_loaded_perc", format!("{percent:.2}"));
    page.field("loading_eta_seconds", loading.eta_secs);
}

/// Redis counts an empty start as the first save.
fn last_save(ctx: &Ctx<'_>, unix_secs: i64) -> i64 {
    match unix_secs {
        0 => ctx.engine.started.unix_secs(),
        secs => secs,
    }
}
