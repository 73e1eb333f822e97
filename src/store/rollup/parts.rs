//! Which tier gets what of the time that is rolled up: pure functions of what is there and what is
//! asked for.

use std::cmp::Reverse;

use super::Rollup;
use crate::error::{Error, Result};
use crate::fs::fault::planted;
use crate::model::{Span, TimeRange, Timestamp};
use crate::store::View;

/// A tier in one step of a retention.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) span: Span,
    pub(super) covers: TimeRange,
    /// The tier's buckets before are gone.
    pub(super) from: Timestamp,
    pub(super) kept: Option<Timestamp>,
}

/// The first bucket that a tier keeps.
fn expired(view: &View, tier: &Rollup) -> Timestamp {
    tier.before
        .map_or(Timestamp::MIN, |before| before.floor(tier.span))
        .max(view.expired(tier.span))
}

/// Takes the buckets out that the tiers do not keep, of what is rolled up, which ends with `until`:
/// of later ones none is there, and it is not known yet which will be asked for.
pub(super) fn expire(view: &mut View, until: Timestamp, tiers: &[Rollup]) {
    for tier in tiers {
        let from = expired(view, tier).min(until.floor(tier.span));
        if from > view.expired(tier.span) {
            view.expired.insert(tier.span.nanos(), from);
        }
    }
}

/// The end of all that was rolled up.
fn rolled_until(view: &View) -> Option<Timestamp> {
    let notes = view.rollups.iter().filter_map(|s| s.footer().rollup);
    notes.map(|note| note.covers.end).max()
}

/// What each tier gets of a slice, in the order in which the files are made. The last has a bucket
/// if any has one: it alone notes that the samples are gone, so that without the database files of
/// a retention that was never finished are told from those of one that was.
pub(super) fn parts(view: &View, slice: TimeRange, tiers: &[Rollup]) -> Vec<Part> {
    let rolled_until = rolled_until(view);
    let coarsest = tiers.iter().map(|tier| tier.span).max().unwrap_or_default();
    let part = |tier: &Rollup| {
        let span = tier.span;
        let start = match rolled_until {
            // What lies before is in other buckets; a bucket across it would lack that.
            Some(until) if planted("bucket-cut-by-later-tier") => until.floor(span),
            Some(until) => until.ceil(span),
            None => slice.start.floor(coarsest),
        };
        let from = start.max(expired(view, tier));
        let covers = TimeRange { start: from, end: slice.end };
        (Part { span, covers, from, kept: None }, tier.before)
    };
    let mut parts: Vec<(Part, Option<Timestamp>)> = tiers.iter().map(part).collect();
    parts.retain(|(part, _)| part.from < slice.end);
    // Of those that begin at the same time the one that is kept longest is the last.
    parts.sort_by_key(|(part, before)| {
        (Reverse(part.from), before.is_none(), Reverse(*before), part.span)
    });
    if let Some((last, _)) = parts.last_mut() {
        last.kept = Some(slice.end);
    }
    parts.into_iter().map(|(part, _)| part).collect()
}

/// What no tier that is asked for can take, where that is anything: the end of it, and the tier
/// that is there and takes it. An error where there is none.
pub(super) fn gap(
    view: &View,
    until: Timestamp,
    tiers: &[Rollup],
) -> Result<Option<(Timestamp, Rollup)>> {
    let Some(start) = rolled_until(view) else { return Ok(None) };
    let there: Vec<(Span, Timestamp)> =
        view.spans().into_iter().map(|span| (span, view.expired(span))).collect();
    let first = view.retain_from.map_or(start, |from| from.max(start));
    let spans: Vec<Span> = tiers.iter().map(|tier| tier.span).collect();
    gap_after(start, first, until, &spans, &there)
}

/// What begins with the end of all rollups, `start`, where samples begin with `first`. Of each tier
/// that is there, the finest first, before when its buckets are gone.
fn gap_after(
    start: Timestamp,
    first: Timestamp,
    until: Timestamp,
    asked: &[Span],
    there: &[(Span, Timestamp)],
) -> Result<Option<(Timestamp, Rollup)>> {
    let Some(end) = asked.iter().map(|span| start.ceil(*span)).min() else { return Ok(None) };
    if end <= first || until <= start {
        return Ok(None);
    }
    let fits = |(span, gone): &&(Span, Timestamp)| start.floor(*span) == start && *gone <= first;
    match there.iter().find(fits) {
        Some((span, _)) => Ok(Some((end, Rollup { span: *span, before: None }))),
        None => Err(Error::invalid(format!(
            "rollups end at {start}, the first whole bucket of those that are asked for begins at \
             {end}, and samples between would be in none; ask for shorter buckets besides, or drop \
             these samples first: retain from {end} on, without rollups"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_before_the_first_whole_bucket_goes_into_a_tier_that_is_there() {
        let at = Timestamp::from_nanos;
        let of = |first: i64, until: i64, asked: &[i64], there: &[(i64, i64)]| {
            let asked: Vec<Span> = asked.iter().map(|span| Span::from_nanos(*span)).collect();
            let tier = |(span, gone): &(i64, i64)| (Span::from_nanos(*span), at(*gone));
            let there: Vec<_> = there.iter().map(tier).collect();
            let found = gap_after(at(65), at(first), at(until), &asked, &there);
            found.map(|gap| gap.map(|(end, tier)| (end.nanos(), tier.span.nanos(), tier.before)))
        };
        let there = [(5, 0), (30, 0)];
        assert_eq!(of(65, 120, &[30, 60], &there).unwrap(), Some((90, 5, None)));
        assert_eq!(of(70, 120, &[60], &there).unwrap(), Some((120, 5, None)));
        // Asked for as well, nothing rolled up, or no samples there.
        assert_eq!(of(65, 120, &[5, 60], &there).unwrap(), None);
        assert_eq!(of(65, 60, &[60], &there).unwrap(), None);
        assert_eq!(of(120, 180, &[60], &there).unwrap(), None);
        // Its buckets of that time are gone.
        assert!(of(65, 120, &[60], &[(5, 70), (30, 0)]).is_err());
    }
}
