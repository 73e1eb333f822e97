//! From values to places on a chart, and the ticks beside them: amounts, days, and bands.

use crate::model::{Span, Timestamp};

/// Larger amounts have no place: the ends of an axis must be a finite way apart.
const AMOUNT_MAX: f64 = 1e300;

/// Amounts on a straight axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Linear {
    from: f64,
    to: f64,
    /// Places of the ends.
    place: (f64, f64),
}

impl Linear {
    /// An axis that holds all values and ends at ticks; `zero` asks for 0 on it. Without a finite
    /// value it goes from 0 to 1.
    pub(super) fn nice(
        values: impl Iterator<Item = f64>,
        zero: bool,
        ticks: usize,
        place: (f64, f64),
    ) -> Self {
        let finite = values.filter(|value| value.abs() <= AMOUNT_MAX);
        let (mut low, mut high) = finite
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if zero {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        if low == high {
            let around = if low == 0.0 { 1.0 } else { low.abs() * 0.5 };
            (low, high) = (low - around, high + around);
        }
        let step = nice_step(high - low, ticks);
        let (from, to) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { from, to, place }
    }

    /// An axis with these ends.
    pub(super) fn exact(from: f64, to: f64, place: (f64, f64)) -> Self {
        Self { from, to, place }
    }

    /// The place of a value. What lies beyond the axis is beyond its place too, but never far.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = ((value - self.from) / (self.to - self.from)).clamp(-1.0, 2.0);
        self.place.0 + share * (self.place.1 - self.place.0)
    }

    /// Round values, about so many.
    pub(super) fn ticks(&self, count: usize) -> Vec<f64> {
        let step = nice_step(self.to - self.from, count);
        let (first, last) = ((self.from / step).ceil(), (self.to / step).floor());
        if !(first.is_finite() && last.is_finite()) || last - first > 100.0 {
            return Vec::new();
        }
        // Adding zero turns -0 into 0.
        (0..=(last - first) as u32).map(|at| (first + f64::from(at)) * step + 0.0).collect()
    }
}

/// One, two or five times a power of ten, about so many to a range (Heckbert, 1990).
fn nice_step(range: f64, count: usize) -> f64 {
    let rough = (range / count.max(1) as f64).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let share = rough / power;
    let nice = [1.0, 2.0, 5.0].into_iter().find(|nice| share <= nice * 1.000_001).unwrap_or(10.0);
    nice * power
}

/// Days on an axis, as days since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Days {
    from: f64,
    to: f64,
    place: (f64, f64),
}

/// A day with a line and words on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DayTick {
    pub(super) day: f64,
    pub(super) text: String,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Days {
    /// An axis from one day to another, at least a day later.
    pub(super) fn new(from: Timestamp, to: Timestamp, place: (f64, f64)) -> Self {
        let (from, to) = (day_number(from), day_number(to));
        Self { from, to: to.max(from + 1.0), place }
    }

    /// The ends of the axis.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// The place of an instant; at the ends for what lies beyond.
    pub(super) fn place(&self, at: Timestamp) -> f64 {
        self.place_of(day_number(at))
    }

    /// The place of a day since 1970.
    pub(super) fn place_of(&self, day: f64) -> f64 {
        let share = ((day - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        self.place.0 + share * (self.place.1 - self.place.0)
    }

    /// Days, Mondays, firsts of months or of years: at most so many.
    pub(super) fn ticks(&self, most: usize) -> Vec<DayTick> {
        let (first, last) = (self.from.ceil() as i64, self.to.floor() as i64);
        let days = (last - first).max(0) as usize / most.max(1);
        let mut ticks: Vec<DayTick> = Vec::new();
        let mut year = String::new();
        for day in first..=last {
            // No axis is longer than a life; a year has one tick at least.
            let date = date_of(day);
            if !is_tick(day, &date, days) {
                continue;
            }
            let with_year = date[..4] != year;
            date[..4].clone_into(&mut year);
            ticks.push(DayTick { day: day as f64, text: words(&date, with_year, days) });
        }
        ticks
    }
}

/// Whether a day has a tick where ticks are about `apart` days from each other.
fn is_tick(day: i64, date: &str, apart: usize) -> bool {
    let month = date[5..7].parse::<usize>().unwrap_or(1) - 1;
    let first = &date[8..] == "01";
    match apart {
        0 => true,
        1 => day % 2 == 0,
        // 1970-01-05 was a Monday.
        2..=6 => day % 7 == 4,
        7..=13 => day % 14 == 4,
        14..=30 => first,
        31..=90 => first && month.is_multiple_of(3),
        _ => first && month == 0,
    }
}

/// `14 Sep`, with the year where it is another one, and without the day where all are firsts.
fn words(date: &str, with_year: bool, apart: usize) -> String {
    let month = date[5..7].parse::<usize>().ok().and_then(|at| MONTHS.get(at.wrapping_sub(1)));
    let month = month.copied().unwrap_or_default();
    let day = date[8..].trim_start_matches('0');
    match (apart, with_year) {
        (91.., _) => date[..4].to_owned(),
        (14..=90, true) => format!("{month} {}", &date[..4]),
        (14..=90, false) => month.to_owned(),
        (_, true) => format!("{day} {month} {}", &date[..4]),
        (_, false) => format!("{day} {month}"),
    }
}

/// Days since 1970, with their fraction.
pub(super) fn day_number(at: Timestamp) -> f64 {
    at.nanos() as f64 / Span::DAY.nanos() as f64
}

fn date_of(day: i64) -> String {
    Timestamp::from_seconds(day.saturating_mul(86_400)).date()
}

/// `14 Sep 2026`.
pub(super) fn long_date(at: Timestamp) -> String {
    words(&at.date(), true, 0)
}

/// Equal bands below each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bands {
    pub(super) from: f64,
    pub(super) height: f64,
}

impl Bands {
    /// The top of a band.
    pub(super) fn top(&self, index: usize) -> f64 {
        self.from + self.height * index as f64
    }

    /// The middle of a band.
    pub(super) fn middle(&self, index: usize) -> f64 {
        self.top(index) + self.height / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_have_round_ticks_and_room() {
        let axis = Linear::nice([3.0, 97.0].into_iter(), true, 5, (200.0, 0.0));
        assert_eq!(axis.ticks(5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!([0.0, 50.0, 100.0].map(|value| axis.place(value)), [200.0, 100.0, 0.0]);
        let axis = Linear::nice([0.0013, 0.0029].into_iter(), false, 4, (0.0, 1.0));
        let near = |found: Vec<f64>, wanted: &[f64]| {
            assert_eq!(found.len(), wanted.len(), "{found:?}");
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        };
        near(axis.ticks(4), &[0.001, 0.0015, 0.002, 0.0025, 0.003]);
        let axis = Linear::nice([-5.0, 12.0].into_iter(), true, 4, (0.0, 1.0));
        near(axis.ticks(4), &[-5.0, 0.0, 5.0, 10.0, 15.0]);
    }

    #[test]
    fn no_values_and_hostile_ones_have_an_axis() {
        for values in [
            vec![],
            vec![f64::NAN],
            vec![f64::INFINITY, f64::NEG_INFINITY],
            vec![7.0],
            vec![0.0],
            vec![-3.0, -3.0],
            vec![f64::MAX, f64::MIN],
            vec![f64::MIN_POSITIVE],
        ] {
            let axis = Linear::nice(values.iter().copied(), false, 4, (100.0, 0.0));
            assert!(axis.ticks(4).len() <= 101, "{values:?}");
            let places = values.iter().map(|value| axis.place(*value));
            let inside = |place: f64| place.is_nan() || (-100.0..=200.0).contains(&place);
            assert!(places.into_iter().all(inside), "{values:?}");
        }
    }

    #[test]
    fn days_have_ticks_that_people_use() {
        let axis = |from: &str, to: &str| Days::new(day(from), day(to), (0.0, 100.0));
        let texts = |axis: Days, most| -> Vec<String> {
            axis.ticks(most).into_iter().map(|tick| tick.text).collect()
        };
        let fortnight = axis("2026-12-27", "2027-01-05");
        assert_eq!(texts(fortnight, 10)[..2], ["27 Dec 2026", "28 Dec"]);
        assert_eq!(texts(fortnight, 10)[5], "1 Jan 2027");
        // Mondays, and every second one.
        let quarter = axis("2026-06-09", "2026-09-06");
        assert_eq!(texts(quarter, 13)[..2], ["15 Jun 2026", "22 Jun"]);
        assert_eq!(quarter.ticks(8)[1].day - quarter.ticks(8)[0].day, 14.0);
        assert_eq!(texts(quarter, 4), ["Jul 2026", "Aug", "Sep"]);
        assert_eq!(texts(axis("2026-01-15", "2027-06-01"), 6)[..2], ["Apr 2026", "Jul"]);
        assert_eq!(texts(axis("2020-02-01", "2030-01-01"), 10)[..2], ["2021", "2022"]);
        assert_eq!(quarter.place(day("2026-06-09")), 0.0);
        assert_eq!(quarter.place(day("2029-06-09")), 100.0);
    }

    #[test]
    fn no_axis_has_more_ticks_than_it_has_room_for() {
        for days in (1..2_000).step_by(37) {
            let from = day("2026-03-11");
            let axis = Days::new(from, from.plus(Span::from_days(days)), (0.0, 1.0));
            for most in 1..12 {
                let count = axis.ticks(most).len();
                // Months are not of one length, and a year has a tick at least.
                let years = days as usize / 365 + 1;
                assert!(count <= (most + 2).max(years), "{days} days, {most}: {count}");
            }
        }
        // Before 1970, and where no Timestamp is.
        let axis = Days::new(day("1960-01-01"), day("1960-03-01"), (0.0, 1.0));
        assert_eq!(axis.ticks(3)[0].text, "Jan 1960");
    }
}
