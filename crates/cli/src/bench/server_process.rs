//! A server that the benchmark starts, watches and stops.
//!
//! ```text
//!   command ─► [program, args…, --port N]   in an empty directory, output to a log there
//!      │ until PING is answered, or the process ends, or patience does
//!   running ─► SIGTERM ─► five seconds ─► SIGKILL     on drop, whatever the reason
//! ```
//!
//! The child leads a process group of its own: Ctrl-C at the terminal reaches
//! only us and the child is stopped in order, together with what a wrapper
//! script may have started. Only a benchmark killed by SIGKILL leaves it behind.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::bench::control::{Control, Info, Reply};
use crate::bench::cores::CoreList;
use crate::bench::error::Error;
use crate::bench::interrupt::Interrupt;
use crate::bench::target::Target;

const START_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How much of a failed server's log is shown.
const LOG_LINES: usize = 8;

/// A running server; dropping it stops it and removes its directory.
pub struct ServerProcess {
    child: Child,
    command: String,
    directory: PathBuf,
    target: Target,
    info: Info,
    pid: u32,
}

impl ServerProcess {
    /// Starts `argv` with `--port` and a free port behind it, on `cores` if
    /// given, and waits until it answers.
    pub fn start(
        argv: &[String],
        cores: Option<&CoreList>,
        interrupt: &Interrupt,
    ) -> Result<ServerProcess, Error> {
        let port = free_port()?;
        let directory = fresh_directory(port)?;
        let mut argv = argv.to_vec();
        // The child runs elsewhere, where a relative path would mean another file.
        // Links are kept: some programs go by the name they are called.
        if argv[0].contains('/')
            && let Ok(program) = std::path::absolute(&argv[0])
        {
            argv[0] = program.to_string_lossy().into_owned();
        }
        argv.extend(["--port".to_string(), port.to_string()]);
        let command = command_text(&argv);
        let spawned = spawn(&argv, &directory, cores);
        let child = match spawned {
            Ok(child) => child,
            Err(error) => {
                // Nothing was started, so only the directory is to be undone.
                let _ = fs::remove_dir_all(&directory);
                return Err(error);
            }
        };
        let mut server = ServerProcess {
            pid: child.id(),
            child,
            command,
            directory,
            target: Target::on_port(port),
            info: Info::default(),
        };
        server.wait_until_ready(interrupt)?;
        Ok(server)
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// INFO as it was when the server came up.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The process that serves, which a wrapper may have started.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// All words of the command line, the port included.
    pub fn command(&self) -> &str {
        &self.command
    }

    fn wait_until_ready(&mut self, interrupt: &Interrupt) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            if interrupt.is_set() {
                return Err(Error::Interrupted);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failure(&format!("ended at once ({status})")));
            }
            if let Ok(mut control) = Control::open(&self.target, Duration::from_secs(2)) {
                // Anything but PONG, such as LOADING, means not yet.
                if matches!(control.call(&["PING"]), Ok(Reply::Text(_))) {
                    self.info = control.info()?;
                    self.pid = crate::bench::proc_stat::local_pid(&self.info).unwrap_or(self.pid);
                    return Ok(());
                }
            }
            if started.elapsed() > START_PATIENCE {
                let seconds = START_PATIENCE.as_secs();
                return Err(self.failure(&format!("did not answer PING within {seconds} s")));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn failure(&self, what: &str) -> Error {
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
        let mut detail = what.to_string();
        for line in last {
            detail.push_str("\n    ");
            detail.push_str(line);
        }
        Error::Child {
            command: self.command.clone(),
            detail,
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Taken before the child is waited for, while its number is its own.
        let group = Pid::from_child(&self.child);
        let asked = Instant::now();
        // It may have ended by itself, and then there is nothing to stop.
        let _ = kill_process_group(group, Signal::TERM);
        let mut is_killed = false;
        while self.lives(group) {
            if asked.elapsed() > STOP_PATIENCE && !is_killed {
                let _ = kill_process_group(group, Signal::KILL);
                is_killed = true;
            }
            if asked.elapsed() > STOP_PATIENCE * 2 {
                // Stuck in the kernel; it dies as soon as it comes out.
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
        // A directory left behind in the system's place for temporary files is
        // no reason to fail.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl ServerProcess {
    /// Whether the child or anything that it has started in its group still
    /// runs. A wrapper script may end before the server that it wraps; the
    /// group keeps its number until its last member is gone.
    fn lives(&mut self, group: Pid) -> bool {
        matches!(self.child.try_wait(), Ok(None)) || test_kill_process_group(group).is_ok()
    }
}

/// A command line as a person would type it.
pub fn command_text(argv: &[String]) -> String {
    let words = argv.iter().map(|word| match word.as_str() {
        "" => "\"\"".to_string(),
        word if word.contains(' ') => format!("\"{word}\""),
        word => word.to_string(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn spawn(argv: &[String], directory: &Path, cores: Option<&CoreList>) -> Result<Child, Error> {
    let log = directory.join("log");
    let refused = |source| Error::Child {
        command: command_text(argv),
        detail: format!("cannot be started: {source}"),
    };
    let output = File::create(&log).map_err(|source| Error::File { path: log, source })?;
    let errors = output.try_clone().map_err(refused)?;
    let mut command = Command::new(&argv[0]);
    command
        .args(&argv[1..])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0);
    let Some(cores) = cores else {
        return command.spawn().map_err(refused);
    };
    let own = CoreList::allowed()?;
    cores.bind_thread()?;
    let child = command.spawn().map_err(refused);
    own.bind_thread()?;
    child
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, Error> {
    let found = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    found
        .map(|address| address.port())
        .map_err(Error::system("no free port"))
}

fn fresh_directory(port: u16) -> Result<PathBuf, Error> {
    let name = format!("ochre-bench-{}-{port}", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::create_dir_all(&path).map_err(|source| Error::File {
        path: path.clone(),
        source,
    })?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(words: &[&str], interrupt: &Interrupt) -> String {
        let argv: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        let error = ServerProcess::start(&argv, None, interrupt).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_missing_program_and_one_that_ends_are_told_apart() {
        let text = start(&["/nonexistent/server", "--flag"], &Interrupt::default());
        assert!(text.contains("cannot be started"), "{text}");
        let text = start(&["sh", "-c", "echo broken; exit 3"], &Interrupt::default());
        assert!(
            text.contains("ended at once") && text.contains("broken"),
            "{text}"
        );
    }

    #[test]
    fn an_interrupt_stops_what_was_started() {
        let interrupt = Interrupt::install().unwrap();
        signal_hook::low_level::raise(signal_hook::consts::SIGHUP).unwrap();
        let started = Instant::now();
        let text = start(&["sh", "-c", "sleep 60; echo late"], &interrupt);
        assert_eq!(text, "interrupted");
        assert!(started.elapsed() < STOP_PATIENCE);
    }

    #[test]
    fn what_a_wrapper_leaves_behind_is_stopped_too() {
        let path = std::env::temp_dir().join(format!("ochre-bench-test-{}", std::process::id()));
        let script = format!("sleep 77 & echo $! > {}; exit 0", path.display());
        let text = start(&["sh", "-c", &script], &Interrupt::default());
        assert!(text.contains("ended at once"), "{text}");
        let left: i32 = fs::read_to_string(&path).unwrap().trim().parse().unwrap();
        fs::remove_file(&path).unwrap();
        let state = fs::read_to_string(format!("/proc/{left}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z"), "{state}");
    }
}
