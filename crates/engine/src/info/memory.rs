//! INFO memory: what takes how much.
//!
//! `used_memory` is the sum of the engine's own accounts, not the allocator's:
//!
//! ```text
//!   used_memory ─┬─ startup     what an empty engine of so many shards takes
//!                ├─ keyspace ─┬─ entries and blocks        ─► dataset
//!                │            └─ segments, directories, wheels ─► overhead
//!                ├─ clients     queries, queues, replies not yet sent
//!                └─ images      what is kept for a snapshot under way
//! ```
//!
//! Each table keeps its account as it changes, so asking costs the same for
//! five million keys as for none.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use super::page::Page;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::host::Facts;
use crate::shards::Shard;

/// Who takes how many bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MemoryUse {
    /// The engine itself, before the first key.
    startup_bytes: u64,
    /// Keys and values with all that holds them.
    keyspace_bytes: u64,
    /// The part of `keyspace_bytes` that is not keys and values.
    structure_bytes: u64,
    clients_bytes: u64,
    /// What writers have kept for a snapshot.
    images_bytes: u64,
}

impl MemoryUse {
    /// Visits one shard after the other: a sum, not a moment.
    pub(crate) fn now(ctx: &mut Ctx<'_>) -> MemoryUse {
        let cards = ctx.engine.clients.all();
        let clients = cards
            .iter()
            .map(|card| card.memory_bytes.load(Ordering::Relaxed));
        let mut memory = MemoryUse {
            startup_bytes: empty_bytes(ctx.engine),
            clients_bytes: clients.sum(),
            images_bytes: ctx.engine.image_bytes() as u64,
            ..MemoryUse::default()
        };
        ctx.each_shard(|ctx, index| {
            let shard = &ctx.held_shard(index).keys;
            memory.keyspace_bytes += shard.memory_bytes() as u64;
            memory.structure_bytes += shard.overhead_bytes() as u64;
            ControlFlow::<()>::Continue(())
        });
        ctx.leave_shards();
        memory
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.startup_bytes + self.keyspace_bytes + self.clients_bytes + self.images_bytes
    }

    fn overhead_bytes(&self) -> u64 {
        self.startup_bytes + self.structure_bytes + self.clients_bytes + self.images_bytes
    }

    fn dataset_bytes(&self) -> u64 {
        self.total_bytes() - self.overhead_bytes()
    }
}

/// Shards and tables without a key, and the counters of the commands.
fn empty_bytes(engine: &Engine) -> u64 {
    let tables = engine.shard_count() * engine.databases() * size_of::<store::Table>();
    let shards = engine.shard_count() * size_of::<Shard>();
    let commands = size_of_val(engine.commands.all());
    (tables + shards + commands) as u64
}

pub(super) fn write(ctx: &mut Ctx<'_>, page: &mut Page) {
    let facts = ctx.engine.host.facts();
    let memory = MemoryUse::now(ctx);
    write_use(ctx, page, memory, &facts);
    write_scripts(page);
    let live = &ctx.config().live;
    page.bytes_human("maxmemory", live.maxmemory_bytes);
    page.field("maxmemory_policy", live.maxmemory_policy.word());
    write_fragmentation(page, memory.total_bytes(), facts.rss_bytes);
    page.zeros(&[
        "mem_not_counted_for_evict",
        "mem_replication_backlog",
        "mem_total_replication_buffers",
        "mem_clients_slaves",
    ]);
    page.bytes("mem_clients_normal", memory.clients_bytes);
    page.zeros(&["mem_cluster_links", "mem_aof_buffer"]);
    page.field("mem_allocator", facts.allocator);
    page.field("active_defrag_running", 0);
    page.field("lazyfree_pending_objects", facts.garbage_pending_objects);
    page.field("lazyfreed_objects", facts.garbage_freed_objects);
    page.bytes("ochre_rss_peak", facts.rss_peak_bytes);
}

fn write_use(ctx: &Ctx<'_>, page: &mut Page, memory: MemoryUse, facts: &Facts) {
    let used = memory.total_bytes();
    let peak = ctx.engine.stats.peak_memory_bytes(used);
    let dataset = memory.dataset_bytes();
    let beyond_startup = (used - memory.startup_bytes).max(1);
    page.bytes_human("used_memory", used);
    page.bytes_human("used_memory_rss", facts.rss_bytes);
    page.bytes_human("used_memory_peak", peak);
    page.field("used_memory_peak_perc", percent(used, peak));
    page.bytes("used_memory_overhead", memory.overhead_bytes());
    page.bytes("used_memory_startup", memory.startup_bytes);
    page.bytes("used_memory_dataset", dataset);
    page.field("used_memory_dataset_perc", percent(dataset, beyond_startup));
    // The allocator is not asked: what it hands out is what is accounted, and
    // what it keeps is what the process occupies, as in a Redis on libc.
    page.bytes("allocator_allocated", used);
    page.bytes("allocator_active", facts.rss_bytes);
    page.bytes("allocator_resident", facts.rss_bytes);
    page.bytes_human("total_system_memory", facts.total_system_memory_bytes);
}

/// No script has run yet, in no interpreter.
fn write_scripts(page: &mut Page) {
    page.zeros(&["used_memory_lua", "used_memory_vm_eval"]);
    page.field("used_memory_lua_human", base::human_bytes(0));
    page.zeros(&[
        "used_memory_scripts_eval",
        "number_of_cached_scripts",
        "number_of_functions",
        "number_of_libraries",
        "used_memory_vm_functions",
    ]);
    page.bytes_human("used_memory_vm_total", 0);
    page.zeros(&["used_memory_functions"]);
    page.bytes_human("used_memory_scripts", 0);
}

/// What the process occupies beyond what is accounted. The allocator's part in
/// it is not known, so the three steps that Redis tells apart are one.
fn write_fragmentation(page: &mut Page, used: u64, rss: u64) {
    let beyond = rss as i64 - used as i64;
    page.field("allocator_frag_ratio", ratio(rss, used));
    page.field("allocator_frag_bytes", beyond);
    page.field("allocator_rss_ratio", ratio(rss, rss));
    page.field("allocator_rss_bytes", 0);
    page.field("rss_overhead_ratio", ratio(rss, rss));
    page.field("rss_overhead_bytes", 0);
    page.field("mem_fragmentation_ratio", ratio(rss, used));
    page.field("mem_fragmentation_bytes", beyond);
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.2}%", part as f64 * 100.0 / whole.max(1) as f64)
}

fn ratio(above: u64, below: u64) -> String {
    format!("{:.2}", above as f64 / below.max(1) as f64)
}
