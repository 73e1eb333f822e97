//! Quantiles that learn from whether they held, one float per level and series.

/// How far one outcome moves a level, against the share that is missed anyway.
const RATE: f64 = 0.02;
/// Levels stay this far from 0 and 1: beyond them no error was ever seen.
const LEVEL_MIN: f64 = 0.001;

/// The quantile to ask for so that a share `target` of values lies below it, by adaptive conformal
/// inference (Gibbs and Candes, 2021): `q <- q + rate (target - below)`, with `below` 1 where the
/// value that came lay below what was said, else 0. Whatever the values do, the share below tends
/// to `target`, by `1 / (rate n)` after `n` values as long as the level is not at its end.
///
/// An agent keeps one for each level of each of its series, asks
/// [`Outlook::quantile`](super::Outlook::quantile) at [`AdaptiveLevel::level`], and says how it
/// went: no back-test, no past values.
///
/// ```
/// use plimsoll::forecast::AdaptiveLevel;
/// use plimsoll::kernel::Random;
/// // Values are twice as widely spread as the forecast, which is a standard normal law, believes.
/// let (mut random, mut upper, mut below) = (Random::new(1), AdaptiveLevel::new(0.9), 0);
/// let quantile = |level: f64| 1.6 * (level - 0.5) / (1.0 - (2.0 * level - 1.0).powi(2)).sqrt();
/// for _ in 0..5_000 {
///     let held = 2.0 * random.normal() <= quantile(upper.level());
///     below += u32::from(held);
///     upper.learn(held);
/// }
/// assert!(upper.level() > 0.9);
/// assert!((f64::from(below) / 5_000.0 - 0.9).abs() < 0.02);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaptiveLevel {
    target: f64,
    moved: f32,
}

impl AdaptiveLevel {
    /// Starts at its target, between 0 and 1.
    pub fn new(target: f64) -> Self {
        Self { target, moved: 0.0 }
    }

    /// Goes on from what [`AdaptiveLevel::moved`] gave before.
    pub fn resume(target: f64, moved: f32) -> Self {
        Self { target, moved }
    }

    /// The quantile to ask for now.
    pub fn level(&self) -> f64 {
        (self.target + f64::from(self.moved)).clamp(LEVEL_MIN, 1.0 - LEVEL_MIN)
    }

    /// How far the level is from its target: all that an agent needs to keep.
    pub fn moved(&self) -> f32 {
        self.moved
    }

    /// Learns whether the value that came was at or below the quantile.
    pub fn learn(&mut self, held: bool) {
        let step = RATE * (self.target - f64::from(u8::from(held)));
        // From the end of the scale the way back begins at once.
        self.moved = (self.level() + step - self.target) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    #[test]
    fn the_share_below_tends_to_its_target_where_the_law_changes() {
        for target in [0.1, 0.5, 0.95] {
            let mut random = Random::new(7);
            let (mut level, mut below, mut plain) = (AdaptiveLevel::new(target), 0, 0);
            // A forecast of the logistic law, of values that shift and widen half way.
            let quantile = |level: f64| (level / (1.0 - level)).ln();
            for at in 0..20_000 {
                let value = quantile(random.uniform());
                let value = if at < 10_000 { value } else { 1.3 * value - 0.3 };
                let held = value <= quantile(level.level());
                below += u32::from(held);
                plain += u32::from(value <= quantile(target));
                level.learn(held);
            }
            let share = |count: u32| f64::from(count) / 20_000.0;
            assert!((share(below) - target).abs() < 0.01, "{target}: {}", share(below));
            assert!((share(plain) - target).abs() > 0.012, "{target}: nothing to learn");
            let again = AdaptiveLevel::resume(target, level.moved());
            assert_eq!(again.level(), level.level());
        }
    }

    #[test]
    fn it_comes_back_from_the_end_of_the_scale() {
        let mut level = AdaptiveLevel::new(0.9);
        for _ in 0..1_000 {
            level.learn(false);
        }
        assert_eq!(level.level(), 1.0 - LEVEL_MIN);
        for _ in 0..100 {
            level.learn(true);
        }
        assert!(level.level() < 0.9);
    }
}
