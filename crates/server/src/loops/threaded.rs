//! A thread per client: the plainest server there is, on the same engine.
//!
//! ```text
//!   acceptor ─► thread: loop { read, parse, execute, write }   waits in its socket
//!               thread: ...
//!   ticker   ─► expiry, samples
//! ```
//!
//! A pipeline is one batch, executed under the shard locks like any other.
//! Executors are lent from a pool for as long as a batch runs: an executor is
//! some kilobytes of counters and lists, and of ten thousand clients that wait
//! in their sockets none needs one.

use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base::Now;
use engine::{Client, Engine, Executor, Request, Stage, Wake};
use ochredb::persistence::{Driven, Load, Progress};
use parking_lot::Mutex;
use resp::{Query, QueryPool};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::Shutdown;

use super::keep::BREATH_US;
use super::{answer_protocol_error, limits, publish_buffers, publish_session, screen};
use crate::bell::Bell;
use crate::connection::{Connection, Received, Sent};
use crate::listener::{Accepted, Listener};
use crate::mailbox::{Mail, Mailbox};
use crate::signals::Signals;
use crate::world::World;

/// Accept clients and give each its thread, until the server is asked to end.
pub(crate) fn run(
    engine: &Arc<Engine>,
    world: &Arc<World>,
    listeners: Vec<Arc<Listener>>,
    signals: &mut Signals,
    load: Load,
) -> io::Result<()> {
    let mailbox = Arc::new(Mailbox::new()?);
    let set = world.mailboxes.set(vec![mailbox.clone()]);
    assert!(set.is_ok(), "loops are started once");
    let threads = Arc::new(Threads {
        engine: engine.clone(),
        world: world.clone(),
        executors: Mutex::default(),
        running: AtomicUsize::new(0),
    });
    let ticker = start_ticker(engine, world)?;
    let keeper = start_keeper(engine, world, load)?;
    let accepted = accept_until_stopped(&threads, &mailbox, listeners, signals);
    world.stop();
    threads.end_all();
    ticker.join().expect("the ticker ends by returning");
    let kept = keeper.join().expect("the keeper ends by returning");
    kept.and(accepted)
}

/// What all client threads share.
struct Threads {
    engine: Arc<Engine>,
    world: Arc<World>,
    /// Those that nobody uses now. In boxes, so that lending moves a pointer.
    #[expect(clippy::vec_box)]
    executors: Mutex<Vec<Box<Executor>>>,
    running: AtomicUsize,
}

/// An executor on loan; dropping it gives it back.
struct Lent<'a> {
    threads: &'a Threads,
    executor: Option<Box<Executor>>,
}

impl Deref for Lent<'_> {
    type Target = Executor;

    fn deref(&self) -> &Executor {
        self.executor.as_ref().expect("lent until it is dropped")
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Executor {
        self.executor.as_mut().expect("lent until it is dropped")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // Whoever panicked may have left it halfway through a batch.
        if !std::thread::panicking() {
            self.threads.executors.lock().extend(self.executor.take());
        }
    }
}

/// Room on the stack of a client's thread; the engine needs little.
const STACK_BYTES: usize = 512 * 1024;

fn accept_until_stopped(
    threads: &Arc<Threads>,
    mailbox: &Mailbox,
    mut listeners: Vec<Arc<Listener>>,
    signals: &mut Signals,
) -> io::Result<()> {
    loop {
        let may_sleep = mailbox.fall_asleep();
        let mut watched: Vec<PollFd> = vec![
            PollFd::new(signals, PollFlags::IN),
            PollFd::new(mailbox, PollFlags::IN),
        ];
        watched.extend(listeners.iter().map(|l| PollFd::new(&**l, PollFlags::IN)));
        let timeout = Timespec {
            tv_sec: i64::from(may_sleep),
            tv_nsec: 0,
        };
        match poll(&mut watched, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let woken = !watched[1].revents().is_empty();
        drop(watched);
        mailbox.woke_up();
        if let Some(name) = signals.take() {
            let line = format!("Received {name} scheduling shutdown...");
            threads.world.log.warning(&line);
            threads.world.log.notice("User requested shutdown...");
            return Ok(());
        }
        for mail in mailbox.take(woken) {
            match mail {
                Mail::Stop => return Ok(()),
                Mail::Listen(new) => listeners = new,
                Mail::Client(_) | Mail::Look(_) | Mail::Unpark | Mail::Durable => {}
            }
        }
        for listener in &listeners {
            threads.accept(listener);
        }
    }
}

impl Threads {
    fn lend(&self) -> Lent<'_> {
        let pooled = self.executors.lock().pop();
        let executor = pooled.unwrap_or_else(|| Box::new(self.engine.executor()));
        Lent {
            threads: self,
            executor: Some(executor),
        }
    }

    fn accept(self: &Arc<Threads>, listener: &Listener) {
        let config = self.engine.config();
        loop {
            let accepted = match listener.accept(&config.live, false) {
                Ok(Some(accepted)) => accepted,
                Ok(None) => return,
                Err(error) => {
                    let line = format!("Accepting client connection: {error}");
                    self.world.log.warning(&line);
                    std::thread::sleep(Duration::from_millis(1));
                    return;
                }
            };
            self.lend().stats().connections_received.add(1);
            match screen(&self.world, &config, accepted) {
                Some(accepted) => self.spawn(accepted),
                None => self.lend().stats().rejected_connections.add(1),
            }
        }
    }

    /// What a client consists of is made here, not on its thread: the allocator
    /// keeps pages for each thread and size, forty kilobytes for each client.
    fn spawn(self: &Arc<Threads>, accepted: Accepted) {
        self.running.fetch_add(1, Ordering::AcqRel);
        let threads = self.clone();
        let seat = Seat::new(&self.engine, accepted);
        let id = seat.client.session.id;
        let spawned = std::thread::Builder::new()
            .name("client".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                serve(&threads, seat);
                threads.leave();
            });
        if let Err(error) = spawned {
            let line = format!("No thread for another client: {error}");
            self.world.log.warning(&line);
            self.engine.clients.unregister(id);
            self.leave();
        }
    }

    fn leave(&self) {
        self.world.depart();
        self.running.fetch_sub(1, Ordering::AcqRel);
    }

    /// Wake every client's thread and wait until all are gone, within reason.
    fn end_all(&self) {
        let deadline = Instant::now() + Duration::from_secs(3);
        while self.running.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            for card in self.engine.clients.all() {
                card.kill();
            }
            self.world.wait_unparked(Duration::from_millis(5));
        }
    }
}

/// One client and its socket.
struct Seat {
    connection: Connection,
    client: Box<Client>,
    bell: Arc<Bell>,
}

impl Seat {
    fn new(engine: &Engine, accepted: Accepted) -> Seat {
        let connection = Connection::new(accepted.socket);
        let bell = Arc::new(Bell::default());
        let waker = ClientWaker {
            socket: connection.socket(),
            bell: bell.clone(),
        };
        let now = Now::read();
        let clients = &engine.clients;
        let card = clients.register(accepted.origin, now.unix_secs(), Box::new(waker));
        let open = engine.config().live.requirepass.is_none();
        Seat {
            connection,
            client: Box::new(Client::new(card, open)),
            bell,
        }
    }
}

/// Drive one client until it leaves.
fn serve(threads: &Threads, seat: Seat) {
    let Seat {
        mut connection,
        client,
        bell,
    } = seat;
    let mut seats = [Some(client)];
    let mut pool = QueryPool::default();
    loop {
        let client = seats[0].as_deref_mut().expect("the only seat");
        if client.session.stage != Stage::Running || !await_input(threads, &connection) {
            break;
        }
        let received_bytes = match connection.receive(&mut pool) {
            Received::Bytes { count, .. } => count as u64,
            Received::Nothing => continue,
            Received::End | Received::Broken => break,
        };
        let executor = threads.lend();
        executor.stats().received_bytes.add(received_bytes);
        executor.stats().reads_processed.add(1);
        if !turn(executor, &mut connection, &mut seats, &mut pool, &bell) {
            break;
        }
    }
    let client = seats[0].as_deref_mut().expect("the only seat");
    threads.lend().disconnect(client);
}

/// Wait for the client to say something. With `timeout` set, not for ever.
fn await_input(threads: &Threads, connection: &Connection) -> bool {
    let timeout_secs = threads.engine.config().live.timeout_secs;
    if timeout_secs == 0 {
        return true; // the read itself waits
    }
    let timeout = Timespec {
        tv_sec: i64::from(timeout_secs),
        tv_nsec: 0,
    };
    let mut watched = [PollFd::new(connection, PollFlags::IN)];
    match poll(&mut watched, Some(&timeout)) {
        Ok(0) => {
            threads.world.log.verbose("Closing idle client");
            false
        }
        _ => true,
    }
}

/// Execute and answer all that has arrived. Returns whether the client stays.
fn turn(
    mut executor: Lent<'_>,
    connection: &mut Connection,
    seats: &mut [Option<Box<Client>>; 1],
    pool: &mut QueryPool,
    bell: &Bell,
) -> bool {
    let threads = executor.threads;
    let config = threads.engine.config();
    loop {
        let client = seats[0].as_deref_mut().expect("the only seat");
        if client.session.card.is_doomed() {
            return false;
        }
        let limits = limits(&config, &client.session);
        let pending = connection.query.parse(&limits);
        if pending > 0 {
            execute(&mut executor, &connection.query, pending, seats);
        }
        // Sending may wait for the client: nobody else should for this executor.
        drop(executor);
        let client = seats[0].as_deref_mut().expect("the only seat");
        let executed = std::mem::take(&mut client.session.executed) as usize;
        connection.query.consume(executed, pool);
        if client.session.stage == Stage::Running
            && answer_protocol_error(&threads.world, connection, client)
        {
            client.session.stage = Stage::Closing;
        }
        if client.session.stage == Stage::Closed || client.outbox.has_overflowed() {
            return false;
        }
        let gate = client.session.gate;
        let persistence = threads.world.persistence();
        if !client.outbox.is_empty() && !persistence.released(gate) {
            // Nobody knows whether it will be durable: say neither yes nor no.
            if !persistence.await_release(gate) {
                return false;
            }
        }
        publish_session(client, Now::read().unix_secs(), executed > 0);
        if !send(threads, connection, client) {
            return false;
        }
        publish_buffers(connection, client);
        match client.session.stage {
            Stage::Running => {}
            Stage::Parked => wait_for_pause(threads, client),
            Stage::Blocked => {
                if !wait_for_key(threads, connection, client, bell) {
                    return false;
                }
            }
            Stage::Closing | Stage::Closed => return false,
        }
        let answered = client.outbox.is_empty();
        if answered && connection.query.pending() == 0 && !connection.query.has_unparsed() {
            return true;
        }
        executor = threads.lend();
    }
}

/// A batch of so many requests.
fn execute(
    executor: &mut Lent<'_>,
    query: &Query,
    pending: usize,
    seats: &mut [Option<Box<Client>>; 1],
) {
    let request = |index| Request {
        seat: 0,
        argv: query.request(index),
    };
    let requests: Vec<Request> = (0..pending).map(request).collect();
    let persistence = executor.threads.world.persistence();
    let began = persistence.log_mode();
    executor.execute(Now::read(), &requests, seats);
    persistence.end_batch(began, Now::read());
}

fn send(threads: &Threads, connection: &mut Connection, client: &mut Client) -> bool {
    if client.outbox.is_empty() {
        return true;
    }
    let before = connection.sent_bytes;
    let sent = connection.send(&mut client.outbox, &mut usize::MAX.clone());
    let executor = threads.lend();
    executor.stats().writes_processed.add(1);
    executor
        .stats()
        .sent_bytes
        .add(connection.sent_bytes - before);
    sent == Sent::All
}

/// Wait until whatever the request waits for may be over: CLIENT PAUSE, room for
/// the log, a snapshot. Or this client is killed.
fn wait_for_pause(threads: &Threads, client: &mut Client) {
    let paused = || {
        let pause = &threads.engine.pause;
        pause.mode_at(Now::read().unix_ms()).is_some()
    };
    loop {
        threads.world.wait_unparked(Duration::from_millis(10));
        if !paused() || client.session.card.is_doomed() {
            break;
        }
    }
    client.session.stage = Stage::Running;
}

/// Wait until the client has been served, is unblocked, or its time is up; then its
/// reply is in the outbox. `false` if it has gone away or was killed.
fn wait_for_key(
    threads: &Threads,
    connection: &Connection,
    client: &mut Client,
    bell: &Bell,
) -> bool {
    let persistence = threads.world.persistence();
    let began = persistence.log_mode();
    let mut listening = bell.begin();
    loop {
        let now = Now::read();
        let wait = client.session.wait.as_ref();
        let deadline_us = wait.and_then(|wait| wait.deadline_us);
        let left_us = deadline_us.map(|deadline_us| deadline_us.saturating_sub(now.mono_us));
        if left_us == Some(0) {
            client.session.time_out();
        }
        if threads.lend().take_up(now, client) {
            // The thread that served it may not have written its log yet.
            persistence.end_batch(began, now);
            return client.session.stage == Stage::Running;
        }
        if !listening.wait(connection, left_us.filter(|&left_us| left_us > 0)) {
            return false;
        }
    }
}

/// Expiry and samples, ten times a second.
fn start_ticker(
    engine: &Arc<Engine>,
    world: &Arc<World>,
) -> io::Result<std::thread::JoinHandle<()>> {
    let (engine, world) = (engine.clone(), world.clone());
    let mut executor = engine.executor();
    std::thread::Builder::new()
        .name("ticker".into())
        .spawn(move || {
            while !world.is_stopping() {
                let hz = u64::from(engine.config().live.hz.clamp(10, 500));
                std::thread::sleep(Duration::from_micros(1_000_000 / hz));
                let (now, began) = (Now::read(), world.persistence().log_mode());
                executor.tick(now);
                while executor.sweep(now, 0, 1, 8) {}
                world.persistence().end_batch(began, now);
            }
        })
}

/// Brings the data back, then takes snapshots on.
fn start_keeper(
    engine: &Arc<Engine>,
    world: &Arc<World>,
    load: Load,
) -> io::Result<std::thread::JoinHandle<io::Result<()>>> {
    let (engine, world) = (engine.clone(), world.clone());
    let mut executor = engine.executor();
    std::thread::Builder::new()
        .name("keeper".into())
        .spawn(move || {
            let kept = keep(&engine, &world, &mut executor, load);
            if kept.is_err() {
                world.stop();
            }
            kept
        })
}

fn keep(engine: &Engine, world: &World, executor: &mut Executor, mut load: Load) -> io::Result<()> {
    loop {
        let progress = load.step(executor, 10_000).map_err(io::Error::other)?;
        world.publish_loading(&load);
        if let Some(line) = load.progress_line() {
            world.log.notice(&line);
        }
        match progress {
            Progress::Done => break,
            _ if world.is_stopping() => return Ok(()),
            Progress::Waiting => std::thread::sleep(Duration::from_micros(200)),
            Progress::More => {}
        }
    }
    world
        .loaded(engine, &load.into_loaded())
        .map_err(io::Error::other)?;
    while !world.is_stopping() {
        match world.persistence().drive(executor, Now::read()) {
            Driven::Busy => std::thread::sleep(Duration::from_micros(BREATH_US)),
            Driven::Waiting => std::thread::sleep(Duration::from_micros(200)),
            Driven::Idle => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    Ok(())
}

/// Reaches a client's thread, which waits in its socket or beside its bell.
struct ClientWaker {
    socket: Arc<OwnedFd>,
    bell: Arc<Bell>,
}

impl Wake for ClientWaker {
    /// Whoever waits in a socket is woken by its end.
    fn close(&self) {
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Both);
    }

    fn go_on(&self) {
        self.bell.ring();
    }
}
