//! Servers under measurement: started on a free port, stopped by id.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::big::Kind;
use crate::client::Client;

/// Which servers to measure.
pub(crate) struct Commands {
    ours: String,
    beside: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) members: u64,
    only: Option<String>,
    dumps: Option<PathBuf>,
}

/// A running server; stopped when dropped.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) port: u16,
    child: Child,
    directory: PathBuf,
}

impl Commands {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Commands> {
        let mut commands = Commands {
            ours: "target/release/ochre server --threads 1 --save \"\" --appendonly no".into(),
            beside: is_installed("redis-server").then(|| "redis-server --appendonly no".to_owned()),
            kind: Kind::Hash,
            members: 5_000_000,
            only: None,
            dumps: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--ours" => commands.ours = value()?,
                "--beside" => commands.beside = Some(value()?),
                "--alone" => commands.beside = None,
                "--kind" => {
                    let name = value()?;
                    commands.kind = Kind::named(&name).ok_or(format!("no kind {name}"))?;
                }
                "--members" => commands.members = value()?.parse()?,
                "--dumps" => commands.dumps = Some(value()?.into()),
                "--only" => commands.only = Some(value()?),
                _ => return Err(format!("unknown option {argument}").into()),
            }
        }
        Ok(commands)
    }

    pub(crate) fn ours(&self) -> &str {
        &self.ours
    }

    /// A part of the names of what to measure.
    pub(crate) fn only(&self) -> Option<&str> {
        self.only.as_deref()
    }

    /// Where callgrind's dumps are to be kept.
    pub(crate) fn dumps(&self) -> Option<&Path> {
        self.dumps.as_deref()
    }

    /// Is this phase to be measured?
    pub(crate) fn is_wanted(&self, phase: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == phase)
    }

    /// The command lines to measure, ours first.
    pub(crate) fn each(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.ours.as_str()).chain(self.beside.as_deref())
    }
}

impl Server {
    pub(crate) fn start(command: &str) -> Result<Server> {
        Server::start_under(&[], command, Duration::from_secs(10))
    }

    /// Start a server as an argument of another program (valgrind).
    pub(crate) fn start_under(
        wrapper: &[&str],
        command: &str,
        patience: Duration,
    ) -> Result<Server> {
        // Taken and given back: the server's own port 0 would not tell us.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let unique = format!("ochre-measure-{}-{port}", std::process::id());
        let directory = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&directory)?;
        let mut words: Vec<&str> = wrapper.to_vec();
        words.extend(command.split_whitespace());
        let child = Command::new(words[0])
            .args(&words[1..])
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--dir"])
            .arg(&directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", words[0]))?;
        let program = command.split_whitespace().next().unwrap_or_default();
        let name = program.rsplit('/').next().unwrap_or(program).to_owned();
        let server = Server {
            name,
            port,
            child,
            directory,
        };
        server.await_ping(patience)?;
        Ok(server)
    }

    fn await_ping(&self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port))
                && Client::on(stream).call(&["PING"]).is_ok()
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("{} does not answer on port {}", self.name, self.port).into())
    }

    pub(crate) fn connect(&self) -> Result<Client> {
        Ok(Client::on(TcpStream::connect(("127.0.0.1", self.port))?))
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Time on the processor so far, of all threads that live.
    pub(crate) fn processor_ns(&self) -> Result<u64> {
        let mut sum = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.process_id()))? {
            // A thread may end while it is looked at.
            let figures = std::fs::read_to_string(task?.path().join("schedstat"));
            let figures = figures.unwrap_or_default();
            let ns = figures.split_whitespace().next();
            sum += ns.map_or(Ok(0), str::parse::<u64>)?;
        }
        Ok(sum)
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next());
        Ok(kib.ok_or("no VmRSS")?.parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.process_id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
