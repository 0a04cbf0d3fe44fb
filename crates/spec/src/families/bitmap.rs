//! Bitmaps: strings read and written bit by bit, bit 0 being the highest of the first byte.

use crate::arg::{Arg, block, int, key, one_of, pure, text};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{KeyAt, KeyFlags, KeySpec, KeysError};
use crate::spec::{Group, Spec, at_least, exactly};

pub static BITCOUNT: Spec = read("bitcount", at_least(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("2.6.0")
    .summary("Counts the bits that are 1, in a whole string or between two offsets.")
    .complexity("O(N), N the number of bytes looked at.")
    .history(&[("7.0.0", "Option `BYTE|BIT`.")])
    .args(&[
        key("key"),
        block(&[int("start"), int("end"), UNIT])
            .named("range")
            .optional(),
    ]);

pub static BITFIELD: Spec = write("bitfield", at_least(2))
    .flags(Flags::DENYOOM)
    .keys(&[
        KeySpec::at(1, KeyFlags::MODIFY.with(KeyFlags::VARIABLE_FLAGS))
            .note("Can both read and change the key"),
    ])
    .find_keys(key_of_bitfield)
    .since("3.2.0")
    .summary("Treats a string as an array of integers of any width: gets, sets, adds.")
    .complexity("O(1) for each operation.")
    .args(&[
        key("key"),
        one_of(FIELD_OPERATIONS)
            .named("operation")
            .optional()
            .multiple(),
    ]);

pub static BITFIELD_RO: Spec = read("bitfield_ro", at_least(2))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("6.0.0")
    .summary("Treats a string as an array of integers of any width, and only gets.")
    .complexity("O(1) for each operation.")
    .args(&[
        key("key"),
        block(&[ENCODING, OFFSET])
            .named("get-block")
            .token("GET")
            .optional()
            .multiple_token(),
    ]);

pub static BITOP: Spec = write("bitop", at_least(4))
    .flags(Flags::DENYOOM)
    .keys(&[
        KeySpec::at(2, KeyFlags::REPLACE),
        KeySpec::rest(3, 1, KeyFlags::READ),
    ])
    .since("2.6.0")
    .summary("Combines several strings bit by bit and stores the result.")
    .complexity("O(N), N the number of bytes of all sources.")
    .history(&[("8.2.0", "Operations `DIFF`, `DIFF1`, `ANDOR` and `ONE`.")])
    .args(&[
        one_of(&[
            pure("and", "AND"),
            pure("or", "OR"),
            pure("xor", "XOR"),
            pure("not", "NOT"),
            pure("diff", "DIFF").since("8.2.0"),
            pure("diff1", "DIFF1").since("8.2.0"),
            pure("andor", "ANDOR").since("8.2.0"),
            pure("one", "ONE").since("8.2.0"),
        ])
        .named("operation"),
        key("destkey"),
        key("key").key_spec(1).multiple(),
    ]);

pub static BITPOS: Spec = read("bitpos", at_least(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("2.8.7")
    .summary("Finds the first bit that is 1, or that is 0, in a string or a part of it.")
    .complexity("O(N), N the number of bytes looked at.")
    .history(&[("7.0.0", "Option `BYTE|BIT`.")])
    .args(&[
        key("key"),
        BIT.named("bit"),
        block(&[
            int("start"),
            block(&[int("end"), UNIT])
                .named("end-unit-block")
                .optional(),
        ])
        .named("range")
        .optional(),
    ]);

pub static GETBIT: Spec = read("getbit", exactly(3))
    .flags(Flags::FAST)
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .since("2.2.0")
    .summary("Returns one bit of a string, 0 beyond its end.")
    .args(&[key("key"), BIT_OFFSET]);

pub static SETBIT: Spec = write("setbit", exactly(4))
    .flags(Flags::DENYOOM)
    .keys(&[KeySpec::at(1, KeyFlags::MODIFY)])
    .since("2.2.0")
    .summary("Sets one bit of a string, which grows as needed, and returns what it was.")
    .args(&[key("key"), BIT_OFFSET, BIT.named("value")]);

const BIT: Arg = int("bit").within(0, 1);
/// 512 MiB have this many bits.
const BIT_OFFSET: Arg = int("offset").within(0, (512 << 23) - 1);
const UNIT: Arg = one_of(&[pure("byte", "BYTE"), pure("bit", "BIT")])
    .named("unit")
    .optional()
    .since("7.0.0");
/// Signed up to 64 bits, unsigned up to 63.
const ENCODING: Arg = text("encoding").like(&["u1", "i5", "u8", "i16", "u32", "u63", "i64"]);
/// In bits, or with `#` in fields of the encoding's width.
const OFFSET: Arg = int("offset").like(&["0", "1", "7", "100", "#0", "#1", "#5"]);

const FIELD_OPERATIONS: &[Arg] = &[
    block(&[ENCODING, OFFSET]).named("get-block").token("GET"),
    block(&[
        OVERFLOW.optional(),
        one_of(FIELD_WRITES).named("write-operation"),
    ])
    .named("write"),
];
const FIELD_WRITES: &[Arg] = &[
    block(&[ENCODING, OFFSET, int("value")])
        .named("set-block")
        .token("SET"),
    block(&[ENCODING, OFFSET, int("increment")])
        .named("incrby-block")
        .token("INCRBY"),
];
const OVERFLOW: Arg = one_of(&[
    pure("wrap", "WRAP"),
    pure("sat", "SAT"),
    pure("fail", "FAIL"),
])
.named("overflow-block")
.token("OVERFLOW");

const fn read(name: &'static str, arity: i16) -> Spec {
    Spec::read(name, arity)
        .group(Group::Bitmap)
        .category(Categories::BITMAP)
}

const fn write(name: &'static str, arity: i16) -> Spec {
    Spec::write(name, arity)
        .group(Group::Bitmap)
        .category(Categories::BITMAP)
}

/// `BITFIELD` with nothing but `GET` reads. A line that does not parse is taken for a writer, which
/// is the careful side: its handler will refuse it anyhow.
fn key_of_bitfield<'a>(
    argc: usize,
    arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    let mut access = KeyFlags::READ;
    let mut at = 2;
    while at < argc {
        let operation = arg(at);
        let words = if operation.eq_ignore_ascii_case(b"get") {
            3
        } else if operation.eq_ignore_ascii_case(b"overflow") {
            2
        } else {
            0
        };
        if words == 0 || at + words > argc {
            access = KeyFlags::MODIFY;
            break;
        }
        at += words;
    }
    out.push(KeyAt { index: 1, access });
    Ok(())
}
