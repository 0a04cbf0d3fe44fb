//! What was written comes back, whatever it is made of and however it travels.

use persist::rdb::{
    Checksum, Item, Preamble, Reader, Replication, Rest, Usage, VERSION_OF_REDIS_7_0, Value,
    WriteOptions, Writer,
};
use proptest::prelude::*;
use store::{Access, Key, KeyHasher, NewValue, Table};

use crate::contents::{Kept, KeptKey, KeptValue, read, read_dripping, string};

/// A key to write.
#[derive(Clone, Debug)]
struct Written {
    key: Vec<u8>,
    value: Vec<u8>,
    deadline_ms: Option<i64>,
    usage: Usage,
}

impl Written {
    fn kept(&self) -> Kept {
        Kept::Key(KeptKey {
            key: self.key.clone(),
            value: KeptValue::String(self.value.clone()),
            deadline_ms: self.deadline_ms,
            idle_secs: match self.usage {
                Usage::IdleSecs(secs) => Some(secs),
                _ => None,
            },
            freq: match self.usage {
                Usage::Freq(counter) => Some(counter),
                _ => None,
            },
        })
    }
}

/// Bytes of all kinds: noise, numbers at the edges of their widths, texts that shrink.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let noise = proptest::collection::vec(any::<u8>(), 0..80);
    let number = prop_oneof![
        any::<i64>(),
        any::<i32>().prop_map(i64::from),
        any::<i16>().prop_map(i64::from),
        any::<i8>().prop_map(i64::from),
        Just(i64::from(i32::MAX) + 1),
        Just(i64::from(i32::MIN) - 1),
    ];
    let number = number.prop_map(|number| number.to_string().into_bytes());
    let near_number = "-?0?[0-9]{0,12}".prop_map(String::into_bytes);
    let text = (1usize..3000, proptest::collection::vec(any::<u8>(), 1..9))
        .prop_map(|(len, pattern)| pattern.into_iter().cycle().take(len).collect());
    prop_oneof![noise, number, near_number, text]
}

fn written() -> impl Strategy<Value = Written> {
    let deadline_ms = proptest::option::of(any::<i64>());
    let usage = prop_oneof![
        Just(Usage::Unknown),
        any::<u64>().prop_map(Usage::IdleSecs),
        any::<u8>().prop_map(Usage::Freq),
    ];
    (bytes(), bytes(), deadline_ms, usage).prop_map(|(key, value, deadline_ms, usage)| Written {
        key,
        value,
        deadline_ms,
        usage,
    })
}

proptest! {
    #[test]
    fn keys_of_several_databases(
        databases in proptest::collection::vec((any::<u32>(), proptest::collection::vec(written(), 0..20)), 0..4),
        compress: bool,
        checksum: bool,
        old: bool,
        step in 1usize..500,
        drained_every in 1usize..10,
    ) {
        let version = if old { VERSION_OF_REDIS_7_0 } else { persist::rdb::VERSION };
        let mut writer = Writer::new(WriteOptions { version, compress, checksum });
        let (mut file, mut expected) = (Vec::new(), Vec::new());
        for (number, keys) in &databases {
            writer.select_db(*number, keys.len() as u64, 7);
            expected.extend([Kept::SelectDb((*number).into()), Kept::ResizeDb(keys.len() as u64, 7)]);
            for (at, key) in keys.iter().enumerate() {
                writer.string_key(&key.key, key.deadline_ms, key.usage, &key.value);
                expected.push(key.kept());
                if at % drained_every == 0 {
                    writer.drain_into(&mut file).unwrap();
                }
            }
        }
        writer.finish();
        prop_assert_eq!(writer.written_bytes(), (file.len() + writer.pending_bytes()) as u64);
        file.extend(writer.take());
        prop_assert_eq!(writer.written_bytes(), file.len() as u64);
        expected.push(Kept::End(if checksum { Checksum::Right } else { Checksum::Off }));
        prop_assert_eq!(&read(&file).unwrap(), &expected);
        prop_assert_eq!(&read_dripping(&file, step).unwrap(), &expected);
    }
}

#[test]
fn preamble_and_functions() {
    let mut writer = Writer::new(WriteOptions::default());
    writer.preamble(&Preamble {
        created_secs: 1_700_000_000,
        used_memory_bytes: 5_000_000_000,
        is_log_base: true,
        replication: Some(Replication {
            database: Some(3),
            id: b"0123456789012345678901234567890123456789",
            offset: 77,
        }),
    });
    writer.aux(b"origin", b"here");
    writer.function(b"#!lua name=lib\nredis.register_function('f', function() end)");
    writer.finish();
    let aux = |name: &str, value: &str| Kept::Aux(name.into(), value.into());
    let expected = [
        aux("redis-ver", "7.2.4"),
        aux("redis-bits", "64"),
        aux("ctime", "1700000000"),
        aux("used-mem", "5000000000"),
        aux("repl-stream-db", "3"),
        aux("repl-id", "0123456789012345678901234567890123456789"),
        aux("repl-offset", "77"),
        aux("aof-base", "1"),
        aux("origin", "here"),
        Kept::Function(b"#!lua name=lib\nredis.register_function('f', function() end)".to_vec()),
        Kept::End(Checksum::Right),
    ];
    assert_eq!(read(&writer.take()).expect("a sound file"), expected);
}

/// Values of every size around the bounds of windows and of slices.
#[test]
fn long_values_and_long_keys() {
    let mut rng = base::Rng::new(5);
    let lens = [
        20,
        21,
        63,
        64,
        16_383,
        16_384,
        65_535,
        65_536,
        65_537,
        262_143,
        262_144,
        262_145,
        1 << 20,
        3_000_001,
    ];
    for compress in [false, true] {
        let mut writer = Writer::new(WriteOptions {
            compress,
            ..WriteOptions::default()
        });
        let (mut file, mut expected) = (Vec::new(), Vec::new());
        for len in lens {
            let noise: Vec<u8> = (0..len).map(|_| rng.next_u64() as u8).collect();
            let text: Vec<u8> = (0..len).map(|at| b"abcdefgh"[at % 8 * at % 7]).collect();
            for value in [&noise, &text] {
                writer.string_key(b"value", Some(len as i64), Usage::Unknown, value);
                writer.string_key(value, None, Usage::IdleSecs(1), b"long key");
                let key = |key: &[u8], value: &[u8], deadline_ms, idle_secs| {
                    let (key, value) = (key.to_vec(), KeptValue::String(value.to_vec()));
                    Kept::Key(KeptKey {
                        key,
                        value,
                        deadline_ms,
                        idle_secs,
                        freq: None,
                    })
                };
                expected.push(key(b"value", value, Some(len as i64), None));
                expected.push(key(value, b"long key", None, Some(1)));
                writer.drain_into(&mut file).expect("a vector");
            }
            writer.begin_large(b"sliced", None, Usage::Unknown, len as u64);
            for slice in noise.chunks(10_000) {
                writer.slice(slice);
                writer.drain_into(&mut file).expect("a vector");
            }
            expected.push(string(b"sliced", &noise));
        }
        writer.finish();
        file.extend(writer.take());
        expected.push(Kept::End(Checksum::Right));
        assert!(read(&file).expect("a sound file") == expected);
        for step in [100_000, 1 << 20] {
            assert!(read_dripping(&file, step).expect("a sound file") == expected);
        }
    }
}

/// Entries as the store has them, in each of their forms.
#[test]
fn entries_of_the_store() {
    let hasher = KeyHasher::new([1, 2]);
    let mut table = Table::new(hasher, 0, 0);
    let mut insert = |bytes: &[u8], value: NewValue<'_>, deadline_ms| {
        let key = Key {
            bytes,
            hash: hasher.hash(bytes),
        };
        table.insert(&key, value, deadline_ms, Access::lru(0), 0);
    };
    let (long, huge) = (vec![7u8; 5000], b"0123456789abcdef".repeat(9000));
    insert(b"small", NewValue::String(b"text"), None);
    insert(b"int", NewValue::Int(i64::MAX), Some(1_700_000_000_000));
    insert(b"digits", NewValue::Text(b"123"), None);
    insert(b"raw", NewValue::Raw(b"raw bytes"), None);
    insert(b"block", NewValue::String(&long), None);
    insert(b"huge", NewValue::String(&huge), Some(5));
    let mut writer = Writer::new(WriteOptions::default());
    let (mut expected, mut larges) = (Vec::new(), 0);
    table.for_each(&mut |entry| {
        if let Some(Rest::Text(block)) = writer.entry(&entry, Usage::Unknown) {
            larges += 1;
            block.chunks(4096).for_each(|slice| writer.slice(slice));
        }
        expected.push(Kept::Key(KeptKey {
            key: entry.key().to_vec(),
            value: KeptValue::String(entry.string().with_bytes(<[u8]>::to_vec)),
            deadline_ms: entry.deadline_ms(),
            idle_secs: None,
            freq: None,
        }));
    });
    assert_eq!((expected.len(), larges), (6, 1));
    writer.finish();
    expected.push(Kept::End(Checksum::Right));
    assert_eq!(read(&writer.take()).expect("a sound file"), expected);
}

/// What was read goes into the store without a copy if it is long, and is what it was.
#[test]
fn texts_become_values_of_the_store() {
    let hasher = KeyHasher::new([1, 2]);
    let (long, run) = (vec![7u8; 100_000], vec![b'x'; 3000]);
    for value in [
        &b"text"[..],
        b"-17",
        b"9223372036854775807",
        b"",
        &long,
        &run,
    ] {
        let mut writer = Writer::new(WriteOptions::default());
        writer.string_key(b"k", None, Usage::Unknown, value);
        writer.finish();
        let file = writer.take();
        let mut reader = Reader::new(&file[..]).expect("a header");
        let Some(Item::Key {
            key,
            value: Value::String(mut text),
            ..
        }) = reader.next().expect("a sound file")
        else {
            panic!("a key");
        };
        let mut table = Table::new(hasher, 0, 0);
        let key = Key {
            bytes: key,
            hash: hasher.hash(key),
        };
        let slot = table.insert(&key, text.take_new_value(), None, Access::lru(0), 0);
        assert!(table.entry(slot).string().equals(value));
        let is_number = base::parse_i64(value).is_some();
        assert_eq!(table.entry(slot).encoding_name() == "int", is_number);
    }
}

#[test]
#[should_panic(expected = "a large string is whole")]
fn a_large_string_is_not_left_unfinished() {
    let mut writer = Writer::new(WriteOptions::default());
    writer.begin_large(b"k", None, Usage::Unknown, 10);
    writer.slice(b"123");
    writer.finish();
}

/// What compression is for.
#[test]
fn compression_makes_smaller_files() {
    let len_of = |compress| {
        let mut writer = Writer::new(WriteOptions {
            compress,
            ..WriteOptions::default()
        });
        let value = b"{\"name\":\"value\",\"name\":\"value\",\"name\":\"value\"}";
        writer.string_key(b"k", None, Usage::Unknown, value);
        writer.pending_bytes()
    };
    assert!(len_of(true) < len_of(false));
}
