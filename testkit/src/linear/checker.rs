//! The search for an order, after Wing and Gong, with the memory that Lowe gave it.
//!
//! ```text
//!   client 0   ▪ ▪ ▪│▫ ▫ ▫        A configuration: how far each lane is done (▪),
//!   client 1   ▪│▫ ▫ ▫            and the model's state after that. Next may come the
//!   client 2   ▪ ▪│▫              head of any lane that was called before the earliest
//!                                 answer among all heads.
//! ```
//!
//! What keeps it small:
//! - *One pass over each configuration.* Two orders that lead to the same lanes and the
//!   same state have the same future; the second is dropped.
//! - *Reads go first.* An operation that may come next, gives the recorded answer and
//!   thereby leaves nothing behind for others can be taken at once: in any order that has
//!   it later, it may as well be here. So reads never branch. (That it changes nothing in
//!   the present state is not enough: setting a key to what it is already will matter
//!   later, when it is something else.)
//! - *Earliest answer first*, which is nearly always right, so a good history takes about
//!   as many steps as it has operations.
//!
//! The worst case is exponential in the number of clients that write blindly at once.
//! Hence the budget; a search that exceeds it says `Undecided` and never guesses.

use std::collections::HashSet;
use std::hash::Hash;

use super::history::{History, Operation, OperationId, Outcome};

/// Histories have at most so many clients.
pub const CLIENTS_MAX: usize = 12;

/// The machine that the history is compared with: one state, one command at a time.
pub trait Model: Clone + Eq + Hash {
    type Command: Clone;
    type Answer: Clone + PartialEq;

    /// What a client's command does and answers in this state.
    fn apply(&mut self, client: usize, command: &Self::Command) -> Self::Answer;

    /// What such a command leaves behind that was answered like this, in whatever state
    /// it was.
    fn footprint(command: &Self::Command, answer: &Self::Answer) -> Footprint;

    /// Can an operation be left out of its lane without making a good history bad?
    fn can_be_left_out(lane: &[OperationOf<Self>], at: usize) -> bool;
}

/// Who can tell afterwards that a command has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Footprint {
    /// Nobody: a read, or a write that was refused.
    None,
    /// Only its own client.
    Own,
    /// Others; or it matters to its client what others do afterwards.
    Shared,
}

/// A history over a model's commands.
pub type HistoryOf<M> = History<<M as Model>::Command, <M as Model>::Answer>;

/// An operation of such a history.
pub type OperationOf<M> = Operation<<M as Model>::Command, <M as Model>::Answer>;

/// What the search found.
#[derive(Clone, Debug)]
pub enum Verdict<M> {
    /// Some order explains every answer. It took so many configurations to find.
    Linearizable { configurations: usize },
    /// No order does.
    Violated(Stuck<M>),
    /// There were too many configurations to tell.
    Undecided { configurations: usize },
}

/// Where all orders end.
#[derive(Clone, Debug)]
pub struct Stuck<M> {
    /// The operation that had been answered when nothing could explain it any more.
    pub operation: OperationId,
    /// States that the model could be in by then, some of them.
    pub states: Vec<M>,
    /// How many it took to be sure.
    pub configurations: usize,
}

/// How far each lane is done, and the state after that.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Configuration<M> {
    pub done: [u16; CLIENTS_MAX],
    pub state: M,
}

impl<M> Configuration<M> {
    /// Nothing is done yet.
    pub fn start(state: M) -> Configuration<M> {
        Configuration {
            done: [0; CLIENTS_MAX],
            state,
        }
    }
}

/// Search for an order that explains the history.
pub fn check<M: Model>(history: &HistoryOf<M>, initial: M, budget: usize) -> Verdict<M> {
    check_from(history, &[Configuration::start(initial)], budget)
}

/// Search for an order that explains the rest of a history of which a part is done, in
/// one of these ways.
pub fn check_from<M: Model>(
    history: &HistoryOf<M>,
    starts: &[Configuration<M>],
    budget: usize,
) -> Verdict<M> {
    let mut search = Search::new(history, starts, budget);
    while let Some(configuration) = search.next() {
        if search.is_explained(&configuration, u64::MAX) {
            let configurations = search.seen.len();
            return Verdict::Linearizable { configurations };
        }
        search.branch(&configuration, u64::MAX);
    }
    let configurations = search.seen.len();
    if search.exhausted {
        return Verdict::Undecided { configurations };
    }
    let stuck = search.stuck.expect("every search has a last configuration");
    Verdict::Violated(Stuck {
        configurations,
        ..stuck
    })
}

/// All ways to explain what was answered until an instant, each as early as it does so:
/// the rest of any order goes on from one of them.
pub fn frontier<M: Model>(
    history: &HistoryOf<M>,
    initial: M,
    until_ns: u64,
    budget: usize,
) -> Frontier<M> {
    let mut search = Search::new(history, &[Configuration::start(initial)], budget);
    let mut ways = Vec::new();
    while let Some(configuration) = search.next() {
        if search.is_explained(&configuration, until_ns) {
            ways.push(configuration);
        } else {
            search.branch(&configuration, until_ns);
        }
    }
    Frontier {
        ways: (!search.exhausted).then_some(ways),
        configurations: search.seen.len(),
    }
}

/// What [`frontier`] found.
pub struct Frontier<M> {
    /// `None` if the budget did not suffice.
    pub ways: Option<Vec<Configuration<M>>>,
    pub configurations: usize,
}

struct Search<'h, M: Model> {
    lanes: &'h [Vec<OperationOf<M>>],
    open: Vec<Configuration<M>>,
    seen: HashSet<Configuration<M>>,
    budget: usize,
    exhausted: bool,
    /// The latest earliest answer of all configurations, and where that was.
    furthest: (u64, usize),
    stuck: Option<Stuck<M>>,
}

/// A lane's next operation, if it may be next of all.
struct Candidate<'h, M: Model> {
    client: usize,
    operation: &'h OperationOf<M>,
}

impl<'h, M: Model> Search<'h, M> {
    /// States kept to show where a history got stuck.
    const STATES_SHOWN: usize = 8;

    fn new(history: &'h HistoryOf<M>, starts: &[Configuration<M>], budget: usize) -> Search<'h, M> {
        let lanes = history.lanes();
        assert!(lanes.len() <= CLIENTS_MAX, "too many clients");
        assert!(
            lanes.iter().all(|lane| lane.len() < usize::from(u16::MAX)),
            "a lane is too long"
        );
        Search {
            lanes,
            open: starts.to_vec(),
            seen: HashSet::new(),
            budget,
            exhausted: false,
            furthest: (0, 0),
            stuck: None,
        }
    }

    /// The next configuration that was not seen before.
    fn next(&mut self) -> Option<Configuration<M>> {
        while let Some(mut configuration) = self.open.pop() {
            self.take_reads(&mut configuration);
            if !self.seen.insert(configuration.clone()) {
                continue;
            }
            if self.seen.len() > self.budget {
                self.exhausted = true;
                return None;
            }
            self.note_deadline(&configuration);
            return Some(configuration);
        }
        None
    }

    /// Everything that was answered by then has its place.
    fn is_explained(&self, configuration: &Configuration<M>, until_ns: u64) -> bool {
        self.heads(configuration)
            .all(|head| match &head.operation.outcome {
                Some(outcome) => outcome.answered_ns > until_ns,
                None => true,
            })
    }

    fn heads(&self, configuration: &Configuration<M>) -> impl Iterator<Item = Candidate<'h, M>> {
        let (lanes, done) = (self.lanes, configuration.done);
        lanes.iter().enumerate().filter_map(move |(client, lane)| {
            let operation = lane.get(usize::from(done[client]))?;
            Some(Candidate { client, operation })
        })
    }

    /// Nothing that was called later than this may come before the operation that was
    /// answered then.
    fn deadline_ns(&self, configuration: &Configuration<M>) -> u64 {
        let heads = self.heads(configuration);
        heads
            .map(|head| head.operation.answered_ns())
            .min()
            .unwrap_or(u64::MAX)
    }

    /// Take what may come next and makes no difference to anybody else.
    fn take_reads(&self, configuration: &mut Configuration<M>) {
        let mut deadline_ns = self.deadline_ns(configuration);
        let mut idle = 0;
        let mut client = 0;
        while idle < self.lanes.len() {
            if self.take_read(configuration, client, deadline_ns) {
                deadline_ns = self.deadline_ns(configuration);
                idle = 0;
            } else {
                client = (client + 1) % self.lanes.len();
                idle += 1;
            }
        }
    }

    fn take_read(
        &self,
        configuration: &mut Configuration<M>,
        client: usize,
        deadline_ns: u64,
    ) -> bool {
        let at = usize::from(configuration.done[client]);
        let Some(operation) = self.lanes[client].get(at) else {
            return false;
        };
        let Some(Outcome { answer, .. }) = &operation.outcome else {
            return false;
        };
        if operation.called_ns > deadline_ns
            || M::footprint(&operation.command, answer) == Footprint::Shared
        {
            return false;
        }
        let mut after = configuration.state.clone();
        if after.apply(client, &operation.command) != *answer {
            return false;
        }
        configuration.state = after;
        configuration.done[client] += 1;
        true
    }

    /// Note all configurations that follow, using what was called by then.
    fn branch(&mut self, configuration: &Configuration<M>, until_ns: u64) {
        let latest_ns = self.deadline_ns(configuration).min(until_ns);
        let mut candidates: Vec<_> = self
            .heads(configuration)
            .filter(|head| head.operation.called_ns <= latest_ns)
            .collect();
        // The last one pushed is the first one tried.
        candidates.sort_by_key(|head| std::cmp::Reverse(head.operation.answered_ns()));
        for Candidate { client, operation } in candidates {
            let mut next = configuration.clone();
            let answer = next.state.apply(client, &operation.command);
            let outcome = operation.outcome.as_ref();
            if outcome.is_none_or(|outcome| outcome.answer == answer) {
                next.done[client] += 1;
                self.open.push(next);
            }
        }
    }

    /// Remember where the search got furthest: at the latest answer, and of a pipeline
    /// that was answered at once, at the last of its operations.
    fn note_deadline(&mut self, configuration: &Configuration<M>) {
        let head = self
            .heads(configuration)
            .min_by_key(|head| head.operation.answered_ns());
        let Some(head) = head else { return };
        let operation = OperationId {
            client: head.client,
            index: usize::from(configuration.done[head.client]),
        };
        let here = (head.operation.answered_ns(), operation.index);
        if here < self.furthest {
            return;
        }
        if here > self.furthest || self.stuck.is_none() {
            self.furthest = here;
            self.stuck = Some(Stuck {
                operation,
                states: Vec::new(),
                configurations: 0,
            });
        }
        if let Some(stuck) = &mut self.stuck
            && stuck.operation == operation
            && stuck.states.len() < Self::STATES_SHOWN
            && !stuck.states.contains(&configuration.state)
        {
            stuck.states.push(configuration.state.clone());
        }
    }
}
