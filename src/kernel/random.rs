//! Seeded random numbers: the same seed gives the same numbers on every machine.

/// The generator `SplitMix64` (Steele, Lea and Flood, 2014): 64 bits of state, one addition and a
/// hash per number. Good enough to draw paths from; not for secrets.
///
/// ```
/// use plimsoll::kernel::Random;
/// let (mut a, mut b) = (Random::new(7), Random::new(7));
/// assert_eq!(a.uniform(), b.uniform());
/// ```
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator with a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `[0, 1)`, in steps of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number in `0..bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.uniform() * bound as f64) as usize
    }

    /// A standard normal number (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A number of Student's t distribution with `freedom` >= 1 degrees; of the normal one above
    /// 60.
    pub fn student(&mut self, freedom: f64) -> f64 {
        let normal = self.normal();
        if freedom > 60.0 {
            return normal;
        }
        let freedom = freedom.max(1.0);
        normal / (2.0 * self.gamma(freedom / 2.0) / freedom).sqrt()
    }

    /// A number of the gamma distribution with scale 1: a cube of a normal number, kept or drawn
    /// anew (Marsaglia and Tsang, 2000). One normal number and one uniform one, nearly always.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * (1.0 - self.uniform()).powf(1.0 / shape);
        }
        let size = shape - 1.0 / 3.0;
        loop {
            let normal = self.normal();
            let cube = (1.0 + normal / (9.0 * size).sqrt()).powi(3);
            let bound = 0.5 * normal * normal + size * (1.0 - cube + cube.max(0.0).ln());
            if cube > 0.0 && (1.0 - self.uniform()).ln() < bound {
                return size * cube;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::new(1);
        let n = 100_000;
        let normal: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(n);
        let variance = normal.iter().map(|z| z * z).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        // Variance of t with 10 degrees: 10 / 8.
        let student = (0..n).map(|_| random.student(10.0).powi(2)).sum::<f64>() / f64::from(n);
        assert!((student - 1.25).abs() < 0.05, "{student}");
        // P(|t| > 1) with 1 degree (Cauchy) is 1 / 2, with 3 degrees 0.39100 (R: 2 * pt(-1, 3)).
        for (freedom, beyond) in [(1.0, 0.5), (3.0, 0.391)] {
            let found = (0..n).filter(|_| random.student(freedom).abs() > 1.0).count() as f64;
            assert!((found / f64::from(n) - beyond).abs() < 0.006, "{freedom}: {found}");
        }
        assert!((0..1_000).all(|_| random.below(7) < 7));
    }

    #[test]
    fn the_sequence_is_the_published_one() {
        // First outputs of SplitMix64 from seed 1234567, as in its authors' C program.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }
}
