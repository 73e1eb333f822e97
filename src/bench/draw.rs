//! What is drawn for one run of a question.

use super::cpu_only::{CpuOnlyOptions, SCRAPE_INTERVAL, START};
use super::queries::{QUESTIONS, Question};
use crate::error::{Error, Result};
use crate::kernel::Random;
use crate::model::{Span, TimeRange, Timestamp};

/// Minutes of the answer of [`Question::LastMinutes`].
pub(super) const LAST_MINUTES: usize = 5;

/// What one run asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The numbers of the hosts, ascending; none where all are asked for.
    pub hosts: Vec<usize>,
    /// The window, or all of the time.
    pub range: TimeRange,
}

impl Question {
    /// Whether a fleet has as many hosts and hours as it asks for.
    pub fn fits(self, fleet: CpuOnlyOptions) -> bool {
        self.hosts().unwrap_or(1) <= fleet.hosts && self.hours() <= fleet.hours
    }

    /// Draws `runs` runs. The same fleet has the same runs of a question, whatever else is asked,
    /// and more of them begin with the same ones. An error where the question does not fit.
    pub fn draw(self, fleet: CpuOnlyOptions, runs: usize) -> Result<Vec<Ask>> {
        if !self.fits(fleet) {
            let (hosts, hours) = (self.hosts().unwrap_or(1), self.hours());
            return Err(Error::invalid(format!(
                "{} asks for {hosts} hosts and {hours} h, more than the load has",
                self.name()
            )));
        }
        let place = QUESTIONS.iter().take_while(|(_, question)| *question != self).count();
        let mut seeds = Random::new(fleet.seed.rotate_left(32));
        let seed = (0..=place).map(|_| seeds.bits()).last().unwrap_or_default();
        let mut random = Random::new(seed);
        Ok((0..runs).map(|_| self.draw_one(fleet, &mut random)).collect())
    }

    fn draw_one(self, fleet: CpuOnlyOptions, random: &mut Random) -> Ask {
        let hosts = some_of(fleet.hosts, self.hosts().unwrap_or(0), random);
        let whole = Span::from_nanos(i64::from(fleet.hours) * Span::HOUR.nanos());
        if self.hours() == 0 {
            return Ask { hosts, range: TimeRange { start: START, end: START.plus(whole) } };
        }
        let days = whole.nanos() / Span::DAY.nanos();
        let length = match self {
            Self::FleetByDay => Span::from_nanos(days * Span::DAY.nanos()),
            _ => Span::from_nanos(i64::from(self.hours()) * Span::HOUR.nanos()),
        };
        let step = self.start_step().nanos();
        let places = (whole.nanos() - length.nanos()) / step + 1;
        let offset = step * random.below(places as usize) as i64;
        let start = START.plus(Span::from_nanos(offset));
        Ask { hosts, range: TimeRange { start, end: start.plus(length) } }
    }

    /// The samples that lie in what is asked for, in all series that are: of the last point of each
    /// series one, and of the last minutes those in them.
    pub fn samples(self, ask: &Ask, fleet: CpuOnlyOptions) -> u64 {
        let hosts = if ask.hosts.is_empty() { fleet.hosts } else { ask.hosts.len() };
        let scrapes = match self {
            Self::LastPoint => 1,
            Self::LastMinutes => {
                LAST_MINUTES as i64 * Span::MINUTE.nanos() / SCRAPE_INTERVAL.nanos()
            }
            _ => scrapes_before(ask.range.end) - scrapes_before(ask.range.start),
        };
        scrapes as u64 * (hosts * self.metrics()) as u64
    }
}

fn scrapes_before(instant: Timestamp) -> i64 {
    (instant.since(START).nanos() + SCRAPE_INTERVAL.nanos() - 1) / SCRAPE_INTERVAL.nanos()
}

/// Some different numbers below `all`, ascending, every choice as likely (Floyd, 1987).
fn some_of(all: usize, count: usize, random: &mut Random) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(count);
    for last in all.saturating_sub(count)..all {
        let number = random.below(last + 1);
        chosen.push(if chosen.contains(&number) { last } else { number });
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLEET: CpuOnlyOptions = CpuOnlyOptions { seed: 3, hosts: 12, hours: 26 };

    fn question(name: &str) -> Question {
        name.parse().unwrap()
    }

    #[test]
    fn windows_lie_in_the_data_and_start_where_the_answers_steps_do() {
        let end = START.plus(Span::from_seconds(26 * 3_600));
        for (name, question) in QUESTIONS {
            let asks = question.draw(FLEET, 300).unwrap();
            assert_eq!(asks[..7], question.draw(FLEET, 7).unwrap(), "{name}");
            for Ask { hosts, range } in &asks {
                assert_eq!(hosts.len(), question.hosts().unwrap_or(0), "{name}");
                assert!(hosts.is_sorted_by(|a, b| a < b) && hosts.iter().all(|host| *host < 12));
                assert!(START <= range.start && range.end <= end, "{name}");
                let offset = range.start.since(START).nanos();
                assert_eq!(offset % question.start_step().nanos(), 0, "{name}");
                if question.hours() > 0 {
                    let seconds = 3_600 * i64::from(question.hours());
                    assert_eq!(range.span(), Span::from_seconds(seconds), "{name}");
                }
            }
            // Both ends of the data are reached where there are few places.
            if question == Question::FleetByDay {
                assert!(asks.iter().all(|ask| ask.range.start == START), "{name}");
            } else if question.hours() == 24 {
                let starts = |hour| {
                    asks.iter().filter(move |ask| {
                        ask.range.start == START.plus(Span::from_seconds(3_600 * hour))
                    })
                };
                assert!((0..=2_i64).all(|hour| starts(hour).count() > 60), "{name}");
            }
        }
        assert_ne!(question("lastpoint").name(), "");
        let hosts = |asks: Vec<Ask>| asks.into_iter().map(|ask| ask.hosts).collect::<Vec<_>>();
        let (one, other) = (question("single-groupby-1-8-1"), question("single-groupby-5-8-1"));
        assert_ne!(hosts(one.draw(FLEET, 9).unwrap()), hosts(other.draw(FLEET, 9).unwrap()));
    }

    #[test]
    fn every_host_is_as_likely() {
        let mut counts = [0; 12];
        let mut random = Random::new(5);
        for _ in 0..6_000 {
            for host in some_of(12, 8, &mut random) {
                counts[host] += 1;
            }
        }
        // 4,000 each, with a standard error of 37.
        assert!(counts.iter().all(|count| (3_850..4_150).contains(count)), "{counts:?}");
        assert_eq!(some_of(3, 3, &mut random), [0, 1, 2]);
    }

    #[test]
    fn samples_are_those_asked_for() {
        let samples = |name: &str| {
            let question = question(name);
            question.samples(&question.draw(FLEET, 1).unwrap()[0], FLEET)
        };
        assert_eq!(samples("single-groupby-5-8-1"), 5 * 8 * 360);
        assert_eq!(samples("double-groupby-all"), 10 * 12 * 4_320);
        assert_eq!(samples("high-cpu-all"), 10 * 12 * 4_320);
        assert_eq!(samples("lastpoint"), 10 * 12);
        assert_eq!(samples("groupby-orderby-limit"), 12 * 30);
        assert_eq!(samples("fleet-p95"), 12 * 8_640);
        assert_eq!(samples("fleet-all-by-hour"), 10 * 12 * 8_640);
        assert_eq!(samples("fleet-by-day"), 12 * 8_640);
    }

    #[test]
    fn whole_days_are_all_that_there_are() {
        for (hours, days) in [(24, 1), (47, 1), (48, 2), (720, 30)] {
            let fleet = CpuOnlyOptions { hours, ..FLEET };
            let range = question("fleet-by-day").draw(fleet, 1).unwrap()[0].range;
            assert_eq!((range.start, range.span()), (START, Span::from_seconds(86_400 * days)));
        }
        assert!(!question("fleet-by-day").fits(CpuOnlyOptions { hours: 23, ..FLEET }));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let small = CpuOnlyOptions { hosts: 7, hours: 11, ..FLEET };
        let why = question("single-groupby-1-8-1").draw(small, 1).unwrap_err().to_string();
        assert_eq!(why, "single-groupby-1-8-1 asks for 8 hosts and 1 h, more than the load has");
        assert!(!question("high-cpu-all").fits(small) && question("cpu-max-all-1").fits(small));
        assert!("lastpoints".parse::<Question>().is_err());
    }
}
