//! The input of a fuzzer as a row of decisions.
//!
//! Each question takes a few bytes from the front; behind the end every answer is zero, so any
//! bytes are a whole input and a short one is a small case. Nearby inputs make nearby cases, which
//! is what a fuzzer climbs on.

/// What is left of an input.
pub struct Tape<'a> {
    rest: &'a [u8],
}

impl<'a> Tape<'a> {
    pub fn new(bytes: &'a [u8]) -> Tape<'a> {
        Tape { rest: bytes }
    }

    pub fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        *first
    }

    pub fn bool(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number in `0..n`, from as few bytes as can hold all of them.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no number is below zero");
        let width = (64 - (n - 1).leading_zeros()).div_ceil(8);
        (0..width).fold(0u64, |sum, _| sum << 8 | u64::from(self.byte())) % n
    }

    /// One of these.
    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// Bytes from the tape itself, at most so many.
    pub fn bytes(&mut self, len_max: usize) -> &'a [u8] {
        let len = (self.below(len_max as u64 + 1) as usize).min(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    /// Bytes of any length at the cost of few: short ones from the tape, long ones a pattern.
    pub fn text(&mut self, len_max: usize) -> Vec<u8> {
        let len = self.below(len_max as u64 + 1) as usize;
        if len <= 32 {
            return self.bytes(32).iter().copied().take(len).collect();
        }
        let (start, step) = (self.byte(), self.byte());
        let byte = |at: usize| start.wrapping_add(step.wrapping_mul(at as u8));
        (0..len).map(byte).collect()
    }

    /// An integer where things tend to break, or any other.
    pub fn integer(&mut self) -> i64 {
        const EDGES: &[i64] = &[
            0,
            1,
            -1,
            2,
            7,
            8,
            63,
            64,
            127,
            128,
            255,
            256,
            1000,
            65_535,
            65_536,
            1_048_576,
            536_870_911,
            2_147_483_647,
            2_147_483_648,
            -2_147_483_648,
            4_294_967_295,
            4_294_967_296,
            1_700_000_000,
            1_700_000_000_000,
            9_007_199_254_740_993,
            i64::MAX,
            i64::MAX - 1,
            i64::MIN,
            i64::MIN + 1,
        ];
        match self.below(4) {
            0 => i64::from(self.byte() as i8),
            1 => self.below(1 << 16) as i64,
            2 => *self.pick(EDGES),
            _ => self.below(u64::MAX) as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_ends_in_zeros() {
        let mut tape = Tape::new(&[3, 1, 2]);
        assert_eq!(tape.below(2), 1);
        assert_eq!(tape.below(1000), 0x0102);
        assert!(tape.is_over());
        assert_eq!((tape.byte(), tape.below(u64::MAX)), (0, 0));
        assert_eq!(tape.bytes(10), b"");
        assert_eq!(tape.text(10), b"");
    }
}
