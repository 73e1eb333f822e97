//! A seeded generator, so that a fleet can be made again from its seed.

/// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub(super) struct Prng(u64);

const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

impl Prng {
    /// The stream of one thing (`which`) of one owner; streams of other pairs are unrelated.
    pub(super) fn stream(seed: u64, owner: u64, which: u64) -> Self {
        let mut prng = Self(seed);
        for part in [owner, which] {
            prng = Self(prng.next() ^ part.wrapping_mul(STRIDE).rotate_left(17));
        }
        prng
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STRIDE);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[low, high)`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64))
    }

    /// A whole number in `0..bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.between(0.0, 1.0) < probability
    }

    /// Close to a standard normal: the sum of four uniform numbers, scaled to unit variance. Never
    /// beyond 3.47, and one draw of 64 bits instead of logarithms.
    pub(super) fn normal(&mut self) -> f64 {
        let bits = self.next();
        let sum =
            (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
        // The sum of four uniform on [0, 65535] has mean 2 x 65535 and variance 4 x 65536^2 / 12.
        (sum as f64 - 131_070.0) * (1.732_050_807_568_877_2 / 65_536.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_numbers_of_splitmix64() {
        // From the authors' reference program with seed 1234567.
        let mut prng = Prng(1_234_567);
        let found = [prng.next(), prng.next(), prng.next()];
        assert_eq!(
            found,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn normal_has_mean_0_and_variance_1() {
        let mut prng = Prng::stream(1, 2, 3);
        let drawn: Vec<f64> = (0..100_000).map(|_| prng.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 1e5;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / 1e5;
        // Four standard errors: 4 / sqrt(1e5) of the mean, 4 sqrt(2 / 1e5) of the variance.
        assert!(mean.abs() < 0.0127 && (variance - 1.0).abs() < 0.018, "{mean} {variance}");
    }

    #[test]
    fn streams_differ_by_each_of_their_parts() {
        let first = |seed, owner, which| Prng::stream(seed, owner, which).next();
        let base = first(1, 2, 3);
        for other in [first(2, 2, 3), first(1, 3, 3), first(1, 2, 4), first(1, 3, 2)] {
            assert_ne!(base, other);
        }
    }
}
