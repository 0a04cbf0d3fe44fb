//! The checker against histories whose verdict is known, and against a naive twin.

use super::checker::{HistoryOf, Model, Verdict, check};
use super::counterexample::Counterexample;
use super::dialect::{Names, understand};
use super::dice::Dice;
use super::history::{History, Operation, Outcome};
use super::model::{Answer, Command, Key, Keyspace};
use super::scenario::Scenario;
use crate::reply::Reply;

const A: Key = Key(0);
const B: Key = Key(1);
const BUDGET: usize = 100_000;

type Lane = Vec<Operation<Command, Answer>>;

/// `said(from, to, command, answer)`: an operation from one time to another.
fn said(
    called_ns: u64,
    answered_ns: u64,
    command: Command,
    answer: Answer,
) -> Operation<Command, Answer> {
    Operation {
        command,
        called_ns,
        outcome: Some(Outcome {
            answer,
            answered_ns,
        }),
    }
}

fn unanswered(called_ns: u64, command: Command) -> Operation<Command, Answer> {
    Operation {
        command,
        called_ns,
        outcome: None,
    }
}

fn value(number: i64) -> Answer {
    Answer::Value(Some(number))
}

fn values(numbers: &[i64]) -> Answer {
    Answer::Values(numbers.iter().map(|number| Some(*number)).collect())
}

fn both(number: i64) -> Command {
    Command::MSet(vec![(A, number), (B, number)])
}

fn is_linearizable(lanes: Vec<Lane>) -> bool {
    let history = History::new(lanes);
    match check(&history, Keyspace::empty(), BUDGET) {
        Verdict::Linearizable { .. } => true,
        Verdict::Violated(_) => false,
        Verdict::Undecided { .. } => panic!("a small history is decided"),
    }
}

#[test]
fn what_was_answered_before_is_seen_afterwards() {
    let set = || vec![said(1, 2, Command::Set(A, 5), Answer::Ok)];
    assert!(is_linearizable(vec![
        set(),
        vec![said(3, 4, Command::Get(A), value(5))]
    ]));
    assert!(!is_linearizable(vec![
        set(),
        vec![said(3, 4, Command::Get(A), Answer::Value(None))]
    ]));
}

#[test]
fn what_is_under_way_may_be_seen_or_not_but_not_unseen_again() {
    let set = || vec![said(1, 9, Command::Set(A, 5), Answer::Ok)];
    let reads = |first, second| {
        vec![
            said(2, 3, Command::Get(A), first),
            said(4, 5, Command::Get(A), second),
        ]
    };
    let nil = Answer::Value(None);
    assert!(is_linearizable(vec![
        set(),
        reads(nil.clone(), nil.clone())
    ]));
    assert!(is_linearizable(vec![set(), reads(nil.clone(), value(5))]));
    assert!(!is_linearizable(vec![set(), reads(value(5), nil)]));
}

#[test]
fn half_of_an_mset_is_never_seen() {
    let look = |answer| vec![said(2, 3, Command::MGet(vec![A, B]), answer)];
    let sets = || {
        vec![
            said(0, 1, both(1), Answer::Ok),
            said(1, 4, both(2), Answer::Ok),
        ]
    };
    assert!(is_linearizable(vec![sets(), look(values(&[1, 1]))]));
    assert!(is_linearizable(vec![sets(), look(values(&[2, 2]))]));
    assert!(!is_linearizable(vec![sets(), look(values(&[2, 1]))]));
    assert!(!is_linearizable(vec![sets(), look(values(&[1, 2]))]));
}

#[test]
fn an_increment_is_not_lost() {
    let add = |at, sum| said(at, at + 5, Command::IncrBy(A, 1), Answer::Integer(sum));
    assert!(is_linearizable(vec![vec![add(1, 2)], vec![add(2, 1)]]));
    assert!(!is_linearizable(vec![vec![add(1, 1)], vec![add(2, 1)]]));
}

#[test]
fn a_pipeline_keeps_its_order() {
    let pipeline = |first, second| {
        vec![
            said(1, 10, Command::Set(A, first), Answer::Ok),
            said(1, 11, Command::Set(A, second), Answer::Ok),
        ]
    };
    let look = || vec![said(12, 13, Command::Get(A), value(2))];
    assert!(is_linearizable(vec![pipeline(1, 2), look()]));
    assert!(!is_linearizable(vec![pipeline(2, 1), look()]));
}

#[test]
fn what_was_never_answered_may_have_happened() {
    let lane = || vec![unanswered(1, Command::Set(A, 5))];
    let look = |answer| vec![said(100, 101, Command::Get(A), answer)];
    assert!(is_linearizable(vec![lane(), look(value(5))]));
    assert!(is_linearizable(vec![lane(), look(Answer::Value(None))]));
    assert!(!is_linearizable(vec![lane(), look(value(6))]));
}

#[test]
fn a_touched_watch_aborts_and_an_untouched_one_does_not() {
    let client = |outcome| {
        vec![
            said(1, 2, Command::Watch(vec![A]), Answer::Ok),
            said(3, 4, Command::Get(A), Answer::Value(None)),
            said(7, 8, Command::Exec(vec![Command::Set(A, 1)]), outcome),
        ]
    };
    let executed = Answer::Executed(vec![Answer::Ok]);
    let other = |key| vec![said(5, 6, Command::Set(key, 9), Answer::Ok)];
    assert!(is_linearizable(vec![client(executed.clone()), other(B)]));
    assert!(!is_linearizable(vec![client(Answer::Aborted), other(B)]));
    assert!(is_linearizable(vec![client(Answer::Aborted), other(A)]));
    assert!(!is_linearizable(vec![client(executed), other(A)]));
}

/// Setting a key to what it is already is no read: it matters if another value comes
/// first. The shortcut for reads must not take it.
#[test]
fn a_write_of_the_same_value_is_not_taken_for_a_read() {
    let lanes = vec![
        vec![
            said(1, 2, Command::Set(A, 5), Answer::Ok),
            said(3, 9, Command::Set(A, 5), Answer::Ok),
        ],
        vec![said(3, 8, Command::Set(A, 7), Answer::Ok)],
        vec![said(4, 5, Command::Get(A), value(7))],
        vec![said(10, 11, Command::Get(A), value(5))],
    ];
    assert!(is_linearizable(lanes));
}

#[test]
fn overlaps_are_counted_however_long_they_last() {
    let get = |from, to| said(from, to, Command::Get(A), Answer::Value(None));
    let short = (0..100).map(|n| get(10 * n + 1, 10 * n + 2));
    let long = vec![get(500, 900)];
    let history = History::new(vec![short.collect(), long]);
    assert_eq!(history.overlapping(), 1 + 40);
}

#[test]
fn a_counterexample_is_small_and_says_where() {
    let mut writer: Lane = (0..200)
        .map(|n| said(10 * n + 1, 10 * n + 2, both(n as i64), Answer::Ok))
        .collect();
    writer.push(said(5000, 5010, both(300), Answer::Ok));
    let mut reader: Lane = (0..200)
        .map(|n| {
            let look = Command::MGet(vec![A, B]);
            said(10 * n + 3, 10 * n + 4, look, values(&[n as i64, n as i64]))
        })
        .collect();
    let look = || Command::MGet(vec![B, A]);
    reader.push(said(5001, 5003, look(), values(&[300, 199])));
    reader.push(said(5020, 5030, look(), values(&[300, 300])));
    let history = History::new(vec![writer, reader]);
    let start = Keyspace::empty();
    let Verdict::Violated(stuck) = check(&history, start.clone(), BUDGET) else {
        panic!("half an MSET was seen");
    };
    let shown = Counterexample::new(&history, start, stuck).to_string();
    let wanted = "\
before: a=199 b=199
client    called answered µs
     0       0.0         -  ├───────────────────────────────  MSET a 300 b 300 → (not answered yet)
     1       0.0       0.0            ├────────────────────┤  MGET b a → 300 199   ◄ nothing explains this
by then possible: a=199 b=199; that answers 199 199
by then possible: a=300 b=300; that answers 300 300
";
    assert_eq!(shown, wanted, "\n{shown}");
}

// ---- against a naive twin ------------------------------------------------------

/// Try every order, remember nothing.
fn naive(history: &HistoryOf<Keyspace>) -> bool {
    fn explained(lanes: &[Lane], done: &mut Vec<usize>, state: &Keyspace) -> bool {
        let heads: Vec<_> = (0..lanes.len())
            .filter_map(|client| Some((client, lanes[client].get(done[client])?)))
            .collect();
        let Some(deadline_ns) = heads.iter().map(|(_, head)| head.answered_ns()).min() else {
            return true;
        };
        heads
            .iter()
            .filter(|(_, head)| head.called_ns <= deadline_ns)
            .any(|(client, head)| {
                let mut after = state.clone();
                let answer = after.apply(*client, &head.command);
                let fits = head
                    .outcome
                    .as_ref()
                    .is_some_and(|outcome| outcome.answer == answer);
                done[*client] += 1;
                let explained = fits && explained(lanes, done, &after);
                done[*client] -= 1;
                explained
            })
    }
    let lanes = history.lanes();
    explained(lanes, &mut vec![0; lanes.len()], &Keyspace::empty())
}

/// A history that is linearizable because it was made so: each operation happens at one
/// moment between call and answer.
fn made_up(
    dice: &mut Dice,
    scenario: Scenario,
    clients: usize,
    operations: usize,
    pipeline: usize,
) -> Vec<Lane> {
    let mut state = Keyspace::empty();
    for command in scenario.opening() {
        state.apply(clients, &command);
    }
    let mut parts: Vec<_> = (0..clients)
        .map(|client| scenario.part(client, pipeline, dice.clone()))
        .collect();
    // What each client is to say yet, from its last batch, and what it was answered.
    let mut batches: Vec<(Vec<Command>, Vec<Answer>, u64)> = vec![Default::default(); clients];
    let mut lanes: Vec<Lane> = vec![Vec::new(); clients];
    let mut now_ns = 1;
    while lanes.iter().map(Vec::len).sum::<usize>() < operations {
        now_ns += 10;
        let client = dice.below(clients);
        let (batch, answers, called_ns) = &mut batches[client];
        if batch.is_empty() {
            let said = std::mem::take(answers);
            *batch = parts[client].next(&said);
            batch.reverse();
            *called_ns = now_ns;
            continue; // others may come in between
        }
        let command = batch.pop().expect("just seen");
        let answer = state.apply(client, &command);
        answers.push(answer.clone());
        // The answer may take its time, but not longer than till the next one is due.
        lanes[client].push(said(*called_ns, now_ns + 9, command, answer));
    }
    lanes
}

/// Make one answer that of another moment.
fn spoil(dice: &mut Dice, lanes: &mut [Lane]) {
    let lane = dice.below(lanes.len());
    if lanes[lane].is_empty() {
        return;
    }
    let at = dice.below(lanes[lane].len());
    let outcome = lanes[lane][at].outcome.as_mut().expect("all are answered");
    outcome.answer = match &outcome.answer {
        Answer::Value(Some(number)) => Answer::Value(Some(number + 1)),
        Answer::Value(None) => Answer::Value(Some(1)),
        Answer::Integer(number) => Answer::Integer(1 - number),
        Answer::Aborted => Answer::Executed(vec![Answer::Ok]),
        Answer::Executed(_) => Answer::Aborted,
        Answer::Values(values) => Answer::Values(values.iter().rev().copied().collect()),
        Answer::Ok => Answer::NoSuchKey,
        other => other.clone(),
    };
}

#[test]
fn small_histories_are_judged_as_the_naive_twin_judges_them() {
    let mut dice = Dice::new(11, &[]);
    let (mut good, mut bad) = (0, 0);
    for run in 0..1500 {
        let scenario = [
            Scenario::Mixed,
            Scenario::Counters,
            Scenario::Wide,
            Scenario::Twins,
        ][run % 4];
        let mut lanes = made_up(&mut dice, scenario, 3, 9, 3);
        if run % 3 > 0 {
            spoil(&mut dice, &mut lanes);
        }
        let history = History::new(lanes.clone());
        let expected = naive(&history);
        assert_eq!(is_linearizable(lanes), expected, "{history:#?}");
        if expected { good += 1 } else { bad += 1 }
    }
    assert!(good > 300 && bad > 300, "{good} good, {bad} bad");
}

#[test]
fn long_histories_of_many_clients_are_judged_within_bounds() {
    for (run, scenario) in Scenario::ALL.into_iter().enumerate() {
        let mut dice = Dice::new(12, &[run as u64]);
        let clients = 8;
        let lanes = made_up(&mut dice, scenario, clients, 3000, 1);
        let mut opening = Keyspace::empty();
        for command in scenario.opening() {
            opening.apply(clients, &command);
        }
        let history = History::new(lanes);
        match check(&history, opening, 1_000_000) {
            Verdict::Linearizable { configurations } => {
                println!(
                    "{scenario:?}: {} operations, {configurations} configurations",
                    history.len()
                );
            }
            verdict => panic!("{scenario:?}: {verdict:?}"),
        }
    }
}

// ---- model and dialect ---------------------------------------------------------

#[test]
fn commands_are_spoken_and_answers_understood() {
    let names = Names::new("g:");
    let command = Command::Exec(vec![Command::Set(A, 1), Command::MGet(vec![A, B])]);
    let words: Vec<String> = names
        .requests(&command)
        .iter()
        .map(|argv| String::from_utf8(argv.join(&b' ')).unwrap())
        .collect();
    assert_eq!(words, ["MULTI", "SET g:a 1", "MGET g:a g:b", "EXEC"]);
    let simple = |text: &str| Reply::Simple(text.into());
    let end = Reply::Array(vec![
        simple("OK"),
        Reply::Array(vec![Reply::Bulk(b"1".to_vec()), Reply::NullBulk]),
    ]);
    let replies = [
        simple("OK"),
        simple("QUEUED"),
        simple("QUEUED"),
        end.clone(),
    ];
    let answer = Answer::Executed(vec![Answer::Ok, Answer::Values(vec![Some(1), None])]);
    assert_eq!(understand(&command, &replies), answer);
    let refused = [
        simple("OK"),
        simple("QUEUED"),
        Reply::Error(b"ERR x".to_vec()),
        end,
    ];
    assert!(matches!(understand(&command, &refused), Answer::Strange(_)));
    let nil = Reply::NullBulk;
    assert_eq!(
        understand(&Command::Get(A), std::slice::from_ref(&nil)),
        Answer::Value(None)
    );
}

#[test]
fn the_model_watches_as_documented() {
    let mut state = Keyspace::empty();
    let exec = || Command::Exec(vec![Command::Get(A)]);
    let mut survives = |setup: &[Command], watched: Key, then: Command| {
        state = Keyspace::empty();
        for command in setup {
            state.apply(0, command);
        }
        state.apply(1, &Command::Watch(vec![watched]));
        state.apply(0, &then);
        state.apply(1, &exec()) != Answer::Aborted
    };
    let there = [Command::Set(A, 1)];
    let same = Command::Copy {
        from: A,
        to: B,
        database: None,
        replace: false,
    };
    assert!(
        !survives(&there, A, Command::Set(A, 1)),
        "the same value is a change"
    );
    assert!(!survives(&there, A, Command::Rename(A, B)));
    assert!(!survives(&there, B, Command::Rename(A, B)));
    assert!(!survives(&there, B, same.clone()));
    assert!(survives(&there, A, same));
    assert!(!survives(&there, A, Command::FlushAll));
    assert!(
        survives(&[], A, Command::FlushAll),
        "nothing was there to flush"
    );
    assert!(survives(&[], A, Command::Del(vec![A])));
    assert!(!survives(&there, A, Command::SwapDb));
    assert!(
        survives(&there, B, Command::SwapDb),
        "nothing before, nothing after"
    );
}
