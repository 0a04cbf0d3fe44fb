//! Rounds of a scenario on several threads, each round's history judged.
//!
//! ```text
//!   phase 1   client 0  ──[ round 0 ]──[ round 1 ]── ...     all clients begin a round
//!             client 1  ──[ round 0 ]──[ round 1 ]── ...     together
//!             watchdog  is anybody getting on?
//!   phase 2   judges    all histories of these rounds, on all processors
//! ```
//!
//! A round has fresh keys, so its groups lie in other shards than the last one's; it
//! begins with nothing and ends with a look at what is left. The clients do not wait for
//! one another within a round. A client that never gets its answer cannot be waited for:
//! the campaign then ends with what everybody was doing, and leaves the threads behind.

mod judge;
mod play;

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use super::cores::Cores;
use super::dialect::Argv;
use super::scenario::Scenario;
use crate::reply::Reply;

/// A client's way to what is tested.
pub trait Door: Send {
    /// Ask these in one pipeline and wait for all replies. Times are since `start`.
    fn ask(&mut self, start: Instant, requests: &[Argv]) -> io::Result<Vec<Exchange>>;
}

/// The ways of all clients.
pub type Doors = Vec<Box<dyn Door>>;

/// A request that was answered.
pub struct Exchange {
    pub called_ns: u64,
    pub answered_ns: u64,
    pub reply: Reply,
}

/// What is done, and for how long.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub seed: u64,
    /// Taken in turns, a round each.
    pub scenarios: Vec<Scenario>,
    /// Clients that share a group of keys.
    pub clients_per_group: usize,
    pub pipeline_max: usize,
    /// Operations of each client in a round.
    pub operations: usize,
    pub time: Duration,
    /// Without any answer for so long, the clients are taken to wait for ever.
    pub patience: Duration,
}

/// What became of a campaign that came to its end.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub rounds: usize,
    pub operations: usize,
    /// Operations that were under way together with another client's.
    pub overlapping: usize,
    pub configurations: usize,
    /// Histories that were too tangled to tell.
    pub undecided: usize,
    /// What was found wrong; then the campaign ended.
    pub violations: Vec<Violation>,
    /// Processors that were busy, on the average.
    pub cores_busy: Option<f64>,
}

/// A history that should not be.
#[derive(Clone, Debug)]
pub struct Violation {
    pub round: usize,
    pub scenario: Scenario,
    /// A broken invariant, if the scenario has one that shows it.
    pub audit: Option<String>,
    /// The operations around it, if the checker agrees.
    pub counterexample: Option<String>,
}

/// Why a campaign could not go on.
#[derive(Debug)]
pub enum Trouble {
    /// Nobody was answered any more. Who was waiting, and for what.
    Stalled(Vec<(usize, String)>),
    /// A connection broke.
    Broken(io::Error),
    Panicked(String),
}

/// Rounds between two judgements.
const ROUNDS: usize = 7;

impl Campaign {
    /// Rounds until the time is up, or something is wrong. A client for each door.
    pub fn run(&self, mut doors: Doors) -> Result<Tally, Trouble> {
        let mut tally = Tally::default();
        let (deadline, cores) = (Instant::now() + self.time, Cores::now());
        loop {
            let rounds = tally.rounds..tally.rounds + ROUNDS;
            let (returned, records) = play::play(self, doors, rounds)?;
            doors = returned;
            tally.rounds += ROUNDS;
            judge::judge(&records, &mut tally);
            if Instant::now() >= deadline || !tally.violations.is_empty() {
                break;
            }
        }
        let busy = |then: Cores| Some(Cores::now()?.busy_since(&then));
        tally.cores_busy = cores.and_then(busy);
        Ok(tally)
    }

    fn scenario(&self, round: usize) -> Scenario {
        self.scenarios[round % self.scenarios.len()]
    }

    /// The longest pipeline of a round. Where all clients share one group, pipelines
    /// would have too many orders.
    fn pipeline_max(&self, round: usize) -> usize {
        match self.scenario(round) {
            Scenario::Wide => 1,
            _ => self.pipeline_max,
        }
    }

    /// How many groups of keys a round has.
    fn groups(&self, round: usize, clients: usize) -> usize {
        match self.scenario(round) {
            Scenario::Wide => 1,
            _ => clients.div_ceil(self.clients_per_group),
        }
    }
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.operations += other.operations;
        self.overlapping += other.overlapping;
        self.configurations += other.configurations;
        self.undecided += other.undecided;
        self.violations.extend(other.violations);
        self.violations.sort_by_key(|violation| violation.round);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let percent = 100.0 * self.overlapping as f64 / self.operations.max(1) as f64;
        write!(
            f,
            "{} rounds, {} operations ({percent:.0} % overlapping), {} configurations, \
             {} undecided, violations {}",
            self.rounds,
            self.operations,
            self.configurations,
            self.undecided,
            self.violations.len()
        )?;
        match self.cores_busy {
            Some(busy) => write!(f, ", {busy:.1} processors busy"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "round {} ({:?}) is not one machine's",
            self.round, self.scenario
        )?;
        if let Some(audit) = &self.audit {
            writeln!(f, "audit: {audit}")?;
        }
        match &self.counterexample {
            Some(counterexample) => f.write_str(counterexample),
            None => writeln!(f, "the checker finds nothing wrong with it"),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Trouble::Stalled(waiting) => {
                writeln!(f, "nobody is answered any more")?;
                for (client, asking) in waiting {
                    writeln!(f, "{client:>6} waits for  {asking}")?;
                }
                Ok(())
            }
            Trouble::Broken(error) => write!(f, "a connection broke: {error}"),
            Trouble::Panicked(text) => write!(f, "a client panicked: {text}"),
        }
    }
}
