//! The transcripts on an engine inside this process, on a clock that only moves when a
//! transcript sleeps.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ochredb::{Db, ManualClock};
use testkit::reply::Reply;
use testkit::target::{Flavor, Received, SessionId, Target};

/// A database in memory; each session is a handle to it.
struct Embedded {
    db: Db,
    clock: ManualClock,
    unix_ms: u64,
    sessions: HashMap<SessionId, Session>,
}

/// So long nobody needs who does not wait for something.
const PATIENCE: Duration = Duration::from_millis(300);

/// A handle, and a thread that calls it, since a call may wait for other sessions.
struct Session {
    id: String,
    requests: Option<Sender<Vec<Vec<u8>>>>,
    replies: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
    inbox: Vec<u8>,
    /// Calls that have not returned.
    under_way: usize,
}

impl Session {
    /// A handle starts in RESP3, a connection in RESP2: here it is made to look like a
    /// connection.
    fn new(db: Db) -> Session {
        db.execute_raw(["HELLO", "2"]);
        let id = db.execute(["CLIENT", "ID"]).expect("everybody has one");
        let (requests, calls) = channel::<Vec<Vec<u8>>>();
        let (answers, replies) = channel();
        let thread = std::thread::spawn(move || {
            for argv in calls {
                if answers.send(db.execute_raw(&argv)).is_err() {
                    return;
                }
            }
        });
        Session {
            id: id.as_int().expect("it is a number").to_string(),
            requests: Some(requests),
            replies,
            thread: Some(thread),
            inbox: Vec::new(),
            under_way: 0,
        }
    }

    fn call(&mut self, argv: &[Vec<u8>]) {
        self.under_way += 1;
        let requests = self.requests.as_ref().expect("open until it is dropped");
        requests.send(argv.to_vec()).expect("its thread runs");
    }

    fn receive(&mut self, wait: Duration) -> io::Result<Received> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some((reply, length)) = Reply::decode(&self.inbox).map_err(io::Error::other)? {
                self.inbox.drain(..length);
                return Ok(Received::Reply(reply));
            }
            if !self.inbox.is_empty() {
                return Err(io::Error::other("half a reply"));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.replies.recv_timeout(left) {
                Ok(bytes) => {
                    self.under_way -= 1;
                    self.inbox.extend(bytes);
                }
                Err(RecvTimeoutError::Timeout) => return Ok(Received::Nothing),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("its thread has panicked"));
                }
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Embedded {
    fn new() -> Embedded {
        let unix_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis() as u64;
        let clock = ManualClock::at_ms(unix_ms as i64);
        let options = Db::options().clock(clock.clone()).seed(7);
        let options = [("enable-debug-command", "yes"), ("save", "")]
            .into_iter()
            .try_fold(options, |options, (name, value)| {
                options.config(name, value)
            })
            .expect("known parameters");
        Embedded {
            db: options.memory(),
            clock,
            unix_ms,
            sessions: HashMap::new(),
        }
    }

    fn session(&mut self, id: SessionId) -> &mut Session {
        let sessions = self.sessions.entry(id);
        sessions.or_insert_with(|| Session::new(self.db.clone()))
    }
}

impl Target for Embedded {
    fn name(&self) -> String {
        "ochre embedded".into()
    }

    fn flavor(&self) -> &Flavor {
        &Flavor::Ochre
    }

    fn offers(&self, feature: &str) -> bool {
        self.flavor().offers(feature)
    }

    fn send(&mut self, session: SessionId, argv: &[Vec<u8>]) -> io::Result<()> {
        self.session(session).call(argv);
        Ok(())
    }

    /// If a reply is due and does not come, it may be one that comes with time.
    fn receive(&mut self, session: SessionId, wait: Duration) -> io::Result<Received> {
        let deadline = Instant::now() + wait;
        let received = self.session(session).receive(wait.min(PATIENCE))?;
        if received != Received::Nothing || wait <= PATIENCE {
            return Ok(received);
        }
        while Instant::now() < deadline {
            self.sleep(Duration::from_millis(20));
            let received = self.session(session).receive(Duration::from_millis(20))?;
            if received != Received::Nothing {
                return Ok(received);
            }
        }
        Ok(Received::Nothing)
    }

    /// One that is blocked is killed: a program has no socket to hang up.
    fn close(&mut self, session: SessionId) {
        if let Some(mut session) = self.sessions.remove(&session) {
            while let Ok(Received::Reply(_)) = session.receive(Duration::ZERO) {}
            if session.under_way > 0 {
                self.db.execute_raw(["CLIENT", "KILL", "ID", &session.id]);
            }
        }
    }

    fn sleep(&mut self, time: Duration) {
        self.unix_ms += time.as_millis() as u64;
        self.clock.advance_ms(time.as_millis() as i64);
        while self.db.tick() {}
    }

    fn unix_time_ms(&self) -> u64 {
        self.unix_ms
    }
}

#[test]
fn transcripts_hold_inside_the_process() {
    let tally = crate::corpus()
        .play(&mut Embedded::new())
        .expect("the corpus is readable");
    tally.conclude();
}

#[test]
fn models_hold_inside_the_process() {
    crate::models::judge(&mut Embedded::new());
}
