//! The clients on their threads, and the watchdog.

use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Campaign, Door, Doors, Trouble};
use crate::linear::dialect::{Argv, Names, understand};
use crate::linear::dice::Dice;
use crate::linear::history::{History, Operation, Outcome};
use crate::linear::model::{Answer, Command};
use crate::linear::scenario::Scenario;

type Lane = Vec<Operation<Command, Answer>>;

/// What a client brings back from some rounds.
struct Played {
    door: Box<dyn Door>,
    rounds: Vec<Scenes>,
}

/// One client's operations of one round.
struct Scenes {
    part: Lane,
    /// Opening and closing, if this client spoke them for its group.
    frame: Lane,
}

/// A round of one group.
pub(super) struct Record {
    pub(super) round: usize,
    pub(super) scenario: Scenario,
    pub(super) history: History<Command, Answer>,
}

/// Let the clients play some rounds, and watch them.
pub(super) fn play(
    campaign: &Campaign,
    doors: Doors,
    rounds: Range<usize>,
) -> Result<(Doors, Vec<Record>), Trouble> {
    let stage = Arc::new(Stage::new(doors.len()));
    let (finished, waiting) = mpsc::channel();
    let clients = doors.len();
    for (client, door) in doors.into_iter().enumerate() {
        let player = Player {
            campaign: campaign.clone(),
            stage: stage.clone(),
            client,
            clients,
            door,
        };
        let (finished, rounds) = (finished.clone(), rounds.clone());
        let stage = stage.clone();
        std::thread::spawn(move || {
            let played = catch_unwind(AssertUnwindSafe(|| player.play(rounds)));
            let played = match played {
                Ok(Ok(played)) => Ok(played),
                Ok(Err(error)) => Err(Trouble::Broken(error)),
                Err(panic) => Err(Trouble::Panicked(panic_text(&*panic))),
            };
            let gave_up = played.is_err();
            // Nobody listens once the campaign was given up.
            let _ = finished.send(played.map(|played| (client, played)));
            if gave_up {
                stage.abandoned.store(true, Ordering::Release);
            }
        });
    }
    let played = await_players(&stage, &waiting, clients, campaign.patience)?;
    Ok(collect(campaign, played, rounds))
}

fn await_players(
    stage: &Stage,
    waiting: &mpsc::Receiver<Result<(usize, Played), Trouble>>,
    clients: usize,
    patience: Duration,
) -> Result<Vec<Played>, Trouble> {
    let mut played: Vec<Option<Played>> = (0..clients).map(|_| None).collect();
    let (mut progress, mut since) = (0, Instant::now());
    while played.iter().any(Option::is_none) {
        match waiting.recv_timeout(Duration::from_millis(50)) {
            Ok(result) => {
                let (client, lanes) = result?;
                played[client] = Some(lanes);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => unreachable!("a sender is kept here"),
        }
        let now = stage.progress.load(Ordering::Relaxed);
        if now != progress {
            (progress, since) = (now, Instant::now());
        } else if since.elapsed() > patience {
            stage.abandoned.store(true, Ordering::Release);
            return Err(Trouble::Stalled(stage.waiting()));
        }
    }
    Ok(played.into_iter().flatten().collect())
}

/// Sort what the clients brought back by rounds and groups.
fn collect(campaign: &Campaign, played: Vec<Played>, rounds: Range<usize>) -> (Doors, Vec<Record>) {
    let mut doors = Vec::new();
    let mut lanes: Vec<Vec<Scenes>> = rounds.clone().map(|_| Vec::new()).collect();
    for played in played {
        doors.push(played.door);
        for (round, scenes) in played.rounds.into_iter().enumerate() {
            lanes[round].push(scenes);
        }
    }
    let mut records = Vec::new();
    for (round, scenes) in rounds.zip(lanes) {
        let groups = campaign.groups(round, scenes.len());
        let mut histories: Vec<(Vec<Lane>, Lane)> =
            (0..groups).map(|_| Default::default()).collect();
        for (client, scenes) in scenes.into_iter().enumerate() {
            let (lanes, frame) = &mut histories[client % groups];
            lanes.push(scenes.part);
            frame.extend(scenes.frame);
        }
        for (mut lanes, frame) in histories {
            lanes.push(frame);
            let scenario = campaign.scenario(round);
            let history = History::new(lanes);
            records.push(Record {
                round,
                scenario,
                history,
            });
        }
    }
    (doors, records)
}

/// What the players share.
struct Stage {
    start: Instant,
    players: usize,
    arrived: AtomicUsize,
    turn: AtomicUsize,
    abandoned: AtomicBool,
    /// Answers so far.
    progress: AtomicU64,
    /// What each player is waiting for, if it is.
    asking: Vec<Mutex<Vec<Command>>>,
}

impl Stage {
    fn new(players: usize) -> Stage {
        Stage {
            start: Instant::now(),
            players,
            arrived: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            abandoned: AtomicBool::new(false),
            progress: AtomicU64::new(0),
            asking: (0..players).map(|_| Mutex::default()).collect(),
        }
    }

    /// Wait for all players. They start within a microsecond of one another, as nobody
    /// sleeps; a round is over before a sleeper would be up.
    fn meet(&self) -> io::Result<()> {
        let turn = self.turn.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.players {
            self.arrived.store(0, Ordering::Release);
            self.turn.fetch_add(1, Ordering::AcqRel);
        }
        while self.turn.load(Ordering::Acquire) == turn {
            if self.abandoned.load(Ordering::Acquire) {
                return Err(io::Error::other("another client gave up"));
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    fn waiting(&self) -> Vec<(usize, String)> {
        let said = |asking: &Mutex<Vec<Command>>| {
            let asking = asking.lock().unwrap_or_else(PoisonError::into_inner);
            asking
                .iter()
                .map(Command::to_string)
                .collect::<Vec<_>>()
                .join(" | ")
        };
        let all = self.asking.iter().map(said).enumerate();
        all.filter(|(_, asking)| !asking.is_empty()).collect()
    }
}

struct Player {
    campaign: Campaign,
    stage: Arc<Stage>,
    client: usize,
    clients: usize,
    door: Box<dyn Door>,
}

impl Player {
    fn play(mut self, rounds: Range<usize>) -> io::Result<Played> {
        let mut scenes = Vec::new();
        for round in rounds {
            scenes.push(self.play_round(round)?);
        }
        Ok(Played {
            door: self.door,
            rounds: scenes,
        })
    }

    fn play_round(&mut self, round: usize) -> io::Result<Scenes> {
        let campaign = &self.campaign;
        let scenario = campaign.scenario(round);
        let groups = campaign.groups(round, self.clients);
        let group = self.client % groups;
        let speaks_frame = self.client < groups;
        let names = Names::new(format!("r{round}g{group}:"));
        let words = [round as u64, self.client as u64];
        let mut dice = Dice::new(campaign.seed, &words);
        let operations = campaign.operations;
        let index = self.client / groups;
        let mut part = scenario.part(index, campaign.pipeline_max(round), dice.clone());
        let mut scenes = Scenes {
            part: Vec::with_capacity(operations + 16),
            frame: Vec::new(),
        };
        if speaks_frame {
            self.say(&names, scenario.opening(), &mut scenes.frame)?;
        }
        self.stage.meet()?;
        let mut answers = Vec::new();
        while scenes.part.len() < operations {
            let batch = part.next(&answers);
            answers = self.say(&names, batch, &mut scenes.part)?;
            pause(&mut dice);
        }
        self.say(
            &names,
            vec![Command::Unwatch, Command::Select(0)],
            &mut Vec::new(),
        )?;
        self.stage.meet()?;
        if speaks_frame {
            self.say(&names, scenario.closing(), &mut scenes.frame)?;
            self.say(&names, vec![scenario.cleaning()], &mut Vec::new())?;
        }
        self.stage.meet()?;
        Ok(scenes)
    }

    /// Say a batch of commands; what was said and answered goes into the lane.
    fn say(
        &mut self,
        names: &Names,
        batch: Vec<Command>,
        lane: &mut Lane,
    ) -> io::Result<Vec<Answer>> {
        let parts: Vec<Vec<Argv>> = batch
            .iter()
            .map(|command| names.requests(command))
            .collect();
        let counts: Vec<usize> = parts.iter().map(Vec::len).collect();
        let requests: Vec<Argv> = parts.into_iter().flatten().collect();
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        self.now_asking(&batch);
        let exchanges = self.door.ask(self.stage.start, &requests)?;
        self.now_asking(&[]);
        self.stage.progress.fetch_add(1, Ordering::Relaxed);
        let mut exchanges = exchanges.into_iter();
        let mut answers = Vec::with_capacity(batch.len());
        for (command, count) in batch.into_iter().zip(counts) {
            let (mut called_ns, mut answered_ns) = (0, 0);
            let mut replies = Vec::with_capacity(count);
            // Only the last request of a transaction has an effect, so its times count.
            for exchange in exchanges.by_ref().take(count) {
                (called_ns, answered_ns) = (exchange.called_ns, exchange.answered_ns);
                replies.push(exchange.reply);
            }
            let answer = understand(&command, &replies);
            answers.push(answer.clone());
            lane.push(Operation {
                command,
                called_ns,
                outcome: Some(Outcome {
                    answer,
                    answered_ns,
                }),
            });
        }
        Ok(answers)
    }

    fn now_asking(&self, batch: &[Command]) {
        let asking = self.stage.asking[self.client].lock();
        *asking.expect("nobody panics with it") = batch.to_vec();
    }
}

/// Clients do not march in step. They do not yield either: on a busy machine they would
/// then give way only here, and never in the midst of a command.
fn pause(dice: &mut Dice) {
    if dice.once_in(4) {
        (0..dice.below(300)).for_each(|_| std::hint::spin_loop());
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
