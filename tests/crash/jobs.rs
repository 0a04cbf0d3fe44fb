//! Job queues on a server that is killed: no job is lost, and none is given out twice but to
//! the worker who had it.
//!
//! ```text
//!   lists     LPUSH jobs id │ BLMOVE jobs mine:w RIGHT LEFT │ LREM mine:w 1 id
//!   streams   XADD jobs id  │ XREADGROUP g w BLOCK >        │ XACK jobs g entry
//!             producers     │ fifty workers                 │ when it is done
//! ```
//!
//! Under `appendfsync always`: what a worker was given it finds among its own after the
//! restart (its list, its pending entries) and nobody else is given it; what it has
//! reported as done it never sees again. A job that was acknowledged to its producer is
//! done in the end. A job whose push got no answer may be there, once, or not.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testkit::crash::writer::Connection;
use testkit::linear::dice::Dice;
use testkit::process::{ServerProcess, fresh_directory, ochre_program};
use testkit::reply::Reply;

const WORKERS: usize = 50;
const PRODUCERS: usize = 4;

#[test]
fn a_queue_on_lists_on_two_event_loops() {
    judge(Queue::Lists, &["--mode", "eventloop", "--threads", "2"]);
}

#[test]
fn a_queue_on_lists_with_a_thread_for_each_client() {
    judge(Queue::Lists, &["--mode", "threaded"]);
}

#[test]
fn a_queue_on_streams_on_two_event_loops() {
    judge(Queue::Streams, &["--mode", "eventloop", "--threads", "2"]);
}

#[test]
fn a_queue_on_streams_with_a_thread_for_each_client() {
    judge(Queue::Streams, &["--mode", "threaded"]);
}

/// How jobs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Lists,
    Streams,
}

/// What everybody involved knows.
struct Books {
    address: Mutex<SocketAddr>,
    /// Pushes that were answered.
    accepted: Mutex<BTreeSet<String>>,
    /// Who was given a job, by all its first deliveries.
    given: Mutex<Vec<(String, usize)>>,
    /// Jobs that were reported as done, with an answer.
    done: Mutex<BTreeSet<String>>,
    /// What must not be.
    complaints: Mutex<Vec<String>>,
    again: AtomicUsize,
    pushing: AtomicBool,
    working: AtomicBool,
}

fn judge(queue: Queue, mode: &[&str]) {
    let seed = crate::seed();
    println!("OCHRE_SEED={seed} for {queue:?} on {}", mode.join(" "));
    let data = fresh_directory("jobs").expect("a directory");
    let arguments = [
        mode,
        &[
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
        ],
    ]
    .concat();
    let mut server = start(&data, &arguments);
    if queue == Queue::Streams {
        let mut connection = Connection::open(server.address()).expect("it accepts");
        let made = connection.ask(&["XGROUP", "CREATE", "jobs", "g", "0", "MKSTREAM"]);
        assert_eq!(made.expect("an answer"), Reply::Simple(b"OK".to_vec()));
    }
    let books = Books::new(server.address());
    std::thread::scope(|scope| {
        let books = &books;
        for producer in 0..PRODUCERS {
            scope.spawn(move || push(books, queue, producer));
        }
        for worker in 0..WORKERS {
            let dice = Dice::new(seed, &[worker as u64]);
            scope.spawn(move || work(books, queue, worker, dice));
        }
        let mut dice = Dice::new(seed, &[77]);
        for _ in 0..crate::rounds() {
            std::thread::sleep(Duration::from_millis(100 + dice.below(300) as u64));
            server.kill().expect("it can be killed");
            server = start(&data, &arguments);
            *books.address.lock().unwrap() = server.address();
        }
        std::thread::sleep(Duration::from_millis(200));
        books.pushing.store(false, Ordering::SeqCst);
        let deadline = Instant::now() + Duration::from_secs(30);
        while !books.all_done() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        books.working.store(false, Ordering::SeqCst);
    });
    books.conclude();
    drop(server);
    let _ = std::fs::remove_dir_all(data);
}

fn start(data: &Path, arguments: &[&str]) -> ServerProcess {
    ServerProcess::ochre_on(ochre_program(), data, arguments).expect("the server starts")
}

impl Books {
    fn new(address: SocketAddr) -> Books {
        Books {
            address: Mutex::new(address),
            accepted: Mutex::default(),
            given: Mutex::default(),
            done: Mutex::default(),
            complaints: Mutex::default(),
            again: AtomicUsize::new(0),
            pushing: AtomicBool::new(true),
            working: AtomicBool::new(true),
        }
    }

    /// A connection to the server that runs now, if one does.
    fn connect(&self) -> Option<Connection> {
        let address = *self.address.lock().unwrap();
        let connection = Connection::open(address).ok();
        if connection.is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        connection
    }

    fn gave(&self, job: &str, worker: usize) {
        if self.done.lock().unwrap().contains(job) {
            self.complain(format!("{job} was done and came again to {worker}"));
        }
        self.given.lock().unwrap().push((job.to_owned(), worker));
    }

    fn complain(&self, what: String) {
        self.complaints.lock().unwrap().push(what);
    }

    fn all_done(&self) -> bool {
        let accepted = self.accepted.lock().unwrap();
        accepted.is_subset(&self.done.lock().unwrap())
    }

    fn conclude(&self) {
        let complaints = self.complaints.lock().unwrap();
        assert!(
            complaints.is_empty(),
            "{:?}",
            &complaints[..complaints.len().min(5)]
        );
        let (accepted, done) = (self.accepted.lock().unwrap(), self.done.lock().unwrap());
        let lost: Vec<_> = accepted.difference(&done).take(5).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        let given = self.given.lock().unwrap();
        let mut once = BTreeSet::new();
        for (job, worker) in given.iter() {
            assert!(
                once.insert(job),
                "{job} was given out twice, at last to {worker}"
            );
        }
        println!(
            "{} jobs accepted, {} given out, {} done, {} taken up again by their workers",
            accepted.len(),
            given.len(),
            done.len(),
            self.again.load(Ordering::SeqCst)
        );
        assert!(accepted.len() > 100);
    }
}

fn push(books: &Books, queue: Queue, producer: usize) {
    let mut number = 0;
    while books.pushing.load(Ordering::SeqCst) {
        let Some(mut connection) = books.connect() else {
            continue;
        };
        while books.pushing.load(Ordering::SeqCst) {
            number += 1;
            let job = format!("{producer}:{number}");
            let pushed = match queue {
                Queue::Lists => connection.ask(&["LPUSH", "jobs", &job]),
                Queue::Streams => connection.ask(&["XADD", "jobs", "*", "job", &job]),
            };
            match pushed {
                Ok(Reply::Error(line)) => {
                    books.complain(format!("push: {}", String::from_utf8_lossy(&line)));
                }
                Ok(_) => {
                    books.accepted.lock().unwrap().insert(job);
                }
                Err(_) => break,
            }
            // Workers are to wait for jobs, and not jobs for workers.
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A job as a worker has it: how it is called in the queue, and by its producer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Job {
    handle: String,
    name: String,
}

fn work(books: &Books, queue: Queue, worker: usize, mut dice: Dice) {
    // Reported as done, but the answer is still out.
    let mut reported = None;
    while books.working.load(Ordering::SeqCst) {
        let Some(mut connection) = books.connect() else {
            continue;
        };
        let desk = Desk {
            books,
            queue,
            worker,
        };
        // An end of the connection is an end of the server; a wrong reply is not.
        if let Err(error) = desk.work(&mut connection, &mut dice, &mut reported)
            && matches!(error.kind(), ErrorKind::Other | ErrorKind::WouldBlock)
        {
            books.complain(format!("worker {worker}: {error}"));
        }
    }
}

/// Where a worker sits.
struct Desk<'b> {
    books: &'b Books,
    queue: Queue,
    worker: usize,
}

impl Desk<'_> {
    fn work(
        &self,
        connection: &mut Connection,
        dice: &mut Dice,
        reported: &mut Option<Job>,
    ) -> io::Result<()> {
        let left = self.left(connection)?;
        if let Some(job) = reported.take_if(|job| !left.contains(job)) {
            self.books.done.lock().unwrap().insert(job.name);
        }
        for job in left {
            self.books.again.fetch_add(1, Ordering::SeqCst);
            self.finish(connection, job, reported)?;
        }
        while self.books.working.load(Ordering::SeqCst) {
            if let Some(job) = self.next(connection)? {
                self.books.gave(&job.name, self.worker);
                if dice.once_in(10) {
                    std::thread::sleep(Duration::from_micros(dice.below(2000) as u64));
                }
                self.finish(connection, job, reported)?;
            }
        }
        Ok(())
    }

    /// What this worker was given before and has not finished.
    fn left(&self, connection: &mut Connection) -> io::Result<Vec<Job>> {
        match self.queue {
            Queue::Lists => {
                let left = connection.ask(&["LRANGE", &self.mine(), "0", "-1"])?;
                items(&left)?.iter().map(job_of_list).collect()
            }
            Queue::Streams => self.read(connection, &["STREAMS", "jobs", "0"]),
        }
    }

    /// A job that nobody was given before.
    fn next(&self, connection: &mut Connection) -> io::Result<Option<Job>> {
        match self.queue {
            Queue::Lists => {
                let words = ["BLMOVE", "jobs", &self.mine(), "RIGHT", "LEFT", "0.1"];
                match connection.ask(&words)? {
                    Reply::NullArray => Ok(None),
                    job => job_of_list(&job).map(Some),
                }
            }
            Queue::Streams => {
                let words = ["COUNT", "1", "BLOCK", "100", "STREAMS", "jobs", ">"];
                Ok(self.read(connection, &words)?.pop())
            }
        }
    }

    fn finish(
        &self,
        connection: &mut Connection,
        job: Job,
        reported: &mut Option<Job>,
    ) -> io::Result<()> {
        *reported = Some(job.clone());
        let report = match self.queue {
            Queue::Lists => connection.ask(&["LREM", &self.mine(), "1", &job.handle])?,
            Queue::Streams => connection.ask(&["XACK", "jobs", "g", &job.handle])?,
        };
        *reported = None;
        let is_news = self.books.done.lock().unwrap().insert(job.name.clone());
        if report != Reply::Integer(1) || !is_news {
            let what = format!("{job:?} of {}: {report}, is_news {is_news}", self.worker);
            self.books.complain(what);
        }
        Ok(())
    }

    fn read(&self, connection: &mut Connection, words: &[&str]) -> io::Result<Vec<Job>> {
        let mine = self.mine();
        let words = [&["XREADGROUP", "GROUP", "g", &mine][..], words].concat();
        let streams = match connection.ask(&words)? {
            Reply::NullArray => return Ok(Vec::new()),
            streams => streams,
        };
        let [stream] = items(&streams)? else {
            return Err(io::Error::other(format!("{streams} is not of one stream")));
        };
        let entries = items(&items(stream)?[1])?;
        let jobs = entries.iter().map(|entry| -> io::Result<Job> {
            let entry = items(entry)?;
            Ok(Job {
                handle: text(&entry[0])?.to_owned(),
                name: text(&items(&entry[1])?[1])?.to_owned(),
            })
        });
        jobs.collect()
    }

    fn mine(&self) -> String {
        format!("mine:{}", self.worker)
    }
}

fn job_of_list(reply: &Reply) -> io::Result<Job> {
    let name = text(reply)?.to_owned();
    let handle = name.clone();
    Ok(Job { handle, name })
}

fn items(reply: &Reply) -> io::Result<&[Reply]> {
    match reply {
        Reply::Array(items) => Ok(items),
        other => Err(io::Error::other(format!("{other} is no list"))),
    }
}

fn text(reply: &Reply) -> io::Result<&str> {
    match reply {
        Reply::Bulk(bytes) => std::str::from_utf8(bytes).map_err(io::Error::other),
        other => Err(io::Error::other(format!("{other} is no text"))),
    }
}
