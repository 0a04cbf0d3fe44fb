//! HyperLogLog: how many different elements were seen, from 16384 small registers.
//!
//! ```text
//!   element ─► 64-bit hash ─┬─ 14 bits: which register
//!                           └─ 50 bits: rank, the place of the lowest bit that is 1
//!
//!   a register keeps the highest rank that it met; many elements make high ranks
//! ```
//!
//! It is a string like any other, and equal to Redis' byte for byte:
//!
//! ```text
//!   "HYLL"   encoding   unused    count, LE                   registers
//!   4 bytes  1 byte     3 bytes   8 bytes, top bit: stale     dense or sparse
//! ```
//!
//! The dense form ([`dense`]) has 6 bits for each register, the sparse one ([`sparse`]) runs of
//! equal registers. A value begins sparse, becomes dense when its runs take too many bytes or a
//! rank does not fit them, and stays so. The count is kept until a register changes.
//!
//! Strings come from clients, so nothing is taken for granted: what is no HyperLogLog or breaks
//! off is a [`Fault`], whichever function meets it. As in Redis, adding looks only as far into the
//! runs as it must, so a fault behind that place is found by those who count or merge.
//!
//! Flajolet, Fusy, Gandouet, Meunier: HyperLogLog, the analysis of a near-optimal cardinality
//! estimation algorithm, 2007. Heule, Nunkesser, Hall: HyperLogLog in practice, 2013.

pub mod dense;
mod estimate;
mod murmur;
mod self_test;
mod sparse;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self_test::self_test;
pub use sparse::BYTES_MAX as SPARSE_BYTES_MAX;

use estimate::Histogram;

/// So many bits of the hash name the register.
const INDEX_BITS: u32 = 14;
/// So many make the rank.
const RANK_BITS: u32 = 64 - INDEX_BITS;
pub const REGISTERS: usize = 1 << INDEX_BITS;

pub const HEADER_BYTES: usize = 16;
const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING_AT: usize = 4;
const COUNT_AT: usize = 8;
/// In the last byte of the count: it is not that of the registers any more.
const STALE: u8 = 0x80;

/// One byte for each register: what several values are merged in.
pub type Registers = [u8; REGISTERS];

/// What a string is that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not begin as one, or its length is not that of its encoding.
    NotHyperLogLog,
    /// Its runs end early, late or in the middle of one.
    Corrupt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Dense = 0,
    Sparse = 1,
}

/// What an element comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which register.
    pub index: u16,
    /// From 1 to 51.
    pub rank: u8,
}

/// A string with a sound header, to be read.
#[derive(Clone, Copy, Debug)]
pub struct Hll<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
}

/// A value that has met nothing: one run of zeros, counted.
pub fn create() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + 2);
    bytes.extend_from_slice(MAGIC);
    bytes.resize(HEADER_BYTES, 0);
    bytes[ENCODING_AT] = Encoding::Sparse as u8;
    sparse::push_zeros(&mut bytes, REGISTERS);
    bytes
}

/// Enter marks, all of which raise something. A sparse value becomes dense rather than longer than
/// `sparse_bytes_max`. On a fault the bytes are of no use any more.
pub fn enter(
    bytes: &mut Vec<u8>,
    marks: impl IntoIterator<Item = Mark>,
    sparse_bytes_max: usize,
) -> Result<(), Fault> {
    let mut encoding = Hll::read(bytes)?.encoding;
    for mark in marks {
        if encoding == Encoding::Sparse {
            match sparse::raise(bytes, mark, sparse_bytes_max)? {
                sparse::Raised::Done => continue,
                sparse::Raised::TooLarge => {
                    make_dense(bytes)?;
                    encoding = Encoding::Dense;
                }
            }
        }
        dense::raise(&mut bytes[HEADER_BYTES..], mark);
    }
    forget_count(bytes);
    Ok(())
}

/// Make a value dense, if it is not. Was it sparse? All but the registers stays.
pub fn make_dense(bytes: &mut Vec<u8>) -> Result<bool, Fault> {
    let hll = Hll::read(bytes)?;
    if hll.encoding == Encoding::Dense {
        return Ok(false);
    }
    let mut wide = vec![0; dense::BYTES];
    let (header, registers) = wide.split_at_mut(HEADER_BYTES);
    header.copy_from_slice(&bytes[..HEADER_BYTES]);
    header[ENCODING_AT] = Encoding::Dense as u8;
    hll.each_run(|first, run, rank| {
        if rank > 0 {
            (first..first + run).for_each(|index| dense::set(registers, index, rank));
        }
    })?;
    *bytes = wide;
    Ok(true)
}

/// The registers have changed.
pub fn forget_count(bytes: &mut [u8]) {
    bytes[HEADER_BYTES - 1] |= STALE;
}

/// Write a count down that was just made.
pub fn keep_count(bytes: &mut [u8], count: u64) {
    bytes[COUNT_AT..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
}

/// How many elements the registers of several values have met together.
pub fn count(registers: &Registers) -> u64 {
    let mut histogram = Histogram::default();
    for &rank in registers {
        histogram.add(rank, 1);
    }
    histogram.estimate()
}

impl Mark {
    pub fn of(element: &[u8]) -> Mark {
        let hash = murmur::hash(element);
        let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
        Mark {
            index: (hash % REGISTERS as u64) as u16,
            rank: rest.trailing_zeros() as u8 + 1,
        }
    }
}

impl<'a> Hll<'a> {
    /// The string, if it begins as a HyperLogLog.
    pub fn read(bytes: &'a [u8]) -> Result<Hll<'a>, Fault> {
        if bytes.len() < HEADER_BYTES || !bytes.starts_with(MAGIC) {
            return Err(Fault::NotHyperLogLog);
        }
        let encoding = match bytes[ENCODING_AT] {
            0 if bytes.len() == dense::BYTES => Encoding::Dense,
            1 => Encoding::Sparse,
            _ => return Err(Fault::NotHyperLogLog),
        };
        Ok(Hll { bytes, encoding })
    }

    pub fn encoding(self) -> Encoding {
        self.encoding
    }

    /// The count, if it is that of the registers.
    pub fn kept_count(self) -> Option<u64> {
        let count = self.bytes[COUNT_AT..HEADER_BYTES].try_into();
        let count = u64::from_le_bytes(count.expect("eight bytes"));
        (self.bytes[HEADER_BYTES - 1] & STALE == 0).then_some(count)
    }

    /// Estimate the count from the registers.
    pub fn count(self) -> Result<u64, Fault> {
        let mut histogram = Histogram::default();
        self.each_run(|_, run, rank| histogram.add(rank, run))?;
        Ok(histogram.estimate())
    }

    /// Raise registers to those of this value.
    pub fn merge_into(self, into: &mut Registers) -> Result<(), Fault> {
        self.each_run(|first, run, rank| {
            if rank > 0 {
                let registers = &mut into[first..first + run];
                registers.iter_mut().for_each(|old| *old = rank.max(*old));
            }
        })
    }

    /// Would this mark raise its register?
    pub fn is_raised_by(self, mark: Mark) -> Result<bool, Fault> {
        let rank = match self.encoding {
            Encoding::Dense => dense::get(self.registers(), usize::from(mark.index)),
            Encoding::Sparse => sparse::get(self.bytes, mark.index)?,
        };
        Ok(mark.rank > rank)
    }

    /// The runs in words: `Z` and `z` are zeros in two bytes and in one, `v` is a rank. `None` if
    /// the value is dense.
    pub fn describe_runs(self) -> Option<Result<String, Fault>> {
        (self.encoding == Encoding::Sparse).then(|| sparse::describe(self.registers()))
    }

    fn registers(self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// Show each run of equal registers: the first of them, how many, their rank. They are within
    /// the registers; at the end it turns out whether they are all of them.
    fn each_run(self, mut show: impl FnMut(usize, usize, u8)) -> Result<(), Fault> {
        match self.encoding {
            Encoding::Dense => dense::each(self.registers(), |index, rank| show(index, 1, rank)),
            Encoding::Sparse => sparse::each_run(self.registers(), show)?,
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::NotHyperLogLog => "no HyperLogLog",
            Fault::Corrupt => "a HyperLogLog whose runs are not its registers",
        })
    }
}

impl std::error::Error for Fault {}
