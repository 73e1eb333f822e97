//! What a purchase costs a month: depreciation in a straight line.

use crate::error::{Error, Result};

/// A purchase whose value falls by the same amount each month of its life, from its price to what
/// it is still worth then.
///
/// ```
/// use plimsoll::capacity::cost::StraightLine;
/// let host = StraightLine::new(10_000.0, 1_000.0, 60.0)?;
/// assert_eq!(host.per_month(12.0), 150.0);
/// assert_eq!(host.book_value(12.0), 8_200.0);
/// assert_eq!((host.per_month(60.0), host.book_value(80.0)), (0.0, 1_000.0));
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StraightLine {
    price: f64,
    residual: f64,
    life_months: f64,
}

impl StraightLine {
    /// Bought for `price`, worth `residual` after `life_months`.
    ///
    /// # Errors
    ///
    /// Unless the residual value lies between 0 and the price, and the life is above 0.
    pub fn new(price: f64, residual: f64, life_months: f64) -> Result<Self> {
        let money = price.is_finite() && residual >= 0.0 && residual <= price;
        if !(money && life_months.is_finite() && life_months > 0.0) {
            return Err(Error::invalid(format!(
                "a price of {price}, worth {residual} after {life_months} months: give a price of \
                 0 or more, a residual value up to it, and a life above 0"
            )));
        }
        Ok(Self { price, residual, life_months })
    }

    /// What the month at an age costs: nothing once the life is over.
    pub fn per_month(&self, age_months: f64) -> f64 {
        let in_life = (0.0..self.life_months).contains(&age_months);
        if in_life { (self.price - self.residual) / self.life_months } else { 0.0 }
    }

    /// What it is worth at an age.
    pub fn book_value(&self, age_months: f64) -> f64 {
        let gone = (age_months / self.life_months).clamp(0.0, 1.0);
        self.price - (self.price - self.residual) * gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_months_of_a_life_add_up_to_what_is_lost() {
        let host = StraightLine::new(7_300.0, 700.0, 48.0).unwrap();
        let paid: f64 = (0..100).map(|month| host.per_month(f64::from(month))).sum();
        assert!((paid - 6_600.0).abs() < 1e-9);
        assert_eq!((host.book_value(0.0), host.book_value(48.0)), (7_300.0, 700.0));
        assert_eq!(host.per_month(-1.0), 0.0);
    }

    #[test]
    fn what_is_no_purchase_is_refused() {
        for (price, residual, life) in
            [(-1.0, 0.0, 1.0), (1.0, 2.0, 1.0), (1.0, 0.0, 0.0), (f64::NAN, 0.0, 1.0)]
        {
            assert!(StraightLine::new(price, residual, life).is_err(), "{price}");
        }
    }
}
