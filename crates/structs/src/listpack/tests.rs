//! Lists against a `Vec` of strings, and their bytes against an encoder that is written down anew
//! from the format's description.

use super::*;
use crate::testing;
use base::Rng;

/// The bytes of a list of these strings, in the plainest way.
fn packed(texts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![0; 6];
    for text in texts {
        let entry = entry(text);
        let mut length = vec![(entry.len() & 127) as u8];
        // One less than fits in seven bits and more, but not in the first seven.
        let mut most = 127;
        let mut rest = entry.len();
        while entry.len() > most {
            *length.last_mut().unwrap() |= 128;
            rest >>= 7;
            length.push((rest & 127) as u8);
            most = (128 << (7 * (length.len() - 1))) - 2;
        }
        out.extend(entry);
        out.extend(length.iter().rev());
    }
    out.push(0xff);
    let total = (out.len() as u32).to_le_bytes();
    out[..4].copy_from_slice(&total);
    out[4..6].copy_from_slice(&(texts.len().min(65_535) as u16).to_le_bytes());
    out
}

fn entry(text: &[u8]) -> Vec<u8> {
    let spelled = std::str::from_utf8(text).ok().and_then(|text| {
        let int: i64 = text.parse().ok()?;
        (int.to_string() == text).then_some(int)
    });
    if let Some(int) = spelled {
        let le = int.to_le_bytes();
        return match int {
            0..=127 => vec![int as u8],
            -4096..=4095 => {
                let bits = (int + 8192) as u64 % 8192;
                vec![192 + (bits / 256) as u8, (bits % 256) as u8]
            }
            -32768..=32767 => [&[0xf1], &le[..2]].concat(),
            -8388608..=8388607 => [&[0xf2], &le[..3]].concat(),
            -2147483648..=2147483647 => [&[0xf3], &le[..4]].concat(),
            _ => [&[0xf4], &le[..]].concat(),
        };
    }
    let len = text.len();
    let head = match len {
        0..64 => vec![128 + len as u8],
        64..4096 => vec![224 + (len / 256) as u8, (len % 256) as u8],
        _ => [&[0xf0], &(len as u32).to_le_bytes()[..]].concat(),
    };
    [&head, text].concat()
}

/// A string where codings meet.
pub(crate) fn text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0..3 => {
            let int = rng.next_u64() as i64 >> rng.below(64);
            int.to_string().into_bytes()
        }
        3 => {
            let edges = [
                0,
                127,
                128,
                4_095,
                32_767,
                8_388_607,
                2_147_483_647,
                i64::MAX,
            ];
            let edge = edges[rng.below(8) as usize];
            let near = edge.wrapping_add(rng.below(4) as i64 - 1);
            (if rng.below(2) == 0 {
                near
            } else {
                near.wrapping_neg()
            })
            .to_string()
            .into_bytes()
        }
        4 => {
            let lens = [0, 60, 64, 122, 127, 4_090, 4_096, 16_380];
            let len = lens[rng.below(8) as usize] + rng.below(8);
            vec![b'a' + rng.below(26) as u8; len as usize]
        }
        5 => [&b"-0"[..], b"01", b"", b"+1", b" 1", b"9223372036854775808"][rng.below(6) as usize]
            .to_vec(),
        _ => (0..rng.below(12)).map(|_| rng.next_u64() as u8).collect(),
    }
}

fn compare(bytes: &[u8], model: &[Vec<u8>]) {
    assert!(
        bytes == packed(model),
        "{:?} is not {model:?}",
        Listpack::new(bytes)
    );
    let list = Listpack::check_deep(bytes).expect("a sound list");
    assert_eq!(list.len(), model.len());
    assert!(list.iter().map(Item::to_vec).eq(model.iter().cloned()));
    assert!(
        list.iter()
            .rev()
            .map(Item::to_vec)
            .eq(model.iter().rev().cloned())
    );
    let mut place = list.first();
    for text in model {
        let at = place.expect("as many as in the model");
        assert!(list.item(at) == text[..] && list.item(at).text_len() == text.len());
        place = list.next(at);
    }
    assert_eq!(place, None);
}

#[test]
fn agrees_with_a_vector() {
    let mut rng = testing::rng();
    for _ in 0..300 {
        let (mut bytes, mut model) = (Vec::new(), Vec::new());
        Editor::create(&mut bytes);
        for _ in 0..rng.below(60) {
            step(&mut rng, &mut bytes, &mut model);
            compare(&bytes, &model);
        }
        look(&mut rng, &bytes, &model);
    }
}

fn step(rng: &mut Rng, bytes: &mut Vec<u8>, model: &mut Vec<Vec<u8>>) {
    let new = text(rng);
    let item = Item::of(&new);
    let index = rng.below(model.len() as u64 + 1) as usize;
    let place = Listpack::new(bytes).place(index);
    assert_eq!(place.is_some(), index < model.len());
    let mut edit = Editor::new(bytes);
    match (rng.below(11), place) {
        (0 | 1, _) => {
            edit.push_back(item);
            model.push(new);
        }
        (2, _) => {
            edit.push_front(item);
            model.insert(0, new);
        }
        (3, _) => {
            let more: Vec<Vec<u8>> = (0..rng.below(9)).map(|_| text(rng)).collect();
            edit.extend(more.iter().map(|text| Item::of(text)));
            model.extend(more);
        }
        (4, Some(place)) => {
            edit.insert_before(place, item);
            model.insert(index, new);
        }
        (5, Some(place)) => {
            let at = edit.insert_after(place, item);
            assert!(edit.view().item(at) == new[..]);
            model.insert(index + 1, new);
        }
        (6 | 7, Some(place)) => {
            edit.replace(place, item);
            model[index] = new;
        }
        (8, _) => {
            let most = rng.below(4) as usize;
            let stop = (index + most).min(model.len());
            assert_eq!(edit.remove_range(index, most), stop - index);
            model.drain(index..stop);
        }
        (9, Some(place)) => {
            let tail = edit.split_off(place);
            compare(&tail, &model[index..]);
            if rng.below(2) == 0 {
                edit.append(Listpack::new(&tail));
            } else {
                model.truncate(index);
            }
        }
        (10, Some(place)) if rng.below(3) == 0 => {
            edit.remove_before(place, index);
            model.drain(..index);
        }
        (10, _) => retain(rng, &mut edit, model),
        _ => {}
    }
}

fn retain(rng: &mut Rng, edit: &mut Editor<'_>, model: &mut Vec<Vec<u8>>) {
    let width = 1 + rng.below(2) as usize;
    if !model.len().is_multiple_of(width) {
        return;
    }
    let salt = rng.next_u64();
    let keeps = |group: usize| salt >> (group % 64) & 1 == 1;
    let groups: Vec<Vec<Vec<u8>>> = model.chunks(width).map(<[_]>::to_vec).collect();
    let gone = edit.retain(width, |group, item| {
        assert!(item == groups[group][0][..]);
        keeps(group)
    });
    let kept = groups.iter().enumerate().filter(|(group, _)| keeps(*group));
    *model = kept.flat_map(|(_, group)| group.clone()).collect();
    assert_eq!(gone, groups.len() - model.len() / width);
}

fn look(rng: &mut Rng, bytes: &[u8], model: &[Vec<u8>]) {
    let list = Listpack::new(bytes);
    for index in 0..model.len() + 2 {
        let text = |index: usize| model.get(index).cloned();
        assert_eq!(list.get(index).map(Item::to_vec), text(index));
        let from_back = model.len().checked_sub(index + 1).and_then(text);
        assert_eq!(list.get_from_back(index).map(Item::to_vec), from_back);
    }
    for stride in 1..4 {
        if !model.len().is_multiple_of(stride) {
            continue;
        }
        let wanted = match rng.below(4) {
            0 => text(rng),
            _ if model.is_empty() => Vec::new(),
            _ => model[rng.below(model.len() as u64) as usize].clone(),
        };
        let index = (0..model.len())
            .step_by(stride)
            .find(|index| model[*index] == wanted);
        let place = index.and_then(|index| list.place(index));
        assert_eq!(list.find(&wanted, stride), place);
    }
    let extra = [Item::Int(5), Item::Bytes(b"abc")];
    assert!(list.would_fit(extra, bytes.len() + 7) && !list.would_fit(extra, bytes.len() + 6));
}

#[test]
fn the_count_stays_unknown_once_it_is() {
    let mut bytes = Vec::new();
    let mut edit = Editor::create(&mut bytes);
    edit.extend((0..65_534).map(Item::Int));
    assert_eq!(
        (count(edit.view().bytes()), edit.view().len()),
        (65_534, 65_534)
    );
    edit.push_back(Item::Bytes(b"one more"));
    edit.push_back(Item::Bytes(b"and one"));
    let list = edit.view();
    assert_eq!((count(list.bytes()), list.len()), (COUNT_UNKNOWN, 65_536));
    assert_eq!(list.get(65_535), Some(Item::Bytes(b"and one")));
    assert_eq!(list.get_from_back(65_535), Some(Item::Int(0)));
    assert_eq!((list.get(65_536), list.get_from_back(65_536)), (None, None));
    assert_eq!(edit.remove_range(10, 60_000), 60_000);
    assert_eq!(
        (count(edit.view().bytes()), edit.view().len()),
        (COUNT_UNKNOWN, 5_536)
    );
    Listpack::check_deep(&bytes).expect("a sound list");
}

/// Lengths of four and five bytes, beyond what the model makes.
#[test]
fn very_long_strings() {
    for len in [2_097_140, 2_097_146, 2_097_147, 268_435_449, 268_435_450] {
        let text = vec![b'x'; len];
        let mut bytes = Vec::new();
        let mut edit = Editor::create(&mut bytes);
        edit.extend([Item::Int(1), Item::of(&text), Item::Int(2)]);
        let list = Listpack::check_deep(&bytes).expect("a sound list");
        assert_eq!(list.get(2), Some(Item::Int(2)));
        assert_eq!(list.iter().next_back(), Some(Item::Int(2)));
        assert!(list.iter().rev().nth(1) == Some(Item::Bytes(&text)));
        let length_bytes = if len >= 268_435_450 {
            5
        } else {
            3 + usize::from(len > 2_097_145)
        };
        assert_eq!(bytes.len(), 7 + 2 + 2 + 5 + len + length_bytes);
    }
}

/// Damage is seen, or what is left is a list all the same; nothing panics.
#[test]
fn foreign_bytes() {
    let mut rng = testing::rng();
    let what = |bytes: &[u8]| Listpack::check_deep(bytes).expect_err("damage").to_string();
    assert_eq!(
        what(b""),
        "a listpack that is shorter than an empty one at byte 0"
    );
    assert_eq!(
        what(b"\x08\0\0\0\0\0\xff"),
        "a listpack's length that is not its length at byte 0"
    );
    assert_eq!(
        what(b"\x07\0\0\0\x01\0\xff"),
        "a listpack's count that is not its count at byte 4"
    );
    assert_eq!(
        what(b"\x07\0\0\0\0\0\xfe"),
        "a listpack without an end at byte 6"
    );
    assert_eq!(
        what(b"\x09\0\0\0\x01\0\x01\x02\xff"),
        "a listpack entry whose two lengths differ at byte 6"
    );
    assert_eq!(
        what(b"\x08\0\0\0\x01\0\x81\xff"),
        "a listpack entry that is cut off at byte 6"
    );
    assert_eq!(
        what(b"\x08\0\0\0\x01\0\xf5\xff"),
        "no listpack entry at byte 6"
    );
    assert_eq!(
        what(b"\x0c\0\0\0\x01\0\xf0\xff\xff\xff\xff\xff"),
        "a listpack entry that is cut off at byte 6"
    );
    for _ in 0..3_000 {
        let texts: Vec<Vec<u8>> = (0..rng.below(8)).map(|_| text(&mut rng)).collect();
        let mut bytes = packed(&texts);
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] = rng.next_u64() as u8;
        }
        if let Ok(list) = Listpack::check_deep(&bytes) {
            let there: Vec<Vec<u8>> = list.iter().map(Item::to_vec).collect();
            let mut back: Vec<Vec<u8>> = list.iter().rev().map(Item::to_vec).collect();
            back.reverse();
            assert_eq!(there, back);
            assert_eq!(there.len(), list.len());
        }
    }
}

#[test]
fn a_list_with_room_is_the_list_that_an_editor_makes() {
    let mut rng = testing::rng();
    for _ in 0..60 {
        let (mut roomy, mut plain) = (Roomy::new(EMPTY.to_vec()), EMPTY.to_vec());
        let bytes_max = [0, 200, 8 << 10][rng.below(3) as usize];
        for _ in 0..600 {
            let text = vec![b'a' + rng.below(26) as u8; rng.below(40) as usize];
            let item = match rng.below(3) {
                0 => Item::Int(rng.next_u64() as i64 >> rng.below(64)),
                _ => Item::Bytes(&text),
            };
            let len = Listpack::new(&plain).len();
            match rng.below(8) {
                0 | 1 => {
                    roomy.push_front(item, bytes_max);
                    Editor::new(&mut plain).push_front(item);
                }
                2 | 3 => {
                    roomy.push_back(item, bytes_max);
                    Editor::new(&mut plain).push_back(item);
                }
                4 if len > 1 => {
                    let removed = 1 + rng.below(len as u64 / 2) as usize;
                    roomy.remove_front(removed);
                    Editor::new(&mut plain).remove_range(0, removed);
                }
                5 if len > 0 => {
                    roomy.remove_last();
                    Editor::new(&mut plain).remove_range(len - 1, 1);
                }
                6 if len > 0 => {
                    let at = rng.below(len as u64) as usize;
                    roomy.editor().remove_range(at, 1);
                    Editor::new(&mut plain).remove_range(at, 1);
                }
                7 if rng.below(8) == 0 => roomy.tighten(),
                _ => {}
            }
            assert_eq!(*roomy, *plain);
            assert!(roomy.capacity() >= roomy.len());
        }
        Listpack::check_deep(&roomy).expect("it is sound");
    }
}

#[test]
fn a_count_that_gets_unknown_stays_so_with_room() {
    let mut roomy = Roomy::new(EMPTY.to_vec());
    for _ in 0..70_000 {
        roomy.push_front(Item::Int(1), 1 << 20);
    }
    assert_eq!((count(&roomy), roomy.view().len()), (COUNT_UNKNOWN, 70_000));
    roomy.remove_front(69_000);
    roomy.remove_last();
    assert_eq!((count(&roomy), roomy.view().len()), (COUNT_UNKNOWN, 999));
    Listpack::check_deep(&roomy).expect("it is sound");
}
