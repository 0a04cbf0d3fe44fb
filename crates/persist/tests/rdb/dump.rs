//! Single values: what DUMP gives, RESTORE takes, and nothing else.

use persist::rdb::{BadDump, FaultKind, Text, Value, ValueType, dump, restore};
use proptest::prelude::*;
use store::{Access, Key, KeyHasher, NewValue, Table};

fn dumped(value: NewValue<'_>) -> Vec<u8> {
    let hasher = KeyHasher::new([1, 2]);
    let mut table = Table::new(hasher, 0, 0);
    let key = Key {
        bytes: b"k",
        hash: hasher.hash(b"k"),
    };
    let slot = table.insert(&key, value, None, Access::lru(0), 0);
    dump(&table.entry(slot), 11)
}

fn framed(body: &[u8], version: u16) -> Vec<u8> {
    let mut payload = [body, &version.to_le_bytes()].concat();
    let checksum = base::crc64(&payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
    payload
}

fn text(payload: &[u8]) -> Vec<u8> {
    match restore(payload) {
        Ok(Value::String(text)) => text.to_bytes(),
        other => panic!("no string: {other:?}"),
    }
}

#[test]
fn the_bytes() {
    // What redis-server 7.0 answers to DUMP after SET k hello, and after SET k 12345.
    let hello = b"\x00\x05hello\x0a\x00cr\xdfve4 \x0a";
    let number = b"\x00\xc1\x39\x30\x0a\x00\x9d\x94\xea'\x93\xfc\x08\xb9";
    assert_eq!(text(hello), b"hello");
    assert_eq!(text(number), b"12345");
    assert_eq!(framed(&number[..4], 10), number);
    // Ours are the same.
    assert_eq!(dumped(NewValue::String(b"hello")), hello);
    assert_eq!(dumped(NewValue::Int(12345)), number);
}

#[test]
fn every_length() {
    let mut rng = base::Rng::new(3);
    for len in [
        0, 1, 20, 21, 63, 64, 2048, 2049, 16_384, 65_535, 65_536, 300_000,
    ] {
        let noise: Vec<u8> = (0..len).map(|_| rng.next_u64() as u8).collect();
        assert!(text(&dumped(NewValue::String(&noise))) == noise);
        let run = vec![b'x'; len];
        assert!(text(&dumped(NewValue::Raw(&run))) == run);
    }
    assert_eq!(
        text(&dumped(NewValue::Int(i64::MIN))),
        b"-9223372036854775808"
    );
}

#[test]
fn other_types_and_other_families() {
    let Ok(Value::Other(other)) = restore(&framed(b"\x07\x05\x00", 11)) else {
        panic!("a module's value");
    };
    assert_eq!(other.value_type, ValueType::Module);
    assert!(other.refusal().to_string().contains("holds a module value"));
    assert_eq!(
        restore(&framed(b"\x00\x01v", 80)).expect("of Valkey"),
        Value::String(Text::Bytes(b"v"))
    );
    for version in [0, 13, 79, 81, 256] {
        let payload = framed(b"\x00\x01v", version);
        let refused = restore(&payload);
        assert!(
            matches!(refused, Err(BadDump::VersionOrChecksum)),
            "{version}"
        );
    }
}

#[test]
fn what_is_refused() {
    let payload = framed(b"\x00\x05hello", 11);
    for len in 0..payload.len() {
        assert!(matches!(
            restore(&payload[..len]),
            Err(BadDump::VersionOrChecksum)
        ));
    }
    let mut flipped = payload.clone();
    for bit in 0..8 * payload.len() {
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(restore(&flipped), Err(BadDump::VersionOrChecksum)));
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
    let bad = |body: &[u8]| match restore(&framed(body, 11)) {
        Err(BadDump::Format(fault)) => fault.what,
        other => panic!("{other:?}"),
    };
    assert!(matches!(bad(b""), FaultKind::Ends { .. }));
    assert!(matches!(bad(b"\x00"), FaultKind::Ends { .. }));
    assert!(matches!(
        bad(b"\x00\x06hello"),
        FaultKind::PastTheEnd { .. }
    ));
    assert!(matches!(bad(b"\x00\x04hello"), FaultKind::Trailing));
    assert!(matches!(
        bad(b"\xfe\x00"),
        FaultKind::Unknown { byte: 254, .. }
    ));
    assert!(matches!(
        bad(b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff"),
        FaultKind::TooLong { .. }
    ));
}

proptest! {
    #[test]
    fn any_framed_bytes_are_safe(body in proptest::collection::vec(any::<u8>(), 0..100), type_byte in 0u8..26) {
        let body = [&[type_byte], &body[..]].concat();
        for version in [1, 9, 12, 80] {
            let _ = restore(&framed(&body, version));
        }
    }
}
