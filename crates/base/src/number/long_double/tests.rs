//! Sums and texts as a C long double gives them.

use super::*;
use proptest::prelude::*;

/// What INCRBYFLOAT would store, or why not.
fn sum(value: &[u8], increment: &[u8]) -> Result<String, &'static str> {
    let value = LongDouble::parse(value).ok_or("value")?;
    let increment = LongDouble::parse(increment).ok_or("increment")?;
    let sum = value.add(increment);
    if sum.is_nan_or_inf() {
        return Err("not finite");
    }
    Ok(human(sum))
}

fn human(value: LongDouble) -> String {
    let mut out = Vec::new();
    value.write_human(&mut out);
    out.into_iter().map(char::from).collect()
}

/// Answers of a Redis 7.0 on x86-64.
#[test]
fn sums() {
    let cases: &[(&str, &str, Result<&str, &str>)] = &[
        ("10.5", "0.1", Ok("10.6")),
        ("3.0e3", "200", Ok("3200")),
        ("5.0e3", "2.0e2", Ok("5200")),
        ("10.6", "-5", Ok("5.6")),
        ("0", "-1.23", Ok("-1.23")),
        ("1", "-1", Ok("0")),
        ("0.1", "0.2", Ok("0.3")),
        ("-0.0", "-0.0", Ok("0")),
        ("0", "1e20", Ok("100000000000000000000")),
        ("1e19", "0.5", Ok("10000000000000000000")),
        ("1e19", "1.5", Ok("10000000000000000002")),
        ("1e18", "0.5", Ok("1000000000000000000.5")),
        ("1e20", "0.5", Ok("100000000000000000000")),
        ("0", "1e-17", Ok("0.00000000000000001")),
        ("0", "1e-18", Ok("0")),
        ("0", "-1e-18", Ok("0")),
        ("0", "5e-324", Ok("0")),
        ("0", "0.12345678901234567", Ok("0.12345678901234567")),
        ("0", "0.123456789012345675", Ok("0.12345678901234567")),
        (
            "0",
            "123456789.12345678901234567",
            Ok("123456789.12345678901328938"),
        ),
        ("0", "1.1", Ok("1.1")),
        ("0", "3.14159265358979323846", Ok("3.14159265358979324")),
        ("9223372036854775807", "1", Ok("9223372036854775808")),
        ("18446744073709551615", "1", Ok("18446744073709551616")),
        ("0", "0x10", Ok("16")),
        ("0x1.8p1", "+.5", Ok("3.5")),
        ("1e308", "1e308", Ok(TWICE_10_308)),
        ("1e4932", "1e4932", Err("not finite")),
        ("inf", "1", Err("not finite")),
        ("inf", "-inf", Err("not finite")),
        ("1", "infinity", Err("not finite")),
        ("1", "1e4933", Err("increment")),
        ("1", "1e-4951", Err("increment")),
        ("1", "1e-5000", Err("increment")),
        ("1", "nan", Err("increment")),
        ("", "1", Err("value")),
        (" 1", "1", Err("value")),
        ("1 ", "1", Err("value")),
        ("1e", "1", Err("value")),
        ("abc", "1", Err("value")),
        ("1", "0x", Err("increment")),
    ];
    for (value, increment, want) in cases {
        let got = sum(value.as_bytes(), increment.as_bytes());
        assert_eq!(got.as_deref(), want.as_deref(), "{value} + {increment}");
    }
}

/// 2e308 in 80 bits, past the range of a 64-bit float.
const TWICE_10_308: &str = "\
    199999999999999999993371759311691291321120199694831134415594095989843469737676123744200253\
    843777078640893494450108026446304269499187921167194841628860392837535918200039206381557326\
    219209014213335878306791577877829121087126122536729803237260434173178506889763247582601711\
    514636284849020905456510092687857156096";

#[test]
fn the_ends_of_the_range() {
    let largest = "1.18973149535723176502126385303097021e4932";
    let text = human(LongDouble::parse(largest.as_bytes()).unwrap());
    assert_eq!(text.len(), 4_933);
    assert!(text.starts_with("118973149535723176502126385303097"));
    // All of its digits come back as the same number.
    assert_eq!(
        LongDouble::parse(text.as_bytes()),
        LongDouble::parse(largest.as_bytes())
    );
    assert_eq!(sum(text.as_bytes(), text.as_bytes()), Err("not finite"));
    assert_eq!(
        LongDouble::parse(b"3.7e-4951").map(human).as_deref(),
        Some("0")
    );
    assert_eq!(
        LongDouble::parse(b"1.8e-4951"),
        None,
        "less than half of the smallest"
    );
}

#[test]
fn length_limit() {
    let zeros = |n| "0".repeat(n);
    assert_eq!(
        sum(format!("1.{}", zeros(5_117)).as_bytes(), b"1").as_deref(),
        Ok("2")
    );
    assert_eq!(
        sum(format!("1.{}", zeros(5_118)).as_bytes(), b"1"),
        Err("value")
    );
}

#[test]
fn words() {
    let words = [("inf", "inf"), ("-Infinity", "-inf")];
    for (text, want) in words {
        assert_eq!(human(LongDouble::parse(text.as_bytes()).unwrap()), want);
    }
    let nan = LongDouble::parse(b"inf")
        .unwrap()
        .add(LongDouble::parse(b"-inf").unwrap());
    assert!(nan.is_nan_or_inf());
    assert_eq!(human(nan), "nan");
}

/// A decimal on, just above and just below the middle between two numbers, by a digit far away.
#[test]
fn long_ties() {
    let even = 1u128 << 64;
    for places in [10, 200, 300, 5_000] {
        let zeros = "0".repeat(places);
        let nines = "9".repeat(places);
        let parse = |text: String| human(LongDouble::parse(text.as_bytes()).unwrap());
        assert_eq!(parse(format!("{}.{zeros}", even + 1)), even.to_string());
        assert_eq!(
            parse(format!("{}.{zeros}1", even + 1)),
            (even + 2).to_string()
        );
        assert_eq!(parse(format!("{}.{nines}", even)), even.to_string());
        assert_eq!(
            parse(format!("{}.{zeros}", even + 3)),
            (even + 4).to_string()
        );
        assert_eq!(
            parse(format!("{}.{nines}", even + 2)),
            (even + 2).to_string()
        );
    }
}

proptest! {
    #[test]
    fn integers_are_exact(value in any::<i64>(), shift in 0..64u32) {
        let value = value >> shift;
        prop_assert_eq!(human(LongDouble::from_i64(value)), value.to_string());
        let parsed = LongDouble::parse(value.to_string().as_bytes());
        prop_assert_eq!(parsed, Some(LongDouble::from_i64(value)));
    }

    #[test]
    fn decimals_of_17_places_survive(units in -10i64.pow(17)..10i64.pow(17)) {
        let text = format!("{}0.{:017}", if units < 0 { "-" } else { "" }, units.unsigned_abs());
        let got = human(LongDouble::parse(text.as_bytes()).unwrap());
        let want = text.trim_end_matches('0').trim_end_matches('.');
        prop_assert_eq!(got, if units == 0 { "0" } else { want });
    }

    /// Two ways to the same number: the crate's, and exact arithmetic.
    #[test]
    fn exact_arithmetic_agrees(
        text in "[1-9][0-9]{0,40}[.][0-9]{0,60}e-?([0-9]{1,3}|4[89][0-9]{2})",
    ) {
        let decimal = Decimal { text: &text };
        let exact: X87DoubleExtended = scale(&decimal).nearest();
        prop_assert_eq!(parse_decimal(&decimal).to_bits(), exact.to_bits());
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..30)) {
        prop_assert!(LongDouble::parse(&text).is_none_or(|value| !value.0.is_nan()));
    }
}
