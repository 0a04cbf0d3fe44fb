//! Do the checks notice? An engine is told to make one mistake at a time, and must be caught by
//! the linearizability check; a server, and must be caught by who kills it ([`kills`]).
//!
//! ```text
//! cargo test -p ochre-tests --features sabotage --test sabotage -- --nocapture
//! ```
//!
//! | mistake | how it shows |
//! |---|---|
//! | a multi-key command locks one shard at a time | half an MSET is seen |
//! | shards are locked in the order of the keys | two clients wait for each other |
//! | EXEC forgets its watched keys | an increment is lost |
//! | EXEC lets go between its commands | money on its way is nowhere |
//! | RENAME, COPY let go between taking and putting | a key under no name; an old copy |
//!
//! An invocation of its own, because the feature changes the engine: neither the other
//! tests nor any program are built with it. Without a mistake the same engine must pass,
//! or being caught would mean nothing.

mod kills;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Now;
use engine::config::Config;
use engine::{
    Client, Engine, EngineOptions, Executor, Host, NoWake, Origin, Request, Sabotage, Threads,
};
use resp::OwnedArgv;
use testkit::linear::campaign::{Campaign, Door, Exchange, Tally, Trouble};
use testkit::linear::dialect::Argv;
use testkit::linear::scenario::Scenario;
use testkit::reply::Reply;

#[test]
fn a_sound_engine_passes() {
    let time = Duration::from_secs(2);
    let tally = run(Sabotage::None, &Scenario::ALL, time).expect("nobody waits for ever");
    println!("no mistake: {tally}");
    assert!(tally.violations.is_empty(), "{}", tally.violations[0]);
}

#[test]
fn a_skipped_lock_is_caught() {
    expect_violation(Sabotage::SkippedLock, Scenario::Twins);
}

#[test]
fn a_wrong_order_of_locks_is_caught() {
    match run(Sabotage::KeyOrder, &[Scenario::Twins], PATIENCE) {
        Err(stalled @ Trouble::Stalled(_)) => println!("KeyOrder: {stalled}"),
        Err(trouble) => panic!("{trouble}"),
        Ok(tally) => panic!("nobody waits for anybody: {tally}"),
    }
}

#[test]
fn an_unchecked_watch_is_caught() {
    expect_violation(Sabotage::UncheckedWatch, Scenario::Counters);
}

#[test]
fn an_exec_that_lets_go_is_caught() {
    expect_violation(Sabotage::EarlyRelease, Scenario::Transfers);
}

#[test]
fn a_rename_that_lets_go_is_caught() {
    expect_violation(Sabotage::EarlyRelease, Scenario::Ring);
}

#[test]
fn a_copy_that_lets_go_is_caught() {
    expect_violation(Sabotage::EarlyRelease, Scenario::Copies);
}

/// By then a mistake must have shown. It takes well under a second.
const PATIENCE: Duration = Duration::from_secs(60);

fn expect_violation(sabotage: Sabotage, scenario: Scenario) {
    let tally = run(sabotage, &[scenario], PATIENCE).expect("nobody waits for ever");
    let violation = tally.violations.first().expect("the mistake shows");
    println!("{sabotage:?}: {tally}\n{violation}");
    assert!(
        violation.counterexample.is_some(),
        "the checker misses it: {violation}"
    );
}

/// Four clients on an engine that makes a mistake.
fn run(sabotage: Sabotage, scenarios: &[Scenario], time: Duration) -> Result<Tally, Trouble> {
    const CLIENTS: usize = 4;
    let options = EngineOptions {
        config: Config::default(),
        threads: Threads::Many(CLIENTS),
        seed: [1, 2],
        now: Now::read(),
    };
    let engine = Engine::new(options, Arc::new(Nothing(Instant::now())));
    engine.sabotage(sabotage);
    let campaign = Campaign {
        seed: 1,
        scenarios: scenarios.to_vec(),
        clients_per_group: CLIENTS,
        pipeline_max: 8,
        operations: 1000,
        time,
        patience: Duration::from_secs(5),
    };
    let doors = (0..CLIENTS).map(|_| Box::new(Batches::new(&engine)) as Box<dyn Door>);
    campaign.run(doors.collect())
}

/// A host that only has a clock.
struct Nothing(Instant);

impl Host for Nothing {
    fn monotonic_ns(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// A client and an executor of its own: a pipeline is a batch.
struct Batches {
    executor: Executor,
    client: [Option<Box<Client>>; 1],
}

impl Batches {
    fn new(engine: &Arc<Engine>) -> Batches {
        let card = engine
            .clients
            .register(Origin::default(), 0, Box::new(NoWake));
        Batches {
            executor: engine.executor(),
            client: [Some(Box::new(Client::new(card, true)))],
        }
    }
}

impl Door for Batches {
    fn ask(&mut self, start: Instant, requests: &[Argv]) -> io::Result<Vec<Exchange>> {
        let owned: Vec<OwnedArgv> = requests.iter().map(OwnedArgv::new).collect();
        let batch: Vec<Request> = owned
            .iter()
            .map(|argv| Request {
                seat: 0,
                argv: argv.as_argv(),
            })
            .collect();
        let now_ns = || start.elapsed().as_nanos() as u64;
        let called_ns = now_ns();
        self.executor.execute(Now::read(), &batch, &mut self.client);
        let answered_ns = now_ns();
        let client = self.client[0].as_deref_mut().expect("the only seat");
        let bytes = client.outbox.take_bytes();
        let mut rest = &bytes[..];
        let reply = |_: &Argv| {
            let decoded = Reply::decode(rest).map_err(io::Error::other)?;
            let (reply, length) = decoded.ok_or_else(|| io::Error::other("half a reply"))?;
            rest = &rest[length..];
            Ok(Exchange {
                called_ns,
                answered_ns,
                reply,
            })
        };
        requests.iter().map(reply).collect()
    }
}
