//! The client's half of the wire, cut down to what a load generator needs.
//!
//! Requests are encoded once, before the clock runs. Replies are never turned
//! into values: a scanner walks over them, skips string bodies by their length
//! and counts how many replies have ended. It keeps a few words of state and
//! allocates nothing, so a chunk may end at any byte.
//!
//! ```text
//!   bytes  *2\r\n $3\r\n abc\r\n :7\r\n | +OK\r\n | $5\r\n he…
//!   left    1→2        2→1       1→0    |  1→0    |  1
//!                                  one    two       (still open)
//! ```
//!
//! One number, the elements still owed by the open reply, replaces a stack:
//! an aggregate of n elements takes itself away and adds n. RESP2 and RESP3
//! are both understood. Pushed messages (`>`) are walked over without being
//! counted, since nobody asked for them.
//!
//! It refuses what no server sends: unknown first bytes, lengths with other
//! characters than digits, lengths beyond [`LENGTH_MAX`], streamed types.

use std::fmt;

/// Longest string body or largest element count that is believed.
pub const LENGTH_MAX: u64 = 1 << 40;

/// How much of the first error's text is kept, in bytes.
const ERROR_TEXT_BYTES: usize = 160;

/// Appends one request, an array of strings, to `into`.
pub fn encode_request<A: AsRef<[u8]>>(into: &mut Vec<u8>, argv: &[A]) {
    assert!(!argv.is_empty(), "a request has at least its command name");
    into.extend_from_slice(format!("*{}\r\n", argv.len()).as_bytes());
    for word in argv {
        let word = word.as_ref();
        into.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        into.extend_from_slice(word);
        into.extend_from_slice(b"\r\n");
    }
}

/// Bytes that are not RESP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// A reply began with this byte.
    Kind(u8),
    /// A length held this byte where a digit, CR or LF was due.
    Digit(u8),
    /// A length was negative without meaning null, or too large.
    Length,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Kind(byte) => {
                write!(
                    f,
                    "a reply begins with '{}', which is not RESP",
                    byte.escape_ascii()
                )
            }
            WireError::Digit(byte) => {
                write!(f, "a reply's length contains '{}'", byte.escape_ascii())
            }
            WireError::Length => write!(f, "a reply announces an impossible length"),
        }
    }
}

/// Walks over a stream of replies and counts them.
#[derive(Debug, Default)]
pub struct ReplyScanner {
    place: Place,
    /// Elements the open reply still owes; 0 between replies.
    elements_left: u64,
    /// Whether the open reply is an answer, not a pushed message.
    is_answer: bool,
    errors: u64,
    nulls: u64,
    first_error: Vec<u8>,
}

/// Where in an element the next byte falls.
#[derive(Debug, Default, Clone, Copy)]
enum Place {
    /// At its first byte.
    #[default]
    Kind,
    /// In the digits of a length or count.
    Length(Length),
    /// In a line whose text does not matter, unless it is an error.
    Line { is_error: bool },
    /// In a string body; `left` includes the closing CR LF.
    Body { left: u64, is_error: bool },
}

#[derive(Debug, Clone, Copy)]
struct Length {
    kind: u8,
    negative: bool,
    value: u64,
    digits: u32,
}

impl ReplyScanner {
    /// Takes the next chunk and returns how many replies ended in it. After an
    /// error the stream is lost and the scanner must not be used again.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<u64, WireError> {
        let mut ended = 0;
        let mut at = 0;
        while at < bytes.len() {
            match self.place {
                Place::Kind => {
                    // By far the most frequent whole reply, in one comparison.
                    if self.elements_left == 0 && bytes[at..].starts_with(b"+OK\r\n") {
                        ended += 1;
                        at += 5;
                        continue;
                    }
                    self.begin(bytes[at])?;
                    at += 1;
                }
                Place::Length(length) => {
                    at += self.length(length, &bytes[at..], &mut ended)?;
                }
                Place::Line { is_error } => {
                    let rest = &bytes[at..];
                    let end = rest.iter().position(|&byte| byte == b'\n');
                    if is_error {
                        self.keep_error(&rest[..end.unwrap_or(rest.len())]);
                    }
                    match end {
                        Some(end) => {
                            at += end + 1;
                            self.errors += u64::from(is_error);
                            ended += self.end_element();
                        }
                        None => at = bytes.len(),
                    }
                }
                Place::Body { left, is_error } => {
                    let here = left.min((bytes.len() - at) as u64);
                    if is_error {
                        self.keep_error(&bytes[at..at + here as usize]);
                    }
                    at += here as usize;
                    if here == left {
                        self.errors += u64::from(is_error);
                        ended += self.end_element();
                    } else {
                        self.place = Place::Body {
                            left: left - here,
                            is_error,
                        };
                    }
                }
            }
        }
        Ok(ended)
    }

    /// Error replies that ended so far, nested ones included.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// Null replies seen so far, nested ones included: a GET that missed.
    pub fn nulls(&self) -> u64 {
        self.nulls
    }

    /// The text of the first error, without its mark; cut when it is long.
    pub fn first_error(&self) -> Option<String> {
        (self.errors > 0).then(|| {
            String::from_utf8_lossy(&self.first_error)
                .trim_end()
                .to_string()
        })
    }

    /// Forgets the counts, not the position in the stream.
    pub fn reset_counts(&mut self) {
        self.errors = 0;
        self.nulls = 0;
        self.first_error.clear();
    }

    fn begin(&mut self, kind: u8) -> Result<(), WireError> {
        let outermost = self.elements_left == 0;
        if outermost {
            self.elements_left = 1;
            self.is_answer = kind != b'>';
        }
        self.place = match kind {
            b'+' | b':' | b',' | b'(' | b'#' => Place::Line { is_error: false },
            b'_' => {
                self.nulls += 1;
                Place::Line { is_error: false }
            }
            b'-' => Place::Line { is_error: true },
            b'!' | b'$' | b'=' | b'*' | b'%' | b'~' | b'>' | b'|' => {
                Place::Length(Length::of(kind))
            }
            other => return Err(WireError::Kind(other)),
        };
        Ok(())
    }

    /// Reads on in a length; returns how many bytes it took.
    fn length(
        &mut self,
        mut length: Length,
        bytes: &[u8],
        ended: &mut u64,
    ) -> Result<usize, WireError> {
        for (i, &byte) in bytes.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    length.value = length.value * 10 + u64::from(byte - b'0');
                    length.digits += 1;
                    if length.value > LENGTH_MAX {
                        return Err(WireError::Length);
                    }
                }
                b'-' if length.digits == 0 && !length.negative => length.negative = true,
                b'\r' => {}
                b'\n' => {
                    *ended += self.measured(length)?;
                    return Ok(i + 1);
                }
                other => return Err(WireError::Digit(other)),
            }
        }
        self.place = Place::Length(length);
        Ok(bytes.len())
    }

    /// A length is complete: goes on to what it measures. Returns 1 when that
    /// was nothing and the reply has ended.
    fn measured(&mut self, length: Length) -> Result<u64, WireError> {
        if length.digits == 0 {
            return Err(WireError::Length);
        }
        if length.negative {
            if length.value != 1 || !matches!(length.kind, b'$' | b'*') {
                return Err(WireError::Length);
            }
            self.nulls += 1;
            return Ok(self.end_element());
        }
        let elements = match length.kind {
            b'$' | b'=' | b'!' => {
                self.place = Place::Body {
                    left: length.value + 2,
                    is_error: length.kind == b'!',
                };
                return Ok(0);
            }
            b'%' => length.value * 2,
            // Attributes stand before the reply that they describe and do not
            // replace it: that reply is still owed.
            b'|' => length.value * 2 + 1,
            _ => length.value,
        };
        self.elements_left = self
            .elements_left
            .checked_add(elements)
            .ok_or(WireError::Length)?;
        Ok(self.end_element())
    }

    fn end_element(&mut self) -> u64 {
        self.place = Place::Kind;
        self.elements_left -= 1;
        u64::from(self.elements_left == 0 && self.is_answer)
    }

    fn keep_error(&mut self, text: &[u8]) {
        // The first is counted when its text is whole.
        if self.errors == 0 {
            let room = ERROR_TEXT_BYTES - self.first_error.len().min(ERROR_TEXT_BYTES);
            self.first_error
                .extend_from_slice(&text[..text.len().min(room)]);
        }
    }
}

impl Length {
    fn of(kind: u8) -> Length {
        Length {
            kind,
            negative: false,
            value: 0,
            digits: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of reply once, with how many answers, errors and nulls it is.
    const STREAMS: &[(&[u8], u64, u64, u64)] = &[
        (b"+OK\r\n", 1, 0, 0),
        (b"+PONG\r\n", 1, 0, 0),
        (b":-42\r\n", 1, 0, 0),
        (b"$5\r\nhello\r\n", 1, 0, 0),
        (b"$0\r\n\r\n", 1, 0, 0),
        (b"$4\r\n\r\n\r\n\r\n", 1, 0, 0),
        (b"$13\r\n+OK\r\n-ERR a\r\n\r\n", 1, 0, 0),
        (b"$-1\r\n", 1, 0, 1),
        (b"*-1\r\n", 1, 0, 1),
        (b"_\r\n", 1, 0, 1),
        (b"*0\r\n", 1, 0, 0),
        (b"*3\r\n$1\r\na\r\n$-1\r\n:3\r\n", 1, 0, 1),
        (b"*2\r\n*2\r\n:1\r\n*0\r\n*1\r\n+OK\r\n", 1, 0, 0),
        (b"-ERR unknown command 'x'\r\n", 1, 1, 0),
        (b"*2\r\n+OK\r\n-WRONGTYPE no\r\n", 1, 1, 0),
        (b"!9\r\nERR again\r\n", 1, 1, 0),
        (b"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", 1, 0, 0),
        (b"~2\r\n+a\r\n+b\r\n", 1, 0, 0),
        (b"=7\r\ntxt:abc\r\n", 1, 0, 0),
        (
            b",3.25\r\n(12345678901234567890123\r\n#t\r\n#f\r\n",
            4,
            0,
            0,
        ),
        (b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n+OK\r\n", 1, 0, 0),
        (b"|1\r\n+ttl\r\n:9\r\n$1\r\nv\r\n:1\r\n", 2, 0, 0),
        (b"*1\r\n|1\r\n+ttl\r\n:9\r\n$1\r\nv\r\n:1\r\n", 2, 0, 0),
    ];

    #[test]
    fn counts_each_kind_of_reply() {
        for &(bytes, answers, errors, nulls) in STREAMS {
            let mut scanner = ReplyScanner::default();
            let shown = bytes.escape_ascii();
            assert_eq!(scanner.scan(bytes), Ok(answers), "{shown}");
            assert_eq!(scanner.errors(), errors, "{shown}");
            assert_eq!(scanner.nulls(), nulls, "{shown}");
            assert_eq!(scanner.elements_left, 0, "{shown}");
        }
    }

    #[test]
    fn chunks_may_end_at_every_byte() {
        let all: Vec<u8> = STREAMS.iter().flat_map(|s| s.0).copied().collect();
        let answers: u64 = STREAMS.iter().map(|s| s.1).sum();
        for cut in 0..=all.len() {
            let mut scanner = ReplyScanner::default();
            let ended = scanner.scan(&all[..cut]).unwrap() + scanner.scan(&all[cut..]).unwrap();
            assert_eq!(ended, answers, "cut at {cut}");
        }
        for step in 1..7 {
            let mut scanner = ReplyScanner::default();
            let ended: u64 = all.chunks(step).map(|c| scanner.scan(c).unwrap()).sum();
            assert_eq!(ended, answers, "chunks of {step}");
            assert_eq!(
                scanner.first_error().as_deref(),
                Some("ERR unknown command 'x'")
            );
        }
    }

    #[test]
    fn a_reply_ends_with_its_last_byte_and_not_before() {
        for &(bytes, answers, ..) in STREAMS {
            let mut scanner = ReplyScanner::default();
            let before = scanner.scan(&bytes[..bytes.len() - 1]).unwrap();
            assert_eq!(before, answers - 1, "{}", bytes.escape_ascii());
            assert_eq!(scanner.scan(&bytes[bytes.len() - 1..]), Ok(1));
        }
    }

    #[test]
    fn refuses_what_is_not_resp() {
        let refused = |bytes: &[u8]| ReplyScanner::default().scan(bytes).unwrap_err();
        assert_eq!(refused(b"HTTP/1.1 400"), WireError::Kind(b'H'));
        assert_eq!(refused(b"$x\r\n"), WireError::Digit(b'x'));
        assert_eq!(refused(b"$-2\r\n"), WireError::Length);
        assert_eq!(refused(b"$\r\n"), WireError::Length);
        assert_eq!(refused(b"*?\r\n"), WireError::Digit(b'?'));
        assert_eq!(
            refused(b"$99999999999999999999999999\r\n"),
            WireError::Length
        );
        assert_eq!(refused(b"+OK\r\n+OK\r\n\r\n"), WireError::Kind(b'\r'));
    }

    #[test]
    fn long_errors_are_kept_in_part() {
        let mut scanner = ReplyScanner::default();
        let text = "ERR ".to_string() + &"x".repeat(1000);
        scanner.scan(format!("-{text}\r\n").as_bytes()).unwrap();
        let kept = scanner.first_error().unwrap();
        assert_eq!(kept.len(), ERROR_TEXT_BYTES);
        assert!(text.starts_with(&kept));
    }

    #[test]
    fn encodes_requests() {
        let mut bytes = Vec::new();
        encode_request(&mut bytes, &["SET", "k", ""]);
        assert_eq!(bytes, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
    }
}
