//! Random values, good and bad.

use crate::config::params::PARAMS;
use crate::config::tests::Files;
use crate::config::{Config, Kind, Launch, Value};
use base::Rng;

/// A legal value of the kind, as CONFIG SET takes it.
pub fn random_value(kind: Kind, rng: &mut Rng) -> Vec<u8> {
    match kind {
        Kind::Bool => pick(&["yes", "no", "YES"], rng).into(),
        Kind::Switch(_) => b"no".to_vec(),
        Kind::Integer(least, most) => {
            let span = (most as i128 - least as i128).min(1 << 40) as u64;
            (least + rng.below(span + 1) as i64).to_string().into()
        }
        Kind::Octal(most) => format!("{:o}", rng.below(u64::from(most) + 1)).into(),
        Kind::Memory(least, most) => {
            let bytes = least + rng.below((most - least).min(1 << 45) + 1);
            let rounded = bytes >> 20 << 20;
            if rounded >= least && rng.below(2) == 0 {
                format!("{}MB", rounded >> 20).into()
            } else {
                bytes.to_string().into()
            }
        }
        Kind::MemoryOrPercent => format!("{}%", rng.below(101)).into(),
        Kind::Choice(words) => {
            let word = words[rng.below(words.len() as u64) as usize];
            word.split('=').next().unwrap_or(word).into()
        }
        Kind::ShutdownFlags => {
            pick(&["default", "save", "nosave now", "force save now"], rng).into()
        }
        Kind::Text(rule) => {
            let bytes = random_bytes(rng);
            // Names of files and hosts are choosier than most texts.
            if rule(&bytes).is_ok() {
                bytes
            } else {
                format!("text-{}", rng.below(9)).into()
            }
        }
        Kind::Directory => pick(&["/", "/srv/a b", "./"], rng).into(),
        Kind::Addresses => pick(&["", "127.0.0.1", "* -::*", "-::1 10.0.0.1"], rng).into(),
        Kind::SavePoints => {
            let points =
                (0..rng.below(4)).map(|_| format!("{} {}", 1 + rng.below(99), rng.below(9)));
            points.collect::<Vec<_>>().join(" ").into()
        }
        Kind::OutputLimits => {
            let classes = (0..1 + rng.below(2)).map(|_| {
                let class = pick(&["normal", "slave", "replica", "pubsub"], rng);
                format!(
                    "{class} {} {} {}",
                    rng.below(1 << 34),
                    rng.below(99) << 20,
                    rng.below(99)
                )
            });
            classes.collect::<Vec<_>>().join(" ").into()
        }
        Kind::KeyspaceEvents => pick(&["", "KEA", "Kn", "AnKEm", "g$lshzxetd", "xeE"], rng).into(),
        Kind::OomScores => format!("{} 0 {}", rng.below(2000), -(rng.below(2001) as i64)).into(),
        Kind::Percentiles => pick(&["", "50", "0 99.999 100", "33.333333333 1e1"], rng).into(),
        Kind::Primary => pick(&["no one", "10.0.0.1 6379", "h 0"], rng).into(),
    }
}

fn pick<'a>(from: &[&'a str], rng: &mut Rng) -> &'a str {
    from[rng.below(from.len() as u64) as usize]
}

fn random_bytes(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0; rng.below(20) as usize];
    rng.fill(&mut bytes);
    bytes
}

#[test]
fn legal_values_are_answered_and_taken_again() {
    let mut rng = Rng::new(7);
    let default = Config::default();
    for _ in 0..60 {
        for param in &PARAMS {
            let given = random_value(param.kind, &mut rng);
            let changed = default.set_at_start(&[(param.name.as_bytes(), &given)]);
            let changed = changed.unwrap_or_else(|error| panic!("{given:?}: {error}"));
            let text = changed.value(param.name).map(Value::text).unwrap();
            let again = changed
                .set_at_start(&[(param.name.as_bytes(), &text)])
                .unwrap();
            assert_eq!(again, changed, "{} {given:?}", param.name);
        }
    }
}

/// Whatever comes in, there is an answer.
#[test]
fn rubbish_is_refused_without_a_panic() {
    const PIECES: &[&[u8]] = &[
        b"",
        b" ",
        b"-1",
        b"0",
        b"99999999999999999999",
        b"1e400",
        b"nan",
        b"inf",
        b"%",
        b"100%",
        b"\xff",
        b"\0",
        b"yes",
        b"save",
        b"normal",
        b"{",
        b"{{",
        b"}",
        b"\"",
        b"'",
        b"\\",
        b"\n",
        b"#",
        b"--",
        b"include",
        b"gb",
        b"=",
    ];
    let mut rng = Rng::new(11);
    let config = Config::default();
    for _ in 0..12 {
        for param in &PARAMS {
            let pieces: Vec<_> = (0..rng.below(6))
                .map(|_| PIECES[rng.below(PIECES.len() as u64) as usize])
                .collect();
            let value = pieces.join(&b" "[..rng.below(2) as usize]);
            let _ = config.set_at_start(&[(param.name.as_bytes(), &value)]);
            let _ = config.get(&[&value]);
            let text = [
                param.name.as_bytes(),
                b" ",
                &value,
                b"\n",
                &random_bytes(&mut rng),
            ]
            .concat();
            let _ = crate::config::rewrite(
                &text,
                &config,
                &Files::default(),
                crate::config::Extent::Changed,
            );
            let files = Files {
                stdin: text,
                ..Files::default()
            };
            let launch = Launch {
                reads_stdin: true,
                ..Launch::default()
            };
            let _ = launch.configure(&files, None);
        }
    }
}
