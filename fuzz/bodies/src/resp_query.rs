//! Requests are found whatever the bytes, and wherever they are cut.
//!
//! The wire is put together from whole requests, damaged headers and plain bytes. It is fed twice,
//! in chunks as large as there is room for and in chunks that the tape chooses. Both must find the
//! same requests and the same end.
//!
//! One thing may depend on the cuts, as it does in Redis: a limit on what has not arrived whole is
//! only met by what arrives in pieces. There one feed may come further than the other.

use resp::{Limits, ProtocolError, Query, QueryPool};

use crate::tape::Tape;

const WIRE_BYTES_MAX: usize = 1 << 17;
/// An inline request is refused above 64 KiB, but only while its end has not arrived: what two
/// reads bring at once comes on top.
const INLINE_BYTES_MAX: usize = 3 * (64 << 10);

pub fn run(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    let limits = limits(&mut tape);
    let cuts: Vec<usize> = (0..1 + tape.below(8)).map(|_| cut(&mut tape)).collect();
    let wire = Wire::draw(&mut tape);

    let whole = feed(&wire.bytes, &[usize::MAX], &limits);
    let pieces = feed(&wire.bytes, &cuts, &limits);
    if is_about_size(&whole.end) || is_about_size(&pieces.end) {
        let common = whole.requests.len().min(pieces.requests.len());
        assert!(whole.requests[..common] == pieces.requests[..common]);
        return;
    }
    assert_eq!(whole.end, pieces.end, "the same end wherever it is cut");
    assert!(
        whole.requests == pieces.requests,
        "the same requests wherever they are cut"
    );
    if let Some(sent) = wire.requests.filter(|_| whole.end.is_none()) {
        assert!(whole.requests == sent, "what was sent is what arrives");
    }
}

fn limits(tape: &mut Tape<'_>) -> Limits {
    Limits {
        bulk_bytes_max: *tape.pick(&[1 << 30, 16, 1024, 40_000, 100_000]),
        query_bytes_max: *tape.pick(&[1 << 30, 64, 4096, 50_000, 200_000]),
        authenticated: tape.below(8) > 0,
    }
}

/// The size of a chunk.
fn cut(tape: &mut Tape<'_>) -> usize {
    let most = *tape.pick(&[1, 8, 100, 5_000, 70_000]);
    1 + tape.below(most) as usize
}

/// Bytes as a client sends them.
struct Wire {
    bytes: Vec<u8>,
    /// The requests among them, if nothing else is.
    requests: Option<Vec<Vec<Vec<u8>>>>,
}

impl Wire {
    fn draw(tape: &mut Tape<'_>) -> Wire {
        let mut wire = Wire {
            bytes: Vec::new(),
            requests: Some(Vec::new()),
        };
        let pieces_are_requests = tape.bool();
        while !tape.is_over() && wire.bytes.len() < WIRE_BYTES_MAX {
            if pieces_are_requests {
                wire.request(tape);
            } else {
                wire.requests = None;
                wire.piece(tape);
            }
        }
        wire
    }

    fn piece(&mut self, tape: &mut Tape<'_>) {
        match tape.below(6) {
            0 => self.request(tape),
            1 => self.bytes.extend_from_slice(tape.bytes(64)),
            2 => self.header(tape, b'*'),
            3 => self.header(tape, b'$'),
            4 => self.bytes.extend_from_slice(b"\r\n"),
            _ => {
                let most = *tape.pick(&[10, 1_000, 70_000]);
                let text = tape.text(most);
                self.bytes.extend_from_slice(&text);
            }
        }
    }

    fn header(&mut self, tape: &mut Tape<'_>, kind: u8) {
        self.bytes.push(kind);
        let number = tape.integer().to_string();
        self.bytes.extend_from_slice(number.as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn request(&mut self, tape: &mut Tape<'_>) {
        let count = 1 + tape.below(5);
        let argv: Vec<Vec<u8>> = (0..count)
            .map(|_| {
                let most = *tape.pick(&[8, 8, 8, 8, 100, 100, 40_000, 70_000]);
                tape.text(most)
            })
            .collect();
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(format!("*{}\r\n", argv.len()).as_bytes());
        for arg in &argv {
            bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            bytes.extend_from_slice(arg);
            bytes.extend_from_slice(b"\r\n");
        }
        if let Some(requests) = &mut self.requests {
            requests.push(argv);
        }
    }
}

/// What came of some bytes.
struct Found {
    requests: Vec<Vec<Vec<u8>>>,
    end: Option<ProtocolError>,
}

/// Feed the wire in chunks of these sizes, over and over, and execute whatever is found.
fn feed(wire: &[u8], cuts: &[usize], limits: &Limits) -> Found {
    let mut query = Query::default();
    let mut pool = QueryPool::default();
    let mut found = Found {
        requests: Vec::new(),
        end: None,
    };
    let mut rest = wire;
    let mut cuts = cuts.iter().cycle();
    let mut reads_unparsed = 0;
    while !rest.is_empty() && found.end.is_none() {
        let room = query.room(&mut pool);
        let free = room.capacity() - room.len();
        assert!(free > 0, "there is room to read into");
        let cut = *cuts.next().expect("sizes repeat");
        let (chunk, behind) = rest.split_at(cut.min(free).min(rest.len()));
        room.extend_from_slice(chunk);
        rest = behind;
        query.was_read(chunk.len(), chunk.len() == free);
        // Now and then two reads come before a parse.
        reads_unparsed += 1;
        if cut % 5 == 4 && reads_unparsed < 2 && !rest.is_empty() {
            continue;
        }
        reads_unparsed = 0;
        execute(&mut query, &mut pool, limits, &mut found);
        let fed = wire.len() - rest.len();
        assert!(
            query.memory_bytes() <= 24 * fed + (256 << 10),
            "{} bytes held after {fed}",
            query.memory_bytes()
        );
    }
    found
}

/// Parse and execute until nothing more is found: one request by itself, then all of them.
fn execute(query: &mut Query, pool: &mut QueryPool, limits: &Limits, found: &mut Found) {
    loop {
        let pending = query.parse(limits);
        assert_eq!(pending, query.pending());
        if pending == 0 {
            break;
        }
        for index in 0..pending {
            let argv = query.request(index);
            assert!(!argv.is_empty(), "a request has a command");
            let argv: Vec<Vec<u8>> = argv.iter_from(0).map(<[u8]>::to_vec).collect();
            let longest = argv.iter().map(Vec::len).max().unwrap_or(0);
            assert!(longest <= limits.bulk_bytes_max.max(INLINE_BYTES_MAX));
            found.requests.push(argv);
        }
        query.consume(1, pool);
        query.consume(pending - 1, pool);
        assert_eq!(query.pending(), 0);
    }
    found.end = query.broken().cloned();
    if found.end.is_none() {
        assert!(query.buffered_bytes() <= limits.query_bytes_max + (128 << 10));
    }
}

/// Does this error depend on how much had arrived at once?
fn is_about_size(end: &Option<ProtocolError>) -> bool {
    matches!(
        end,
        Some(
            ProtocolError::QueryTooLarge
                | ProtocolError::InlineTooLong
                | ProtocolError::CountTooLong
                | ProtocolError::LengthTooLong
        )
    )
}
