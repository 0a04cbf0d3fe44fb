//! What happened, as seen from outside: who asked what, when, and what came back.
//!
//! A history has one lane per client. The operations of a lane are in program order,
//! and since a pipeline is answered in order, so are their calls and their answers. An
//! operation that was never answered may have happened or not; it can only be at the
//! end of its lane.
//!
//! All times are nanoseconds since one instant, the same for all lanes.

/// One operation of one client.
#[derive(Clone, Debug)]
pub struct Operation<C, A> {
    pub command: C,
    /// Just before it was sent.
    pub called_ns: u64,
    pub outcome: Option<Outcome<A>>,
}

/// How an operation ended.
#[derive(Clone, Debug)]
pub struct Outcome<A> {
    pub answer: A,
    /// Just after the answer had arrived.
    pub answered_ns: u64,
}

/// The lanes of all clients.
#[derive(Clone, Debug)]
pub struct History<C, A> {
    lanes: Vec<Vec<Operation<C, A>>>,
}

/// Which operation: of which client, and which of its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId {
    pub client: usize,
    pub index: usize,
}

impl<C, A> Operation<C, A> {
    /// When it was over at the latest; never, if it was not answered.
    pub fn answered_ns(&self) -> u64 {
        self.outcome
            .as_ref()
            .map_or(u64::MAX, |outcome| outcome.answered_ns)
    }
}

impl<C, A> History<C, A> {
    /// Asserts what a lane promises.
    pub fn new(lanes: Vec<Vec<Operation<C, A>>>) -> History<C, A> {
        for lane in &lanes {
            for operation in lane {
                assert!(
                    operation.called_ns <= operation.answered_ns(),
                    "answered before it was asked"
                );
            }
            for pair in lane.windows(2) {
                assert!(
                    pair[0].called_ns <= pair[1].called_ns,
                    "a lane is in program order"
                );
                assert!(
                    pair[0].answered_ns() <= pair[1].answered_ns(),
                    "answers come in order"
                );
            }
        }
        History { lanes }
    }

    pub fn lanes(&self) -> &[Vec<Operation<C, A>>] {
        &self.lanes
    }

    pub fn len(&self) -> usize {
        self.lanes.iter().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, id: OperationId) -> &Operation<C, A> {
        &self.lanes[id.client][id.index]
    }

    /// All operations in the order of their calls.
    pub fn in_time_order(&self) -> Vec<(OperationId, &Operation<C, A>)> {
        let mut all: Vec<_> = self
            .lanes
            .iter()
            .enumerate()
            .flat_map(|(client, lane)| {
                let name = move |index| OperationId { client, index };
                lane.iter()
                    .enumerate()
                    .map(move |(index, operation)| (name(index), operation))
            })
            .collect();
        all.sort_by_key(|(id, operation)| (operation.called_ns, *id));
        all
    }

    /// How many operations were under way at the same time as one of another client.
    pub fn overlapping(&self) -> usize {
        let all = self.in_time_order();
        // By clients: when what they called so far was answered.
        let mut answered_ns = vec![0; self.lanes.len()];
        let mut overlapping = 0;
        for (at, (id, operation)) in all.iter().enumerate() {
            let mut others = answered_ns.iter().enumerate();
            let with_earlier =
                others.any(|(client, ns)| client != id.client && *ns >= operation.called_ns);
            let mut later = all[at + 1..].iter();
            let next = later.find(|(other, _)| other.client != id.client);
            let with_later =
                next.is_some_and(|(_, other)| other.called_ns <= operation.answered_ns());
            overlapping += usize::from(with_earlier || with_later);
            answered_ns[id.client] = operation.answered_ns();
        }
        overlapping
    }
}

impl<C: Clone, A: Clone> History<C, A> {
    /// What was known when this operation was answered: later calls are left out, and
    /// later answers unknown, as are those behind it in its pipeline.
    pub fn until_answer(&self, last: OperationId) -> History<C, A> {
        let ns = self.get(last).answered_ns();
        self.selected(|id, operation| {
            let is_behind = id.client == last.client && id.index > last.index;
            let is_known = |outcome: &Outcome<A>| outcome.answered_ns <= ns && !is_behind;
            let mut operation = operation.clone();
            operation.outcome = operation.outcome.filter(is_known);
            (operation.called_ns <= ns).then_some(operation)
        })
    }

    /// Without one operation.
    pub fn without(&self, left_out: OperationId) -> History<C, A> {
        self.selected(|id, operation| (id != left_out).then(|| operation.clone()))
    }

    fn selected(
        &self,
        select: impl Fn(OperationId, &Operation<C, A>) -> Option<Operation<C, A>>,
    ) -> History<C, A> {
        let lane = |(client, lane): (usize, &Vec<Operation<C, A>>)| {
            let operations = lane.iter().enumerate();
            operations
                .filter_map(|(index, operation)| select(OperationId { client, index }, operation))
                .collect()
        };
        History::new(self.lanes.iter().enumerate().map(lane).collect())
    }
}
