//! The command line of `ochre bench`.
//!
//! ```text
//!   words ─► rows of FLAGS ─► Options ─► contradictions refused ─► defaults that depend on the rest
//! ```
//!
//! The first word that is no flag begins a command line of one's own.

use std::path::PathBuf;
use std::time::Duration;

use crate::bench::cores::Pinning;
use crate::bench::flags::{FLAGS, number, unknown_flag};
use crate::bench::load::Limit;
use crate::bench::open_loop::Arrivals;
use crate::bench::target::{Address, Target};
use crate::bench::workload;

const REQUESTS_BY_DEFAULT: u64 = 100_000;
const OPEN_LOOP_TIME_BY_DEFAULT: Duration = Duration::from_secs(10);
const COMPARE_TIME_BY_DEFAULT: Duration = Duration::from_secs(2);
const COMPARE_WARMUP_BY_DEFAULT: Duration = Duration::from_millis(500);
const COMPARE_KEYS_BY_DEFAULT: u64 = 100_000;
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
    pub(super) warmup_is_given: bool,
    pub(super) target_is_given: bool,
}

/// How `--pin` was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    FirstTwo,
    Chosen(Pinning),
}

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
                // What most programs understand by a lone -h.
                (Some(_), None) if name == "-h" && words.len() == 0 => return Ok(Asked::Help),
                (Some(what), None) => words
                    .next()
                    .ok_or_else(|| format!("{name} wants {what} behind it"))?,
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

    pub(super) fn set_host(&mut self, host: &str) -> Result<(), String> {
        self.target_is_given = true;
        let port = match &self.target.address {
            Address::Tcp { port, .. } => *port,
            Address::Unix(_) => return Ok(()),
        };
        self.target.address = Address::Tcp {
            host: host.to_string(),
            port,
        };
        Ok(())
    }

    pub(super) fn set_port(&mut self, port: u16) -> Result<(), String> {
        self.target_is_given = true;
        if let Address::Tcp { port: old, .. } = &mut self.target.address {
            *old = port;
        }
        Ok(())
    }

    pub(super) fn set_uri(&mut self, uri: &str) -> Result<(), String> {
        let rest = uri
            .strip_prefix("redis://")
            .ok_or("only redis:// is understood")?;
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
        assert_eq!(
            options.limit,
            Limit {
                requests: Some(100_000),
                time: None
            }
        );
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
        assert_eq!(
            (options.threads, options.target.dbnum, options.seed),
            (2, 3, 9)
        );
    }

    #[test]
    fn an_own_command_ends_the_flags() {
        let options = parse("-n 5 set k:__rand_int__ __data__ -n 7").unwrap();
        assert_eq!(
            options.command,
            ["set", "k:__rand_int__", "__data__", "-n", "7"]
        );
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
        assert_eq!(
            parse("--compare x --warmup 0").unwrap().warmup,
            Duration::ZERO
        );
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
        assert_eq!(parse("-h").unwrap_err(), "help");
    }
}
