//! Words and quotes, as redis-cli reads and prints them.
//!
//! A request line is split at blanks. Double quotes allow `\n \r \t \b \a \\ \" \xHH`;
//! single quotes allow only `\'`. A closing quote must end its word: `"a"b` is refused,
//! because it is nearly always a slip.

/// One word of a request line. `bare` tells that no quote was used, so that `$name` may
/// stand for a captured value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub bytes: Vec<u8>,
    pub bare: bool,
}

/// Splits a line into words. The error says what is wrong with the quoting.
pub fn split(line: &str) -> Result<Vec<Word>, String> {
    let mut rest = line.as_bytes();
    let mut words = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        let Some(&first) = rest.first() else {
            return Ok(words);
        };
        let word = match first {
            b'"' => Word {
                bytes: double_quoted(&mut rest)?,
                bare: false,
            },
            b'\'' => Word {
                bytes: single_quoted(&mut rest)?,
                bare: false,
            },
            _ => {
                let end = rest
                    .iter()
                    .position(u8::is_ascii_whitespace)
                    .unwrap_or(rest.len());
                let (word, tail) = rest.split_at(end);
                rest = tail;
                Word {
                    bytes: word.to_vec(),
                    bare: true,
                }
            }
        };
        if rest.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            return Err("a closing quote must be followed by a blank".into());
        }
        words.push(word);
    }
}

/// Reads a double-quoted string at the start of `rest` and moves `rest` behind it.
pub fn double_quoted(rest: &mut &[u8]) -> Result<Vec<u8>, String> {
    assert_eq!(rest.first(), Some(&b'"'), "the caller has seen the quote");
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        match rest.get(at) {
            None => return Err("a double quote is not closed".into()),
            Some(b'"') => {
                *rest = &rest[at + 1..];
                return Ok(bytes);
            }
            Some(b'\\') => {
                let (byte, length) = escape(&rest[at..])?;
                bytes.push(byte);
                at += length;
            }
            Some(&byte) => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
}

fn single_quoted(rest: &mut &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        match rest.get(at) {
            None => return Err("a single quote is not closed".into()),
            Some(b'\'') => {
                *rest = &rest[at + 1..];
                return Ok(bytes);
            }
            Some(b'\\') if rest.get(at + 1) == Some(&b'\'') => {
                bytes.push(b'\'');
                at += 2;
            }
            Some(&byte) => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
}

/// Reads one escape, which starts with a backslash: the byte it stands for and its
/// length in the text.
fn escape(text: &[u8]) -> Result<(u8, usize), String> {
    let byte = match text.get(1) {
        None => return Err("a backslash ends the line".into()),
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'b') => 0x08,
        Some(b'a') => 0x07,
        Some(b'x') => {
            let digits = text
                .get(2..4)
                .and_then(|digits| std::str::from_utf8(digits).ok());
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            return byte
                .map(|byte| (byte, 4))
                .ok_or_else(|| "\\x needs two hexadecimal digits".into());
        }
        Some(&other) => other,
    };
    Ok((byte, 2))
}

/// Reads a line in which only the escapes are special: the raw bytes of a wire case.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let text = text.as_bytes();
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let (byte, length) = if text[at] == b'\\' {
            escape(&text[at..])?
        } else {
            (text[at], 1)
        };
        bytes.push(byte);
        at += length;
    }
    Ok(bytes)
}

/// Writes bytes with escapes, without quotes round them.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'"' => text.push_str("\\\""),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x07 => text.push_str("\\a"),
            0x08 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// Writes bytes in double quotes.
pub fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", escaped(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        split(line)
            .unwrap()
            .into_iter()
            .map(|word| word.bytes)
            .collect()
    }

    #[test]
    fn words_are_split_at_blanks_and_quotes_keep_them() {
        assert_eq!(words("SET k v"), [&b"SET"[..], b"k", b"v"]);
        assert_eq!(words("  SET\tk  \"a b\" "), [&b"SET"[..], b"k", b"a b"]);
        assert_eq!(
            words(r#""" '' "\x00\xff\n\"\\" 'it\'s \n'"#),
            [&b""[..], b"", b"\x00\xff\n\"\\", b"it's \\n"]
        );
        assert!(words("").is_empty());
        assert!(
            split("$id \"$id\"")
                .unwrap()
                .iter()
                .map(|word| word.bare)
                .eq([true, false])
        );
    }

    #[test]
    fn bad_quotes_are_refused() {
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "\"\\", "\"\\xg0\""] {
            assert!(split(line).is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_escaped_reads_back() {
        let every: Vec<u8> = (0..=255).collect();
        assert_eq!(unescape(&escaped(&every)).unwrap(), every);
        let quoted = quoted(&every);
        let mut rest = quoted.as_bytes();
        assert_eq!(double_quoted(&mut rest).unwrap(), every);
        assert!(rest.is_empty());
    }
}
