//! The colour of what is left: Aria Operations' thresholds.

/// Percent of a capacity that are rounding: 0.3 less 0.27 is a little less than a tenth of 0.3.
const ROUNDING: f64 = 1e-7;

/// How worried to be. Ordered: what is worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing to do.
    Green,
    /// Look at it.
    Yellow,
    /// Act soon.
    Orange,
    /// Nothing is left.
    Red,
}

impl State {
    /// Of the capacity remaining: green from 10% on, yellow below, orange below 5%, red at 0 and
    /// below (Aria Operations; capacity.md 2.8).
    ///
    /// ```
    /// use plimsoll::capacity::remaining::State;
    /// assert_eq!(State::of_percent(10.0), State::Green);
    /// assert_eq!(State::of_percent(9.99), State::Yellow);
    /// ```
    pub fn of_percent(percent: f64) -> Self {
        match percent {
            percent if percent >= 10.0 - ROUNDING => Self::Green,
            percent if percent >= 5.0 - ROUNDING => Self::Yellow,
            percent if percent > ROUNDING => Self::Orange,
            _ => Self::Red,
        }
    }

    /// Of the time remaining: green from 120 days on, yellow below, orange below 60, red below 30
    /// (Aria Operations; capacity.md 2.8). `None`: not within the horizon.
    pub fn of_days(days: Option<f64>) -> Self {
        match days {
            None => Self::Green,
            Some(days) if days >= 120.0 => Self::Green,
            Some(days) if days >= 60.0 => Self::Yellow,
            Some(days) if days >= 30.0 => Self::Orange,
            Some(_) => Self::Red,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Red => "red",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Green, Orange, Red, Yellow};

    #[test]
    fn each_edge_belongs_to_the_better_colour_but_nothing_left_is_red() {
        let percents = [42.0, 10.0, 9.9, 5.0, 4.9, 0.1, 0.0, -3.0];
        let expected = [Green, Green, Yellow, Yellow, Orange, Orange, Red, Red];
        assert_eq!(percents.map(State::of_percent), expected);
        // 10%, 5% and nothing, but for rounding.
        let left = |capacity: f64, demand: f64| 100.0 * (capacity - demand) / capacity;
        let percents = [left(0.3, 0.27), left(1.4, 1.33), left(0.1 + 0.2, 0.3)];
        assert!(percents[0] < 10.0 && percents[1] < 5.0 && percents[2] > 0.0, "{percents:?}");
        assert_eq!(percents.map(State::of_percent), [Green, Yellow, Red]);
        let days = [None, Some(120.0), Some(119.0), Some(60.0), Some(59.0), Some(30.0), Some(29.0)];
        let expected = [Green, Green, Yellow, Yellow, Orange, Orange, Red];
        assert_eq!(days.map(State::of_days), expected);
        assert!(Red > Orange && Yellow > Green);
    }
}
