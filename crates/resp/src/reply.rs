//! Replies in RESP2 and RESP3, written straight into an [`Outbox`].
//!
//! A handler says what it means (a map, a double, nothing) and the client's
//! protocol decides the shape: RESP2 knows no map, double, boolean, null or
//! push, so these become flat arrays, bulk strings, integers and nil, as Redis
//! does it. Shapes: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use crate::argv::Block;
use crate::outbox::{Mark, Outbox, Source};

/// Which dialect a client speaks; HELLO changes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Resp2,
    Resp3,
}

impl Protocol {
    /// The number that HELLO and CLIENT LIST show.
    pub fn number(self) -> i64 {
        match self {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }
}

/// The place a handler puts its answer.
pub struct Reply<'a> {
    outbox: &'a mut Outbox,
    protocol: Protocol,
    /// With so many bytes in the outbox, a slice is long enough.
    slice_bytes: usize,
}

impl<'a> Reply<'a> {
    #[inline]
    pub fn new(outbox: &'a mut Outbox, protocol: Protocol) -> Reply<'a> {
        Reply {
            outbox,
            protocol,
            slice_bytes: usize::MAX,
        }
    }

    /// The place for a slice of a reply.
    pub(crate) fn slice(outbox: &'a mut Outbox, protocol: Protocol) -> Reply<'a> {
        Reply {
            outbox,
            protocol,
            slice_bytes: Outbox::SLICE_BYTES,
        }
    }

    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// From here on another dialect: HELLO answers in the one it switches to.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Has more been written than a client may have unread? Whatever follows is
    /// dropped, so a long reply may as well end here.
    #[inline]
    pub fn has_overflowed(&self) -> bool {
        self.outbox.has_overflowed()
    }

    /// For a [`Source`]: is this enough for one slice? A reply that is not written
    /// by slices never says so.
    #[inline]
    pub fn is_slice(&self) -> bool {
        self.outbox.len() >= self.slice_bytes
    }

    /// For a [`Source`]: how many bytes this slice has so far.
    pub fn waiting_bytes(&self) -> usize {
        self.outbox.len()
    }

    pub fn mark(&self) -> Mark {
        self.outbox.mark()
    }

    /// Forget what was written since `mark`.
    pub fn cut(&mut self, mark: Mark) {
        self.outbox.cut(mark);
    }

    #[inline]
    pub fn ok(&mut self) {
        self.outbox.tail(5).extend_from_slice(b"+OK\r\n");
    }

    /// A simple string. Line ends in it would break the protocol: they become
    /// blanks, and those at its edges are left out.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error line; `text` begins with its code, `ERR ...`.
    pub fn error(&mut self, text: &str) {
        self.line(b'-', text.as_bytes());
    }

    /// An error line that gives a client's own bytes back.
    pub fn error_bytes(&mut self, text: &[u8]) {
        self.line(b'-', text);
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        let is_end = |b: &u8| matches!(b, b'\r' | b'\n');
        let start = text.iter().position(|b| !is_end(b)).unwrap_or(text.len());
        let end = text
            .iter()
            .rposition(|b| !is_end(b))
            .map_or(start, |at| at + 1);
        let text = &text[start..end];
        let tail = self.outbox.tail(text.len() + 3);
        tail.push(kind);
        tail.extend(text.iter().map(|b| if is_end(b) { b' ' } else { *b }));
        tail.extend_from_slice(b"\r\n");
    }

    #[inline]
    pub fn int(&mut self, value: i64) {
        if (0..10).contains(&value) {
            let digit = b'0' + value as u8;
            self.outbox
                .tail(4)
                .extend_from_slice(&[b':', digit, b'\r', b'\n']);
        } else {
            self.header(b':', value);
        }
    }

    /// A length, a count: as an integer.
    #[inline]
    pub fn count(&mut self, value: usize) {
        self.int(value as i64);
    }

    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        let tail = self.outbox.tail(bytes.len() + 26);
        push_header(tail, b'$', bytes.len() as i64);
        tail.extend_from_slice(bytes);
        tail.extend_from_slice(b"\r\n");
    }

    /// A large string by reference.
    pub fn block(&mut self, block: &Block) {
        if block.len() < Outbox::SHARED_BYTES {
            return self.bulk(block);
        }
        self.header(b'$', block.len() as i64);
        self.outbox.push_block(block);
        self.outbox.tail(2).extend_from_slice(b"\r\n");
    }

    /// A large string that is lent: dropping it says that it is sent.
    pub fn lent(&mut self, lent: Box<dyn AsRef<[u8]> + Send>) {
        self.header(b'$', (*lent).as_ref().len() as i64);
        self.outbox.push_lent(lent);
        self.outbox.tail(2).extend_from_slice(b"\r\n");
    }

    /// Replies that are written when the client takes them.
    pub fn stream(&mut self, source: Box<dyn Source>) {
        self.outbox.push_source(source, self.protocol);
    }

    /// An integer as the string that Redis keeps it as.
    pub fn bulk_int(&mut self, value: i64) {
        let mut digits = itoa::Buffer::new();
        self.bulk(digits.format(value).as_bytes());
    }

    /// Nothing, where a string would have been.
    #[inline]
    pub fn null(&mut self) {
        let text: &[u8] = match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        };
        self.outbox.tail(5).extend_from_slice(text);
    }

    /// Nothing, where an array would have been.
    pub fn null_array(&mut self) {
        let text: &[u8] = match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        };
        self.outbox.tail(5).extend_from_slice(text);
    }

    /// `len` replies follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as i64);
    }

    /// All that was written since `mark` were `len` replies.
    pub fn array_since(&mut self, mark: Mark, len: usize) {
        self.header_since(mark, b'*', len as i64);
    }

    /// All that was written since `mark` were so many keys and values.
    pub fn map_since(&mut self, mark: Mark, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header_since(mark, b'*', 2 * pairs as i64),
            Protocol::Resp3 => self.header_since(mark, b'%', pairs as i64),
        }
    }

    /// `pairs` keys and values follow.
    pub fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', 2 * pairs as i64),
            Protocol::Resp3 => self.header(b'%', pairs as i64),
        }
    }

    /// `len` different replies follow, in no order.
    pub fn set(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len as i64),
            Protocol::Resp3 => self.header(b'~', len as i64),
        }
    }

    /// An out-of-band message of `len` parts.
    pub fn push(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len as i64),
            Protocol::Resp3 => self.header(b'>', len as i64),
        }
    }

    /// `pairs` attributes of the reply that follows; RESP2 has no place for them.
    pub fn attribute(&mut self, pairs: usize) {
        assert_eq!(self.protocol, Protocol::Resp3, "RESP2 has no attributes");
        self.header(b'|', pairs as i64);
    }

    pub fn double(&mut self, value: f64) {
        // Most of them are whole numbers; minus zero is written as such.
        let whole = value as i64;
        if whole.unsigned_abs() < 1 << 53 && (whole as f64).to_bits() == value.to_bits() {
            return match self.protocol {
                Protocol::Resp2 => self.bulk_int(whole),
                Protocol::Resp3 => self.header(b',', whole),
            };
        }
        let mut text = Vec::with_capacity(32);
        base::number::write_double(&mut text, value);
        match self.protocol {
            Protocol::Resp2 => self.bulk(&text),
            Protocol::Resp3 => self.line(b',', &text),
        }
    }

    /// A double in the caller's digits.
    pub fn double_text(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => self.line(b',', text.as_bytes()),
        }
    }

    pub fn bool(&mut self, value: bool) {
        match self.protocol {
            Protocol::Resp2 => self.int(i64::from(value)),
            Protocol::Resp3 => {
                let text = if value { b"#t\r\n" } else { b"#f\r\n" };
                self.outbox.tail(4).extend_from_slice(text);
            }
        }
    }

    /// An integer of any size, in decimal.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// Text for people; `format` is three letters, `txt` or `mkd`.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        assert_eq!(format.len(), 3, "a verbatim format has three letters");
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                let tail = self.outbox.tail(text.len() + 30);
                push_header(tail, b'=', text.len() as i64 + 4);
                tail.extend_from_slice(format.as_bytes());
                tail.push(b':');
                tail.extend_from_slice(text);
                tail.extend_from_slice(b"\r\n");
            }
        }
    }

    /// An array of bulk strings.
    pub fn bulks<A: AsRef<[u8]>>(&mut self, items: &[A]) {
        self.array(items.len());
        for item in items {
            self.bulk(item.as_ref());
        }
    }

    /// Replies that were encoded elsewhere, in this client's protocol.
    pub fn append(&mut self, encoded: Outbox) {
        self.outbox.append(encoded);
    }

    fn header_since(&mut self, mark: Mark, kind: u8, value: i64) {
        let mut text = Vec::with_capacity(24);
        push_header(&mut text, kind, value);
        self.outbox.insert(mark, &text);
    }

    fn header(&mut self, kind: u8, value: i64) {
        push_header(self.outbox.tail(24), kind, value);
    }
}

/// Kind, number, line end. Room for 24 bytes must be there.
#[inline]
fn push_header(tail: &mut Vec<u8>, kind: u8, value: i64) {
    if (0..100).contains(&value) {
        let (tens, ones) = (b'0' + value as u8 / 10, b'0' + value as u8 % 10);
        if tens == b'0' {
            tail.extend_from_slice(&[kind, ones, b'\r', b'\n']);
        } else {
            tail.extend_from_slice(&[kind, tens, ones, b'\r', b'\n']);
        }
        return;
    }
    let mut digits = itoa::Buffer::new();
    tail.push(kind);
    tail.extend_from_slice(digits.format(value).as_bytes());
    tail.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(protocol: Protocol, say: impl Fn(&mut Reply)) -> String {
        let mut outbox = Outbox::default();
        say(&mut Reply::new(&mut outbox, protocol));
        String::from_utf8(outbox.take_bytes()).unwrap()
    }

    #[test]
    fn a_length_comes_in_front_when_it_is_known() {
        let block = Block::new(vec![b'x'; 20_000]);
        for (before, replies) in [(0, 3), (100, 3), (15_000, 200), (70_000, 30_000)] {
            for begins_with_a_block in [false, true] {
                let say = |is_known: bool| {
                    written(Protocol::Resp2, |reply| {
                        if before > 0 {
                            reply.bulk(&vec![b'b'; before]);
                        }
                        let mark = reply.mark();
                        if is_known {
                            reply.array(replies);
                        }
                        if begins_with_a_block {
                            reply.outbox.push_block(&block);
                        }
                        for at in 0..replies {
                            reply.bulk_int(at as i64);
                        }
                        if !is_known {
                            reply.array_since(mark, replies);
                        }
                    })
                };
                assert_eq!(say(true), say(false));
            }
        }
    }

    #[test]
    fn each_shape_in_both_protocols() {
        type Say = fn(&mut Reply);
        let cases: [(Say, &str, &str); 14] = [
            (|r| r.ok(), "+OK\r\n", "+OK\r\n"),
            (|r| r.int(-12), ":-12\r\n", ":-12\r\n"),
            (
                |r| r.int(i64::MIN),
                ":-9223372036854775808\r\n",
                ":-9223372036854775808\r\n",
            ),
            (|r| r.bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n"),
            (
                |r| r.bulk(&[b'x'; 12]),
                "$12\r\nxxxxxxxxxxxx\r\n",
                "$12\r\nxxxxxxxxxxxx\r\n",
            ),
            (|r| r.null(), "$-1\r\n", "_\r\n"),
            (|r| r.null_array(), "*-1\r\n", "_\r\n"),
            (|r| r.map(2), "*4\r\n", "%2\r\n"),
            (|r| r.set(100), "*100\r\n", "~100\r\n"),
            (|r| r.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (|r| r.bool(true), ":1\r\n", "#t\r\n"),
            (|r| r.big_number("123"), "$3\r\n123\r\n", "(123\r\n"),
            (
                |r| r.verbatim("txt", b"hi"),
                "$2\r\nhi\r\n",
                "=6\r\ntxt:hi\r\n",
            ),
            (
                |r| r.error("ERR a\r\nb\n"),
                "-ERR a  b\r\n",
                "-ERR a  b\r\n",
            ),
        ];
        for (say, two, three) in cases {
            assert_eq!(written(Protocol::Resp2, say), two);
            assert_eq!(written(Protocol::Resp3, say), three);
        }
    }
}
