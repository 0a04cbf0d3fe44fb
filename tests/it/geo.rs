//! Searches on Earth beside the oracle: random places, and shapes of all sizes around anything.
//! Every reply must be the same to the last digit and in the same order, in both protocols.
//!
//! The run prints its seed, and `OCHRE_SEED` repeats one.

use std::time::Duration;

use base::Rng;
use ochredb::Db;
use testkit::reply::Reply;
use testkit::socket::Socket;
use testkit::target::{Received, Target};

const STEPS: usize = 2_500;
const PLACES: u64 = 400;
const UNITS: [(&str, f64); 4] = [("m", 1.0), ("KM", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];

/// The oracle and the engine, asked side by side.
struct Both {
    oracle: Socket,
    db: Db,
}

#[test]
fn searches_are_those_of_the_oracle() {
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
    let mut both = Both { oracle, db };
    for step in 0..STEPS {
        if step % 500 == 0 {
            both.ask("FLUSHALL");
            both.ask(if rng.below(2) == 0 {
                "HELLO 2"
            } else {
                "HELLO 3"
            });
            // Both forms of a sorted set, and places that lie close together or far apart.
            let spread = [1.0, 0.2, 0.001, 1.0, 0.02][step / 500 % 5];
            let places = if rng.below(2) == 0 { 60 } else { PLACES };
            for number in 0..places {
                let (longitude, latitude) = match number {
                    // A corner and the middle, one of each.
                    0 => ((180.0 * spread).to_string(), (EDGE * spread).to_string()),
                    1 => ("0".to_owned(), "0".to_owned()),
                    _ => a_place(&mut rng, spread),
                };
                both.ask(&format!("GEOADD k {longitude} {latitude} p{number}"));
            }
        }
        let line = request(&mut rng);
        both.ask(&line);
        if line.contains("STORE") {
            both.ask("ZRANGE d 0 -1 WITHSCORES");
        }
    }
}

fn request(rng: &mut Rng) -> String {
    let member = |rng: &mut Rng| format!("p{}", rng.below(PLACES + 5));
    let (longitude, latitude) = somewhere(rng, 1.0);
    match rng.below(16) {
        0 => format!("GEOPOS k {} {}", member(rng), member(rng)),
        1 => format!("GEOHASH k {} {}", member(rng), member(rng)),
        2 => format!("GEODIST k {} {} {}", member(rng), member(rng), unit(rng).0),
        3 => {
            let (longitude, latitude) = a_place(rng, 1.0);
            format!("GEOADD k CH {longitude} {latitude} {}", member(rng))
        }
        4 => {
            let (unit, radius) = length(rng);
            let options = options(rng);
            format!("GEORADIUS k {longitude} {latitude} {radius} {unit}{options}")
        }
        5 => {
            let (unit, radius) = length(rng);
            let (member, options) = (member(rng), options(rng));
            format!("GEORADIUSBYMEMBER k {member} {radius} {unit}{options}")
        }
        step => {
            let from = match rng.below(2) {
                0 => format!("FROMMEMBER {}", member(rng)),
                _ => format!("FROMLONLAT {longitude} {latitude}"),
            };
            let (unit, radius) = length(rng);
            let by = match rng.below(2) {
                0 => format!("BYRADIUS {radius} {unit}"),
                _ => format!("BYBOX {radius} {} {unit}", length(rng).1),
            };
            if step < 8 {
                let dist = ["", " STOREDIST"][rng.below(2) as usize];
                return format!("GEOSEARCHSTORE d k {from} {by}{}{dist}", order(rng));
            }
            format!("GEOSEARCH k {from} {by}{}", options(rng))
        }
    }
}

fn unit(rng: &mut Rng) -> (&'static str, f64) {
    UNITS[rng.below(4) as usize]
}

/// From a step to more than there is, in some unit.
fn length(rng: &mut Rng) -> (&'static str, f64) {
    let (unit, meters) = unit(rng);
    (unit, 10f64.powf(rng.f64() * 7.6) / meters)
}

fn options(rng: &mut Rng) -> String {
    let mut options = order(rng);
    for option in [" WITHDIST", " WITHHASH", " WITHCOORD"] {
        if rng.below(2) == 0 {
            options += option;
        }
    }
    options
}

fn order(rng: &mut Rng) -> String {
    let mut order = ["", " ASC", " DESC"][rng.below(3) as usize].to_owned();
    if rng.below(3) == 0 {
        order += &format!(" COUNT {}", 1 + rng.below(30));
        if rng.below(3) == 0 {
            order += " ANY";
        }
    }
    order
}

/// A place as a text of a few digits, sometimes at the edge of the map.
fn somewhere(rng: &mut Rng, spread: f64) -> (String, String) {
    (
        degrees(rng, 180.0, spread, 20),
        degrees(rng, EDGE, spread, 20),
    )
}

/// The same for a member: at the edge in one direction only. Members that mirror each other are as
/// far from what is between them, and the order of equals is nobody's promise.
fn a_place(rng: &mut Rng, spread: f64) -> (String, String) {
    let one_in = [20, u64::MAX];
    let at = rng.below(2) as usize;
    (
        degrees(rng, 180.0, spread, one_in[at]),
        degrees(rng, EDGE, spread, one_in[1 - at]),
    )
}

/// The greatest latitude that Redis takes.
const EDGE: f64 = 85.05112878;

/// Between the edges, or once in so many times at one or in the middle.
fn degrees(rng: &mut Rng, edge: f64, spread: f64, one_in: u64) -> String {
    match (rng.below(one_in), rng.below(3)) {
        (0, 0) => format!("{}", edge * spread),
        (0, 1) => format!("{}", -edge * spread),
        (0, _) => "0".to_owned(),
        _ => format!("{:.6}", edge * spread * (2.0 * rng.f64() - 1.0)),
    }
}

impl Both {
    fn ask(&mut self, line: &str) {
        let argv: Vec<Vec<u8>> = line.split(' ').map(|word| word.into()).collect();
        self.oracle
            .send(0, &argv)
            .expect("the oracle takes commands");
        let theirs = match self.oracle.receive(0, Duration::from_secs(10)) {
            Ok(Received::Reply(reply)) => reply,
            other => panic!("{other:?} is no reply"),
        };
        let ours = self.db.execute_raw(&argv);
        let (ours, _) = Reply::decode(&ours).expect("RESP").expect("a whole reply");
        if !line.starts_with("HELLO") {
            let is_same = match line.starts_with("ZRANGE") {
                true => are_same_numbers(&ours, &theirs),
                false => ours == theirs,
            };
            assert!(is_same, "{line}\nours: {ours}\ntheirs: {theirs}");
        }
    }
}

/// Scores are told in the fewest digits, as Redis 7.2 does, where 7.0 takes seventeen.
fn are_same_numbers(ours: &Reply, theirs: &Reply) -> bool {
    let number = |reply: &Reply| match reply {
        Reply::Bulk(text) | Reply::Double(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None::<f64>,
    };
    match (ours, theirs) {
        (Reply::Array(ours), Reply::Array(theirs)) => {
            let mut pairs = ours.iter().zip(theirs);
            ours.len() == theirs.len() && pairs.all(|(ours, theirs)| are_same_numbers(ours, theirs))
        }
        _ => ours == theirs || number(ours).is_some_and(|n| Some(n) == number(theirs)),
    }
}
