//! The sparse form: runs of equal registers, in the order of the registers.
//!
//! ```text
//!   00llllll             run + 1 zeros                      1 to 64
//!   01llllll llllllll    run + 1 zeros                      1 to 16384
//!   1vvvvvll             run + 1 registers of rank v + 1    1 to 4, ranks 1 to 32
//! ```
//!
//! Raising a register splits its run in up to three, and then joins neighbours of the same rank:
//!
//! ```text
//!   Z:16384              raise 1000 to 3    ─►   Z:1000 v:3,1 Z:15383
//!   Z:1000 v:3,1 Z:15383 raise 1001 to 3    ─►   Z:1000 v:3,2 Z:15382
//! ```
//!
//! Redis joins in a window of five runs, from the one before the change on, and equal bytes want
//! the same window. Zeros are never joined: a register does not become zero.

use std::fmt::Write;

use super::{Fault, HEADER_BYTES, Mark, REGISTERS};

const SHORT_ZEROS_MAX: usize = 64;
const RANK_MAX: u8 = 32;
const RANK_RUN_MAX: usize = 4;
/// So many runs are looked at to be joined.
const JOINED_MAX: usize = 5;

/// No sound value is longer: each register in a run of its own, of two bytes.
pub const BYTES_MAX: usize = HEADER_BYTES + 2 * REGISTERS;

/// What came of raising a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// The register has the rank, or a higher one.
    Done,
    /// Nothing is changed: the rank or the runs do not fit.
    TooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    ShortZeros { run: usize },
    LongZeros { run: usize },
    Ranks { rank: u8, run: usize },
}

/// The run that has a register.
struct Spot {
    at: usize,
    op: Op,
    /// Where the run before begins, if there is one.
    previous: Option<usize>,
    /// How many registers of this run are before the one looked for, and how many after.
    before: usize,
    after: usize,
}

/// Raise a register of a whole value, header included. The fault that it meets is before or at the
/// register.
pub(super) fn raise(bytes: &mut Vec<u8>, mark: Mark, bytes_max: usize) -> Result<Raised, Fault> {
    if mark.rank > RANK_MAX {
        return Ok(Raised::TooLarge);
    }
    let spot = find(bytes, mark.index)?;
    if spot.op.rank() >= mark.rank {
        return Ok(Raised::Done);
    }
    let mut pieces = Pieces::default();
    pieces.push_like(spot.op, spot.before);
    pieces.push(Op::Ranks {
        rank: mark.rank,
        run: 1,
    });
    pieces.push_like(spot.op, spot.after);
    let pieces = pieces.bytes();
    let end = spot.at + spot.op.size();
    let grows = pieces.len() > spot.op.size();
    if grows && bytes.len() - spot.op.size() + pieces.len() > bytes_max {
        return Ok(Raised::TooLarge);
    }
    bytes.splice(spot.at..end, pieces.iter().copied());
    join(bytes, spot.previous.unwrap_or(HEADER_BYTES));
    Ok(Raised::Done)
}

/// The rank of a register of a whole value.
pub(super) fn get(bytes: &[u8], index: u16) -> Result<u8, Fault> {
    Ok(find(bytes, index)?.op.rank())
}

/// Show all runs, without a header: the first register, how many, their rank.
pub(super) fn each_run(runs: &[u8], mut show: impl FnMut(usize, usize, u8)) -> Result<(), Fault> {
    let (mut at, mut first) = (0, 0);
    while at < runs.len() {
        let op = Op::read(runs, at).ok_or(Fault::Corrupt)?;
        if op.run() > REGISTERS - first {
            return Err(Fault::Corrupt);
        }
        show(first, op.run(), op.rank());
        first += op.run();
        at += op.size();
    }
    match first == REGISTERS {
        true => Ok(()),
        false => Err(Fault::Corrupt),
    }
}

/// All runs in words, if they are those of all registers.
pub(super) fn describe(runs: &[u8]) -> Result<String, Fault> {
    each_run(runs, |_, _, _| ())?;
    let (mut at, mut words) = (0, String::new());
    while let Some(op) = Op::read(runs, at) {
        let gap = if at > 0 { " " } else { "" };
        let written = match op {
            Op::ShortZeros { run } => write!(words, "{gap}z:{run}"),
            Op::LongZeros { run } => write!(words, "{gap}Z:{run}"),
            Op::Ranks { rank, run } => write!(words, "{gap}v:{rank},{run}"),
        };
        written.expect("a string takes anything");
        at += op.size();
    }
    Ok(words)
}

/// Add a run of zeros, in the shortest form.
pub(super) fn push_zeros(bytes: &mut Vec<u8>, run: usize) {
    let mut pieces = Pieces::default();
    pieces.push_like(Op::LongZeros { run }, run);
    bytes.extend_from_slice(pieces.bytes());
}

fn find(bytes: &[u8], index: u16) -> Result<Spot, Fault> {
    if bytes.len() > BYTES_MAX {
        return Err(Fault::Corrupt);
    }
    let (mut at, mut previous) = (HEADER_BYTES, None);
    // How many registers come before the one looked for, from this run on.
    let mut before = usize::from(index);
    loop {
        let op = Op::read(bytes, at).ok_or(Fault::Corrupt)?;
        if before < op.run() {
            let after = op.run() - before - 1;
            return Ok(Spot {
                at,
                op,
                previous,
                before,
                after,
            });
        }
        before -= op.run();
        previous = Some(at);
        at += op.size();
    }
}

/// Join neighbours of the same rank, from `at` on.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOINED_MAX {
        let Some(op) = Op::read(bytes, at) else {
            return;
        };
        let next = at + op.size();
        if let Op::Ranks { rank, run } = op
            && let Some(Op::Ranks {
                rank: next_rank,
                run: next_run,
            }) = Op::read(bytes, next)
            && rank == next_rank
            && run + next_run <= RANK_RUN_MAX
        {
            bytes.remove(at);
            bytes[at] = Op::ranks_byte(rank, run + next_run);
        } else {
            at = next;
        }
    }
}

impl Op {
    /// The run that begins here, if it is all there.
    #[inline]
    fn read(bytes: &[u8], at: usize) -> Option<Op> {
        let first = *bytes.get(at)?;
        let low = usize::from(first & 0x3f);
        Some(match first >> 6 {
            0 => Op::ShortZeros { run: low + 1 },
            1 => Op::LongZeros {
                run: (low << 8 | usize::from(*bytes.get(at + 1)?)) + 1,
            },
            _ => Op::Ranks {
                rank: (first >> 2 & 0x1f) + 1,
                run: usize::from(first & 3) + 1,
            },
        })
    }

    fn ranks_byte(rank: u8, run: usize) -> u8 {
        0x80 | (rank - 1) << 2 | (run - 1) as u8
    }

    #[inline]
    fn run(self) -> usize {
        match self {
            Op::ShortZeros { run } | Op::LongZeros { run } | Op::Ranks { run, .. } => run,
        }
    }

    fn rank(self) -> u8 {
        match self {
            Op::Ranks { rank, .. } => rank,
            _ => 0,
        }
    }

    #[inline]
    fn size(self) -> usize {
        match self {
            Op::LongZeros { .. } => 2,
            _ => 1,
        }
    }
}

/// The runs that take the place of one: at most two long ones and one of a single register.
#[derive(Default)]
struct Pieces {
    bytes: [u8; 5],
    len: usize,
}

impl Pieces {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// A part of a run, if it is one.
    fn push_like(&mut self, whole: Op, run: usize) {
        match whole {
            _ if run == 0 => (),
            Op::Ranks { rank, .. } => self.push(Op::Ranks { rank, run }),
            _ if run <= SHORT_ZEROS_MAX => self.push(Op::ShortZeros { run }),
            _ => self.push(Op::LongZeros { run }),
        }
    }

    fn push(&mut self, op: Op) {
        let packed = match op {
            Op::ShortZeros { run } => [(run - 1) as u8, 0],
            Op::LongZeros { run } => [0x40 | ((run - 1) >> 8) as u8, (run - 1) as u8],
            Op::Ranks { rank, run } => [Op::ranks_byte(rank, run), 0],
        };
        self.bytes[self.len..self.len + op.size()].copy_from_slice(&packed[..op.size()]);
        self.len += op.size();
    }
}
