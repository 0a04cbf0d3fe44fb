//! Files exchanged with a real redis-server, where there is one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use persist::rdb::{
    Checksum, Preamble, Usage, VERSION_OF_REDIS_7_0, Value, ValueType, WriteOptions, Writer, dump,
    restore,
};
use store::{Access, Key, KeyHasher, NewValue, Table};
use testkit::process::{self, ServerProcess};
use testkit::reply::Reply;
use testkit::socket::Socket;
use testkit::target::{Received, Target};

use crate::contents::{Kept, KeptKey, KeptValue, read, read_dripping};

fn program(name: &str) -> Option<PathBuf> {
    let found = process::find_program(name);
    if found.is_none() {
        // Past the test harness, which keeps the output of a passing test to itself.
        let word = format!("SKIPPED: no {name} on PATH, so no file was exchanged with it\n");
        std::io::stderr()
            .write_all(word.as_bytes())
            .expect("stderr is open");
    }
    found
}

struct Redis {
    _process: ServerProcess,
    socket: Socket,
}

impl Redis {
    fn start(program: &Path, extra: &[&str]) -> Redis {
        let process = ServerProcess::redis(program, extra).expect("redis-server starts");
        let socket = Socket::connect(process.address()).expect("redis-server answers");
        Redis {
            _process: process,
            socket,
        }
    }

    fn ask(&mut self, words: &[&[u8]]) -> Reply {
        let argv: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            self.socket.send(0, &argv).expect("it listens");
            let received = self.socket.receive(0, Duration::from_secs(20));
            match received.expect("it answers") {
                Received::Reply(Reply::Error(error))
                    if error.starts_with(b"LOADING") && Instant::now() < deadline =>
                {
                    thread::sleep(Duration::from_millis(5));
                }
                Received::Reply(Reply::Error(error)) => {
                    panic!("{}: {}", argv[0].escape_ascii(), error.escape_ascii())
                }
                Received::Reply(reply) => return reply,
                other => panic!("{other:?}"),
            }
        }
    }

    fn bulk(&mut self, words: &[&[u8]]) -> Vec<u8> {
        match self.ask(words) {
            Reply::Bulk(bytes) => bytes,
            other => panic!("{other}"),
        }
    }

    /// The file that SAVE writes.
    fn save(&mut self) -> Vec<u8> {
        self.ask(&[b"SAVE"]);
        let Reply::Array(pair) = self.ask(&[b"CONFIG", b"GET", b"dir"]) else {
            panic!("a pair");
        };
        let Reply::Bulk(directory) = &pair[1] else {
            panic!("a directory");
        };
        let directory = PathBuf::from(String::from_utf8(directory.clone()).expect("a path"));
        fs::read(directory.join("dump.rdb")).expect("the file that was saved")
    }
}

fn strings() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rng = base::Rng::new(11);
    let mut noise = |len: usize| -> Vec<u8> { (0..len).map(|_| rng.next_u64() as u8).collect() };
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = vec![
        (b"plain".to_vec(), b"value".to_vec()),
        (b"".to_vec(), b"under the empty key".to_vec()),
        (b"empty".to_vec(), b"".to_vec()),
        (b"12345".to_vec(), b"key of digits".to_vec()),
        (vec![0, 255, 13, 10, 34], vec![0, 1, 2, 255, 254]),
    ];
    for number in [0, 1, -1, 127, 128, -128, -129, 32767, 32768, -32768, -32769] {
        pairs.push((format!("int:{number}").into(), number.to_string().into()));
    }
    for number in [
        i64::from(i32::MAX),
        i64::from(i32::MAX) + 1,
        i64::from(i32::MIN),
        i64::from(i32::MIN) - 1,
        i64::MAX,
        i64::MIN,
    ] {
        pairs.push((format!("int:{number}").into(), number.to_string().into()));
    }
    for near in ["01", "-0", "+1", "1.0", " 1", "99999999999999999999"] {
        pairs.push((format!("near:{near}").into(), near.into()));
    }
    for len in [
        19, 20, 21, 44, 63, 64, 100, 16_383, 16_384, 70_000, 1_500_000,
    ] {
        pairs.push((format!("noise:{len}").into(), noise(len)));
        pairs.push((format!("run:{len}").into(), vec![b'r'; len]));
        let text = (0..len)
            .map(|at| b"{\"field\":\"value\"},"[at % 18])
            .collect();
        pairs.push((format!("text:{len}").into(), text));
    }
    pairs
}

/// What redis-server 7 saves: strings come back equal, and all else is walked over by its name.
#[test]
fn files_of_redis_are_read() {
    let Some(program) = program("redis-server") else {
        return;
    };
    let mut redis = Redis::start(
        &program,
        &[
            "--hash-max-listpack-entries",
            "4",
            "--set-max-intset-entries",
            "4",
            "--zset-max-listpack-entries",
            "4",
        ],
    );
    let pairs = strings();
    for (key, value) in &pairs {
        redis.ask(&[b"SET", key, value]);
    }
    redis.ask(&[b"SET", b"ttl", b"v", b"PXAT", b"4102444800123"]);
    redis.ask(&[
        b"FUNCTION",
        b"LOAD",
        b"#!lua name=lib\nredis.register_function('f', function() return 1 end)",
    ]);
    let others: &[(&[&str], ValueType)] = &[
        (
            &["RPUSH", "o:list", "a", "b", "12"],
            ValueType::ListQuicklist2,
        ),
        (&["SADD", "o:intset", "1", "2", "3"], ValueType::SetIntset),
        (&["SADD", "o:set", "a", "b", "1"], ValueType::Set),
        (
            &["ZADD", "o:zset", "1.5", "a", "inf", "b"],
            ValueType::ZsetListpack,
        ),
        (
            &[
                "ZADD", "o:zset2", "1", "a", "2", "b", "3", "c", "-inf", "d", "5", "e",
            ],
            ValueType::Zset2,
        ),
        (&["HSET", "o:hash", "f", "v"], ValueType::HashListpack),
        (
            &[
                "HSET", "o:hash2", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5",
            ],
            ValueType::Hash,
        ),
        (&["XADD", "o:stream", "1-1", "f", "v"], ValueType::Stream2),
        (&["XADD", "o:stream2", "1-1", "f", "v"], ValueType::Stream2),
        (
            &["GEOADD", "o:geo", "13.36", "38.11", "Palermo"],
            ValueType::ZsetListpack,
        ),
    ];
    for (words, _) in others {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        redis.ask(&words);
    }
    redis.ask(&[b"RPUSH", b"o:list", &vec![b'L'; 20_000]]);
    redis.ask(&[b"XADD", b"o:stream2", b"1-2", b"f", b"w"]);
    redis.ask(&[b"XGROUP", b"CREATE", b"o:stream2", b"group", b"0"]);
    redis.ask(&[
        b"XREADGROUP",
        b"GROUP",
        b"group",
        b"consumer",
        b"COUNT",
        b"1",
        b"STREAMS",
        b"o:stream2",
        b">",
    ]);
    redis.ask(&[
        b"XGROUP",
        b"CREATECONSUMER",
        b"o:stream2",
        b"group",
        b"idler",
    ]);
    redis.ask(&[b"SELECT", b"9"]);
    redis.ask(&[b"SET", b"elsewhere", b"nine"]);

    for (policy, compression, checksum) in [
        ("noeviction", "yes", "yes"),
        ("allkeys-lru", "no", "yes"),
        ("allkeys-lfu", "yes", "yes"),
    ] {
        redis.ask(&[b"CONFIG", b"SET", b"maxmemory-policy", policy.as_bytes()]);
        redis.ask(&[b"CONFIG", b"SET", b"rdbcompression", compression.as_bytes()]);
        let file = redis.save();
        let items = read(&file).expect("a sound file");
        assert_eq!(items, read_dripping(&file, 1000).expect("a sound file"));
        assert_eq!(
            items.last(),
            Some(&Kept::End(Checksum::Right)),
            "{checksum}"
        );
        assert!(items.contains(&Kept::Aux(b"redis-bits".to_vec(), b"64".to_vec())));
        assert!(
            items
                .iter()
                .any(|item| matches!(item, Kept::Function(code) if code.starts_with(b"#!lua")))
        );
        assert!(items.contains(&Kept::SelectDb(9)));
        let keys: Vec<&KeptKey> = items
            .iter()
            .filter_map(|item| match item {
                Kept::Key(key) => Some(key),
                _ => None,
            })
            .collect();
        assert_eq!(keys.len(), pairs.len() + others.len() + 2);
        let find = |name: &[u8]| {
            *keys
                .iter()
                .find(|key| key.key == name)
                .expect("the key is in the file")
        };
        for (name, value) in &pairs {
            let key = find(name);
            assert!(
                key.value == KeptValue::String(value.clone()),
                "{}",
                name.escape_ascii()
            );
            assert_eq!(key.deadline_ms, None);
            assert_eq!(key.idle_secs.is_some(), policy == "allkeys-lru");
            assert_eq!(key.freq.is_some(), policy == "allkeys-lfu");
        }
        assert_eq!(find(b"ttl").deadline_ms, Some(4_102_444_800_123));
        assert_eq!(
            find(b"elsewhere").value,
            KeptValue::String(b"nine".to_vec())
        );
        for (words, value_type) in others {
            assert_eq!(
                find(words[1].as_bytes()).value,
                KeptValue::Other(*value_type),
                "{words:?}"
            );
        }
    }
}

/// A file of ours of version 10: redis-check-rdb approves of it and redis-server loads it.
#[test]
fn files_of_ours_are_read_by_redis() {
    let (Some(program), Some(check)) = (program("redis-server"), program("redis-check-rdb")) else {
        return;
    };
    let pairs = strings();
    let directory = std::env::temp_dir().join(format!("ochre-rdb-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory for the file");
    for (name, compress, checksum, usage) in [
        ("a.rdb", true, true, Usage::Unknown),
        ("b.rdb", false, true, Usage::IdleSecs(1000)),
        ("c.rdb", true, false, Usage::Freq(100)),
    ] {
        let mut writer = Writer::new(WriteOptions {
            version: VERSION_OF_REDIS_7_0,
            compress,
            checksum,
        });
        writer.preamble(&Preamble {
            created_secs: 1_700_000_000,
            used_memory_bytes: 1,
            ..Preamble::default()
        });
        writer.function(b"#!lua name=lib\nredis.register_function('f', function() return 1 end)");
        writer.select_db(0, pairs.len() as u64 + 1, 1);
        for (key, value) in &pairs {
            writer.string_key(key, None, usage, value);
        }
        writer.string_key(b"ttl", Some(4_102_444_800_123), usage, b"v");
        writer.select_db(9, 1, 0);
        writer.begin_large(b"sliced", None, usage, 300_000);
        (0..3).for_each(|_| writer.slice(&[b's'; 100_000]));
        writer.finish();
        let path = directory.join(name);
        fs::write(&path, writer.take()).expect("the file");

        let output = Command::new(&check)
            .arg(&path)
            .output()
            .expect("redis-check-rdb runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("RDB looks OK"),
            "{said}"
        );

        let directory = directory.to_str().expect("a plain path");
        let mut redis = Redis::start(&program, &["--dir", directory, "--dbfilename", name]);
        for (key, value) in &pairs {
            assert!(
                redis.bulk(&[b"GET", key]) == *value,
                "{}",
                key.escape_ascii()
            );
        }
        assert_eq!(
            redis.ask(&[b"PEXPIRETIME", b"ttl"]),
            Reply::Integer(4_102_444_800_123)
        );
        assert_eq!(
            redis.ask(&[b"DBSIZE"]),
            Reply::Integer(pairs.len() as i64 + 1)
        );
        assert_eq!(redis.ask(&[b"FCALL", b"f", b"0"]), Reply::Integer(1));
        redis.ask(&[b"DEBUG", b"RELOAD", b"NOSAVE"]);
        redis.ask(&[b"SELECT", b"9"]);
        assert!(redis.bulk(&[b"GET", b"sliced"]) == vec![b's'; 300_000]);
    }
    fs::remove_dir_all(&directory).expect("the directory goes");
}

/// DUMP there is RESTORE here, byte for byte but for the version.
#[test]
fn dumps_are_exchanged() {
    let Some(program) = program("redis-server") else {
        return;
    };
    let mut redis = Redis::start(&program, &[]);
    let hasher = KeyHasher::new([1, 2]);
    for (key, value) in strings() {
        redis.ask(&[b"SET", &key, &value]);
        let payload = redis.bulk(&[b"DUMP", &key]);
        let Ok(Value::String(text)) = restore(&payload) else {
            panic!("{} comes back", key.escape_ascii());
        };
        assert!(text.to_bytes() == value, "{}", key.escape_ascii());

        let mut table = Table::new(hasher, 0, 0);
        let slot = table.insert(
            &Key {
                bytes: &key,
                hash: hasher.hash(&key),
            },
            NewValue::String(&value),
            None,
            Access::lru(0),
            0,
        );
        let ours = dump(&table.entry(slot), VERSION_OF_REDIS_7_0);
        let body = &ours[..ours.len() - 10];
        // Compressors may differ in their choices; what they agree on must be the same bytes.
        if !key.starts_with(b"text:") && !key.starts_with(b"run:") {
            assert_eq!(body.len(), payload.len() - 10, "{}", key.escape_ascii());
        }
        redis.ask(&[b"RESTORE", &key, b"0", &ours, b"REPLACE"]);
        assert!(
            redis.bulk(&[b"GET", &key]) == value,
            "{}",
            key.escape_ascii()
        );
    }
    redis.ask(&[b"SADD", b"set", b"a", b"b"]);
    let payload = redis.bulk(&[b"DUMP", b"set"]);
    assert!(
        matches!(restore(&payload), Ok(Value::Collection(set)) if set.value_type.name() == "set")
    );
}
