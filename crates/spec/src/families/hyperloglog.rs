//! HyperLogLog: strings that count different elements without keeping them.

use crate::arg::{key, text};
use crate::category::Categories;
use crate::flags::Flags;
use crate::keys::{KeyAt, KeyFlags, KeySpec, KeysError};
use crate::spec::{Group, Spec, at_least, exactly};

pub static PFADD: Spec = write("pfadd", at_least(2))
    .flags(Flags::DENYOOM.with(Flags::FAST))
    .keys(&[KeySpec::at(1, KeyFlags::RW.with(KeyFlags::INSERT))])
    .since("2.8.9")
    .summary("Counts elements in, and tells whether that raised a register.")
    .complexity("O(N), N the number of elements.")
    .args(&[key("key"), text("element").optional().multiple()]);

/// It reads, and may write the count down beside the registers.
pub static PFCOUNT: Spec = about(Spec::read("pfcount", at_least(2)))
    .flags(Flags::MAY_REPLICATE)
    .keys(&[KeySpec::rest(1, 1, KeyFlags::RW.with(KeyFlags::ACCESS))
        .note("It writes the count down beside the registers")])
    .since("2.8.9")
    .summary("Estimates how many different elements one key, or several together, have met.")
    .complexity("O(1) for one key whose count is kept, otherwise O(N), N the number of keys.")
    .args(&[key("key").multiple()]);

pub static PFDEBUG: Spec = write("pfdebug", exactly(3))
    .flags(Flags::DENYOOM.with(Flags::ADMIN))
    .keys(&[KeySpec::at(2, KeyFlags::RW.with(KeyFlags::ACCESS))])
    .internal()
    .since("2.8.9")
    .summary("Shows or changes how a HyperLogLog is kept.")
    .complexity("O(1), with 16384 registers to look at.")
    .args(&[
        text("subcommand").like(&["getreg", "decode", "encoding", "todense"]),
        key("key"),
    ]);

pub static PFMERGE: Spec = write("pfmerge", at_least(2))
    .flags(Flags::DENYOOM)
    .keys(&[KeySpec::at(1, MERGED), KeySpec::rest(2, 1, KeyFlags::READ)])
    .find_keys(keys_of_pfmerge)
    .since("2.8.9")
    .summary("Makes a key count all that it and other keys have met.")
    .complexity("O(N), N the number of keys.")
    .args(&[
        key("destkey"),
        key("sourcekey").key_spec(1).optional().multiple(),
    ]);

pub static PFSELFTEST: Spec = about(Spec::new("pfselftest", exactly(1)))
    .flags(Flags::ADMIN)
    .internal()
    .since("2.8.9")
    .summary("Checks the registers and the estimates on made-up elements.")
    .complexity("O(1), though a long one.");

const MERGED: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::INSERT);

/// The sources may be missing, which the key specs cannot say.
fn keys_of_pfmerge<'a>(
    argc: usize,
    _arg: &dyn Fn(usize) -> &'a [u8],
    out: &mut Vec<KeyAt>,
) -> Result<(), KeysError> {
    out.push(KeyAt {
        index: 1,
        access: MERGED,
    });
    out.extend((2..argc).map(|index| KeyAt {
        index,
        access: KeyFlags::READ,
    }));
    Ok(())
}

const fn write(name: &'static str, arity: i16) -> Spec {
    about(Spec::write(name, arity))
}

const fn about(spec: Spec) -> Spec {
    spec.group(Group::HyperLogLog)
        .category(Categories::HYPERLOGLOG)
}
