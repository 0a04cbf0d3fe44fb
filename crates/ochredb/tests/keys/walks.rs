//! What SCAN, KEYS and RANDOMKEY guarantee over several shards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use base::Rng;
use ochredb::{Db, ManualClock, Value};

use crate::{Word, seeded, words};

const THREADS: usize = 4;

fn strings(reply: Value) -> Vec<Word> {
    let Value::Array(keys) = reply else {
        panic!("an array of keys, not {reply:?}");
    };
    let bytes = |key: &Value| key.as_bytes().expect("a key is a string").to_vec();
    keys.iter().map(bytes).collect()
}

/// Walk over all keys; after each page `between` may change what it likes.
/// Returns how often each key was given.
fn walk(db: &Db, options: &str, mut between: impl FnMut(&[Word])) -> BTreeMap<Word, u32> {
    let mut given = BTreeMap::new();
    let mut cursor = String::from("0");
    loop {
        let reply = db
            .execute(words(&format!("SCAN {cursor} {options}")))
            .expect("no error");
        let Value::Array(mut page) = reply else {
            panic!("SCAN gives an array");
        };
        let keys = strings(page.pop().expect("two parts"));
        let next = page.pop().expect("two parts");
        between(&keys);
        for key in keys {
            *given.entry(key).or_default() += 1;
        }
        cursor = String::from_utf8(next.as_bytes().expect("a string").to_vec()).expect("digits");
        if cursor == "0" {
            return given;
        }
    }
}

fn lasting(n: usize) -> BTreeSet<Word> {
    (0..n)
        .map(|n| format!("lasting:{n}").into_bytes())
        .collect()
}

fn set_all(db: &Db, keys: &BTreeSet<Word>) {
    for key in keys {
        db.execute([b"SET", key.as_slice(), b"v"])
            .expect("no error");
    }
}

/// Every lasting key once, every other at most once.
fn check(given: &BTreeMap<Word, u32>, lasting: &BTreeSet<Word>) {
    let twice: Vec<_> = given.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "given more than once: {twice:?}");
    let missing: Vec<_> = lasting
        .iter()
        .filter(|key| !given.contains_key(*key))
        .collect();
    assert!(missing.is_empty(), "never given: {missing:?}");
}

/// Add or remove up to `most` keys that come and go.
fn churn(db: &Db, rng: &mut Rng, most: u64, of: u64) {
    for _ in 0..rng.below(most + 1) {
        let name = ["SET passing:? v", "DEL passing:?"][rng.below(2) as usize];
        let line = name.replace('?', &rng.below(of).to_string());
        db.execute(words(&line)).expect("no error");
    }
}

#[test]
fn a_walk_gives_every_lasting_key_once_whatever_comes_and_goes() {
    let (seed, mut rng) = seeded("walks");
    for size in [0, 1, 5, 100, 3_000] {
        let db = Db::options().seed(seed).threads(THREADS).memory();
        let lasting = lasting(size);
        set_all(&db, &lasting);
        let count = 1 + rng.below(40);
        // From nothing to many times as many keys, and back again.
        let given = walk(&db, &format!("COUNT {count}"), |_| {
            churn(&db, &mut rng, 60, 40_000)
        });
        check(&given, &lasting);
        let mut at = 0;
        let given = walk(&db, &format!("COUNT {count}"), |_| {
            for n in at..at + 400 {
                db.execute(words(&format!("DEL passing:{n}")))
                    .expect("no error");
            }
            at += 400;
        });
        check(&given, &lasting);
        let all = strings(db.execute(["KEYS", "lasting:*"]).expect("no error"));
        assert_eq!(all.len(), lasting.len());
        assert_eq!(BTreeSet::from_iter(all), lasting);
    }
}

#[test]
fn a_walk_and_writers_at_the_same_time() {
    let (seed, _) = seeded("walks");
    let db = Db::options().seed(seed).threads(THREADS).memory();
    let lasting = lasting(2_000);
    set_all(&db, &lasting);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (db, done) = (db.clone(), &done);
            scope.spawn(move || {
                let mut rng = Rng::new(seed ^ writer);
                while !done.load(Ordering::Relaxed) {
                    churn(&db, &mut rng, 100, 20_000);
                }
            });
        }
        for _ in 0..20 {
            check(&walk(&db, "COUNT 100", |_| {}), &lasting);
            let all = strings(db.execute(["KEYS", "*"]).expect("no error"));
            let mut given = BTreeMap::new();
            all.into_iter()
                .for_each(|key| *given.entry(key).or_default() += 1);
            check(&given, &lasting);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn count_bounds_a_page_and_filters_only_thin_it_out() {
    let db = Db::options().seed(3).threads(THREADS).memory();
    set_all(&db, &lasting(5_000));
    for count in [1, 10, 100, 1000] {
        let (mut pages, mut most) = (0, 0);
        let given = walk(&db, &format!("COUNT {count}"), |page| {
            pages += 1;
            most = most.max(page.len());
        });
        assert_eq!(given.len(), 5_000);
        // A bucket is given whole, with what overflowed from it.
        assert!(most <= count + 56, "{most} keys for COUNT {count}");
        assert!(
            pages >= 5_000 / (count + 56),
            "{pages} pages for COUNT {count}"
        );
        let mut filtered_pages = 0;
        let given = walk(
            &db,
            &format!("COUNT {count} MATCH *:77 TYPE string"),
            |_| {
                filtered_pages += 1;
            },
        );
        assert_eq!(
            given.into_keys().collect::<Vec<_>>(),
            [b"lasting:77".to_vec()]
        );
        assert_eq!(filtered_pages, pages);
    }
    assert_eq!(
        walk(&db, &format!("COUNT {}", i64::MAX), |_| {}).len(),
        5_000
    );
    assert!(walk(&db, "COUNT 1000 TYPE list", |_| {}).is_empty());
}

#[test]
fn a_small_keyspace_is_one_page_however_many_shards_there_are() {
    let db = Db::options().seed(5).threads(16).memory();
    set_all(&db, &lasting(9));
    let mut pages = 0;
    walk(&db, "COUNT 10", |_| pages += 1);
    assert_eq!(pages, 1);
}

#[test]
fn expired_keys_are_not_given_and_scan_removes_what_it_would_have_given() {
    let clock = ManualClock::at_ms(1_000_000);
    let db = Db::options()
        .seed(1)
        .threads(THREADS)
        .clock(clock.clone())
        .memory();
    for n in 0..300 {
        db.execute(words(&format!("SET a{n} v"))).expect("no error");
        db.execute(words(&format!("PEXPIRE a{n} 10")))
            .expect("no error");
        db.execute(words(&format!("SET b{n} v"))).expect("no error");
        db.execute(words(&format!("PEXPIRE b{n} {}", 10 + 1000 * (n % 2))))
            .expect("no error");
    }
    clock.advance_ms(11);
    let size = || db.execute(["DBSIZE"]).expect("no error").as_int();
    assert_eq!(
        strings(db.execute(["KEYS", "*"]).expect("no error")).len(),
        150
    );
    assert_eq!(size(), Some(600));
    assert_eq!(walk(&db, "MATCH b*", |_| {}).len(), 150);
    assert_eq!(size(), Some(450));
    assert_eq!(walk(&db, "COUNT 1000", |_| {}).len(), 150);
    assert_eq!(size(), Some(150));
}

#[test]
fn randomkey_is_about_uniform_and_finds_the_last_one_alive() {
    let clock = ManualClock::at_ms(1_000_000);
    let db = Db::options()
        .seed(9)
        .threads(THREADS)
        .clock(clock.clone())
        .memory();
    let lasting = lasting(200);
    set_all(&db, &lasting);
    let mut given: BTreeMap<Word, u32> = BTreeMap::new();
    for _ in 0..40_000 {
        let key = db.execute(["RANDOMKEY"]).expect("no error");
        let key = key.as_bytes().expect("a key").to_vec();
        *given.entry(key).or_default() += 1;
    }
    assert_eq!(given.len(), 200);
    let (least, most) = (given.values().min(), given.values().max());
    assert!(
        least > Some(&130) && most < Some(&280),
        "{least:?} to {most:?} times"
    );

    for key in &lasting {
        db.execute([b"PEXPIRE", key.as_slice(), b"10"])
            .expect("no error");
    }
    for n in 0..5_000 {
        db.execute(words(&format!("SET dying:{n} v")))
            .expect("no error");
        db.execute(words(&format!("PEXPIRE dying:{n} 10")))
            .expect("no error");
    }
    db.execute(["SET", "alive", "v"]).expect("no error");
    clock.advance_ms(11);
    let found = db.execute(["RANDOMKEY"]).expect("no error");
    assert_eq!(found, Value::Bulk(b"alive".to_vec()));
    db.execute(["DEL", "alive"]).expect("no error");
    assert_eq!(db.execute(["RANDOMKEY"]), Ok(Value::Null));
}
