//! Transactions, multi-key commands and watches are one moment each, whoever asks and
//! however many cores answer.
//!
//! Recorded histories of real concurrent clients are judged by `testkit::linear`: in this
//! process, each thread with a handle of its own, and over sockets against both server
//! modes, with pipelines, so that batches are judged too. Each campaign prints its seed
//! (`OCHRE_SEED` repeats the choices, though not the timing) and takes about a second;
//! `OCHRE_LINEAR_SECS=60` makes it a minute. That this would notice a broken lock is
//! shown by `tests/sabotage`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ochredb::{Db, DbOptions};
use testkit::linear::campaign::{Campaign, Door, Exchange};
use testkit::linear::dialect::Argv;
use testkit::linear::scenario::Scenario;
use testkit::reply::Reply;

#[test]
fn two_threads_inside_the_process() {
    judge("a process with two threads", 2000, handles(2, 2));
}

#[test]
fn four_threads_inside_the_process() {
    judge("a process with four threads", 2000, handles(4, 4));
}

#[test]
fn clients_of_two_event_loops() {
    judge_server(&["--mode", "eventloop", "--threads", "2"]);
}

#[test]
fn clients_of_four_event_loops() {
    judge_server(&["--mode", "eventloop", "--threads", "4"]);
}

#[test]
fn clients_with_a_thread_each() {
    judge_server(&["--mode", "threaded"]);
}

fn judge_server(mode: &[&str]) {
    let (server, _) = crate::server::start(mode);
    let connect = |_| Connection::open(server.address()).expect("the server accepts");
    let doors = (0..8).map(|client| Box::new(connect(client)) as Box<dyn Door>);
    judge(&mode.join(" "), 200, doors.collect());
}

/// Run a campaign and expect nothing to be found. So many operations make a round of a
/// client: it has to last longer than a processor's time slice, or the clients would
/// take their rounds one after the other.
fn judge(target: &str, operations: usize, doors: Vec<Box<dyn Door>>) {
    let campaign = Campaign {
        seed: seed(),
        scenarios: Scenario::ALL.to_vec(),
        clients_per_group: 4,
        pipeline_max: 8,
        operations,
        time: time(),
        patience: Duration::from_secs(20),
    };
    println!("OCHRE_SEED={} on {target}", campaign.seed);
    match campaign.run(doors) {
        Ok(tally) => {
            println!("{target}: {tally}");
            if let Some(violation) = tally.violations.first() {
                panic!("OCHRE_SEED={} on {target}: {violation}", campaign.seed);
            }
            let is_rare = tally.undecided <= 1 + tally.rounds / 50;
            assert!(is_rare, "too tangled to tell: {tally}");
        }
        Err(trouble) => panic!("OCHRE_SEED={} on {target}: {trouble}", campaign.seed),
    }
}

fn time() -> Duration {
    let secs = std::env::var("OCHRE_LINEAR_SECS").ok();
    let secs = secs.map(|secs| secs.parse().expect("OCHRE_LINEAR_SECS is a number"));
    Duration::from_secs_f64(secs.unwrap_or(1.0))
}

fn seed() -> u64 {
    if let Ok(seed) = std::env::var("OCHRE_SEED") {
        return seed.parse().expect("OCHRE_SEED is a number");
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    now.as_nanos() as u64
}

// ---- in process ------------------------------------------------------------------

/// A session of an embedded database, driven by one thread.
struct Handle(Db);

/// So many sessions of one database.
fn handles(clients: usize, threads: usize) -> Vec<Box<dyn Door>> {
    let db = DbOptions::default().threads(threads).memory();
    (0..clients)
        .map(|_| Box::new(Handle(db.clone())) as Box<dyn Door>)
        .collect()
}

impl Door for Handle {
    fn ask(&mut self, start: Instant, requests: &[Argv]) -> io::Result<Vec<Exchange>> {
        let now_ns = || start.elapsed().as_nanos() as u64;
        let ask = |argv: &Argv| {
            let called_ns = now_ns();
            let bytes = self.0.execute_raw(argv);
            (called_ns, now_ns(), bytes)
        };
        // Read the replies only afterwards: the more of its time a client spends in the
        // engine, the more it meets others there.
        let answered: Vec<_> = requests.iter().map(ask).collect();
        let read = |(called_ns, answered_ns, bytes): (u64, u64, Vec<u8>)| {
            let decoded = Reply::decode(&bytes).map_err(io::Error::other)?;
            let (reply, _) = decoded.ok_or_else(|| io::Error::other("half a reply"))?;
            Ok(Exchange {
                called_ns,
                answered_ns,
                reply,
            })
        };
        answered.into_iter().map(read).collect()
    }
}

// ---- over a socket ---------------------------------------------------------------

/// A connection on which a whole pipeline is written before anything is read.
struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            inbox: Vec::new(),
        })
    }

    fn receive(&mut self) -> io::Result<Reply> {
        loop {
            if let Some((reply, length)) = Reply::decode(&self.inbox).map_err(io::Error::other)? {
                self.inbox.drain(..length);
                return Ok(reply);
            }
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.inbox.extend_from_slice(&chunk[..length]),
            }
        }
    }
}

impl Door for Connection {
    fn ask(&mut self, start: Instant, requests: &[Argv]) -> io::Result<Vec<Exchange>> {
        let mut bytes = Vec::new();
        for argv in requests {
            write!(bytes, "*{}\r\n", argv.len())?;
            for word in argv {
                write!(bytes, "${}\r\n", word.len())?;
                bytes.extend_from_slice(word);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        let now_ns = || start.elapsed().as_nanos() as u64;
        let called_ns = now_ns();
        self.stream.write_all(&bytes)?;
        let receive = |_: &Argv| {
            let reply = self.receive()?;
            Ok(Exchange {
                called_ns,
                answered_ns: now_ns(),
                reply,
            })
        };
        requests.iter().map(receive).collect()
    }
}
