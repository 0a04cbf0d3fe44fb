//! What one client has sent, what was answered, and what a recovered state makes of it.
//!
//! ```text
//!   known ─ unit ─ unit ─ unit ─ ... ─ unit ─ unit ─ unit
//!                                  ▲ answered            ▲ sent
//!   recovered must be the state after one of the units in between
//! ```
//!
//! A unit is a command or a whole MULTI ... EXEC: it happened or it did not.

use super::state::{Change, Span, State};

/// What happens together.
#[derive(Clone, Debug)]
pub struct Unit {
    pub changes: Vec<Change>,
    /// Between sending it and its answer, or the end.
    pub when: Span,
    /// What its looks showed, in order.
    pub shown_ms: Vec<i64>,
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
    fn apply(&self, state: &mut State) -> Result<(), String> {
        let mut shown = self.shown_ms.iter();
        for change in &self.changes {
            state.apply(change, self.when);
            if let Change::Look(key) = change
                && let Some(&shown_ms) = shown.next()
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

impl History {
    /// Which of the states is it that was read within `when`? Units from the first `least` on
    /// may be missing; of a log that is `answered`.
    pub fn fit(&self, read: &State, when: Span, least: usize) -> Result<Fit, String> {
        let mut state = self.known.clone();
        let mut nearest: Option<(usize, Vec<String>)> = None;
        for at in 0..=self.units.len() {
            if at >= least {
                let found = state.differences(read, when);
                if found.is_empty() {
                    return Ok(Fit { beyond: at - least });
                }
                if nearest
                    .as_ref()
                    .is_none_or(|(_, best)| found.len() < best.len())
                {
                    nearest = Some((at, found));
                }
            }
            if let Some(unit) = self.units.get(at) {
                unit.apply(&mut state)?;
            }
        }
        let (at, found) = nearest.expect("at least one state was compared");
        let (answered, sent) = (self.answered, self.units.len());
        let around = self.units[at.saturating_sub(2)..(at + 2).min(sent)].iter();
        let around: Vec<String> = around
            .map(|unit| format!("{:.300?}", unit.changes))
            .collect();
        Err(format!(
            "no state between unit {least} and {sent} ({answered} answered) is the one that came \
             back; nearest is the one after {at}, but\n  {}\n around it:\n  {}",
            found[..found.len().min(8)].join("\n  "),
            around.join("\n  ")
        ))
    }

    /// A state was read and fitted: the next history begins with it.
    pub fn restart(&mut self, read: State) {
        self.known = read;
        self.units.clear();
        self.answered = 0;
    }
}
