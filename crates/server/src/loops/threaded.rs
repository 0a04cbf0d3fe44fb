//! A thread per client: the plainest server there is, on the same engine.
//!
//! ```text
//!   acceptor ─► thread: loop { read, parse, execute, write }   waits in its socket
//!               thread: ...
//!   ticker   ─► expiry, samples
//! ```
//!
//! A pipeline is one batch, executed under the shard locks like any other.
//! Executors are lent from a pool, as there are as many counters blocks as
//! executors, and clients come and go.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base::Now;
use engine::{Client, Engine, Executor, Request, Stage, Wake};
use parking_lot::Mutex;
use resp::QueryPool;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::Shutdown;

use super::{answer_protocol_error, limits, publish_buffers, publish_session, screen};
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
    world.log.notice(super::event::ready_line(world));
    let accepted = accept_until_stopped(&threads, &mailbox, listeners, signals);
    world.stop();
    threads.end_all();
    ticker.join().expect("the ticker ends by returning");
    accepted
}

/// What all client threads share.
struct Threads {
    engine: Arc<Engine>,
    world: Arc<World>,
    executors: Mutex<Vec<Executor>>,
    running: AtomicUsize,
}

/// Room on the stack of a client's thread; the engine needs little.
const STACK_BYTES: usize = 512 * 1024;

fn accept_until_stopped(
    threads: &Arc<Threads>,
    mailbox: &Mailbox,
    mut listeners: Vec<Arc<Listener>>,
    signals: &mut Signals,
) -> io::Result<()> {
    let mut own = threads.executor();
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
                Mail::Client(_) | Mail::Look(_) | Mail::Unpark => {}
            }
        }
        for listener in &listeners {
            threads.accept(listener, &mut own);
        }
    }
}

impl Threads {
    fn executor(&self) -> Executor {
        let pooled = self.executors.lock().pop();
        pooled.unwrap_or_else(|| self.engine.executor())
    }

    fn accept(self: &Arc<Threads>, listener: &Listener, own: &mut Executor) {
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
            own.stats().connections_received.add(1);
            match screen(&self.world, &config, accepted) {
                Some(accepted) => self.spawn(accepted),
                None => own.stats().rejected_connections.add(1),
            }
        }
    }

    fn spawn(self: &Arc<Threads>, accepted: Accepted) {
        self.running.fetch_add(1, Ordering::AcqRel);
        let threads = self.clone();
        let spawned = std::thread::Builder::new()
            .name("client".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let mut executor = threads.executor();
                if let Err(error) = serve(&threads, &mut executor, accepted) {
                    let line = format!("A client could not be served: {error}");
                    threads.world.log.warning(&line);
                }
                threads.executors.lock().push(executor);
                threads.leave();
            });
        if let Err(error) = spawned {
            let line = format!("No thread for another client: {error}");
            self.world.log.warning(&line);
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

/// Drive one client until it leaves.
fn serve(threads: &Threads, executor: &mut Executor, accepted: Accepted) -> io::Result<()> {
    let engine = &threads.engine;
    let mut connection = Connection::new(accepted.socket);
    let waker = SocketWaker(connection.duplicate()?);
    let now = Now::read();
    let clients = &engine.clients;
    let card = clients.register(accepted.origin, now.unix_secs(), Box::new(waker));
    let open = engine.config().live.requirepass.is_none();
    let mut seats = [Some(Box::new(Client::new(card, open)))];
    let mut pool = QueryPool::default();
    loop {
        let client = seats[0].as_deref_mut().expect("the only seat");
        if client.session.stage != Stage::Running || !await_input(threads, &connection) {
            break;
        }
        match connection.receive(&mut pool) {
            Received::Bytes { count, .. } => {
                executor.stats().received_bytes.add(count as u64);
                executor.stats().reads_processed.add(1);
            }
            Received::Nothing => continue,
            Received::End | Received::Broken => break,
        }
        if !turn(threads, executor, &mut connection, &mut seats, &mut pool) {
            break;
        }
    }
    let client = seats[0].as_deref_mut().expect("the only seat");
    executor.disconnect(client);
    Ok(())
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
    threads: &Threads,
    executor: &mut Executor,
    connection: &mut Connection,
    seats: &mut [Option<Box<Client>>; 1],
    pool: &mut QueryPool,
) -> bool {
    let config = threads.engine.config();
    loop {
        let client = seats[0].as_deref_mut().expect("the only seat");
        if client.session.card.is_doomed() {
            return false;
        }
        let limits = limits(&config, &client.session);
        let pending = connection.query.parse(&limits);
        if pending > 0 {
            let query = &connection.query;
            let request = |index| Request {
                seat: 0,
                argv: query.request(index),
            };
            let requests: Vec<Request> = (0..pending).map(request).collect();
            executor.execute(Now::read(), &requests, seats);
        }
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
        publish_session(client, Now::read().unix_secs(), executed > 0);
        if !send(executor, connection, client) {
            return false;
        }
        publish_buffers(connection, client);
        match client.session.stage {
            Stage::Running => {}
            Stage::Parked => wait_for_pause(threads, client),
            Stage::Closing | Stage::Closed => return false,
        }
        if connection.query.pending() == 0 && !connection.query.has_unparsed() {
            return true;
        }
    }
}

fn send(executor: &Executor, connection: &mut Connection, client: &mut Client) -> bool {
    if client.outbox.is_empty() {
        return true;
    }
    let before = connection.sent_bytes;
    let sent = connection.send(&mut client.outbox);
    executor.stats().writes_processed.add(1);
    executor
        .stats()
        .sent_bytes
        .add(connection.sent_bytes - before);
    sent == Sent::All
}

/// CLIENT PAUSE: wait until it is over, or this client is killed.
fn wait_for_pause(threads: &Threads, client: &mut Client) {
    let paused = || {
        let pause = &threads.engine.pause;
        pause.mode_at(Now::read().unix_ms()).is_some()
    };
    while paused() && !client.session.card.is_doomed() {
        threads.world.wait_unparked(Duration::from_millis(10));
    }
    client.session.stage = Stage::Running;
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
                let now = Now::read();
                executor.tick(now);
                while executor.sweep(now, 0, 1, 8) {}
            }
        })
}

/// Wakes a thread that waits in its socket, by ending the connection.
struct SocketWaker(OwnedFd);

impl Wake for SocketWaker {
    fn wake(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Both);
    }
}
