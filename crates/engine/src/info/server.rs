//! INFO server: which program this is, and how it runs.

use super::identity;
use super::page::Page;
use crate::ctx::Ctx;
use crate::version::{OCHRE_VERSION, REDIS_VERSION};

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let facts = ctx.engine.host.facts();
    let up_us = ctx.now.mono_us.saturating_sub(ctx.engine.started.mono_us);
    let up_secs = up_us / 1_000_000;
    let hz = ctx.config().live.hz;

    page.field("redis_version", REDIS_VERSION);
    // No commit is built in, which is what these say in Redis' own releases.
    page.field("redis_git_sha1", "00000000");
    page.field("redis_git_dirty", 0);
    page.field("redis_build_id", "0000000000000000");
    page.field("redis_mode", "standalone");
    page.field("os", &facts.os);
    page.field("arch_bits", usize::BITS);
    page.field("monotonic_clock", "POSIX clock_gettime");
    page.field("multiplexing_api", facts.multiplexing);
    page.field("atomicvar_api", "rust-core");
    // Built by another compiler.
    page.field("gcc_version", "0.0.0");
    page.field("process_id", facts.process_id);
    page.field("process_supervised", "no");
    if facts.run_id.is_empty() {
        page.field("run_id", identity(ctx.engine, "run"));
    } else {
        page.field("run_id", &facts.run_id);
    }
    page.field("tcp_port", facts.tcp_port);
    page.field("server_time_usec", ctx.now.unix_us);
    page.field("uptime_in_seconds", up_secs);
    page.field("uptime_in_days", up_secs / (24 * 3600));
    page.field("hz", hz);
    page.field("configured_hz", hz);
    page.field("lru_clock", store::Access::lru(ctx.now.unix_secs()).bits());
    page.field("executable", &facts.executable);
    page.field("config_file", &facts.config_file);
    // Loops execute what they read; there are no threads for I/O alone.
    page.field("io_threads_active", 0);
    for (index, listener) in facts.listeners.iter().enumerate() {
        page.field(&format!("listener{index}"), listener);
    }
    page.field("ochre_version", OCHRE_VERSION);
    page.field("ochre_mode", facts.mode);
    page.field("ochre_threads", facts.threads);
    page.field("ochre_shards", ctx.engine.shard_count());
}
