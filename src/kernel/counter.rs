//! Counters: what one gained between two of its values.

/// What a counter gained from `before` to `after`: the difference, or where it fell, which is a
/// reset, all that it has come to since.
///
/// ```
/// use plimsoll::kernel::growth;
/// assert_eq!((growth(5.0, 9.0), growth(9.0, 2.0)), (4.0, 2.0));
/// ```
#[inline]
pub fn growth(before: f64, after: f64) -> f64 {
    if after < before { after } else { after - before }
}
