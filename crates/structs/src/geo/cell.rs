//! A cell of the map: so many halvings of both axes, as interleaved bits.
//!
//! ```text
//!   two steps      lon bits   00  01  10  11
//!                  lat 11   │ 05  07  13  15 │      0b lon lat lon lat
//!                      10   │ 04  06  12  14 │
//!                      01   │ 01  03  09  11 │
//!                      00   │ 00  02  08  10 │
//! ```
//!
//! East of the last column lies the first one again, and so it is with the rows.

use std::ops::Range;

use super::{LATITUDES, LONGITUDES, Place};

/// Degrees along one axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Span {
    pub(super) fn contains(self, degrees: f64) -> bool {
        (self.min..=self.max).contains(&degrees)
    }

    /// How many of 2^`steps` equal parts lie before.
    fn part(self, degrees: f64, steps: u32) -> u32 {
        let share = (degrees - self.min) / (self.max - self.min);
        (share * (1u64 << steps) as f64) as u32
    }

    /// Where the part of this number lies.
    fn of_part(self, part: u32, steps: u32) -> Span {
        let (parts, width) = ((1u64 << steps) as f64, self.max - self.min);
        Span {
            min: self.min + f64::from(part) / parts * width,
            max: self.min + (f64::from(part) + 1.0) / parts * width,
        }
    }

    fn middle(self) -> f64 {
        (self.min + self.max) / 2.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) bits: u64,
    pub(super) steps: u32,
}

/// The bits of latitudes, and those of longitudes.
const ROWS: u64 = 0x5555_5555_5555_5555;
const COLUMNS: u64 = !ROWS;

impl Cell {
    pub(super) const STEPS_MAX: u32 = 26;

    pub(super) fn around(place: Place, longitudes: Span, latitudes: Span, steps: u32) -> Cell {
        let column = spread(longitudes.part(place.longitude, steps));
        let row = spread(latitudes.part(place.latitude, steps));
        let bits = column << 1 | row;
        Cell { bits, steps }
    }

    pub(super) fn longitudes(self) -> Span {
        LONGITUDES.of_part(gather(self.bits >> 1), self.steps)
    }

    pub(super) fn latitudes(self) -> Span {
        LATITUDES.of_part(gather(self.bits), self.steps)
    }

    pub(super) fn middle(self) -> Place {
        Place {
            longitude: self
                .longitudes()
                .middle()
                .clamp(LONGITUDES.min, LONGITUDES.max),
            latitude: self
                .latitudes()
                .middle()
                .clamp(LATITUDES.min, LATITUDES.max),
        }
    }

    /// The scores of its places.
    pub(super) fn scores(self) -> Range<u64> {
        let shift = 2 * (Cell::STEPS_MAX - self.steps);
        self.bits << shift..(self.bits + 1) << shift
    }

    pub(super) fn east(self) -> Cell {
        self.moved(COLUMNS, true)
    }

    pub(super) fn west(self) -> Cell {
        self.moved(COLUMNS, false)
    }

    pub(super) fn north(self) -> Cell {
        self.moved(ROWS, true)
    }

    pub(super) fn south(self) -> Cell {
        self.moved(ROWS, false)
    }

    /// One cell on along the axis of these bits. The bits of the other axis carry over from one
    /// bit to the next: all set on the way up, none on the way down.
    fn moved(self, axis: u64, up: bool) -> Cell {
        let all = u64::MAX >> (64 - 2 * self.steps);
        let (moving, staying) = (self.bits & axis, self.bits & !axis);
        let bridge = !axis & all;
        let moved = match up {
            true => moving + (bridge + 1),
            false => (moving | bridge).wrapping_sub(bridge + 1),
        };
        Cell {
            bits: moved & axis & all | staying,
            ..self
        }
    }
}

/// A bit of nothing behind each bit.
fn spread(bits: u32) -> u64 {
    let mut bits = u64::from(bits);
    for (shift, mask) in FOLDS.into_iter().rev() {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Every other bit.
fn gather(bits: u64) -> u32 {
    let mut bits = bits & ROWS;
    for (at, (shift, _)) in FOLDS.iter().enumerate() {
        let mask = FOLDS.get(at + 1).map_or(u32::MAX.into(), |(_, mask)| *mask);
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}

/// Groups of 1, 2, 4, 8 and 16 bits with as many of nothing between them, and how far the
/// next larger groups are to be moved to become such.
const FOLDS: [(u32, u64); 5] = [
    (1, ROWS),
    (2, 0x3333_3333_3333_3333),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (8, 0x00ff_00ff_00ff_00ff),
    (16, 0x0000_ffff_0000_ffff),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_spread_and_gathered() {
        assert_eq!(spread(u32::MAX), ROWS);
        for bits in [0, 1, 2, 3, 0x8000_0000, 0xdead_beef, 0x1234_5678, u32::MAX] {
            let one_by_one = (0..32).fold(0, |all, at| all | u64::from(bits >> at & 1) << (2 * at));
            assert_eq!(spread(bits), one_by_one);
            assert_eq!(gather(spread(bits)), bits);
            assert_eq!(gather(spread(bits) | COLUMNS), bits);
        }
    }

    #[test]
    fn moves_come_back_and_go_around() {
        for steps in [1, 2, 3, 26] {
            let columns = 1u64 << steps;
            let cell = Cell { bits: 0, steps };
            for moved in [cell.east().west(), cell.north().south(), cell.west().east()] {
                assert_eq!(moved, cell);
            }
            let last = spread((columns - 1) as u32);
            assert_eq!(cell.west().bits, last << 1);
            assert_eq!(cell.south().bits, last);
            assert_eq!(cell.west().south().east().north(), cell);
        }
        let mut cell = Cell { bits: 9, steps: 2 };
        let mut row = Vec::new();
        for _ in 0..4 {
            row.push(cell.bits);
            cell = cell.east();
        }
        assert_eq!(row, [9, 11, 1, 3]);
    }
}
