//! An engine and its directory inside this process, over any storage.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use base::Now;
use engine::config::Config;
use engine::effect::Effects;
use engine::{
    Admission, Client, Engine, EngineOptions, Executor, Host, LogMode, Lsn, NoWake, Origin,
    Request, SaveRequest, Threads,
};
use ochredb::persistence::{Persistence, Watcher};
use persist::{Storage, Trouble};
use resp::OwnedArgv;
use testkit::crash::content::Content;
use testkit::crash::state::{Span, State, Value};
use testkit::crash::workload::{own_databases, parse_name};
use testkit::reply::Reply;

/// What a driver holds in its hands.
pub(crate) struct Node {
    pub(crate) engine: Arc<Engine>,
    pub(crate) persistence: Arc<Persistence>,
    /// What was cut off the end of the log.
    pub(crate) cut: Option<String>,
}

/// A session that executes one command at a time.
pub(crate) struct Session {
    executor: Executor,
    client: [Option<Box<Client>>; 1],
}

/// A host that has the log, once it is open.
struct Bound {
    born: Instant,
    persistence: OnceLock<Arc<Persistence>>,
}

struct Nobody;

impl Watcher for Nobody {
    fn durable(&self) {}
    fn wake_all(&self) {}
    fn log(&self, _warning: bool, _line: &str) {}
}

impl Host for Bound {
    fn monotonic_ns(&self) -> u64 {
        self.born.elapsed().as_nanos() as u64
    }

    fn codec(&self) -> Option<&dyn engine::Codec> {
        Some(&ochredb::RdbCodec)
    }

    fn log_mode(&self) -> LogMode {
        self.persistence
            .get()
            .map_or(LogMode::Off, |it| it.log_mode())
    }

    fn append(&self, effects: &Effects) -> Lsn {
        self.persistence.get().expect("open").append(effects)
    }

    fn admit(&self, bytes: usize, config: &Config) -> Admission {
        self.persistence.get().expect("open").admit(bytes, config)
    }

    fn log_end(&self) -> Lsn {
        self.persistence.get().expect("open").log_end()
    }

    fn cut(&self) -> Lsn {
        self.persistence.get().expect("open").cut()
    }

    fn configure(&self, old: &Config, new: &Config) -> Result<(), String> {
        let persistence = self.persistence.get().expect("open");
        let configured = persistence.configure(old, new);
        configured.map_err(|(name, why)| format!("{name}: {why}"))
    }

    fn save(&self, request: SaveRequest, config: &Config) -> Result<u64, String> {
        self.persistence
            .get()
            .expect("open")
            .request(request, config)
    }
}

/// The configuration of a directory with a log.
pub(crate) fn config(dir: &Path, policy: &str) -> Config {
    let dir = dir.to_str().expect("a plain path");
    let pairs = [
        ("dir", dir),
        ("save", ""),
        ("appendonly", "yes"),
        ("databases", "32"),
        ("appendfsync", policy),
    ];
    let pairs = pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Config::default()
        .set_at_start(&pairs)
        .expect("known parameters")
}

impl Node {
    /// Reads a directory, and changes nothing in it.
    pub(crate) fn read(storage: Arc<dyn Storage>, config: &Config) -> Result<Node, Trouble> {
        Node::open(storage, config, false)
    }

    /// Reads a directory and begins to log.
    pub(crate) fn begin(storage: Arc<dyn Storage>, config: &Config) -> Result<Node, Trouble> {
        Node::open(storage, config, true)
    }

    fn open(storage: Arc<dyn Storage>, config: &Config, begins: bool) -> Result<Node, Trouble> {
        let opened = Persistence::open(storage, config, Arc::new(Nobody))?;
        let host = Arc::new(Bound {
            born: Instant::now(),
            persistence: OnceLock::new(),
        });
        let options = EngineOptions {
            config: config.clone(),
            threads: Threads::Many(2),
            seed: [1, 2],
            now: Now::read(),
        };
        let engine = Engine::new(options, host.clone());
        let loaded = opened.load.finish(&mut engine.executor())?;
        let cut = loaded.cut();
        if begins {
            opened.persistence.watched_by(engine.latency.clone());
            opened.persistence.begin(config, &loaded)?;
            let set = host.persistence.set(opened.persistence.clone());
            assert!(set.is_ok(), "opened once");
        }
        Ok(Node {
            engine,
            persistence: opened.persistence,
            cut,
        })
    }

    /// A batch is over in whose course nothing changed but data.
    pub(crate) fn end_batch(&self) {
        let mode = self.persistence.log_mode();
        self.persistence.end_batch(mode, Now::read());
    }

    pub(crate) fn session(&self) -> Session {
        let card = self
            .engine
            .clients
            .register(Origin::default(), 0, Box::new(NoWake));
        Session {
            executor: self.engine.executor(),
            client: [Some(Box::new(Client::new(card, true)))],
        }
    }
}

impl Session {
    /// One command, as a batch that has ended but for the log.
    pub(crate) fn ask<W: AsRef<[u8]>>(&mut self, words: impl IntoIterator<Item = W>) -> Reply {
        self.begin(words);
        let client = self.client[0].as_deref_mut().expect("the only seat");
        let bytes = client.outbox.take_bytes();
        let (reply, _) = Reply::decode(&bytes)
            .expect("a reply")
            .expect("a whole one");
        reply
    }

    /// A command that waits, or whatever else is not answered at once.
    pub(crate) fn begin<W: AsRef<[u8]>>(&mut self, words: impl IntoIterator<Item = W>) {
        let owned = OwnedArgv::new(words);
        let batch = [Request {
            seat: 0,
            argv: owned.as_argv(),
        }];
        self.executor.execute(Now::read(), &batch, &mut self.client);
    }

    /// Somebody has served it: the reply is there.
    pub(crate) fn take_up(&mut self) -> bool {
        let client = self.client[0].as_deref_mut().expect("the only seat");
        self.executor.take_up(Now::read(), client)
    }

    /// How far the log must be for the last reply to be sent.
    pub(crate) fn gate(&self) -> Lsn {
        self.client[0].as_ref().expect("the only seat").session.gate
    }

    /// All keys of the one writer.
    pub(crate) fn state(&mut self) -> State {
        let mut state = State::default();
        for database in std::iter::once(0).chain(own_databases(0)) {
            self.ask(["SELECT", &database.to_string()]);
            let Reply::Array(names) = self.ask(["KEYS", "*"]) else {
                panic!("KEYS is answered by an array");
            };
            for name in names {
                let Reply::Bulk(name) = name else {
                    panic!("a name is a string");
                };
                let (_, key) = parse_name(&name, database).expect("a name of ours");
                let looked = self.ask([&b"PEXPIRETIME"[..], &name]);
                let kind = self.ask([&b"TYPE"[..], &name]);
                let got = self.ask(Content::question(&kind, &name));
                let content = Content::read(&kind, got).expect("what was written");
                if let (Reply::Integer(deadline_ms), Some(content)) = (looked, content) {
                    let deadline = (deadline_ms >= 0).then(|| Span::point(deadline_ms));
                    state.0.insert(key, Value { content, deadline });
                }
            }
        }
        state
    }

    pub(crate) fn executor(&mut self) -> &mut Executor {
        &mut self.executor
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = &mut self.client[0] {
            self.executor.disconnect(client);
        }
    }
}
