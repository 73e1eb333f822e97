//! What plans said against what happened, as a sheet.

use super::sheet::{Column, Sheet, Value};
use crate::capacity::kept::{LeftOut, MissedRow, PlanScores, SaidScore};
use crate::capacity::name;
use crate::model::Span;

/// A decile with fewer cases says nothing.
const DECILE_CASES_MIN: usize = 10;
/// Rows that are named among those that were missed.
const MISSED_MAX: usize = 10;

/// The scores of the plans of a study that were kept; all rows that were missed where `all`.
pub fn plan_scores_sheet(scores: &PlanScores, all: bool) -> Sheet {
    let mut sheet = Sheet::new(format!("What the plans of {} said, and what came", scores.study));
    sheet.fact("plans", "plans", scores.plans, "");
    let last_day = scores.end.minus(Span::DAY).date();
    sheet.fact("last_day", "the last day that is over in the data", last_day, "");
    let left = scores.left_out;
    sheet.fact("not_over", "rows whose days are not over", left.not_over, "rows x horizons");
    sheet.fact("unknown_days", "rows with unknown days", left.unknown_days, "rows x horizons");
    sheet.fact("without_usage", "rows without usage", left.without_usage, "rows");
    sheet.fact("other_step", "plans of another step, left out", left.other_step, "");
    within(scores, &mut sheet);
    dates(scores, &mut sheet);
    deciles(scores, &mut sheet);
    by_plan(scores, &mut sheet);
    missed(scores, all, &mut sheet);
    sheet.note(
        "Said: the probability that a daily peak reaches the line within so many days. Brier: the \
         mean of (said - came)^2, 0 at best. Skill: over always saying the base rate; below 0 the \
         base rate had been better.",
    );
    if left.other_step > 0 {
        sheet.note(
            "A plan of another step than the study's spoke of other peaks: the mean of an hour is \
             no mean of a day. Score it with a study of its step.",
        );
    }
    if scores.within.is_empty() {
        sheet.note(why_nothing(left));
    }
    sheet
}

/// Why no row could be scored.
fn why_nothing(left: LeftOut) -> String {
    let LeftOut { other_step, unknown_days, not_over, without_usage } = left;
    let others = other_step + unknown_days + without_usage;
    if others == 0 && not_over > 0 {
        return "No plan is 7 days old in the data yet: score again when it is.".to_owned();
    }
    let mut why = Vec::new();
    if other_step > 0 {
        why.push("plans are of another step");
    }
    if without_usage > 0 {
        why.push(
            "rows are without usage (a resource has another name or unit than it had, or the study \
             other labels in `by` or an `ignore_before`)",
        );
    }
    if unknown_days > 0 {
        why.push("too many of the days ahead have no data");
    }
    if not_over > 0 {
        why.push("days are not over in the data");
    }
    if why.is_empty() {
        why.push("no plan said of any row how likely its line is reached");
    }
    format!("Nothing could be scored: {}.", why.join("; "))
}

fn columns(names: &[(&'static str, &'static str)]) -> Vec<Column> {
    names.iter().map(|(key, heading)| Column::new(key, *heading)).collect()
}

/// The cells of a score: cases, reached, said, base rate, Brier, skill.
fn figures(score: &SaidScore) -> [Value; 6] {
    [
        score.cases.into(),
        score.reached.into(),
        score.said.into(),
        score.base_rate.into(),
        score.brier.into(),
        score.skill.into(),
    ]
}

const FIGURES: [(&str, &str); 6] = [
    ("cases", "cases"),
    ("reached", "reached"),
    ("said", "said"),
    ("base_rate", "base rate"),
    ("brier", "Brier"),
    ("skill", "skill"),
];

fn within(scores: &PlanScores, sheet: &mut Sheet) {
    if scores.within.is_empty() {
        return;
    }
    let mut names = vec![("rows", "rows"), ("within_days", "within days"), ("plans", "plans")];
    names.extend(FIGURES);
    let table = sheet.table("scores", &columns(&names));
    for within in &scores.within {
        for (rows, score) in [("not full", within.not_full), ("all", within.all)] {
            let Some(score) = score else { continue };
            let own = [rows.into(), within.within_days.into(), within.plans.into()];
            table.row(own.into_iter().chain(figures(&score)));
        }
    }
}

fn dates(scores: &PlanScores, sheet: &mut Sheet) {
    let dates = &scores.intervals;
    if dates.judged() + dates.open + dates.unknown == 0 {
        return;
    }
    let names = [
        ("dates", "dates from P10 to P90"),
        ("held", "held"),
        ("early", "early"),
        ("late", "late"),
        ("share_held", "share held"),
        ("open", "P90 to come"),
        ("unknown", "days unknown"),
    ];
    let table = sheet.table("intervals", &columns(&names));
    table.row([
        dates.judged().into(),
        dates.held.into(),
        dates.early.into(),
        dates.late.into(),
        dates.share_held().into(),
        dates.open.into(),
        dates.unknown.into(),
    ]);
}

fn deciles(scores: &PlanScores, sheet: &mut Sheet) {
    let all = || scores.within.iter().flat_map(|one| one.deciles.iter().map(move |d| (one, d)));
    let enough = || all().filter(|(_, decile)| decile.cases >= DECILE_CASES_MIN);
    if enough().next().is_some() {
        let names = [
            ("within_days", "within days"),
            ("from", "said from"),
            ("cases", "cases"),
            ("said", "said"),
            ("came", "came"),
        ];
        let table = sheet.table("calibration", &columns(&names));
        for (within, decile) in enough() {
            table.row([
                within.within_days.into(),
                decile.from.into(),
                decile.cases.into(),
                decile.said.into(),
                decile.came.into(),
            ]);
        }
    }
    let few: usize = all().map(|(_, d)| d.cases).filter(|cases| *cases < DECILE_CASES_MIN).sum();
    if few > 0 {
        sheet.note(format!(
            "{few} cases stand in tenths of fewer than {DECILE_CASES_MIN}, which say nothing on \
             their own."
        ));
    }
}

fn by_plan(scores: &PlanScores, sheet: &mut Sheet) {
    if scores.by_plan.is_empty() {
        return;
    }
    let mut names = vec![("as_of", "plan as of"), ("within_days", "within days")];
    names.extend(FIGURES);
    let table = sheet.table("plans", &columns(&names));
    for plan in &scores.by_plan {
        let own = [plan.as_of.to_string().into(), plan.within_days.into()];
        table.row(own.into_iter().chain(figures(&plan.score)));
    }
}

fn missed(scores: &PlanScores, all: bool, sheet: &mut Sheet) {
    if scores.missed.is_empty() {
        return;
    }
    let names = [
        ("row", "missed worst"),
        ("resource", "resource"),
        ("as_of", "plan as of"),
        ("within_days", "within days"),
        ("said", "said"),
        ("came", "came"),
        ("line", "line"),
        ("peak", "highest peak"),
        ("peak_day", "on"),
    ];
    let shown = if all { scores.missed.len() } else { MISSED_MAX };
    let table = sheet.table("missed", &columns(&names));
    for one in scores.missed.iter().take(shown) {
        let MissedRow { labels, resource, as_of, within_days, .. } = one;
        table.row([
            name(labels, &scores.by).into(),
            resource.as_str().into(),
            as_of.date().into(),
            (*within_days).into(),
            one.said.into(),
            if one.reached { "reached" } else { "not reached" }.into(),
            one.line.into(),
            one.peak.into(),
            one.peak_day.date().into(),
        ]);
    }
    if shown < scores.missed.len() {
        let more = scores.missed.len() - shown;
        sheet.note(format!("{more} more rows were missed; --all shows them."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_is_scored_the_cause_is_named() {
        let (left, none) = (LeftOut::default(), "Nothing could be scored: ");
        let young = why_nothing(LeftOut { not_over: 3, ..left });
        assert_eq!(young, "No plan is 7 days old in the data yet: score again when it is.");
        for (left, says) in [
            (LeftOut { without_usage: 3, ..left }, "rows are without usage ("),
            (LeftOut { without_usage: 3, not_over: 1, ..left }, "; days are not over in the data"),
            (LeftOut { unknown_days: 3, ..left }, "too many of the days"),
            (LeftOut { other_step: 1, ..left }, "plans are of another step"),
            (left, "no plan said of any row"),
        ] {
            let found = why_nothing(left);
            assert!(found.starts_with(none) && found.contains(says), "{found}");
        }
    }
}
