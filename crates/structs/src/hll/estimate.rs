//! The estimate: from how many registers have which rank to how many elements there were.
//!
//! This is the improved raw estimator of Otmar Ertl, algorithm 6 of "New cardinality estimation
//! algorithms for HyperLogLog sketches", arXiv:1702.01284. It needs neither tables of corrections
//! nor a switch between formulas, from none to very many elements:
//!
//! ```text
//!   m registers, C(k) of them of rank k, ranks from 0 to q + 1
//!
//!                          α m²
//!   ──────────────────────────────────────────────────
//!    m σ(C(0)/m)  +  Σ C(k) 2^-k  +  m τ(1 - C(q+1)/m) 2^-q
//! ```
//!
//! The sum is taken from the highest rank down, halving at each step. The steps are in the order
//! of Redis, so that the rounded result is too.

use super::{RANK_BITS, REGISTERS};

/// 1 / (2 ln 2), what α comes to as the registers become many.
const ALPHA: f64 = 0.5 / std::f64::consts::LN_2;

/// How many registers have each rank. Six bits can hold ranks that no element has.
pub struct Histogram([u32; 64]);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram([0; 64])
    }
}

impl Histogram {
    #[inline]
    pub fn add(&mut self, rank: u8, registers: usize) {
        self.0[usize::from(rank % 64)] += registers as u32;
    }

    /// At most `i64::MAX`, for registers that no elements have made.
    pub fn estimate(&self) -> u64 {
        let share = |rank: usize| f64::from(self.0[rank]) / REGISTERS as f64;
        let m = REGISTERS as f64;
        let highest = RANK_BITS as usize + 1;
        let mut sum = m * tau((m - f64::from(self.0[highest])) / m);
        for rank in (1..highest).rev() {
            sum = (sum + f64::from(self.0[rank])) * 0.5;
        }
        sum += m * sigma(share(0));
        // A division by zero is endless, and so is a share of 1 in σ: i64::MAX and 0.
        (ALPHA * m * m / sum).round() as i64 as u64
    }
}

/// x + Σ x^(2^k) 2^(k-1), k from 1 on: until nothing is added any more.
fn sigma(share: f64) -> f64 {
    if share == 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (share, 1.0, share);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

/// (1 - x - Σ (1 - x^(2^-k))² 2^-k) / 3, k from 1 on: until nothing is taken away any more.
fn tau(share: f64) -> f64 {
    if share == 0.0 || share == 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (share, 1.0, 1.0 - share);
    loop {
        root = root.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - root) * (1.0 - root) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}
