//! Which of the labels that were asked for no series has: a slip of the pen that would join all of
//! them.

use super::output::note;
use crate::model::Labels;

/// Labels by which rows are joined, and whether any row had them.
#[derive(Debug)]
pub(super) struct LabelsSeen<'a> {
    labels: Vec<(&'a str, bool)>,
}

impl<'a> LabelsSeen<'a> {
    /// Of these labels, none of which was seen.
    pub(super) fn of(labels: &'a [String]) -> Self {
        Self { labels: labels.iter().map(|label| (label.as_str(), false)).collect() }
    }

    /// Takes in the labels of a row.
    pub(super) fn add(&mut self, row: &Labels) {
        for (label, seen) in &mut self.labels {
            *seen = *seen || row.get(label).is_some();
        }
    }

    /// Tells the person at the terminal which labels no row had.
    pub(super) fn note_missing(&self) {
        for (label, _) in self.labels.iter().filter(|(_, seen)| !seen) {
            note(&format!(
                "note: no series has the label {label:?}, which tells none of them apart"
            ));
        }
    }
}
