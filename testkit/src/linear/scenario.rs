//! What the clients of a round do, and what must be true of it whatever the checker says.
//!
//! | scenario | clients | besides linearizable |
//! |---|---|---|
//! | [`Scenario::Mixed`] | anything on one group of keys | |
//! | [`Scenario::Counters`] | WATCH, read, MULTI, SET to one more, EXEC | a counter ends at its number of successful EXECs |
//! | [`Scenario::Transfers`] | move amounts between accounts, by MULTI and by WATCH | every look at all accounts finds the same sum |
//! | [`Scenario::Twins`] | MSET and MULTI give all keys one value | nobody ever sees two |
//! | [`Scenario::Ring`] | RENAME one value round the keys | everybody always sees one |
//! | [`Scenario::Copies`] | SET and COPY along the keys | |
//! | [`Scenario::Wide`] | two databases; MOVE, SWAPDB, FLUSHALL | |
//!
//! The audit in the last column follows from linearizability; it is made all the same,
//! as a second opinion that shares no line with the checker.

use super::dice::Dice;
use super::history::History;
use super::model::{Answer, Command, Key};

/// Keys that a group has in every scenario.
pub const KEYS: usize = 5;
/// What each account holds at first.
const BALANCE: i64 = 100;

/// A kind of round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    Mixed,
    Counters,
    Transfers,
    Twins,
    Ring,
    Copies,
    /// Commands on whole databases: one group only, as they know no groups.
    Wide,
}

impl Scenario {
    pub const ALL: [Scenario; 7] = [
        Scenario::Mixed,
        Scenario::Counters,
        Scenario::Transfers,
        Scenario::Twins,
        Scenario::Ring,
        Scenario::Copies,
        Scenario::Wide,
    ];

    /// Said by one client before the others begin.
    pub fn opening(self) -> Vec<Command> {
        match self {
            Scenario::Transfers => {
                vec![Command::MSet(
                    keys().into_iter().map(|key| (key, BALANCE)).collect(),
                )]
            }
            Scenario::Ring => vec![Command::Set(Key(0), 7)],
            _ => Vec::new(),
        }
    }

    /// Said by one client after all others: what is left must fit as well.
    pub fn closing(self) -> Vec<Command> {
        let look = Command::MGet(keys());
        match self {
            Scenario::Wide => vec![look.clone(), Command::Select(1), look, Command::Select(0)],
            _ => vec![look],
        }
    }

    /// Said after that, and not part of the history: nothing is to be left.
    pub fn cleaning(self) -> Command {
        match self {
            Scenario::Wide => Command::FlushAll,
            _ => Command::Del(keys()),
        }
    }

    /// The part of one client. In a pipeline it says at most about so many commands.
    pub fn part(self, client: usize, pipeline_max: usize, dice: Dice) -> Part {
        Part {
            scenario: self,
            client: client as i64,
            pipeline_max,
            dice,
            values: 0,
            pending: None,
        }
    }

    /// Check what must be true of any round.
    pub fn audit(self, history: &History<Command, Answer>) -> Result<(), String> {
        match self {
            Scenario::Counters => audit_counters(history),
            Scenario::Transfers => each_look(history, |values| {
                let sum: i64 = values.iter().flatten().sum();
                sum == BALANCE * KEYS as i64
            }),
            Scenario::Twins => each_look(history, |values| {
                values.iter().all(|value| *value == values[0])
            }),
            Scenario::Ring => each_look(history, |values| {
                values.iter().flatten().collect::<Vec<_>>() == [&7]
            }),
            Scenario::Mixed | Scenario::Copies | Scenario::Wide => Ok(()),
        }
    }
}

/// All keys of the group.
fn keys() -> Vec<Key> {
    (0..KEYS).map(|key| Key(key as u8)).collect()
}

/// One client's part in a round: commands, each batch in view of the last one's answers.
pub struct Part {
    scenario: Scenario,
    client: i64,
    pipeline_max: usize,
    dice: Dice,
    /// Values made up so far.
    values: i64,
    /// The last batch ended with WATCH and a read.
    pending: Option<Pending>,
}

/// What to do with the answer to the read after a WATCH.
enum Pending {
    /// Set the first of these keys to one more.
    Count(Vec<Key>),
    Transfer {
        from: Key,
        to: Key,
        amount: i64,
    },
    /// Rename whichever key is there to the next.
    Pass,
    /// Set a key, whatever was read.
    Overwrite(Key),
}

impl Part {
    /// What to say next, in one pipeline.
    pub fn next(&mut self, answers: &[Answer]) -> Vec<Command> {
        let mut batch = Vec::new();
        if let Some(pending) = self.pending.take() {
            let read = answers.last().expect("the last batch ended with a read");
            batch.push(self.conclude(pending, read));
        }
        let wanted = 1 + self.dice.below(self.pipeline_max);
        while batch.len() < wanted {
            let command = self.single();
            batch.push(command);
        }
        if self.watches() && self.dice.once_in(2) {
            self.watch(&mut batch);
        }
        batch
    }

    fn key(&mut self) -> Key {
        Key(self.dice.below(KEYS) as u8)
    }

    fn two_keys(&mut self) -> (Key, Key) {
        let keys = self.some_keys(2);
        (keys[0], keys[1])
    }

    fn some_keys(&mut self, count: usize) -> Vec<Key> {
        let mut keys: Vec<Key> = self
            .dice
            .shuffled(KEYS)
            .into_iter()
            .map(|key| Key(key as u8))
            .collect();
        keys.truncate(count);
        keys
    }

    fn shuffled_keys(&mut self) -> Vec<Key> {
        self.some_keys(KEYS)
    }

    /// A value that nobody else makes up; its last digit names the client.
    fn value(&mut self) -> i64 {
        self.values += 1;
        self.values * 10 + self.client
    }

    fn watches(&self) -> bool {
        !matches!(self.scenario, Scenario::Twins | Scenario::Copies)
    }

    /// WATCH and read; what follows from it begins the next batch.
    fn watch(&mut self, batch: &mut Vec<Command>) {
        match self.scenario {
            Scenario::Transfers => {
                let (from, to) = self.two_keys();
                let amount = 1 + self.dice.below(20) as i64;
                batch.push(Command::Watch(vec![from, to]));
                batch.push(Command::MGet(vec![from, to]));
                self.pending = Some(Pending::Transfer { from, to, amount });
            }
            Scenario::Ring => {
                batch.push(Command::Watch(keys()));
                batch.push(Command::MGet(keys()));
                self.pending = Some(Pending::Pass);
            }
            Scenario::Counters => {
                // Few counters, so that they are fought for.
                let count = 1 + self.dice.below(2);
                let first = self.dice.below(2) as u8;
                let watched: Vec<Key> = [Key(first), Key(1 - first)][..count].to_vec();
                batch.push(Command::Watch(watched.clone()));
                batch.push(Command::MGet(watched.clone()));
                self.pending = Some(Pending::Count(watched));
            }
            _ => {
                let count = 1 + self.dice.below(2);
                let watched = self.some_keys(count);
                batch.push(Command::Watch(watched.clone()));
                batch.push(Command::MGet(watched));
                self.pending = Some(Pending::Overwrite(self.key()));
            }
        }
    }

    /// EXEC in view of what was read, or thinking better of it.
    fn conclude(&mut self, pending: Pending, read: &Answer) -> Command {
        if self.dice.once_in(16) {
            return match self.dice.below(2) {
                0 => Command::Unwatch,
                _ => Command::Discard(vec![Command::Set(Key(0), -1)]),
            };
        }
        let values = match read {
            Answer::Values(values) => values.as_slice(),
            _ => &[], // the checker will have a word about that
        };
        let value = |at: usize| values.get(at).copied().flatten().unwrap_or(0);
        Command::Exec(match pending {
            Pending::Count(watched) => {
                let mut queue = vec![Command::Set(watched[0], value(0) + 1)];
                if self.dice.once_in(2) {
                    queue.push(Command::MGet(watched));
                }
                queue
            }
            Pending::Transfer { from, to, amount } => vec![
                Command::Set(from, value(0) - amount),
                Command::Set(to, value(1) + amount),
            ],
            Pending::Pass => {
                let at = values.iter().position(Option::is_some).unwrap_or(0);
                vec![Command::Rename(Key(at as u8), Key(((at + 1) % KEYS) as u8))]
            }
            Pending::Overwrite(key) => {
                let value = self.value();
                vec![Command::Set(key, value), Command::MGet(keys())]
            }
        })
    }

    /// A command that stands alone.
    fn single(&mut self) -> Command {
        match self.scenario {
            Scenario::Mixed => match self.dice.below(6) {
                0 => Command::Exec(self.queue()),
                _ => self.any(),
            },
            Scenario::Counters => self.look(),
            Scenario::Transfers => match self.dice.below(5) {
                0 | 1 => {
                    let (from, to) = self.two_keys();
                    let amount = 1 + self.dice.below(20) as i64;
                    Command::Exec(vec![
                        Command::IncrBy(from, -amount),
                        Command::IncrBy(to, amount),
                    ])
                }
                _ => self.look(),
            },
            Scenario::Twins => self.twin(),
            Scenario::Ring => self.pass(),
            Scenario::Copies => self.copy(),
            Scenario::Wide => self.wide(),
        }
    }

    /// Look at all keys, in one of the ways there are.
    fn look(&mut self) -> Command {
        let keys = self.shuffled_keys();
        match self.dice.below(3) {
            0 => Command::Exec(keys.into_iter().map(Command::Get).collect()),
            1 => Command::Exec(vec![Command::MGet(keys)]),
            _ => Command::MGet(keys),
        }
    }

    fn queue(&mut self) -> Vec<Command> {
        (0..1 + self.dice.below(4)).map(|_| self.any()).collect()
    }

    fn any(&mut self) -> Command {
        let key = self.key();
        let (from, to) = self.two_keys();
        let value = self.value();
        let count = 1 + self.dice.below(3);
        let some = self.some_keys(count);
        match self.dice.below(20) {
            0 | 1 => Command::Get(key),
            2 | 3 => Command::Set(key, value),
            4 => Command::SetNx(key, value),
            5 => Command::GetSet(key, value),
            6 => Command::GetDel(key),
            7 | 8 => Command::IncrBy(key, 1),
            9 | 10 => Command::MGet(self.shuffled_keys()),
            11 | 12 => Command::MSet(some.into_iter().map(|key| (key, value)).collect()),
            13 => Command::MSetNx(some.into_iter().map(|key| (key, value)).collect()),
            14 => Command::Del(some),
            15 => Command::Exists(self.shuffled_keys()),
            16 => Command::Rename(from, to),
            17 => Command::RenameNx(from, to),
            _ => Command::Copy {
                from,
                to,
                database: None,
                replace: self.dice.once_in(2),
            },
        }
    }

    fn twin(&mut self) -> Command {
        let value = self.value();
        let keys = self.shuffled_keys();
        let pairs = keys.iter().map(|key| (*key, value)).collect();
        match self.dice.below(9) {
            0..=2 => Command::MSet(pairs),
            3 => Command::Exec(
                keys.into_iter()
                    .map(|key| Command::Set(key, value))
                    .collect(),
            ),
            4 => Command::MSetNx(pairs),
            5 => Command::Del(keys),
            6 => Command::Exists(keys),
            _ => self.look(),
        }
    }

    fn pass(&mut self) -> Command {
        let at = self.dice.below(KEYS);
        let [from, to, then] = [at, at + 1, at + 2].map(|at| Key((at % KEYS) as u8));
        match self.dice.below(8) {
            0 | 1 => Command::Rename(from, to),
            2 => Command::RenameNx(from, to),
            3 => Command::Exec(vec![Command::Rename(from, to), Command::Rename(to, then)]),
            4 => Command::Exists(self.shuffled_keys()),
            _ => self.look(),
        }
    }

    fn copy(&mut self) -> Command {
        let at = self.dice.below(KEYS - 1) as u8;
        let along = |at: u8, replace| Command::Copy {
            from: Key(at),
            to: Key(at + 1),
            database: None,
            replace,
        };
        match self.dice.below(8) {
            0 | 1 => Command::Set(Key(0), self.value()),
            2 | 3 => along(at, true),
            4 => along(at, false),
            5 => Command::Exec((0..KEYS as u8 - 1).map(|at| along(at, true)).collect()),
            6 => Command::Del(vec![Key(at + 1)]),
            _ => self.look(),
        }
    }

    fn wide(&mut self) -> Command {
        let (from, to) = self.two_keys();
        match self.dice.below(24) {
            0 | 1 => Command::Select(self.dice.below(2) as u8),
            2 => Command::SwapDb,
            3 if self.dice.once_in(2) => Command::FlushAll,
            3 => Command::FlushDb,
            // To where the key is already is an error: stay out of its way.
            4 | 5 => {
                let there = self.dice.below(2) as u8;
                let back = 1 - there;
                Command::Exec(vec![Command::Select(back), Command::Move(from, there)])
            }
            6 | 7 => Command::Copy {
                from,
                to,
                database: Some(self.dice.below(2) as u8),
                replace: self.dice.once_in(2),
            },
            8 => Command::Exec(vec![
                Command::SwapDb,
                Command::MGet(keys()),
                Command::Select(self.dice.below(2) as u8),
                Command::MGet(keys()),
            ]),
            9 | 10 => self.look(),
            _ => self.any(),
        }
    }
}

/// All values that were seen when all keys were looked at in one moment, by MGET or by an
/// EXEC.
fn looks(history: &History<Command, Answer>) -> impl Iterator<Item = Vec<Option<i64>>> {
    history.lanes().iter().flatten().filter_map(|operation| {
        let answer = &operation.outcome.as_ref()?.answer;
        let values = seen(&operation.command, answer);
        (values.len() == KEYS).then_some(values)
    })
}

fn seen(command: &Command, answer: &Answer) -> Vec<Option<i64>> {
    match (command, answer) {
        (Command::Get(_), Answer::Value(value)) => vec![*value],
        (Command::MGet(_), Answer::Values(values)) => values.clone(),
        (Command::Exec(queue), Answer::Executed(answers)) => {
            let each = queue.iter().zip(answers);
            each.flat_map(|(command, answer)| seen(command, answer))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn each_look(
    history: &History<Command, Answer>,
    is_right: impl Fn(&[Option<i64>]) -> bool,
) -> Result<(), String> {
    match looks(history).find(|values| !is_right(values)) {
        None => Ok(()),
        Some(values) => Err(format!(
            "all keys at once were seen as {}",
            Answer::Values(values)
        )),
    }
}

/// Every successful EXEC counts one, and nothing else does.
fn audit_counters(history: &History<Command, Answer>) -> Result<(), String> {
    let closing = history.lanes().last().and_then(|lane| lane.last());
    let closing = closing.and_then(|operation| operation.outcome.as_ref());
    let Some(Answer::Values(counters)) = closing.map(|outcome| &outcome.answer) else {
        return Err("nobody looked at the counters in the end".into());
    };
    for key in keys() {
        let counts = history.lanes().iter().flatten().filter(|operation| {
            let answer = operation.outcome.as_ref().map(|outcome| &outcome.answer);
            matches!((&operation.command, answer),
                (Command::Exec(queue), Some(Answer::Executed(_)))
                    if matches!(queue[0], Command::Set(counted, _) if counted == key))
        });
        let (counted, counter) = (counts.count() as i64, counters[usize::from(key.0)]);
        if counter.unwrap_or(0) != counted {
            let counter = Answer::Value(counter);
            return Err(format!(
                "counter {key} is {counter} after {counted} successful EXECs"
            ));
        }
    }
    Ok(())
}
