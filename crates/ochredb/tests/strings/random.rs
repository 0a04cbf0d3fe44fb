//! Random commands against the model, and their effects on an empty engine.

use std::collections::BTreeMap;

use base::Rng;
use engine::Threads;
use ochredb::Value;

use crate::Word;
use crate::model::Model;
use crate::replay::Recorded;

const STEPS: usize = 8_000;
const START_MS: i64 = 1_700_000_000_123;

#[test]
fn replies_values_and_effects_are_those_of_the_model() {
    for threads in [Threads::One, Threads::Many(4)] {
        let (seed, mut dice) = Dice::new();
        let mut node = Recorded::new(seed, threads);
        let mut model = Model::new(START_MS);
        for step in 0..STEPS {
            match dice.below(20) {
                0 => model.now_ms += dice.of(&[1, 7, 499, 500, 1000, 100_000]),
                1 => node.sweep(model.now_ms),
                _ => {}
            }
            let argv = dice.command(model.now_ms);
            let reply = node.run(model.now_ms, &argv);
            let expected = model.answer(&argv);
            assert!(
                reply == expected,
                "step {step}: {} gave {}, not {}",
                shown(&argv),
                brief(&reply),
                brief(&expected)
            );
            if step % 50 == 0 {
                assert_eq!(
                    content(&mut node, model.now_ms),
                    model.content(),
                    "step {step}"
                );
            }
        }
        node.check_replay(model.now_ms, seed);
    }
}

/// What the model says of each living key, asked of the engine.
fn content(node: &mut Recorded, now_ms: i64) -> BTreeMap<Word, (String, Word, i64)> {
    let Value::Array(keys) = node.run(now_ms, ["KEYS", "*"]) else {
        panic!("KEYS gives an array");
    };
    let mut content = BTreeMap::new();
    for key in keys {
        let key = key.as_bytes().expect("a key").to_vec();
        let encoding = node.run(now_ms, [&b"OBJECT"[..], b"ENCODING", &key]);
        let encoding = String::from_utf8_lossy(encoding.as_bytes().expect("a name")).into_owned();
        let bytes = node.run(now_ms, [b"GET", key.as_slice()]);
        let bytes = bytes.as_bytes().expect("a string").to_vec();
        let deadline = node.run(now_ms, [b"PEXPIRETIME", key.as_slice()]);
        let deadline = deadline.as_int().expect("a time");
        content.insert(key, (encoding, bytes, deadline));
    }
    content
}

fn shown(argv: &[Word]) -> String {
    let word = |word: &Word| match word.len() {
        0..=60 => word.escape_ascii().to_string(),
        len => format!("<{len} bytes {}...>", word[..8].escape_ascii()),
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn brief(value: &Value) -> String {
    let mut text = format!("{value:?}");
    text.truncate(400);
    text
}

/// Randomness from a seed that is printed, or given.
struct Dice(Rng);

impl Dice {
    fn new() -> (u64, Dice) {
        let given = std::env::var("OCHRE_SEED").ok();
        let seed = match given {
            Some(seed) => seed.parse().expect("OCHRE_SEED is a number"),
            None => base::Now::read().unix_us as u64,
        };
        println!("OCHRE_SEED={seed}");
        (seed, Dice(Rng::new(seed)))
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn key(&mut self) -> Word {
        format!("k{}", self.below(6)).into()
    }

    /// Keys that hold numbers with a fraction, and nothing else.
    fn float_key(&mut self) -> Word {
        format!("f{}", self.below(2)).into()
    }

    fn quarters(&mut self) -> Word {
        let quarters = self.below(4001) as f64 - 2000.0;
        (quarters / 4.0).to_string().into()
    }

    /// Integers of every length.
    fn wide(&mut self) -> Word {
        let shift = self.below(64);
        (self.0.next_u64() as i64 >> shift).to_string().into()
    }

    fn small(&mut self) -> Word {
        (self.below(60) as i64 - 30).to_string().into()
    }

    /// Mostly a sensible position, now and then none at all. Nothing that would
    /// make a string larger than the model can bear.
    fn place(&mut self) -> Word {
        let far: [i64; 6] = [
            1 << 29,
            (1 << 32) + 5,
            i64::MAX,
            i64::MIN,
            -1 << 29,
            -100_000,
        ];
        match self.below(20) {
            0 => self.of(&far).to_string().into(),
            1 => self.of(&["", "abc", "1.5", "+1", "-0"]).into(),
            2..=5 => self.below(3000).to_string().into(),
            _ => self.small(),
        }
    }

    fn addend(&mut self) -> Word {
        match self.below(3) {
            0 => self.wide(),
            _ => self.place(),
        }
    }

    /// An offset in bits that leaves strings at a size the model can bear.
    fn bit(&mut self) -> Word {
        match self.below(30) {
            0 => self
                .of(&["-1", "4294967296", "x", "9223372036854775807"])
                .into(),
            1..=6 => self.below(4000).to_string().into(),
            _ => self.below(90).to_string().into(),
        }
    }

    fn value(&mut self) -> Word {
        let byte = self.below(256) as u8;
        match self.below(24) {
            0..=3 => self.wide(),
            4 => self.of(&["007", "+1", " 1", "-0", "1.0", ""]).into(),
            5 => vec![byte; self.below(200) as usize],
            6 => vec![self.of(&[0, 0xff]); self.below(400) as usize],
            // Blocks, and what just does not become one.
            7 => vec![byte; self.of(&[2047, 2048, 2049, 3000]) as usize],
            8 if self.below(4) == 0 => vec![byte; 32 * 1024 + self.below(2) as usize],
            9..=14 => self.text(b"abc", 40),
            _ => self.text(b"a7\x00\xff\r\n", 10),
        }
    }

    fn text(&mut self, from: &[u8], len_max: u64) -> Word {
        let len = self.below(len_max + 1);
        (0..len).map(|_| self.of(from)).collect()
    }

    /// A time and its option.
    fn time(&mut self, now_ms: i64) -> [Word; 2] {
        let (unit, from) = self.of(&[
            ("EX", 0),
            ("px", 0),
            ("EXAT", now_ms / 1000),
            ("PXAT", now_ms),
        ]);
        let time = match self.below(8) {
            0 => self
                .of(&["0", "-1", "x", "9223372036854775807", "9223372036854775"])
                .into(),
            1 => (from - 1).to_string().into(),
            2 => from.to_string().into(),
            _ => (from + 1 + self.below(1500) as i64).to_string().into(),
        };
        [unit.into(), time]
    }

    /// Options out of these words, with times between them.
    fn options(&mut self, argv: &mut Vec<Word>, words: &[&str], now_ms: i64) {
        for _ in 0..self.below(4) {
            match self.below(3) {
                0 => argv.extend(self.time(now_ms)),
                _ => {
                    let word = self.of(words);
                    argv.push(word.into());
                    if word == "IFEQ" {
                        argv.push(self.value());
                    }
                }
            }
        }
    }

    fn pairs(&mut self) -> Vec<Word> {
        let count = 1 + self.below(3);
        (0..count)
            .flat_map(|_| [self.key(), self.value()])
            .collect()
    }

    fn command(&mut self, now_ms: i64) -> Vec<Word> {
        let key = self.key();
        let mut argv: Vec<Word> = vec![self.name().into(), key];
        match &*argv[0] {
            b"SET" => {
                argv.push(self.value());
                self.options(
                    &mut argv,
                    &["NX", "xx", "GET", "KEEPTTL", "IFEQ", "EX"],
                    now_ms,
                );
            }
            b"GETEX" => self.options(&mut argv, &["persist", "PERSIST", "NX"], now_ms),
            b"GETSET" | b"SETNX" | b"APPEND" | b"DELIFEQ" => argv.push(self.value()),
            b"SETEX" | b"PSETEX" => {
                let [_, time] = self.time(0);
                argv.extend([time, self.value()]);
            }
            b"COPY" => argv.extend([self.key(), "REPLACE".into()]),
            b"MGET" => argv.push(self.key()),
            b"MSET" | b"MSETNX" => argv.splice(1.., self.pairs()).for_each(drop),
            b"MSETEX" => {
                let pairs = self.pairs();
                let count = (pairs.len() / 2).to_string();
                let count = if self.below(8) == 0 {
                    self.place()
                } else {
                    count.into()
                };
                argv.splice(1.., [count]);
                argv.extend(pairs);
                self.options(&mut argv, &["NX", "XX", "KEEPTTL"], now_ms);
            }
            b"INCRBY" | b"DECRBY" => argv.push(self.addend()),
            b"INCRBYFLOAT" => argv
                .splice(1.., [self.float_key(), self.quarters()])
                .for_each(drop),
            b"GETRANGE" | b"SUBSTR" => argv.extend([self.place(), self.place()]),
            b"SETRANGE" => argv.extend([self.place(), self.value()]),
            b"LCS" => self.lcs(&mut argv),
            b"SETBIT" => argv.extend([self.bit(), self.of(&["0", "1", "1", "2"]).into()]),
            b"GETBIT" => argv.push(self.bit()),
            b"BITCOUNT" => self.range(&mut argv),
            b"BITPOS" => {
                argv.push(self.of(&["0", "1"]).into());
                self.range(&mut argv);
            }
            b"BITOP" => {
                let ops = ["AND", "OR", "XOR", "not", "DIFF", "DIFF1", "ANDOR", "ONE"];
                argv.insert(1, self.of(&ops).into());
                argv.extend((0..1 + self.below(3)).map(|_| self.key()));
            }
            b"BITFIELD" | b"BITFIELD_RO" => {
                let words = (0..self.below(4)).flat_map(|_| self.field());
                argv.extend(words.collect::<Vec<_>>());
            }
            _ => {}
        }
        argv
    }

    fn name(&mut self) -> &'static str {
        self.of(&[
            "SET",
            "SET",
            "SET",
            "SET",
            "GET",
            "STRLEN",
            "DEL",
            "COPY",
            "GETDEL",
            "GETEX",
            "GETEX",
            "GETSET",
            "SETNX",
            "SETEX",
            "PSETEX",
            "MGET",
            "MSET",
            "MSETNX",
            "MSETEX",
            "DELIFEQ",
            "INCR",
            "DECR",
            "INCRBY",
            "DECRBY",
            "INCRBYFLOAT",
            "APPEND",
            "APPEND",
            "SETRANGE",
            "GETRANGE",
            "SUBSTR",
            "LCS",
            "SETBIT",
            "SETBIT",
            "GETBIT",
            "BITCOUNT",
            "BITPOS",
            "BITPOS",
            "BITOP",
            "BITOP",
            "BITFIELD",
            "BITFIELD",
            "BITFIELD_RO",
        ])
    }

    /// The model's table is large, so the keys that are compared hold short strings
    /// and nothing else.
    fn lcs(&mut self, argv: &mut Vec<Word>) {
        if self.below(2) == 0 {
            let (a, b) = (self.text(b"abc", 40), self.text(b"abc", 40));
            *argv = vec!["MSET".into(), "l0".into(), a, "l1".into(), b];
            return;
        }
        argv.splice(1.., ["l0".into(), "l1".into()]);
        for _ in 0..self.below(3) {
            let word = self.of(&["LEN", "IDX", "idx", "WITHMATCHLEN", "MINMATCHLEN"]);
            argv.push(word.into());
            if word == "MINMATCHLEN" {
                argv.push(self.small());
            }
        }
    }

    fn range(&mut self, argv: &mut Vec<Word>) {
        for _ in 0..self.below(3) {
            argv.push(self.place());
        }
        let both_ends = argv.len() == if argv[0] == b"BITPOS" { 5 } else { 4 };
        if both_ends && self.below(2) == 0 {
            argv.push(self.of(&["BIT", "byte", "bits"]).into());
        }
    }

    /// One operation of BITFIELD.
    fn field(&mut self) -> Vec<Word> {
        let field = match self.below(30) {
            0 => self.of(&["u64", "i65", "u0", "x8", "u", ""]).into(),
            1..=15 => format!("u{}", 1 + self.below(63)),
            _ => format!("i{}", 1 + self.below(64)),
        };
        let at = match self.below(3) {
            0 => format!("#{}", self.below(30)).into(),
            _ => self.bit(),
        };
        let value = if self.below(2) == 0 {
            self.wide()
        } else {
            self.small()
        };
        match self.below(8) {
            0 | 1 => vec!["GET".into(), field.into(), at],
            2..=4 => vec!["SET".into(), field.into(), at, value],
            5 | 6 => vec!["incrby".into(), field.into(), at, value],
            _ => {
                let overflow = self.of(&["WRAP", "SAT", "FAIL", "SAT", "FAIL", "NONE"]);
                vec!["OVERFLOW".into(), overflow.into()]
            }
        }
    }
}
