//! An executor: one thread's way into the engine.
//!
//! A driver hands it a batch: the requests of all clients that are ready, in
//! the order of their arrival per client. They run window by window; within a
//! window everything is resolved and prefetched first. The shards entered are
//! left at the end of each window at the latest.
//!
//! What it refuses to do: run a request of a client that is parked, closing or
//! slow to read. Such requests stay with their driver: `session.executed` says
//! how many of a client's requests are through.

mod waiting;

use std::collections::VecDeque;
use std::sync::Arc;

use base::{Now, Rng};
use resp::Argv;
use store::{Gone, Key};

use crate::ctx::{AccessClock, Ctx, Local, Written};
use crate::effect::Effects;
use crate::engine::Engine;
use crate::garbage::Garbage;
use crate::host::Lsn;
use crate::info::MemoryUse;
use crate::latency::Event;
use crate::pipeline::{self, Prefetch, Resolved, Resolver, Stopwatch};
use crate::session::{Client, Session, Stage};
use crate::shards::{Held, Shard};
use crate::stats::Block;
use crate::waits::Ready;

/// One request of a batch.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Index of its client in the driver's list.
    pub seat: u32,
    pub argv: Argv<'a>,
}

/// One thread's way into an engine.
pub struct Executor {
    engine: Arc<Engine>,
    local: Local,
    resolver: Resolver,
    resolved: Vec<Resolved>,
    prefetch: Prefetch,
    /// Where the next expiry sweep goes on: shard and database.
    sweep_at: usize,
    /// A session of the executor's own, for what no client asked for.
    own: Box<Session>,
}

impl Executor {
    /// Requests that are resolved and prefetched together.
    const WINDOW: usize = 64;
    /// A queue of this size has so many parts that freeing it takes its time.
    const SLOW_TO_FREE_BYTES: usize = 1024 * 1024;
    /// How much of an abandoned snapshot is cleared away beside each sweep.
    const CLEARED_SLICES: usize = 25;

    pub(crate) fn new(engine: Arc<Engine>, seed: u64) -> Executor {
        let config = engine.config();
        let now = engine.started;
        Executor {
            local: Local {
                held: Held::new(engine.shards.clone()),
                effects: Effects::new(engine.log_switched_on.clone()),
                garbage: Vec::new(),
                rng: Rng::new(seed),
                stats: engine.stats.block(engine.commands.all().len()),
                stopwatch: Stopwatch::default(),
                now,
                clock: AccessClock::new(now, &config),
                config_generation: engine.config_generation(),
                config,
                wanted: Vec::new(),
                in_transaction: false,
                asks_before_writes: false,
                written: Written::default(),
                pause: None,
                ready: VecDeque::new(),
                replaying: false,
            },
            resolver: Resolver::default(),
            resolved: Vec::new(),
            prefetch: Prefetch::default(),
            sweep_at: 0,
            own: Box::new(Client::new(crate::clients::Card::internal(), true).session),
            engine,
        }
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The engine, and what belongs to this executor.
    pub(crate) fn parts_mut(&mut self) -> (&Arc<Engine>, &mut Local) {
        (&self.engine, &mut self.local)
    }

    pub(crate) fn session_mut(&mut self) -> &mut Session {
        &mut self.own
    }

    /// Resolve and prefetch commands that no client sent.
    pub(crate) fn look_ahead_for(&mut self, commands: &[Argv<'_>]) {
        self.resolver.clear();
        self.resolved.clear();
        self.prefetch.clear();
        for &argv in commands {
            let resolved = self.resolver.resolve(&self.engine, argv);
            self.resolved.push(resolved);
            for &hash in self.resolver.hashes(resolved) {
                self.prefetch.add(hash, self.own.database);
            }
        }
        self.prefetch.run(&self.engine.shards, &mut self.local.held);
    }

    /// Hash keys that no client named, and prefetch what they will touch.
    pub(crate) fn look_for<'k>(
        &mut self,
        keys: impl Iterator<Item = (&'k [u8], usize)>,
        hashes: &mut Vec<u64>,
    ) {
        hashes.clear();
        self.prefetch.clear();
        for (name, database) in keys {
            let hash = self.engine.hasher.hash(name);
            hashes.push(hash);
            self.prefetch.add(hash, database);
        }
        self.prefetch.run(&self.engine.shards, &mut self.local.held);
    }

    /// What is needed to run the `index`th of the commands looked ahead for.
    pub(crate) fn replaying(&mut self, now: Now, index: usize) -> (Ctx<'_>, Resolved, &[u64]) {
        let resolved = self.resolved[index];
        let ctx = Ctx {
            engine: &self.engine,
            now,
            session: &mut self.own,
            local: &mut self.local,
        };
        (ctx, resolved, self.resolver.hashes(resolved))
    }

    /// The engine, and the shards that this thread is inside of: none, between
    /// two calls.
    pub(crate) fn parts(&mut self) -> (&Arc<Engine>, &mut Held) {
        (&self.engine, &mut self.local.held)
    }

    /// This executor's counters, for what its driver counts.
    pub fn stats(&self) -> &Block {
        &self.local.stats
    }

    /// Run a batch. `clients` are found by the requests' seats.
    pub fn execute(
        &mut self,
        now: Now,
        requests: &[Request<'_>],
        clients: &mut [Option<Box<Client>>],
    ) {
        self.begin(now);
        let was_kept = self.local.written.is_kept;
        for window in requests.chunks(Executor::WINDOW) {
            self.look_ahead(window, clients);
            for (request, &resolved) in window.iter().zip(&self.resolved) {
                let client = clients[request.seat as usize].as_deref_mut();
                let client = client.expect("a request has a client");
                let hashes = self.resolver.hashes(resolved);
                let local = &mut self.local;
                run_one(&self.engine, local, client, resolved, request.argv, hashes);
            }
            self.leave(self.local.now);
        }
        // A command among them may have changed that.
        if was_kept || self.local.written.is_kept {
            let last = self.local.written.last;
            // Those of one client mostly follow each other.
            for run in requests.chunk_by(|one, next| one.seat == next.seat) {
                if let Some(client) = clients[run[0].seat as usize].as_deref_mut() {
                    client.session.gate = gate_of(client.session.gate, last);
                }
            }
        }
        self.finish();
    }

    /// Run the requests of one client, a batch of its own.
    pub fn execute_one(&mut self, now: Now, argv: Argv<'_>, client: &mut Client) {
        self.begin(now);
        self.resolver.clear();
        let resolved = self.resolver.resolve(&self.engine, argv);
        let hashes = self.resolver.hashes(resolved);
        let local = &mut self.local;
        run_one(&self.engine, local, client, resolved, argv, hashes);
        self.leave(self.local.now);
        client.session.gate = gate_of(client.session.gate, self.local.written.last);
        self.finish();
    }

    /// Leave all shards; what was done inside goes to the log before.
    fn leave(&mut self, now: Now) {
        let mut ctx = Ctx {
            engine: &self.engine,
            now,
            session: &mut self.own,
            local: &mut self.local,
        };
        ctx.hand_over();
        self.local.held.none();
    }

    /// Remove expired keys, a slice of shard `index` of every `of` shards, in
    /// at most `segments` segments each; and clear away some of what a snapshot
    /// that was given up has left. Returns whether there is more to do.
    pub fn sweep(&mut self, now: Now, index: usize, of: usize, segments: usize) -> bool {
        let clearing = self.clear_abandoned(Executor::CLEARED_SLICES);
        self.expire(now, index, of, segments) || clearing
    }

    fn expire(&mut self, now: Now, index: usize, of: usize, segments: usize) -> bool {
        let active = self
            .engine
            .active_expire
            .load(std::sync::atomic::Ordering::Relaxed);
        let waits =
            self.engine.pause.mode_at(now.unix_ms()).is_some() || self.engine.images_are_full();
        if !active || waits {
            return false;
        }
        self.begin(now);
        let since_ns = self.engine.host.monotonic_ns();
        let mut more = false;
        for shard in (index..self.engine.shards.len()).step_by(of) {
            more |= self.sweep_shard(now, shard, segments);
        }
        self.finish();
        let ns = self.engine.host.monotonic_ns().saturating_sub(since_ns);
        self.local.stats.sweep_ns.add(ns);
        let latency = &self.engine.latency;
        latency.observe(Event::ExpireCycle, now.unix_secs(), ns / 1000);
        if more {
            self.local.stats.expired_time_cap_reached.add(1);
        }
        more
    }

    /// Keep the rates and the memory peak that INFO shows. Every driver may
    /// call this as often as it likes; one call in a tenth of a second counts.
    pub fn tick(&mut self, now: Now) {
        if !self.engine.sample(now) {
            return;
        }
        let mut ctx = Ctx {
            engine: &self.engine,
            now,
            session: &mut self.own,
            local: &mut self.local,
        };
        for block in ctx.engine.copies.take_forgotten(now) {
            ctx.engine.host.discard(Garbage::Block(block));
        }
        let memory = MemoryUse::now(&mut ctx);
        self.engine.stats.peak_memory_bytes(memory.total_bytes());
    }

    fn sweep_shard(&mut self, now: Now, index: usize, segments: usize) -> bool {
        let Local {
            held,
            effects,
            garbage,
            stats,
            ready,
            ..
        } = &mut self.local;
        held.one(index);
        let shard = held.shard(index);
        let databases = shard.keys.databases();
        let mut more = false;
        for turn in 0..databases {
            let database = (self.sweep_at + turn) % databases;
            let Shard {
                keys,
                watches,
                waits,
            } = &mut *shard;
            let table = keys.database_mut(database);
            if table.volatile() == 0 && table.timed() == 0 {
                continue;
            }
            more |= table.sweep(now.unix_ms(), segments, &mut |gone| match gone {
                Gone::Key(entry) => {
                    stats.expired_keys.add(1);
                    garbage.extend(Garbage::of(entry));
                    if !watches.is_empty() {
                        watches.touch_expired(database, entry.key());
                    }
                    if !waits.is_empty() && waits.signal(database, entry.key()) {
                        ready.push_back(Ready::of(&self.engine, database, entry.key()));
                    }
                    effects.emit(database, &[b"DEL", entry.key()]);
                }
                Gone::Fields { key, names } => {
                    stats.expired_subkeys.add(names.len() as u64);
                    if !watches.is_empty() {
                        watches.touch(database, key);
                    }
                    effects.emit_fields_gone(database, key, names);
                }
            });
        }
        self.sweep_at = (self.sweep_at + 1) % databases;
        if !effects.is_empty() {
            let session = &mut *self.own;
            let mut ctx = Ctx {
                engine: &self.engine,
                now,
                session,
                local: &mut self.local,
            };
            pipeline::settle(&mut ctx);
            if !ctx.local.ready.is_empty() {
                pipeline::serve(&mut ctx);
            }
        }
        self.leave(now);
        more
    }

    /// A client is gone: forget what it watched and what it waited for.
    pub fn disconnect(&mut self, client: &mut Client) {
        if let Some(queue) = client.session.transaction.take()
            && queue.bytes() > Executor::SLOW_TO_FREE_BYTES
        {
            self.engine.host.discard(Garbage::Queue(queue));
        }
        self.abandon(&mut client.session);
        self.unwatch(&mut client.session);
        self.engine.clients.unregister(client.session.id);
    }

    fn unwatch(&mut self, session: &mut Session) {
        for watched in std::mem::take(&mut session.watched) {
            let shard = self.engine.shards.of(watched.hash);
            self.local.held.one(shard);
            let watches = &mut self.local.held.shard(shard).watches;
            watches.remove(&watched, &session.touched);
        }
        self.local.held.none();
    }

    fn begin(&mut self, now: Now) {
        self.local.refresh_config(&self.engine, now);
    }

    fn look_ahead(&mut self, window: &[Request<'_>], clients: &[Option<Box<Client>>]) {
        self.resolver.clear();
        self.resolved.clear();
        self.prefetch.clear();
        for (at, request) in window.iter().enumerate() {
            let resolved = self.resolver.resolve(&self.engine, request.argv);
            self.resolved.push(resolved);
            let database = clients[request.seat as usize]
                .as_ref()
                .map_or(0, |client| client.session.database);
            let hashes = self.resolver.hashes(resolved);
            for &hash in hashes {
                self.prefetch.add(hash, database);
            }
            if let (Some(id), [hash]) = (resolved.command(), hashes)
                && let Some(step) = self.engine.commands.get(id).members.step()
            {
                let key = (self.engine.shards.of(*hash), *hash, database);
                self.prefetch.add_members(key, at, request.argv.len(), step);
            }
        }
        let held = &mut self.local.held;
        self.prefetch.run(&self.engine.shards, held);
        self.prefetch.run_members(held, |at| window[at].argv);
    }

    fn finish(&mut self) {
        let local = &mut self.local;
        local.stopwatch.stop(&self.engine, &local.stats);
        for garbage in local.garbage.drain(..) {
            self.engine.host.discard(garbage);
        }
    }
}

#[inline]
fn run_one(
    engine: &Engine,
    local: &mut Local,
    client: &mut Client,
    resolved: Resolved,
    argv: Argv<'_>,
    hashes: &[u64],
) {
    let Client { session, outbox } = client;
    if session.stage != Stage::Running || outbox.len() > session.outbox_bytes_max() {
        return;
    }
    let mut ctx = Ctx {
        engine,
        now: local.now,
        session,
        local,
    };
    pipeline::step(&mut ctx, outbox, resolved, argv, hashes);
}

/// The gate of a session whose effects have been handed over.
#[inline]
fn gate_of(gate: Lsn, last: Lsn) -> Lsn {
    match gate {
        Lsn::PENDING => last,
        gate => gate,
    }
}

/// The hash of a key, for callers that lock by themselves.
pub(crate) fn key_of<'a>(engine: &Engine, bytes: &'a [u8]) -> Key<'a> {
    Key {
        bytes,
        hash: engine.hasher.hash(bytes),
    }
}

#[cfg(test)]
mod tests;
