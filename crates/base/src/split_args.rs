//! One typed line as arguments: what a person writes in a shell, on an inline request, in a
//! configuration file.
//!
//! ```text
//!  set key "two\nlines"        set · key · two⏎lines       \n \r \t \b \a \xHH, else the byte
//!  set 'it\'s' ""              set · it's · (empty)        only \' means something
//!  ab"c d"                     abc d                       an argument ends with its quotes
//! ```
//!
//! Refused as [`Unbalanced`]: a quote that is never closed, and one that is closed but not followed
//! by a blank or the end. A NUL byte ends the line, as it does where C reads it; write `"\x00"` for
//! one.
//!
//! Unescaping only ever makes text shorter, so it is done in the line itself: a write position
//! follows the read position, and an argument is where it lies, not a copy.
//!
//! ```text
//!  before   S E T   " a \ n b "      after   S E T   a ⏎ b n b "
//!           start 0, len 3                           start 4, len 3
//! ```
//!
//! [`quote_repr`] is the way back: one quoted argument that reads as exactly these bytes.

use std::fmt;
use std::io::Write;

/// A quote that is not closed, or has something else than a blank behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

impl fmt::Display for Unbalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unbalanced quotes")
    }
}

impl std::error::Error for Unbalanced {}

/// The arguments of the line, none for a blank one; `None` if its quotes are not balanced.
#[must_use]
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut line = line.to_vec();
    let mut places = Vec::new();
    split_args_in_place(&mut line, &mut places).ok()?;
    Some(
        places
            .into_iter()
            .map(|(start, len)| line[start..start + len].to_vec())
            .collect(),
    )
}

/// Unescapes the arguments inside the line and appends the start and length of each to `out`.
///
/// Arguments are in order and do not overlap; bytes between them are left in any state. After an
/// error `out` is as it was before, the line is not.
pub fn split_args_in_place(
    line: &mut [u8],
    out: &mut Vec<(usize, usize)>,
) -> Result<(), Unbalanced> {
    let found_before = out.len();
    let end = line
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(line.len());
    let mut rest = Reader {
        line: &mut line[..end],
        at: 0,
    };
    while let Some(start) = rest.skip_blanks() {
        match rest.read_argument() {
            Ok(end) => out.push((start, end - start)),
            Err(unbalanced) => {
                out.truncate(found_before);
                return Err(unbalanced);
            }
        }
    }
    Ok(())
}

/// Appends the bytes in double quotes, with escapes for all that does not print. The result is
/// ASCII and splits into these bytes again.
pub fn quote_repr(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => write!(out, "\\x{byte:02x}").expect("a vector grows"),
        }
    }
    out.push(b'"');
}

struct Reader<'a> {
    line: &'a mut [u8],
    /// The next byte to read.
    at: usize,
}

impl Reader<'_> {
    /// Where the next argument starts, if there is one.
    fn skip_blanks(&mut self) -> Option<usize> {
        let blanks = self.line[self.at..]
            .iter()
            .position(|byte| !is_blank(*byte))?;
        self.at += blanks;
        Some(self.at)
    }

    /// Reads one argument and returns the end of what is left of it, its start being where it was.
    fn read_argument(&mut self) -> Result<usize, Unbalanced> {
        let mut end = self.at;
        // Up to a quote or a blank nothing has to move.
        while let Some(&byte) = self.line.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => return self.read_quoted(end, unescape_double),
                b'\'' => return self.read_quoted(end, unescape_single),
                // Vertical tabs and form feeds are blanks only between arguments.
                b' ' | b'\n' | b'\r' | b'\t' => break,
                _ => end += 1,
            }
        }
        Ok(end)
    }

    /// Reads up to the closing quote, the opening one being just behind us, and writes from `end`
    /// on.
    fn read_quoted(&mut self, mut end: usize, unescape: Unescape) -> Result<usize, Unbalanced> {
        loop {
            let (consumed, unescaped) = unescape(&self.line[self.at..]).ok_or(Unbalanced)?;
            self.at += consumed;
            let Some(byte) = unescaped else { break };
            debug_assert!(end < self.at, "the output never outgrows its source");
            self.line[end] = byte;
            end += 1;
        }
        match self.line.get(self.at) {
            Some(byte) if !is_blank(*byte) => Err(Unbalanced),
            _ => Ok(end),
        }
    }
}

/// How many bytes at the front of a quoted text belong together, and what they mean: a byte, or
/// `None` for the closing quote. Nothing if the text ends.
type Unescape = fn(&[u8]) -> Option<(usize, Option<u8>)>;

fn unescape_double(text: &[u8]) -> Option<(usize, Option<u8>)> {
    Some(match *text {
        [] => return None,
        [b'"', ..] => (1, None),
        [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            (4, Some(hex_value(high) << 4 | hex_value(low)))
        }
        [b'\\', escaped, ..] => (2, Some(control(escaped))),
        [byte, ..] => (1, Some(byte)),
    })
}

fn unescape_single(text: &[u8]) -> Option<(usize, Option<u8>)> {
    Some(match *text {
        [] => return None,
        [b'\'', ..] => (1, None),
        [b'\\', b'\'', ..] => (2, Some(b'\'')),
        [byte, ..] => (1, Some(byte)),
    })
}

fn control(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// C's `isspace`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests;
