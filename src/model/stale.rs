//! The stale marker: a sample that says "from here on there is nothing", so that a series that has
//! ended is told from one whose sample is late.

/// The NaN that Prometheus sets apart for it (`value.StaleNaN`); every other NaN is a value that is
/// no number.
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The marker, to be appended as a sample when a host or a metric has gone.
///
/// ```
/// use plimsoll::{is_stale_marker, stale_marker};
/// assert!(stale_marker().is_nan() && is_stale_marker(stale_marker()));
/// assert!(!is_stale_marker(f64::NAN));
/// ```
pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_BITS)
}

/// Whether a sample is the marker.
#[inline]
pub fn is_stale_marker(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}
