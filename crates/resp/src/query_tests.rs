//! A query fed at every split must find the same requests.

use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    bulk_bytes_max: 512 * 1024 * 1024,
    query_bytes_max: 1024 * 1024 * 1024,
    authenticated: true,
};

/// Feed `chunks` as separate reads; return all requests and the final error.
fn feed<'a>(
    chunks: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    let mut query = Query::default();
    let mut pool = QueryPool::default();
    let mut seen = Vec::new();
    for mut chunk in chunks {
        while !chunk.is_empty() && query.broken().is_none() {
            let room = query.room(&mut pool);
            let n = chunk.len().min(room.capacity() - room.len());
            assert!(n > 0, "room must have room");
            room.extend_from_slice(&chunk[..n]);
            chunk = &chunk[n..];
            loop {
                let found = query.parse(limits);
                for i in 0..found {
                    let argv = query.request(i);
                    let words: Vec<_> = argv.iter_from(0).map(<[u8]>::to_vec).collect();
                    if let Some(sent) = argv.as_sent() {
                        assert_eq!(sent.bytes, encode(std::slice::from_ref(&words)));
                        assert!(sent.bytes[sent.name_at..].starts_with(&words[0]));
                    }
                    // The line with the count may be longer than what is taken for it.
                    let wire_bytes = encode(std::slice::from_ref(&words)).len();
                    assert!(argv.wire_bytes() + "*1000000000\r\n".len() >= wire_bytes);
                    seen.push(words);
                }
                if let Some(error) = query.broken().cloned() {
                    return (seen, Some(error));
                }
                query.consume(found, &mut pool);
                if found == 0 {
                    break;
                }
            }
        }
    }
    (seen, query.broken().cloned())
}

fn encode(requests: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut out = Vec::new();
    for request in requests {
        out.extend_from_slice(format!("*{}\r\n", request.len()).as_bytes());
        for arg in request {
            out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            out.extend_from_slice(arg);
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

fn words(line: &[&[u8]]) -> Vec<Vec<u8>> {
    line.iter().map(|w| w.to_vec()).collect()
}

/// What the only request in these bytes says of itself.
fn as_sent(wire: &[u8]) -> Option<Vec<u8>> {
    let mut query = Query::default();
    let mut pool = QueryPool::default();
    query.room(&mut pool).extend_from_slice(wire);
    assert_eq!(query.parse(&LIMITS), 1);
    query.request(0).as_sent().map(|sent| sent.bytes.to_vec())
}

#[test]
fn canonical_requests_are_there_as_they_were_sent() {
    for len in [0, 1, 9, 10, 99, 100, 999] {
        let wire = encode(&[words(&[b"SET", b"k", &vec![b'v'; len]])]);
        assert_eq!(as_sent(&wire).as_deref(), Some(&wire[..]), "{len}");
    }
}

/// Longer ones are rare and their copy is what counts; inline commands have no lengths. What ends a
/// line is not looked at when a request is read, but a log that had taken it over would not be read
/// by others.
#[test]
fn other_spellings_are_not() {
    let long = encode(&[words(&[b"SET", b"k", &[b'v'; 1000]])]);
    let many = encode(&[words(&[&b"w"[..]; 10])]);
    for wire in [
        &long[..],
        &many,
        b"SET k v\r\n",
        b"*1\r?$4\r\nPING\r\n",
        b"*1\r\n$4\r?PING\r\n",
        b"*1\r\n$4\r\nPING??",
        b"*2\r\n$4\r\nPING??$1\r\nx\r\n",
    ] {
        let shown = String::from_utf8_lossy(wire);
        assert_eq!(as_sent(wire), None, "{shown}");
    }
}

#[test]
fn every_split_of_mixed_forms() {
    let wire =
        b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\n\r\n*0\r\nset \"a b\" 'c'\r\n*1\r\n$4\r\nQUIT\r\n";
    let want = vec![
        words(&[b"GET", b"k"]),
        words(&[b"PING"]),
        words(&[b"set", b"a b", b"c"]),
        words(&[b"QUIT"]),
    ];
    for cut in 0..=wire.len() {
        let (got, error) = feed([&wire[..cut], &wire[cut..]], &LIMITS);
        assert_eq!((got, error), (want.clone(), None), "split at {cut}");
    }
    let (got, _) = feed(wire.chunks(1), &LIMITS);
    assert_eq!(got, want);
}

#[test]
fn large_arguments_become_blocks_wherever_they_are_cut() {
    let big: Vec<u8> = (0..70_000u32).map(|i| i as u8).collect();
    let requests = vec![
        vec![b"SET".to_vec(), b"k".to_vec(), big.clone()],
        vec![
            b"MSET".to_vec(),
            big.clone(),
            b"v".to_vec(),
            big.clone(),
            b"w".to_vec(),
        ],
        vec![b"PING".to_vec()],
    ];
    let wire = encode(&requests);
    for size in [1, 3, 1000, 16_384, 32_768, 40_000, 70_000, wire.len()] {
        let (got, error) = feed(wire.chunks(size), &LIMITS);
        assert_eq!(error, None);
        assert!(got == requests, "chunks of {size}");
    }
    let mut query = Query::default();
    let mut pool = QueryPool::default();
    let mut rest = &wire[..];
    let found = loop {
        let room = query.room(&mut pool);
        let n = rest.len().min(room.capacity() - room.len());
        room.extend_from_slice(&rest[..n]);
        rest = &rest[n..];
        let found = query.parse(&LIMITS);
        if found > 0 {
            break found;
        }
    };
    assert_eq!(found, 1);
    assert_eq!(query.request(0).block(2).map(|b| b.len()), Some(70_000));
    assert!(query.request(0).block(1).is_none());
}

/// An edge-triggered loop may read twice before it parses: once for new bytes,
/// once because the read before had filled its room.
#[test]
fn a_second_read_before_the_parse_goes_behind_a_finished_block() {
    let big = vec![b'x'; 40_000];
    let wire = encode(&[vec![b"ECHO".to_vec(), big.clone()], vec![b"PING".to_vec()]]);
    let mut query = Query::default();
    let mut pool = QueryPool::default();
    query.room(&mut pool).extend_from_slice(&wire[..100]);
    assert_eq!(query.parse(&LIMITS), 0);
    let end = wire.len() - 20;
    query.room(&mut pool).extend_from_slice(&wire[100..end]);
    query.room(&mut pool).extend_from_slice(&wire[end..]);
    assert_eq!(query.parse(&LIMITS), 2);
    assert_eq!(query.request(0).get(1), big);
    assert_eq!(query.request(1).get(0), b"PING");
}

#[test]
fn requests_that_wait_stay_parsed() {
    let wire = b"PING\r\nECHO a\r\nECHO b\r\nECH";
    let mut query = Query::default();
    let mut pool = QueryPool::default();
    query.room(&mut pool).extend_from_slice(wire);
    assert_eq!(query.parse(&LIMITS), 3);
    query.consume(1, &mut pool);
    assert_eq!(query.pending(), 2);
    query.room(&mut pool).extend_from_slice(b"O c\r\n");
    assert_eq!(query.parse(&LIMITS), 3);
    assert_eq!(query.request(2).get(1), b"c");
    query.consume(3, &mut pool);
    assert_eq!(query.memory_bytes(), 0, "an idle query holds nothing");
    assert_eq!(pool.len(), 1);
}

#[test]
fn protocol_errors_have_redis_words() {
    let long = vec![b'1'; 70_000];
    let case = |wire: &[u8]| feed([wire], &LIMITS).1.map(|e| e.to_string());
    let text = |what: &str| Some(format!("Protocol error: {what}"));
    assert_eq!(case(b"*abc\r\n"), text("invalid multibulk length"));
    assert_eq!(case(b"*3000000000\r\n"), text("invalid multibulk length"));
    assert_eq!(case(b"*1\r\nfoo\r\n"), text("expected '$', got 'f'"));
    assert_eq!(case(b"*1\r\n$-1\r\n"), text("invalid bulk length"));
    assert_eq!(case(b"*1\r\n$x\r\n"), text("invalid bulk length"));
    assert_eq!(case(b"*1\r\n$01\r\n"), text("invalid bulk length"));
    assert_eq!(
        case(b"*1\r\n$999999999999\r\n"),
        text("invalid bulk length")
    );
    assert_eq!(case(b"set \"x\r\n"), text("unbalanced quotes in request"));
    assert_eq!(case(&long), text("too big inline request"));
    assert_eq!(
        case(&[b"*", &long[..]].concat()),
        text("too big mbulk count string")
    );
    assert_eq!(
        case(&[b"*1\r\n$", &long[..]].concat()),
        text("too big bulk count string")
    );
    assert_eq!(case(b"*-10\r\nPING\r\n"), None);
}

#[test]
fn before_login_one_small_request_at_a_time() {
    let limits = Limits {
        authenticated: false,
        ..LIMITS
    };
    let text = |wire: &[u8]| feed([wire], &limits).1.map(|e| e.to_string());
    assert_eq!(
        text(b"*11\r\n"),
        Some("Protocol error: unauthenticated multibulk length".into())
    );
    assert_eq!(
        text(b"*1\r\n$16385\r\n"),
        Some("Protocol error: unauthenticated bulk length".into())
    );
    let mut query = Query::default();
    let mut pool = QueryPool::default();
    query
        .room(&mut pool)
        .extend_from_slice(b"AUTH x\r\nPING\r\n");
    assert_eq!(query.parse(&limits), 1);
    assert!(query.has_unparsed());
    query.consume(1, &mut pool);
    assert_eq!(query.parse(&limits), 1);
    assert!(!query.has_unparsed());
}

/// A driver tries again as long as bytes are unparsed: half a request must not
/// count, or it would spin until the other half comes.
#[test]
fn half_a_request_is_not_unparsed() {
    for authenticated in [true, false] {
        let limits = Limits {
            authenticated,
            ..LIMITS
        };
        for wire in [&b"*2\r\n$3\r\nGE"[..], b"PIN", b"*1\r", b"*1\r\n$4\r\nPI"] {
            let mut query = Query::default();
            let mut pool = QueryPool::default();
            query.room(&mut pool).extend_from_slice(wire);
            assert_eq!(query.parse(&limits), 0);
            assert!(!query.has_unparsed());
        }
    }
}

#[test]
fn a_query_has_a_bound() {
    let limits = Limits {
        query_bytes_max: 100_000,
        ..LIMITS
    };
    let wire = [&b"*1000000\r\n"[..], &b"$1\r\nx\r\n".repeat(100_000)].concat();
    assert_eq!(
        feed(wire.chunks(16_384), &limits).1,
        Some(ProtocolError::QueryTooLarge)
    );
    // Announcing much costs nothing.
    let (_, error) = feed([&b"*2147483647\r\n$536870912\r\nabc"[..]], &LIMITS);
    assert_eq!(error, None);
}

proptest! {
    #[test]
    fn any_requests_in_any_chunks(
        requests in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6), 0..12),
        size in 1usize..60,
    ) {
        let wire = encode(&requests);
        let (got, error) = feed(wire.chunks(size), &LIMITS);
        prop_assert_eq!(error, None);
        prop_assert_eq!(got, requests);
    }

    #[test]
    fn rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), size in 1usize..50) {
        feed(bytes.chunks(size), &LIMITS);
    }

    #[test]
    fn almost_resp_never_panics(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "*", "$", "\r\n", "1", "-1", "3", "GET", "\"", "'", " ", "\n", "*2\r\n", "$3\r\n", "99999", "\r",
        ]), 0..60),
        size in 1usize..20,
    ) {
        feed(pieces.concat().as_bytes().chunks(size), &LIMITS);
    }
}
