//! A server under attack, watched from three sides: a well-behaved client that is always
//! answered, /proc for memory and descriptors, and its log and status at the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base::rng::Rng;
use rustix::process::{Pid, Signal, kill_process};
use testkit::process::ServerProcess;
use testkit::reply::Reply;

use super::client::Client;

/// Nobody waits longer for an answer, however busy the machine is.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Victim {
    /// Before the process, so that it stops asking before the server goes.
    witness: Witness,
    process: ServerProcess,
    pub(super) rng: Rng,
    is_threaded: bool,
    /// What the test was given to begin with, for messages.
    title: String,
}

impl Victim {
    /// Starts a server, lets `scenario` loose on it, and expects it to be well after.
    pub(super) fn suffers(mode: &[&str], scenario: fn(&mut Victim)) {
        let (process, _) = crate::server::start(mode);
        let seed = seed();
        let title = format!("OCHRE_SEED={seed} on {}", mode.join(" "));
        println!("{title}");
        let mut victim = Victim {
            witness: Witness::begin(process.address()),
            process,
            rng: Rng::new(seed),
            is_threaded: mode.contains(&"threaded"),
            title,
        };
        scenario(&mut victim);
        victim.conclude();
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    pub(super) fn connect(&self) -> Client {
        Client::open(self.address()).expect("the server accepts")
    }

    /// Asks one thing on a connection of its own.
    pub(super) fn ask<W: AsRef<[u8]>>(&self, argv: &[W]) -> Reply {
        self.connect().ask(argv)
    }

    /// Resident memory in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("the server lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let digits = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: usize = digits.and_then(|kib| kib.parse().ok()).expect("VmRSS");
        kib * 1024
    }

    /// Open descriptors.
    pub(super) fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.process.id());
        std::fs::read_dir(path).expect("the server lives").count()
    }

    /// What the threads of so many clients may cost beside their buffers: each has a
    /// stack and its own heap of the allocator, 64 KiB in all.
    pub(super) fn thread_mib(&self, clients: usize) -> usize {
        if self.is_threaded { clients / 16 } else { 0 }
    }

    /// Expects memory to be at most so much above `before_bytes`, now.
    pub(super) fn expect_memory(&self, before_bytes: usize, more_mib: usize, when: &str) {
        let more = self.memory_bytes().saturating_sub(before_bytes) >> 20;
        println!("{when}: +{more} MiB, {more_mib} allowed");
        assert!(
            more <= more_mib,
            "{}: {when}: +{more} MiB, more than {more_mib}",
            self.title
        );
    }

    /// The same, but memory may take its time to be returned.
    pub(super) fn expect_memory_returned(&self, before_bytes: usize, more_mib: usize) {
        // The allocator returns what is free when it is used again.
        let filler = "x".repeat(1 << 20);
        wait_until(|| {
            self.ask(&["SET", "filler", &filler]);
            self.ask(&["DEL", "filler"]);
            self.memory_bytes() <= before_bytes + (more_mib << 20)
        });
        self.expect_memory(before_bytes, more_mib, "after they left");
    }

    /// Expects `found` to become true within [`PATIENCE`].
    pub(super) fn expect_soon(&self, what: &str, found: impl Fn() -> bool) {
        assert!(wait_until(found), "{}: not so: {what}", self.title);
    }

    /// Ends the server and looks back.
    fn conclude(mut self) {
        let longest = self.witness.end();
        println!("the witness waited {longest:?} at most");
        let id = Pid::from_raw(self.process.id() as i32).expect("a process id");
        kill_process(id, Signal::TERM).expect("the server lives");
        let status = self.process.wait(PATIENCE).expect("it is our child");
        let log = self.process.log();
        let ended_well = status.is_some_and(|status| status.success());
        let is_calm = !["panicked", "assertion", "overflow'", "SIGSEGV"]
            .iter()
            .any(|word| log.contains(word));
        let end = log.lines().rev().take(40).collect::<Vec<_>>();
        assert!(
            ended_well && is_calm,
            "{}: ended with {status:?}; the log, last line first:\n{}",
            self.title,
            end.join("\n")
        );
    }
}

/// Waits at most [`PATIENCE`]. Returns whether it came true.
fn wait_until(found: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if found() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A client that does nothing but ask whether the server is there.
struct Witness {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Duration>>,
}

impl Witness {
    fn begin(address: SocketAddr) -> Witness {
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        let mut client = Client::open(address).expect("the server accepts");
        // It is in before anybody counts descriptors.
        client.ask(&["PING"]);
        let thread = std::thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while !is_over.load(Ordering::Acquire) {
                let asked = Instant::now();
                let reply = client.ask(&["PING"]);
                assert_eq!(reply, Reply::Simple(b"PONG".to_vec()));
                longest = longest.max(asked.elapsed());
                assert!(longest < PATIENCE, "the witness waited for {longest:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
            longest
        });
        Witness {
            over,
            thread: Some(thread),
        }
    }

    /// The longest it had to wait. Fails if it was let down.
    fn end(&mut self) -> Duration {
        self.over.store(true, Ordering::Release);
        let thread = self.thread.take().expect("it ends once");
        thread.join().expect("a well-behaved client was let down")
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // The scenario has failed already; that is what is to be told.
            let _ = thread.join();
        }
    }
}

fn seed() -> u64 {
    if let Ok(seed) = std::env::var("OCHRE_SEED") {
        return seed.parse().expect("OCHRE_SEED is a number");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_nanos() as u64
}
