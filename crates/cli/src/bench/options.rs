//! The command line of `ochre bench`.
//!
//! Each flag is one row of [`FLAGS`]: its names, what it takes, what it does,
//! and the line that help prints for it. Parsing and help read the same rows.
//! Short flags are redis-benchmark's; the first word that is no flag begins a
//! command line of one's own.

use std::path::PathBuf;
use std::time::Duration;

use crate::bench::cores::Pinning;
use crate::bench::load::Limit;
use crate::bench::open_loop::Arrivals;
use crate::bench::target::{Address, Target};
use crate::bench::workload::{self, KEYSPACE_MAX};

const REQUESTS_BY_DEFAULT: u64 = 100_000;
const OPEN_LOOP_TIME_BY_DEFAULT: Duration = Duration::from_secs(10);
const COMPARE_TIME_BY_DEFAULT: Duration = Duration::from_secs(2);
const COMPARE_WARMUP_BY_DEFAULT: Duration = Duration::from_millis(500);
const COMPARE_KEYS_BY_DEFAULT: u64 = 100_000;
const SIZE_MAX: u64 = 512 << 20;
const DEPTH_MAX: u64 = 100_000;
/// The requests of one write are kept encoded in memory.
const BLOCK_BYTES_MAX: u64 = 1 << 30;

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked {
    Help,
    Run(Box<Options>),
}

/// All that can be chosen. Lists make sweeps: every combination is measured.
#[derive(Debug, Clone)]
pub struct Options {
    pub target: Target,
    pub clients: Vec<u32>,
    pub depths: Vec<u32>,
    pub sizes: Vec<u32>,
    pub rates: Vec<f64>,
    pub tests: Option<Vec<String>>,
    pub command: Vec<String>,
    pub limit: Limit,
    pub warmup: Duration,
    pub keyspace: Option<u64>,
    pub fill: bool,
    pub keep_alive: bool,
    pub threads: u32,
    pub seed: u64,
    pub last_word_from_stdin: bool,
    pub forever: bool,
    pub idle: bool,
    pub arrivals: Arrivals,
    pub throttle: Option<f64>,
    pub compare: Vec<String>,
    pub compare_modes: bool,
    pub base: Option<String>,
    pub ours: String,
    pub pairs: u32,
    pub pin: Option<Pin>,
    pub steal_max: f64,
    pub tolerate_errors: bool,
    pub quiet: bool,
    pub csv: bool,
    pub precision: usize,
    pub report: Option<PathBuf>,
    warmup_is_given: bool,
    target_is_given: bool,
}

/// How `--pin` was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    FirstTwo,
    Chosen(Pinning),
}

/// One flag: a row of the table.
pub struct Flag {
    pub names: &'static [&'static str],
    /// What stands behind it, in words for help; none for a mere switch.
    pub value: Option<&'static str>,
    pub group: Group,
    pub help: &'static str,
    apply: fn(&mut Options, &str) -> Result<(), String>,
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
        (Group::Load, "What to send (-c -P -d -t take lists such as 1,16,64: all combinations run)"),
        (Group::Pace, "How fast"),
        (Group::Compare, "Comparing servers, each started afresh for every run"),
        (Group::Output, "Output"),
    ];
}

macro_rules! flag {
    ($group:ident, $names:expr, $value:expr, $help:expr, $apply:expr) => {
        Flag { names: &$names, value: $value, group: Group::$group, help: $help, apply: $apply }
    };
}

/// Every flag there is, in the order of help.
pub const FLAGS: &[Flag] = &[
    flag!(Server, ["-h", "--host"], Some("HOST"), "host name or address (127.0.0.1)", |o, v| {
        o.set_host(v)
    }),
    flag!(Server, ["-p", "--port"], Some("PORT"), "port (6379)", |o, v| {
        let port = v.parse().map_err(|_| "not a port".to_string())?;
        o.set_port(port)
    }),
    flag!(Server, ["-s", "--socket"], Some("PATH"), "Unix socket, instead of host and port", |o, v| {
        o.target_is_given = true;
        o.target.address = Address::Unix(v.into());
        Ok(())
    }),
    flag!(Server, ["-u", "--uri"], Some("URI"), "redis://[[user:]password@]host[:port][/db]", |o, v| {
        o.set_uri(v)
    }),
    flag!(Server, ["-a", "--pass"], Some("PASSWORD"), "password (or in REDISCLI_AUTH)", |o, v| {
        o.target.password = Some(v.to_string());
        Ok(())
    }),
    flag!(Server, ["--user"], Some("NAME"), "user that the password belongs to", |o, v| {
        o.target.user = Some(v.to_string());
        Ok(())
    }),
    flag!(Server, ["--dbnum"], Some("N"), "database to SELECT (0)", |o, v| {
        o.target.dbnum = number(v, 0, u64::from(u32::MAX))? as u32;
        Ok(())
    }),
    flag!(Server, ["-3"], None, "speak RESP3 (HELLO 3)", |o, _| {
        o.target.resp3 = true;
        Ok(())
    }),
    flag!(Load, ["-c", "--clients"], Some("LIST"), "connections (50)", |o, v| {
        o.clients = numbers(v, 1, 1_000_000)?;
        Ok(())
    }),
    flag!(Load, ["-n", "--requests"], Some("N"), "requests of each test (100000); 1k, 1m are understood", |o, v| {
        o.limit.requests = Some(number(v, 1, u64::MAX)?);
        Ok(())
    }),
    flag!(Load, ["--time"], Some("SECONDS"), "length of each test, instead of or beside -n", |o, v| {
        o.limit.time = Some(positive_seconds(v)?);
        Ok(())
    }),
    flag!(Load, ["-P", "--pipeline"], Some("LIST"), "requests per write (1)", |o, v| {
        o.depths = numbers(v, 1, DEPTH_MAX)?;
        Ok(())
    }),
    flag!(Load, ["-d", "--data-size"], Some("LIST"), "bytes in each value (3)", |o, v| {
        o.sizes = numbers(v, 0, SIZE_MAX)?;
        Ok(())
    }),
    flag!(Load, ["-t", "--tests"], Some("LIST"), "tests by name, see below", |o, v| {
        o.tests = Some(v.split(',').map(|name| name.trim().to_string()).collect());
        Ok(())
    }),
    flag!(Load, ["-r", "--keys"], Some("N"), "draw keys from N, key:000000000000 and up; without it all use one", |o, v| {
        o.keyspace = Some(number(v, 1, KEYSPACE_MAX)?);
        Ok(())
    }),
    flag!(Load, ["--fill"], None, "first SET each of the --keys once, so that reads find something", |o, _| {
        o.fill = true;
        Ok(())
    }),
    flag!(Load, ["--warmup"], Some("SECONDS"), "load before the clock runs (0; 0.5 when comparing)", |o, v| {
        o.warmup = seconds(v)?;
        o.warmup_is_given = true;
        Ok(())
    }),
    flag!(Load, ["-k", "--keep-alive"], Some("0|1"), "0: a new connection for each write (1)", |o, v| {
        o.keep_alive = match v {
            "0" => false,
            "1" => true,
            _ => return Err("0 or 1 is expected".to_string()),
        };
        Ok(())
    }),
    flag!(Load, ["--threads"], Some("N"), "threads of the generator (1)", |o, v| {
        o.threads = number(v, 1, 512)? as u32;
        Ok(())
    }),
    flag!(Load, ["--seed"], Some("N"), "the same keys and data again (12345)", |o, v| {
        o.seed = v.parse().map_err(|_| "not a number".to_string())?;
        Ok(())
    }),
    flag!(Load, ["-x"], None, "the last word of the own command comes from standard input", |o, _| {
        o.last_word_from_stdin = true;
        Ok(())
    }),
    flag!(Load, ["-l", "--loop"], None, "again and again, until Ctrl-C", |o, _| {
        o.forever = true;
        Ok(())
    }),
    flag!(Load, ["-I", "--idle"], None, "only open the connections and hold them", |o, _| {
        o.idle = true;
        Ok(())
    }),
    flag!(Pace, ["--rate"], Some("LIST"), "open loop: so many requests a second leave by the clock, and latency counts from when each was due", |o, v| {
        o.rates = rates(v)?;
        Ok(())
    }),
    flag!(Pace, ["--arrivals"], Some("KIND"), "of an open loop: poisson or even (poisson)", |o, v| {
        o.arrivals = match v {
            "poisson" => Arrivals::Poisson,
            "even" => Arrivals::Even,
            _ => return Err("poisson or even is expected".to_string()),
        };
        Ok(())
    }),
    flag!(Pace, ["--throttle"], Some("RATE"), "closed loop, but no more requests a second than this", |o, v| {
        o.throttle = Some(rate(v)?);
        Ok(())
    }),
    flag!(Compare, ["--compare"], Some("COMMAND"), "against the server that COMMAND starts (--port N is appended); may be repeated", |o, v| {
        o.compare.push(v.to_string());
        Ok(())
    }),
    flag!(Compare, ["--compare-modes"], None, "this server with --mode eventloop against --mode threaded", |o, _| {
        o.compare_modes = true;
        Ok(())
    }),
    flag!(Compare, ["--base"], Some("COMMAND"), "side A (this executable's server)", |o, v| {
        o.base = Some(v.to_string());
        Ok(())
    }),
    flag!(Compare, ["--ours"], Some("ARGS"), "more arguments for this executable's server", |o, v| {
        o.ours = v.to_string();
        Ok(())
    }),
    flag!(Compare, ["--pairs"], Some("N"), "pairs of runs, in turn A B, B A, … (7)", |o, v| {
        o.pairs = number(v, 1, 10_000)? as u32;
        Ok(())
    }),
    flag!(Compare, ["--pin"], Some("[=S:G]"), "server on core 0, generator on core 1; or lists of cores: --pin=0-1:2,3", |o, v| {
        o.pin = Some(match v {
            "" => Pin::FirstTwo,
            chosen => Pin::Chosen(
                Pinning::parse(chosen).ok_or("SERVER:GENERATOR cores are expected, such as 0:1")?,
            ),
        });
        Ok(())
    }),
    flag!(Compare, ["--steal-max"], Some("PERCENT"), "discard runs during which the hypervisor took more (1)", |o, v| {
        let percent: f64 = v.parse().map_err(|_| "not a number".to_string())?;
        if !(0.0..=100.0).contains(&percent) {
            return Err("0 to 100 is expected".to_string());
        }
        o.steal_max = percent / 100.0;
        Ok(())
    }),
    flag!(Output, ["-q", "--quiet"], None, "one line per test", |o, _| {
        o.quiet = true;
        Ok(())
    }),
    flag!(Output, ["--csv"], None, "comma-separated values", |o, _| {
        o.csv = true;
        Ok(())
    }),
    flag!(Output, ["--precision"], Some("N"), "decimals of latencies in milliseconds (3)", |o, v| {
        o.precision = number(v, 0, 6)? as usize;
        Ok(())
    }),
    flag!(Output, ["-e"], None, "go on after error replies, show and count them", |o, _| {
        o.tolerate_errors = true;
        Ok(())
    }),
    flag!(Output, ["--report"], Some("FILE"), "also write a page with plots (HTML, nothing loaded from elsewhere)", |o, v| {
        o.report = Some(v.into());
        Ok(())
    }),
    flag!(Output, ["--help"], None, "this text", |_, _| Ok(())),
];

impl Options {
    /// Reads the words behind `ochre bench`. `password` is what the
    /// environment offers. The error is one line for the user.
    pub fn parse(args: &[String], password: Option<String>) -> Result<Asked, String> {
        let mut options = Options::default();
        options.target.password = password;
        let mut words = args.iter();
        while let Some(word) = words.next() {
            if word == "--help" {
                return Ok(Asked::Help);
            }
            let (name, attached) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value)),
                _ => (word.as_str(), None),
            };
            if !name.starts_with('-') || name == "-" {
                options.command = std::iter::once(word).chain(words).cloned().collect();
                break;
            }
            let flag = FLAGS
                .iter()
                .find(|flag| flag.names.contains(&name))
                .ok_or_else(|| unknown_flag(name))?;
            let value = match (flag.value, attached) {
                // --pin alone has a meaning too, so its value must be attached.
                (Some(_), None) if name == "--pin" => "",
                (Some(_), Some(value)) => value,
                (Some(what), None) => {
                    words.next().ok_or_else(|| format!("{name} wants {what} behind it"))?
                }
                (None, Some(_)) => return Err(format!("{name} takes no value")),
                (None, None) => "",
            };
            (flag.apply)(&mut options, value).map_err(|why| format!("{name} {value}: {why}"))?;
        }
        options.check()?;
        Ok(Asked::Run(Box::new(options)))
    }

    /// Whether servers are started and set against each other.
    pub fn is_comparison(&self) -> bool {
        self.compare_modes || !self.compare.is_empty()
    }

    fn check(&mut self) -> Result<(), String> {
        let refuse = |when: bool, why: &str| if when { Err(why.to_string()) } else { Ok(()) };
        let compares = self.is_comparison();
        refuse(
            self.compare_modes && !self.compare.is_empty(),
            "--compare-modes and --compare are two different comparisons; choose one",
        )?;
        refuse(
            compares && self.target_is_given,
            "a comparison starts its own servers; -h, -p, -s and -u do not apply",
        )?;
        refuse(
            compares && (self.forever || self.idle),
            "-l and -I do not go together with a comparison",
        )?;
        refuse(
            !compares && (self.base.is_some() || !self.ours.is_empty()),
            "--base and --ours belong to --compare or --compare-modes",
        )?;
        refuse(
            self.base.is_some() && !self.ours.is_empty(),
            "--ours adds to this executable's server, which --base replaces",
        )?;
        refuse(
            self.base.is_some() && self.compare_modes,
            "--compare-modes is about this executable's server, which --base replaces",
        )?;
        refuse(
            self.throttle.is_some() && !self.rates.is_empty(),
            "--throttle slows a closed loop, --rate drives an open one; choose one",
        )?;
        refuse(
            !self.rates.is_empty() && !self.keep_alive,
            "-k 0 needs a closed loop",
        )?;
        refuse(
            self.target.user.is_some() && self.target.password.is_none(),
            "--user wants a password as well (-a)",
        )?;
        refuse(
            self.last_word_from_stdin && self.command.is_empty(),
            "-x completes a command, and none is given",
        )?;
        refuse(
            !self.command.is_empty() && self.tests.is_some(),
            "-t chooses built-in tests; a command of one's own replaces them",
        )?;
        refuse(
            self.fill && self.keyspace.is_none() && !compares,
            "--fill wants to know how many keys: --keys N",
        )?;
        if let Err(name) = workload::select(self.tests.as_deref()) {
            return Err(format!("-t: there is no test called '{name}'; see --help"));
        }
        let deepest = u64::from(*self.depths.iter().max().unwrap_or(&1));
        let largest = u64::from(*self.sizes.iter().max().unwrap_or(&0));
        refuse(
            deepest.saturating_mul(largest) > BLOCK_BYTES_MAX,
            "-P times -d is more than 1 GiB in one write",
        )?;
        self.complete();
        Ok(())
    }

    /// Defaults that depend on what else was chosen.
    fn complete(&mut self) {
        let compares = self.is_comparison();
        if self.limit == Limit::default() {
            if compares {
                self.limit.time = Some(COMPARE_TIME_BY_DEFAULT);
            } else if !self.rates.is_empty() {
                self.limit.time = Some(OPEN_LOOP_TIME_BY_DEFAULT);
            } else {
                self.limit.requests = Some(REQUESTS_BY_DEFAULT);
            }
        }
        if compares {
            self.fill = true;
            self.keyspace = self.keyspace.or(Some(COMPARE_KEYS_BY_DEFAULT));
            if !self.warmup_is_given {
                self.warmup = COMPARE_WARMUP_BY_DEFAULT;
            }
            if self.tests.is_none() && self.command.is_empty() {
                self.tests = Some(vec!["get".to_string(), "set".to_string()]);
            }
        }
    }

    fn set_host(&mut self, host: &str) -> Result<(), String> {
        self.target_is_given = true;
        let port = match &self.target.address {
            Address::Tcp { port, .. } => *port,
            Address::Unix(_) => return Ok(()),
        };
        self.target.address = Address::Tcp { host: host.to_string(), port };
        Ok(())
    }

    fn set_port(&mut self, port: u16) -> Result<(), String> {
        self.target_is_given = true;
        if let Address::Tcp { port: old, .. } = &mut self.target.address {
            *old = port;
        }
        Ok(())
    }

    fn set_uri(&mut self, uri: &str) -> Result<(), String> {
        let rest = uri.strip_prefix("redis://").ok_or("only redis:// is understood")?;
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        if let Some(login) = login {
            let (user, password) = match login.split_once(':') {
                Some((user, password)) => (user, password),
                None => ("", login),
            };
            self.target.user = (!user.is_empty()).then(|| user.to_string());
            self.target.password = Some(password.to_string());
        }
        let (place, database) = place.split_once('/').unwrap_or((place, ""));
        if !database.is_empty() {
            self.target.dbnum = number(database, 0, u64::from(u32::MAX))? as u32;
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (place, "6379"),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        self.set_host(if host.is_empty() { "127.0.0.1" } else { host })?;
        self.set_port(port.parse().map_err(|_| "the port is not a number")?)
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            target: Target::on_port(6379),
            clients: vec![50],
            depths: vec![1],
            sizes: vec![3],
            rates: Vec::new(),
            tests: None,
            command: Vec::new(),
            limit: Limit::default(),
            warmup: Duration::ZERO,
            keyspace: None,
            fill: false,
            keep_alive: true,
            threads: 1,
            seed: 12345,
            last_word_from_stdin: false,
            forever: false,
            idle: false,
            arrivals: Arrivals::Poisson,
            throttle: None,
            compare: Vec::new(),
            compare_modes: false,
            base: None,
            ours: String::new(),
            pairs: 7,
            pin: None,
            steal_max: 0.01,
            tolerate_errors: false,
            quiet: false,
            csv: false,
            precision: 3,
            report: None,
            warmup_is_given: false,
            target_is_given: false,
        }
    }
}

fn unknown_flag(name: &str) -> String {
    match name {
        "--tls" | "--cacert" | "--cert" | "--key" | "--sni" | "--insecure" | "--cacertdir" => {
            format!("{name}: encrypted connections are not supported")
        }
        "--cluster" => "--cluster: measure the nodes one by one, with -h and -p".to_string(),
        _ => format!("{name} is not a flag; see --help"),
    }
}

/// A whole number within bounds, perhaps with k, m or g behind it.
fn number(text: &str, low: u64, high: u64) -> Result<u64, String> {
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
    text.split(',').map(|one| number(one.trim(), low, high).map(|n| n as u32)).collect()
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 1, 1_000_000_000).map(|rate| rate as f64)
}

fn rates(text: &str) -> Result<Vec<f64>, String> {
    text.split(',').map(|one| rate(one.trim())).collect()
}

fn seconds(text: &str) -> Result<Duration, String> {
    let digits = text.strip_suffix('s').unwrap_or(text);
    let seconds: f64 = digits.parse().map_err(|_| "not a number of seconds".to_string())?;
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

    fn parse(line: &str) -> Result<Options, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        match Options::parse(&words, None)? {
            Asked::Run(options) => Ok(*options),
            Asked::Help => Err("help".to_string()),
        }
    }

    #[test]
    fn defaults_are_those_of_redis_benchmark() {
        let options = parse("").unwrap();
        assert_eq!(options.target.to_string(), "127.0.0.1:6379");
        assert_eq!(options.clients, [50]);
        assert_eq!(options.depths, [1]);
        assert_eq!(options.sizes, [3]);
        assert_eq!(options.limit, Limit { requests: Some(100_000), time: None });
        assert!(options.keep_alive && !options.fill && options.keyspace.is_none());
    }

    #[test]
    fn short_flags_lists_and_units() {
        let line = "-h ::1 -p 7000 -a pw --user me -c 1,50 -n 1m -d 64 -P 1,16,64 -r 10k \
            -t get,SET -q -k 0 --threads 2 --dbnum 3 --seed 9 --precision 2 -e";
        let options = parse(line).unwrap();
        assert_eq!(options.target.to_string(), "[::1]:7000");
        assert_eq!(options.target.user.as_deref(), Some("me"));
        assert_eq!(options.clients, [1, 50]);
        assert_eq!(options.limit.requests, Some(1_000_000));
        assert_eq!(options.depths, [1, 16, 64]);
        assert_eq!(options.keyspace, Some(10_000));
        assert_eq!(options.tests.as_deref().unwrap(), ["get", "SET"]);
        assert!(options.quiet && !options.keep_alive && options.tolerate_errors);
        assert_eq!((options.threads, options.target.dbnum, options.seed), (2, 3, 9));
    }

    #[test]
    fn an_own_command_ends_the_flags() {
        let options = parse("-n 5 set k:__rand_int__ __data__ -n 7").unwrap();
        assert_eq!(options.command, ["set", "k:__rand_int__", "__data__", "-n", "7"]);
        assert_eq!(options.limit.requests, Some(5));
    }

    #[test]
    fn values_may_be_attached_to_long_flags() {
        let options = parse("--rate=50k --time=2.5s --arrivals=even --pin=0-1:2").unwrap();
        assert_eq!(options.rates, [50_000.0]);
        assert_eq!(options.limit.time, Some(Duration::from_millis(2_500)));
        assert_eq!(options.arrivals, Arrivals::Even);
        assert!(matches!(options.pin, Some(Pin::Chosen(_))));
        assert_eq!(parse("--pin -q").unwrap().pin, Some(Pin::FirstTwo));
    }

    #[test]
    fn uris() {
        let options = parse("-u redis://me:pw@example.org:7001/4").unwrap();
        assert_eq!(options.target.to_string(), "example.org:7001");
        assert_eq!(options.target.user.as_deref(), Some("me"));
        assert_eq!(options.target.password.as_deref(), Some("pw"));
        assert_eq!(options.target.dbnum, 4);
        let options = parse("-u redis://pw@[::1]").unwrap();
        assert_eq!(options.target.to_string(), "[::1]:6379");
        assert_eq!(options.target.user, None);
        assert!(parse("-u http://x").is_err());
    }

    #[test]
    fn comparisons_choose_their_own_defaults() {
        let options = parse("--compare redis-server").unwrap();
        assert!(options.is_comparison() && options.fill);
        assert_eq!(options.keyspace, Some(100_000));
        assert_eq!(options.tests.as_deref().unwrap(), ["get", "set"]);
        assert_eq!(options.limit.time, Some(Duration::from_secs(2)));
        assert_eq!(options.warmup, Duration::from_millis(500));
        assert_eq!(parse("--compare x --warmup 0").unwrap().warmup, Duration::ZERO);
    }

    #[test]
    fn contradictions_and_nonsense_are_refused() {
        for line in [
            "-c 0",
            "-c -5",
            "-c 1,",
            "-n ten",
            "-p 70000",
            "-k 2",
            "-n",
            "--nonsense",
            "--quiet=1",
            "-t get,nonsense",
            "--fill",
            "--rate 0",
            "--rate 100 --throttle 100",
            "--time 0",
            "--time nan",
            "--compare x -p 7000",
            "--compare x --compare-modes",
            "--compare-modes --base x",
            "--base x",
            "--user me",
            "-x",
            "-t get set k v",
            "--tls",
            "--pin=0",
            "-P 100k -d 512mb",
            "-r 1000000000001",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert_eq!(parse("-q --help").unwrap_err(), "help");
    }

    #[test]
    fn flags_have_distinct_names() {
        let mut names: Vec<&str> = FLAGS.iter().flat_map(|flag| flag.names).copied().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
