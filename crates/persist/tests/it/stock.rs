//! Directories that we wrote under stock tools, and directories of stock servers under us.
//!
//! Skipped where redis-server is not installed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::story::{append, groups};
use persist::log::{FsyncPolicy, Log, Options, Recovery, Settings, Tail};
use persist::{Disk, Place, Storage, Trouble};

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let name = format!("ochre-persist-{name}-{}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory");
        Dir(dir)
    }

    fn place(&self) -> Place {
        Place::usual(&self.0)
    }

    fn survey(&self) -> Result<Recovery, Trouble> {
        let options = Options {
            load_truncated: true,
        };
        Recovery::survey(&Disk, &self.place(), options, &mut |_, path| {
            panic!("{} is no old-style file", path.display())
        })
    }

    fn open(&self) -> Log {
        let storage: Arc<dyn Storage> = Arc::new(Disk);
        let recovery = self.survey().expect("not refused");
        Log::open(storage, &recovery, Settings::new(FsyncPolicy::Always)).expect("opens")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn has(tool: &str) -> bool {
    let found = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("skipped: {tool} is not installed");
    }
    found
}

struct Redis {
    process: Child,
    stream: BufReader<TcpStream>,
}

impl Redis {
    fn start(dir: &Path, options: &[&str]) -> Redis {
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("one")
            .port();
        let process = Command::new("redis-server")
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "yes",
                "--port",
            ])
            .args([&port.to_string(), "--dir"])
            .arg(dir)
            .args(options)
            .stdout(fs::File::create(dir.join("redis.log")).expect("a file"))
            .spawn()
            .expect("starts");
        let until = Instant::now() + Duration::from_secs(20);
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break BufReader::new(stream),
                Err(error) => {
                    let said = fs::read_to_string(dir.join("redis.log")).unwrap_or_default();
                    assert!(Instant::now() < until, "{error}: {said}");
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        };
        let mut redis = Redis { process, stream };
        while redis.ask("PING").starts_with("-LOADING") {
            assert!(Instant::now() < until);
        }
        redis
    }

    /// The first line of the reply, and the second of a bulk.
    fn ask(&mut self, line: &str) -> String {
        write!(self.stream.get_mut(), "{line}\r\n").expect("sent");
        let mut reply = String::new();
        self.stream.read_line(&mut reply).expect("a reply");
        if reply.starts_with('$') && !reply.starts_with("$-1") {
            reply.clear();
            self.stream.read_line(&mut reply).expect("a reply");
        }
        if let Some(count) = reply.strip_prefix('*') {
            // Of short replies only.
            for _ in 0..count.trim_end().parse().expect("a number") {
                self.stream.read_line(&mut String::new()).expect("a reply");
            }
        }
        reply.trim_end().to_owned()
    }

    fn stop(mut self) {
        let _ = write!(self.stream.get_mut(), "SHUTDOWN NOSAVE\r\n");
        self.process.wait().expect("ends");
    }

    fn kill(mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("ends");
    }
}

fn set(database: u32, key: &str, value: &str) -> (u32, Vec<Vec<u8>>) {
    (database, vec![b"SET".to_vec(), key.into(), value.into()])
}

/// Two files with three databases and a transaction, closed.
fn write_log(dir: &Dir) {
    let log = dir.open();
    append(&log, &vec![set(0, "a", "1")]);
    append(
        &log,
        &vec![set(3, "b", "2"), set(3, "c", "3"), set(0, "d", "#OCH1 4")],
    );
    log.commit(0, &|| 0).expect("commits");
    append(&log, &vec![set(0, "long", &"x".repeat(300_000))]);
    log.begin_rotation();
    append(&log, &vec![set(0, "e", "5")]);
    log.rotate(0, &|| 0).expect("rotates");
    log.commit(0, &|| 0).expect("commits");
    log.close(0, &|| 0).expect("closes");
}

#[test]
fn redis_check_aof_accepts_our_directory() {
    if !has("redis-check-aof") {
        return;
    }
    let dir = Dir::new("check");
    write_log(&dir);
    let manifest = dir.place().file("appendonly.aof.manifest");
    let output = Command::new("redis-check-aof")
        .arg(manifest)
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("All AOF files and manifest are valid"),
        "{said}"
    );
}

/// What `redis-check-aof --truncate-to-timestamp` leaves ends clean, for us too.
#[test]
fn stock_tools_find_a_time_in_our_log() {
    if !has("redis-check-aof") {
        return;
    }
    const BEGAN_SECS: u64 = 1_700_000_000;
    let dir = Dir::new("times");
    let storage: Arc<dyn Storage> = Arc::new(Disk);
    let settings = Settings {
        timestamps: true,
        ..Settings::new(FsyncPolicy::Always)
    };
    let recovery = dir.survey().expect("nothing there");
    let log = Log::open(storage, &recovery, settings).expect("opens");
    for number in 0..9 {
        append(
            &log,
            &vec![
                set(0, &format!("k{number}"), "v"),
                set(1, "n", &number.to_string()),
            ],
        );
        log.tell_time(BEGAN_SECS + number / 3);
        log.commit(0, &|| 0).expect("commits");
    }
    log.close(0, &|| 0).expect("closes");
    let manifest = dir.place().file("appendonly.aof.manifest");
    for (second, count) in [(9, 9), (2, 9), (1, 6), (0, 3)] {
        let output = Command::new("redis-check-aof")
            .args([
                "--truncate-to-timestamp",
                &(BEGAN_SECS + second).to_string(),
            ])
            .arg(&manifest)
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        let recovery = dir.survey().expect("not refused");
        assert_eq!(recovery.parts[0].tail, Tail::Clean);
        assert_eq!(groups(&recovery, &Disk).expect("served").len(), count);
        if has("redis-server") && second != 9 {
            let mut redis = Redis::start(&dir.0, &["--aof-timestamp-enabled", "no"]);
            assert_eq!(redis.ask("DBSIZE"), format!(":{count}"));
            redis.stop();
        }
    }
}

#[test]
fn redis_loads_our_directory_and_we_load_what_it_added() {
    if !has("redis-server") {
        return;
    }
    let dir = Dir::new("load");
    write_log(&dir);
    let mut redis = Redis::start(&dir.0, &["--aof-timestamp-enabled", "yes"]);
    assert_eq!(redis.ask("DBSIZE"), ":4");
    assert_eq!(redis.ask("GET a"), "1");
    assert_eq!(redis.ask("GET d"), "#OCH1 4");
    assert_eq!(redis.ask("STRLEN long"), ":300000");
    assert_eq!(redis.ask("GET e"), "5");
    redis.ask("SELECT 3");
    assert_eq!(redis.ask("GET c"), "3");
    assert_eq!(redis.ask("SET f 6"), "+OK");
    redis.ask("MULTI");
    redis.ask("SET g 7");
    redis.ask("SET h 8");
    redis.ask("EXEC");
    redis.stop();

    let recovery = dir.survey().expect("not refused");
    let part = recovery.parts.last().expect("a file");
    assert!(part.framed_end < part.end, "commands of Redis follow ours");
    let served = groups(&recovery, &Disk).expect("served");
    let last: Vec<_> = served[served.len() - 2..]
        .iter()
        .map(|(group, _)| group.clone())
        .collect();
    assert_eq!(
        last,
        [
            vec![set(3, "f", "6")],
            vec![set(3, "g", "7"), set(3, "h", "8")]
        ]
    );
    assert_eq!(served.len(), 6);

    // We go on in a new file, and Redis after us.
    let log = dir.open();
    append(&log, &vec![set(3, "i", "9")]);
    log.close(0, &|| 0).expect("closes");
    let recovery = dir.survey().expect("not refused");
    assert_eq!(recovery.parts.len(), 3);
    assert_eq!(groups(&recovery, &Disk).expect("served").len(), 7);
    let mut redis = Redis::start(&dir.0, &[]);
    redis.ask("SELECT 3");
    assert_eq!(redis.ask("GET h"), "8");
    assert_eq!(redis.ask("GET i"), "9");
    // It rewrites, in its own manner.
    assert!(redis.ask("BGREWRITEAOF").starts_with('+'));
    let until = Instant::now() + Duration::from_secs(20);
    let manifest = dir.place().file("appendonly.aof.manifest");
    while !fs::read_to_string(&manifest)
        .expect("a manifest")
        .contains("base.rdb")
    {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(20));
    }
    redis.ask("SET j 10");
    redis.stop();
    let recovery = dir.survey().expect("not refused");
    assert!(recovery.base.is_some());
    let served = groups(&recovery, &Disk).expect("served");
    assert_eq!(served.last().expect("one").0, [set(3, "j", "10")]);
    drop(dir.open());
}

/// A stock server that is killed leaves a short end; ours is cut as Redis would.
#[test]
fn a_stock_log_is_cut_by_its_own_rule() {
    if !has("redis-server") {
        return;
    }
    let dir = Dir::new("plain");
    let mut redis = Redis::start(
        &dir.0,
        &["--aof-use-rdb-preamble", "no", "--appendfsync", "always"],
    );
    for number in 0..20 {
        redis.ask("MULTI");
        redis.ask(&format!("SET k{number} v"));
        redis.ask(&format!("SET l{number} v"));
        redis.ask("EXEC");
        redis.ask(&format!("SET m{number} v"));
    }
    redis.kill();
    let path = dir.place().file("appendonly.aof.1.incr.aof");
    let whole = fs::read(&path).expect("a log");
    assert!(!whole.starts_with(b"#OCH1"));
    let mut last = 0;
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).expect("written");
        let recovery = dir.survey().expect("not refused");
        let count = groups(&recovery, &Disk).expect("served").len();
        assert!(count >= last, "{count} after {last} at {cut}");
        last = count;
        if cut % 97 == 0 {
            // What Redis makes of the same file.
            let copy = Dir::new("plain-copy");
            let from = dir.place().log_dir();
            fs::create_dir(copy.place().log_dir()).expect("made");
            for entry in fs::read_dir(from).expect("a directory") {
                let entry = entry.expect("an entry").path();
                let name = entry.file_name().expect("a name");
                fs::copy(&entry, copy.place().log_dir().join(name)).expect("copied");
            }
            let mut redis = Redis::start(&copy.0, &[]);
            let keys: usize = redis.ask("DBSIZE")[1..].parse().expect("a number");
            redis.stop();
            let ours = groups(&recovery, &Disk).expect("served");
            assert_eq!(
                ours.iter().map(|(group, _)| group.len()).sum::<usize>(),
                keys,
                "at {cut}"
            );
        }
    }
    assert_eq!(last, 40);
    // Damage in the middle of it is refused.
    let mut bytes = whole.clone();
    bytes[whole.len() / 2..whole.len() / 2 + 3].fill(b'!');
    fs::write(&path, &bytes).expect("written");
    dir.survey().expect_err("refused");
}

/// A single appendonly.aof of Redis 6 becomes the base, as Redis 7 does it.
#[test]
fn an_old_style_file_is_taken_over() {
    let dir = Dir::new("old");
    let text = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    fs::write(dir.0.join("appendonly.aof"), text).expect("written");
    let recovery = dir.survey().expect("not refused");
    assert!(recovery.base.as_ref().expect("a base").is_old_style);
    assert_eq!(groups(&recovery, &Disk).expect("served").len(), 1);
    let log = dir.open();
    append(&log, &vec![set(0, "b", "2")]);
    log.close(0, &|| 0).expect("closes");
    assert!(!dir.0.join("appendonly.aof").exists());
    let recovery = dir.survey().expect("not refused");
    assert_eq!(groups(&recovery, &Disk).expect("served").len(), 2);
    if has("redis-server") {
        let mut redis = Redis::start(&dir.0, &[]);
        assert_eq!(
            (redis.ask("GET a"), redis.ask("GET b")),
            ("1".into(), "2".into())
        );
        redis.stop();
    }
}

#[test]
fn an_old_style_file_may_begin_with_an_rdb() {
    let dir = Dir::new("preamble");
    let text = b"REDIS-stand-in*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*3\r\n$3\r\nSE";
    fs::write(dir.0.join("appendonly.aof"), text).expect("written");
    let options = Options {
        load_truncated: true,
    };
    let look = || Recovery::survey(&Disk, &dir.place(), options, &mut |_, _| Ok(14));
    let recovery = look().expect("not refused");
    assert_eq!(recovery.base.as_ref().expect("a base").rdb_bytes, 14);
    assert_eq!(groups(&recovery, &Disk).expect("served").len(), 1);
    assert_eq!(recovery.cut().expect("a cut").bytes, 10);
    let storage: Arc<dyn Storage> = Arc::new(Disk);
    let log = Log::open(storage, &recovery, Settings::new(FsyncPolicy::No)).expect("opens");
    append(&log, &vec![set(0, "b", "2")]);
    drop(log);
    let recovery = look().expect("not refused");
    assert_eq!(recovery.cut(), None);
    assert_eq!(groups(&recovery, &Disk).expect("served").len(), 1);
}

#[test]
fn a_directory_has_one_owner() {
    let dir = Dir::new("lock");
    let guard = Disk.lock(&dir.0).expect("free");
    let trouble = Disk.lock(&dir.0).map(drop).expect_err("taken");
    assert_eq!(trouble.kind, persist::Kind::InUse);
    assert!(
        trouble
            .to_string()
            .contains(&format!("process {}", std::process::id()))
    );
    drop(guard);
    Disk.lock(&dir.0).expect("free again");
}
