//! Alerts on the rate at which the budget burns.

use super::slo::Slo;

/// A service that burns its budget more slowly than this keeps it, and alerts nobody.
const BURN_RATE_MIN: f64 = 1.0;

/// What an alert does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Wakes somebody.
    Page,
    /// Waits for a working day.
    Ticket,
}

/// An alert on two windows: the long one says that it matters, the short one that it goes on (SRE
/// workbook, chapter 5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BurnAlert {
    /// What it does.
    pub severity: Severity,
    /// The long window, in hours.
    pub long_hours: f64,
    /// The short window, in hours: a twelfth of the long one.
    pub short_hours: f64,
    /// The burn rate that both must exceed.
    pub burn_rate: f64,
    /// The share of the budget that is gone when the long window has burnt at that rate.
    pub spent: f64,
}

impl BurnAlert {
    /// The workbook's three: 2% of the budget in an hour, 5% in six, 10% in three days. Over 30
    /// days their burn rates are 14.4, 6 and 1. None is lower than 1, however short the period.
    ///
    /// ```
    /// use plimsoll::capacity::budget::{BurnAlert, Slo};
    /// let slo = Slo::new(0.999, 30.0)?;
    /// let [hour, ..] = BurnAlert::workbook(&slo);
    /// assert!((hour.burn_rate - 14.4).abs() < 1e-9);
    /// // Long over: the long window still burns, the short one no longer does.
    /// assert!(hour.fires(20.0, 15.0) && !hour.fires(20.0, 0.0));
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn workbook(slo: &Slo) -> [Self; 3] {
        [(Severity::Page, 1.0, 0.02), (Severity::Page, 6.0, 0.05), (Severity::Ticket, 72.0, 0.1)]
            .map(|(severity, long_hours, spent)| {
                let burn_rate = slo.burn_for(spent, long_hours).max(BURN_RATE_MIN);
                let spent = spent.max(slo.spent(BURN_RATE_MIN, long_hours));
                let short_hours = long_hours / 12.0;
                Self { severity, long_hours, short_hours, burn_rate, spent }
            })
    }

    /// Whether it fires at the burn rates of its two windows.
    pub fn fires(&self, long_burn_rate: f64, short_burn_rate: f64) -> bool {
        long_burn_rate > self.burn_rate && short_burn_rate > self.burn_rate
    }

    /// How long an outage that burns evenly lasts until it fires, in minutes, after a time in which
    /// all was well; `None` where it never does.
    pub fn detection_minutes(&self, burn_rate: f64) -> Option<f64> {
        (burn_rate > self.burn_rate).then(|| 60.0 * self.long_hours * self.burn_rate / burn_rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workbook_of_thirty_days_and_of_others() {
        // SRE workbook, table 5-8: windows, burn rates, shares of the budget.
        let slo = Slo::new(0.999, 30.0).unwrap();
        let alerts = BurnAlert::workbook(&slo);
        for (alert, (burn, short)) in
            alerts.iter().zip([(14.4, 5.0 / 60.0), (6.0, 0.5), (1.0, 6.0)])
        {
            assert!((alert.burn_rate / burn - 1.0).abs() < 1e-12, "{alert:?}");
            assert!((alert.short_hours / short - 1.0).abs() < 1e-12);
            assert!(
                (slo.spent(alert.burn_rate, alert.long_hours) / alert.spent - 1.0).abs() < 1e-12
            );
        }
        let quarter = BurnAlert::workbook(&Slo::new(0.999, 90.0).unwrap());
        assert!((quarter[0].burn_rate - 43.2).abs() < 1e-9, "the same share, a longer period");
        let week = BurnAlert::workbook(&Slo::new(0.999, 7.0).unwrap());
        assert!((week[0].burn_rate - 3.36).abs() < 1e-9);
        assert_eq!(week[2].burn_rate, 1.0, "who keeps the budget of a week is left alone");
        assert!((week[2].spent - 72.0 / 168.0).abs() < 1e-12);
    }

    #[test]
    fn a_total_outage_is_seen_within_a_minute_and_a_drizzle_never() {
        let [hour, _, days] = BurnAlert::workbook(&Slo::new(0.999, 30.0).unwrap());
        // All is bad: burn rate 1,000; 14.4 / 1000 of an hour.
        assert!((hour.detection_minutes(1_000.0).unwrap() - 0.864).abs() < 1e-9);
        assert_eq!(hour.detection_minutes(14.0), None);
        assert!(days.detection_minutes(2.0).unwrap() > 2_000.0);
        assert!(!hour.fires(14.4, 100.0) && hour.fires(14.5, 100.0), "it must be exceeded");
    }
}
