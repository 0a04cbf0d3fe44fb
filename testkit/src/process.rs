//! Server processes for tests: started with a bounded wait, in a directory of their own or
//! one that outlives them, killed when dropped.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const START_WAIT: Duration = Duration::from_secs(20);

/// A server that runs as long as this value lives.
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    directory: PathBuf,
    /// The directory goes with the process.
    owns_directory: bool,
}

impl ServerProcess {
    /// Starts redis-server or valkey-server: no persistence, DEBUG and protected
    /// parameters allowed, and a configuration file so that CONFIG REWRITE has
    /// something to write.
    pub fn redis(program: &Path, extra: &[&str]) -> io::Result<ServerProcess> {
        let mut last = io::Error::other("no attempt was made");
        for _ in 0..3 {
            match ServerProcess::redis_at(program, free_port()?, extra) {
                Ok(server) => return Ok(server),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Starts `ochre server` with `--port 0` and reads the port it chose from its
    /// output.
    pub fn ochre(program: &Path, extra: &[&str]) -> io::Result<ServerProcess> {
        let mut server = ServerProcess::launch(program, &fresh_directory("test")?, extra)?;
        server.owns_directory = true;
        server.await_banner()?;
        Ok(server)
    }

    /// The same in a directory that stays when the process is gone, and without waiting for
    /// anything.
    pub fn launch(program: &Path, directory: &Path, extra: &[&str]) -> io::Result<ServerProcess> {
        let mut command = Command::new(program);
        command
            .args(["server", "--port", "0", "--bind", "127.0.0.1", "--dir"])
            .arg(directory)
            .args(extra);
        Ok(ServerProcess {
            child: spawn(command, directory)?,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            directory: directory.to_owned(),
            owns_directory: false,
        })
    }

    /// Starts `ochre server` on data that stays when it goes; what it prints lies elsewhere.
    pub fn ochre_on(program: &Path, data: &Path, extra: &[&str]) -> io::Result<ServerProcess> {
        let mut command = Command::new(program);
        command
            .args(["server", "--port", "0", "--bind", "127.0.0.1", "--dir"])
            .arg(data)
            .args(extra);
        let directory = fresh_directory("test")?;
        let mut server = ServerProcess {
            child: spawn(command, &directory)?,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            directory,
            owns_directory: true,
        };
        server.await_banner()?;
        Ok(server)
    }

    /// Starts redis-server or valkey-server on data that stays when it goes. What it keeps
    /// is said by `extra`, or by the program's own defaults.
    pub fn redis_on(program: &Path, data: &Path, extra: &[&str]) -> io::Result<ServerProcess> {
        let mut last = io::Error::other("no attempt was made");
        for _ in 0..3 {
            let port = free_port()?;
            let directory = fresh_directory("test")?;
            let mut command = Command::new(program);
            command
                .args(["--bind", "127.0.0.1", "--enable-debug-command", "yes"])
                .args(["--port", &port.to_string(), "--dir"])
                .arg(data)
                .args(extra);
            let mut server = ServerProcess {
                child: spawn(command, &directory)?,
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                directory,
                owns_directory: true,
            };
            match server.wait_for(|server| server.accepts()) {
                Ok(()) => return Ok(server),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Waits until a launched server has said which port it chose, and accepts.
    pub fn await_banner(&mut self) -> io::Result<()> {
        let port = self.wait_for(|server| announced_port(&server.log()))?;
        self.address.set_port(port);
        self.wait_for(|server| server.accepts())
    }

    /// Asks the process to end (SIGTERM); see [`ServerProcess::wait`].
    pub fn terminate(&self) -> io::Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        Ok(rustix::process::kill_process(
            id,
            rustix::process::Signal::TERM,
        )?)
    }

    /// Ends the process at once, without a word (SIGKILL).
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server's process id, for /proc and for signals.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a server that was asked to end. `None`: it is still there.
    pub fn wait(&mut self, at_most: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + at_most;
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the server has printed so far.
    pub fn log(&self) -> String {
        fs::read(self.directory.join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    fn redis_at(program: &Path, port: u16, extra: &[&str]) -> io::Result<ServerProcess> {
        let directory = fresh_directory("test")?;
        let config = directory.join("server.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsave \"\"\nappendonly no\nenable-debug-command yes\n\
             enable-protected-configs yes\n",
            directory.display()
        );
        fs::write(&config, text)?;
        let mut command = Command::new(program);
        command.arg(&config).args(extra);
        let child = spawn(command, &directory)?;
        let mut server = ServerProcess {
            child,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            directory,
            owns_directory: true,
        };
        server.wait_for(|server| server.accepts())?;
        Ok(server)
    }

    /// It accepts, and not just to say that it is still loading.
    fn accepts(&self) -> Option<()> {
        let mut stream =
            TcpStream::connect_timeout(&self.address, Duration::from_millis(200)).ok()?;
        let patience = Some(Duration::from_secs(2));
        stream.set_read_timeout(patience).ok()?;
        stream.write_all(b"PING\r\n").ok()?;
        let mut reply = [0; 8];
        let count = stream.read(&mut reply).ok()?;
        (count > 0 && !reply.starts_with(b"-LOADING")).then_some(())
    }

    fn wait_for<T>(&mut self, mut ready: impl FnMut(&ServerProcess) -> Option<T>) -> io::Result<T> {
        let deadline = Instant::now() + START_WAIT;
        loop {
            if let Some(value) = ready(self) {
                return Ok(value);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!(
                    "the server ended with {status}:\n{}",
                    self.log()
                )));
            }
            if Instant::now() >= deadline {
                return Err(io::Error::other(format!(
                    "the server is not ready:\n{}",
                    self.log()
                )));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // A server that has ended already cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if self.owns_directory {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// The server's binary, built once a run: in the profile that the calling test was built in, so
/// that a test can never pass against yesterday's server. `OCHRE_SERVER` names another binary to
/// take as it is.
pub fn ochre_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("OCHRE_SERVER") {
        Some(path) => PathBuf::from(path),
        None => build_ochre(),
    })
}

fn build_ochre() -> PathBuf {
    // The test is target/<profile>/deps/<name>-<hash>.
    let own = std::env::current_exe().expect("the test binary has a path");
    let folder = own.ancestors().nth(2).expect("it lies in a profile folder");
    let target = folder.parent().expect("which lies in the target folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "ochre", "--bin", "ochre"])
        .args(["--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the server does not build");
    folder.join("ochre")
}

/// A directory for data, removed when dropped.
pub struct Directory(PathBuf);

impl Directory {
    pub fn fresh() -> io::Result<Directory> {
        fresh_directory("test").map(Directory)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Finds a program: a path is taken as it is, a name is looked up on PATH.
pub fn find_program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn spawn(mut command: Command, directory: &Path) -> io::Result<Child> {
    let log = File::create(directory.join("log"))?;
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

/// The port in a line of the start banner such as `… port=40123 …`.
fn announced_port(log: &str) -> Option<u16> {
    let (_, after) = log.split_once("port=")?;
    let end = after.find(|c: char| !c.is_ascii_digit())?;
    after[..end].parse().ok()
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// A new directory under the system's one for such things, its name after what it is for.
pub fn fresh_directory(purpose: &str) -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "ochre-{purpose}-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let directory = std::env::temp_dir().join(name);
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_once_its_line_is_whole() {
        assert_eq!(
            announced_port("x\nochre 0.1.0 port=40123 mode=eventloop\n"),
            Some(40123)
        );
        assert_eq!(announced_port("port=401"), None);
        assert_eq!(announced_port("starting"), None);
    }
}
