//! What a transcript runs on: a server behind a socket, or an engine inside this
//! process.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::reply::Reply;

/// A session of a target. The player hands out numbers; a number is never used twice.
pub type SessionId = usize;

/// Which server answers; it decides which cases are fair to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flavor {
    Ochre,
    Redis(Vec<u32>),
    Valkey(Vec<u32>),
}

/// What `! needs …` may name and Ochre has by now. Redis and Valkey have all of it.
const OCHRE_OFFERS: [&str; 2] = ["hashes", "lists"];

impl Flavor {
    /// Whether the server has a feature, however it is talked to.
    pub fn offers(&self, feature: &str) -> bool {
        *self != Flavor::Ochre || OCHRE_OFFERS.contains(&feature)
    }

    pub fn family_and_version(&self) -> (&str, &[u32]) {
        match self {
            Flavor::Ochre => ("ochre", &[]),
            Flavor::Redis(version) => ("redis", version),
            Flavor::Valkey(version) => ("valkey", version),
        }
    }
}

/// What came from a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Reply(Reply),
    /// Nothing within the time given.
    Nothing,
    /// The server has closed the connection.
    Closed,
}

/// Something that takes commands and gives replies, in several sessions at once.
pub trait Target {
    /// A name for messages, such as `redis 7.0.15`.
    fn name(&self) -> String;

    fn flavor(&self) -> &Flavor;

    /// Whether the target has what `! needs <feature>` names.
    fn offers(&self, feature: &str) -> bool;

    /// Sends a command; a session is opened when it is first used.
    fn send(&mut self, session: SessionId, argv: &[Vec<u8>]) -> io::Result<()>;

    /// Waits for the next reply of a session.
    fn receive(&mut self, session: SessionId, wait: Duration) -> io::Result<Received>;

    /// Ends a session from the client's side.
    fn close(&mut self, session: SessionId);

    /// Lets time pass for the target.
    fn sleep(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    /// The target's idea of the time, in milliseconds since 1970.
    fn unix_time_ms(&self) -> u64 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is after 1970");
        now.as_millis() as u64
    }

    /// Sends a command and waits for its reply, as a setup step outside a case does.
    fn ask(&mut self, session: SessionId, words: &[&str]) -> io::Result<Reply> {
        let argv: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        self.send(session, &argv)?;
        match self.receive(session, Duration::from_secs(10))? {
            Received::Reply(reply) => Ok(reply),
            other => Err(io::Error::other(format!(
                "{words:?} was answered by {other:?}"
            ))),
        }
    }
}
