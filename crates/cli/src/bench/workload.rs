//! What is sent: the built-in tests, own command lines, and the encoded block
//! that a generator thread writes.
//!
//! ```text
//!   SET key:__rand_int__ __data__        words, as in the table or from the user
//!      │ encode once
//!   *3 $3 SET $16 key:000000000000 $3 xyz      a template and where its digits are
//!      │ times the pipeline depth
//!   [request][request][request]…         a block: only digits change between writes
//! ```
//!
//! A placeholder is always twelve digits, so a request keeps its length and
//! drawing new keys means overwriting digits in place. A mixed workload has
//! several templates of different length; its block is put together anew for
//! each write, by copying.

use std::ops::Range;

use base::Rng;

use crate::bench::wire::encode_request;

/// Replaced by twelve digits below the key space's size, drawn for each use.
pub const RANDOM_MARK: &str = "__rand_int__";
/// Replaced once by `-d` bytes of data.
pub const DATA_MARK: &str = "__data__";
/// Digits in a key, and so the largest key space: 10^12.
pub const DIGITS: usize = 12;
pub const KEYSPACE_MAX: u64 = 1_000_000_000_000;

/// One built-in test: its name for `-t`, its title in output, its requests.
pub struct Test {
    pub name: &'static str,
    pub title: &'static str,
    /// Run when no `-t` is given.
    by_default: bool,
    kind: Kind,
    /// Sent once before the clock runs, as often as the number says.
    pub preparation: Option<(u32, &'static str)>,
}

enum Kind {
    Inline(&'static str),
    Words(&'static str),
    /// Weighted choice for each single request.
    Mix(&'static [(u32, &'static str)]),
}

const TEN_KEYS_WITH_DATA: &str = "MSET key:__rand_int__ __data__ key:__rand_int__ __data__ \
    key:__rand_int__ __data__ key:__rand_int__ __data__ key:__rand_int__ __data__ \
    key:__rand_int__ __data__ key:__rand_int__ __data__ key:__rand_int__ __data__ \
    key:__rand_int__ __data__ key:__rand_int__ __data__";
const TEN_KEYS: &str = "MGET key:__rand_int__ key:__rand_int__ key:__rand_int__ \
    key:__rand_int__ key:__rand_int__ key:__rand_int__ key:__rand_int__ \
    key:__rand_int__ key:__rand_int__ key:__rand_int__";
const SIX_HUNDRED_ELEMENTS: Option<(u32, &str)> = Some((600, "LPUSH mylist __data__"));

/// All built-in tests, in the order in which they run.
pub const TESTS: &[Test] = &[
    Test::inline("ping_inline", "PING_INLINE", "PING"),
    Test::words("ping_mbulk", "PING_MBULK", "PING"),
    Test::words("set", "SET", "SET key:__rand_int__ __data__"),
    Test::words("get", "GET", "GET key:__rand_int__"),
    Test::words("incr", "INCR", "INCR counter:__rand_int__"),
    Test::words("lpush", "LPUSH", "LPUSH mylist __data__"),
    Test::words("rpush", "RPUSH", "RPUSH mylist __data__"),
    Test::words("lpop", "LPOP", "LPOP mylist"),
    Test::words("rpop", "RPOP", "RPOP mylist"),
    Test::words("sadd", "SADD", "SADD myset element:__rand_int__"),
    Test::words("hset", "HSET", "HSET myhash element:__rand_int__ __data__"),
    Test::words("spop", "SPOP", "SPOP myset"),
    Test::words(
        "zadd",
        "ZADD",
        "ZADD myzset __rand_int__ element:__rand_int__",
    ),
    Test::words("zpopmin", "ZPOPMIN", "ZPOPMIN myzset"),
    Test::words(
        "lrange_100",
        "LRANGE_100 (first 100 elements)",
        "LRANGE mylist 0 99",
    )
    .after(SIX_HUNDRED_ELEMENTS),
    Test::words(
        "lrange_300",
        "LRANGE_300 (first 300 elements)",
        "LRANGE mylist 0 299",
    )
    .after(SIX_HUNDRED_ELEMENTS),
    Test::words(
        "lrange_500",
        "LRANGE_500 (first 500 elements)",
        "LRANGE mylist 0 499",
    )
    .after(SIX_HUNDRED_ELEMENTS),
    Test::words(
        "lrange_600",
        "LRANGE_600 (first 600 elements)",
        "LRANGE mylist 0 599",
    )
    .after(SIX_HUNDRED_ELEMENTS),
    Test::words("mset", "MSET (10 keys)", TEN_KEYS_WITH_DATA),
    Test::words("mget", "MGET (10 keys)", TEN_KEYS).on_request(),
    Test::words("append", "APPEND", "APPEND key:__rand_int__ __data__").on_request(),
    Test::words("setbit", "SETBIT", "SETBIT bits __rand_int__ 1").on_request(),
    Test::words("getbit", "GETBIT", "GETBIT bits __rand_int__").on_request(),
    Test::mix(
        "mixed",
        "MIXED (9 GET : 1 SET)",
        &[
            (9, "GET key:__rand_int__"),
            (1, "SET key:__rand_int__ __data__"),
        ],
    )
    .on_request(),
];

impl Test {
    const fn words(name: &'static str, title: &'static str, words: &'static str) -> Test {
        Test {
            name,
            title,
            by_default: true,
            kind: Kind::Words(words),
            preparation: None,
        }
    }

    const fn inline(name: &'static str, title: &'static str, line: &'static str) -> Test {
        Test {
            name,
            title,
            by_default: true,
            kind: Kind::Inline(line),
            preparation: None,
        }
    }

    const fn mix(
        name: &'static str,
        title: &'static str,
        choices: &'static [(u32, &'static str)],
    ) -> Test {
        Test {
            name,
            title,
            by_default: true,
            kind: Kind::Mix(choices),
            preparation: None,
        }
    }

    const fn after(mut self, preparation: Option<(u32, &'static str)>) -> Test {
        self.preparation = preparation;
        self
    }

    const fn on_request(mut self) -> Test {
        self.by_default = false;
        self
    }

    pub fn runs_by_default(&self) -> bool {
        self.by_default
    }

    /// The requests of this test with `data` as values.
    pub fn workload(&self, data: &[u8]) -> Workload {
        let split = |words: &str| -> Vec<Vec<u8>> {
            words
                .split_whitespace()
                .map(|word| word.as_bytes().to_vec())
                .collect()
        };
        match self.kind {
            Kind::Inline(line) => Workload {
                title: self.title.to_string(),
                choices: vec![Choice {
                    weight: 1,
                    template: Template {
                        bytes: format!("{line}\r\n").into_bytes(),
                        digits_at: vec![],
                    },
                }],
            },
            Kind::Words(words) => Workload::of_command(self.title, &split(words), data),
            Kind::Mix(choices) => Workload {
                title: self.title.to_string(),
                choices: choices
                    .iter()
                    .map(|&(weight, words)| Choice {
                        weight,
                        template: Template::encode(&split(words), data),
                    })
                    .collect(),
            },
        }
    }
}

/// The tests that a `-t` list names, in the order of [`TESTS`] as
/// redis-benchmark does it; without a list those that run by default. `ping`
/// and `lrange` stand for their families. The error is the unknown name.
pub fn select(names: Option<&[String]>) -> Result<Vec<&'static Test>, String> {
    let Some(names) = names else {
        return Ok(TESTS.iter().filter(|test| test.by_default).collect());
    };
    let names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let matches = |test: &Test, name: &str| {
        test.name == name
            || (matches!(name, "ping" | "lrange")
                && test
                    .name
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('_')))
    };
    if let Some(unknown) = names
        .iter()
        .find(|name| !TESTS.iter().any(|test| matches(test, name)))
    {
        return Err(unknown.clone());
    }
    Ok(TESTS
        .iter()
        .filter(|test| names.iter().any(|name| matches(test, name)))
        .collect())
}

/// A named stream of requests.
#[derive(Debug, Clone)]
pub struct Workload {
    pub title: String,
    choices: Vec<Choice>,
}

#[derive(Debug, Clone)]
struct Choice {
    weight: u32,
    template: Template,
}

/// One encoded request and where its replaceable digits begin.
#[derive(Debug, Clone)]
struct Template {
    bytes: Vec<u8>,
    digits_at: Vec<usize>,
}

impl Workload {
    /// One command line; its words may hold both marks.
    pub fn of_command(title: &str, words: &[Vec<u8>], data: &[u8]) -> Workload {
        Workload {
            title: title.to_string(),
            choices: vec![Choice {
                weight: 1,
                template: Template::encode(words, data),
            }],
        }
    }

    /// The requests that fill a key space: key after key, `data` in each.
    pub fn fill(data: &[u8]) -> Workload {
        let words = [
            b"SET".to_vec(),
            format!("key:{RANDOM_MARK}").into_bytes(),
            data.to_vec(),
        ];
        Workload::of_command("fill", &words, b"")
    }

    /// The first request of each choice, as bytes for a trial.
    pub fn samples(&self) -> impl Iterator<Item = &[u8]> {
        self.choices.iter().map(|choice| &choice.template.bytes[..])
    }
}

impl Template {
    fn encode(words: &[Vec<u8>], data: &[u8]) -> Template {
        let words: Vec<Vec<u8>> = words
            .iter()
            .map(|word| replace_all(word, DATA_MARK.as_bytes(), data))
            .collect();
        let mut bytes = Vec::new();
        encode_request(&mut bytes, &words);
        // The mark is as long as the digits that replace it, so lengths hold.
        const { assert!(RANDOM_MARK.len() == DIGITS) };
        let digits_at = positions(&bytes, RANDOM_MARK.as_bytes());
        for &at in &digits_at {
            bytes[at..at + DIGITS].fill(b'0');
        }
        Template { bytes, digits_at }
    }
}

/// Where the digits of a request come from.
#[derive(Debug, Clone)]
pub enum Numbers {
    /// Always zero: one key for everything.
    Zero,
    /// Uniform below `range`.
    Random { rng: Rng, range: u64 },
    /// Request i gets number i.
    Sequential,
}

impl Numbers {
    /// Numbers below `keyspace`, or always zero when none is wanted.
    pub fn of_keyspace(keyspace: Option<u64>, seed: u64) -> Numbers {
        match keyspace {
            Some(range) => Numbers::Random {
                rng: Rng::new(seed),
                range,
            },
            None => Numbers::Zero,
        }
    }
}

/// The bytes that one generator thread writes, rewritten in place.
#[derive(Debug)]
pub struct Block {
    choices: Vec<Choice>,
    weights: u32,
    bytes: Vec<u8>,
    /// End of each request in `bytes`.
    ends: Vec<usize>,
    /// All digits of the prebuilt requests, in order, with the request's index.
    digits_at: Vec<(u32, usize)>,
    chooser: Rng,
}

impl Block {
    /// A block of up to `depth` requests.
    pub fn new(workload: &Workload, depth: u32, seed: u64) -> Block {
        let mut block = Block {
            choices: workload.choices.clone(),
            weights: workload.choices.iter().map(|choice| choice.weight).sum(),
            bytes: Vec::new(),
            ends: Vec::new(),
            digits_at: Vec::new(),
            chooser: Rng::new(seed ^ 0x6d69_7865_6421),
        };
        if let [only] = &workload.choices[..] {
            for index in 0..depth {
                let start = block.bytes.len();
                let digits = only.template.digits_at.iter().map(|at| (index, start + at));
                block.digits_at.extend(digits);
                block.bytes.extend_from_slice(&only.template.bytes);
                block.ends.push(block.bytes.len());
            }
        }
        block
    }

    /// The next `wanted.len()` requests, of which the first has the number
    /// `wanted.start` in the whole run. At most the depth of the block.
    pub fn next(&mut self, wanted: Range<u64>, numbers: &mut Numbers) -> &[u8] {
        let count = (wanted.end - wanted.start) as usize;
        if self.choices.len() > 1 {
            self.assemble(count);
        }
        let end = self.ends[count - 1];
        match numbers {
            Numbers::Zero => {}
            Numbers::Random { rng, range } => {
                for &(_, at) in self.digits_at.iter().take_while(|(_, at)| *at < end) {
                    write_digits(&mut self.bytes[at..at + DIGITS], rng.below(*range));
                }
            }
            Numbers::Sequential => {
                for &(index, at) in self.digits_at.iter().take_while(|(_, at)| *at < end) {
                    write_digits(
                        &mut self.bytes[at..at + DIGITS],
                        wanted.start + u64::from(index),
                    );
                }
            }
        }
        &self.bytes[..end]
    }

    fn assemble(&mut self, count: usize) {
        self.bytes.clear();
        self.ends.clear();
        self.digits_at.clear();
        for index in 0..count as u32 {
            let mut ticket = self.chooser.below(u64::from(self.weights)) as u32;
            let mut chosen = &self.choices[0];
            for choice in &self.choices {
                chosen = choice;
                match ticket.checked_sub(choice.weight) {
                    Some(rest) => ticket = rest,
                    None => break,
                }
            }
            let start = self.bytes.len();
            let digits = chosen
                .template
                .digits_at
                .iter()
                .map(|at| (index, start + at));
            self.digits_at.extend(digits);
            self.bytes.extend_from_slice(&chosen.template.bytes);
            self.ends.push(self.bytes.len());
        }
    }
}

/// Printable bytes that do not repeat soon, the same for the same seed.
pub fn random_data(size: usize, seed: u64) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut rng = Rng::new(seed ^ 0x6461_7461);
    (0..size)
        .map(|_| LETTERS[(rng.next_u64() >> 58) as usize])
        .collect()
}

/// Writes `number` with leading zeros over all of `field`.
fn write_digits(field: &mut [u8], mut number: u64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn positions(text: &[u8], mark: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + mark.len() <= text.len() {
        if text[at..].starts_with(mark) {
            found.push(at);
            at += mark.len();
        } else {
            at += 1;
        }
    }
    found
}

fn replace_all(text: &[u8], mark: &[u8], with: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut from = 0;
    for at in positions(text, mark) {
        replaced.extend_from_slice(&text[from..at]);
        replaced.extend_from_slice(with);
        from = at + mark.len();
    }
    replaced.extend_from_slice(&text[from..]);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect()
    }

    #[test]
    fn sequential_blocks_continue_where_the_last_ended() {
        let mut block = Block::new(&Workload::fill(b"v"), 3, 1);
        let set = |n: u64| format!("*3\r\n$3\r\nSET\r\n$16\r\nkey:{n:012}\r\n$1\r\nv\r\n");
        let text = String::from_utf8(block.next(7..10, &mut Numbers::Sequential).to_vec()).unwrap();
        assert_eq!(text, set(7) + &set(8) + &set(9));
        let text =
            String::from_utf8(block.next(10..11, &mut Numbers::Sequential).to_vec()).unwrap();
        assert_eq!(text, set(10));
    }

    #[test]
    fn random_numbers_stay_in_the_key_space_and_repeat_with_the_seed() {
        let workload = Workload::of_command("x", &words("MGET __rand_int__ a:__rand_int__:b"), b"");
        let mut block = Block::new(&workload, 2, 1);
        let mut draw = |seed| {
            let mut numbers = Numbers::of_keyspace(Some(40), seed);
            (0..50)
                .map(|_| block.next(0..2, &mut numbers).to_vec())
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
        for bytes in draw(7) {
            let text = String::from_utf8(bytes).unwrap();
            let keys: Vec<&str> = text
                .lines()
                .filter(|line| line.starts_with("0000000000"))
                .collect();
            assert_eq!(keys.len(), 2, "{text}");
            assert!(keys.iter().all(|key| key.parse::<u64>().unwrap() < 40));
        }
    }

    #[test]
    fn data_is_put_in_with_its_right_length() {
        let workload = Workload::of_command("x", &words("SET k __data__:__data__"), b"12345");
        let bytes = workload.samples().next().unwrap();
        assert_eq!(
            bytes,
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$11\r\n12345:12345\r\n"
        );
        assert_eq!(random_data(100, 3), random_data(100, 3));
    }

    #[test]
    fn a_mix_keeps_its_weights() {
        let test = TESTS.iter().find(|test| test.name == "mixed").unwrap();
        let mut block = Block::new(&test.workload(b"v"), 10, 1);
        let mut numbers = Numbers::of_keyspace(Some(1000), 2);
        let (mut gets, mut sets) = (0, 0);
        for _ in 0..1000 {
            let text = String::from_utf8(block.next(0..10, &mut numbers).to_vec()).unwrap();
            gets += text.matches("GET").count();
            sets += text.matches("SET").count();
        }
        assert_eq!(gets + sets, 10_000);
        assert!((800..1200).contains(&sets), "{sets} SETs");
    }

    #[test]
    fn lists_select_families_and_name_the_unknown() {
        let names = |list: &str| {
            let list: Vec<String> = list.split(',').map(str::to_string).collect();
            select(Some(&list)).map(|tests| tests.iter().map(|test| test.name).collect::<Vec<_>>())
        };
        assert_eq!(names("GET,set").unwrap(), ["set", "get"]);
        assert_eq!(names("ping").unwrap(), ["ping_inline", "ping_mbulk"]);
        assert_eq!(names("lrange").unwrap().len(), 4);
        assert_eq!(names("set,nonsense").unwrap_err(), "nonsense");
        assert!(
            select(None)
                .unwrap()
                .iter()
                .all(|test| test.name != "mixed")
        );
    }

    #[test]
    fn built_in_tests_encode() {
        for test in TESTS {
            for bytes in test.workload(b"data").samples() {
                assert!(bytes.ends_with(b"\r\n"), "{}", test.name);
            }
        }
    }
}
