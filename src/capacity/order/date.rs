//! By when to order: the date of exhaustion at a risk, less the lead time.

use crate::capacity::exhaustion::FirstPassage;
use crate::error::{Error, Result};

/// When a resource runs out, as a distribution over the days from now.
///
/// ```
/// use plimsoll::capacity::order::ExhaustionTime;
/// // Five simulated futures, in one of which it never runs out.
/// let time = ExhaustionTime::futures(vec![30.0, 50.0, 40.0, f64::INFINITY, 90.0])?;
/// assert_eq!(time.quantile_days(0.4), Some(40.0));
/// assert_eq!(time.quantile_days(0.9), None);
/// assert_eq!(time.within(50.0), 0.6);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ExhaustionTime(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Passage(FirstPassage),
    /// Sorted, at least one; infinite: never.
    Futures(Vec<f64>),
}

/// What passes between deciding and having.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeadTime {
    /// From the order to the capacity in use, in days.
    pub lead_days: f64,
    /// From one chance to order to the next, in days, the first being today; 0: any day.
    pub review_days: f64,
}

/// By when to order.
///
/// ```
/// use plimsoll::capacity::exhaustion::FirstPassage;
/// use plimsoll::capacity::order::{ExhaustionTime, LeadTime, OrderDate};
/// // capacity.md, feature 2: P5 is 70.8002 days.
/// let time = ExhaustionTime::from(FirstPassage::new(100.0, 1.0, 2.0)?);
/// let date = OrderDate::of(&time, LeadTime { lead_days: 45.0, review_days: 0.0 }, 0.05)?;
/// assert!((date.order_by_days.unwrap() - 25.8002).abs() < 1e-4);
/// assert!((date.risk.unwrap() - 0.05).abs() < 1e-9);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderDate {
    /// The last day on which an order keeps the risk, from today; negative where that has passed.
    /// `None` where it never runs out with that probability.
    pub order_by_days: Option<f64>,
    /// The day to order on: the last review on or before that, and today at the earliest.
    pub order_on_days: Option<f64>,
    /// The probability that it runs out before what is ordered on that day is there.
    pub risk: Option<f64>,
    /// The same of an order today: the least that is left.
    pub risk_today: f64,
}

impl From<FirstPassage> for ExhaustionTime {
    fn from(passage: FirstPassage) -> Self {
        Self(Kind::Passage(passage))
    }
}

impl ExhaustionTime {
    /// A day that is known; `None`: never.
    ///
    /// # Errors
    ///
    /// Unless the day is 0 or more.
    pub fn known(days: Option<f64>) -> Result<Self> {
        Self::futures(vec![days.unwrap_or(f64::INFINITY)])
    }

    /// One day per simulated future, infinite where it never runs out.
    ///
    /// # Errors
    ///
    /// Without a future; unless each day is 0 or more.
    pub fn futures(mut days: Vec<f64>) -> Result<Self> {
        if days.is_empty() {
            return Err(Error::not_enough_data("no future says when it runs out"));
        }
        if let Some(bad) = days.iter().find(|days| days.is_nan() || **days < 0.0) {
            let what = format!("a future runs out after {bad} days: give 0 or more, or infinity");
            return Err(Error::invalid(what));
        }
        days.sort_by(f64::total_cmp);
        Ok(Self(Kind::Futures(days)))
    }

    /// The probability that it runs out within `days`.
    pub fn within(&self, days: f64) -> f64 {
        match &self.0 {
            Kind::Passage(passage) => passage.within(days),
            Kind::Futures(futures) => {
                futures.partition_point(|future| *future <= days) as f64 / futures.len() as f64
            }
        }
    }

    /// The days within which it runs out with probability `level`; `None` where it never does with
    /// as much.
    pub fn quantile_days(&self, level: f64) -> Option<f64> {
        match &self.0 {
            Kind::Passage(passage) => passage.quantile_days(level),
            Kind::Futures(futures) => {
                let rank = (level * futures.len() as f64 * (1.0 - 4.0 * f64::EPSILON)).ceil();
                let days = futures[(rank as usize).clamp(1, futures.len()) - 1];
                days.is_finite().then_some(days)
            }
        }
    }
}

impl LeadTime {
    /// How far ahead the quantity has to be enough: until what is ordered at the next chance is
    /// there.
    pub fn horizon_days(&self) -> f64 {
        self.lead_days + self.review_days
    }

    /// # Errors
    ///
    /// Unless both are finite and 0 or more.
    pub fn check(&self) -> Result<()> {
        let Self { lead_days, review_days } = self;
        if [lead_days, review_days].iter().all(|days| days.is_finite() && **days >= 0.0) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "a lead time of {lead_days} days and a review every {review_days}: give 0 or more"
        )))
    }
}

impl OrderDate {
    /// By when to order, so that it runs out before the order has arrived with probability `risk`
    /// at the most.
    ///
    /// # Errors
    ///
    /// Unless the risk lies between 0 and 1; what [`LeadTime::check`] says.
    pub fn of(time: &ExhaustionTime, lead: LeadTime, risk: f64) -> Result<Self> {
        lead.check()?;
        if !(risk > 0.0 && risk < 1.0) {
            let what = format!("a risk of {risk}: give a probability between 0 and 1");
            return Err(Error::invalid(what));
        }
        let LeadTime { lead_days, review_days } = lead;
        let order_by_days = time.quantile_days(risk).map(|days| days - lead_days);
        let order_on_days = order_by_days.map(|by| {
            let on = if review_days > 0.0 { (by / review_days).floor() * review_days } else { by };
            on.max(0.0)
        });
        let risk_of = |on: f64| time.within(on + lead_days);
        let (risk, risk_today) = (order_on_days.map(risk_of), risk_of(0.0));
        Ok(Self { order_by_days, order_on_days, risk, risk_today })
    }

    /// Whether an order today is too late for the risk that was asked for.
    pub fn is_overdue(&self) -> bool {
        self.order_by_days.is_some_and(|days| days < 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(lead_days: f64, review_days: f64) -> LeadTime {
        LeadTime { lead_days, review_days }
    }

    fn walk() -> ExhaustionTime {
        ExhaustionTime::from(FirstPassage::new(100.0, 1.0, 2.0).unwrap())
    }

    #[test]
    fn the_date_is_a_quantile_less_the_lead_time() {
        // capacity.md, feature 2: P5, P50 and P95 of the passage.
        for (risk, days) in [(0.05, 70.800_2), (0.5, 98.045_3), (0.95, 135.867)] {
            let date = OrderDate::of(&walk(), lead(45.0, 0.0), risk).unwrap();
            assert!(((date.order_by_days.unwrap() + 45.0) / days - 1.0).abs() < 1e-6);
            assert!((date.risk.unwrap() - risk).abs() < 1e-9 && !date.is_overdue());
        }
        // P(T <= 60) = 0.006277.
        let date = OrderDate::of(&walk(), lead(60.0, 0.0), 0.05).unwrap();
        assert!((date.risk_today - 0.006_277).abs() < 5e-7);
    }

    #[test]
    fn an_order_waits_for_no_review_that_comes_too_late() {
        let date = OrderDate::of(&walk(), lead(30.0, 14.0), 0.05).unwrap();
        // By day 40.8; reviews are on days 0, 14, 28, 42.
        assert_eq!(date.order_on_days, Some(28.0));
        assert!(date.risk.unwrap() < 0.05 && date.risk.unwrap() > date.risk_today);
        assert_eq!(lead(30.0, 14.0).horizon_days(), 44.0);
    }

    #[test]
    fn what_is_too_late_is_ordered_today_and_its_risk_told() {
        let date = OrderDate::of(&walk(), lead(90.0, 7.0), 0.05).unwrap();
        assert!(date.is_overdue() && date.order_by_days.unwrap() < -19.0);
        assert_eq!(date.order_on_days, Some(0.0));
        assert!(date.risk.unwrap() > 0.05);
        assert_eq!(date.risk, Some(date.risk_today));
    }

    #[test]
    fn what_never_runs_out_has_no_date() {
        let never = ExhaustionTime::known(None).unwrap();
        let date = OrderDate::of(&never, lead(30.0, 0.0), 0.05).unwrap();
        assert_eq!((date.order_by_days, date.risk, date.risk_today), (None, None, 0.0));
        let away = ExhaustionTime::from(FirstPassage::new(2.0, -0.5, 1.0).unwrap());
        assert_eq!(OrderDate::of(&away, lead(1.0, 0.0), 0.5).unwrap().order_by_days, None);
        let known = ExhaustionTime::known(Some(100.0)).unwrap();
        let date = OrderDate::of(&known, lead(30.0, 0.0), 0.05).unwrap();
        assert_eq!(date.order_by_days, Some(70.0));
    }

    #[test]
    fn what_is_no_time_and_no_risk_is_refused() {
        assert!(ExhaustionTime::futures(Vec::new()).is_err());
        assert!(ExhaustionTime::futures(vec![1.0, f64::NAN]).is_err());
        assert!(ExhaustionTime::known(Some(-1.0)).is_err());
        for risk in [0.0, 1.0, f64::NAN] {
            assert!(OrderDate::of(&walk(), lead(1.0, 0.0), risk).is_err());
        }
        for bad in [lead(-1.0, 0.0), lead(1.0, f64::INFINITY)] {
            assert!(OrderDate::of(&walk(), bad, 0.5).is_err());
        }
    }
}
