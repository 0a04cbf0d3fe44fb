//! The flags of `ochre bench`, one row each.
//!
//! A row holds a flag's names, what it takes, what it does to the options, and
//! the line that help prints for it. Parsing and help read the same rows, so
//! there is no flag without help and no help without a flag. Short flags are
//! redis-benchmark's.

use std::time::Duration;

use crate::bench::cores::Pinning;
use crate::bench::open_loop::Arrivals;
use crate::bench::options::{Options, Pin};
use crate::bench::target::Address;
use crate::bench::workload::KEYSPACE_MAX;

const SIZE_MAX: u64 = 512 << 20;
const DEPTH_MAX: u64 = 100_000;

/// One flag: a row of the table.
pub struct Flag {
    pub names: &'static [&'static str],
    /// What stands behind it, in words for help; none for a mere switch.
    pub value: Option<&'static str>,
    pub group: Group,
    pub help: &'static str,
    pub apply: fn(&mut Options, &str) -> Result<(), String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Server,
    Load,
    Pace,
    Compare,
    Output,
}

impl Group {
    pub const ALL: [(Group, &str); 5] = [
        (Group::Server, "Where to"),
        (
            Group::Load,
            "What to send (-c -P -d -t take lists such as 1,16,64: all combinations run)",
        ),
        (Group::Pace, "How fast"),
        (
            Group::Compare,
            "Comparing servers, each started afresh for every run",
        ),
        (Group::Output, "Output"),
    ];
}

macro_rules! flag {
    ($group:ident, $names:expr, $value:expr, $help:expr, $apply:expr) => {
        Flag {
            names: &$names,
            value: $value,
            group: Group::$group,
            help: $help,
            apply: $apply,
        }
    };
}

/// Every flag there is, in the order of help.
pub const FLAGS: &[Flag] = &[
    flag!(
        Server,
        ["-h", "--host"],
        Some("HOST"),
        "host name or address (127.0.0.1)",
        |o, v| { o.set_host(v) }
    ),
    flag!(
        Server,
        ["-p", "--port"],
        Some("PORT"),
        "port (6379)",
        |o, v| {
            let port = v.parse().map_err(|_| "not a port".to_string())?;
            o.set_port(port)
        }
    ),
    flag!(
        Server,
        ["-s", "--socket"],
        Some("PATH"),
        "Unix socket, instead of host and port",
        |o, v| {
            o.target_is_given = true;
            o.target.address = Address::Unix(v.into());
            Ok(())
        }
    ),
    flag!(
        Server,
        ["-u", "--uri"],
        Some("URI"),
        "redis://[[user:]password@]host[:port][/db]",
        |o, v| { o.set_uri(v) }
    ),
    flag!(
        Server,
        ["-a", "--pass"],
        Some("PASSWORD"),
        "password (or in REDISCLI_AUTH)",
        |o, v| {
            o.target.password = Some(v.to_string());
            Ok(())
        }
    ),
    flag!(
        Server,
        ["--user"],
        Some("NAME"),
        "user that the password belongs to",
        |o, v| {
            o.target.user = Some(v.to_string());
            Ok(())
        }
    ),
    flag!(
        Server,
        ["--dbnum"],
        Some("N"),
        "database to SELECT (0)",
        |o, v| {
            o.target.dbnum = number(v, 0, u64::from(u32::MAX))? as u32;
            Ok(())
        }
    ),
    flag!(Server, ["-3"], None, "speak RESP3 (HELLO 3)", |o, _| {
        o.target.resp3 = true;
        Ok(())
    }),
    flag!(
        Load,
        ["-c", "--clients"],
        Some("LIST"),
        "connections (50)",
        |o, v| {
            o.clients = numbers(v, 1, 1_000_000)?;
            Ok(())
        }
    ),
    flag!(
        Load,
        ["-n", "--requests"],
        Some("N"),
        "requests of each test (100000); 1k, 1m are understood",
        |o, v| {
            o.limit.requests = Some(number(v, 1, u64::MAX)?);
            Ok(())
        }
    ),
    flag!(
        Load,
        ["--time"],
        Some("SECONDS"),
        "length of each test, instead of or beside -n",
        |o, v| {
            o.limit.time = Some(positive_seconds(v)?);
            Ok(())
        }
    ),
    flag!(
        Load,
        ["-P", "--pipeline"],
        Some("LIST"),
        "requests per write (1)",
        |o, v| {
            o.depths = numbers(v, 1, DEPTH_MAX)?;
            Ok(())
        }
    ),
    flag!(
        Load,
        ["-d", "--data-size"],
        Some("LIST"),
        "bytes in each value (3)",
        |o, v| {
            o.sizes = numbers(v, 0, SIZE_MAX)?;
            Ok(())
        }
    ),
    flag!(
        Load,
        ["-t", "--tests"],
        Some("LIST"),
        "tests by name, see below",
        |o, v| {
            o.tests = Some(v.split(',').map(|name| name.trim().to_string()).collect());
            Ok(())
        }
    ),
    flag!(
        Load,
        ["-r", "--keys"],
        Some("N"),
        "draw keys from N, key:000000000000 and up; without it all use one",
        |o, v| {
            o.keyspace = Some(number(v, 1, KEYSPACE_MAX)?);
            Ok(())
        }
    ),
    flag!(
        Load,
        ["--fill"],
        None,
        "first SET each of the --keys once, so that reads find something",
        |o, _| {
            o.fill = true;
            Ok(())
        }
    ),
    flag!(
        Load,
        ["--warmup"],
        Some("SECONDS"),
        "load before the clock runs (0; 0.5 when comparing)",
        |o, v| {
            o.warmup = seconds(v)?;
            o.warmup_is_given = true;
            Ok(())
        }
    ),
    flag!(
        Load,
        ["-k", "--keep-alive"],
        Some("0|1"),
        "0: a new connection for each write (1)",
        |o, v| {
            o.keep_alive = match v {
                "0" => false,
                "1" => true,
                _ => return Err("0 or 1 is expected".to_string()),
            };
            Ok(())
        }
    ),
    flag!(
        Load,
        ["--threads"],
        Some("N"),
        "threads of the generator (1)",
        |o, v| {
            o.threads = number(v, 1, 512)? as u32;
            Ok(())
        }
    ),
    flag!(
        Load,
        ["--seed"],
        Some("N"),
        "the same keys and data again (12345)",
        |o, v| {
            o.seed = v.parse().map_err(|_| "not a number".to_string())?;
            Ok(())
        }
    ),
    flag!(
        Load,
        ["-x"],
        None,
        "the last word of the own command comes from standard input",
        |o, _| {
            o.last_word_from_stdin = true;
            Ok(())
        }
    ),
    flag!(
        Load,
        ["-l", "--loop"],
        None,
        "again and again, until Ctrl-C",
        |o, _| {
            o.forever = true;
            Ok(())
        }
    ),
    flag!(
        Load,
        ["-I", "--idle"],
        None,
        "only open the connections and hold them",
        |o, _| {
            o.idle = true;
            Ok(())
        }
    ),
    flag!(
        Pace,
        ["--rate"],
        Some("LIST"),
        "open loop: so many requests a second leave by the clock, and latency counts from when each was due",
        |o, v| {
            o.rates = rates(v)?;
            Ok(())
        }
    ),
    flag!(
        Pace,
        ["--arrivals"],
        Some("KIND"),
        "of an open loop: poisson or even (poisson)",
        |o, v| {
            o.arrivals = match v {
                "poisson" => Arrivals::Poisson,
                "even" => Arrivals::Even,
                _ => return Err("poisson or even is expected".to_string()),
            };
            Ok(())
        }
    ),
    flag!(
        Pace,
        ["--throttle"],
        Some("RATE"),
        "closed loop, but no more requests a second than this",
        |o, v| {
            o.throttle = Some(rate(v)?);
            Ok(())
        }
    ),
    flag!(
        Compare,
        ["--compare"],
        Some("COMMAND"),
        "against the server that COMMAND starts (--port N is appended); may be repeated",
        |o, v| {
            o.compare.push(v.to_string());
            Ok(())
        }
    ),
    flag!(
        Compare,
        ["--compare-modes"],
        None,
        "this server with --mode eventloop against --mode threaded",
        |o, _| {
            o.compare_modes = true;
            Ok(())
        }
    ),
    flag!(
        Compare,
        ["--base"],
        Some("COMMAND"),
        "side A (this executable's server)",
        |o, v| {
            o.base = Some(v.to_string());
            Ok(())
        }
    ),
    flag!(
        Compare,
        ["--ours"],
        Some("ARGS"),
        "more arguments for this executable's server",
        |o, v| {
            o.ours = v.to_string();
            Ok(())
        }
    ),
    flag!(
        Compare,
        ["--pairs"],
        Some("N"),
        "pairs of runs, in turn A B, B A, … (7)",
        |o, v| {
            o.pairs = number(v, 1, 10_000)? as u32;
            Ok(())
        }
    ),
    flag!(
        Compare,
        ["--pin"],
        Some("[=S:G]"),
        "server on core 0, generator on core 1; or lists of cores: --pin=0-1:2,3",
        |o, v| {
            o.pin = Some(match v {
                "" => Pin::FirstTwo,
                chosen => Pin::Chosen(
                    Pinning::parse(chosen)
                        .ok_or("SERVER:GENERATOR cores are expected, such as 0:1")?,
                ),
            });
            Ok(())
        }
    ),
    flag!(
        Compare,
        ["--steal-max"],
        Some("PERCENT"),
        "discard runs during which the hypervisor took more (1)",
        |o, v| {
            let percent: f64 = v.parse().map_err(|_| "not a number".to_string())?;
            if !(0.0..=100.0).contains(&percent) {
                return Err("0 to 100 is expected".to_string());
            }
            o.steal_max = percent / 100.0;
            Ok(())
        }
    ),
    flag!(
        Output,
        ["-q", "--quiet"],
        None,
        "one line per test",
        |o, _| {
            o.quiet = true;
            Ok(())
        }
    ),
    flag!(Output, ["--csv"], None, "comma-separated values", |o, _| {
        o.csv = true;
        Ok(())
    }),
    flag!(
        Output,
        ["--precision"],
        Some("N"),
        "decimals of latencies in milliseconds (3)",
        |o, v| {
            o.precision = number(v, 0, 6)? as usize;
            Ok(())
        }
    ),
    flag!(
        Output,
        ["-e"],
        None,
        "go on after error replies, show and count them",
        |o, _| {
            o.tolerate_errors = true;
            Ok(())
        }
    ),
    flag!(
        Output,
        ["--report"],
        Some("FILE"),
        "also write a page with plots (HTML, nothing loaded from elsewhere)",
        |o, v| {
            o.report = Some(v.into());
            Ok(())
        }
    ),
    flag!(Output, ["--help"], None, "this text", |_, _| Ok(())),
];

/// What to say about a word that looks like a flag and is none.
pub fn unknown_flag(name: &str) -> String {
    match name {
        "--tls" | "--cacert" | "--cert" | "--key" | "--sni" | "--insecure" | "--cacertdir" => {
            format!("{name}: encrypted connections are not supported")
        }
        "--cluster" => "--cluster: measure the nodes one by one, with -h and -p".to_string(),
        _ => format!("{name} is not a flag; see --help"),
    }
}

/// A whole number within bounds, perhaps with k, m or g behind it.
pub fn number(text: &str, low: u64, high: u64) -> Result<u64, String> {
    let value = base::parse_memory(text).ok_or("not a number")?;
    if value < low || value > high {
        return Err(match high {
            u64::MAX => format!("at least {low} is expected"),
            _ => format!("a number from {low} to {high} is expected"),
        });
    }
    Ok(value)
}

fn numbers(text: &str, low: u64, high: u64) -> Result<Vec<u32>, String> {
    text.split(',')
        .map(|one| number(one.trim(), low, high).map(|n| n as u32))
        .collect()
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 1, 1_000_000_000).map(|rate| rate as f64)
}

fn rates(text: &str) -> Result<Vec<f64>, String> {
    text.split(',').map(|one| rate(one.trim())).collect()
}

fn seconds(text: &str) -> Result<Duration, String> {
    let digits = text.strip_suffix('s').unwrap_or(text);
    let seconds: f64 = digits
        .parse()
        .map_err(|_| "not a number of seconds".to_string())?;
    if !(0.0..=10_000_000.0).contains(&seconds) {
        return Err("not a sensible number of seconds".to_string());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn positive_seconds(text: &str) -> Result<Duration, String> {
    seconds(text).and_then(|time| match time {
        Duration::ZERO => Err("more than zero is expected".to_string()),
        time => Ok(time),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_distinct_names() {
        let mut names: Vec<&str> = FLAGS.iter().flat_map(|flag| flag.names).copied().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn numbers_have_bounds_and_units() {
        assert_eq!(number("10k", 1, 20_000), Ok(10_000));
        assert!(number("10k", 1, 9_999).is_err());
        assert!(number("", 0, 9).is_err() && number("-1", 0, 9).is_err());
        assert_eq!(numbers("1, 16,64", 1, 100), Ok(vec![1, 16, 64]));
        assert!(numbers("1,,2", 1, 100).is_err());
        assert_eq!(seconds("1.5s"), Ok(Duration::from_millis(1_500)));
        assert!(seconds("-1").is_err() && seconds("inf").is_err());
    }
}
