//! CLIENT PAUSE: a moment in which clients wait.
//!
//! While it lasts, nothing expires either, so that a data set can be handed
//! over as it stands. A paused request stays in its query, unexecuted; drivers
//! try again when the pause is over or UNPAUSE wakes them.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

/// What has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseMode {
    Writes,
    All,
}

/// The pause of one engine, if any.
#[derive(Default)]
pub struct Pause {
    until_ms: AtomicI64,
    mode: AtomicU8,
}

impl Pause {
    /// Pause until `until_ms` of Unix time. A pause in force is prolonged and
    /// widened, never shortened or narrowed.
    pub fn begin(&self, mode: PauseMode, until_ms: i64, now_ms: i64) {
        let (mut mode, mut until_ms) = (mode, until_ms);
        if let Some(present) = self.mode_at(now_ms) {
            until_ms = until_ms.max(self.until_ms.load(Ordering::Acquire));
            if present == PauseMode::All {
                mode = present;
            }
        }
        self.mode.store(mode as u8, Ordering::Relaxed);
        self.until_ms.store(until_ms, Ordering::Release);
    }

    /// CLIENT UNPAUSE.
    pub fn end(&self) {
        self.until_ms.store(0, Ordering::Release);
    }

    /// What waits now.
    #[inline]
    pub fn mode_at(&self, now_ms: i64) -> Option<PauseMode> {
        if self.until_ms.load(Ordering::Acquire) <= now_ms {
            return None;
        }
        Some(match self.mode.load(Ordering::Relaxed) {
            0 => PauseMode::Writes,
            _ => PauseMode::All,
        })
    }

    /// When the pause ends by itself, in Unix time; zero if there is none.
    pub fn until_ms(&self) -> i64 {
        self.until_ms.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_only_grows_until_it_ends() {
        let pause = Pause::default();
        pause.begin(PauseMode::All, 100, 0);
        pause.begin(PauseMode::Writes, 50, 10);
        assert_eq!(pause.mode_at(99), Some(PauseMode::All));
        assert_eq!(pause.mode_at(100), None);
        pause.begin(PauseMode::Writes, 300, 200);
        assert_eq!(pause.mode_at(250), Some(PauseMode::Writes));
        pause.end();
        assert_eq!(pause.mode_at(250), None);
    }
}
