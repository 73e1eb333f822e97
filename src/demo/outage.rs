//! What a fleet's samples lack: scrapes that are lost or late, hosts that are down or reboot.

use super::Calendar;
use super::host::{Host, Role};
use super::prng::Prng;
use crate::model::Span;

/// One in this many scrapes is lost.
const LOST_ONE_IN: u64 = 2_000;
/// One host in this many is scraped up to 3 s late, by whole seconds.
const LATE_ONE_IN: u64 = 4;

/// The scrapes of one host that fail, and its boots.
#[derive(Debug)]
pub(super) struct Outages {
    /// In order, and apart from each other.
    list: Vec<Outage>,
    at: usize,
    prng: Prng,
    late: bool,
    booted_at: usize,
}

/// `[from, to)` in scrapes.
#[derive(Debug, Clone, Copy)]
struct Outage {
    from: usize,
    to: usize,
    /// Down and up again, or only not scraped.
    reboot: bool,
}

/// The host at one scrape.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// Down, so that nothing is used.
    pub(super) down: bool,
    /// How late it was scraped; `None` where it was not.
    pub(super) delay: Option<Span>,
    /// It came up since the scrape before.
    pub(super) booted: bool,
    pub(super) ticks_since_boot: usize,
}

impl Outages {
    /// About one reboot in 60 days and one longer outage in 150 per host. Where memory leaks there
    /// is no reboot, which would end the leak, but the monitoring may still be down.
    pub(super) fn draw(host: &Host, mut prng: Prng, calendar: &Calendar) -> Self {
        let late = prng.below(LATE_ONE_IN) == 0;
        let per_day = calendar.ticks_per_day;
        let mut list: Vec<Outage> = Vec::new();
        for day in 1..calendar.all_days() {
            let (short, long) = (prng.chance(1.0 / 60.0), prng.chance(1.0 / 150.0));
            let from = day * per_day + prng.below(per_day as u64) as usize;
            let hours = if long { prng.between(1.0, 9.0) } else { 0.1 };
            let ticks = (hours / 24.0 * per_day as f64).ceil() as usize;
            let free = list.last().is_none_or(|last| last.to < from);
            if (short || long) && free {
                let reboot = host.role != Role::LeakingMemory;
                list.push(Outage { from, to: from + ticks, reboot });
            }
        }
        // It has been up for long when the history begins.
        Self { list, at: 0, prng, late, booted_at: 0 }
    }

    /// The state at each scrape in turn, from 0.
    pub(super) fn next(&mut self, index: usize) -> State {
        let lost = self.prng.below(LOST_ONE_IN) == 0;
        let seconds = if self.late { self.prng.below(4) as i64 } else { 0 };
        let mut state = State {
            down: false,
            delay: (!lost).then(|| Span::from_seconds(seconds)),
            booted: false,
            ticks_since_boot: usize::MAX,
        };
        if let Some(outage) = self.list.get(self.at) {
            if index >= outage.from && index < outage.to {
                state.down = outage.reboot;
                state.delay = None;
            } else if index == outage.to {
                self.at += 1;
                if outage.reboot {
                    state.booted = true;
                    self.booted_at = index;
                }
            }
        }
        if self.booted_at > 0 {
            state.ticks_since_boot = index - self.booted_at;
        }
        state
    }

    /// Whether a scrape falls into an outage.
    pub(super) fn misses(&self, index: usize) -> bool {
        let after = self.list.partition_point(|outage| outage.to <= index);
        self.list.get(after).is_some_and(|outage| outage.from <= index)
    }
}
