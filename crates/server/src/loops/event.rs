//! Event loops: a few threads, each driving many clients in phases.
//!
//! ```text
//!   wait     epoll, edge-triggered; at most until the next tick
//!   read     one read from every ready socket; who filled its room has more
//!   parse    all complete requests of all of them
//!   execute  as batches, so that cache misses overlap
//!   write    one write per client that has something to read
//! ```
//!
//! The first loop also accepts and hands each new client to the loop with the
//! fewest. A client that does not read what it asked for is no longer read
//! from: its requests wait until its replies are gone, so its memory is
//! bounded by what it has sent in one go.
//!
//! Edge-triggered, because level-triggered epoll asks every socket again in the
//! next wait. A read that did not fill its room has emptied the socket, so no
//! read is spent on hearing "nothing"; after one that did, the seat stands in
//! `unread` until the next turn.
//!
//! Long replies are encoded as they are sent, about so many bytes per turn in all
//! ([`EventLoop::ENCODED_BYTES`]): who did not get a turn is first in the next one.
//!
//! Seats: a client's index in this loop. Connection and session lie in two
//! lists, since the requests of a batch borrow from all connections while the
//! engine changes the sessions.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::Now;
use engine::config::{Config, OutputLimit};
use engine::{Client, Engine, Executor, Request, Stage};
use ochredb::persistence::Load;
use resp::QueryPool;
use rustix::event::epoll::{self, CreateFlags, Event, EventFlags};

use super::blocked::Blocked;
use super::keep::Keep;
use super::poll::wait_for_events;
use super::token::Token;
use super::{answer_protocol_error, limits, publish_buffers, publish_session, screen};
use crate::connection::{Connection, Received, Sent};
use crate::listener::{Accepted, Listener};
use crate::mailbox::{Mail, Mailbox, SeatWaker};
use crate::signals::Signals;
use crate::world::World;

/// Run `loops` event loops until the server is asked to end; the calling
/// thread is the first of them.
pub(crate) fn run(
    engine: &Arc<Engine>,
    world: &Arc<World>,
    listeners: Vec<Arc<Listener>>,
    signals: &mut Signals,
    loops: usize,
    load: Load,
) -> io::Result<()> {
    let mailboxes: Vec<_> = (0..loops)
        .map(|_| Mailbox::new().map(Arc::new))
        .collect::<io::Result<_>>()?;
    let set = world.mailboxes.set(mailboxes);
    assert!(set.is_ok(), "loops are started once");
    let others: Vec<_> = (1..loops)
        .map(|index| {
            let (engine, world) = (engine.clone(), world.clone());
            std::thread::Builder::new()
                .name(format!("loop-{index}"))
                .spawn(move || EventLoop::new(index, &engine, &world)?.run(None))
        })
        .collect::<io::Result<_>>()?;
    let mut first = EventLoop::new(0, engine, world)?;
    first.listen(listeners)?;
    first.keep.load = Some(load);
    let ended = first.run(Some(signals));
    world.stop();
    for other in others {
        other.join().expect("a loop ends by returning")?;
    }
    ended
}

/// A connection, and what this loop thinks of it.
pub(super) struct Seat {
    connection: Connection,
    /// What epoll was asked to watch.
    interest: EventFlags,
    /// Is it in the list of seats to execute?
    listed: bool,
    /// Is it in the list of seats to read from in the next turn?
    unread: bool,
    /// Epoll said that the end is on its way, and will not say so again: read up to it.
    hung_up: bool,
    /// The client will send no more.
    ended: bool,
    last_active_us: u64,
    /// Since when its outbox is over the soft limit.
    over_soft_since_us: Option<u64>,
    /// Its replies wait for the log.
    pub(super) held: bool,
    /// It waits for a key: what it sends is read when it goes on.
    pub(super) blocked: bool,
    /// It has sent something meanwhile.
    pub(super) sent_more: bool,
}

pub(super) struct EventLoop {
    pub(super) index: usize,
    pub(super) engine: Arc<Engine>,
    pub(super) world: Arc<World>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) executor: Executor,
    epoll: OwnedFd,
    listeners: Vec<Arc<Listener>>,
    config: Arc<Config>,
    config_generation: u64,
    pub(super) seats: Vec<Option<Box<Seat>>>,
    pub(super) clients: Vec<Option<Box<Client>>>,
    free: Vec<u32>,
    /// Seats to execute in this turn.
    ready: Vec<u32>,
    /// Seats whose sockets have more than the last read took.
    unread: Vec<u32>,
    /// Seats to look at in the next turn whatever epoll says.
    again: Vec<u32>,
    /// Seats with a long reply that had their part of this turn.
    streaming: Vec<u32>,
    /// What may still be encoded of long replies in this turn.
    encodable_bytes: usize,
    parked: Vec<u32>,
    pub(super) blocked: Blocked,
    query_pool: QueryPool,
    pub(super) outbox_pool: Vec<Vec<u8>>,
    pub(super) events: Vec<Event>,
    requests: Vec<Request<'static>>,
    turn_requests: usize,
    /// When the last turn ended: as good as now for planning the next wait.
    pub(super) turn_ended: Now,
    next_tick_us: u64,
    ticks: u64,
    /// More keys are due than the last sweep took.
    sweep_more: bool,
    pub(super) keep: Keep,
    pub(super) stopping: bool,
}

impl EventLoop {
    /// Events taken from epoll at once.
    const EVENTS: usize = 512;
    /// Requests executed as one batch.
    const BATCH: usize = 512;
    /// New clients accepted per turn, so that those who are in are served too.
    const ACCEPTS: usize = 128;
    /// What is encoded of long replies in one turn: about a millisecond, as elements lie
    /// anywhere in memory.
    const ENCODED_BYTES: usize = 96 * 1024;
    /// Segments of keys swept per tick, and between ticks when more are due.
    const SWEEP_SEGMENTS: usize = 32;

    fn new(index: usize, engine: &Arc<Engine>, world: &Arc<World>) -> io::Result<EventLoop> {
        let mailboxes = world.mailboxes.get().expect("set before the loops start");
        let event_loop = EventLoop {
            index,
            engine: engine.clone(),
            world: world.clone(),
            mailbox: mailboxes[index].clone(),
            executor: engine.executor(),
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            listeners: Vec::new(),
            config: engine.config(),
            config_generation: engine.config_generation(),
            seats: Vec::new(),
            clients: Vec::new(),
            free: Vec::new(),
            ready: Vec::new(),
            unread: Vec::new(),
            again: Vec::new(),
            streaming: Vec::new(),
            encodable_bytes: 0,
            parked: Vec::new(),
            blocked: Blocked::default(),
            query_pool: QueryPool::default(),
            outbox_pool: Vec::new(),
            events: Vec::with_capacity(EventLoop::EVENTS),
            requests: Vec::new(),
            turn_requests: 0,
            turn_ended: Now::default(),
            next_tick_us: 0,
            ticks: 0,
            sweep_more: false,
            keep: Keep::default(),
            stopping: false,
        };
        let data = Token::Mailbox.data();
        epoll::add(&event_loop.epoll, &event_loop.mailbox, data, EventFlags::IN)?;
        Ok(event_loop)
    }

    fn listen(&mut self, listeners: Vec<Arc<Listener>>) -> io::Result<()> {
        for listener in self.listeners.drain(..) {
            let _ = epoll::delete(&self.epoll, &*listener);
        }
        for (index, listener) in listeners.iter().enumerate() {
            let data = Token::Listener(index as u32).data();
            epoll::add(&self.epoll, &**listener, data, EventFlags::IN)?;
        }
        self.listeners = listeners;
        Ok(())
    }

    fn run(&mut self, mut signals: Option<&mut Signals>) -> io::Result<()> {
        if let Some(signals) = &signals {
            let data = Token::Signals.data();
            epoll::add(&self.epoll, &**signals, data, EventFlags::IN)?;
        }
        while !self.stopping {
            self.wait()?;
            let now = Now::read();
            self.refresh_config();
            self.encodable_bytes = EventLoop::ENCODED_BYTES;
            let events = std::mem::take(&mut self.events);
            for event in &events {
                match Token::of(event.data) {
                    Token::Seat(seat) => self.seat_event(seat, event.flags),
                    Token::Listener(index) => self.accept(index as usize, now),
                    Token::Mailbox => self.read_mail(true, now)?,
                    Token::Signals => {
                        let name = signals.as_mut().and_then(|signals| signals.take());
                        self.stop_by_signal(name);
                    }
                }
            }
            self.events = events;
            for seat in std::mem::take(&mut self.unread) {
                if let Some(entry) = &mut self.seats[seat as usize] {
                    entry.unread = false;
                    self.read(seat);
                }
            }
            self.read_mail(false, now)?;
            if now.mono_us >= self.next_tick_us || self.sweep_more {
                self.tick(now);
            }
            self.unpark(now);
            self.time_out(now);
            self.release(now);
            self.execute(now);
            self.keep(now)?;
            self.count_turn(now);
        }
        self.close_all();
        Ok(())
    }

    fn wait(&mut self) -> io::Result<()> {
        let idle = self.ready.is_empty()
            && self.again.is_empty()
            && self.streaming.is_empty()
            && self.unread.is_empty()
            && !self.keep.is_busy()
            && !self.sweep_more;
        if idle && self.keep.is_worth_watching() && self.watch_log()? {
            return Ok(());
        }
        self.keep.announce(&self.mailbox);
        let may_sleep = idle && self.mailbox.fall_asleep();
        let mut wait_us = 0;
        if may_sleep {
            let now = self.turn_ended;
            wait_us = self.next_tick_us.saturating_sub(now.mono_us);
            wait_us = wait_us.min(self.keep.wait_us_max(now));
            wait_us = wait_us.min(self.blocked.wait_us_max(now));
            let paused_until_ms = self.engine.pause.until_ms();
            if !self.parked.is_empty() && paused_until_ms > 0 {
                let left_ms = paused_until_ms - now.unix_ms();
                wait_us = wait_us.min(left_ms.max(0) as u64 * 1000 + 100);
            }
        }
        let awoken = self.poll(wait_us);
        self.mailbox.woke_up();
        awoken.map(|_| ())
    }

    /// Wait for events for so long at most; are there any?
    pub(super) fn poll(&mut self, wait_us: u64) -> io::Result<bool> {
        wait_for_events(&self.epoll, wait_us, &mut self.events)
    }

    // ---- reading ---------------------------------------------------------

    #[inline]
    fn seat_event(&mut self, seat: u32, flags: EventFlags) {
        if flags.contains(EventFlags::OUT) {
            self.list(seat);
        }
        let is_lost = flags.intersects(EventFlags::HUP | EventFlags::ERR);
        if is_lost && !self.is_read(seat) {
            // No read will find out: it is paused, or deaf.
            self.close(seat);
        } else if flags.intersects(EventFlags::IN | EventFlags::RDHUP) {
            if flags.contains(EventFlags::RDHUP)
                && let Some(entry) = &mut self.seats[seat as usize]
            {
                entry.hung_up = true;
                if entry.blocked {
                    // Nobody is served who is on his way out.
                    return self.close(seat);
                }
            }
            self.read(seat);
        } else if is_lost {
            self.close(seat);
        }
    }

    /// Is this client read from at present?
    fn is_read(&self, seat: u32) -> bool {
        let entry = self.seats[seat as usize].as_deref();
        entry.is_some_and(|entry| entry.interest.contains(EventFlags::IN) && !entry.blocked)
    }

    pub(super) fn read_later(&mut self, seat: u32) {
        if let Some(entry) = &mut self.seats[seat as usize]
            && !entry.unread
        {
            entry.unread = true;
            self.unread.push(seat);
        }
    }

    /// One read, if this client is read from at present.
    #[inline]
    fn read(&mut self, seat: u32) {
        let Some(entry) = &mut self.seats[seat as usize] else {
            return; // closed earlier in this turn
        };
        if entry.ended || !entry.interest.contains(EventFlags::IN) {
            return;
        }
        if entry.blocked {
            entry.sent_more = true;
            return;
        }
        if entry.held {
            // What it sends next is read when its replies are gone.
            return self.read_later(seat);
        }
        if entry.connection.query.has_unparsed() {
            // Before login requests are taken one by one: no more is read than is taken.
            self.read_later(seat);
            return self.list(seat);
        }
        match entry.connection.receive(&mut self.query_pool) {
            Received::Bytes { count, more } => {
                let stats = self.executor.stats();
                stats.received_bytes.add(count as u64);
                stats.reads_processed.add(1);
                if more || entry.hung_up {
                    self.read_later(seat);
                }
            }
            Received::Nothing => {}
            Received::End => entry.ended = true,
            Received::Broken => return self.close(seat),
        }
        self.list(seat);
    }

    #[inline]
    pub(super) fn list(&mut self, seat: u32) {
        if let Some(entry) = &mut self.seats[seat as usize]
            && !entry.listed
        {
            entry.listed = true;
            self.ready.push(seat);
        }
    }

    // ---- executing -------------------------------------------------------

    fn execute(&mut self, now: Now) {
        for seats in [
            std::mem::take(&mut self.again),
            std::mem::take(&mut self.streaming),
        ] {
            seats.into_iter().for_each(|seat| self.list(seat));
        }
        let began = self.world.persistence().log_mode();
        let ready = std::mem::take(&mut self.ready);
        for &seat in &ready {
            self.parse(seat, now);
        }
        let mut rest = &ready[..];
        while !rest.is_empty() {
            let taken = self.execute_batch(now, rest);
            rest = &rest[taken..];
        }
        self.keep.due_us = self.world.persistence().end_batch(began, now);
        for &seat in &ready {
            self.settle(seat, now);
        }
        // Seats that came up meanwhile wait in a new list; keep the larger
        // allocation.
        if self.ready.is_empty() {
            self.ready = ready;
            self.ready.clear();
        }
    }

    #[inline]
    fn parse(&mut self, seat: u32, now: Now) {
        let index = seat as usize;
        let (Some(entry), Some(client)) = (&mut self.seats[index], &mut self.clients[index]) else {
            return;
        };
        entry.listed = false;
        entry.last_active_us = now.mono_us;
        if client.session.card.is_doomed() {
            client.session.stage = Stage::Closed;
        }
        let limits = limits(&self.config, &client.session);
        if entry.connection.query.parse(&limits) > 0 {
            client.outbox.lend(&mut self.outbox_pool);
        }
    }

    /// Execute the requests of the first of these seats; how many of them.
    fn execute_batch(&mut self, now: Now, seats: &[u32]) -> usize {
        let mut requests = recycled(std::mem::take(&mut self.requests));
        let mut taken = 0;
        for &seat in seats {
            taken += 1;
            let Some(entry) = &self.seats[seat as usize] else {
                continue;
            };
            let query = &entry.connection.query;
            requests.extend((0..query.pending()).map(|index| Request {
                seat,
                argv: query.request(index),
            }));
            if requests.len() >= EventLoop::BATCH {
                break;
            }
        }
        if !requests.is_empty() {
            self.turn_requests += requests.len();
            self.executor.execute(now, &requests, &mut self.clients);
        }
        self.requests = recycled(requests);
        taken
    }

    /// After execution: drop what is done, send what is to be sent, and see
    /// what becomes of the client.
    #[inline]
    pub(super) fn settle(&mut self, seat: u32, now: Now) {
        let index = seat as usize;
        let (Some(entry), Some(client)) = (&mut self.seats[index], &mut self.clients[index]) else {
            return;
        };
        let executed = std::mem::take(&mut client.session.executed);
        let query = &mut entry.connection.query;
        query.consume(executed as usize, &mut self.query_pool);
        if client.session.stage == Stage::Running
            && answer_protocol_error(&self.world, &entry.connection, client)
        {
            client.session.stage = Stage::Closing;
        }
        if client.session.stage == Stage::Closed {
            return self.close(seat);
        }
        if !client.outbox.is_empty() && !self.world.persistence().released(client.session.gate) {
            return self.hold(seat);
        }
        publish_session(client, now.unix_secs(), executed > 0);
        let sent_before = entry.connection.sent_bytes;
        // What an overflow has left is the end of a reply without its beginning.
        let sent = if client.outbox.is_empty() || client.outbox.has_overflowed() {
            Sent::All
        } else {
            let stats = self.executor.stats();
            stats.writes_processed.add(1);
            let encodable = &mut self.encodable_bytes;
            let sent = entry.connection.send(&mut client.outbox, encodable);
            stats
                .sent_bytes
                .add(entry.connection.sent_bytes - sent_before);
            sent
        };
        if sent == Sent::Broken {
            return self.close(seat);
        }
        client.outbox.give_back(&mut self.outbox_pool);
        publish_buffers(&entry.connection, client);
        let query = &entry.connection.query;
        let waits = query.pending() > 0 || query.has_unparsed();
        let closing = client.session.stage == Stage::Closing;
        let finished = closing || (entry.ended && !waits);
        if finished && sent == Sent::All {
            return self.close(seat);
        }
        if is_over_limit(&self.config, entry, client, now) {
            let line = format!(
                "Client {} closed for overcoming of output buffer limits.",
                client.session.card.origin.peer
            );
            self.world.log.warning(&line);
            self.executor
                .stats()
                .output_buffer_limit_disconnections
                .add(1);
            return self.close(seat);
        }
        if sent == Sent::More {
            let has_sent = entry.connection.sent_bytes > sent_before;
            let list = match has_sent {
                true => &mut self.streaming,
                false => &mut self.again,
            };
            list.push(seat);
        }
        self.watch(seat, sent);
    }

    /// Watch a client's socket for what may come next, and take note of requests
    /// that wait.
    fn watch(&mut self, seat: u32, sent: Sent) {
        let index = seat as usize;
        let (Some(entry), Some(client)) = (&mut self.seats[index], &self.clients[index]) else {
            return;
        };
        let query = &entry.connection.query;
        let waits = query.pending() > 0 || query.has_unparsed();
        let closing = client.session.stage == Stage::Closing;
        let full = client.outbox.len() > client.session.outbox_bytes_max();
        let parked = client.session.stage == Stage::Parked;
        entry.blocked = client.session.stage == Stage::Blocked;
        if entry.blocked {
            if entry.hung_up || entry.ended {
                return self.close(seat);
            }
            self.blocked.add(seat, client);
        }
        let mut interest = EventFlags::ET | EventFlags::RDHUP;
        interest.set(EventFlags::IN, !full && !parked && !closing && !entry.ended);
        interest.set(EventFlags::OUT, sent == Sent::Part);
        if interest != entry.interest {
            entry.interest = interest;
            let data = Token::Seat(seat).data();
            if epoll::modify(&self.epoll, &entry.connection, data, interest).is_err() {
                return self.close(seat);
            }
        }
        if parked {
            self.parked.push(seat);
        } else if waits && !full && !closing && !entry.blocked {
            self.again.push(seat);
        }
    }

    // ---- clients come and go ---------------------------------------------

    fn accept(&mut self, index: usize, now: Now) {
        for _ in 0..EventLoop::ACCEPTS {
            let accepted = match self.listeners[index].accept(&self.config.live, true) {
                Ok(Some(accepted)) => accepted,
                Ok(None) => return,
                Err(error) => {
                    self.world
                        .log
                        .warning(&format!("Accepting client connection: {error}"));
                    // Out of descriptors, most likely: others go on meanwhile.
                    std::thread::sleep(Duration::from_millis(1));
                    return;
                }
            };
            self.executor.stats().connections_received.add(1);
            let Some(accepted) = screen(&self.world, &self.config, accepted) else {
                self.executor.stats().rejected_connections.add(1);
                continue;
            };
            let mailboxes = self.world.mailboxes.get().expect("set at the start");
            let load = |mailbox: &&Arc<Mailbox>| mailbox.clients.load(Ordering::Relaxed);
            let target = mailboxes
                .iter()
                .min_by_key(load)
                .expect("at least one loop");
            target.clients.fetch_add(1, Ordering::Relaxed);
            if Arc::ptr_eq(target, &self.mailbox) {
                self.adopt(accepted, now);
            } else {
                target.push(Mail::Client(accepted));
            }
        }
    }

    /// Take a client in; it has been counted.
    fn adopt(&mut self, accepted: Accepted, now: Now) {
        let seat = self.free.pop().unwrap_or_else(|| {
            self.seats.push(None);
            self.clients.push(None);
            self.seats.len() as u32 - 1
        });
        let waker = SeatWaker {
            mailbox: self.mailbox.clone(),
            seat,
        };
        let mut origin = accepted.origin;
        origin.loop_index = self.index as u32;
        let clients = &self.engine.clients;
        let card = clients.register(origin, now.unix_secs(), Box::new(waker));
        let open = self.config.live.requirepass.is_none();
        let client = Box::new(Client::new(card, open));
        let connection = Connection::new(accepted.socket);
        let interest = EventFlags::ET | EventFlags::IN | EventFlags::RDHUP;
        let added = epoll::add(&self.epoll, &connection, Token::Seat(seat).data(), interest);
        self.seats[seat as usize] = Some(Box::new(Seat {
            connection,
            interest,
            listed: false,
            unread: false,
            hung_up: false,
            ended: false,
            last_active_us: now.mono_us,
            over_soft_since_us: None,
            held: false,
            blocked: false,
            sent_more: false,
        }));
        self.clients[seat as usize] = Some(client);
        if added.is_err() {
            self.close(seat);
        }
    }

    pub(super) fn close(&mut self, seat: u32) {
        let index = seat as usize;
        if let (Some(entry), Some(mut client)) =
            (self.seats[index].take(), self.clients[index].take())
        {
            self.blocked.remove(seat, &client);
            self.executor.disconnect(&mut client);
            drop(entry);
            self.parked.retain(|&parked| parked != seat);
            self.free.push(seat);
            self.mailbox.clients.fetch_sub(1, Ordering::Relaxed);
            self.world.depart();
        }
    }

    fn close_all(&mut self) {
        for seat in 0..self.seats.len() as u32 {
            if let (Some(entry), Some(client)) = (
                &mut self.seats[seat as usize],
                &mut self.clients[seat as usize],
            ) {
                let mut encodable = EventLoop::ENCODED_BYTES;
                entry.connection.send(&mut client.outbox, &mut encodable);
            }
            self.close(seat);
        }
    }

    // ---- mail, ticks, pauses ---------------------------------------------

    fn read_mail(&mut self, woken: bool, now: Now) -> io::Result<()> {
        for mail in self.mailbox.take(woken) {
            match mail {
                Mail::Client(accepted) => self.adopt(accepted, now),
                Mail::Look(seat) => {
                    let client = self.clients.get(seat as usize).and_then(Option::as_ref);
                    match client.map(|client| &client.session) {
                        Some(session) if session.card.is_doomed() => self.close(seat),
                        Some(session) if session.stage == Stage::Blocked => self.go_on(seat, now),
                        _ => {}
                    }
                }
                Mail::Unpark | Mail::Durable => {}
                Mail::Listen(listeners) => self.listen(listeners)?,
                Mail::Stop => self.stopping = true,
            }
        }
        Ok(())
    }

    fn stop_by_signal(&mut self, name: Option<&'static str>) {
        if let Some(name) = name {
            let line = format!("Received {name} scheduling shutdown...");
            self.world.log.warning(&line);
            self.world.log.notice("User requested shutdown...");
            self.world.stop();
        }
    }

    /// Clients parked by CLIENT PAUSE go on when it is over.
    fn unpark(&mut self, now: Now) {
        if self.parked.is_empty() || self.engine.pause.mode_at(now.unix_ms()).is_some() {
            return;
        }
        for seat in std::mem::take(&mut self.parked) {
            if let Some(client) = &mut self.clients[seat as usize] {
                client.session.stage = Stage::Running;
                self.list(seat);
            }
        }
    }

    /// A new configuration holds from the next turn on: a password for the
    /// next client that is let in.
    fn refresh_config(&mut self) {
        let generation = self.engine.config_generation();
        if generation != self.config_generation {
            self.config_generation = generation;
            self.config = self.engine.config();
        }
    }

    fn tick(&mut self, now: Now) {
        let loops = self.world.mailboxes.get().map_or(1, Vec::len);
        let (index, segments) = (self.index, EventLoop::SWEEP_SEGMENTS);
        self.sweep_more = self.executor.sweep(now, index, loops, segments);
        if now.mono_us < self.next_tick_us {
            return;
        }
        let hz = u64::from(self.config.live.hz.clamp(10, 500));
        self.next_tick_us = now.mono_us + 1_000_000 / hz;
        self.ticks += 1;
        if self.index == 0 {
            self.executor.tick(now);
        }
        if self.ticks.is_multiple_of(hz) {
            self.close_idle(now);
        }
    }

    fn close_idle(&mut self, now: Now) {
        let timeout_us = u64::from(self.config.live.timeout_secs) * 1_000_000;
        if timeout_us == 0 {
            return;
        }
        let idle = |entry: &Seat| {
            !entry.blocked && now.mono_us.saturating_sub(entry.last_active_us) > timeout_us
        };
        for seat in 0..self.seats.len() as u32 {
            if self.seats[seat as usize].as_deref().is_some_and(idle) {
                self.world.log.verbose("Closing idle client");
                self.close(seat);
            }
        }
    }

    fn count_turn(&mut self, began: Now) {
        self.turn_ended = Now::read();
        let spent_us = self.turn_ended.mono_us.saturating_sub(began.mono_us);
        let requests = std::mem::take(&mut self.turn_requests);
        self.executor.stats().cycle(spent_us * 1000, requests);
    }
}

/// Is more waiting for this client than `client-output-buffer-limit` allows?
fn is_over_limit(config: &Config, entry: &mut Seat, client: &Client, now: Now) -> bool {
    let OutputLimit {
        hard_bytes,
        soft_bytes,
        soft_secs,
    } = config.live.client_output_buffer_limits.normal;
    let waiting = client.outbox.len() as u64;
    if client.outbox.has_overflowed() || (hard_bytes > 0 && waiting > hard_bytes) {
        return true;
    }
    if soft_bytes == 0 || waiting <= soft_bytes {
        entry.over_soft_since_us = None;
        return false;
    }
    let since_us = *entry.over_soft_since_us.get_or_insert(now.mono_us);
    now.mono_us - since_us > u64::from(soft_secs) * 1_000_000
}

/// The same allocation for requests that live as long as another turn.
fn recycled<'b>(mut requests: Vec<Request<'_>>) -> Vec<Request<'b>> {
    requests.clear();
    let nothing = |_| unreachable!("just cleared");
    requests.into_iter().map(nothing).collect()
}
