//! What a host draws and what that costs, cooling included.

use crate::error::{Error, Result};

/// Hours of a month, as clouds bill them: 8,760 hours of a year by 12.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// A host's electricity: in a straight line from idle to peak (Fan, Weber and Barroso 2007), and
/// for every kilowatt-hour of it `pue` of them paid, for cooling and distribution (power usage
/// effectiveness).
///
/// ```
/// use plimsoll::capacity::cost::Power;
/// let power = Power::new(100.0, 300.0, 1.5, 0.12)?;
/// assert_eq!(power.watts(0.5), 200.0);
/// // 0.2 kW * 1.5 * 730 h * 0.12.
/// assert!((power.per_month(0.5) - 26.28).abs() < 1e-9);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    idle_watts: f64,
    peak_watts: f64,
    pue: f64,
    price_per_kwh: f64,
}

impl Power {
    /// # Errors
    ///
    /// Unless the peak is no less than the idle draw, the PUE 1 or more, and the price 0 or more.
    pub fn new(idle_watts: f64, peak_watts: f64, pue: f64, price_per_kwh: f64) -> Result<Self> {
        let finite =
            [idle_watts, peak_watts, pue, price_per_kwh].iter().all(|number| number.is_finite());
        let sound = idle_watts >= 0.0 && peak_watts >= idle_watts && pue >= 1.0;
        if !(finite && sound && price_per_kwh >= 0.0) {
            return Err(Error::invalid(format!(
                "{idle_watts} W idle, {peak_watts} W at peak, PUE {pue}, {price_per_kwh} per kWh: \
                 give a peak no less than the idle draw, a PUE of 1 or more, no negative price"
            )));
        }
        Ok(Self { idle_watts, peak_watts, pue, price_per_kwh })
    }

    /// What the host draws at a utilisation between 0 and 1 (clamped).
    pub fn watts(&self, utilization: f64) -> f64 {
        self.idle_watts + (self.peak_watts - self.idle_watts) * utilization.clamp(0.0, 1.0)
    }

    /// What a month costs at a utilisation.
    pub fn per_month(&self, utilization: f64) -> f64 {
        self.watts(utilization) / 1_000.0 * self.pue * HOURS_PER_MONTH * self.price_per_kwh
    }

    /// What of it is paid for being switched on.
    pub fn idle_per_month(&self) -> f64 {
        self.per_month(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_a_line_from_idle_to_peak() {
        let power = Power::new(90.0, 210.0, 1.2, 0.10).unwrap();
        assert_eq!(
            [-1.0, 0.0, 0.5, 1.0, 2.0].map(|u| power.watts(u)),
            [90., 90., 150., 210., 210.]
        );
        // 0.09 kW * 1.2 * 730 h * 0.10.
        assert!((power.idle_per_month() - 7.884).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for (idle, peak, pue, price) in [
            (-1.0, 1.0, 1.0, 0.1),
            (2.0, 1.0, 1.0, 0.1),
            (1.0, 2.0, 0.9, 0.1),
            (1.0, 2.0, 1.0, -0.1),
            (1.0, f64::INFINITY, 1.0, 0.1),
        ] {
            assert!(Power::new(idle, peak, pue, price).is_err());
        }
    }
}
