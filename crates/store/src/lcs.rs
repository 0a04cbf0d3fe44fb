//! The longest common subsequence of two strings.
//!
//! The textbook fills a table of lengths, `L(i, j)` for the first `i` bytes of
//! one string and the first `j` of the other. Along a row those lengths grow by
//! 0 or 1, so one bit per cell says it all, and a row is made from the one
//! above it 64 cells at a time (Hyyrö, "Bit-parallel LCS-length computation
//! revisited", 2004):
//!
//! ```text
//!         b:  m y n e w t e x t
//!   a: m      0 1 1 1 1 1 1 1 1        a 0 where the length grows
//!      y      0 0 1 1 1 1 1 1 1
//!      t      0 0 1 1 1 0 1 1 1        row' = (row + (row & hit)) | (row & !hit)
//! ```
//!
//! The bits also tell the way back. Where two bytes differ, the textbook goes
//! up if the length above is greater than the one to the left. The length here
//! is the greater of both: it exceeds the one to the left if and only if this
//! bit is 0.
//!
//! Of several longest ones this finds the one that the textbook's walk from the
//! far corner finds, going left when both ways are equally good.

/// A stretch that both strings have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Where it begins in the one.
    pub a: usize,
    /// Where it begins in the other.
    pub b: usize,
    pub len: usize,
}

/// How long it is. Takes memory in proportion to `b` alone.
pub fn length(a: &[u8], b: &[u8]) -> usize {
    let hits = Hits::of(a, b);
    let mut row = vec![u64::MAX; hits.words];
    for byte in a {
        step(&mut row, hits.of_byte(*byte));
    }
    row.iter().map(|word| word.count_zeros() as usize).sum()
}

/// The subsequence itself.
pub fn subsequence(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut common = Vec::new();
    walk(a, b, |i, _| common.push(a[i]));
    common.reverse();
    common
}

/// The stretches that it consists of, last first.
pub fn matches(a: &[u8], b: &[u8]) -> Vec<Match> {
    let mut matches: Vec<Match> = Vec::new();
    walk(a, b, |i, j| match matches.last_mut() {
        Some(last) if last.a == i + 1 && last.b == j + 1 => {
            (last.a, last.b) = (i, j);
            last.len += 1;
        }
        _ => matches.push(Match { a: i, b: j, len: 1 }),
    });
    matches
}

/// Visit the positions of all common bytes, last first. Takes a bit of memory
/// per cell of the table, rounded up to whole words per row.
fn walk(a: &[u8], b: &[u8], mut visit: impl FnMut(usize, usize)) {
    if a.is_empty() || b.is_empty() {
        return;
    }
    let hits = Hits::of(a, b);
    let mut rows: Vec<u64> = Vec::with_capacity(a.len() * hits.words);
    let mut row = vec![u64::MAX; hits.words];
    for byte in a {
        step(&mut row, hits.of_byte(*byte));
        rows.extend_from_slice(&row);
    }
    let (mut i, mut j) = (a.len() - 1, b.len() - 1);
    loop {
        let grows = rows[i * hits.words + j / 64] >> (j % 64) & 1 == 0;
        let common = a[i] == b[j];
        if common {
            visit(i, j);
        }
        // Both ways are open after a common byte, else one of them.
        let (up, left) = (common || grows, common || !grows);
        if (up && i == 0) || (left && j == 0) {
            return;
        }
        i -= usize::from(up);
        j -= usize::from(left);
    }
}

/// Make a row from the one above it.
fn step(row: &mut [u64], hits: &[u64]) {
    let mut carry = false;
    for (word, hit) in row.iter_mut().zip(hits) {
        let (sum, over) = word.overflowing_add(*word & hit);
        let (sum, over_again) = sum.overflowing_add(u64::from(carry));
        carry = over || over_again;
        *word = sum | (*word & !hit);
    }
}

/// Where in `b` each byte of `a` occurs, as rows of bits, lowest first.
struct Hits {
    words: usize,
    rows: Vec<u64>,
    /// By byte: its row's number.
    numbers: [u16; 256],
}

impl Hits {
    fn of(a: &[u8], b: &[u8]) -> Hits {
        const NONE: u16 = u16::MAX;
        let mut numbers = [NONE; 256];
        let mut count = 0;
        for byte in a {
            let number = &mut numbers[usize::from(*byte)];
            if *number == NONE {
                *number = count;
                count += 1;
            }
        }
        let words = b.len().div_ceil(64);
        let mut rows = vec![0; usize::from(count) * words];
        for (j, byte) in b.iter().enumerate() {
            let number = numbers[usize::from(*byte)];
            if number != NONE {
                rows[usize::from(number) * words + j / 64] |= 1 << (j % 64);
            }
        }
        Hits {
            words,
            rows,
            numbers,
        }
    }

    /// The row of a byte of `a`.
    fn of_byte(&self, byte: u8) -> &[u64] {
        let number = usize::from(self.numbers[usize::from(byte)]);
        &self.rows[number * self.words..][..self.words]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The twin: the textbook's table and its walk.
    fn naive(a: &[u8], b: &[u8]) -> (usize, Vec<(usize, usize)>) {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table[i][j] = if a[i - 1] == b[j - 1] {
                    table[i - 1][j - 1] + 1
                } else {
                    table[i - 1][j].max(table[i][j - 1])
                };
            }
        }
        let (mut i, mut j) = (a.len(), b.len());
        let mut common = Vec::new();
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                common.push((i, j));
            } else if table[i - 1][j] > table[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        (table[a.len()][b.len()], common)
    }

    fn check(a: &[u8], b: &[u8]) {
        let (len, common) = naive(a, b);
        assert_eq!(length(a, b), len);
        let mut walked = Vec::new();
        walk(a, b, |i, j| walked.push((i, j)));
        assert_eq!(walked, common);
        let text: Vec<u8> = common.iter().rev().map(|(i, _)| a[*i]).collect();
        assert_eq!(subsequence(a, b), text);
        let matches = matches(a, b);
        let positions = |m: &Match| {
            (0..m.len)
                .rev()
                .map(|i| (m.a + i, m.b + i))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            matches.iter().flat_map(positions).collect::<Vec<_>>(),
            common
        );
        let apart = |pair: &[Match]| {
            let (late, early) = (pair[0], pair[1]);
            (early.a + early.len, early.b + early.len) != (late.a, late.b)
        };
        assert!(matches.windows(2).all(apart), "each as long as can be");
    }

    #[test]
    fn ohmytext_and_mynewtext() {
        let stretch = |a, b, len| Match { a, b, len };
        let found = matches(b"ohmytext", b"mynewtext");
        assert_eq!(found, [stretch(4, 5, 4), stretch(2, 0, 2)]);
        assert_eq!(subsequence(b"ohmytext", b"mynewtext"), b"mytext");
    }

    #[test]
    fn words_meet_without_a_seam() {
        let text = |len: usize, salt: usize| -> Vec<u8> {
            (0..len).map(|i| b'a' + (i * salt / 3 % 5) as u8).collect()
        };
        for (a, b) in [
            (64, 64),
            (63, 65),
            (200, 129),
            (1, 300),
            (300, 1),
            (0, 9),
            (9, 0),
        ] {
            check(&text(a, 7), &text(b, 11));
            check(&text(a, 5), &text(b, 5));
        }
    }

    proptest! {
        #[test]
        fn against_the_textbook(
            a in prop::collection::vec(0u8..4, 0..150),
            b in prop::collection::vec(0u8..5, 0..150),
        ) {
            check(&a, &b);
        }
    }
}
