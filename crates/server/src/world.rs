//! The process around the engine: what all loops share, and the engine's host.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use base::Now;
use engine::config::{Config, Extent, rewrite};
use engine::effect::Effects;
use engine::{
    Admission, Engine, Facts, Garbage, Host, Kept, Keys, LoadingFacts, LogMode, Lsn,
    PersistenceFacts, SaveRequest, Shutdown,
};
use ochredb::persistence::{Load, Loaded, Persistence, Watcher};
use parking_lot::{Condvar, Mutex};
use persist::Trouble;

use crate::facts;
use crate::files::{self, Disk};
use crate::garbage::{Allocator, GarbageThread};
use crate::limits;
use crate::listener::{Listener, Place, listen};
use crate::log::Log;
use crate::loops;
use crate::mailbox::{Mail, Mailbox};
use crate::os;

/// The state of the server process.
pub(crate) struct World {
    pub(crate) log: Log,
    pub(crate) listeners: Mutex<Vec<Arc<Listener>>>,
    /// One per loop; the threaded mode has one, for its acceptor.
    pub(crate) mailboxes: OnceLock<Vec<Arc<Mailbox>>>,
    /// Clients connected now, and how many may be.
    pub(crate) connected: AtomicUsize,
    pub(crate) maxclients: AtomicU32,
    persistence: OnceLock<Arc<Persistence>>,
    /// How SHUTDOWN was asked for, if it was.
    pub(crate) shutdown: Mutex<Option<Shutdown>>,
    /// Data that is being read: when that began, and how far it is.
    loading: Mutex<Option<LoadingFacts>>,
    started: Instant,
    garbage: GarbageThread,
    config_file: Option<PathBuf>,
    run_id: String,
    mode: &'static str,
    threads: usize,
    multiplexing: &'static str,
    allocator: &'static str,
    stopping: AtomicBool,
    unparked: (Mutex<u64>, Condvar),
}

/// What is known about the process before the world is.
pub(crate) struct Birth {
    pub(crate) log: Log,
    pub(crate) listeners: Vec<Arc<Listener>>,
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) run_id: String,
    pub(crate) mode: &'static str,
    pub(crate) threads: usize,
    pub(crate) multiplexing: &'static str,
    pub(crate) maxclients: u32,
    pub(crate) allocator: Allocator,
}

impl World {
    pub(crate) fn new(birth: Birth) -> std::io::Result<World> {
        Ok(World {
            log: birth.log,
            listeners: Mutex::new(birth.listeners),
            mailboxes: OnceLock::new(),
            connected: AtomicUsize::new(0),
            maxclients: AtomicU32::new(birth.maxclients),
            persistence: OnceLock::new(),
            shutdown: Mutex::new(None),
            loading: Mutex::new(None),
            started: Instant::now(),
            garbage: GarbageThread::start(birth.allocator.give_back)?,
            config_file: birth.config_file,
            run_id: birth.run_id,
            mode: birth.mode,
            threads: birth.threads,
            multiplexing: birth.multiplexing,
            allocator: birth.allocator.name,
            stopping: AtomicBool::new(false),
            unparked: (Mutex::new(0), Condvar::new()),
        })
    }

    /// Opens the data directory; once, before the loops start.
    pub(crate) fn open(self: &Arc<World>, config: &Config) -> Result<Load, Trouble> {
        let storage = Arc::new(persist::Disk);
        let watcher = Arc::new(Watch(Arc::downgrade(self)));
        let opened = Persistence::open(storage, config, watcher)?;
        let set = self.persistence.set(opened.persistence);
        assert!(set.is_ok(), "a directory is opened once");
        Ok(opened.load)
    }

    #[inline]
    pub(crate) fn persistence(&self) -> &Arc<Persistence> {
        self.persistence
            .get()
            .expect("opened before the loops start")
    }

    pub(crate) fn publish_loading(&self, load: &Load) {
        let now = Now::read();
        let (bytes_done, bytes_total) = load.bytes();
        let mut loading = self.loading.lock();
        let began_unix_secs = loading.map_or(now.unix_secs(), |before| before.began_unix_secs);
        *loading = Some(LoadingFacts {
            began_unix_secs,
            bytes_total,
            bytes_done,
            eta_secs: load.eta_secs(now),
        });
    }

    /// Everything is back: say so, begin to log, and take commands.
    pub(crate) fn loaded(&self, engine: &Engine, loaded: &Loaded) -> Result<(), Trouble> {
        if let Some(cut) = loaded.cut() {
            self.log
                .warning(&format!("The log ends in the middle: {cut}"));
        }
        if loaded.keys + loaded.commands > 0 {
            self.log.notice(&loaded.line());
        }
        self.persistence().watched_by(engine.latency.clone());
        self.persistence().begin(&engine.config(), loaded)?;
        *self.loading.lock() = None;
        engine.set_loading(false);
        self.log.notice(loops::ready_line(self));
        Ok(())
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Ask every loop to finish.
    pub(crate) fn stop(&self) {
        if !self.stopping.swap(true, Ordering::AcqRel) {
            self.tell_all(|| Mail::Stop);
        }
    }

    /// Count a client in, if there is a place for it.
    pub(crate) fn admit(&self) -> bool {
        let most = self.maxclients.load(Ordering::Relaxed) as usize;
        let admitted = self.connected.fetch_add(1, Ordering::AcqRel) < most;
        if !admitted {
            self.connected.fetch_sub(1, Ordering::AcqRel);
        }
        admitted
    }

    pub(crate) fn depart(&self) {
        self.connected.fetch_sub(1, Ordering::AcqRel);
    }

    /// Wait until parked clients may go on, at most so long.
    pub(crate) fn wait_unparked(&self, at_most: Duration) {
        let (turn, unparked) = &self.unparked;
        unparked.wait_for(&mut turn.lock(), at_most);
    }

    /// Let whoever drives snapshots look whether one is due.
    fn wake_keeper(&self) {
        if let Some(first) = self.mailboxes.get().and_then(|all| all.first()) {
            first.push(Mail::Unpark);
        }
    }

    fn tell_all(&self, mail: impl Fn() -> Mail) {
        for mailbox in self.mailboxes.get().into_iter().flatten() {
            mailbox.push(mail());
        }
    }

    /// `127.0.0.1:6379` and so on, for the banner; INFO's form for `facts`.
    pub(crate) fn port(&self) -> u16 {
        let listeners = self.listeners.lock();
        listeners.iter().find_map(|l| l.port()).unwrap_or(0)
    }

    fn listener_lines(&self) -> Vec<String> {
        let listeners = self.listeners.lock();
        let mut tcp = String::new();
        let mut lines = Vec::new();
        for listener in listeners.iter() {
            match listener.place() {
                Place::Tcp(addr) => tcp.push_str(&format!(",bind={}", addr.ip())),
                Place::Unix(path) => lines.push(format!("name=unix,bind={}", path.display())),
            }
        }
        if let Some(port) = listeners.iter().find_map(|l| l.port()) {
            lines.insert(0, format!("name=tcp{tcp},port={port}"));
        }
        lines
    }

    /// Listen where the new configuration says.
    fn listen_anew(&self, config: &Config) -> Result<(), String> {
        let mut listeners = self.listeners.lock();
        let new = listen(&config.live, &listeners, &self.log)?;
        listeners.clone_from(&new);
        drop(listeners);
        if let Some(first) = self.mailboxes.get().and_then(|all| all.first()) {
            first.push(Mail::Listen(new));
        }
        Ok(())
    }

    /// Limits, ports, the log's level and the directory.
    fn configure_process(&self, old: &Config, new: &Config) -> Result<(), String> {
        for parameter in new.changed_since(old) {
            match parameter.name {
                "maxclients" => {
                    let wanted = new.live.maxclients;
                    let (fitting, _) = limits::fit_clients(wanted);
                    if fitting < wanted {
                        let why = format!(
                            "The operating system is not able to handle the specified number of \
                             clients, try with {fitting}"
                        );
                        return Err(refused("maxclients", &why));
                    }
                    self.maxclients.store(wanted, Ordering::Relaxed);
                }
                "port" => self.listen_anew(new).map_err(|_| {
                    refused("port", "Unable to listen on this port. Check server logs.")
                })?,
                "bind" => self
                    .listen_anew(new)
                    .map_err(|_| refused("bind", "Failed to bind to specified addresses."))?,
                "loglevel" => self.log.set_level(new.live.loglevel),
                "dir" => std::env::set_current_dir(&new.live.dir)
                    .map_err(|error| refused("dir", &reason(&error)))?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Host for World {
    fn monotonic_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    fn codec(&self) -> Option<&dyn engine::Codec> {
        Some(&ochredb::RdbCodec)
    }

    fn log_mode(&self) -> LogMode {
        self.persistence
            .get()
            .map_or(LogMode::Off, |p| p.log_mode())
    }

    #[inline]
    fn append(&self, effects: &Effects) -> Lsn {
        self.persistence().append(effects)
    }

    fn admit(&self, bytes: usize, config: &Config) -> Admission {
        self.persistence().admit(bytes, config)
    }

    fn snapshot_failed(&self) -> bool {
        self.persistence
            .get()
            .is_some_and(|persistence| persistence.snapshot_failed())
    }

    fn log_end(&self) -> Lsn {
        self.persistence().log_end()
    }

    fn cut(&self) -> Lsn {
        self.persistence().cut()
    }

    fn save(&self, request: SaveRequest, config: &Config) -> Result<u64, String> {
        let ticket = self.persistence().request(request, config)?;
        self.wake_keeper();
        Ok(ticket)
    }

    fn saved(&self, ticket: u64) -> Option<Result<(), String>> {
        self.persistence().is_saved(ticket)
    }

    fn read_back(&self, kept: Kept<'_>, config: &Config) -> Result<Box<dyn Keys>, String> {
        self.persistence().read_back(kept, config)
    }

    fn persistence(&self, now: Now, changes: u64) -> PersistenceFacts {
        let mut facts = World::persistence(self).facts(now, changes);
        facts.loading = *self.loading.lock();
        facts
    }

    fn discard(&self, garbage: Garbage) {
        self.garbage.discard(garbage);
    }

    fn aside(&self, work: Box<dyn FnOnce() + Send>) {
        // Rare enough for a thread each. Without one it is done here.
        let work = Arc::new(Mutex::new(Some(work)));
        let there = work.clone();
        let spawned = std::thread::Builder::new()
            .name("aside".into())
            .spawn(move || {
                let work = there.lock().take();
                work.map(|work| work())
            });
        if spawned.is_err()
            && let Some(work) = work.lock().take()
        {
            work();
        }
    }

    fn configure(&self, old: &Config, new: &Config) -> Result<(), String> {
        if let Some(persistence) = self.persistence.get() {
            persistence
                .configure(old, new)
                .map_err(|(name, why)| refused(name, &why))?;
        }
        let configured = self.configure_process(old, new);
        if configured.is_err()
            && let Some(persistence) = self.persistence.get()
            && let Err((_, why)) = persistence.configure(new, old)
        {
            self.log.warning(&format!("The log stays as it is: {why}"));
        }
        configured
    }

    fn rewrite_config(&self, config: &Config) -> Result<(), String> {
        let Some(path) = &self.config_file else {
            return Err("The server is running without a config file".into());
        };
        let old = match std::fs::read(path) {
            Ok(old) => old,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(format!("Rewriting config file: {}", reason(&error))),
        };
        let new = rewrite(&old, config, &Disk, Extent::Changed)
            .map_err(|error| format!("Rewriting config file: {}", error.reason))?;
        files::replace(path, &new).map_err(|error| {
            self.log.warning(&format!("CONFIG REWRITE failed: {error}"));
            format!("Rewriting config file: {}", reason(&error))
        })?;
        self.log.notice("CONFIG REWRITE executed with success.");
        Ok(())
    }

    fn shutdown(&self, how: Shutdown) -> Result<(), String> {
        *self.shutdown.lock() = Some(how);
        self.log.notice("User requested shutdown...");
        self.stop();
        Ok(())
    }

    fn wake_all(&self) {
        self.tell_all(|| Mail::Unpark);
        let (turn, unparked) = &self.unparked;
        *turn.lock() += 1;
        unparked.notify_all();
    }

    fn sleep_us(&self, us: u64, _now: Now) -> Now {
        std::thread::sleep(Duration::from_micros(us));
        Now::read()
    }

    fn facts(&self) -> Facts {
        let (rss_bytes, rss_peak_bytes) = facts::resident_bytes();
        let cpu = os::process_cpu_time();
        let thread = os::thread_cpu_time();
        let executable = std::env::current_exe().unwrap_or_default();
        let config_file = self.config_file.clone().unwrap_or_default();
        Facts {
            process_id: std::process::id(),
            executable: executable.to_string_lossy().into_owned(),
            config_file: config_file.to_string_lossy().into_owned(),
            tcp_port: self.port(),
            run_id: self.run_id.clone(),
            mode: self.mode,
            threads: self.threads,
            os: facts::operating_system(),
            multiplexing: self.multiplexing,
            rss_bytes,
            rss_peak_bytes,
            total_system_memory_bytes: facts::system_memory_bytes(),
            cpu_user_us: cpu.user_us,
            cpu_system_us: cpu.system_us,
            cpu_user_main_us: thread.user_us,
            cpu_system_main_us: thread.system_us,
            allocator: self.allocator,
            listeners: self.listener_lines(),
            garbage_pending_objects: self.garbage.pending_objects(),
            garbage_freed_objects: self.garbage.freed_objects(),
        }
    }

    fn log(&self, warning: bool, line: &str) {
        if warning {
            self.log.warning(line);
        } else {
            self.log.notice(line);
        }
    }
}

/// Tells the loops what happens on the disk.
struct Watch(Weak<World>);

impl Watcher for Watch {
    fn durable(&self) {
        let Some(world) = self.0.upgrade() else {
            return;
        };
        // A loop that sets its flag looks at the log again behind it.
        fence(Ordering::SeqCst);
        for mailbox in world.mailboxes.get().into_iter().flatten() {
            if mailbox.awaits_log.load(Ordering::SeqCst) {
                mailbox.push(Mail::Durable);
            }
        }
    }

    fn wake_all(&self) {
        if let Some(world) = self.0.upgrade() {
            Host::wake_all(&*world);
        }
    }

    fn log(&self, warning: bool, line: &str) {
        if let Some(world) = self.0.upgrade() {
            Host::log(&*world, warning, line);
        }
    }
}

fn refused(name: &str, why: &str) -> String {
    format!("CONFIG SET failed (possibly related to argument '{name}') - {why}")
}

/// The system's words for an error, as C prints them.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
