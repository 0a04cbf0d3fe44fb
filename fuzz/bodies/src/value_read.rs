//! A reply is read from any bytes or refused, and never before it is whole.
//!
//! What was read is written again by a few lines of this file and must read the same. Half a reply
//! is no reply: every prefix asks for more.

use resp::Value;

pub fn run(bytes: &[u8]) {
    match Value::read(bytes) {
        Err(error) => assert!(error.offset <= bytes.len()),
        Ok(None) => {}
        Ok(Some((value, used))) => {
            assert!(0 < used && used <= bytes.len());
            check_cuts(&bytes[..used], &value);
            let mut written = Vec::new();
            write(&mut written, &value);
            let again = Value::read(&written).expect("what was read can be written");
            let (again, used) = again.expect("and is whole");
            assert_eq!(used, written.len());
            assert_eq!(shown(&again), shown(&value));
        }
    }
}

fn check_cuts(bytes: &[u8], value: &Value) {
    let step = 1 + bytes.len() / 64;
    for cut in (0..bytes.len()).step_by(step) {
        assert_eq!(Value::read(&bytes[..cut]), Ok(None), "cut at {cut}");
    }
    let (same, used) = Value::read(bytes).expect("still").expect("whole");
    assert_eq!((shown(&same), used), (shown(value), bytes.len()));
}

/// Not a number is unlike itself, but it is shown like itself.
fn shown(value: &Value) -> String {
    format!("{value:?}")
}

fn write(out: &mut Vec<u8>, value: &Value) {
    let mut line = |kind: &str, text: &dyn std::fmt::Display| {
        out.extend_from_slice(format!("{kind}{text}\r\n").as_bytes());
    };
    match value {
        Value::Simple(text) => line("+", text),
        Value::Error(text) => line("-", text),
        Value::Int(number) => line(":", number),
        Value::Null => line("_", &""),
        Value::NilBulk => line("$", &-1),
        Value::NilArray => line("*", &-1),
        Value::Double(number) => line(",", &format!("{number:e}")),
        Value::Bool(truth) => line("#", if *truth { &"t" } else { &"f" }),
        Value::BigNumber(digits) => line("(", digits),
        Value::Bulk(bytes) => {
            line("$", &bytes.len());
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        }
        Value::Verbatim { format, text } => {
            line("=", &(format.len() + 1 + text.len()));
            out.extend_from_slice(format.as_bytes());
            out.push(b':');
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
        Value::Array(items) => write_all(out, '*', items),
        Value::Set(items) => write_all(out, '~', items),
        Value::Push(items) => write_all(out, '>', items),
        Value::Map(pairs) => write_pairs(out, '%', pairs),
        Value::Attributed(pairs, described) => {
            write_pairs(out, '|', pairs);
            write(out, described);
        }
    }
}

fn write_all(out: &mut Vec<u8>, kind: char, items: &[Value]) {
    out.extend_from_slice(format!("{kind}{}\r\n", items.len()).as_bytes());
    items.iter().for_each(|item| write(out, item));
}

fn write_pairs(out: &mut Vec<u8>, kind: char, pairs: &[(Value, Value)]) {
    out.extend_from_slice(format!("{kind}{}\r\n", pairs.len()).as_bytes());
    for (name, value) in pairs {
        write(out, name);
        write(out, value);
    }
}
