//! Requests of clients that mean it, of clients that err, and of clients that do neither.
//!
//! A request begins as a draw of the command table's grammar and is then damaged a little or not at
//! all: a word more, a word less, a number at the edge of what fits, bytes of no meaning.
//!
//! Left out is what only takes long: sleeping, pausing clients on a clock that nobody moves, filling
//! the keyspace by the million, comparing two large strings with each other, and lifting the limit
//! that keeps strings small.

use spec::{Spec, sample};

use crate::tape::Tape;

/// Commands that open ways for others: more likely than the rest.
static FREQUENT: &[&Spec] = &[
    &spec::string::SET,
    &spec::string::APPEND,
    &spec::string::SETRANGE,
    &spec::string::GETEX,
    &spec::bitmap::SETBIT,
    &spec::bitmap::BITFIELD,
    &spec::generic::EXPIRE,
    &spec::generic::RENAME,
    &spec::generic::COPY,
    &spec::transaction::MULTI,
    &spec::transaction::EXEC,
    &spec::transaction::WATCH,
];

const WORDS: &[&[u8]] = &[
    b"",
    b"*",
    b"k1",
    b"k2",
    b"k3",
    b"NX",
    b"XX",
    b"GET",
    b"EX",
    b"PX",
    b"PXAT",
    b"KEEPTTL",
    b"PERSIST",
    b"COUNT",
    b"MATCH",
    b"TYPE",
    b"string",
    b"BIT",
    b"BYTE",
    b"LEN",
    b"IDX",
    b"DB",
    b"REPLACE",
    b"ID",
    b"u8",
    b"i64",
    b"u64",
    b"#3",
    b"nan",
    b"inf",
    b"1e400",
    b"0.1",
    b"00",
    b"+1",
    b" 1",
    b"\r\n",
    b"\xff\x00",
];

/// The next request on the tape, never an empty one.
pub(crate) fn draw(tape: &mut Tape<'_>) -> Vec<Vec<u8>> {
    let spec = if tape.below(3) == 0 {
        tape.pick(FREQUENT)
    } else {
        tape.pick(spec::COMMANDS)
    };
    let mut argv = sample(spec, &mut |n| tape.below(n));
    while tape.below(3) == 0 && !tape.is_over() {
        damage(tape, &mut argv);
    }
    if argv.is_empty() {
        argv.push(b"PING".to_vec());
    }
    argv
}

fn damage(tape: &mut Tape<'_>, argv: &mut Vec<Vec<u8>>) {
    let at = tape.below(argv.len().max(1) as u64) as usize;
    let word = match tape.below(5) {
        0 => tape.pick(WORDS).to_vec(),
        1 | 2 => tape.integer().to_string().into_bytes(),
        3 => tape.text(3_000),
        _ => tape.bytes(12).to_vec(),
    };
    match tape.below(6) {
        0 => argv.insert(at, word),
        1 => argv.push(word),
        2 => drop(argv.pop()),
        3 if !argv.is_empty() => drop(argv.remove(at)),
        4 if !argv.is_empty() => argv.push(argv[at].clone()),
        _ if !argv.is_empty() => argv[at] = word,
        _ => {}
    }
}

/// May this request wait for what another client does?
pub(crate) fn may_wait(argv: &[Vec<u8>]) -> bool {
    let at = spec::table::position(&argv[0]);
    at.is_some_and(|at| spec::COMMANDS[at].flags.contains(spec::Flags::BLOCKING))
}

/// Keeps away what only takes long.
#[derive(Default)]
pub(crate) struct Patience {
    /// A large number was named: strings may be long by now.
    long_strings: bool,
}

impl Patience {
    pub(crate) fn has(&mut self, argv: &[Vec<u8>]) -> bool {
        let number = |arg: &Vec<u8>| base::parse_i64(arg).map(i64::unsigned_abs);
        let largest = argv.iter().skip(1).filter_map(number).max().unwrap_or(0);
        let is = |at: usize, name: &str| {
            let arg = argv.get(at);
            arg.is_some_and(|arg| arg.eq_ignore_ascii_case(name.as_bytes()))
        };
        let long = is(0, "lcs") && self.long_strings
            || is(0, "debug") && is(1, "sleep")
            || is(0, "debug") && is(1, "populate") && largest > 1_000
            || is(0, "client") && is(1, "pause")
            || is(0, "config") && is(1, "set");
        self.long_strings |= largest > 4_000;
        !long
    }
}
