//! A history that no order explains, boiled down until a person can see why.
//!
//! Three cuts, each of which leaves it unexplained:
//! 1. what was called after the answer that nothing explains;
//! 2. what was over when the operation with this answer was called: instead, the states
//!    that it may have left are shown;
//! 3. one by one, operations that changed nothing for others and without which it is
//!    just as wrong.

use std::fmt;

use super::checker::{
    CLIENTS_MAX, Configuration, HistoryOf, Model, Stuck, Verdict, check_from, frontier,
};
use super::history::OperationId;

/// The operations around a violation.
pub struct Counterexample<M: Model> {
    history: HistoryOf<M>,
    /// Where the shown part may begin.
    starts: Vec<Configuration<M>>,
    stuck: Stuck<M>,
    /// Configurations that may still be spent on boiling down.
    budget: usize,
}

/// A few seconds.
const BUDGET: usize = 1_000_000;
/// A reader does not want more beginnings than this.
const STARTS_MAX: usize = 6;
/// Instants that are tried as beginnings.
const CUTS_MAX: usize = 40;

impl<M: Model> Counterexample<M> {
    /// Boil down a history that was found to be violated.
    pub fn new(history: &HistoryOf<M>, initial: M, stuck: Stuck<M>) -> Counterexample<M> {
        let until = history.until_answer(stuck.operation);
        let mut example = Counterexample {
            history: history.clone(),
            starts: vec![Configuration::start(initial.clone())],
            stuck,
            budget: BUDGET,
        };
        example.try_instead(until, example.starts.clone());
        example.forget_what_was_over(initial);
        example.leave_out_what_does_not_matter();
        example
    }

    /// Take another history if it is violated as well.
    fn try_instead(&mut self, history: HistoryOf<M>, starts: Vec<Configuration<M>>) -> bool {
        match check_from(&history, &starts, self.budget) {
            Verdict::Violated(stuck) => {
                self.spend(stuck.configurations);
                self.history = history;
                self.starts = starts;
                self.stuck = stuck;
                true
            }
            Verdict::Linearizable { configurations } | Verdict::Undecided { configurations } => {
                self.spend(configurations);
                false
            }
        }
    }

    fn spend(&mut self, configurations: usize) {
        self.budget = self.budget.saturating_sub(configurations);
    }

    /// Begin when the operation was called, or earlier if there are too many ways to
    /// begin then.
    fn forget_what_was_over(&mut self, initial: M) {
        let called_ns = self.history.get(self.stuck.operation).called_ns;
        let answers = self
            .history
            .lanes()
            .iter()
            .flatten()
            .map(|operation| operation.answered_ns());
        let mut cuts: Vec<u64> = answers
            .filter(|&answered_ns| answered_ns < called_ns)
            .collect();
        cuts.sort_unstable();
        for cut_ns in cuts.into_iter().rev().take(CUTS_MAX) {
            let found = frontier(&self.history, initial.clone(), cut_ns, self.budget / 4);
            self.spend(found.configurations);
            if let Some(starts) = found.ways
                && starts.len() <= STARTS_MAX
            {
                self.try_instead(self.history.clone(), starts);
                return;
            }
        }
    }

    fn leave_out_what_does_not_matter(&mut self) {
        let shown = self.shown();
        // From the end, so that the places of the others stay what they are.
        for id in shown.into_iter().rev() {
            let lane = &self.history.lanes()[id.client];
            if M::can_be_left_out(lane, id.index)
                && id != self.stuck.operation
                && !self.is_done_at_start(id)
            {
                self.try_instead(self.history.without(id), self.starts.clone());
            }
        }
    }

    /// Is it behind one of the beginnings?
    fn is_done_at_start(&self, id: OperationId) -> bool {
        self.starts
            .iter()
            .any(|start| usize::from(start.done[id.client]) > id.index)
    }

    /// What was not over at the beginning, by lanes.
    fn shown(&self) -> Vec<OperationId> {
        let begins = self.begins();
        let lanes = self.history.lanes().iter().enumerate();
        lanes
            .flat_map(|(client, lane)| {
                (begins[client]..lane.len()).map(move |index| OperationId { client, index })
            })
            .collect()
    }

    /// What is done in every beginning, by lanes.
    fn begins(&self) -> [usize; CLIENTS_MAX] {
        let least = |client: usize| {
            let done = self.starts.iter().map(|start| start.done[client]);
            usize::from(done.min().unwrap_or(0))
        };
        std::array::from_fn(least)
    }
}

/// Cells of the time line.
const WIDTH: usize = 32;

impl<M> fmt::Display for Counterexample<M>
where
    M: Model + fmt::Display,
    M::Command: fmt::Display,
    M::Answer: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut shown = self.shown();
        shown.sort_by_key(|id| (self.history.get(*id).called_ns, *id));
        let first = shown.first().expect("a violation has operations");
        let start_ns = self.history.get(*first).called_ns;
        let end_ns = self.history.get(self.stuck.operation).answered_ns();
        for (number, start) in self.starts.iter().enumerate() {
            let word = if number == 0 { "before:" } else { "or:" };
            writeln!(f, "{word:7} {}{}", start.state, self.already_done(start))?;
        }
        writeln!(f, "{:>6} {:>9} {:>9}", "client", "called", "answered µs")?;
        for id in shown {
            let operation = self.history.get(id);
            let after_us = |ns: u64| (ns - start_ns) as f64 / 1000.0;
            let (answered_us, answer) = match &operation.outcome {
                Some(outcome) => (
                    format!("{:.1}", after_us(outcome.answered_ns)),
                    outcome.answer.to_string(),
                ),
                None => ("-".into(), "(not answered yet)".into()),
            };
            writeln!(
                f,
                "{:>6} {:>9.1} {:>9}  {}  {} → {}{}",
                id.client,
                after_us(operation.called_ns),
                answered_us,
                bar(
                    operation.called_ns,
                    operation.answered_ns(),
                    start_ns,
                    end_ns
                ),
                operation.command,
                answer,
                if id == self.stuck.operation {
                    "   ◄ nothing explains this"
                } else {
                    ""
                },
            )?;
        }
        let OperationId { client, .. } = self.stuck.operation;
        let command = &self.history.get(self.stuck.operation).command;
        for state in &self.stuck.states {
            let answer = state.clone().apply(client, command);
            writeln!(f, "by then possible: {state}; that answers {answer}")?;
        }
        Ok(())
    }
}

impl<M> Counterexample<M>
where
    M: Model,
    M::Command: fmt::Display,
{
    /// What a beginning has done of what is shown.
    fn already_done(&self, start: &Configuration<M>) -> String {
        let begins = self.begins();
        let lanes = self.history.lanes().iter().enumerate();
        let done: Vec<String> = lanes
            .flat_map(|(client, lane)| {
                let ahead = &lane[begins[client]..usize::from(start.done[client])];
                ahead
                    .iter()
                    .map(move |operation| format!("client {client}'s {}", operation.command))
            })
            .collect();
        if done.is_empty() {
            String::new()
        } else {
            format!("   (after {})", done.join(", "))
        }
    }
}

/// When an operation was under way, as a bar.
fn bar(called_ns: u64, answered_ns: u64, start_ns: u64, end_ns: u64) -> String {
    let span_ns = (end_ns - start_ns).max(1);
    let cell = |ns: u64| {
        let cells = (ns.min(end_ns).saturating_sub(start_ns)) as u128 * (WIDTH as u128 - 1);
        (cells / u128::from(span_ns)) as usize
    };
    let (from, to) = (cell(called_ns), cell(answered_ns));
    let open = answered_ns > end_ns;
    (0..WIDTH)
        .map(|at| match at {
            _ if at < from || at > to => ' ',
            _ if at == from && at == to => '│',
            _ if at == from => '├',
            _ if at == to && !open => '┤',
            _ => '─',
        })
        .collect()
}
