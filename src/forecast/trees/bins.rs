//! Which bin of a feature a value lies in.

use super::Examples;

/// Bins of a feature, at most; the first is that of values that are not known.
pub(super) const BINS: usize = 128;
/// Examples that borders are read from, at most.
const LOOKED_AT: usize = 16_384;

/// Where each feature is cut: the greatest value of each bin but the last, ascending.
#[derive(Debug, Clone)]
pub(super) struct Borders(Vec<Vec<f32>>);

impl Borders {
    /// Such that about as many examples fall into each bin.
    pub(super) fn of(examples: &Examples) -> Self {
        let apart = examples.len().div_ceil(LOOKED_AT).max(1);
        let borders = |feature: usize| {
            let looked_at = (0..examples.len()).step_by(apart);
            let mut values: Vec<f32> = looked_at
                .map(|at| examples.row(at)[feature])
                .filter(|value| value.is_finite())
                .collect();
            values.sort_by(f32::total_cmp);
            let cuts = BINS - 2;
            let mut borders: Vec<f32> = (1..=cuts)
                .filter_map(|cut| values.get(cut * values.len() / (cuts + 1)).copied())
                .collect();
            borders.dedup();
            borders
        };
        Self((0..examples.width).map(borders).collect())
    }

    /// The bin of a value.
    pub(super) fn bin(&self, feature: usize, value: f32) -> u8 {
        if value.is_nan() {
            return 0;
        }
        1 + self.0[feature].partition_point(|border| *border < value) as u8
    }

    /// How many bins a feature has.
    pub(super) fn bins(&self, feature: usize) -> usize {
        self.0[feature].len() + 2
    }

    /// The greatest value of a bin that has one after it.
    pub(super) fn greatest(&self, feature: usize, bin: usize) -> f32 {
        // Only what is not known is not greater.
        bin.checked_sub(1).map_or(f32::NEG_INFINITY, |at| self.0[feature][at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bin_whose_greatest_it_does_not_exceed() {
        let mut examples = Examples::new(2);
        for at in 0..10_000 {
            let known = if at % 3 == 0 { f32::NAN } else { (at % 5) as f32 };
            examples.push(&[(at * 7 % 10_000) as f32, known], 0.0);
        }
        let borders = Borders::of(&examples);
        assert_eq!(borders.bins(0), BINS);
        let mut counts = [0; BINS];
        for at in 0..10_000 {
            let (feature, value) = (0, at as f32);
            let bin = usize::from(borders.bin(feature, value));
            counts[bin] += 1;
            assert!(bin + 1 == BINS || value <= borders.greatest(feature, bin));
            assert!(value > borders.greatest(feature, bin - 1));
        }
        // All alike but for the first, which is of what is not known.
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|count| (75..=85).contains(count)), "{counts:?}");
        // Few values have a bin each.
        assert_eq!([0.0, 1.0, 2.0, 3.0, 4.0].map(|value| borders.bin(1, value)), [1, 2, 3, 4, 5]);
        assert_eq!(borders.bin(1, f32::NAN), 0);
    }
}
