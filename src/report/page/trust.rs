//! How far what is said can be trusted: what was said before, against what came.

use super::calibration::{calibration, points};
use super::document::Body;
use super::figure::Figure;
use crate::capacity::Plan;
use crate::capacity::exhaustion::score::HorizonScore;

/// Writes the section.
pub(super) fn section(plan: &Plan, body: &mut Body) {
    let Some(history) = &plan.history else { return };
    let scored: Vec<&HorizonScore> =
        history.score.horizons.iter().filter(|score| !points(score).is_empty()).collect();
    if scored.is_empty() {
        return;
    }
    body.section("trust", "How often it was right");
    body.explain(
        "From days of the past, with what was known then, the probability was worked out that a \
         row reaches lines a little and far over its last peak; and it was noted whether it did. \
         So does plimsoll backtest --exhaustion, on every day.",
    );
    body.list(&scored.iter().filter_map(|score| in_words(score)).collect::<Vec<_>>());
    let figures = scored.iter().filter_map(|score| {
        let hosts = score.all.as_ref()?.hosts;
        Some(calibration(&points(score), score.horizon_days, hosts))
    });
    body.figures(&figures.collect::<Vec<Figure>>());
}

fn in_words(score: &HorizonScore) -> Option<String> {
    let all = score.all.as_ref()?;
    let percent = |value: f64| format!("{:.0}%", value * 100.0);
    let skill = &all.skill;
    let skill = if skill.value.is_finite() {
        format!(
            "; {} better than a straight line ({} to {} in 95% of draws of the hosts)",
            percent(skill.value),
            percent(skill.low),
            percent(skill.high)
        )
    } else {
        String::new()
    };
    Some(format!(
        "Within {} days: {} of {} cases came true. Brier score {:.3}{skill}.",
        score.horizon_days,
        percent(all.base_rate.value),
        all.cases,
        all.brier.value
    ))
}
