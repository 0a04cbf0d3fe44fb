//! Streams of all shapes, and writes to them and their groups by chance.

use base::Rng;

use super::keyspace::Words;

fn words(text: &str) -> Words {
    text.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

/// Nodes at their bounds, entries that are gone, groups with what is pending.
pub(super) fn corners(leg: u64) -> Vec<Words> {
    let mut requests = Vec::new();
    for entries in [1, 99, 100, 101, 350] {
        let name = format!("corner:{leg}:stream{entries}");
        for number in 1..=entries {
            let id = format!("{}-{}", number / 3 + 1, number);
            let fields = match number % 7 {
                0 => "other 12 field -7 third 9223372036854775807".to_owned(),
                _ => format!("field {} other text{}", number * 1_000, number % 5),
            };
            requests.push(words(&format!("XADD {name} {id} {fields}")));
        }
        requests.push(words(&format!("XDEL {name} 1-1 2-4 9-26")));
        requests.push(words(&format!("XGROUP CREATE {name} g 2-5 ENTRIESREAD 5")));
        requests.push(words(&format!("XGROUP CREATE {name} unread $")));
        for (consumer, count) in [("a", 7), ("b", 200), ("c", 1)] {
            let read = format!("XREADGROUP GROUP g {consumer} COUNT {count} STREAMS {name} >");
            requests.push(words(&read));
        }
        requests.push(words(&format!("XACK {name} g 3-6 3-7 3-8")));
        requests.push(words(&format!("XDEL {name} 4-10")));
    }
    let name = format!("corner:{leg}:stream of nothing");
    let named = |front: &str, rest: &str| {
        let mut words = words(front);
        words.push(name.clone().into_bytes());
        words.extend(self::words(rest));
        words
    };
    requests.push(named("XGROUP CREATE", "g $ MKSTREAM"));
    requests.push(named("XGROUP CREATECONSUMER", "g nobody"));
    requests.push(named("XSETID", "7-7 ENTRIESADDED 70 MAXDELETEDID 6-6"));
    let long = format!("corner:{leg}:stream-of-long-values");
    for number in 1..4 {
        let mut request = words(&format!("XADD {long} {number}-1 f"));
        request.push(vec![b'v'; 60_000 * number]);
        requests.push(request);
    }
    requests
}

/// Some are errors, which change nothing in any server.
pub(super) fn request(rng: &mut Rng) -> Words {
    let key = format!("x:{}", rng.below(20));
    let group = format!("g{}", rng.below(3));
    let consumer = format!("c{}", rng.below(4));
    let id = format!("{}-{}", 1 + rng.below(40), rng.below(9));
    let other = format!("{}-{}", 1 + rng.below(40), rng.below(9));
    let number = rng.below(60);
    words(&match rng.below(26) {
        0..6 => format!("XADD {key} {id} f {number} g text"),
        6..9 => format!("XADD {key} * f {number}"),
        9 => format!("XADD {key} MAXLEN ~ 30 * f {number} h {number}"),
        10 => format!("XADD {key} MINID {id} * f {number}"),
        11 => format!("XDEL {key} {id} {other}"),
        12 => format!("XTRIM {key} MAXLEN {number}"),
        13 => format!("XTRIM {key} MINID ~ {id} LIMIT 30"),
        14 => format!("XGROUP CREATE {key} {group} {id} MKSTREAM"),
        15 => format!("XGROUP CREATE {key} {group} $"),
        16..19 => format!("XREADGROUP GROUP {group} {consumer} COUNT 5 STREAMS {key} >"),
        19 => format!("XREADGROUP GROUP {group} {consumer} COUNT 9 NOACK STREAMS {key} >"),
        20 => format!("XACK {key} {group} {id} {other}"),
        21 => format!("XCLAIM {key} {group} {consumer} 0 {id} {other} FORCE"),
        22 => format!("XAUTOCLAIM {key} {group} {consumer} 0 {id} COUNT 3"),
        23 => match rng.below(4) {
            0 => format!("XGROUP DESTROY {key} {group}"),
            1 => format!("XGROUP DELCONSUMER {key} {group} {consumer}"),
            2 => format!("XGROUP SETID {key} {group} {id} ENTRIESREAD {number}"),
            _ => format!("XGROUP CREATECONSUMER {key} {group} {consumer}"),
        },
        24 => format!("COPY {key} x:{} REPLACE", rng.below(20)),
        _ => format!("XREADGROUP GROUP {group} {consumer} COUNT 5 STREAMS {key} 0"),
    })
}
