//! Every hard limit with its reason. A limit that is met is an error with the limit's name, never a
//! silent cut.

use std::ops::RangeInclusive;

/// Labels of one series, the metric name included. Prometheus scrapes rarely pass 30.
pub const LABELS_PER_SERIES_MAX: usize = 64;
/// Bytes of one label name: names are typed by people.
pub const LABEL_NAME_BYTES_MAX: usize = 256;
/// Bytes of one label value: long enough for a path or an image digest, short enough to print.
pub const LABEL_VALUE_BYTES_MAX: usize = 4_096;
/// Series in one store: ids are 32 bits, and postings of this many stay below a gigabyte.
pub const SERIES_MAX: usize = 100_000_000;
/// Numbers of epochs, segments and batches. Nobody counts this far: a larger one on disk is damage,
/// and must not be counted on from, past the end of 64 bits and back to numbers that were given.
pub const NUMBER_MAX: u64 = 1 << 62;
/// Samples of one group of one append. A group is one database record, which is held in memory
/// whole by writer, log and reader.
pub const GROUP_SAMPLES_MAX: usize = 1 << 20;
/// Samples in one block of a segment: one unit of packing, of statistics and of pruning.
pub const BLOCK_SAMPLES: usize = 1_024;
/// Values in one tile of query results: 8 MiB of `f64`, a few of which fit in any agent's budget.
pub const TILE_VALUES_MAX: usize = 1 << 20;
/// Steps that one query may ask for: a year of minutes is 525,600.
pub const QUERY_STEPS_MAX: usize = 4_000_000;
/// Steps that one forecast may look ahead: a year of ten minutes, and a third of a gigabyte for the
/// models of sixteen series.
pub const HORIZON_STEPS_MAX: usize = 1 << 16;
/// Size of a value that is forecast, and of a daily peak: the squares of as many as there may be
/// still add up to a number.
pub const VALUE_SIZE_MAX: f64 = 1e150;
/// Sizes of the numbers that people write for a calculation, but for 0: far beyond all that there
/// is to count, and what five of them come to, multiplied, is still a number.
pub const AMOUNT_SIZES: RangeInclusive<f64> = 1e-60..=1e60;
/// Values of a window that a season or a trend is smoothed over: 8 MiB of weights.
pub const SMOOTHING_WINDOW_MAX: usize = 1 << 20;
/// Days ahead for which daily peaks are drawn: a century, and 146 MB for the 500 futures of a fan.
pub const PEAK_DAYS_AHEAD_MAX: usize = 36_500;
/// Samples that one row of quantiles may hold in memory: 1 GiB at 16 bytes each.
pub const QUANTILE_SAMPLES_MAX: usize = 1 << 26;
/// Tiers of rollups in one store: each is ten columns more to write of every bucket.
pub const ROLLUP_TIERS_MAX: usize = 8;
/// Sums that a peak-of-sum study may hold, a step of a group each: 8 bytes, and 20 more where there
/// are gaps, so a gigabyte at worst.
pub const SHARING_SUMS_MAX: usize = 1 << 25;
/// Additions that looking for partners may take, a step of a pair each: some seconds.
pub const COLOCATION_SUMS_MAX: u64 = 1 << 33;
/// Items that are packed at once: the time grows with their square.
pub const PACKING_ITEMS_MAX: usize = 1 << 14;
/// Zones that items are spread over: each counts the replicas of each group.
pub const PACKING_ZONES_MAX: usize = 256;
/// Items that an exact packing is searched for: more are hopeless, and each is a call deep.
pub const PACKING_EXACT_ITEMS_MAX: usize = 128;
/// Compiled size of one regular expression in a selector, in bytes.
pub const REGEX_BYTES_MAX: usize = 1 << 20;
/// Characters of one selector.
pub const SELECTOR_BYTES_MAX: usize = 16 << 10;
/// Servers of one queue: Erlang's recursion takes a step for each, a search many recursions.
pub const QUEUE_SERVERS_MAX: usize = 1_000_000;
/// States of one queue that are walked over or held, 8 bytes each.
pub const QUEUE_POPULATION_MAX: usize = 1_000_000;
/// Numbers that exact mean value analysis may keep: 256 MiB.
pub const NETWORK_NUMBERS_MAX: usize = 1 << 25;
/// Numbers that it may look at on its way: some seconds.
pub const NETWORK_STEPS_MAX: usize = 1 << 31;
/// Hosts of a plan that keeps an error budget: how many may be up at once is summed over.
pub const BUDGET_HOSTS_MAX: u64 = 1 << 20;
/// Sets of lost hosts that are tried one by one, times the hosts of the fleet: a second's work.
pub const FAILOVER_STEPS_MAX: u64 = 10_000_000;
/// Bytes of one plan's JSON that is kept or read: some 800,000 rows, and held in memory whole.
pub const PLAN_BYTES_MAX: u64 = 1 << 30;
/// Drivers of one resource: more cannot be told apart from what a few weeks show.
pub const DRIVERS_MAX: usize = 8;
/// Rows that one law of a study is fitted to: each takes some milliseconds, and keeps its points.
pub const LAW_ROWS_MAX: usize = 100_000;
/// Values of drivers that are held while the resource's series stream past: 512 MiB.
pub const DRIVER_VALUES_MAX: usize = 1 << 26;

/// Said of a number that is of none of the [`AMOUNT_SIZES`].
pub const AMOUNT_ASKED: &str =
    "amounts are 0, or of a size from 1e-60 to 1e60; write it in another unit";

/// Whether a number is one to calculate with: 0, or of one of the [`AMOUNT_SIZES`].
pub fn is_amount(number: f64) -> bool {
    number == 0.0 || AMOUNT_SIZES.contains(&number.abs())
}

const _: () = assert!(BLOCK_SAMPLES.is_power_of_two() && BLOCK_SAMPLES <= GROUP_SAMPLES_MAX);
const _: () = assert!(SERIES_MAX <= u32::MAX as usize);
