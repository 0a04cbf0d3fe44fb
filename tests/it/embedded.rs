//! The transcripts on an engine inside this process, on a clock that only moves when a
//! transcript sleeps.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

struct Session {
    db: Db,
    inbox: Vec<u8>,
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

    /// A handle starts in RESP3, a connection in RESP2: here it is made to look like a
    /// connection.
    fn session(&mut self, id: SessionId) -> &mut Session {
        self.sessions.entry(id).or_insert_with(|| {
            let db = self.db.clone();
            db.execute_raw(["HELLO", "2"]);
            Session {
                db,
                inbox: Vec::new(),
            }
        })
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
        let session = self.session(session);
        session.inbox.extend(session.db.execute_raw(argv));
        Ok(())
    }

    fn receive(&mut self, session: SessionId, _wait: Duration) -> io::Result<Received> {
        let session = self.session(session);
        match Reply::decode(&session.inbox).map_err(io::Error::other)? {
            Some((reply, length)) => {
                session.inbox.drain(..length);
                Ok(Received::Reply(reply))
            }
            None if session.inbox.is_empty() => Ok(Received::Nothing),
            None => Err(io::Error::other("half a reply")),
        }
    }

    fn close(&mut self, session: SessionId) {
        self.sessions.remove(&session);
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
