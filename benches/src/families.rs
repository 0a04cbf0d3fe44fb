//! Processor time per command of every family, in interleaved pairs.
//!
//! ```text
//!   both servers start and are filled alike
//!   round 1: A B   round 2: B A   ...      each: 50 connections, so many requests per write
//!   CPU per command = growth of the process' time on the processor / commands
//! ```
//!
//! What is printed is the median of the rounds for each side, and the median of the rounds'
//! ratios. A generator that is slower than the server does not matter: nothing here is a
//! throughput.

use base::Rng;

use crate::Result;
use crate::client::Client;
use crate::server::{Commands, Server};
use crate::workload::{self, Workload};

const CONNECTIONS: usize = 50;
const ROUNDS: usize = 7;
pub(crate) fn run(commands: &Commands, only: Option<&str>) -> Result<()> {
    let sides: Vec<&str> = commands.each().collect();
    println!(
        "Processor time per command in microseconds, {CONNECTIONS} connections, {ROUNDS} rounds\n"
    );
    println!("| command | pipeline | ours | beside | ratio |");
    println!("|---|---|---|---|---|");
    for workload in workload::named(only) {
        let line = measure(workload, &sides);
        let line = line.map_err(|error| format!("{}: {error}", workload.name))?;
        println!("| {} | {} | {line} |", workload.name, workload.pipeline);
    }
    println!("\nours: {}", commands.ours());
    Ok(())
}

fn measure(workload: &Workload, commands: &[&str]) -> Result<String> {
    let mut sides = Vec::new();
    for command in commands {
        let server = Server::start(command)?;
        let mut client = server.connect()?;
        (workload.fill)(&mut client, workload.calls * (ROUNDS + 1))?;
        let clients: Result<Vec<Client>> = (0..CONNECTIONS).map(|_| server.connect()).collect();
        let mut side = Side {
            server,
            clients: clients?,
            rng: Rng::new(7),
            costs_us: Vec::new(),
        };
        // A first round warms caches and tables, and does not count.
        side.round(workload)?;
        side.costs_us.clear();
        sides.push(side);
    }
    for round in 0..ROUNDS {
        let turn = round % sides.len();
        sides[turn..]
            .iter_mut()
            .try_for_each(|side| side.round(workload))?;
        sides[..turn]
            .iter_mut()
            .try_for_each(|side| side.round(workload))?;
    }
    let mut cells: Vec<String> = sides
        .iter()
        .map(|side| format!("{:.2}", median(side.costs_us.clone())))
        .collect();
    if let [ours, beside] = &sides[..] {
        let pairs = ours.costs_us.iter().zip(&beside.costs_us);
        let ratio = median(pairs.map(|(ours, beside)| ours / beside).collect());
        cells.push(format!("{ratio:.2}"));
    }
    Ok(cells.join(" | "))
}

/// One server under the same load as the others.
struct Side {
    server: Server,
    clients: Vec<Client>,
    rng: Rng,
    costs_us: Vec<f64>,
}

impl Side {
    fn round(&mut self, workload: &Workload) -> Result<()> {
        let before = self.server.processor_ns()?;
        let mut left = workload.calls;
        let mut request = Vec::new();
        while left > 0 {
            let mut sent = Vec::new();
            for client in &mut self.clients {
                let count = workload.pipeline.min(left);
                left -= count;
                request.clear();
                (0..count).for_each(|_| (workload.request)(&mut self.rng, &mut request));
                client.send(&request)?;
                sent.push(count);
            }
            for (client, count) in self.clients.iter_mut().zip(sent) {
                client.expect_replies(count)?;
            }
        }
        let ns = self.server.processor_ns()? - before;
        self.costs_us
            .push(ns as f64 / 1000.0 / workload.calls as f64);
        Ok(())
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
