//! How fast streams are read and written. Nothing is asserted; the figures are printed:
//! `cargo test --release -p ochre-persist --test rdb speed -- --ignored --nocapture`

use std::hint::black_box;
use std::time::Instant;

use persist::rdb::{Item, Reader, Text, Usage, Value, WriteOptions, Writer};

const KEYS: u32 = 3_000_000;

fn write(value: &[u8], keys: u32, options: WriteOptions) -> Vec<u8> {
    let mut file = Vec::new();
    write_to(value, keys, options, &mut file);
    file
}

fn write_to(value: &[u8], keys: u32, options: WriteOptions, mut to: impl std::io::Write) {
    let mut writer = Writer::new(options);
    writer.select_db(0, keys.into(), 0);
    let mut key = *b"key:000000000000";
    for number in 0..keys {
        key[8..].copy_from_slice(&(u64::from(number) | 0x4040_4040_4040_4040).to_be_bytes());
        writer.string_key(&key, None, Usage::Unknown, value);
        if writer.pending_bytes() > 128 << 10 {
            writer.drain_into(&mut to).expect("it takes everything");
        }
    }
    writer.finish();
    writer.drain_into(&mut to).expect("it takes everything");
}

fn read(file: &[u8]) -> usize {
    let mut reader = Reader::with_len(file, file.len() as u64).expect("a header");
    let mut bytes = 0;
    while let Some(item) = reader.next().expect("a sound file") {
        if let Item::Key { key, value, .. } = item {
            bytes += key.len();
            bytes += match value {
                Value::String(Text::Int(number)) => number as usize,
                Value::String(Text::Bytes(text)) => text.len(),
                Value::String(Text::Own(text)) => text.len(),
                Value::Collection(_) | Value::Other(_) => 0,
            };
        }
    }
    bytes
}

fn report(what: &str, keys: u32, bytes: usize, run: impl Fn()) {
    let best = (0..5).map(|_| {
        let began = Instant::now();
        run();
        began.elapsed().as_secs_f64()
    });
    let secs = best.fold(f64::INFINITY, f64::min);
    let (keys, megabytes) = (f64::from(keys) / secs / 1e6, bytes as f64 / secs / 1e6);
    println!("{what:34} {keys:7.2} M keys/s {megabytes:9.0} MB/s");
}

#[test]
#[ignore = "measures"]
fn figures() {
    let plain = WriteOptions {
        compress: false,
        ..WriteOptions::default()
    };
    let unsummed = WriteOptions {
        checksum: false,
        ..plain
    };
    let packing = WriteOptions::default();
    let noise: Vec<u8> = {
        let mut rng = base::Rng::new(1);
        (0..1 << 20).map(|_| rng.next_u64() as u8).collect()
    };
    let json =
        br#"{"id":1234,"name":"somebody","mail":"somebody@example.org","tags":["a","b","c"]}"#;
    for (name, value, keys, options) in [
        ("8 bytes", &noise[..8], KEYS, plain),
        ("an integer", &b"123456"[..], KEYS, plain),
        ("64 bytes", &noise[..64], KEYS, plain),
        ("64 bytes, no checksum", &noise[..64], KEYS, unsummed),
        (
            "64 bytes, tried to compress",
            &noise[..64],
            KEYS / 10,
            packing,
        ),
        (
            "81 bytes of JSON, compressed",
            &json[..],
            KEYS / 10,
            packing,
        ),
        ("1 KiB", &noise[..1024], KEYS / 10, plain),
        (
            "1 KiB, tried to compress",
            &noise[..1024],
            KEYS / 30,
            packing,
        ),
        ("16 KiB", &noise[..16 << 10], KEYS / 300, plain),
        ("1 MiB", &noise[..], 500, plain),
    ] {
        let file = write(value, keys, options);
        report(&format!("read   {name}"), keys, file.len(), || {
            black_box(read(black_box(&file)));
        });
        report(&format!("write  {name}"), keys, file.len(), || {
            write_to(black_box(value), keys, options, std::io::sink());
        });
    }
}
