//! The models that are tried on a series, by its season and its length.

use super::{
    DoubleSeason, Drift, DynamicTheta, Fit, PeakTrend, Persistence, QuantilePool, Ridge,
    SamePhaseMedian, Scale, SeasonalNaive, Seasons, Smoothing,
};

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tier {
    /// Every model, eight origins.
    #[default]
    Full,
    /// The naive models, one quantile pool and the shortest autoregression, four origins, and of
    /// the periods only the one that stands out first: a tenth of the time.
    Light,
}

/// Lags of one dense autoregression, at most.
const DENSE_MAX: usize = 26;
/// Steps that halve the weight of a recent value in a pool without seasons.
const MEMORY: usize = 6;
/// Steps that halve the weight of a value in a series without seasons.
const HALF_LIFE: usize = 100;
/// Periods, short and long, that do.
const HALF_LIFE_SHORT: usize = 10;
const HALF_LIFE_LONG: usize = 2;

/// The models for a season that `values` steps before the first origin can be fitted to; the naive
/// ones, which are the floor, come first.
pub(super) fn pool(
    seasons: Seasons,
    day: Option<usize>,
    values: usize,
    tier: Tier,
) -> Vec<Box<dyn Fit>> {
    let mut pool = naive(seasons);
    let ridges = ridges(seasons);
    if tier == Tier::Light {
        pool.extend(quantile_pools(seasons).into_iter().take(1));
        pool.extend(ridges.into_iter().take(2));
    } else {
        pool.extend(quantile_pools(seasons));
        pool.extend(ridges);
        for scale in [Scale::Level, Scale::Log] {
            pool.push(Box::new(Smoothing { period: seasons.short, scale }));
            if seasons.short > 1 && seasons.long > 1 {
                pool.push(Box::new(DoubleSeason {
                    short: seasons.short,
                    long: seasons.long,
                    scale,
                }));
            }
        }
        pool.push(Box::new(DynamicTheta { period: seasons.short }));
        if let Some(day) = day {
            pool.push(Box::new(PeakTrend { day }));
        }
    }
    pool.retain(|model| model.values_min() <= values);
    pool
}

/// The models that no choice may do worse than.
pub(super) fn floors(seasons: Seasons) -> usize {
    1 + [seasons.short, seasons.long].iter().filter(|period| **period > 1).count()
}

fn naive(seasons: Seasons) -> Vec<Box<dyn Fit>> {
    let mut pool: Vec<Box<dyn Fit>> = vec![Box::new(Persistence)];
    let periods = || [seasons.short, seasons.long].into_iter().filter(|period| *period > 1);
    for period in periods() {
        pool.push(Box::new(SeasonalNaive { period }));
    }
    pool.push(Box::new(Drift));
    for period in periods() {
        pool.push(Box::new(SamePhaseMedian { period, cycles: 3 }));
        pool.push(Box::new(SamePhaseMedian { period, cycles: 5 }));
    }
    pool
}

fn quantile_pools(seasons: Seasons) -> Vec<Box<dyn Fit>> {
    let mut pools = vec![spread(seasons)];
    if seasons.short > 1 {
        for (memory, fade) in [(24, 12), (8, 3)] {
            // Of a short period several parts are one step.
            let pool = quantile_pool(seasons.short, memory, fade);
            if !pools.contains(&pool) {
                pools.push(pool);
            }
        }
    }
    pools.into_iter().map(|pool| Box::new(pool) as Box<dyn Fit>).collect()
}

/// The quantile pool that also tells how far values are spread.
pub(super) fn spread(seasons: Seasons) -> QuantilePool {
    if seasons.short > 1 {
        quantile_pool(seasons.short, 24, 3)
    } else {
        QuantilePool { period: 1, memory: MEMORY, fade: 1 }
    }
}

/// A pool with a memory and a fade that are parts of the period.
fn quantile_pool(period: usize, memory: usize, fade: usize) -> QuantilePool {
    let part = |share: usize| (period / share).max(1);
    QuantilePool { period, memory: part(memory), fade: part(fade) }
}

fn ridges(seasons: Seasons) -> Vec<Box<dyn Fit>> {
    let (short, long) = (seasons.short, seasons.long);
    let half_life = match seasons {
        Seasons { short: 1, long: 1 } => HALF_LIFE,
        Seasons { short: 1, long } => HALF_LIFE_LONG * long,
        Seasons { short, .. } => HALF_LIFE_SHORT * short,
    };
    let mut pool: Vec<Box<dyn Fit>> = Vec::new();
    for (kind, mut lags, waves) in if short > 1 { seasonal(short, long) } else { plain(long) } {
        lags.sort_unstable();
        lags.dedup();
        lags.retain(|lag| *lag > 0);
        for scale in [Scale::Level, Scale::Log] {
            let (lags, waves) = (lags.clone(), waves.clone());
            pool.push(Box::new(Ridge { kind, lags, waves, scale, half_life }));
        }
    }
    pool
}

type Columns = (&'static str, Vec<usize>, Vec<f64>);

/// Lags of up to `reach` steps around a period; none of no period.
fn around(period: usize, before: usize, after: usize) -> impl Iterator<Item = usize> {
    let known = period > 1;
    (period.saturating_sub(before)..=period + after).filter(move |_| known)
}

fn seasonal(m: usize, long: usize) -> Vec<Columns> {
    let dense = 1..=DENSE_MAX.min(m + 2);
    let waves = (1..=8).map(|k| m as f64 / f64::from(k)).filter(|length| *length > 2.0);
    let long_waves = (1..=6).filter(|_| long > 1).map(|k| long as f64 / f64::from(k));
    let lags = |parts: Vec<usize>, long_lags: Vec<usize>| [parts, long_lags].concat();
    vec![
        ("short", lags(vec![1, 2, m, m + 1, 2 * m], around(long, 0, 1).collect()), vec![]),
        (
            "long",
            lags(
                (1..=4)
                    .chain(around(m, 1, 1))
                    .chain(around(2 * m, 1, 1))
                    .chain((3..=6).map(|k| k * m))
                    .collect(),
                around(long, 1, 1).collect(),
            ),
            vec![],
        ),
        (
            "dense",
            lags(
                dense.chain(around(m, 2, 2)).chain(around(2 * m, 2, 2)).collect(),
                around(long, 0, 0).collect(),
            ),
            vec![],
        ),
        (
            "neighbours",
            lags(
                around(m, 2, 4).chain(around(2 * m, 2, 2)).collect(),
                around(long, 2, 2).collect(),
            ),
            vec![],
        ),
        ("seasonal", lags(vec![m, 2 * m], around(long, 0, 0).collect()), vec![]),
        ("waves", vec![1, 2, 3], waves.chain(long_waves).collect()),
    ]
}

fn plain(long: usize) -> Vec<Columns> {
    let mut columns: Vec<Columns> =
        vec![("short", (1..=3).collect(), vec![]), ("long", (1..=8).collect(), vec![])];
    if long > 1 {
        let year = |lags: Vec<usize>| lags.into_iter().chain(around(long, 1, 1)).collect();
        columns.extend([
            ("season", year(vec![1, 2]), vec![]),
            ("dense", year((1..=long / 4).collect()), vec![]),
            ("half", year((1..=long / 2).collect()), vec![]),
            ("quarters", vec![1, 2, 4, long / 4, long / 2, long], vec![]),
            ("twice", vec![1, 2, long, long + 1, 2 * long, 2 * long + 1], vec![]),
            ("waves", (1..=3).collect(), vec![long as f64, long as f64 / 2.0]),
        ]);
    } else {
        columns.push(("dense", (1..=DENSE_MAX).collect(), vec![]));
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEASONS: [Seasons; 4] = [
        Seasons::NONE,
        Seasons { short: 24, long: 1 },
        Seasons { short: 24, long: 168 },
        Seasons { short: 1, long: 52 },
    ];

    fn names(seasons: Seasons, values: usize, tier: Tier) -> Vec<String> {
        pool(seasons, Some(24), values, tier).iter().map(|model| model.name()).collect()
    }

    #[test]
    fn the_floors_come_first_and_are_the_naive_models() {
        for seasons in SEASONS {
            let names = names(seasons, 2_000, Tier::Full);
            let floors = &names[..floors(seasons)];
            let naive = |name: &String| name == "persistence" || name.starts_with("seasonal naive");
            assert!(floors.iter().all(naive), "{floors:?}");
            assert!(!names[floors.len()..].iter().any(naive), "{names:?}");
        }
        assert_eq!(SEASONS.map(floors), [1, 2, 3, 2]);
    }

    #[test]
    fn no_two_models_are_alike_and_all_have_values_enough() {
        let short = (2..24).map(|short| Seasons { short, long: 7 * short });
        for seasons in SEASONS.into_iter().chain(short) {
            for tier in [Tier::Full, Tier::Light] {
                for values in [1, 8, 30, 100, 400, 2_000] {
                    let pool = pool(seasons, Some(24), values, tier);
                    assert!(pool.iter().all(|model| model.values_min() <= values));
                    let mut names: Vec<String> = pool.iter().map(|model| model.name()).collect();
                    let count = names.len();
                    names.sort();
                    names.dedup();
                    assert_eq!(names.len(), count, "{names:?}");
                    assert_eq!(names.iter().filter(|name| *name == "persistence").count(), 1);
                }
            }
        }
    }

    #[test]
    fn the_light_tier_is_a_part_of_the_full_one() {
        for seasons in SEASONS {
            let (light, full) =
                (names(seasons, 2_000, Tier::Light), names(seasons, 2_000, Tier::Full));
            assert!(light.iter().all(|name| full.contains(name)), "{light:?}");
            assert!(light.len() < full.len());
        }
    }

    #[test]
    fn lags_are_ascending_and_reach_no_further_than_they_say() {
        for seasons in SEASONS.into_iter().chain([Seasons { short: 2, long: 4 }]) {
            let columns = if seasons.short > 1 {
                seasonal(seasons.short, seasons.long)
            } else {
                plain(seasons.long)
            };
            assert_eq!(ridges(seasons).len(), 2 * columns.len());
        }
        assert_eq!(around(24, 2, 1).collect::<Vec<_>>(), [22, 23, 24, 25]);
        assert_eq!(around(1, 2, 1).count(), 0);
    }
}
