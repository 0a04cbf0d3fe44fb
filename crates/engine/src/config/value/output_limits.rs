//! `client-output-buffer-limit`: how many bytes of replies may wait for a client that does not read them.

use super::numbers::{signed, with_unit};
use crate::config::error::Reason;
use std::fmt;

/// The limit of one class of clients. Zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Above this many waiting bytes, the client is cut off at once.
    pub hard_bytes: u64,
    /// Above this many waiting bytes for [`soft_secs`](Self::soft_secs), the client is cut off.
    pub soft_bytes: u64,
    pub soft_secs: u32,
}

/// The limits of all classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    pub normal: OutputLimit,
    pub replica: OutputLimit,
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// These limits with the ones in `words` in their place: class, hard bytes, soft bytes, seconds, and so on.
    /// One empty word changes nothing.
    pub fn with(mut self, words: &[&[u8]]) -> Result<OutputLimits, Reason> {
        if words == [b""] {
            return Ok(self);
        }
        let (limits, rest) = words.as_chunks::<4>();
        if !rest.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        for [class, hard, soft, seconds] in limits {
            let place = self
                .class(class)
                .ok_or("Invalid client class specified in buffer limit configuration.")?;
            *place = limit(hard, soft, seconds).ok_or(
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            )?;
        }
        Ok(self)
    }

    /// Each class as a line of a configuration gives it.
    pub fn directives(&self) -> [String; 3] {
        [
            ("normal", self.normal),
            ("replica", self.replica),
            ("pubsub", self.pubsub),
        ]
        .map(|(class, limit)| {
            let (hard, soft) = (with_unit(limit.hard_bytes), with_unit(limit.soft_bytes));
            format!("{class} {hard} {soft} {}", limit.soft_secs)
        })
    }

    fn class(&mut self, name: &[u8]) -> Option<&mut OutputLimit> {
        Some(match name.to_ascii_lowercase().as_slice() {
            b"normal" => &mut self.normal,
            b"slave" | b"replica" => &mut self.replica,
            b"pubsub" => &mut self.pubsub,
            _ => return None,
        })
    }
}

impl fmt::Display for OutputLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // CONFIG GET keeps the old name of the second class.
        write!(
            f,
            "normal {} slave {} pubsub {}",
            self.normal, self.replica, self.pubsub
        )
    }
}

impl fmt::Display for OutputLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.hard_bytes, self.soft_bytes, self.soft_secs
        )
    }
}

fn limit(hard: &[u8], soft: &[u8], seconds: &[u8]) -> Option<OutputLimit> {
    Some(OutputLimit {
        hard_bytes: base::parse_memory(hard)?,
        soft_bytes: base::parse_memory(soft)?,
        soft_secs: u32::try_from(signed(seconds)?).ok()?,
    })
}
