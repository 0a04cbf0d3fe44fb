//! What one client has sent, what was answered, and what a recovered state makes of it.
//!
//! ```text
//!   known ─ unit ─ unit ─ unit ─ ... ─ unit ─ unit ─ unit
//!                                  ▲ answered            ▲ sent
//!   recovered must be the state after one of the units in between
//! ```
//!
//! A unit is a command or a whole MULTI ... EXEC: it happened or it did not.

use std::fmt;

use super::request::words;
use super::sets::SetChange;
use super::state::{Change, Span, State};

/// What happens together.
#[derive(Clone, Debug)]
pub struct Unit {
    pub changes: Vec<Change>,
    /// Between sending it and its answer, or the end.
    pub when: Span,
    /// What its replies showed that is not foretold, in order.
    pub shown: Vec<Shown>,
}

/// What nobody foretells.
#[derive(Clone, Debug)]
pub enum Shown {
    Ms(i64),
    Popped(Vec<Vec<u8>>),
}

/// A client's history since the state that is known for certain.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub known: State,
    pub units: Vec<Unit>,
    /// So many of the units have been answered.
    pub answered: usize,
}

/// How a recovered state fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Units that are in the state, beyond those that had been answered.
    pub beyond: usize,
}

impl Unit {
    /// Returns a complaint if a look showed what cannot be.
    pub fn apply(&self, state: &mut State) -> Result<(), String> {
        let mut shown = self.shown.iter();
        for change in &self.changes {
            if let Change::OfSet(key, SetChange::Pop(_)) = change
                && let Some(Shown::Popped(members)) = shown.next()
            {
                SetChange::apply_shown(state, *key, members)?;
                continue;
            }
            state.apply(change, self.when);
            if let Change::Look(key) = change
                && let Some(&Shown::Ms(shown_ms)) = shown.next()
            {
                let before = state.0.get(key).cloned();
                if !state.learn(*key, shown_ms) {
                    let was = before.map_or("nothing".into(), |value| value.to_string());
                    return Err(format!("{key}: PEXPIRETIME {shown_ms} of {was}"));
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            for word in words(0, change) {
                write!(f, "{:.40} ", word.escape_ascii().to_string())?;
            }
            let database = change.database();
            database.map_or(Ok(()), |database| write!(f, "(db {database}); "))?;
        }
        Ok(())
    }
}

impl History {
    /// Which of the states is it that was read within `when`? Units from number `least` on may be
    /// missing: of a log those that were not answered.
    pub fn fit(&self, read: &State, when: Span, least: usize) -> Result<Fit, String> {
        let mut state = self.known.clone();
        for at in 0..=self.units.len() {
            if at >= least && state.differences(read, when).is_empty() {
                return Ok(Fit { beyond: at - least });
            }
            if let Some(unit) = self.units.get(at) {
                unit.apply(&mut state)?;
            }
        }
        Err(self.explain(read, when)?)
    }

    /// Why none of the states is it.
    fn explain(&self, read: &State, when: Span) -> Result<String, String> {
        let mut state = self.known.clone();
        let mut nearest: Option<(usize, Vec<String>)> = None;
        for at in 0..=self.units.len() {
            let found = state.differences(read, when);
            if nearest
                .as_ref()
                .is_none_or(|(_, best)| found.len() <= best.len())
            {
                nearest = Some((at, found));
            }
            if let Some(unit) = self.units.get(at) {
                unit.apply(&mut state)?;
            }
        }
        let (at, found) = nearest.expect("at least one state was compared");
        Ok(self.misfit(at, &found))
    }

    /// What is said of a state that is nearest to the one after unit `at`.
    fn misfit(&self, at: usize, found: &[String]) -> String {
        let (answered, sent) = (self.answered, self.units.len());
        let sums = format!("{answered} of {sent} units were answered");
        if found.is_empty() {
            return format!("{sums}, and what came back is the state after unit {at}");
        }
        let around = at.saturating_sub(2)..(at + 2).min(sent);
        let around: Vec<String> = self.units[around].iter().map(Unit::to_string).collect();
        format!(
            "{sums}, and what came back is no state at all; the nearest is the one after unit \
             {at}, but\n  {}\n units around it:\n  {}",
            found[..found.len().min(8)].join("\n  "),
            around.join("\n  ")
        )
    }

    /// A state was read and fitted: the next history begins with it.
    pub fn restart(&mut self, read: State) {
        self.known = read;
        self.units.clear();
        self.answered = 0;
    }
}
