//! The live line on a terminal.
//!
//! It is drawn on standard error over itself and wiped before anything else is
//! printed. When standard error is no terminal, nothing is drawn at all.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use crate::bench::figures::{grouped, millis, percent};
use crate::bench::load::Sight;

/// Longest name that leaves room for the numbers on a line of 80.
const NAME_CHARS: usize = 26;

/// Draws how far a phase is.
pub struct Progress {
    is_shown: bool,
    is_drawn: bool,
}

impl Progress {
    pub fn new() -> Progress {
        Progress {
            is_shown: stderr().is_terminal(),
            is_drawn: false,
        }
    }

    /// Something that draws the line anew with each sight of a phase.
    pub fn watch<'a>(&'a mut self, name: &'a str) -> impl FnMut(Sight) + 'a {
        let mut before: Option<Sight> = None;
        move |sight| {
            if self.is_shown {
                self.draw(&line(name, &sight, before.as_ref()));
                before = Some(sight);
            }
        }
    }

    /// Draws a line of words.
    pub fn say(&mut self, text: &str) {
        if self.is_shown {
            self.draw(text);
        }
    }

    /// Wipes the line, before other output.
    pub fn wipe(&mut self) {
        if self.is_drawn {
            // A terminal that is gone takes no more lines, and none are needed.
            let _ = write!(stderr(), "\r\x1b[2K");
            self.is_drawn = false;
        }
    }

    fn draw(&mut self, text: &str) {
        let _ = write!(stderr(), "\r\x1b[2K{text}").and_then(|()| stderr().flush());
        self.is_drawn = true;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.wipe();
    }
}

fn line(name: &str, sight: &Sight, before: Option<&Sight>) -> String {
    let (done_before, elapsed_before, latency_before) = before
        .map_or((0, Duration::ZERO, Duration::ZERO), |sight| {
            (sight.done, sight.elapsed, sight.latency_sum)
        });
    let seconds = sight
        .elapsed
        .saturating_sub(elapsed_before)
        .as_secs_f64()
        .max(1e-9);
    let done = sight.done.saturating_sub(done_before);
    let latency = sight.latency_sum.saturating_sub(latency_before);
    let mean_ns = latency.as_nanos() as f64 / done.max(1) as f64;
    let overall = sight.done as f64 / sight.elapsed.as_secs_f64().max(1e-9);
    let of_requests = sight
        .limit
        .requests
        .map(|requests| sight.done as f64 / requests as f64);
    let of_time = sight
        .limit
        .time
        .map(|time| sight.elapsed.as_secs_f64() / time.as_secs_f64().max(1e-9));
    let share = of_requests
        .into_iter()
        .chain(of_time)
        .fold(0.0, f64::max)
        .min(1.0);
    let name: String = name.chars().take(NAME_CHARS).collect();
    format!(
        "{name}  {:>5}  {} req/s, {} overall, {} ms",
        percent(share),
        grouped(done as f64 / seconds),
        grouped(overall),
        millis(mean_ns, 3),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::load::Limit;

    #[test]
    fn a_line_tells_now_from_overall() {
        let sight = |done, seconds, latency_ms| Sight {
            done,
            elapsed: Duration::from_secs(seconds),
            latency_sum: Duration::from_millis(latency_ms),
            limit: Limit {
                requests: Some(10_000),
                time: None,
            },
        };
        let text = line(
            "GET",
            &sight(5_000, 3, 9_000),
            Some(&sight(1_000, 1, 1_000)),
        );
        assert_eq!(text, "GET   50 %  2,000 req/s, 1,667 overall, 2.000 ms");
        assert!(line("GET", &sight(0, 0, 0), None).contains("0 req/s"));
    }
}
