//! How much of a host's processors is kept free: Netflix's fit to the Erlang-C formula.

use crate::error::{Error, Result};

/// What a hyperthread is worth in the fit: a core without simultaneous multithreading counts as
/// `1 / 0.6` of them.
const THREAD_OF_CORE: f64 = 0.6;

/// The share of a host's processors that is to be kept free, so that less than 30% of the requests
/// wait: `0.712 / c^0.448` with `c` virtual processors, 1/0.6 times as many without simultaneous
/// multithreading (Netflix, service-capacity-modeling).
///
/// It is a fit. Below 8 processors it keeps less free than the Erlang-C formula asks for (0.3826 of
/// 4, exactly 0.3900), from 16 on more (0.1105 of 64, exactly 0.1025).
///
/// # Errors
///
/// Below one processor.
///
/// ```
/// use plimsoll::capacity::remaining::cpu_headroom_fit;
/// // capacity.md, 2.4, to the digits printed there.
/// assert!((cpu_headroom_fit(8.0, true)? - 0.2805).abs() < 5e-5);
/// assert!((cpu_headroom_fit(16.0, false)? - 0.16).abs() < 5e-3);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub fn cpu_headroom_fit(processors: f64, multithreaded: bool) -> Result<f64> {
    if !(processors.is_finite() && processors >= 1.0) {
        let what = format!("headroom of {processors} processors: give a number of 1 or more");
        return Err(Error::invalid(what));
    }
    let effective = if multithreaded { processors } else { processors / THREAD_OF_CORE };
    Ok(0.712 / effective.powf(0.448))
}

/// The share to be kept free where the demand may also grow by the factor `ratio`: what may be used
/// shrinks by it, `1 - (1 - headroom) / ratio`.
///
/// ```
/// use plimsoll::capacity::remaining::buffered_headroom;
/// assert_eq!(buffered_headroom(0.28, 2.0), 0.64);
/// ```
pub fn buffered_headroom(headroom: f64, ratio: f64) -> f64 {
    1.0 - (1.0 - headroom) / ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fit_gives_the_published_values() {
        // capacity.md, 2.4: the column "fit", printed to four digits.
        for (processors, fit) in
            [(4, 0.3826), (8, 0.2805), (16, 0.2056), (32, 0.1507), (64, 0.1105), (96, 0.0921)]
        {
            let found = cpu_headroom_fit(f64::from(processors), true).unwrap();
            assert!((found - fit).abs() < 5e-5, "{processors}: {found}");
        }
        // Netflix's own tests of 8 processors, alone and with buffers, and of 16 real cores.
        let eight = cpu_headroom_fit(8.0, true).unwrap();
        let real = cpu_headroom_fit(16.0, false).unwrap();
        for (found, printed) in [
            (eight, 0.28),
            (buffered_headroom(eight, 1.5), 0.52),
            (buffered_headroom(eight, 2.0), 0.64),
            (real, 0.16),
        ] {
            assert!((found - printed).abs() < 5e-3, "{printed}: {found}");
        }
    }

    #[test]
    fn less_than_a_processor_has_no_headroom() {
        for processors in [0.9, 0.0, -4.0, f64::NAN, f64::INFINITY] {
            assert!(cpu_headroom_fit(processors, true).is_err(), "{processors}");
        }
        assert!(cpu_headroom_fit(1.0, true).unwrap() < 1.0);
    }
}
