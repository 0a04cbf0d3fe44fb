//! Checksums of what lies in files: CRC-32C for the log, Redis' CRC-64 for RDB files.
//!
//! ```text
//!            polynomial, reflected   starts as   is inverted   of "123456789"
//!  CRC-32C   82f63b78                all ones    at the end    e3069283
//!  CRC-64    95ac9329ac4bc9b5        zero        no            e9c6d914c4b8d9ca
//! ```
//!
//! The bytes go through `crc-fast`, which multiplies without carry where the processor can. It
//! chooses its instructions when the program runs, and a wrong choice would make every file look
//! damaged. So its first use is a test: a few hundred bytes in every length and alignment that
//! matters must come out as in the plain table loop below. If they do not, the tables do all the
//! work from then on, slowly and rightly. The outcome is a property of the machine and the only
//! thing that this file remembers.

use std::sync::OnceLock;

use crc_fast::{CrcAlgorithm, Digest};

/// The CRC-32C of some bytes.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    match machine() {
        Machine::Fast => crc_fast::crc32_iscsi(bytes),
        Machine::Tables => !crc32c_by_table(!0, bytes),
    }
}

/// The CRC-64 that ends an RDB file, of some bytes.
#[must_use]
pub fn crc64(bytes: &[u8]) -> u64 {
    let mut crc = Crc64::new();
    crc.update(bytes);
    crc.value()
}

/// A CRC-32C of bytes that come piece by piece.
#[derive(Clone, Debug)]
pub struct Crc32c {
    /// The remainder, before the inversion at the end. Both ways of computing share it.
    state: u32,
}

impl Crc32c {
    #[must_use]
    pub fn new() -> Crc32c {
        Crc32c { state: !0 }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.state = match machine() {
            Machine::Fast => fast(CrcAlgorithm::Crc32Iscsi, self.state.into(), bytes) as u32,
            Machine::Tables => crc32c_by_table(self.state, bytes),
        };
    }

    /// Of all bytes so far; more may follow.
    #[must_use]
    pub fn value(&self) -> u32 {
        !self.state
    }
}

impl Default for Crc32c {
    fn default() -> Crc32c {
        Crc32c::new()
    }
}

/// Redis' CRC-64 of bytes that come piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Crc64 {
    state: u64,
}

impl Crc64 {
    #[must_use]
    pub fn new() -> Crc64 {
        Crc64::default()
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.state = match machine() {
            Machine::Fast => fast(CrcAlgorithm::Crc64Redis, self.state, bytes),
            Machine::Tables => crc64_by_table(self.state, bytes),
        };
    }

    /// Of all bytes so far; more may follow.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.state
    }
}

/// A digest is 300 bytes of parameters around one number, so only the number is kept.
fn fast(algorithm: CrcAlgorithm, state: u64, bytes: &[u8]) -> u64 {
    let mut digest = Digest::new_with_init_state(algorithm, state);
    digest.update(bytes);
    digest.get_state()
}

/// What this machine's fast checksums are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machine {
    Fast,
    Tables,
}

fn machine() -> Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    *MACHINE.get_or_init(|| {
        if fast_is_right() {
            Machine::Fast
        } else {
            Machine::Tables
        }
    })
}

/// Does the fast way agree with the tables, whole and in two pieces?
fn fast_is_right() -> bool {
    let mut bytes = [0u8; 1100];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (at * at * 31 + at * 7) as u8;
    }
    // Around the widths of vectors and of unrolled loops, where code paths change.
    let lens = [
        0, 1, 9, 15, 16, 17, 31, 64, 127, 128, 129, 255, 256, 257, 1024,
    ];
    let starts = [0, 1, 7, 16, 33];
    lens.iter().all(|len| {
        starts.iter().all(|start| {
            let bytes = &bytes[*start..start + len];
            let (left, right) = bytes.split_at(len / 3);
            let joined = |algorithm, state| fast(algorithm, fast(algorithm, state, left), right);
            let short = crc32c_by_table(!0, bytes);
            !short == crc_fast::crc32_iscsi(bytes)
                && u64::from(short) == joined(CrcAlgorithm::Crc32Iscsi, u32::MAX.into())
                && crc64_by_table(0, bytes) == joined(CrcAlgorithm::Crc64Redis, 0)
        })
    })
}

const CRC_32C_TABLE: [u32; 256] = {
    let wide = table(0x82f6_3b78);
    let mut narrow = [0; 256];
    let mut at = 0;
    while at < 256 {
        narrow[at] = wide[at] as u32;
        at += 1;
    }
    narrow
};

const CRC_64_TABLE: [u64; 256] = table(0x95ac_9329_ac4b_c9b5);

/// What eight steps of division make of each byte.
const fn table(polynomial: u64) -> [u64; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut value = at as u64;
        let mut bit = 0;
        while bit < 8 {
            value = value >> 1 ^ if value & 1 == 1 { polynomial } else { 0 };
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
}

fn crc32c_by_table(state: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(state, |state, byte| {
        CRC_32C_TABLE[usize::from(state as u8 ^ byte)] ^ state >> 8
    })
}

fn crc64_by_table(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, byte| {
        CRC_64_TABLE[usize::from(state as u8 ^ byte)] ^ state >> 8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_check_values() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!((crc32c(b""), crc64(b"")), (0, 0));
        assert_eq!((Crc32c::new().value(), Crc64::default().value()), (0, 0));
        assert_eq!(!crc32c_by_table(!0, b"123456789"), 0xe306_9283);
        assert_eq!(crc64_by_table(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    }

    #[test]
    fn the_fast_way_is_right_here() {
        assert_eq!(machine(), Machine::Fast);
    }

    proptest! {
        #[test]
        fn pieces_make_the_whole(
            bytes in proptest::collection::vec(any::<u8>(), 0..3000),
            cuts in proptest::collection::vec(0usize..3000, 0..5),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut short, mut long) = (Crc32c::new(), Crc64::new());
            for pair in cuts.windows(2) {
                short.update(&bytes[pair[0]..pair[1]]);
                long.update(&bytes[pair[0]..pair[1]]);
            }
            prop_assert_eq!(short.value(), crc32c(&bytes));
            prop_assert_eq!(long.value(), crc64(&bytes));
            prop_assert_eq!(crc32c(&bytes), !crc32c_by_table(!0, &bytes));
            prop_assert_eq!(crc64(&bytes), crc64_by_table(0, &bytes));
        }
    }
}
