//! Headroom of hosts day by day, as a map: a row for each host, a column for each day.

use std::fmt::Write;

use super::figure::{Figure, Frame, Reading};
use super::palette::HEAT_CLASSES;
use super::scale::{Bands, Days};
use super::svg::{Anchor, Marks, short};
use super::table::{Cell, Table, numbers, words};
use crate::capacity::HeadroomMap;
use crate::model::Span;
use crate::report::names::cut_to;
use crate::report::table::percent as in_percent;

/// From which headroom on, in percent of the limit, each class counts; the first has all below.
const CLASSES_FROM: [f64; HEAT_CLASSES - 1] = [0.0, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0];
/// The words of the classes.
pub(super) const KEY: [(&str, &str); HEAT_CLASSES] = [
    ("h0", "over the line"),
    ("h1", "0 to 5%"),
    ("h2", "5 to 10%"),
    ("h3", "10 to 20%"),
    ("h4", "20 to 40%"),
    ("h5", "40 to 60%"),
    ("h6", "60 to 80%"),
    ("h7", "80% or more"),
];

const WIDTH: f64 = 1_080.0;
const NAMES: f64 = 180.0;
const TOP: f64 = 6.0;
/// Rows of a small fleet and of a large one.
const HEIGHTS: (f64, f64) = (17.0, 11.0);
const SMALL_FLEET_MAX: usize = 30;
const NAME_CHARS_MAX: usize = 28;

/// The map; `name` gives the name of a host.
pub(super) fn heatmap(map: &HeadroomMap, names: &[String]) -> Figure {
    let small = map.hosts.len() <= SMALL_FLEET_MAX;
    let height = if small { HEIGHTS.0 } else { HEIGHTS.1 };
    let bands = Bands { from: 0.0, height };
    let frame = Frame {
        left: NAMES,
        top: TOP,
        width: WIDTH - NAMES - 12.0,
        height: height * map.hosts.len() as f64,
    };
    let end = map.first_day.plus(Span::from_days(map.days as i64));
    let days = Days::new(map.first_day, end, (0.0, frame.width));
    let mut marks = Marks::new();
    frame.days(&mut marks, &days);
    let cells = cells(map, &bands);
    marks.add(&frame.plot_in(map.days.max(1) as f64, &cells, Some(&days)));
    for (row, name) in names.iter().enumerate().take(map.hosts.len()) {
        let y = frame.top + bands.middle(row) + if small { 4.0 } else { 3.0 };
        let class = if small { "name" } else { "small" };
        marks.text(class, (NAMES - 8.0, y), Anchor::End, &cut_to(name, NAME_CHARS_MAX));
    }
    let more = if map.of > map.hosts.len() {
        format!(" The {} worst of {} hosts.", map.hosts.len(), map.of)
    } else {
        String::new()
    };
    Figure {
        title: "Least headroom of each host, day by day".to_owned(),
        subtitle: format!(
            "Line less the daily peak, as a share of today's limit; of a host's resources the \
             tightest. Worst host first.{more}"
        ),
        description: describe(map),
        key: KEY.to_vec(),
        size: (WIDTH, TOP + frame.height + 26.0),
        marks: marks.finish(),
        reading: Reading::Cells,
        table: table(map, names, &bands),
    }
}

/// The class of a share; `None` where it is not known.
fn class(share: f64) -> Option<usize> {
    let percent = share * 100.0;
    (!share.is_nan()).then(|| CLASSES_FROM.iter().filter(|from| percent >= **from).count())
}

/// One path for each class: neighbours of one class in a row are one rectangle, a day wide each.
fn cells(map: &HeadroomMap, bands: &Bands) -> String {
    let mut paths = vec![String::new(); HEAT_CLASSES];
    for (row, host) in map.hosts.iter().enumerate() {
        let (top, height) = (short(bands.top(row)), short(bands.height - 1.0));
        let mut day = 0;
        while day < host.shares.len() {
            let found = class(host.shares[day]);
            let alike = |share: &&f64| class(**share) == found;
            let days = host.shares[day..].iter().take_while(alike).count();
            if let Some(path) = found.and_then(|class| paths.get_mut(class)) {
                let _ = write!(path, "M{day} {top}h{days}v{height}h-{days}z");
            }
            day += days;
        }
    }
    let mut marks = Marks::new();
    for ((class, _), path) in KEY.iter().zip(paths) {
        marks.path(class, &path);
    }
    marks.finish()
}

fn describe(map: &HeadroomMap) -> String {
    let over = |share: &&f64| class(**share) == Some(0);
    let hosts = map.hosts.iter().filter(|host| host.shares.iter().any(|share| over(&share)));
    let last = map.hosts.iter().filter(|host| host.shares.last().is_some_and(|s| over(&s)));
    format!(
        "{} hosts over {} days from {}: {} hosts were over the line on some day, {} on the last. \
         The least headroom of each week is in the table below.",
        map.hosts.len(),
        map.days,
        map.first_day.date(),
        hosts.count(),
        last.count()
    )
}

/// The least of each week, and the code of every day for the pointer.
fn table(map: &HeadroomMap, names: &[String], bands: &Bands) -> Table {
    let weeks = map.days.div_ceil(7);
    let mut headings = vec![words("Host"), numbers("Least")];
    headings.extend((0..weeks).map(|week| {
        let day = map.first_day.plus(Span::from_days(7 * week as i64));
        numbers(&format!("Week of {}", &day.date()[5..]))
    }));
    let mut table = Table::new(headings);
    for (row, (host, name)) in map.hosts.iter().zip(names).enumerate() {
        let least = |shares: &[f64]| shares.iter().copied().fold(f64::NAN, f64::min);
        let shown = |share: f64| {
            let text = if share.is_nan() { String::new() } else { in_percent(Some(share)) };
            Cell::number(text, share)
        };
        let mut cells = vec![Cell::name(name), shown(least(&host.shares))];
        cells.extend(host.shares.chunks(7).map(|week| shown(least(week))));
        let codes: String = host.shares.iter().map(|share| code(*share)).collect();
        table.row_of_map(bands.middle(row), codes, cells);
    }
    table
}

/// Whole percent from -200% to 100%, and -201% for all below.
fn percent(share: f64) -> i64 {
    (share * 100.0).round().clamp(-201.0, 100.0) as i64
}

/// Two digits of base 36: percent plus 201, so that 0 is below -200%; or `zz`.
fn code(share: f64) -> String {
    if share.is_nan() {
        return "zz".to_owned();
    }
    let value = percent(share) + 201;
    let digit = |value: i64| char::from_digit(value as u32, 36).unwrap_or('z');
    [digit(value / 36), digit(value % 36)].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::HostDays;
    use crate::model::{Labels, Timestamp};

    fn map(shares: &[&[f64]]) -> HeadroomMap {
        let host = |(at, shares): (usize, &&[f64])| HostDays {
            labels: Labels::from_pairs([("host", format!("h{at}").as_str())]).unwrap(),
            shares: shares.to_vec(),
        };
        HeadroomMap {
            first_day: Timestamp::from_seconds(0),
            days: shares[0].len(),
            hosts: shares.iter().enumerate().map(host).collect(),
            of: shares.len() + 5,
        }
    }

    #[test]
    fn neighbours_of_one_class_are_one_rectangle() {
        let map = map(&[&[-0.1, -0.2, 0.04, f64::NAN, 0.9, 0.9], &[0.3; 6]]);
        let figure = heatmap(&map, &["<a>".to_owned(), "b".to_owned()]);
        assert!(figure.marks.contains("class=\"h0\" d=\"M0 0h2v16h-2z\""), "{}", figure.marks);
        assert!(figure.marks.contains("class=\"h1\" d=\"M2 0h1v16h-1z\""));
        assert!(figure.marks.contains("class=\"h7\" d=\"M4 0h2v16h-2z\""));
        assert!(figure.marks.contains("class=\"h4\" d=\"M0 17h6v16h-6z\""));
        assert!(figure.marks.contains("&lt;a&gt;"));
        assert!(figure.subtitle.ends_with("The 2 worst of 7 hosts."));
        assert!(figure.description.contains("1 hosts were over the line on some day, 0 on"));
    }

    #[test]
    fn classes_begin_where_the_key_says() {
        for (share, wanted) in [
            (f64::NEG_INFINITY, Some(0)),
            (-1e-9, Some(0)),
            (0.0, Some(1)),
            (0.05, Some(2)),
            (0.8, Some(7)),
            (f64::INFINITY, Some(7)),
            (f64::NAN, None),
        ] {
            assert_eq!(class(share), wanted, "{share}");
        }
    }

    #[test]
    fn codes_read_back() {
        for share in [-2.0, -0.16, 0.0, 0.005, 0.42, 1.0] {
            let read = i64::from_str_radix(&code(share), 36).unwrap() - 201;
            assert_eq!(read as f64, (share * 100.0_f64).round());
        }
        assert_eq!([code(f64::NAN), code(-9.16), code(-2.01), code(7.0)], ["zz", "00", "00", "8d"]);
    }

    #[test]
    fn what_is_far_over_its_line_is_told_in_full() {
        let figure = heatmap(&map(&[&[-9.16, 0.3]]), &["a".to_owned()]);
        let mut out = String::new();
        figure.write(1, &mut out);
        assert!(out.contains("<summary>Data, 1 row</summary>"), "{out}");
        assert!(out.contains("data-c=\"006f\""), "{out}");
        assert_eq!(out.matches(">-916%").count(), 2, "{out}");
        assert!(!out.contains("-200%") && !out.contains("-201%"), "{out}");
    }
}
