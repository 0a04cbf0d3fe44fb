//! A client that writes until the server is gone, and remembers what was answered.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::history::{History, Unit};
use super::state::Span;
use super::workload::{Argv, Draw, Due, Workload};
use crate::reply::Reply;

/// Nobody waits longer for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Clocks of two processes, read one after the other.
const CLOCK_MS: i64 = 1_000;

/// A connection on which whole pipelines are written before anything is read.
pub struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
    read: usize,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection {
            stream,
            inbox: Vec::new(),
            read: 0,
        })
    }

    pub fn send(&mut self, requests: &[Argv]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for argv in requests {
            write!(bytes, "*{}\r\n", argv.len())?;
            for word in argv {
                write!(bytes, "${}\r\n", word.len())?;
                bytes.extend_from_slice(word);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        self.stream.write_all(&bytes)
    }

    pub fn receive(&mut self) -> io::Result<Reply> {
        loop {
            let rest = &self.inbox[self.read..];
            if let Some((reply, length)) = Reply::decode(rest).map_err(io::Error::other)? {
                self.read += length;
                return Ok(reply);
            }
            self.inbox.drain(..self.read);
            self.read = 0;
            let mut chunk = [0; 64 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.inbox.extend_from_slice(&chunk[..length]),
                // A stopped process that goes on reads anew.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// All replies to some requests.
    pub fn ask_all(&mut self, requests: &[Argv]) -> io::Result<Vec<Reply>> {
        self.send(requests)?;
        requests.iter().map(|_| self.receive()).collect()
    }

    pub fn ask(&mut self, words: &[&str]) -> io::Result<Reply> {
        let argv = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        self.send(&[argv])?;
        self.receive()
    }
}

/// Writes until the connection ends. An error is what should not have happened: a wrong reply, or
/// an end that nobody `expected`.
pub fn write_on(
    address: SocketAddr,
    history: &mut History,
    workload: &mut Workload,
    end_is_expected: &AtomicBool,
) -> Result<(), String> {
    let ended = Connection::open(address).and_then(|mut connection| {
        loop {
            if let Err(wrong) = pipeline(&mut connection, history, workload)? {
                return Ok(wrong);
            }
        }
    });
    let end_ms = now_ms() + CLOCK_MS;
    for unit in &mut history.units[history.answered..] {
        unit.when.most_ms = end_ms;
    }
    match ended {
        Ok(wrong) => Err(wrong),
        Err(error) if is_waiting(&error) => Err(format!("no answer for {PATIENCE:?}")),
        Err(_) if end_is_expected.load(Ordering::SeqCst) => Ok(()),
        Err(error) => Err(format!("the server left on its own: {error}")),
    }
}

/// One to sixteen units at once.
fn pipeline(
    connection: &mut Connection,
    history: &mut History,
    workload: &mut Workload,
) -> io::Result<Result<(), String>> {
    let count = match workload.dice().below(3) {
        0 => 1,
        _ => 1 + workload.dice().below(16),
    };
    write_units(connection, history, workload, count)
}

/// So many units in one pipeline. The inner error is a wrong reply.
pub fn write_units(
    connection: &mut Connection,
    history: &mut History,
    workload: &mut Workload,
    count: usize,
) -> io::Result<Result<(), String>> {
    let now_ms = now_ms();
    let mut requests = Vec::new();
    let mut due = Vec::new();
    for _ in 0..count {
        let draw: Draw = workload.draw(now_ms);
        let when = Span {
            least_ms: now_ms - CLOCK_MS,
            most_ms: i64::MAX / 2,
        };
        due.push(draw.due);
        requests.extend(draw.requests);
        history.units.push(Unit {
            changes: draw.changes,
            when,
            shown: Vec::new(),
        });
    }
    connection.send(&requests)?;
    let mut at = 0;
    for due in due {
        let mut shown = Vec::new();
        for due in due {
            let reply = connection.receive()?;
            if !due.is(&reply, &mut shown) {
                return Ok(Err(complaint(&requests[at], &due, &reply)));
            }
            at += 1;
        }
        let unit = &mut history.units[history.answered];
        unit.shown = shown;
        unit.when.most_ms = self::now_ms() + CLOCK_MS;
        history.answered += 1;
    }
    Ok(Ok(()))
}

fn complaint(argv: &Argv, due: &Due, reply: &Reply) -> String {
    let words: Vec<String> = argv
        .iter()
        .map(|word| word.escape_ascii().to_string())
        .collect();
    let words = words.join(" ");
    format!("{words:.200}: {reply:.300?} came, {due:.300?} was due")
}

fn is_waiting(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

pub fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_millis() as i64
}
