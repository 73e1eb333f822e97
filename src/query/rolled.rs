//! Which buckets answer for time whose samples were rolled up.

use super::scan::first_seen;
use super::{Aggregate, Grid};
use crate::error::{Error, Result};
use crate::model::{Span, TimeRange, Timestamp};
use crate::store::{Snapshot, Tier};

/// Samples that are decoded while one bucket is.
const SAMPLES_PER_BUCKET: u64 = 128;

/// Parts of time, in order and apart from each other, and the span of the buckets of each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rolled {
    pub(super) parts: Vec<(Span, TimeRange)>,
}

/// From where on the whole of a store's time can be asked for in steps of a length, counted since
/// the epoch: from its first sample, or, where there are rollups that are too coarse, from the end
/// of these. `None` for an empty store.
pub fn answered_from(snapshot: &Snapshot, step: Span) -> Option<Timestamp> {
    let (tiers, stored) = (snapshot.tiers(), snapshot.range()?);
    let usable = tiers
        .iter()
        .filter(|tier| step.nanos_unsigned().is_multiple_of(tier.span.nanos_unsigned()));
    let (_, left) = share(usable, TimeRange::ALL);
    let end = missing(&tiers, &left).map(|range| range.end).max();
    Some(end.map_or(stored.start, |end| end.ceil(step)))
}

impl Rolled {
    /// The parts for several aggregates, which must be the same for all.
    pub(super) fn of_all(
        tiers: &[Tier],
        raw_from: Timestamp,
        aggregates: &[Aggregate],
        grid: &Grid,
    ) -> Result<Self> {
        let mut all = aggregates.iter().map(|how| Self::of(tiers, raw_from, *how, grid));
        let first = all.next().transpose()?.unwrap_or_default();
        for other in all {
            if other? != first {
                return Err(Error::invalid(format!(
                    "samples before {raw_from} are rolled up, and these aggregates are not \
                     answered from the same buckets; ask for each by itself, or start at {raw_from}"
                )));
            }
        }
        Ok(first)
    }

    /// Finds the parts of a grid, and before it of the time in which a counter's "sample before" is
    /// looked for; an error where a step would cut a bucket.
    pub(super) fn of(
        tiers: &[Tier],
        raw_from: Timestamp,
        aggregate: Aggregate,
        grid: &Grid,
    ) -> Result<Self> {
        let Some(until) = tiers.iter().map(|tier| tier.range.end).max() else {
            return Ok(Self::default());
        };
        let asked = TimeRange { start: grid.start, end: grid.end };
        if let Aggregate::Quantile(_) | Aggregate::StdDev = aggregate {
            if tiers.iter().any(|tier| tier.range.overlaps(asked)) {
                return Err(match aggregate {
                    Aggregate::StdDev => no_deviations(raw_from),
                    _ => no_quantiles(tiers, raw_from),
                });
            }
            return Ok(Self::default());
        }
        let first = first_seen(&[aggregate], grid);
        if first >= until {
            return Ok(Self::default());
        }
        let is_sketched = matches!(aggregate, Aggregate::SketchQuantile(_));
        let able = if is_sketched { &sketched(tiers) } else { tiers };
        let usable = || able.iter().filter(|tier| fits(tier.span, grid, until));
        let start = usable().map(|tier| first.floor(tier.span)).min().unwrap_or(grid.start);
        let end = if grid.end < until { grid.end } else { Timestamp::MAX };
        let (parts, left) = share(usable(), TimeRange { start, end });
        if missing(tiers, &left).any(|range| range.overlaps(asked)) {
            return Err(match is_sketched {
                true if able.is_empty() => no_sketches(tiers, raw_from),
                true => no_whole_sketches(able, raw_from, grid),
                false => no_whole_buckets(tiers, raw_from, grid),
            });
        }
        Ok(Self { parts })
    }
}

impl Rolled {
    /// What the buckets of a series may take, in samples that are decoded in that time.
    pub(super) fn samples_worth(&self) -> u64 {
        let buckets = |(span, part): &(Span, TimeRange)| {
            let span = span.nanos_unsigned().max(1);
            part.span().nanos_unsigned().div_ceil(span).saturating_mul(SAMPLES_PER_BUCKET)
        };
        self.parts.iter().map(buckets).fold(0, u64::saturating_add)
    }
}

/// The tiers as far as their buckets have sketches.
fn sketched(tiers: &[Tier]) -> Vec<Tier> {
    let part = |tier: &Tier| {
        let (first, last) = (tier.sketches.first()?, tier.sketches.last()?);
        let range = common(TimeRange { start: first.start, end: last.end }, tier.range)?;
        Some(Tier { range, covers: tier.sketches.clone(), ..tier.clone() })
    };
    tiers.iter().filter_map(part).collect()
}

/// Whether every step that reaches into rolled-up time is made of whole buckets of a span.
fn fits(span: Span, grid: &Grid, until: Timestamp) -> bool {
    let is_edge = |instant: Timestamp| instant.floor(span) == instant || instant >= until;
    if let Some(edges) = grid.edges() {
        return edges.iter().all(|edge| is_edge(Timestamp::from_nanos(*edge)));
    }
    let steps = grid.step.nanos_unsigned().is_multiple_of(span.nanos_unsigned());
    is_edge(grid.start)
        && is_edge(grid.end)
        && (steps || grid.start.plus(grid.step) >= grid.end.min(until))
}

/// Shares a range among tiers, and returns what is left. The coarsest goes first: it has the fewest
/// buckets, and what it leaves is made of whole buckets of the finer ones.
fn share<'a>(
    tiers: impl DoubleEndedIterator<Item = &'a Tier>,
    range: TimeRange,
) -> (Vec<(Span, TimeRange)>, Vec<TimeRange>) {
    let (mut parts, mut left) = (Vec::new(), vec![range]);
    for tier in tiers.rev() {
        for covered in &tier.covers {
            let mut rest = Vec::new();
            for range in left {
                match common(range, *covered) {
                    Some(both) => {
                        parts.push((tier.span, both));
                        rest.push(TimeRange { start: range.start, end: both.start });
                        rest.push(TimeRange { start: both.end, end: range.end });
                    }
                    None => rest.push(range),
                }
            }
            left = rest;
        }
    }
    parts.sort_by_key(|(_, range)| range.start);
    (parts, left)
}

/// What is rolled up and was left over.
fn missing(tiers: &[Tier], left: &[TimeRange]) -> impl Iterator<Item = TimeRange> {
    let held = tiers.iter().flat_map(|tier| {
        tier.covers.iter().filter_map(move |covered| common(*covered, tier.range))
    });
    held.flat_map(move |held| left.iter().filter_map(move |range| common(*range, held)))
}

fn common(a: TimeRange, b: TimeRange) -> Option<TimeRange> {
    let both = TimeRange { start: a.start.max(b.start), end: a.end.min(b.end) };
    (both.start < both.end).then_some(both)
}

fn no_quantiles(tiers: &[Tier], raw_from: Timestamp) -> Error {
    let remedy = match &sketched(tiers)[..] {
        [] => "ask for mean, min or max".to_owned(),
        able => format!(
            "ask for one from sketches, as sketch-p95, which are in buckets of {}",
            list(able)
        ),
    };
    Error::invalid(format!(
        "quantiles need raw samples, and those before {raw_from} are rolled up; start there, or \
         {remedy}"
    ))
}

fn no_deviations(raw_from: Timestamp) -> Error {
    Error::invalid(format!(
        "standard deviations need raw samples, and those before {raw_from} are rolled up; start \
         there, or ask for mean, min or max"
    ))
}

fn no_sketches(tiers: &[Tier], raw_from: Timestamp) -> Error {
    Error::invalid(format!(
        "samples before {raw_from} are rolled up into buckets of {}, and only buckets of a day or \
         longer have sketches; start at {raw_from}, or ask for mean, min or max",
        list(tiers)
    ))
}

fn no_whole_sketches(able: &[Tier], raw_from: Timestamp, grid: &Grid) -> Error {
    Error::invalid(format!(
        "samples before {raw_from} are rolled up; their sketches are in buckets of {}, and a step \
         must hold whole ones: let {} be multiples of such a length, or start at {raw_from}",
        list(able),
        edges(grid)
    ))
}

fn no_whole_buckets(tiers: &[Tier], raw_from: Timestamp, grid: &Grid) -> Error {
    Error::invalid(format!(
        "samples before {raw_from} are rolled up into buckets of {}, and a step must hold whole \
         ones: let {} be multiples of such a length, or start at {raw_from}",
        list(tiers),
        edges(grid)
    ))
}

/// What must not cut a bucket.
fn edges(grid: &Grid) -> String {
    match &grid.calendar {
        Some(steps) => format!("start, end and midnight in {}", steps.calendar().zone()),
        None => "start, end and step".to_owned(),
    }
}

/// The lengths of tiers, and from where on there are buckets of each.
fn list(tiers: &[Tier]) -> String {
    let one = |tier: &Tier| format!("{} from {} on", tier.span, tier.range.start);
    tiers.iter().map(one).collect::<Vec<_>>().join(", of ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: i64, end: i64) -> TimeRange {
        TimeRange { start: Timestamp::from_nanos(start), end: Timestamp::from_nanos(end) }
    }

    fn tier(span: i64, covers: &[(i64, i64)]) -> Tier {
        let covers: Vec<TimeRange> = covers.iter().map(|(from, to)| range(*from, *to)).collect();
        let range = TimeRange { start: covers[0].start, end: covers[covers.len() - 1].end };
        let sketches = Vec::new();
        Tier {
            span: Span::from_nanos(span),
            range,
            covers,
            sketches,
            buckets: 1,
            files: 1,
            bytes: 1,
        }
    }

    fn parts(tiers: &[Tier], aggregate: Aggregate, (start, end, step): (i64, i64, i64)) -> String {
        let TimeRange { start, end } = range(start, end);
        let step = Span::from_nanos(step);
        let grid = Grid { start, end, step, steps: 1, calendar: None };
        match Rolled::of(tiers, Timestamp::from_nanos(200), aggregate, &grid) {
            Ok(Rolled { parts }) => {
                let one = |(span, range): &(Span, TimeRange)| {
                    format!("{} to {} by {}", range.start.nanos(), range.end.nanos(), span.nanos())
                };
                parts.iter().map(one).collect::<Vec<_>>().join(", ")
            }
            Err(_) => "refused".to_owned(),
        }
    }

    #[test]
    fn the_coarsest_tier_that_fits_answers_and_finer_ones_the_rest() {
        let tiers = [tier(5, &[(100, 200)]), tier(20, &[(0, 180)]), tier(60, &[(60, 120)])];
        let of = |asked| parts(&tiers, Aggregate::Sum, asked);
        assert_eq!(
            of((0, 300, 60)),
            "0 to 60 by 20, 60 to 120 by 60, 120 to 180 by 20, 180 to 200 by 5"
        );
        assert_eq!(of((20, 300, 20)), "20 to 180 by 20, 180 to 200 by 5");
        // The tier of 5 does not reach back to 95, and begins in the middle of nothing.
        assert_eq!(of((95, 300, 5)), "refused");
        assert_eq!(of((100, 300, 5)), "100 to 200 by 5");
        assert_eq!(of((100, 300, 7)), "refused");
        assert_eq!(of((200, 300, 7)), "");
        // One step over everything, however long.
        assert_eq!(of((100, 307, 207)), "100 to 180 by 20, 180 to 200 by 5");
        assert_eq!(of((100, 163, 63)), "refused");
        assert_eq!(of((100, 165, 65)), "100 to 165 by 5");
    }

    #[test]
    fn no_edge_of_a_calendar_may_cut_a_bucket() {
        const HOUR: i64 = Span::HOUR.nanos();
        let instant = |text: &str| text.parse::<Timestamp>().unwrap();
        let tier = |span: i64| {
            let (start, end) = (instant("2013-03-01").nanos(), instant("2013-04-05").nanos());
            tier(span, &[(start, end)])
        };
        let of = |tiers: &[Tier], calendar: &str, start: &str, end: &str| {
            let range = TimeRange { start: instant(start), end: instant(end) };
            let steps = calendar.parse::<crate::Calendar>().unwrap().steps(range).unwrap();
            let (step, count) = (steps.longest(), steps.count());
            let TimeRange { start, end } = range;
            let grid = Grid { start, end, step, steps: count, calendar: Some(steps) };
            Rolled::of(tiers, instant("2013-04-05"), Aggregate::Sum, &grid)
        };
        let spans = |rolled: Result<Rolled>| -> Vec<i64> {
            rolled.unwrap().parts.iter().map(|(span, _)| span.nanos() / HOUR).collect()
        };
        let (hours, days) = ([tier(HOUR)], [tier(24 * HOUR)]);
        let both = [hours[0].clone(), days[0].clone()];
        assert_eq!(spans(of(&both, "month", "2013-03-01", "2013-05-01")), [24]);
        assert_eq!(spans(of(&both, "month in Europe/Berlin", "2013-03-10", "2013-05-01")), [1]);
        let error = of(&days, "day in Europe/Berlin", "2013-03-10", "2013-05-01").unwrap_err();
        let words = "let start, end and midnight in Europe/Berlin be multiples of such a length";
        assert!(error.to_string().contains(words), "{error}");
        assert!(of(&hours, "day in Asia/Kolkata", "2013-03-10", "2013-05-01").is_err());
        // Edges after all buckets may lie anywhere, and the ends of the range count as well.
        let late = of(&days, "day in Asia/Kolkata", "2013-04-05", "2013-05-01T00:30:00Z");
        assert_eq!(spans(late), [0; 0]);
        let year = |start, end| of(&days, "year in Asia/Kolkata", start, end);
        assert_eq!(spans(year("2013-03-10", "2013-05-01T00:30:00Z")), [24]);
        assert!(year("2013-03-10T12:00:00Z", "2013-05-01").is_err());
        assert!(year("2013-03-10", "2013-03-20T12:00:00Z").is_err());
    }

    #[test]
    fn quantiles_are_of_raw_samples_only() {
        let tiers = [tier(5, &[(100, 200)])];
        assert_eq!(parts(&tiers, Aggregate::Quantile(0.5), (195, 300, 5)), "refused");
        assert_eq!(parts(&tiers, Aggregate::Quantile(0.5), (200, 300, 5)), "");
        assert_eq!(parts(&tiers, Aggregate::StdDev, (195, 300, 5)), "refused");
        assert_eq!(parts(&tiers, Aggregate::StdDev, (200, 300, 5)), "");
    }

    #[test]
    fn quantiles_from_sketches_are_of_buckets_that_have_one() {
        let mut tiers = [tier(5, &[(100, 200)]), tier(20, &[(0, 200)]), tier(60, &[(0, 180)])];
        let median = Aggregate::SketchQuantile(0.5);
        assert_eq!(parts(&tiers, median, (100, 300, 20)), "refused");
        assert_eq!(parts(&tiers, median, (200, 300, 7)), "");
        tiers[1].sketches = vec![range(80, 200)];
        tiers[2].sketches = vec![range(60, 180)];
        assert_eq!(parts(&tiers, median, (80, 300, 20)), "80 to 200 by 20");
        assert_eq!(parts(&tiers, median, (60, 300, 60)), "60 to 180 by 60, 180 to 200 by 20");
        // No sketches so early, and of buckets that are too long for the step.
        assert_eq!(parts(&tiers, median, (0, 300, 60)), "refused");
        assert_eq!(parts(&tiers, median, (60, 300, 20)), "refused");
        assert_eq!(parts(&tiers, median, (100, 300, 5)), "refused");
        assert_eq!(parts(&tiers, Aggregate::Max, (100, 300, 5)), "100 to 200 by 5");
    }
}
