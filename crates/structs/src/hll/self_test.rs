//! The check behind PFSELFTEST: does this machine pack and estimate as it should?
//!
//! The elements are always the same ones, so a sound build passes on every run.

use super::{HEADER_BYTES, Hll, Mark, REGISTERS, Registers, create, dense, enter, make_dense};

const ELEMENTS_MAX: u64 = 30_000;

/// What is wrong, if something is.
pub fn self_test() -> Result<(), String> {
    pack()?;
    estimate()
}

/// Dense registers against plain ones.
fn pack() -> Result<(), String> {
    let (mut bytes, mut plain): (_, Registers) = (create(), [0; REGISTERS]);
    make_dense(&mut bytes).map_err(|fault| fault.to_string())?;
    for step in 0..4 {
        for (index, old) in plain.iter_mut().enumerate() {
            let rank = ((index * 7 + step * 13) % 52) as u8;
            *old = rank.max(*old);
            let index = index as u16;
            dense::raise(&mut bytes[HEADER_BYTES..], Mark { index, rank });
        }
        let mut packed = [0; REGISTERS];
        let hll = Hll::read(&bytes).map_err(|fault| fault.to_string())?;
        hll.merge_into(&mut packed)
            .map_err(|fault| fault.to_string())?;
        if let Some(index) = (0..REGISTERS).find(|&index| packed[index] != plain[index]) {
            let (packed, plain) = (packed[index], plain[index]);
            return Err(format!(
                "register {index} is {packed} and should be {plain}"
            ));
        }
    }
    Ok(())
}

/// Both forms must say the same, and nearly the truth.
fn estimate() -> Result<(), String> {
    let (mut sparse, mut wide) = (create(), create());
    make_dense(&mut wide).map_err(|fault| fault.to_string())?;
    let mut checked_at = 1;
    for element in 1..=ELEMENTS_MAX {
        let mark = Mark::of(&element.to_le_bytes());
        for bytes in [&mut sparse, &mut wide] {
            enter(bytes, [mark], 3000).map_err(|fault| fault.to_string())?;
        }
        if element < checked_at {
            continue;
        }
        checked_at *= 10;
        let counts = [&sparse, &wide].map(|bytes| Hll::read(bytes).and_then(Hll::count));
        if counts[0] != counts[1] {
            return Err(format!("the forms disagree on {element}: {counts:?}"));
        }
        // Six times the standard error.
        let off_max = (element as f64 * 6.0 * 1.04 / (REGISTERS as f64).sqrt()).ceil();
        let off = counts[0].map(|count| count.abs_diff(element) as f64);
        if !off.is_ok_and(|off| off <= off_max) {
            return Err(format!("{element} elements are estimated as {counts:?}"));
        }
    }
    Ok(())
}
