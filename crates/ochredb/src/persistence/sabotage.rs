//! Mistakes on purpose, which the tests that kill servers must notice.
//!
//! Without the feature nobody can choose one, and the questions are gone.

use engine::effect::Effects;
use persist::Lsn;
use persist::log::Log;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The end of a batch writes nothing; what the log's thread has not met is lost.
    SilentBatch,
    /// Replies wait for nothing.
    EarlyRelease,
    /// Each effect of a transaction is a group of its own, written one by one.
    TornGroup,
}

#[cfg(feature = "sabotage")]
static CHOSEN: std::sync::OnceLock<Mistake> = std::sync::OnceLock::new();

/// This process makes this mistake; once.
#[cfg(feature = "sabotage")]
pub fn choose(mistake: Mistake) {
    CHOSEN.set(mistake).expect("one mistake at a time");
}

#[cfg(feature = "sabotage")]
pub(super) fn makes(mistake: Mistake) -> bool {
    CHOSEN.get() == Some(&mistake)
}

#[cfg(not(feature = "sabotage"))]
#[inline]
pub(super) fn makes(_mistake: Mistake) -> bool {
    false
}

/// A group that the death of the process divides.
pub(super) fn append_torn(log: &Log, effects: &Effects) -> Lsn {
    let mut end = log.appended_lsn();
    for effect in effects.iter() {
        end = log.append(std::iter::once(effect));
        // A broken log says so to the one who comes next.
        let _ = log.write();
    }
    end
}
