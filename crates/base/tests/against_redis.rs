//! The same questions to a real server and to this crate. `cargo test -p ochre-base -- --ignored`
//! needs a `redis-server` of version 7.0 in the path; it is started on a free port and keeps
//! nothing.
//!
//! Every question comes from the seed that a failure prints: `SEED=7 cargo test ... -- --ignored`.

use base::{LongDouble, Rng, glob_match, parse_f64, parse_i64, split_args, write_f64_17g};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const QUESTIONS: usize = 20_000;

#[test]
#[ignore = "needs a redis-server"]
fn incrbyfloat() {
    let mut redis = Redis::start();
    check(|rng| {
        let (value, increment) = (float_text(rng), float_text(rng));
        redis.ask(&[b"SET", b"k", &value]).unwrap();
        let want = redis.ask(&[b"INCRBYFLOAT", b"k", &increment]).ok();
        let sum = LongDouble::parse(&value)
            .zip(LongDouble::parse(&increment))
            .map(|(value, increment)| value.add(increment))
            .filter(|sum| !sum.is_nan_or_inf());
        let got = sum.map(|sum| {
            let mut out = Vec::new();
            sum.write_human(&mut out);
            out
        });
        assert_eq!(
            got,
            want,
            "{} + {}",
            value.escape_ascii(),
            increment.escape_ascii()
        );
    });
}

#[test]
#[ignore = "needs a redis-server"]
fn scores() {
    let mut redis = Redis::start();
    check(|rng| {
        let text = float_text(rng);
        let want = redis.ask(&[b"ZADD", b"z", &text, b"m"]).ok();
        let got = parse_f64(&text);
        assert_eq!(got.is_some(), want.is_some(), "{}", text.escape_ascii());
        // The sorted set keeps no sign of zero, so that is not asked back.
        if let Some(score) = got.filter(|score| *score != 0.0) {
            let mut out = Vec::new();
            write_f64_17g(&mut out, score);
            assert_eq!(
                redis.ask(&[b"ZSCORE", b"z", b"m"]),
                Ok(out),
                "{}",
                text.escape_ascii()
            );
        }
    });
}

#[test]
#[ignore = "needs a redis-server"]
fn integers() {
    let mut redis = Redis::start();
    check(|rng| {
        let text = match rng.below(3) {
            0 => pick(rng, b"0123456789", 21),
            1 => pick(rng, b"-+ 019", 4),
            _ => (((rng.next_u64() as i64) >> rng.below(64)).to_string() + "0").into_bytes(),
        };
        // Adding zero says whether the value is an integer.
        redis.ask(&[b"SET", b"k", &text]).unwrap();
        let want = redis.ask(&[b"INCRBY", b"k", b"0"]).is_ok();
        assert_eq!(parse_i64(&text).is_some(), want, "{}", text.escape_ascii());
    });
}

#[test]
#[ignore = "needs a redis-server"]
fn patterns() {
    let mut redis = Redis::start();
    check(|rng| {
        let (pattern, key) = (
            pick(rng, b"abc\xe9*?[]^\\-", 10),
            pick(rng, b"abc\xe9*[]^\\-", 6),
        );
        // KEYS answers a lone star without matching.
        if pattern == b"*" {
            return;
        }
        redis.ask(&[b"FLUSHALL"]).unwrap();
        redis.ask(&[b"SET", &key, b""]).unwrap();
        let want = redis.ask(&[b"KEYS", &pattern]) == Ok(key.clone());
        let got = glob_match(&pattern, &key, false);
        assert_eq!(
            got,
            want,
            "{} {}",
            pattern.escape_ascii(),
            key.escape_ascii()
        );
    });
}

#[test]
#[ignore = "needs a redis-server"]
fn inline_requests() {
    let mut redis = Redis::start();
    check(|rng| {
        let mut line = b"ECHO ".to_vec();
        line.extend(pick(rng, b"ab4\\x'\" \t\x0bn", 12));
        let want = redis.ask_inline(&line);
        match (split_args(&line).as_deref(), want) {
            (Some([_, value]), Ok(echo)) => assert_eq!(*value, echo, "{}", line.escape_ascii()),
            (Some([_, _]), Err(error)) => panic!("{}: {error}", line.escape_ascii()),
            (args, want) => {
                let unbalanced = want.expect_err("too many arguments").contains("unbalanced");
                assert_eq!(args.is_none(), unbalanced, "{}", line.escape_ascii());
            }
        }
    });
}

fn check(mut question: impl FnMut(&mut Rng)) {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    println!("SEED={seed}");
    let mut rng = Rng::new(seed);
    (0..QUESTIONS).for_each(|_| question(&mut rng));
}

fn pick(rng: &mut Rng, from: &[u8], len_max: u64) -> Vec<u8> {
    let len = rng.below(len_max + 1);
    (0..len)
        .map(|_| from[rng.below(from.len() as u64) as usize])
        .collect()
}

fn float_text(rng: &mut Rng) -> Vec<u8> {
    let mut text = pick(rng, b"-+", 1);
    match rng.below(6) {
        0 => text.extend(pick(rng, b"0123456789.eE+-xpinfa ", 10)),
        1 => {
            text.extend(b"0x");
            text.extend(pick(rng, b"0123456789abcdef", 30));
            text.extend(pick(rng, b".", 1));
            text.extend(pick(rng, b"08f", 20));
            text.extend(format!("p{}", rng.below(3_000) as i64 - 1_500).bytes());
        }
        2 => text.extend(format!("{:e}", f64::from_bits(rng.next_u64() & !(1 << 63))).bytes()),
        3 => {
            text.extend(pick(rng, b"0123456789", 40));
            text.push(b'.');
            text.extend(pick(rng, b"0123456789", 40));
            text.extend(format!("e{}", rng.below(10_000) as i64 - 5_000).bytes());
        }
        4 => text.extend(format!("{}.{:09}", rng.below(1_000), rng.below(1_000_000_000)).bytes()),
        _ => text.extend((rng.next_u64() >> rng.below(64)).to_string().bytes()),
    }
    text
}

/// A server of our own and one connection to it.
struct Redis {
    server: Child,
    port: u16,
    connection: BufReader<TcpStream>,
}

impl Redis {
    fn start() -> Redis {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let server = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server in the path");
        Redis {
            server,
            port,
            connection: connect(port),
        }
    }

    /// The reply as one string: status, integer, bulk, or the first element of an array.
    fn ask(&mut self, argv: &[&[u8]]) -> Result<Vec<u8>, String> {
        let mut request = format!("*{}\r\n", argv.len()).into_bytes();
        for arg in argv {
            request.extend(format!("${}\r\n", arg.len()).bytes());
            request.extend_from_slice(arg);
            request.extend(b"\r\n");
        }
        self.connection.get_mut().write_all(&request).unwrap();
        self.read_reply()
    }

    fn ask_inline(&mut self, line: &[u8]) -> Result<Vec<u8>, String> {
        self.connection
            .get_mut()
            .write_all(&[line, b"\r\n"].concat())
            .unwrap();
        let reply = self.read_reply();
        // The server hangs up after a protocol error.
        if reply
            .as_ref()
            .is_err_and(|error| error.contains("Protocol error"))
        {
            self.connection = connect(self.port);
        }
        reply
    }

    fn read_reply(&mut self) -> Result<Vec<u8>, String> {
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "-" => Err(rest.to_string()),
            "$" => {
                let len: usize = rest.parse().map_err(|_| "nil".to_string())?;
                let mut bulk = vec![0; len + 2];
                self.connection.read_exact(&mut bulk).unwrap();
                bulk.truncate(len);
                Ok(bulk)
            }
            "*" if rest == "0" => Err("empty".to_string()),
            "*" => self.read_reply(),
            _ => Ok(rest.as_bytes().to_vec()),
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.server
            .kill()
            .and_then(|()| self.server.wait())
            .expect("our own child");
    }
}

fn connect(port: u16) -> BufReader<TcpStream> {
    for _ in 0..100 {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => {
                stream.set_nodelay(true).unwrap();
                return BufReader::new(stream);
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    panic!("no server on port {port}");
}
