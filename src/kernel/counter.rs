//! Counters: what one gained between two of its values.

/// What a counter gained from `before` to `after`: the difference, or where it fell, which is a
/// reset, all that it has come to since. One that stands still gains nothing, at infinity too.
///
/// ```
/// use plimsoll::kernel::growth;
/// assert_eq!((growth(5.0, 9.0), growth(9.0, 2.0)), (4.0, 2.0));
/// assert_eq!(growth(f64::INFINITY, f64::INFINITY), 0.0);
/// ```
#[inline]
pub fn growth(before: f64, after: f64) -> f64 {
    let step = if after < before { after } else { after - before };
    if after == before { 0.0 } else { step }
}
