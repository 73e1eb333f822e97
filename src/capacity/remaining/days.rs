//! How long it lasts: the days to exhaustion against the days that provisioning takes.

use super::state::State;
use crate::error::{Error, Result};

/// When a resource runs out.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceDays {
    /// Its name.
    pub name: String,
    /// In how many days; `None` where that is not within the horizon.
    pub days: Option<f64>,
}

/// The time remaining of several resources: as long as that of the shortest one.
///
/// A resource that runs out sooner than new capacity can be there is in breach of the provisioning
/// buffer, and one breach is enough (Aria Operations).
///
/// ```
/// use plimsoll::capacity::remaining::{ResourceDays, TimeRemaining};
/// let resource = |name: &str, days| ResourceDays { name: name.to_owned(), days };
/// // capacity.md, feature 9.
/// let resources = [
///     resource("cpu", Some(81.0)),
///     resource("memory", Some(5.0)),
///     resource("disk", Some(200.0)),
///     resource("network", None),
/// ];
/// let time = TimeRemaining::of(&resources, 30.0)?;
/// assert_eq!(time.shortest.as_ref().unwrap().name, "memory");
/// assert_eq!(time.breaches, ["memory"]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TimeRemaining {
    /// The resource that runs out first; `None` where none does within the horizon.
    pub shortest: Option<ResourceDays>,
    /// The names of those that run out within the provisioning buffer, soonest first.
    pub breaches: Vec<String>,
    /// The colour of the shortest.
    pub state: State,
}

impl TimeRemaining {
    /// # Errors
    ///
    /// Where days, or the buffer, are negative or no number. Days of 0 are an exhausted resource.
    pub fn of(resources: &[ResourceDays], buffer_days: f64) -> Result<Self> {
        let is_time = |days: f64| days.is_finite() && days >= 0.0;
        if !is_time(buffer_days) {
            let what = format!("a provisioning buffer of {buffer_days} days: give 0 or more");
            return Err(Error::invalid(what));
        }
        let bad = |resource: &&ResourceDays| resource.days.is_some_and(|days| !is_time(days));
        if let Some(ResourceDays { name, days: Some(days) }) = resources.iter().find(bad) {
            let what = format!("{name} runs out in {days} days: give 0 or more, or nothing");
            return Err(Error::invalid(what));
        }
        let mut dated: Vec<&ResourceDays> =
            resources.iter().filter(|resource| resource.days.is_some()).collect();
        let days = |resource: &ResourceDays| resource.days.unwrap_or(f64::INFINITY);
        dated.sort_by(|a, b| days(a).total_cmp(&days(b)));
        let breaches = dated.iter().filter(|resource| days(resource) < buffer_days);
        let breaches = breaches.map(|resource| resource.name.clone()).collect();
        let shortest = dated.first().map(|resource| (*resource).clone());
        let state = State::of_days(shortest.as_ref().and_then(|resource| resource.days));
        Ok(Self { shortest, breaches, state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: &[Option<f64>]) -> Vec<ResourceDays> {
        let named = days.iter().enumerate();
        named.map(|(at, days)| ResourceDays { name: format!("r{at}"), days: *days }).collect()
    }

    #[test]
    fn one_breach_is_enough_and_the_soonest_stands_first() {
        // capacity.md, 2.8: CPU 81, memory 5, disk 200, network beyond 365, buffer 30.
        let time =
            TimeRemaining::of(&days(&[Some(81.0), Some(5.0), Some(200.0), None]), 30.0).unwrap();
        assert_eq!((time.breaches.as_slice(), time.state), (&["r1".to_owned()][..], State::Red));
        let time = TimeRemaining::of(&days(&[Some(29.0), Some(0.0)]), 30.0).unwrap();
        assert_eq!(time.breaches, ["r1", "r0"]);
    }

    #[test]
    fn the_buffer_itself_is_time_enough() {
        let time = TimeRemaining::of(&days(&[Some(30.0)]), 30.0).unwrap();
        assert!(time.breaches.is_empty());
        let time = TimeRemaining::of(&days(&[None, None]), 30.0).unwrap();
        assert_eq!((time.shortest, time.state), (None, State::Green));
        assert!(TimeRemaining::of(&[], 30.0).unwrap().breaches.is_empty());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (days_left, buffer) in [(Some(-1.0), 30.0), (Some(f64::NAN), 30.0), (None, -1.0)] {
            assert!(TimeRemaining::of(&days(&[days_left]), buffer).is_err(), "{days_left:?}");
        }
    }
}
