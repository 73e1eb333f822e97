//! Named rows over a time axis: what ranked dates and an order plan have in common.

use super::figure::Frame;
use super::scale::{Bands, Days};
use super::svg::{Anchor, Marks};
use crate::model::Timestamp;
use crate::report::names::cut_to;

const WIDTH: f64 = 1_080.0;
const NAMES: f64 = 216.0;
const WORDS: f64 = 168.0;
const TOP: f64 = 20.0;
const LANE: f64 = 23.0;
const NAME_CHARS_MAX: usize = 32;

/// The room of some lanes, from one instant to another.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) frame: Frame,
    pub(super) days: Days,
    bands: Bands,
    count: usize,
}

impl Lanes {
    pub(super) fn new(count: usize, from: Timestamp, to: Timestamp) -> Self {
        let (width, height) = (WIDTH - NAMES - WORDS, LANE * count as f64);
        Self {
            frame: Frame { left: NAMES, top: TOP, width, height },
            days: Days::new(from, to, (0.0, width)),
            bands: Bands { from: 0.0, height: LANE },
            count,
        }
    }

    /// The size of the whole chart.
    pub(super) fn size(&self) -> (f64, f64) {
        (WIDTH, TOP + LANE * self.count as f64 + 26.0)
    }

    /// The middle of a lane, inside the frame.
    pub(super) fn middle(&self, lane: usize) -> f64 {
        self.bands.middle(lane)
    }

    /// The whole chart: days, lanes with their names and closing words, and `marks` in the frame.
    /// `heads` are words over the frame, each from an instant on.
    pub(super) fn draw(
        &self,
        lanes: impl Iterator<Item = LaneWords>,
        heads: &[(Timestamp, &str)],
        marks: &str,
    ) -> String {
        let mut out = Marks::new();
        self.frame.days(&mut out, &self.days);
        out.add(&self.frame.plot(marks, Some(&self.days)));
        for (at, words) in heads {
            let x = self.frame.left + self.days.place(*at) + 4.0;
            out.text("", (x, TOP - 7.0), Anchor::Start, words);
        }
        for (lane, words) in lanes.enumerate() {
            let y = self.frame.top + self.middle(lane) + 4.0;
            let name = cut_to(&words.name, NAME_CHARS_MAX);
            out.text("name", (self.frame.left - 12.0, y), Anchor::End, &name);
            let class = if words.late { "bad" } else { "" };
            let right = self.frame.left + self.frame.width + 12.0;
            out.text(class, (right, y), Anchor::Start, &words.end);
        }
        out.finish()
    }
}

/// The words of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LaneWords {
    /// On its left.
    pub(super) name: String,
    /// On its right.
    pub(super) end: String,
    /// Whether something is late.
    pub(super) late: bool,
}
