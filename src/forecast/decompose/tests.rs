//! Golden numbers of another implementation, planted parts, gaps and bursts.

use std::f64::consts::TAU;

use super::*;
use crate::kernel::Random;
use crate::model::limits::SMOOTHING_WINDOW_MAX;

/// Places of the golden numbers.
const PLACES: [usize; 9] = [0, 1, 5, 39, 40, 60, 77, 118, 119];

/// The series of the golden numbers: a slope, cycles of 6 and 18 steps, a remainder, two bursts.
fn golden_series() -> Vec<f64> {
    let six = [0.0, 3.0, 8.0, 4.0, -6.0, -9.0];
    let eighteen = [5, 1, -2, -4, -4, -2, 0, 1, 3, 6, -1, -3, 4, -8, 2, 1, -1, 3].map(f64::from);
    let mut values: Vec<f64> = (0..120)
        .map(|at| {
            let odd = ((at * at * 7 + at * 3) % 11) as f64 - 5.0;
            50.0 + 0.25 * at as f64 + six[at % 6] + eighteen[at % 18] + 0.5 * odd
        })
        .collect();
    values[40] += 60.0;
    values[77] -= 45.0;
    values
}

/// Nine numbers of a row, and the sum of all its absolute values.
type Golden = ([f64; 9], f64);

fn assert_golden(name: &str, row: &[f64], expected: &Golden) {
    for (place, expected) in PLACES.iter().zip(expected.0) {
        let found = row[*place];
        assert!((found - expected).abs() < 1e-9, "{name} at {place}: {found}, not {expected}");
    }
    let sum: f64 = row.iter().map(|value| value.abs()).sum();
    assert!((sum - expected.1).abs() < 1e-7, "{name}: {sum}, not {}", expected.1);
}

/// Made by statsmodels 0.15.0 (NumPy 2.4.6): `STL(y, period=6, seasonal=11, trend=11, low_pass=7)`,
/// all degrees as here (0, 1, 1) and all jumps 1, fitted with 2 inner and no outer iterations, and
/// robust with 1 and 15.
#[test]
fn one_season_is_as_statsmodels_has_it() {
    for (robust, trend, season, remainder) in [
        (false, ONE_TREND, ONE_SEASON, 463.679_832_026_736_73),
        (true, ONE_TREND_ROBUST, ONE_SEASON_ROBUST, 368.450_548_913_078_7),
    ] {
        let options = DecomposeOptions { robust, exact: true, ..DecomposeOptions::default() };
        let found = decompose(&golden_series(), &[6], &options).unwrap();
        assert_golden("trend", &found.trend, &trend);
        assert_golden("season", &found.seasons[0].values, &season);
        let sum: f64 = found.remainder.iter().map(|value| value.abs()).sum();
        assert!((sum - remainder).abs() < 1e-7, "{sum}");
    }
}

/// Made by statsmodels 0.15.0: `MSTL(y, periods=(6, 18))` with the same degrees, jumps and
/// iterations.
#[test]
fn two_seasons_are_as_statsmodels_has_them() {
    for (robust, trend, six, eighteen) in [
        (false, TWO_TREND, TWO_SIX, TWO_EIGHTEEN),
        (true, TWO_TREND_ROBUST, TWO_SIX_ROBUST, TWO_EIGHTEEN_ROBUST),
    ] {
        let options = DecomposeOptions { robust, exact: true, ..DecomposeOptions::default() };
        let found = decompose(&golden_series(), &[18, 6], &options).unwrap();
        assert_golden("trend", &found.trend, &trend);
        assert_golden("six", &found.seasons[0].values, &six);
        assert_golden("eighteen", &found.seasons[1].values, &eighteen);
    }
}

/// The first 15 values only: windows are longer than the rows. Made by statsmodels 0.15.0 as above.
#[test]
fn short_rows_are_as_statsmodels_has_them() {
    let options = DecomposeOptions { exact: true, ..DecomposeOptions::default() };
    let found = decompose(&golden_series()[..15], &[6], &options).unwrap();
    for (at, trend, season) in [
        (0, 48.818_643_853_372_25, 4.026_557_931_652_229_5),
        (4, 49.387_940_307_883_81, -8.467_687_221_267_871),
        (7, 51.915_163_314_138_745, 1.520_867_488_379_332_7),
        (14, 50.656_379_696_570_01, 10.695_913_064_982_96),
    ] {
        assert!((found.trend[at] - trend).abs() < 1e-9, "{at}: {}", found.trend[at]);
        let value = found.seasons[0].values[at];
        assert!((value - season).abs() < 1e-9, "{at}: {value}");
    }
}

/// Day, week and slope of 12 weeks of hours, without noise.
fn day(hour: usize) -> f64 {
    8.0 * (hour as f64 * TAU / 24.0).sin()
}

fn week(hour: usize) -> f64 {
    if hour / 24 % 7 < 5 { 2.0 } else { -5.0 }
}

fn slope(hour: usize) -> f64 {
    100.0 + 0.05 * hour as f64
}

fn planted() -> Vec<f64> {
    let mut random = Random::new(3);
    (0..24 * 84).map(|hour| slope(hour) + day(hour) + week(hour) + 0.5 * random.normal()).collect()
}

/// The root mean square of the difference, the outermost week on each side aside.
fn off(found: &[f64], planted: impl Fn(usize) -> f64) -> f64 {
    let inside = 168..found.len() - 168;
    let squares: f64 = inside.clone().map(|at| (found[at] - planted(at)).powi(2)).sum();
    (squares / inside.len() as f64).sqrt()
}

fn assert_sums(values: &[f64], found: &Decomposition) {
    for (at, value) in values.iter().enumerate() {
        let seasons: f64 = found.seasons.iter().map(|season| season.values[at]).sum();
        let sum = found.trend[at] + seasons + found.remainder[at];
        assert_eq!(value.is_nan(), sum.is_nan());
        assert!(value.is_nan() || (sum - value).abs() < 1e-9, "{at}: {sum}, not {value}");
        assert!((found.trend[at] + seasons).is_finite());
    }
}

#[test]
fn planted_parts_come_back_through_gaps_and_bursts() {
    let clean = planted();
    let mut torn = clean.clone();
    // Two days, every ninth value, and one hour of the day for a month.
    torn[700..748].fill(f64::NAN);
    torn.iter_mut().step_by(9).for_each(|value| *value = f64::NAN);
    torn[..720].iter_mut().skip(5).step_by(24).for_each(|value| *value = f64::NAN);
    let mut burst = clean.clone();
    let mut random = Random::new(4);
    for value in &mut burst {
        if random.uniform() < 0.02 {
            *value += 80.0;
        }
    }
    for (name, values, robust, exact, error) in [
        ("clean", &clean, false, false, 0.35),
        ("exact", &clean, false, true, 0.35),
        ("robust", &clean, true, false, 0.35),
        ("torn", &torn, false, false, 0.4),
        ("bursts", &burst, true, false, 0.45),
    ] {
        let options = DecomposeOptions { robust, exact, ..DecomposeOptions::default() };
        let found = decompose(values, &[24, 168], &options).unwrap();
        assert_sums(values, &found);
        let [days, weeks] = found.seasons.as_slice() else { panic!("two seasons") };
        let errors = (off(&found.trend, slope), off(&days.values, day), off(&weeks.values, week));
        println!("{name}: {errors:?}, {} {}", days.strength, weeks.strength);
        assert!(
            errors.0 < error && errors.1 < error && errors.2 < 2.0 * error,
            "{name} {errors:?}"
        );
        if name != "bursts" {
            assert!(days.strength > 0.98 && weeks.strength > 0.95, "{name}");
            assert!(found.trend_strength > 0.99, "{name}");
        }
    }
    // The bursts are in the remainder, and without weights they are not.
    let options = DecomposeOptions::default();
    let plain = decompose(&burst, &[24, 168], &options).unwrap();
    assert!(off(&plain.seasons[0].values, day) > 1.5);
    // Fits in a tenth of the places are close to fits in all.
    let [exact, fast] = [true, false].map(|exact| {
        let options = DecomposeOptions { exact, ..DecomposeOptions::default() };
        decompose(&clean, &[24, 168], &options).unwrap()
    });
    assert!(off(&fast.trend, |at| exact.trend[at]) < 0.02);
    assert!(off(&fast.seasons[0].values, |at| exact.seasons[0].values[at]) < 0.05);
}

#[test]
fn series_without_seasons_have_a_trend() {
    let options = DecomposeOptions::default();
    let constant = decompose(&[7.0; 50], &[6], &options).unwrap();
    assert!(constant.trend.iter().all(|value| (value - 7.0).abs() < 1e-12));
    assert_eq!((constant.trend_strength, constant.seasons[0].strength), (0.0, 0.0));
    let mut line: Vec<f64> = (0..100).map(f64::from).collect();
    line[40] = f64::INFINITY;
    line[50] = 1_000.0;
    let robust = DecomposeOptions { robust: true, ..options.clone() };
    // Half of the series is no period, and one that comes twice is one.
    let found = decompose(&line, &[51, 51], &robust).unwrap();
    assert!(found.seasons.is_empty() && found.remainder[40].is_nan());
    assert_eq!((found.left_out.len(), found.left_out[0].why), (1, WhyLeftOut::TooLong));
    assert!((found.trend[40] - 40.0).abs() < 1e-6 && (found.remainder[50] - 950.0).abs() < 1e-6);
    assert_eq!(decompose(&line, &[7, 7], &options).unwrap().seasons.len(), 1);
    // Noise has hardly any season.
    let mut random = Random::new(5);
    let noise: Vec<f64> = (0..960).map(|_| random.normal()).collect();
    let found = decompose(&noise, &[24], &options).unwrap();
    assert!(found.seasons[0].strength < 0.35, "{}", found.seasons[0].strength);
}

/// Two months of hours of which only each `apart`-th has a value: a slope and a day, with noise.
fn sparse(apart: usize) -> Vec<f64> {
    let mut random = Random::new(6);
    let value = |hour: usize| {
        let day = 8.0 * (TAU * hour as f64 / 24.0).sin();
        100.0 + 0.1 * hour as f64 + day + random.normal()
    };
    let mut values: Vec<f64> = (0..24 * 60).map(value).collect();
    for (at, value) in values.iter_mut().enumerate() {
        if !at.is_multiple_of(apart) {
            *value = f64::NAN;
        }
    }
    values
}

#[test]
fn sampling_that_drifts_through_the_phases_makes_no_season() {
    // A value each 26 hours is known at each hour of the day once in 12 days, and at each of the
    // week once or never.
    let found = decompose(&sparse(26), &[24, 168], &DecomposeOptions::default()).unwrap();
    assert!(found.seasons.is_empty(), "{:?}", found.seasons[0].strength);
    assert!(found.trend_strength > 0.95, "{}", found.trend_strength);
    assert!((found.trend[720] - 172.0).abs() < 4.0, "{}", found.trend[720]);
    let left: Vec<_> = found.left_out.iter().map(|left| (left.period, left.longer_step)).collect();
    assert_eq!(left, [(24, None), (168, Some(24))]);
    assert_eq!((found.sampling.values, found.sampling.steps_apart), (56, 26));
}

#[test]
fn a_step_finer_than_the_sampling_invents_nothing() {
    // Noise each five steps, a step later each day: most phases are known in one cycle of five.
    let mut random = Random::new(7);
    let mut fine = vec![f64::NAN; 28 * 240];
    for day in 0..28 {
        for at in (0..240).step_by(5) {
            fine[day * 240 + at + day % 5] = random.normal();
        }
    }
    let found = decompose(&fine, &[240, 7 * 240], &DecomposeOptions::default()).unwrap();
    assert!(found.seasons.is_empty(), "{:?}", found.seasons[0].strength);
    // Where each sample is at the same phase of each cycle, the parts are those of the longer step.
    let long: Vec<f64> = planted().iter().copied().step_by(4).collect();
    let mut fine = vec![f64::NAN; 4 * long.len()];
    for (at, value) in long.iter().enumerate() {
        fine[4 * at] = *value;
    }
    let fine = decompose(&fine, &[24, 168], &DecomposeOptions::default()).unwrap();
    let long = decompose(&long, &[6, 42], &DecomposeOptions::default()).unwrap();
    assert_eq!((fine.seasons.len(), fine.sampling.steps_apart), (2, 4));
    for (fine, long) in fine.seasons.iter().zip(&long.seasons) {
        assert!((fine.strength - long.strength).abs() < 0.001);
    }
    assert!((fine.trend_strength - long.trend_strength).abs() < 0.001);
}

#[test]
fn bursts_of_what_is_idle_stay_in_the_remainder() {
    // More than half fits exactly: the median of what remains is 0.
    let mut values = vec![0.0; 24 * 42];
    values[500..503].fill(1000.0);
    let options = DecomposeOptions { robust: true, ..DecomposeOptions::default() };
    for periods in [&[24][..], &[], &[24, 168]] {
        let found = decompose(&values, periods, &options).unwrap();
        for (at, value) in values.iter().enumerate() {
            let (trend, rest) = (found.trend[at], found.remainder[at]);
            assert!(trend.abs() < 1e-6, "{periods:?}: {trend} at {at}");
            assert!((rest - value).abs() < 1e-6, "{periods:?}: {rest} at {at}");
        }
    }
}

#[test]
fn what_cannot_be_decomposed_is_said() {
    let values = [1.0, 2.0, 3.0, f64::NAN, 2.0, 1.0];
    let refused = |values: &[f64], periods: &[usize], options: &DecomposeOptions| {
        decompose(values, periods, options).unwrap_err().to_string()
    };
    let default = DecomposeOptions::default();
    assert!(refused(&values[..4], &[], &default).contains("3 values"));
    assert!(refused(&values, &[1], &default).contains("period of 1"));
    let even = DecomposeOptions { trend_window: Some(8), ..default.clone() };
    assert!(refused(&values, &[2], &even).contains("window of 8"));
    let small = DecomposeOptions { season_windows: vec![1], ..default.clone() };
    assert!(refused(&values, &[2], &small).contains("window of 1"));
    let many = DecomposeOptions { season_windows: vec![7, 7], ..default.clone() };
    assert!(refused(&values, &[2], &many).contains("2 windows for 1"));
    let none = DecomposeOptions { iterations: 0, ..default };
    assert!(refused(&values, &[2], &none).contains("iteration"));
}

#[test]
fn the_example_of_the_docs() {
    // docs/method/decompose.md: six weeks of hours, a slope, quiet nights, quiet weekends, and an
    // incident of three hours on a Tuesday.
    let day = |hour: usize| if hour % 24 < 8 { -10.0 } else { 5.0 };
    let week = |hour: usize| if hour / 24 % 7 < 5 { 2.0 } else { -5.0 };
    let mut values: Vec<f64> =
        (0..24 * 42).map(|hour| 100.0 + 0.1 * hour as f64 + day(hour) + week(hour)).collect();
    for value in &mut values[540..543] {
        *value += 60.0;
    }
    let options = DecomposeOptions { robust: true, ..DecomposeOptions::default() };
    let found = decompose(&values, &[24, 168], &options).unwrap();
    let [days, weeks] = found.seasons.as_slice() else { panic!("two seasons") };
    for (name, found, expected) in [
        ("value", values[541], 221.1),
        ("trend", found.trend[541], 154.1),
        ("day", days.values[541], 5.0),
        ("week", weeks.values[541], 2.0),
        ("remainder", found.remainder[541], 60.0),
        ("the same hour of another day", found.remainder[541 + 24], 0.0),
    ] {
        assert!((found - expected).abs() < 1e-6, "{name}: {found}");
    }
    let strengths = (found.trend_strength, days.strength, weeks.strength);
    let expected = (0.988, 0.829, 0.501);
    assert!((strengths.0 - expected.0).abs() < 5e-4, "{strengths:?}");
    assert!((strengths.1 - expected.1).abs() < 5e-4, "{strengths:?}");
    assert!((strengths.2 - expected.2).abs() < 5e-4, "{strengths:?}");
    // Without weights the incident leaks into the season.
    let plain = decompose(&values, &[24, 168], &DecomposeOptions::default()).unwrap();
    let leaked = plain.seasons[0].values[541] - 5.0;
    assert!((leaked - 8.81).abs() < 5e-3, "{leaked}");
}

// The golden numbers.
const ONE_TREND: Golden = (
    [
        50.013_039_728_663,
        49.708_599_737_587_5,
        49.607_336_029_676_73,
        68.062_025_948_021_16,
        68.188_623_142_846_25,
        64.157_667_544_956_81,
        59.761_543_696_118_274,
        80.570_696_489_504_43,
        81.102_914_550_009_05,
    ],
    7_749.037_362_686_577,
);
const ONE_SEASON: Golden = (
    [
        2.600_327_372_182_421,
        1.081_089_905_310_878,
        -10.559_130_776_026_622,
        3.144_677_747_559_071,
        0.991_998_279_976_077_5,
        2.603_954_701_103_927,
        -16.251_969_268_610_74,
        -7.532_935_091_343_496,
        -11.782_240_862_909_969,
    ],
    698.105_389_734_047_3,
);
const ONE_TREND_ROBUST: Golden = (
    [
        49.449_776_082_153_136,
        49.255_109_926_684_35,
        48.557_600_542_305_934,
        59.545_379_335_507_086,
        59.827_212_156_012_12,
        62.714_026_173_288_57,
        69.028_333_338_225_07,
        83.546_609_762_661_86,
        84.717_104_284_407_24,
    ],
    7_771.089_089_186_193,
);
const ONE_SEASON_ROBUST: Golden = (
    [
        3.651_209_378_859_121_6,
        4.771_394_621_841_223,
        -8.420_075_529_846_024,
        0.923_279_350_599_587_7,
        -7.478_489_105_628_956,
        3.387_508_234_514_454,
        -10.234_679_736_733_264,
        -8.344_539_553_021_8,
        -10.568_298_761_250_96,
    ],
    712.037_448_479_260_5,
);
const TWO_TREND: Golden = (
    [
        49.498_818_054_094_78,
        49.758_637_760_043_97,
        50.785_261_796_956_53,
        62.751_014_229_991_96,
        63.013_963_553_565_69,
        64.555_153_799_746_46,
        66.206_411_684_283_37,
        79.154_813_045_931_19,
        79.415_907_399_139_8,
    ],
    7_747.237_600_794_167,
);
const TWO_SIX: Golden = (
    [
        2.549_022_229_156_935_5,
        0.609_173_044_113_084_4,
        -10.669_380_967_344_162,
        3.095_452_047_841_904,
        1.744_361_618_028_215_3,
        2.616_633_997_831_349_8,
        -16.937_595_863_015_694,
        -7.043_044_664_957_825,
        -11.980_081_821_646_712,
    ],
    697.254_345_152_037_8,
);
const TWO_EIGHTEEN: Golden = (
    [
        1.433_051_560_207_469_2,
        3.475_420_010_639_538_3,
        -4.198_716_863_792_146,
        -4.739_447_006_831_257_5,
        2.329_897_023_418_372_5,
        -2.719_995_103_519_949,
        -4.690_699_626_344_132,
        -2.089_812_176_220_271_5,
        0.769_380_975_516_238,
    ],
    359.473_712_413_962_9,
);
const TWO_TREND_ROBUST: Golden = (
    [
        49.407_730_298_807_53,
        49.666_428_042_764_01,
        50.701_014_339_415_8,
        59.411_669_190_836_35,
        59.664_131_365_220_55,
        64.502_598_257_606_46,
        68.953_977_034_643_91,
        78.988_703_827_710_99,
        79.236_631_863_338_54,
    ],
    7_732.144_395_020_404,
);
const TWO_SIX_ROBUST: Golden = (
    [
        3.857_771_563_045_464,
        2.669_680_182_109_412,
        -9.583_671_141_618_966,
        3.139_080_814_866_441,
        -7.470_189_889_334_954,
        3.292_739_367_794_599_7,
        -9.366_615_648_787_135,
        -8.054_376_990_279_636,
        -9.532_564_967_567_588,
    ],
    706.746_139_292_696_9,
);
const TWO_EIGHTEEN_ROBUST: Golden = (
    [
        0.699_812_739_320_983_1,
        2.156_681_282_798_967,
        -0.644_525_343_325_218_9,
        -3.345_610_314_572_757,
        -2.017_450_167_767_729_2,
        -3.378_486_458_908_657_4,
        -0.770_909_901_893_844_7,
        1.567_455_530_863_58,
        -3.178_185_022_790_809_7,
    ],
    297.906_294_233_569_44,
);

#[test]
fn windows_without_end_are_refused() {
    let values = golden_series();
    for window in [usize::MAX, SMOOTHING_WINDOW_MAX + 1] {
        let season = DecomposeOptions { season_windows: vec![window], ..Default::default() };
        let trend = DecomposeOptions { trend_window: Some(window), ..Default::default() };
        for options in [season, trend] {
            let refused = decompose(&values, &[6], &options).unwrap_err();
            assert!(matches!(refused, Error::Limit { .. }), "{refused}");
        }
    }
    let longest = DecomposeOptions {
        season_windows: vec![SMOOTHING_WINDOW_MAX - 1],
        trend_window: Some(SMOOTHING_WINDOW_MAX - 1),
        ..Default::default()
    };
    assert!(decompose(&values, &[6], &longest).is_ok());
}
