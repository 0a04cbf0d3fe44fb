//! Lists, hashes and sorted sets that are one listpack.

use base::Rng;
use structs::listpack::{Editor, Item, Listpack};

use crate::redis::Redis;

/// Strings around every edge of the codings.
fn texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for bits in [7, 12, 13, 15, 16, 23, 24, 31, 32, 62] {
        for near in -1..=1 {
            let edge = (1i64 << bits) + near;
            texts.push(edge.to_string().into());
            texts.push((-edge).to_string().into());
        }
    }
    for int in [0, i64::MAX, i64::MIN, i64::MIN + 1] {
        texts.push(int.to_string().into());
    }
    for len in [
        0, 1, 62, 63, 64, 126, 127, 128, 129, 4_095, 4_096, 16_376, 16_377, 16_378, 16_379, 16_383,
        16_384,
    ] {
        texts.push(vec![b'x'; len]);
    }
    for odd in [
        "-0",
        "01",
        "+1",
        " 1",
        "1 ",
        "9223372036854775808",
        "-9223372036854775809",
        "1.0",
    ] {
        texts.push(odd.into());
    }
    texts
}

#[test]
fn a_list_is_the_same_bytes() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    redis.ask(&[b"CONFIG", b"SET", b"list-max-listpack-size", b"-5"]);
    let texts = texts();
    let mut ours = Vec::new();
    let mut edit = Editor::create(&mut ours);
    for text in &texts {
        redis.ask(&[b"RPUSH", b"whole", text]);
        edit.push_back(Item::of(text));
        redis.ask(&[b"DEL", b"one"]);
        redis.ask(&[b"RPUSH", b"one", text]);
        let mut one = Vec::new();
        Editor::create(&mut one).push_front(Item::of(text));
        assert!(
            one == nodes(&mut redis, b"one")[0],
            "{}",
            text.escape_ascii()
        );
    }
    // The large ones divide Redis' list; its nodes end to end are ours.
    let mut joined = Vec::new();
    let mut edit = Editor::create(&mut joined);
    for node in nodes(&mut redis, b"whole") {
        edit.append(Listpack::check_deep(&node).expect("a sound list"));
    }
    assert!(joined == ours);
}

/// The same edits there and here.
#[test]
fn a_list_that_is_edited_is_the_same_bytes() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    redis.ask(&[b"CONFIG", b"SET", b"list-max-listpack-size", b"-5"]);
    let mut rng = Rng::new(5);
    let (mut ours, texts) = (Vec::new(), texts());
    Editor::create(&mut ours).push_back(Item::Bytes(b"stays"));
    redis.ask(&[b"RPUSH", b"k", b"stays"]);
    for _ in 0..1_500 {
        let text = &texts[rng.below(texts.len() as u64 - 4) as usize];
        let text = if text.len() > 1_000 { &b"7"[..] } else { text };
        let len = Listpack::new(&ours).len() as u64;
        let index = rng.below(len) as usize;
        let place = Listpack::new(&ours)
            .place(index)
            .expect("it is in the list");
        let mut edit = Editor::new(&mut ours);
        let number = index.to_string();
        match rng.below(4) {
            0 => {
                redis.ask(&[b"LPUSH", b"k", text]);
                edit.push_front(Item::of(text));
            }
            1 => {
                redis.ask(&[b"RPUSH", b"k", text]);
                edit.push_back(Item::of(text));
            }
            2 => {
                redis.ask(&[b"LSET", b"k", number.as_bytes(), text]);
                edit.replace(place, Item::of(text));
            }
            _ => {
                redis.ask(&[b"LTRIM", b"k", number.as_bytes(), b"-1"]);
                edit.remove_before(place, index);
                if index > 40 {
                    redis.ask(&[b"LTRIM", b"k", b"0", b"29"]);
                    edit.remove_range(30, usize::MAX);
                }
            }
        }
        assert!(
            nodes(&mut redis, b"k") == [ours.clone()],
            "{:?}",
            Listpack::new(&ours)
        );
    }
}

#[test]
fn hashes_and_sorted_sets_are_the_same_bytes() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let mut ours = Vec::new();
    let mut edit = Editor::create(&mut ours);
    for (at, text) in texts().iter().filter(|text| text.len() <= 64).enumerate() {
        let value = (at * 1_000).to_string();
        redis.ask(&[b"HSET", b"h", text, value.as_bytes()]);
        edit.extend([Item::of(text), Item::of(value.as_bytes())]);
    }
    // A value that takes more bytes, and a field that goes.
    redis.ask(&[b"HSET", b"h", b"127", b"abc"]);
    redis.ask(&[b"HDEL", b"h", b"4095"]);
    let field = edit.view().find(b"127", 2).expect("a field");
    let value = edit.view().next(field).expect("its value");
    edit.replace(value, Item::of(b"abc"));
    let field = edit.view().find(b"4095", 2).expect("a field");
    edit.remove(field, 2);
    let mut dumped = redis.dump(b"h");
    assert_eq!(dumped.type_byte, 16);
    assert!(dumped.string() == ours && dumped.is_over());

    let mut edit = Editor::create(&mut ours);
    for score in ["-inf", "-3", "0.5", "3", "17", "70000", "1e+20", "inf"] {
        redis.ask(&[
            b"ZADD",
            b"z",
            score.as_bytes(),
            format!("m{score}").as_bytes(),
        ]);
        let member = format!("m{score}");
        edit.extend([Item::of(member.as_bytes()), Item::of(score.as_bytes())]);
    }
    let mut dumped = redis.dump(b"z");
    assert_eq!(dumped.type_byte, 17);
    assert!(dumped.string() == ours && dumped.is_over());
}

/// The listpacks of a list.
fn nodes(redis: &mut Redis, key: &[u8]) -> Vec<Vec<u8>> {
    let mut dumped = redis.dump(key);
    assert_eq!(dumped.type_byte, 18);
    let count = dumped.number();
    let mut node = |_| {
        assert_eq!(dumped.number(), 2, "packed");
        dumped.string()
    };
    (0..count).map(&mut node).collect()
}
