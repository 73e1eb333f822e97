//! The course of one resource on one host: what its use would be, as a share of the limit, at every
//! scrape of past and future.

use super::host::ServiceLoad;
use super::prng::Prng;
use super::{Calendar, Tick};

/// How fast noise forgets, per scrape of 5 minutes: half of it is gone after 35 minutes.
pub(super) const NOISE_KEPT: f64 = 0.9;
/// How much of the range below a ceiling is bent, so that tops are not cut flat.
const BEND: f64 = 0.12;
/// A process that was restarted has this share of its memory, and the rest after some hours.
const COLD: f64 = 0.5;
const WARM_UP_DAYS: f64 = 0.25;
/// Spread of the daily amounts that leak, relative, and how much of it a day hands to the next.
const LEAK_SPREAD: f64 = 0.3;
const LEAK_KEPT: f64 = 0.5;

/// What shapes a course. All amounts are shares of the limit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Course {
    /// Without any load.
    pub(super) base: f64,
    /// More at the full load of the service.
    pub(super) swing: f64,
    /// By how much the swing grows per day, relative to its beginning.
    pub(super) growth_per_day: f64,
    /// The day from which on it grows.
    pub(super) growth_from: f64,
    /// Added per day, for good.
    pub(super) drift_per_day: f64,
    /// From this day on the swing is multiplied: a new version was deployed.
    pub(super) deploy: Option<(f64, f64)>,
    pub(super) leak: Option<Leak>,
    pub(super) sawtooth: Option<Sawtooth>,
    /// Added in the first hours of every month, which close the one before.
    pub(super) month_closing: f64,
    /// Standard deviation of the noise, relative to the use.
    pub(super) noise: f64,
    /// Bursts per day, each up to an hour of up to a third more.
    pub(super) bursts_per_day: f64,
    /// Whether it falls with a reboot and comes back slowly.
    pub(super) warms_up: bool,
    /// Never reached: what is too much is turned away or cleaned up. 1 is the limit itself.
    pub(super) ceiling: f64,
}

/// Something that is never given back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leak {
    /// Days since the start.
    pub(super) from: f64,
    pub(super) per_day: f64,
}

/// Files that pile up and are rotated away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sawtooth {
    pub(super) per_day: f64,
    /// How high they pile up.
    pub(super) height: f64,
}

/// A course under way. Ticks must come in order, from 0.
#[derive(Debug)]
pub(super) struct Signal<'a> {
    course: Course,
    load: &'a ServiceLoad,
    prng: Prng,
    days_per_tick: f64,
    noise_kept: f64,
    noise: f64,
    leaked: f64,
    leak_mood: f64,
    leak_today: f64,
    piled: f64,
    height: f64,
    burst: f64,
    burst_ticks: usize,
}

impl<'a> Signal<'a> {
    pub(super) fn new(
        course: Course,
        load: &'a ServiceLoad,
        mut prng: Prng,
        calendar: &Calendar,
    ) -> Self {
        let days_per_tick = 1.0 / calendar.ticks_per_day as f64;
        let height = course.sawtooth.map_or(0.0, |saw| saw.height);
        Self {
            course,
            load,
            days_per_tick,
            noise_kept: NOISE_KEPT.powf(days_per_tick * 288.0),
            noise: 0.0,
            leaked: 0.0,
            leak_mood: 0.0,
            leak_today: 0.0,
            piled: prng.between(0.0, height),
            height,
            burst: 0.0,
            burst_ticks: 0,
            prng,
        }
    }

    /// The share of the limit in use, from 0 to 1.
    pub(super) fn next(&mut self, tick: Tick, ticks_since_boot: usize) -> f64 {
        let course = self.course;
        let fresh = (1.0 - self.noise_kept * self.noise_kept).sqrt();
        self.noise = self.noise_kept * self.noise + fresh * self.prng.normal();
        let mut swing =
            course.swing * (1.0 + course.growth_per_day * (tick.day - course.growth_from).max(0.0));
        if let Some((day, factor)) = course.deploy
            && tick.day >= day
        {
            swing *= factor;
        }
        let mut used = course.base + swing * self.load.at(tick) * (1.0 + self.bursting());
        used *= 1.0 + course.noise * self.noise;
        used += course.drift_per_day * tick.day + self.leaking(tick) + self.piling();
        if self.load.is_month_closing(tick) {
            used += course.month_closing;
        }
        if course.warms_up && ticks_since_boot != usize::MAX {
            let days = ticks_since_boot as f64 * self.days_per_tick;
            used *= 1.0 - (1.0 - COLD) * (-days / WARM_UP_DAYS).exp();
        }
        below_ceiling(used, course.ceiling)
    }

    /// What has leaked so far. How much does so in a day is drawn anew at midnight.
    fn leaking(&mut self, tick: Tick) -> f64 {
        let Some(leak) = self.course.leak else { return 0.0 };
        if tick.slot == 0 {
            let fresh = (1.0 - LEAK_KEPT * LEAK_KEPT).sqrt() * self.prng.normal();
            self.leak_mood = LEAK_KEPT * self.leak_mood + fresh;
            self.leak_today = leak.per_day * (1.0 + LEAK_SPREAD * self.leak_mood).max(0.0);
        }
        if tick.day >= leak.from {
            self.leaked += self.leak_today * self.days_per_tick;
        }
        self.leaked
    }

    /// What is piled up now.
    fn piling(&mut self) -> f64 {
        let Some(saw) = self.course.sawtooth else { return 0.0 };
        self.piled += saw.per_day * self.days_per_tick * (1.0 + 0.5 * self.noise).max(0.0);
        if self.piled >= self.height {
            self.piled = 0.0;
            self.height = saw.height * self.prng.between(0.9, 1.0);
        }
        self.piled
    }

    /// The share that a burst adds now.
    fn bursting(&mut self) -> f64 {
        if self.burst_ticks > 0 {
            self.burst_ticks -= 1;
            return self.burst;
        }
        let per_day = self.course.bursts_per_day;
        if per_day > 0.0 && self.prng.chance(per_day * self.days_per_tick) {
            self.burst = self.prng.between(0.1, 0.35);
            let hours = self.prng.between(0.1, 1.0);
            self.burst_ticks = (hours / 24.0 / self.days_per_tick) as usize;
        }
        0.0
    }
}

/// Bends what comes near a ceiling below it; a ceiling of 1 is hard.
fn below_ceiling(used: f64, ceiling: f64) -> f64 {
    let knee = ceiling - BEND;
    if ceiling >= 1.0 || used <= knee {
        return used.clamp(0.0, 1.0);
    }
    ceiling - BEND * (-(used - knee) / BEND).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceiling_is_approached_and_not_reached() {
        let bent: Vec<f64> = [0.5, 0.63, 0.7, 0.9, 1.5].map(|x| below_ceiling(x, 0.75)).into();
        assert_eq!(bent[0], 0.5);
        assert!(bent.is_sorted_by(|a, b| a < b) && bent[4] < 0.75, "{bent:?}");
        assert_eq!(below_ceiling(1.2, 1.0), 1.0);
        assert_eq!(below_ceiling(-0.1, 0.75), 0.0);
    }
}
