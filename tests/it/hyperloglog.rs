//! HyperLogLogs are Redis' byte for byte: random commands go to the oracle and to an engine in
//! this process, and every reply and the string behind every key must be the same.
//!
//! Strings that no command made are among them: sound runs of any shape, and damaged ones. The
//! run prints its seed, and `OCHRE_SEED` repeats one.

use std::time::Duration;

use base::Rng;
use ochredb::Db;
use testkit::reply::Reply;
use testkit::socket::Socket;
use testkit::target::{Received, Target};

type Words = Vec<Vec<u8>>;

const STEPS: usize = 2_500;
const KEYS: u64 = 8;
const REGISTERS: u64 = 16_384;

/// The oracle and the engine, asked side by side.
struct Both {
    oracle: Socket,
    db: Db,
}

#[test]
fn strings_are_those_of_the_oracle() {
    let Some((_server, oracle)) = crate::oracle::start() else {
        return;
    };
    let seed = match std::env::var("OCHRE_SEED") {
        Ok(seed) => seed.parse().expect("OCHRE_SEED is a number"),
        Err(_) => std::process::id().into(),
    };
    println!("OCHRE_SEED={seed}");
    let mut rng = Rng::new(seed);
    let db = Db::memory();
    db.execute_raw(["HELLO", "2"]);
    let mut both = Both { oracle, db };
    for step in 0..STEPS {
        if step % 500 == 0 {
            let limit = [3_000, 60, 0, 20_000, 3_000][step / 500 % 5].to_string();
            both.ask(&words(&["FLUSHALL"]));
            both.ask(&words(&["CONFIG", "SET", "hll-sparse-max-bytes", &limit]));
        }
        let request = request(&mut rng);
        if let Reply::Error(_) = both.ask(&request) {
            // Redis has added what came before the element that met the damage.
            both.ask(&[b"DEL".to_vec(), request[1].clone()]);
        }
        let key = rng.below(KEYS).to_string();
        both.ask(&words(&["GET", &key]));
    }
}

impl Both {
    fn ask(&mut self, argv: &[Vec<u8>]) -> Reply {
        self.oracle
            .send(0, argv)
            .expect("the oracle takes commands");
        let theirs = match self.oracle.receive(0, Duration::from_secs(10)) {
            Ok(Received::Reply(reply)) => reply,
            other => panic!("{other:?} is no reply"),
        };
        let before = self
            .db
            .execute_raw(["GET".as_bytes(), &argv[argv.len().min(2) - 1]]);
        let ours = self.db.execute_raw(argv);
        let (ours, _) = Reply::decode(&ours).expect("RESP").expect("a whole reply");
        let shown = argv.iter().map(|word| word.escape_ascii().to_string());
        let shown = shown.collect::<Vec<_>>().join(" ");
        let before = before.escape_ascii();
        assert!(
            ours == theirs,
            "{shown}\non {before}\nours: {ours}\ntheirs: {theirs}"
        );
        ours
    }
}

fn request(rng: &mut Rng) -> Words {
    let key = rng.below(KEYS).to_string();
    let mut request = words(&["PFADD", &key]);
    match rng.below(20) {
        0..10 => {
            let many = [1, 1, 3, 40, 400][rng.below(5) as usize];
            let elements = (0..rng.below(many + 1)).map(|_| element(rng));
            request.extend(elements.collect::<Vec<_>>());
        }
        10..13 => request[0] = b"PFCOUNT".to_vec(),
        13..15 => {
            request[0] = [&b"PFCOUNT"[..], b"PFMERGE"][rng.below(2) as usize].to_vec();
            let keys = (0..rng.below(4)).map(|_| rng.below(KEYS + 1).to_string());
            request.extend(keys.map(String::into_bytes).collect::<Vec<_>>());
        }
        15 => {
            let name = ["GETREG", "ENCODING", "TODENSE"][rng.below(3) as usize];
            request = words(&["PFDEBUG", name, &key]);
        }
        16 => request = words(&["DEL", &key]),
        _ => {
            request[0] = b"SET".to_vec();
            request.push(string(rng));
        }
    }
    request
}

fn element(rng: &mut Rng) -> Vec<u8> {
    let number = rng.below(5_000);
    let mut element = number.to_string().into_bytes();
    element.resize(element.len() + (number % 20) as usize, b'.');
    element
}

/// Runs of any shape that add up to all registers, or nearly; sometimes with one byte damaged.
fn string(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80".to_vec();
    let mut left = REGISTERS;
    let long = rng.below(3) > 0;
    while left > 0 && bytes.len() < 4_000 {
        let (run_max, kind) = match rng.below(4) {
            0 if long => (REGISTERS, 0),
            1 => (64, 1),
            _ => (4, 2),
        };
        let run = 1 + rng.below(run_max.min(left));
        left -= run;
        let short = (run - 1) as u8;
        match kind {
            0 => bytes.extend([0x40 | ((run - 1) >> 8) as u8, short]),
            1 => bytes.push(short),
            _ => bytes.push(0x80 | (rng.below(3) as u8) << 2 | short),
        }
    }
    if left > 0 && rng.below(8) > 0 {
        bytes.extend([0x40 | ((left - 1) >> 8) as u8, (left - 1) as u8]);
    }
    if rng.below(4) == 0 {
        // Not in the last byte: Redis reads on behind half a run.
        let at = rng.below(bytes.len() as u64 - 1) as usize;
        bytes[at] ^= 1 << rng.below(8);
    }
    bytes
}

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}
