//! When a field expires, and which fields are meant: words that several commands share.
//!
//! ```text
//!   [EX] seconds   [PX] milliseconds     from now
//!   EXAT           PXAT                  since 1970
//!   FIELDS n field ...                   n of them, to the end of the line
//! ```

use crate::args::Args;
use crate::error::CommandError;

/// How a time is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Seconds,
    Milliseconds,
    UnixSeconds,
    UnixMilliseconds,
}

impl Clock {
    /// No field lives longer, as in Redis: 2^46 milliseconds since 1970.
    pub(super) const DEADLINE_MS_MAX: i64 = (1 << 46) - 1;

    pub(super) const WORDS: [(&'static str, Clock); 4] = [
        ("EX", Clock::Seconds),
        ("PX", Clock::Milliseconds),
        ("EXAT", Clock::UnixSeconds),
        ("PXAT", Clock::UnixMilliseconds),
    ];

    /// Milliseconds since 1970.
    pub(super) fn deadline_ms(
        self,
        text: &[u8],
        now_ms: i64,
        command: &'static str,
    ) -> Result<i64, CommandError> {
        let time = base::parse_i64(text).ok_or(CommandError::NotInteger)?;
        if time < 0 {
            return Err(CommandError::err("invalid expire time, must be >= 0"));
        }
        let (unit_ms, zero_ms) = match self {
            Clock::Seconds => (1000, now_ms),
            Clock::Milliseconds => (1, now_ms),
            Clock::UnixSeconds => (1000, 0),
            Clock::UnixMilliseconds => (1, 0),
        };
        time.checked_mul(unit_ms)
            .and_then(|ms| ms.checked_add(zero_ms))
            .filter(|ms| *ms <= Clock::DEADLINE_MS_MAX)
            .ok_or(CommandError::InvalidExpire(command))
    }
}

/// What a wrong number of fields is called.
pub(super) const NO_NUMBER: &str = "Number of fields must be a positive integer";
pub(super) const NO_PARAMETER: &str = "Parameter `numFields` should be greater than 0";

/// Take `FIELDS n field ...`, which must be all that is left.
pub(super) fn read_fields<'a>(
    args: &mut Args<'a>,
    no_number: &'static str,
) -> Result<impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a>, CommandError> {
    if !args.word("FIELDS") {
        return Err(CommandError::err(
            "Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let count = args.bytes().ok().and_then(base::parse_i64);
    let count = count.filter(|count| *count > 0);
    let count = count.ok_or_else(|| CommandError::err(no_number))?;
    if usize::try_from(count) != Ok(args.left()) {
        return Err(CommandError::err(
            "The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok(args.rest())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_end_in_the_year_4199() {
        let now_ms = 1_700_000_000_500;
        let of = |clock: Clock, text: &str| clock.deadline_ms(text.as_bytes(), now_ms, "hexpire");
        let wrong = Err(CommandError::InvalidExpire("hexpire"));
        assert_eq!(of(Clock::Seconds, "2"), Ok(now_ms + 2_000));
        assert_eq!(of(Clock::Milliseconds, "0"), Ok(now_ms));
        assert_eq!(of(Clock::UnixSeconds, "2"), Ok(2_000));
        assert_eq!(of(Clock::UnixMilliseconds, "2"), Ok(2));
        let last = Clock::DEADLINE_MS_MAX;
        assert_eq!(of(Clock::UnixMilliseconds, &last.to_string()), Ok(last));
        let beyond = (last + 1).to_string();
        assert_eq!(of(Clock::UnixMilliseconds, &beyond), wrong);
        let left = last - now_ms;
        assert_eq!(of(Clock::Milliseconds, &left.to_string()), Ok(last));
        assert_eq!(of(Clock::Milliseconds, &(left + 1).to_string()), wrong);
        assert_eq!(of(Clock::Seconds, "9223372036854775807"), wrong);
        assert_eq!(of(Clock::UnixSeconds, "70368744178"), wrong);
        assert_eq!(of(Clock::Seconds, "x"), Err(CommandError::NotInteger));
        assert!(of(Clock::Seconds, "-1").is_err());
    }
}
