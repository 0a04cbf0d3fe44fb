//! Float text, both ways, at the ends of the range and in the middle.

use super::*;
use proptest::prelude::*;

fn double(value: f64) -> String {
    let mut out = Vec::new();
    write_double(&mut out, value);
    out.into_iter().map(char::from).collect()
}

#[test]
fn literals_in() {
    let cases: &[(&str, f64)] = &[
        ("0", 0.0),
        ("3.0e3", 3000.0),
        ("-1.5", -1.5),
        ("+.5", 0.5),
        ("5.", 5.0),
        ("1E2", 100.0),
        ("0x10", 16.0),
        ("-0x1.8p1", -3.0),
        ("0X.8P-1", 0.25),
        ("inf", f64::INFINITY),
        ("+Infinity", f64::INFINITY),
        ("-INF", f64::NEG_INFINITY),
        ("1.7976931348623157e308", f64::MAX),
        ("0x1.fffffffffffffp1023", f64::MAX),
        ("5e-324", 5e-324),
        ("3e-324", 5e-324),
        ("0x1p-1074", 5e-324),
        ("0e999999999999", 0.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("0x20000000000001", 9_007_199_254_740_992.0),
        (
            "0x20000000000001.0000000000000000000000000000000001",
            9_007_199_254_740_994.0,
        ),
    ];
    for (text, want) in cases {
        assert_eq!(parse_f64(text.as_bytes()), Some(*want), "{text}");
    }
    assert!(parse_f64(b"-0").unwrap().is_sign_negative());
    assert!(parse_f64(b"-0x0").unwrap().is_sign_negative());
}

#[test]
fn literals_refused() {
    for text in [
        "",
        " 1",
        "1 ",
        "1\0",
        "nan",
        "-nan",
        "NaN",
        "1e",
        "0x",
        "abc",
        "1e400",
        "-1e400",
        "1e-400",
        "2e-324",
        "0x1p1024",
        "0x1p-1075",
        "1.7976931348623159e308",
        "1,5",
        "--1",
    ] {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
    }
}

/// Texts in which a huge exponent and as many digits cancel out.
#[test]
fn very_long_literals() {
    let zeros = "0".repeat(700_000);
    assert_eq!(
        parse_f64(format!("0.{zeros}15e700001").as_bytes()),
        Some(1.5)
    );
    assert_eq!(
        parse_f64(format!("15{zeros}.0e-700001").as_bytes()),
        Some(1.5)
    );
    assert_eq!(parse_f64(format!("0.{zeros}15").as_bytes()), None);
    assert_eq!(parse_f64(format!("15{zeros}").as_bytes()), None);
    // Just above the middle between two floats, by a digit far away.
    assert_eq!(
        parse_f64(format!("9007199254740993.{zeros}").as_bytes()),
        Some(9_007_199_254_740_992.0)
    );
    assert_eq!(
        parse_f64(format!("9007199254740993.{zeros}1").as_bytes()),
        Some(9_007_199_254_740_994.0)
    );
}

/// Expected texts come from the printer of Redis 7.2 and later, compiled on its own.
#[test]
fn doubles_out() {
    let cases: &[(f64, &str)] = &[
        (0.0, "0"),
        (-0.0, "-0"),
        (3.0, "3"),
        (-17.0, "-17"),
        (0.1, "0.1"),
        (3.125, "3.125"),
        (1e15, "1000000000000000"),
        (4e18, "4000000000000000000"),
        (4_611_686_018_427_387_904.0, "4611686018427387904"),
        (-4_611_686_018_427_387_904.0, "-4611686018427387904"),
        (4_611_686_018_427_388_928.0, "4611686018427389000"),
        (5e18, "5e+18"),
        (9_223_372_036_854_775_808.0, "9223372036854776000"),
        (123_456_789_012_345_680_000.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (0.000_001, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-6, "1.5e-6"),
        (1.5e-7, "1.5e-7"),
        (0.001_234_567_890_123, "0.001234567890123"),
        (0.000_123_456_789, "1.23456789e-4"),
        (1_234.123_456_78, "1234.12345678"),
        (12_345.123_456_78, "1.234512345678e+4"),
        (1_690_000_000.123_456_7, "1.6900000001234567e+9"),
        (f64::MAX, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
    ];
    for (value, want) in cases {
        assert_eq!(double(*value), *want, "{value:e}");
    }
}

/// Expected texts are C's.
#[test]
fn seventeen_digits_out() {
    let cases: &[(f64, &str)] = &[
        (0.0, "0"),
        (-0.0, "-0"),
        (3.0, "3"),
        (-1500.0, "-1500"),
        (0.1, "0.10000000000000001"),
        (-2.5, "-2.5"),
        (0.0001, "0.0001"),
        (0.000_01, "1.0000000000000001e-05"),
        (1e16, "10000000000000000"),
        (1e17, "1e+17"),
        (12_345_678_901_234_567.0, "12345678901234568"),
        (4_611_686_018_427_387_904.0, "4.6116860184273879e+18"),
        (1e100, "1e+100"),
        (f64::MAX, "1.7976931348623157e+308"),
        (5e-324, "4.9406564584124654e-324"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
    ];
    for (value, want) in cases {
        assert_eq!(format_f64_17g(*value), *want, "{value:e}");
    }
    let mut out = b"<".to_vec();
    write_f64_17g(&mut out, 0.5);
    assert_eq!(out, b"<0.5");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn both_layouts_read_back(bits in any::<u64>(), digits in any::<i32>(), power in -12..12i32) {
        for value in [f64::from_bits(bits), f64::from(digits) * 10f64.powi(power)] {
            prop_assume!(!value.is_nan());
            for text in [double(value), format_f64_17g(value)] {
                prop_assert!(text.len() <= 25, "{}", text);
                let back = parse_f64(text.as_bytes()).map(f64::to_bits);
                prop_assert_eq!(back, Some(value.to_bits()), "{}", text);
            }
        }
    }

    #[test]
    fn condensing_changes_no_value(text in "[0-9]{0,30}[.][0-9]{1,900}e-?[0-9]{1,3}") {
        let decimal = Decimal { text: &text };
        let (digits, exponent) = decimal.digits(DIGITS_MAX);
        let condensed = format!("{}e{exponent}", String::from_utf8(digits).unwrap());
        prop_assert_eq!(condensed.parse::<f64>(), text.parse::<f64>());
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..30)) {
        prop_assert!(parse_f64(&text).is_none_or(|value| !value.is_nan()));
    }
}
