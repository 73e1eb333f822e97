//! A small writer of marks. Places are rounded to a tenth, and paths are written relative, so that
//! a page of two hundred hosts stays small.

use std::fmt::Write;

use super::escape::Text;

/// Marks under construction.
#[derive(Debug, Default)]
pub(super) struct Marks {
    out: String,
}

/// Where a text stands on its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Appends other marks.
    pub(super) fn add(&mut self, other: &str) {
        self.out.push_str(other);
    }

    /// A straight line.
    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.path(class, &line_of([from, to].into_iter()));
    }

    /// A line through points; broken where one is not finite.
    pub(super) fn polyline(&mut self, class: &str, points: impl Iterator<Item = (f64, f64)>) {
        self.path(class, &line_of(points));
    }

    /// The area between two lines over the same places. Points that are not finite are left out.
    pub(super) fn area(&mut self, class: &str, band: impl Iterator<Item = (f64, f64, f64)>) {
        let finite = |(x, low, high): &(f64, f64, f64)| (x + low + high).is_finite();
        let band: Vec<(f64, f64, f64)> = band.filter(finite).collect();
        let there = band.iter().map(|(x, low, _)| (*x, *low));
        let back = band.iter().rev().map(|(x, _, high)| (*x, *high));
        let path = line_of(there.chain(back));
        if !path.is_empty() {
            self.path(class, &format!("{path}z"));
        }
    }

    /// A rectangle.
    pub(super) fn rect(&mut self, class: &str, at: (f64, f64), size: (f64, f64)) {
        let [x, y, width, height] = [at.0, at.1, size.0, size.1].map(short);
        let _ = write!(
            self.out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        );
    }

    /// A round dot. It is a stroke of no length, which stays round where a chart is stretched.
    pub(super) fn dot(&mut self, class: &str, at: (f64, f64)) {
        self.dots(class, [at].into_iter());
    }

    /// Many dots, as one mark.
    pub(super) fn dots(&mut self, class: &str, at: impl Iterator<Item = (f64, f64)>) {
        let mut path = String::new();
        for (x, y) in at.filter(|(x, y)| (x + y).is_finite()) {
            let _ = write!(path, "M{} {}h0", short(x), short(y));
        }
        self.path(class, &path);
    }

    /// A path of the letters of SVG; none where it is empty.
    pub(super) fn path(&mut self, class: &str, path: &str) {
        if !path.is_empty() {
            let _ = write!(self.out, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }

    /// Words.
    pub(super) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " m",
            Anchor::End => " e",
        };
        let (x, y) = (short(at.0), short(at.1));
        let text = Text(text);
        let _ =
            write!(self.out, "<text class=\"{class}{anchor}\" x=\"{x}\" y=\"{y}\">{text}</text>");
    }
}

/// The letters of a line through points, broken where one is not finite. What is relative is so to
/// the rounded place, so that no error adds up.
fn line_of(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    let mut last: Option<(i64, i64)> = None;
    for (x, y) in points {
        if !(x + y).is_finite() {
            last = None;
            continue;
        }
        let (x, y) = (tenths(x), tenths(y));
        match last {
            None => {
                let _ = write!(path, "M{} {}", of_tenths(x), of_tenths(y));
            }
            Some(before) => {
                let _ = write!(path, "l{} {}", of_tenths(x - before.0), of_tenths(y - before.1));
            }
        }
        last = Some((x, y));
    }
    path
}

fn tenths(value: f64) -> i64 {
    (value * 10.0).round() as i64
}

fn of_tenths(tenths: i64) -> String {
    if tenths % 10 == 0 {
        return (tenths / 10).to_string();
    }
    let sign = if tenths < 0 { "-" } else { "" };
    let (whole, rest) = (tenths.abs() / 10, tenths.abs() % 10);
    if whole == 0 { format!("{sign}.{rest}") } else { format!("{sign}{whole}.{rest}") }
}

/// A place with at most one digit after the point; 0 for what is not finite.
pub(super) fn short(value: f64) -> String {
    of_tenths(if value.is_finite() { tenths(value) } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (-0.04, "0"),
            (12.0, "12"),
            (12.34, "12.3"),
            (-0.26, "-.3"),
            (0.51, ".5"),
            (-7.25, "-7.3"),
            (f64::NAN, "0"),
        ] {
            assert_eq!(short(value), text, "{value}");
        }
    }

    #[test]
    fn lines_break_at_gaps_and_do_not_drift() {
        let mut marks = Marks::new();
        let points = [(0.0, 1.0), (1.0, 3.0), (2.0, f64::NAN), (3.0, 2.0), (4.5, 2.0)];
        marks.polyline("a", points.into_iter());
        assert_eq!(marks.finish(), "<path class=\"a\" d=\"M0 1l1 2M3 2l1.5 0\"/>");
        // A thousand steps of 0.04 end where they should.
        let path = line_of((0..=1_000).map(|at| (f64::from(at) * 0.04, 0.0)));
        let steps = path
            .split('l')
            .skip(1)
            .map(|step| step.split(' ').next().and_then(|x| x.parse::<f64>().ok()).unwrap());
        assert!((steps.sum::<f64>() - 40.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_finite_leaves_no_mark() {
        let mut marks = Marks::new();
        marks.area("a", [(0.0, f64::NAN, 1.0)].into_iter());
        marks.polyline("a", std::iter::empty());
        marks.dots("a", [(f64::NAN, 0.0)].into_iter());
        assert_eq!(marks.finish(), "");
    }

    #[test]
    fn words_are_escaped() {
        let mut marks = Marks::new();
        marks.text("t", (1.0, 2.0), Anchor::End, "<b>&\u{202e}");
        let wanted = "<text class=\"t e\" x=\"1\" y=\"2\">&lt;b&gt;&amp;\\u{202e}</text>";
        assert_eq!(marks.finish(), wanted);
    }
}
