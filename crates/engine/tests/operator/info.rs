//! INFO: the names that others read, and numbers that are true.

use engine::Threads;

use crate::node::Node;

/// The fields of Redis 7.2.4 in its order, and where ours stand among them.
const FIELDS: &[(&str, &str)] = &[
    (
        "Server",
        "redis_version redis_git_sha1 redis_git_dirty redis_build_id redis_mode os arch_bits \
         monotonic_clock multiplexing_api atomicvar_api gcc_version process_id process_supervised \
         run_id tcp_port server_time_usec uptime_in_seconds uptime_in_days hz configured_hz \
         lru_clock executable config_file io_threads_active ochre_version ochre_mode \
         ochre_threads ochre_shards",
    ),
    (
        "Clients",
        "connected_clients cluster_connections maxclients client_recent_max_input_buffer \
         client_recent_max_output_buffer blocked_clients tracking_clients watching_clients \
         clients_in_timeout_table total_blocking_keys total_blocking_keys_on_nokey",
    ),
    (
        "Memory",
        "used_memory used_memory_human used_memory_rss used_memory_rss_human used_memory_peak \
         used_memory_peak_human used_memory_peak_perc used_memory_overhead used_memory_startup \
         used_memory_dataset used_memory_dataset_perc allocator_allocated allocator_active \
         allocator_resident total_system_memory total_system_memory_human used_memory_lua \
         used_memory_vm_eval used_memory_lua_human used_memory_scripts_eval \
         number_of_cached_scripts number_of_functions number_of_libraries \
         used_memory_vm_functions used_memory_vm_total used_memory_vm_total_human \
         used_memory_functions used_memory_scripts used_memory_scripts_human maxmemory \
         maxmemory_human maxmemory_policy allocator_frag_ratio allocator_frag_bytes \
         allocator_rss_ratio allocator_rss_bytes rss_overhead_ratio rss_overhead_bytes \
         mem_fragmentation_ratio mem_fragmentation_bytes mem_not_counted_for_evict \
         mem_replication_backlog mem_total_replication_buffers mem_clients_slaves \
         mem_clients_normal mem_cluster_links mem_aof_buffer mem_allocator \
         active_defrag_running lazyfree_pending_objects lazyfreed_objects ochre_rss_peak",
    ),
    (
        "Persistence",
        "loading async_loading current_cow_peak current_cow_size current_cow_size_age \
         current_fork_perc current_save_keys_processed current_save_keys_total \
         rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time \
         rdb_last_bgsave_status rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec rdb_saves \
         rdb_last_cow_size rdb_last_load_keys_expired rdb_last_load_keys_loaded aof_enabled \
         aof_rewrite_in_progress aof_rewrite_scheduled aof_last_rewrite_time_sec \
         aof_current_rewrite_time_sec aof_last_bgrewrite_status aof_rewrites \
         aof_rewrites_consecutive_failures aof_last_write_status aof_last_cow_size \
         module_fork_in_progress module_fork_last_cow_size",
    ),
    (
        "Stats",
        "total_connections_received total_commands_processed instantaneous_ops_per_sec \
         total_net_input_bytes total_net_output_bytes total_net_repl_input_bytes \
         total_net_repl_output_bytes instantaneous_input_kbps instantaneous_output_kbps \
         instantaneous_input_repl_kbps instantaneous_output_repl_kbps rejected_connections \
         sync_full sync_partial_ok sync_partial_err expired_subkeys expired_keys expired_stale_perc \
         expired_time_cap_reached_count expire_cycle_cpu_milliseconds evicted_keys \
         evicted_clients total_eviction_exceeded_time current_eviction_exceeded_time \
         keyspace_hits keyspace_misses pubsub_channels pubsub_patterns pubsubshard_channels \
         latest_fork_usec total_forks migrate_cached_sockets slave_expires_tracked_keys \
         active_defrag_hits active_defrag_misses active_defrag_key_hits \
         active_defrag_key_misses total_active_defrag_time current_active_defrag_time \
         tracking_total_keys tracking_total_items tracking_total_prefixes \
         unexpected_error_replies total_error_replies dump_payload_sanitizations \
         total_reads_processed total_writes_processed io_threaded_reads_processed \
         io_threaded_writes_processed client_query_buffer_limit_disconnections \
         client_output_buffer_limit_disconnections reply_buffer_shrinks reply_buffer_expands \
         eventloop_cycles eventloop_duration_sum eventloop_duration_cmd_sum \
         instantaneous_eventloop_cycles_per_sec instantaneous_eventloop_duration_usec \
         acl_access_denied_auth acl_access_denied_cmd acl_access_denied_key \
         acl_access_denied_channel",
    ),
    (
        "Replication",
        "role connected_slaves master_failover_state master_replid master_replid2 \
         master_repl_offset second_repl_offset repl_backlog_active repl_backlog_size \
         repl_backlog_first_byte_offset repl_backlog_histlen",
    ),
    (
        "CPU",
        "used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children \
         used_cpu_sys_main_thread used_cpu_user_main_thread",
    ),
    ("Modules", ""),
    ("Commandstats", "cmdstat_get cmdstat_set"),
    ("Errorstats", "errorstat_ERR"),
    (
        "Latencystats",
        "latency_percentiles_usec_get latency_percentiles_usec_set",
    ),
    ("Cluster", "cluster_enabled"),
    ("Keyspace", "db0"),
    (
        "Debug",
        "eventloop_duration_aof_sum eventloop_duration_cron_sum eventloop_duration_max \
         eventloop_cmd_per_cycle_max",
    ),
];

#[test]
fn every_field_is_there_in_its_place() {
    let mut node = Node::new(Threads::Many(2));
    node.batch(&["SET k v", "GET k", "BOGUS"]);
    let text = node.run("INFO everything debug");
    let (_, text) = text.split_once("\r\n").expect("the length");
    let text = text.strip_suffix("\r\n").expect("the end of the reply");
    let mut sections = text.split("\r\n\r\n");
    for (title, fields) in FIELDS {
        let section = sections.next().expect("one more section");
        let mut lines = section.trim_end().split("\r\n");
        assert_eq!(lines.next(), Some(format!("# {title}").as_str()));
        let names = lines.map(|line| line.split_once(':').expect("name and value").0);
        let names: Vec<_> = names.collect();
        let wanted: Vec<_> = fields.split_whitespace().collect();
        assert_eq!(names, wanted, "{title}");
    }
    assert_eq!(sections.next(), None);
}

#[test]
fn rates_follow_the_ticks() {
    let mut node = Node::new(Threads::Many(2));
    node.executor.tick(node.now);
    for _ in 0..20 {
        node.advance_ms(100);
        node.batch(&["PING"; 30]);
        node.executor.tick(node.now);
        node.executor.tick(node.now);
    }
    assert_eq!(node.info("stats", "instantaneous_ops_per_sec"), "300");
    assert_eq!(node.info("stats", "total_commands_processed"), "602");
    node.run("CONFIG RESETSTAT");
    assert_eq!(node.info("stats", "instantaneous_ops_per_sec"), "0");
    for _ in 0..20 {
        node.advance_ms(100);
        node.executor.tick(node.now);
    }
    assert_eq!(node.info("stats", "instantaneous_ops_per_sec"), "0");
}

#[test]
fn memory_follows_the_keys_and_the_peak_stays() {
    let mut node = Node::new(Threads::Many(2));
    let empty = node.info_number("memory", "used_memory");
    assert_eq!(empty, node.info_number("memory", "used_memory_startup"));
    node.run("DEBUG POPULATE 20000 key 100");
    node.executor.tick(node.now);
    node.run("FLUSHALL");
    let dataset = 20_000 * 100;
    let peak = node.info_number("memory", "used_memory_peak");
    assert!((dataset..2 * dataset).contains(&peak), "{peak}");
    assert!(node.info_number("memory", "used_memory") < 2 * empty);
    assert_eq!(node.info("memory", "used_memory_rss_human"), "10.00M");
    assert_eq!(node.info("memory", "lazyfree_pending_objects"), "7");
}

#[test]
fn the_parts_of_the_memory_add_up() {
    let mut node = Node::new(Threads::One);
    node.run("DEBUG POPULATE 5000 key 50");
    let used = node.info_number("memory", "used_memory");
    let overhead = node.info_number("memory", "used_memory_overhead");
    let dataset = node.info_number("memory", "used_memory_dataset");
    assert_eq!(used, overhead + dataset);
    assert!(dataset > 5000 * 50, "{dataset}");
}

#[test]
fn time_to_live_is_an_average_over_all_shards() {
    let mut node = Node::new(Threads::Many(4));
    for index in 1..=100 {
        node.run(&format!("SET key:{index} v PX {}", index * 1000));
    }
    assert_eq!(
        node.info("keyspace", "db0"),
        "keys=100,expires=100,avg_ttl=50500,subexpiry=0"
    );
}

#[test]
fn a_restart_is_another_run_and_a_seed_is_no_secret_told() {
    let (mut first, mut second) = (Node::new(Threads::One), Node::new(Threads::Many(2)));
    let id = first.info("replication", "master_replid");
    assert_eq!(
        id,
        second.info("replication", "master_replid"),
        "the same seed"
    );
    assert_ne!(id, first.info("server", "run_id"));
    assert_eq!(id.len(), 40);
    assert!(id.bytes().all(|digit| digit.is_ascii_hexdigit()));
}
