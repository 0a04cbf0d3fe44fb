//! One command at the front of some bytes, strictly.
//!
//! ```text
//!   *2\r\n $3\r\n DEL\r\n $1\r\n k\r\n      a command
//!   #TS:1700000000\r\n                      a remark of the server that wrote the file
//! ```
//!
//! A file is not a client: no inline form, no empty command, no negative or padded number. A
//! length is believed only after the bytes are there; until then it says how much to read.

/// A command's words.
#[derive(Clone, Copy)]
pub struct Argv<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

/// Where a word lies: start and length.
pub(crate) type Span = (usize, usize);

impl<'a> Argv<'a> {
    pub(crate) fn new(bytes: &'a [u8], spans: &'a [Span]) -> Argv<'a> {
        Argv { bytes, spans }
    }

    #[allow(clippy::len_without_is_empty)] // A command has a name.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn get(&self, at: usize) -> Option<&'a [u8]> {
        let (start, len) = *self.spans.get(at)?;
        Some(&self.bytes[start..start + len])
    }

    /// The command's name.
    pub fn name(&self) -> &'a [u8] {
        self.get(0).expect("no command is empty")
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        self.spans
            .iter()
            .map(move |(start, len)| &bytes[*start..start + len])
    }
}

/// What is at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// A command of so many bytes.
    Command(usize),
    /// A remark of so many bytes.
    Remark(usize),
    /// At least so many bytes are needed to tell.
    Short(usize),
    /// No command, seen at this byte.
    Bad(usize, &'static str),
}

/// `*` or `$`, at most ten digits, the line end.
const HEADER_BYTES_MAX: usize = 13;
/// Stock servers read remarks of less than this.
const REMARK_BYTES_MAX: usize = 1024;
/// How the one remark begins that Redis writes.
pub(crate) const TIMESTAMP: &[u8] = b"#TS:";
/// The longest line with a time: twenty digits.
const TIMESTAMP_BYTES_MAX: usize = 26;
const ARGS_MAX: u64 = i32::MAX as u64;
/// The largest string that a server takes is 512 MiB unless told otherwise; ten digits are the
/// most that [`HEADER_BYTES_MAX`] lets in.
const ARG_BYTES_MAX: u64 = u32::MAX as u64;

/// Reads one command or remark; the places of its words replace `spans`.
pub(crate) fn parse(bytes: &[u8], spans: &mut Vec<Span>) -> Parsed {
    spans.clear();
    match bytes.first() {
        None => Parsed::Short(1),
        Some(b'*') => parse_command(bytes, spans),
        Some(b'#') => parse_remark(bytes),
        Some(_) => Parsed::Bad(0, "neither a command nor a remark begins here"),
    }
}

fn parse_remark(bytes: &[u8]) -> Parsed {
    let line = &bytes[..bytes.len().min(REMARK_BYTES_MAX)];
    match memchr::memchr(b'\n', line) {
        Some(end) => Parsed::Remark(end + 1),
        None if line.len() == REMARK_BYTES_MAX => Parsed::Bad(0, "the remark is too long"),
        None => Parsed::Short(line.len() + 1),
    }
}

/// The line `#TS:1700000000` at the front of some bytes: its unix seconds and its length. Strict,
/// as what is nearly one may be a damaged or torn one.
pub(crate) fn timestamp(bytes: &[u8]) -> Option<(u64, usize)> {
    let line = &bytes[..bytes.len().min(TIMESTAMP_BYTES_MAX)];
    let rest = line.strip_prefix(TIMESTAMP)?;
    let digits = memchr::memchr(b'\r', rest)?;
    let time = base::parse_u64(&rest[..digits])?;
    let end = TIMESTAMP.len() + digits + 2;
    (bytes.get(end - 1) == Some(&b'\n')).then_some((time, end))
}

fn parse_command(bytes: &[u8], spans: &mut Vec<Span>) -> Parsed {
    let (count, mut at) = match header(bytes, 0, b'*', ARGS_MAX) {
        Ok(found) => found,
        Err(stop) => return stop,
    };
    if count == 0 {
        return Parsed::Bad(0, "the command has no words");
    }
    for _ in 0..count {
        let (len, start) = match header(bytes, at, b'$', ARG_BYTES_MAX) {
            Ok(found) => found,
            Err(stop) => return stop,
        };
        let len = len as usize;
        let end = start + len;
        match bytes.get(end..end + 2) {
            Some(b"\r\n") => {}
            Some(_) => return Parsed::Bad(end, "no line end behind the word"),
            None => return Parsed::Short(end + 2),
        }
        spans.push((start, len));
        at = end + 2;
    }
    Parsed::Command(at)
}

/// The number on a header line and where the line ends.
fn header(bytes: &[u8], at: usize, kind: u8, max: u64) -> Result<(u64, usize), Parsed> {
    let line = &bytes[at.min(bytes.len())..];
    let line = &line[..line.len().min(HEADER_BYTES_MAX)];
    match line.first() {
        None => return Err(Parsed::Short(at + 1)),
        Some(first) if *first != kind => {
            return Err(Parsed::Bad(at, "no length where one must be"));
        }
        Some(_) => {}
    }
    let mut number = 0u64;
    for (i, &byte) in line.iter().enumerate().skip(1) {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            b'\r' if i > 1 && (line[1] != b'0' || i == 2) => {
                return match line.get(i + 1) {
                    Some(b'\n') if number <= max => Ok((number, at + i + 2)),
                    Some(_) => Err(Parsed::Bad(at, "a bad length")),
                    None if line.len() == HEADER_BYTES_MAX => Err(Parsed::Bad(at, "a bad length")),
                    None => Err(Parsed::Short(at + i + 2)),
                };
            }
            _ => return Err(Parsed::Bad(at, "a bad length")),
        }
    }
    if line.len() == HEADER_BYTES_MAX {
        return Err(Parsed::Bad(at, "a bad length"));
    }
    Err(Parsed::Short(at + line.len() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut spans = Vec::new();
        match parse(bytes, &mut spans) {
            Parsed::Command(used) => assert_eq!(used, bytes.len()),
            other => panic!("{other:?}"),
        }
        Argv::new(bytes, &spans)
            .iter()
            .map(<[u8]>::to_vec)
            .collect()
    }

    #[test]
    fn a_command_is_read_and_half_of_it_is_not() {
        let bytes = b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$13\r\n\r\n*1\r\n$1\r\nx\r\n\r\n";
        assert_eq!(words(bytes), [&b"SET"[..], b"", b"\r\n*1\r\n$1\r\nx\r\n"]);
        for cut in 0..bytes.len() {
            match parse(&bytes[..cut], &mut Vec::new()) {
                Parsed::Short(need) => assert!(cut < need && need <= bytes.len(), "{cut} {need}"),
                other => panic!("cut at {cut}: {other:?}"),
            }
        }
    }

    #[test]
    fn remarks() {
        assert_eq!(parse(b"#TS:5\r\n*1", &mut Vec::new()), Parsed::Remark(7));
        assert_eq!(parse(b"#TS:5", &mut Vec::new()), Parsed::Short(6));
        assert!(matches!(
            parse(&[b'#'; 2000], &mut Vec::new()),
            Parsed::Bad(..)
        ));
    }

    #[test]
    fn times() {
        assert_eq!(timestamp(b"#TS:5\r\n*1"), Some((5, 7)));
        let longest = format!("#TS:{}\r\n", u64::MAX);
        assert_eq!(timestamp(longest.as_bytes()), Some((u64::MAX, 26)));
        for bad in [
            "",
            "#TS:",
            "#TS:5",
            "#TS:5\r",
            "#TS:5\n",
            "#TS:05\r\n",
            "#TS:-5\r\n",
            "#TS:5 \r\n",
            "#ts:5\r\n",
            "#TS:5\0\0\n",
            "#TS:99999999999999999999\r\n",
        ] {
            assert_eq!(timestamp(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [
            &b"PING\r\n"[..],
            b"*0\r\n",
            b"*-1\r\n",
            b"*01\r\n$4\r\nPING\r\n",
            b"*1\n$4\nPING\n",
            b"*\r\n",
            b"*1\r\n+PING\r\n",
            b"*1\r\n$4\r\nPINGxx",
            b"*1\r\n$-1\r\n",
            b"*1\r\n$9999999999\r\n",
            b"*99999999999999999999999999\r\n",
            b"*9999999999\r\n",
            b"\0",
        ] {
            let parsed = parse(bytes, &mut Vec::new());
            assert!(matches!(parsed, Parsed::Bad(..)), "{bytes:?}: {parsed:?}");
        }
    }
}
