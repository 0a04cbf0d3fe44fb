//! Amounts of memory as people write them: `64mb` in a configuration, `64.00M` in INFO.
//!
//! ```text
//!  in     digits, then nothing or b        1
//!                      k    m    g         1000, 1000², 1000³
//!                      kb   mb   gb        1024, 1024², 1024³      whatever the case
//!  out    B below 1024, then K M G T P     1024 each, two decimals
//! ```
//!
//! The units are Redis', so that its configuration files mean the same here. Two slips that it lets
//! pass are refused: a unit without a number (it reads `mb` as zero, which for `maxmemory` means no
//! limit at all), and an amount beyond 64 bits (it wraps around).

/// Bytes that the text stands for; `None` if it is no such amount or has more than 64 bits.
#[must_use]
pub fn parse_memory(text: impl AsRef<[u8]>) -> Option<u64> {
    let text = text.as_ref();
    let unit_start = text
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_start);
    if digits.is_empty() {
        return None;
    }
    // Leading zeros are fine here, unlike in the integers of commands.
    let number = digits.iter().try_fold(0u64, |sum, digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    number.checked_mul(unit_bytes(unit)?)
}

/// The amount in the largest unit that it fills, with two decimals: `512B`, `1.00M`.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    // From 1024⁶ on Redis has no letter and falls back to bytes.
    let unit = (1..=5).rev().find(|&unit| bytes >> (10 * unit) > 0);
    match unit {
        Some(unit) if bytes >> 60 == 0 => {
            let amount = bytes as f64 / (1u64 << (10 * unit)) as f64;
            format!("{amount:.2}{}", ['K', 'M', 'G', 'T', 'P'][unit - 1])
        }
        _ => format!("{bytes}B"),
    }
}

fn unit_bytes(unit: &[u8]) -> Option<u64> {
    Some(match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1_000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_in() {
        let cases: &[(&str, Option<u64>)] = &[
            ("0", Some(0)),
            ("42", Some(42)),
            ("042", Some(42)),
            ("1b", Some(1)),
            ("1k", Some(1_000)),
            ("1kb", Some(1_024)),
            ("1M", Some(1_000_000)),
            ("1Mb", Some(1_048_576)),
            ("2g", Some(2_000_000_000)),
            ("2GB", Some(2_147_483_648)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("17179869184gb", None),
            ("", None),
            ("mb", None),
            ("-1", None),
            ("+1", None),
            ("1.5gb", None),
            ("1 gb", None),
            ("1tb", None),
            ("1kbb", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_memory(text), *want, "{text:?}");
        }
        assert_eq!(parse_memory(b"1kb\0"), None);
    }

    #[test]
    fn memory_out() {
        let cases: &[(u64, &str)] = &[
            (0, "0B"),
            (512, "512B"),
            (1_023, "1023B"),
            (1_024, "1.00K"),
            (1_536, "1.50K"),
            (1_048_575, "1024.00K"),
            (1_048_576, "1.00M"),
            (1_086_480, "1.04M"),
            (3 << 30, "3.00G"),
            (5 << 40, "5.00T"),
            (7 << 50, "7.00P"),
            ((1 << 60) - 1, "1024.00P"),
            (1 << 60, "1152921504606846976B"),
            (u64::MAX, "18446744073709551615B"),
        ];
        for (bytes, want) in cases {
            assert_eq!(human_bytes(*bytes), *want, "{bytes}");
        }
    }
}
