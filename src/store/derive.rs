//! Which series of a host follow from others: found on a sample, proved when they are encoded.
//!
//! In: segments to be merged. Out: columns in the cold form, computed from others where that is
//! smaller. Never: a series computed from one that is computed itself; a formula that is trusted.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::catalog::Catalog;
use super::samples::Samples;
use super::seal::Encoded;
use super::segment::{EncodedColumn, Segment};
use crate::codec::{Formula, ValueCache, find_formula};
use crate::error::Result;
use crate::model::{METRIC_LABEL, SeriesId};

/// More series of one host are not compared with each other: the work grows with their cube.
const HOST_SERIES_MAX: usize = 32;
/// A series that takes less is not worth a formula, in samples per byte.
const SAMPLES_PER_BYTE: usize = 16;

/// The series that may be computed, each with its formula and the series that it takes.
#[derive(Debug, Default)]
pub(super) struct Derivations(HashMap<SeriesId, (Formula, Vec<SeriesId>)>);

/// Looks for formulas among the series of each host, which are those that share all labels but the
/// metric. A segment that cannot be read yields none; merging it will say why.
pub(super) fn find(
    catalog: &Catalog,
    segments: &[Arc<Segment>],
    series: &[SeriesId],
) -> Derivations {
    let mut hosts: HashMap<u64, Vec<SeriesId>> = HashMap::new();
    for id in series {
        hosts.entry(host_of(catalog, *id)).or_default().push(*id);
    }
    let mut found = Derivations::default();
    for host in hosts.values().filter(|host| (2..=HOST_SERIES_MAX).contains(&host.len())) {
        let holds_one = |segment: &&Arc<Segment>| host.iter().any(|id| segment.cost(*id).is_some());
        if let Some(segment) = segments.iter().find(holds_one) {
            // Without formulas everything is stored as it is.
            drop(found.of_host(segment, host));
        }
    }
    found
}

/// The labels of a series but for its metric, as a number. Two hosts with the same one would be
/// looked at as one, which costs time and nothing else.
fn host_of(catalog: &Catalog, id: SeriesId) -> u64 {
    let mut hasher = DefaultHasher::new();
    let labels = catalog.pairs(id).filter(|(name, _)| *name != METRIC_LABEL);
    labels.for_each(|label| label.hash(&mut hasher));
    hasher.finish()
}

impl Derivations {
    /// Finds the formulas of one host's series; the largest series are tried first.
    fn of_host(&mut self, segment: &Segment, host: &[SeriesId]) -> Result<()> {
        let mut costs: Vec<(u64, SeriesId, usize)> = host
            .iter()
            .filter_map(|id| segment.cost(*id).map(|(axis, bytes)| (bytes, *id, axis)))
            .collect();
        costs.sort_unstable_by(|a, b| b.cmp(a));
        let mut samples = Vec::with_capacity(costs.len());
        for (_, id, _) in &costs {
            samples.push(segment.sample(*id)?);
        }
        let mut is_source = vec![false; costs.len()];
        for (at, (bytes, id, axis)) in costs.iter().enumerate() {
            let small = *bytes as usize * SAMPLES_PER_BYTE < segment.series_samples(*id);
            if small || is_source.get(at) == Some(&true) {
                continue;
            }
            let usable = |(other, (_, other_id, other_axis)): (usize, &(u64, SeriesId, usize))| {
                let usable = other != at && other_axis == axis && !self.0.contains_key(other_id);
                samples.get(other).map(Vec::as_slice).filter(|_| usable)
            };
            let columns: Vec<Option<&[f64]>> = costs.iter().enumerate().map(usable).collect();
            let target = samples.get(at).map_or(&[][..], Vec::as_slice);
            let Some((formula, places)) = find_formula(target, &columns) else { continue };
            for place in &places {
                is_source.iter_mut().skip(*place).take(1).for_each(|flag| *flag = true);
            }
            let sources = places.iter().filter_map(|place| Some(costs.get(*place)?.1)).collect();
            self.0.insert(*id, (formula, sources));
        }
        Ok(())
    }

    /// Encodes a series, computed from others where that is smaller. `gather` yields the samples of
    /// a series.
    pub(super) fn encode(
        &self,
        id: SeriesId,
        gather: impl Fn(SeriesId) -> Result<Samples>,
        cache: &mut ValueCache,
    ) -> Result<Encoded> {
        let Samples { times, values } = gather(id)?;
        let mut column = EncodedColumn::cold(&values, cache)?;
        if let Some((formula, ids)) = self.0.get(&id) {
            let sources: Vec<Samples> = ids.iter().map(|id| gather(*id)).collect::<Result<_>>()?;
            if sources.iter().all(|source| source.times == times) {
                let pairs = ids.iter().zip(&sources);
                let sources: Vec<(SeriesId, &[f64])> =
                    pairs.map(|(id, source)| (*id, source.values.as_slice())).collect();
                column = column.or_derived(&values, *formula, &sources, cache)?;
            }
        }
        Ok(Encoded { id, times, columns: vec![column], sketches: None })
    }
}
