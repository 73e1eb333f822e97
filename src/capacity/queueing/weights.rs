//! Weights of states, each a known multiple of the one before.

/// Probabilities of the states `0 ..= last`, where state `n + 1` is `ratio(n)` times as likely as
/// state `n`, and the ratios fall. They are multiplied outwards from the likeliest state, so that
/// none overflows, and those that are too small for a number are 0.
pub(super) fn probabilities(last: usize, ratio: impl Fn(usize) -> f64) -> Vec<f64> {
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = usize::midpoint(low, high);
        if ratio(middle) > 1.0 { low = middle + 1 } else { high = middle }
    }
    let likeliest = low;
    let mut weights = vec![0.0; last + 1];
    weights[likeliest] = 1.0;
    for state in likeliest..last {
        weights[state + 1] = weights[state] * ratio(state);
    }
    for state in (0..likeliest).rev() {
        weights[state] = weights[state + 1] / ratio(state);
    }
    let sum: f64 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

/// Poisson probabilities of mean `mean`, up to where all that follow are too small to matter.
pub(super) fn poisson(mean: f64) -> Vec<f64> {
    // 40 standard deviations, and a constant for small means.
    let last = (mean + 40.0 * mean.sqrt() + 60.0).ceil() as usize;
    probabilities(last, |count| mean / (count + 1) as f64)
}
