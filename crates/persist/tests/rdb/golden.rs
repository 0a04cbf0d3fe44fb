//! Small files of every version, put together byte by byte from the description of the format. They
//! must be readable for ever.

use persist::rdb::{Checksum, Family, FaultKind, Reader, ValueType, verify};

use crate::contents::{Kept, KeptKey, other, read, read_dripping, string};

/// Read a file in several ways, which must agree.
#[track_caller]
fn check(file: &[u8], expected: &[Kept]) {
    assert_eq!(read(file).expect("a sound file"), expected);
    for step in [1, 2, 7, 4096] {
        let items = read_dripping(file, step).expect("a sound file");
        assert_eq!(items, expected, "{step} bytes at a time");
    }
    let report = verify(Reader::with_len(file, file.len() as u64).expect("a header"));
    assert!(report.damage.is_none(), "{:?}", report.damage);
    assert_eq!(report.bytes, file.len() as u64);
}

/// The file with its checksum behind it.
fn summed(mut file: Vec<u8>) -> Vec<u8> {
    let checksum = base::crc64(&file);
    file.extend_from_slice(&checksum.to_le_bytes());
    file
}

fn with(key: Kept, change: impl FnOnce(&mut KeptKey)) -> Kept {
    let Kept::Key(mut key) = key else {
        panic!("a key");
    };
    change(&mut key);
    Kept::Key(key)
}

#[test]
fn version_1() {
    let file = [
        &b"REDIS0001"[..],
        b"\xfe\x00",                                    // database 0
        b"\x00\x03foo\x03bar",                          // string: foo = bar
        b"\x00\x00\x00",                                // string: the empty key and the empty value
        b"\x01\x01l\x02\x01a\xc0\x07",                  // list l of two: a, 7
        b"\x02\x01s\x01\xc1\x00\x10",                   // set s of one: 4096
        b"\x03\x01z\x03\x01a\x031.5\x01b\xfe\x01c\xff", // zset z of three: 1.5, infinite, minus infinite
        b"\x04\x01h\x01\x01f\x01v",                     // hash h of one
        b"\xff",                                        // the end, without a checksum
    ]
    .concat();
    let expected = [
        Kept::SelectDb(0),
        string(b"foo", b"bar"),
        string(b"", b""),
        other(b"l", ValueType::List),
        other(b"s", ValueType::Set),
        other(b"z", ValueType::Zset),
        other(b"h", ValueType::Hash),
        Kept::End(Checksum::Absent),
    ];
    check(&file, &expected);
}

#[test]
fn version_3_packs_what_is_small() {
    let file = [
        &b"REDIS0003"[..],
        b"\xfe\x01",                                                  // database 1
        b"\xfd\x00\xf1\x53\x65\x00\x01d\x01x", // until second 1 700 000 000: d = x
        b"\xfd\xff\xff\xff\xff\x00\x01o\x01x", // until second -1: overdue for long
        b"\x00\x02i8\xc0\xfb",                 // -5
        b"\x00\x03i16\xc1\x18\xfc",            // -1000
        b"\x00\x03i32\xc2\x60\x79\xfe\xff",    // -100 000
        b"\x00\xc0\x2a\x01n",                  // the key is an integer, too
        b"\x09\x01m\x08\x01\x01f\x01\x00v\xff\x00", // hash m as a zipmap
        b"\x0a\x01l\x0b\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff", // list l as a ziplist
        b"\x0b\x01t\x0a\x02\x00\x00\x00\x01\x00\x00\x00\x05\x00", // set t as an intset
        b"\xff",
    ]
    .concat();
    let expected = [
        Kept::SelectDb(1),
        with(string(b"d", b"x"), |key| {
            key.deadline_ms = Some(1_700_000_000_000)
        }),
        with(string(b"o", b"x"), |key| key.deadline_ms = Some(-1000)),
        string(b"i8", b"-5"),
        string(b"i16", b"-1000"),
        string(b"i32", b"-100000"),
        string(b"42", b"n"),
        other(b"m", ValueType::HashZipmap),
        other(b"l", ValueType::ListZiplist),
        other(b"t", ValueType::SetIntset),
        Kept::End(Checksum::Absent),
    ];
    check(&file, &expected);
}

#[test]
fn version_5_has_a_checksum() {
    let file = [
        &b"REDIS0005"[..],
        b"\xfe\x00",
        b"\xfc\x00\x68\xe5\xcf\x8b\x01\x00\x00\x00\x01k\x01v", // until ms 1 700 000 000 000: k = v
        b"\x00\x01a\xc3\x05\x1e\x00a\xe0\x14\x00",             // 30 times a, compressed to 5 bytes
        b"\xff",
    ]
    .concat();
    let expected = |checksum| {
        [
            Kept::SelectDb(0),
            with(string(b"k", b"v"), |key| {
                key.deadline_ms = Some(1_700_000_000_000)
            }),
            string(b"a", &[b'a'; 30]),
            Kept::End(checksum),
        ]
    };
    check(&summed(file.clone()), &expected(Checksum::Right));
    let unsummed = [&file[..], &[0; 8]].concat();
    check(&unsummed, &expected(Checksum::Off));
    let unread = Reader::new(&unsummed[..])
        .expect("a header")
        .without_checksum();
    let items = crate::contents::read_from(Ok(unread)).expect("a sound file");
    assert_eq!(items, expected(Checksum::Unread));
}

#[test]
fn version_6_with_lengths_of_all_widths() {
    let long = vec![b'x'; 300];
    let file = [
        &b"REDIS0006"[..],
        b"\xfe\x00",
        b"\x00\x01a\x41\x2c", // 300 in 14 bits
        &long,
        b"\x00\x01b\x80\x00\x00\x01\x2c", // 300 in 32 bits
        &long,
        b"\x00\x01c\x81\x00\x00\x00\x00\x00\x00\x01\x2c", // 300 in 64 bits
        &long,
        b"\x0c\x01z\x03abc", // zset z as a ziplist, whose inside nobody looks at yet
        b"\x0d\x01h\xc3\x05\x1e\x00a\xe0\x14\x00", // hash h as a ziplist, compressed
        b"\xff",
    ]
    .concat();
    let expected = [
        Kept::SelectDb(0),
        string(b"a", &long),
        string(b"b", &long),
        string(b"c", &long),
        other(b"z", ValueType::ZsetZiplist),
        other(b"h", ValueType::HashZiplist),
        Kept::End(Checksum::Right),
    ];
    check(&summed(file), &expected);
}

#[test]
fn version_7_has_fields_and_sizes() {
    let file = [
        &b"REDIS0007"[..],
        b"\xfa\x09redis-ver\x053.2.0",
        b"\xfa\x0aredis-bits\xc0\x40", // 64
        b"\xfe\x00",
        b"\xfb\x02\x01",              // two keys, one of them with a deadline
        b"\x0e\x01q\x02\x02ab\x02cd", // list q of two ziplists
        b"\xfc\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x01k\x01v", // until the end of time
        b"\xff",
    ]
    .concat();
    let expected = [
        Kept::Aux(b"redis-ver".to_vec(), b"3.2.0".to_vec()),
        Kept::Aux(b"redis-bits".to_vec(), b"64".to_vec()),
        Kept::SelectDb(0),
        Kept::ResizeDb(2, 1),
        other(b"q", ValueType::ListQuicklist),
        with(string(b"k", b"v"), |key| key.deadline_ms = Some(i64::MAX)),
        Kept::End(Checksum::Right),
    ];
    check(&summed(file), &expected);
}

#[test]
fn version_9_has_modules_streams_and_usage() {
    let module = b"\x81\x01\x02\x03\x04\x05\x06\x07\x08"; // an id in 64 bits
    let file = [
        &b"REDIS0009"[..],
        b"\xf7", // what a module has beside the keys:
        module,
        b"\x02\x01",        // before the keys
        b"\x05\x03abc\x00", // a string, and no more
        b"\xfe\x00",
        b"\xf8\x44\xd2\x00\x01i\x01v", // idle for 1234 s: i = v
        b"\xf9\xff\x00\x01f\x01v",     // frequency 255: f = v
        b"\xfc\x00\x00\x00\x00\x00\x00\x00\x00\xf9\x05\x02\x01s\x01\x01m", // deadline 0, frequency 5
        b"\x05\x01z\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x3f",             // zset z: a at 1.5
        b"\x07\x01m",                                                      // a module's value:
        module,
        b"\x01\x05",                             // a signed number
        b"\x02\x40\x80",                         // an unsigned one
        b"\x03\x00\x00\x80\x3f",                 // a float
        b"\x04\x00\x00\x00\x00\x00\x00\xf0\x3f", // a double
        b"\x05\xc3\x05\x1e\x00a\xe0\x14\x00",    // a string, compressed
        b"\x00",
        b"\x0f\x01x", // a stream:
        b"\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02lp", // one listpack
        b"\x01\x01\x00",      // one entry, the last id is 1-0
        b"\x01\x01g\x01\x00", // one group, its last delivered id
        b"\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00", // one pending: its id,
        b"\x01\x02\x03\x04\x05\x06\x07\x08\x01", // when it was delivered, and how often
        b"\x01\x01c\x01\x02\x03\x04\x05\x06\x07\x08", // one consumer, seen at
        b"\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00", // with one pending
        b"\xff",
    ]
    .concat();
    let module_id = 0x0102_0304_0506_0708;
    let expected = [
        Kept::ModuleAux(module_id),
        Kept::SelectDb(0),
        with(string(b"i", b"v"), |key| key.idle_secs = Some(1234)),
        with(string(b"f", b"v"), |key| key.freq = Some(255)),
        with(other(b"s", ValueType::Set), |key| {
            key.deadline_ms = Some(0);
            key.freq = Some(5);
        }),
        other(b"z", ValueType::Zset2),
        other(b"m", ValueType::Module),
        other(b"x", ValueType::Stream),
        Kept::End(Checksum::Right),
    ];
    check(&summed(file), &expected);
}

/// The forms of a stream differ by what stands behind the listpacks.
fn stream_of_form(form: u8) -> Vec<u8> {
    let mut bytes = b"\x00\x00\x05\x06".to_vec(); // no listpack, no entry, the last id is 5-6
    if form >= 2 {
        bytes.extend_from_slice(b"\x00\x00\x05\x06\x09"); // first id, greatest deleted id, ever added
    }
    bytes.extend_from_slice(b"\x01\x01g\x05\x06"); // one group
    if form >= 2 {
        bytes.push(9); // entries read
    }
    bytes.extend_from_slice(b"\x00\x02"); // nothing pending, two consumers
    for name in [b'a', b'b'] {
        bytes.extend_from_slice(&[1, name]);
        bytes.extend_from_slice(&[1; 8]); // seen
        if form >= 3 {
            bytes.extend_from_slice(&[2; 8]); // active
        }
        bytes.push(0); // nothing pending
    }
    bytes
}

#[test]
fn version_12_has_field_deadlines_of_redis() {
    let file = [
        &b"REDIS0012"[..],
        b"\xf5\x12#!lua name=lib\nx=1", // a function library
        b"\xfe\x00\xfb\x0a\x00",
        b"\xf4\x7f\xff\x0a\x00", // slot 16383 has ten keys, none with a deadline
        b"\x10\x02hl\x02lp",     // hash as a listpack
        b"\x11\x02zl\x02lp",     // zset as a listpack
        b"\x14\x02sl\x02lp",     // set as a listpack
        b"\x12\x02ql\x02\x01\x03abc\x02\x02lp", // list: one long element, one listpack
        b"\x13\x02x2",
        &stream_of_form(2),
        b"\x15\x02x3",
        &stream_of_form(3),
        b"\x16\x02h1\x01\x80\x65\x53\xf1\x00\x01f\x01v", // hash, candidates: deadline, field, value
        b"\x17\x02h2\x02lp",                             // the same as a listpack
        b"\x18\x02h3\x00\x68\xe5\xcf\x8b\x01\x00\x00\x02", // hash: the first deadline, two fields:
        b"\x01\x01f\x01v",                               // the one with that deadline
        b"\x00\x01g\x01w",                               // one without
        b"\x19\x02h4\x00\x68\xe5\xcf\x8b\x01\x00\x00\x02lp", // the same as a listpack
        b"\xff",
    ]
    .concat();
    let expected = [
        Kept::Function(b"#!lua name=lib\nx=1".to_vec()),
        Kept::SelectDb(0),
        Kept::ResizeDb(10, 0),
        Kept::SlotInfo(16383, 10, 0),
        other(b"hl", ValueType::HashListpack),
        other(b"zl", ValueType::ZsetListpack),
        other(b"sl", ValueType::SetListpack),
        other(b"ql", ValueType::ListQuicklist2),
        other(b"x2", ValueType::Stream2),
        other(b"x3", ValueType::Stream3),
        other(b"h1", ValueType::HashDeadlinesEarly),
        other(b"h2", ValueType::HashListpackDeadlinesEarly),
        other(b"h3", ValueType::HashDeadlines),
        other(b"h4", ValueType::HashListpackDeadlines),
        Kept::End(Checksum::Right),
    ];
    check(&summed(file), &expected);
}

#[test]
fn version_80_of_valkey() {
    let job = [b'j'; 40];
    let file = [
        &b"VALKEY080"[..],
        b"\xfa\x0avalkey-ver\x059.0.0",
        b"\xf3\x28", // slots are being imported: a name,
        &job,
        b"\x02\x00\x0a\x40\x64\x40\xc8", // and two ranges: 0 to 10, 100 to 200
        b"\xfe\x00",
        b"\x00\x01k\x01v",
        b"\x16\x01h\x02",                              // a hash of two:
        b"\x01f\x01v\x00\x68\xe5\xcf\x8b\x01\x00\x00", // a field with a deadline
        b"\x01g\x01w\xff\xff\xff\xff\xff\xff\xff\xff", // and one without
        b"\xff",
    ]
    .concat();
    let expected = [
        Kept::Aux(b"valkey-ver".to_vec(), b"9.0.0".to_vec()),
        Kept::SlotImport(job.to_vec(), 2),
        Kept::SelectDb(0),
        string(b"k", b"v"),
        other(b"h", ValueType::HashDeadlinesValkey),
        Kept::End(Checksum::Right),
    ];
    let file = summed(file);
    check(&file, &expected);
    let reader = Reader::new(&file[..]).expect("a header");
    assert_eq!(reader.format().family, Family::Valkey);
}

/// The worked example of docs/formats/rdb.md, its checksum included.
#[test]
fn the_worked_example() {
    let file = b"REDIS0011\
        \xfa\x09redis-ver\x057.2.4\
        \xfe\x00\xfb\x02\x01\
        \x00\x05count\xc1\x39\x30\
        \xfc\x00\x68\xe5\xcf\x8b\x01\x00\x00\x00\x03run\xc3\x05\x1e\x00a\xe0\x14\x00\
        \xff\x16\x2e\x2e\xb6\x94\xd4\x87\xf1";
    let expected = [
        Kept::Aux(b"redis-ver".to_vec(), b"7.2.4".to_vec()),
        Kept::SelectDb(0),
        Kept::ResizeDb(2, 1),
        string(b"count", b"12345"),
        with(string(b"run", &[b'a'; 30]), |key| {
            key.deadline_ms = Some(1_700_000_000_000);
        }),
        Kept::End(Checksum::Right),
    ];
    check(file, &expected);
}

/// The same byte, read by the rules of each family.
#[test]
fn what_one_family_writes_is_not_the_others() {
    let slot_import = |header: &[u8]| [header, b"\xf3\x01j\x00\xff", &[0; 8]].concat();
    assert!(read(&slot_import(b"VALKEY080")).is_ok());
    let fault = read(&slot_import(b"REDIS0012")).expect_err("Redis has no such thing");
    assert!(matches!(fault.what, FaultKind::Unknown { byte: 243, .. }));
    assert_eq!(fault.at, 9);
    let hash = |header: &[u8]| {
        [
            header,
            b"\x18\x01h\x01\x02\x03\x04\x05\x06\x07\x08\x00\xff",
            &[0; 8],
        ]
        .concat()
    };
    assert!(read(&hash(b"REDIS0012")).is_ok());
    let fault = read(&hash(b"VALKEY080")).expect_err("Valkey has no type 24");
    assert!(matches!(fault.what, FaultKind::Unknown { byte: 24, .. }));
}

/// An old append-only file goes on behind the end of its preamble.
#[test]
fn what_follows_the_end_is_the_callers() {
    let file = summed(b"REDIS0009\xfe\x00\x00\x01k\x01v\xff".to_vec());
    let whole = [&file[..], b"*1\r\n$4\r\nPING\r\n"].concat();
    let mut reader = Reader::new(&whole[..]).expect("a header");
    while reader.next().expect("a sound file").is_some() {}
    assert_eq!(reader.offset(), file.len() as u64);
    let fault = reader.expect_end().expect_err("there is more");
    assert!(matches!(fault.what, FaultKind::Trailing));
    assert_eq!(fault.at, file.len() as u64);
    let (rest, mut from) = reader.into_rest();
    let mut after = rest;
    std::io::Read::read_to_end(&mut from, &mut after).expect("a slice");
    assert_eq!(after, b"*1\r\n$4\r\nPING\r\n");
}
