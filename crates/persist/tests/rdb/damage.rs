//! Damaged files: cut at every byte, flipped at every bit, and lies about lengths.

use std::io::Read;

use persist::rdb::{Checksum, Fault, FaultKind, Reader, Usage, WriteOptions, Writer, verify};

use crate::contents::{Kept, read, read_dripping, read_from};

/// A file with one of each: what we write, and all that we walk over.
fn sample() -> Vec<u8> {
    let mut writer = Writer::new(WriteOptions::default());
    writer.preamble(&persist::rdb::Preamble::default());
    writer.function(b"#!lua name=lib\n");
    writer.select_db(0, 6, 1);
    writer.string_key(b"k", None, Usage::Unknown, b"v");
    writer.string_key(
        b"ttl",
        Some(1_700_000_000_000),
        Usage::IdleSecs(70),
        b"12345",
    );
    writer.int_key(b"int", None, Usage::Freq(9), i64::MIN);
    writer.string_key(b"packed", None, Usage::Unknown, &[b'a'; 200]);
    let mut file = writer.take();
    file.extend_from_slice(b"\x01\x01l\x02\x01a\xc0\x07");
    file.extend_from_slice(b"\x05\x01z\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x3f");
    file.extend_from_slice(
        b"\x07\x01m\x05\x02\x40\x80\x05\x01x\x04\x01\x02\x03\x04\x05\x06\x07\x08\x00",
    );
    file.extend_from_slice(b"\x12\x02ql\x02\x01\x03abc\x02\x02lp");
    file.extend_from_slice(
        b"\x15\x01x\x00\x00\x05\x06\x00\x00\x05\x06\x09\x01\x01g\x05\x06\x09\x00\x01\x01c",
    );
    file.extend_from_slice(&[3; 16]);
    file.extend_from_slice(b"\x00\xff");
    let checksum = base::crc64(&file);
    file.extend_from_slice(&checksum.to_le_bytes());
    file
}

/// Read to the end, and the checksum is right or not wanted.
fn accepted(result: Result<Vec<Kept>, Fault>) -> bool {
    match result {
        Err(_) => false,
        Ok(items) => !matches!(items.last(), Some(Kept::End(Checksum::Wrong { .. }))),
    }
}

#[test]
fn cut_at_every_byte() {
    let file = sample();
    assert!(accepted(read(&file)));
    for len in 0..file.len() {
        let fault = read(&file[..len]).expect_err("a whole file is longer");
        let same = read_dripping(&file[..len], 3).expect_err("a whole file is longer");
        assert!(fault.at <= len as u64, "{len}: {fault}");
        assert!(same.at <= len as u64, "{len}: {same}");
        // Shorter than it was said to be: the end is where it is, not where it should be.
        let shrunk = Reader::with_len(&file[..len], file.len() as u64);
        let shrunk = read_from(shrunk).expect_err("a whole file is longer");
        assert!(shrunk.at <= len as u64, "{len}: {shrunk}");
        // The end is only known beforehand if the length is.
        assert!(matches!(same.what, FaultKind::Ends { .. }), "{len}: {same}");
    }
}

#[test]
fn flipped_at_every_bit() {
    let mut file = sample();
    for bit in 0..8 * file.len() {
        file[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepted(read(&file)), "bit {bit} is not missed");
        assert!(
            !accepted(read_dripping(&file, 5)),
            "bit {bit} is not missed"
        );
        if let Ok(reader) = Reader::with_len(&file[..], file.len() as u64) {
            let report = verify(reader);
            assert!(report.damage.is_some(), "bit {bit} is not missed");
        }
        file[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Without a checksum a flip may make another file, but never a panic.
#[test]
fn flipped_at_every_bit_unsummed() {
    let mut file = sample();
    let len = file.len();
    file[len - 8..].fill(0);
    for bit in 0..8 * (len - 8) {
        file[bit / 8] ^= 1 << (bit % 8);
        for cut in [len, len - 3] {
            let _ = read(&file[..cut]);
            let _ = read_dripping(&file[..cut], 7);
        }
        file[bit / 8] ^= 1 << (bit % 8);
    }
}

#[track_caller]
fn refused(file: &[u8], at: u64, is: impl Fn(&FaultKind) -> bool) {
    for result in [read(file), read_dripping(file, 4)] {
        let fault = result.expect_err("damage");
        assert!(is(&fault.what), "{fault}");
        assert_eq!(fault.at, at, "{fault}");
        assert!(!fault.to_string().is_empty());
    }
}

#[test]
fn lengths_that_lie_reserve_nothing() {
    let lie = |value: &[u8]| [b"REDIS0009\x00\x01k", value].concat();
    // The end is met, or foreseen; whichever way, nothing of the sort is reserved.
    for len in [1 << 20, 512 << 20] {
        let mut file = lie(b"\x81");
        file.extend_from_slice(&u64::to_be_bytes(len));
        let fault = read(&file).expect_err("a lie");
        assert!(
            matches!(fault.what, FaultKind::PastTheEnd { left: 0, .. }),
            "{fault}"
        );
        assert_eq!(fault.at, 12);
        let fault = read_dripping(&file, 4).expect_err("a lie");
        assert!(matches!(fault.what, FaultKind::Ends { .. }), "{fault}");
    }
    // Beyond what a string may have, it does not matter what is left.
    let too_long = |what: &FaultKind| matches!(what, FaultKind::TooLong { .. });
    refused(&lie(b"\x80\x20\x00\x00\x01"), 12, too_long);
    refused(&lie(b"\x81\xff\xff\xff\xff\xff\xff\xff\xff"), 12, too_long);
    // Compressed: 5 bytes cannot become a gigabyte, nor a megabyte.
    refused(
        &lie(b"\xc3\x05\x80\x40\x00\x00\x00\x00a\xe0\x14\x00"),
        12,
        too_long,
    );
    let unpack = |what: &FaultKind| matches!(what, FaultKind::Compression { .. });
    refused(
        &lie(b"\xc3\x05\x80\x00\x10\x00\x00\x00a\xe0\x14\x00"),
        12,
        unpack,
    );
    refused(&lie(b"\xc3\x05\x1f\x00a\xe0\x14\x00\xff"), 12, unpack);
}

#[test]
fn bytes_that_mean_nothing() {
    let malformed = |what: &FaultKind| matches!(what, FaultKind::Malformed { .. });
    let file = |rest: &[u8]| [b"REDIS0011", rest].concat();
    refused(&file(b"\x00\x82"), 10, malformed); // a length of an unknown width
    refused(&file(b"\x00\xc4"), 10, malformed); // a string of an unknown encoding
    refused(&file(b"\xfe\xc0"), 10, malformed); // a string where a number should be
    refused(&file(b"\x12\x01q\x01\x03\x01x"), 13, malformed); // a node of an unknown kind
    refused(&file(b"\x0f\x01x\x01\x03abc\x00"), 13, malformed); // an id of three bytes
    refused(&file(b"\x07\x01m\x05\x06"), 13, malformed); // a module's part of an unknown kind
    refused(&file(b"\xf7\x05\x01\x01\x00"), 11, malformed); // a time that is no unsigned integer
    let unknown = |what: &FaultKind| matches!(what, FaultKind::Unknown { .. });
    refused(&file(b"\x08\x01k"), 9, unknown);
    refused(&file(b"\x1f\x01k"), 9, unknown);
    refused(&file(b"\x80\x01k"), 9, unknown);
    let opaque = |what: &FaultKind| matches!(what, FaultKind::Opaque { .. });
    refused(&file(b"\xf6\x01k"), 9, opaque);
    refused(&file(b"\x06\x01k\x01"), 12, opaque);
}

#[test]
fn headers() {
    for header in [
        &b"REDIS0000"[..],
        b"REDIS0013",
        b"REDIS9999",
        b"VALKEY079",
        b"VALKEY081",
    ] {
        refused(header, 0, |what| matches!(what, FaultKind::Version { .. }));
    }
    for header in [
        &b"REDIS001a"[..],
        b"REDIS 011",
        b"VALKEY 80",
        b"redis0011",
        b"*1\r\n$4\r\nPI",
    ] {
        refused(header, 0, |what| matches!(what, FaultKind::NotRdb { .. }));
    }
    refused(b"REDIS00", 7, |what| matches!(what, FaultKind::Ends { .. }));
    refused(b"", 0, |what| matches!(what, FaultKind::Ends { .. }));
}

#[test]
fn a_wrong_checksum_says_where_and_what() {
    let mut file = sample();
    let len = file.len();
    file[len - 1] ^= 1;
    let report = verify(Reader::with_len(&file[..], len as u64).expect("a header"));
    assert_eq!(report.keys_total(), 9);
    let fault = report.damage.expect("damage");
    assert!(matches!(fault.what, FaultKind::Checksum { .. }));
    assert_eq!(fault.at, len as u64);
    let text = fault.in_file(std::path::Path::new("dump.rdb")).to_string();
    assert!(text.starts_with("dump.rdb at byte "), "{text}");
    assert!(text.contains("checksum"), "{text}");
}

#[test]
fn a_report_counts() {
    let file = sample();
    let report = verify(Reader::with_len(&file[..], file.len() as u64).expect("a header"));
    assert!(report.damage.is_none());
    assert_eq!(report.checksum, Some(Checksum::Right));
    let by_type: Vec<_> = report.keys_by_type().into_iter().collect();
    let expected = [
        ("list", 2),
        ("module value", 1),
        ("stream", 1),
        ("string", 4),
        ("zset", 1),
    ];
    assert_eq!(by_type, expected);
    assert_eq!(
        (report.databases, report.functions, report.volatile),
        (1, 1, 1)
    );
    assert_eq!(report.fields[0].0, b"redis-ver");
}

/// A reader that fails is named as such, not as damage.
#[test]
fn failures_of_the_stream_itself() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let file = sample();
    for len in 0..file.len() {
        let result = read_from(Reader::new((&file[..len]).chain(Broken)));
        let fault = result.expect_err("a failure");
        assert!(matches!(fault.what, FaultKind::Io(_)), "{fault}");
        assert_eq!(fault.at, len as u64);
        assert!(std::error::Error::source(&fault).is_some());
    }
}
