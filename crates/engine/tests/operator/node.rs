//! An engine on a host that keeps a record.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::Now;
use engine::config::Config;
use engine::effect::{Effects, Piece};
use engine::{Card, Client, Engine, EngineOptions, Executor, Facts, Host, Lsn, Request, Threads};
use parking_lot::Mutex;
use resp::OwnedArgv;

/// What the engine asked of its host.
#[derive(Default)]
pub struct Record {
    /// How many changes each group of effects had.
    pub groups: Mutex<Vec<u64>>,
    pub slept_us: AtomicU64,
    pub log: Mutex<Vec<String>>,
    /// Configurations put into effect: the port of each.
    pub ports: Mutex<Vec<u16>>,
}

impl Host for Record {
    fn monotonic_ns(&self) -> u64 {
        0
    }

    fn log_mode(&self) -> engine::LogMode {
        engine::LogMode::Appended
    }

    fn append(&self, effects: &Effects) -> Lsn {
        let mut groups = self.groups.lock();
        for piece in effects.pieces() {
            match piece {
                Piece::Singles { .. } => groups.extend(piece.effects().map(|_| 1)),
                Piece::Group(_) => groups.push(piece.effects().count() as u64),
            }
        }
        Lsn(0)
    }

    fn configure(&self, _old: &Config, new: &Config) -> Result<(), String> {
        if new.live.port == 1 {
            return Err(
                "CONFIG SET failed (possibly related to argument 'port') - no, not this one".into(),
            );
        }
        self.ports.lock().push(new.live.port);
        Ok(())
    }

    fn sleep_us(&self, us: u64, now: Now) -> Now {
        self.slept_us.fetch_add(us, Ordering::Relaxed);
        Now {
            unix_us: now.unix_us + us as i64,
            mono_us: now.mono_us + us,
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            total_system_memory_bytes: 1 << 30,
            rss_bytes: 10 << 20,
            garbage_pending_objects: 7,
            ..Facts::default()
        }
    }

    fn log(&self, _warning: bool, line: &str) {
        self.log.lock().push(line.into());
    }
}

/// An engine and one way in.
pub struct Node {
    pub record: Arc<Record>,
    pub executor: Executor,
    pub now: Now,
    clients: Vec<Option<Box<Client>>>,
}

impl Node {
    pub fn new(threads: Threads) -> Node {
        let debug = [(b"enable-debug-command".as_slice(), b"yes".as_slice())];
        let now = Now {
            unix_us: 1_700_000_000_000_000,
            mono_us: 1_000_000,
        };
        let options = EngineOptions {
            config: Config::default().set_at_start(&debug).expect("a switch"),
            threads,
            seed: [5, 6],
            now,
        };
        let record = Arc::new(Record::default());
        Node {
            executor: Engine::new(options, record.clone()).executor(),
            record,
            now,
            clients: vec![Some(Box::new(Client::new(Card::internal(), true)))],
        }
    }

    /// The reply to one request, in words divided by blanks.
    pub fn run(&mut self, request: &str) -> String {
        self.batch(&[request])
    }

    /// The replies to requests that come in one batch.
    pub fn batch(&mut self, requests: &[&str]) -> String {
        let argvs: Vec<_> = requests
            .iter()
            .map(|request| OwnedArgv::new(request.split(' ')))
            .collect();
        let requests: Vec<_> = argvs
            .iter()
            .map(|argv| Request {
                seat: 0,
                argv: argv.as_argv(),
            })
            .collect();
        self.executor
            .execute(self.now, &requests, &mut self.clients);
        let client = self.clients[0].as_mut().expect("it stays");
        String::from_utf8(client.outbox.take_bytes()).expect("text")
    }

    pub fn advance_ms(&mut self, ms: u64) {
        self.now.unix_us += ms as i64 * 1000;
        self.now.mono_us += ms * 1000;
    }

    /// A field of INFO, as text.
    pub fn info(&mut self, section: &str, field: &str) -> String {
        let text = self.run(&format!("INFO {section}"));
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.expect("this section has this field").to_owned()
    }

    pub fn info_number(&mut self, section: &str, field: &str) -> u64 {
        self.info(section, field).parse().expect("a number")
    }
}
