//! False discoveries: of a thousand healthy hosts fifty show a trend at the 5% level by chance.

/// Which of many trends may be reported so that at most a share `q` of those reported is expected
/// to be chance (Benjamini and Hochberg, 1995): the largest k with `p_(k) <= k q / n`, and all
/// below.
///
/// ```
/// use plimsoll::capacity::exhaustion::benjamini_hochberg;
/// let found = benjamini_hochberg(&[0.001, 0.20, 0.03, 0.012], 0.05);
/// assert_eq!(found, [true, false, true, true]);
/// ```
pub fn benjamini_hochberg(p_values: &[f64], q: f64) -> Vec<bool> {
    let mut sorted = p_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let passes = |(rank, p): &(usize, &f64)| **p <= (*rank + 1) as f64 * q / n;
    let cut = sorted.iter().enumerate().filter(passes).map(|(_, p)| *p).next_back();
    p_values.iter().map(|p| cut.is_some_and(|cut| *p <= cut)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_paper() {
        // Benjamini and Hochberg (1995), section 3.2: 15 p-values, 4 rejected at q = 0.05.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        assert_eq!(benjamini_hochberg(&p, 0.05).iter().filter(|found| **found).count(), 4);
        assert!(benjamini_hochberg(&[], 0.05).is_empty());
        assert_eq!(benjamini_hochberg(&[0.5; 20], 0.05), [false; 20]);
    }
}
