//! When a string expires, as SET, GETEX and MSETEX let a client say.
//!
//! ```text
//!   EX seconds │ PX milliseconds         from now
//!   EXAT seconds │ PXAT milliseconds     since 1970
//!   KEEPTTL │ PERSIST                    what there was │ never
//! ```
//!
//! At most one of them may be given; the same one twice counts as once, its
//! last time being the one that holds. The time itself is looked at when all
//! words have been read: a word that does not belong there is reported first.

use crate::args::Args;
use crate::error::CommandError;

/// What was said about expiration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Expiration<'a> {
    #[default]
    Unsaid,
    At(Moment<'a>),
    Keep,
    Persist,
}

/// A time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment<'a> {
    pub(super) unit: Unit,
    pub(super) text: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// EX.
    Seconds,
    /// PX.
    Milliseconds,
    /// EXAT.
    UnixSeconds,
    /// PXAT.
    UnixMilliseconds,
}

impl<'a> Expiration<'a> {
    /// Take the next option if it is a time. A second one of another kind is
    /// not taken, which makes it a syntax error.
    pub(super) fn take_time(&mut self, args: &mut Args<'a>) -> Result<bool, CommandError> {
        for (word, unit) in [
            ("EX", Unit::Seconds),
            ("PX", Unit::Milliseconds),
            ("EXAT", Unit::UnixSeconds),
            ("PXAT", Unit::UnixMilliseconds),
        ] {
            let free = match self {
                Expiration::Unsaid => true,
                Expiration::At(moment) => moment.unit == unit,
                Expiration::Keep | Expiration::Persist => false,
            };
            if free && args.word(word) {
                let text = args.bytes()?;
                *self = Expiration::At(Moment { unit, text });
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Take the next option if it is `word`, which stands for `meaning`.
    pub(super) fn take_word(
        &mut self,
        args: &mut Args<'a>,
        word: &str,
        meaning: Expiration<'a>,
    ) -> bool {
        let free = *self == Expiration::Unsaid || *self == meaning;
        let taken = free && args.word(word);
        if taken {
            *self = meaning;
        }
        taken
    }
}

impl Moment<'_> {
    /// The deadline in milliseconds since 1970. `command` is named in the error
    /// of a time that is zero, negative or beyond 64 bits.
    pub(super) fn deadline_ms(
        &self,
        now_ms: i64,
        command: &'static str,
    ) -> Result<i64, CommandError> {
        let time = base::parse_i64(self.text).ok_or(CommandError::NotInteger)?;
        let deadline_ms = match self.unit {
            Unit::Seconds => time.checked_mul(1000).and_then(|ms| ms.checked_add(now_ms)),
            Unit::Milliseconds => time.checked_add(now_ms),
            Unit::UnixSeconds => time.checked_mul(1000),
            Unit::UnixMilliseconds => Some(time),
        };
        deadline_ms
            .filter(|_| time > 0)
            .ok_or(CommandError::InvalidExpire(command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_end_where_64_bits_do() {
        let deadline = |unit, text: &str| {
            let text = text.as_bytes();
            Moment { unit, text }.deadline_ms(1_000_500, "set")
        };
        let wrong = Err(CommandError::InvalidExpire("set"));
        assert_eq!(deadline(Unit::Seconds, "2"), Ok(1_002_500));
        assert_eq!(deadline(Unit::Milliseconds, "2"), Ok(1_000_502));
        assert_eq!(deadline(Unit::UnixSeconds, "2"), Ok(2000));
        assert_eq!(deadline(Unit::UnixMilliseconds, "2"), Ok(2));
        for unit in [
            Unit::Seconds,
            Unit::Milliseconds,
            Unit::UnixSeconds,
            Unit::UnixMilliseconds,
        ] {
            assert_eq!(deadline(unit, "0"), wrong);
            assert_eq!(deadline(unit, "-9223372036854775808"), wrong);
            assert_eq!(
                deadline(unit, "9223372036854775808"),
                Err(CommandError::NotInteger)
            );
        }
        assert_eq!(deadline(Unit::Seconds, "9223372036854775"), wrong);
        // The last whole second that still fits once the present is added.
        assert_eq!(deadline(Unit::Seconds, "9223372036853776"), wrong);
        assert_eq!(
            deadline(Unit::Seconds, "9223372036853775"),
            Ok(9_223_372_036_853_775_000 + 1_000_500)
        );
        assert_eq!(
            deadline(Unit::UnixSeconds, "9223372036854775"),
            Ok(9_223_372_036_854_775_000)
        );
        assert_eq!(deadline(Unit::UnixSeconds, "9223372036854776"), wrong);
        assert_eq!(deadline(Unit::Milliseconds, "9223372036854775807"), wrong);
        assert_eq!(
            deadline(Unit::UnixMilliseconds, "9223372036854775807"),
            Ok(i64::MAX)
        );
    }
}
