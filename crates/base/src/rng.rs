//! Seeded random numbers: xoshiro256++ (Blackman and Vigna, 2019), its state filled by SplitMix64.
//!
//! The same seed gives the same sequence on every machine and in every version of this crate,
//! because a failing test or simulation is reported as its seed. Whoever needs real chance draws a
//! seed from the operating system at the top floor and passes it down.
//!
//! Not for secrets: a handful of outputs reveals the state. Keys, tokens and hash seeds come from
//! the operating system instead.

/// A random sequence. Cloning it forks it: both copies continue with the same numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The sequence of this seed. Every seed is good, zero as well; neighbouring seeds are
    /// unrelated.
    #[must_use]
    pub fn new(seed: u64) -> Rng {
        // SplitMix64 cannot yield four zeros in a row, the one state xoshiro never leaves.
        let mut mix = seed;
        Rng {
            state: [(); 4].map(|()| split_mix(&mut mix)),
        }
    }

    /// 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let out = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        out
    }

    /// A number in `0..n`, each equally likely. `n` must not be zero.
    ///
    /// Lemire's method: the high half of a 128-bit product is the answer; the low half tells when a
    /// draw fell into the uneven remainder and must be repeated, which for small `n` practically
    /// never happens.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no number is below zero");
        let mut product = u128::from(self.next_u64()) * u128::from(n);
        if (product as u64) < n {
            let uneven = n.wrapping_neg() % n;
            while (product as u64) < uneven {
                product = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        (product >> 64) as u64
    }

    /// Fills the slice with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    /// A number in `0.0..1.0`, a multiple of 2⁻⁵³, each equally likely.
    #[inline]
    pub fn f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that a C program after the published algorithms prints.
    #[test]
    fn the_sequence_is_frozen() {
        let mut rng = Rng::new(0);
        assert_eq!(rng.next_u64(), 0x5317_5d61_490b_23df);
        assert_eq!(rng.next_u64(), 0x61da_6f3d_c380_d507);
        assert_eq!(rng.next_u64(), 0x5c0f_df91_ec9a_7bfc);
        let mut rng = Rng {
            state: [1, 2, 3, 4],
        };
        assert_eq!(rng.next_u64(), 41_943_041);
        assert_eq!(rng.next_u64(), 58_720_359);
        assert_eq!(rng.next_u64(), 3_588_806_011_781_223);
        assert_eq!(rng.next_u64(), 3_591_011_842_654_386);
    }

    #[test]
    fn below_is_even() {
        let mut rng = Rng::new(7);
        for n in [1, 2, 3, 7, 10] {
            let mut counts = vec![0u32; n as usize];
            for _ in 0..10_000 * n {
                counts[rng.below(n) as usize] += 1;
            }
            for count in counts {
                assert!((9_500..10_500).contains(&count), "n={n} count={count}");
            }
        }
    }

    /// With a remainder of a third, a biased draw would put two thirds of the numbers in the lower
    /// half.
    #[test]
    fn below_is_even_when_the_remainder_is_large() {
        let n = (1u64 << 63) + (1u64 << 62);
        let mut rng = Rng::new(11);
        let low = (0..30_000).filter(|_| rng.below(n) < n / 2).count();
        assert!((14_500..15_500).contains(&low), "{low}");
        assert!((0..1_000).all(|_| rng.below(n) < n && rng.below(u64::MAX) < u64::MAX));
    }

    #[test]
    fn fill_leaves_no_byte_out() {
        let mut rng = Rng::new(3);
        for len in 0..40 {
            let mut seen = vec![0u8; len];
            for _ in 0..20 {
                let mut bytes = vec![0u8; len];
                rng.fill(&mut bytes);
                seen.iter_mut().zip(&bytes).for_each(|(s, b)| *s |= b);
            }
            assert!(seen.iter().all(|&b| b != 0));
        }
    }

    #[test]
    fn f64_stays_in_its_half_open_range() {
        let mut rng = Rng::new(5);
        let draws: Vec<f64> = (0..10_000).map(|_| rng.f64()).collect();
        assert!(draws.iter().all(|x| (0.0..1.0).contains(x)));
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        assert!((0.48..0.52).contains(&mean), "{mean}");
    }

    #[test]
    fn seeds_and_clones() {
        let mut a = Rng::new(1);
        let mut b = a.clone();
        assert_eq!(a.next_u64(), b.next_u64());
        assert_ne!(Rng::new(1).next_u64(), Rng::new(2).next_u64());
    }
}
