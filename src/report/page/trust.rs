//! How far what is said can be trusted: what was said before, against what came.

use super::calibration::{calibration, points};
use super::document::Body;
use super::figure::Figure;
use crate::capacity::Plan;
use crate::capacity::exhaustion::score::{Banded, HorizonScore};

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
    Some(format!(
        "Within {} days: {:.0}% of {} cases came true. Brier score {:.3}; {}.",
        score.horizon_days,
        all.base_rate.value * 100.0,
        all.cases,
        all.brier.value,
        beside_straight(&all.skill)
    ))
}

/// The skill over a straight line. Where that was never wrong there is none; where it was never so
/// in many draws of the hosts, no band.
fn beside_straight(skill: &Banded) -> String {
    let Banded { value, low, high } = *skill;
    if !value.is_finite() {
        return "a straight line was never wrong, so that no skill over it can be told".to_owned();
    }
    let size = |skill: f64| format!("{:.0}%", skill.abs() * 100.0);
    let word = |skill: f64| if skill < 0.0 { "worse" } else { "better" };
    let said = format!("{} {} than a straight line", size(value), word(value));
    if !(low.is_finite() && high.is_finite()) {
        return format!(
            "{said} (how sure that is cannot be told: in too many draws of the hosts it was never \
             wrong)"
        );
    }
    let band = match (low < 0.0, high < 0.0) {
        (true, true) => format!("{} to {}", size(high), size(low)),
        (true, false) => format!("{} worse to {} better", size(low), size(high)),
        _ => format!("{} to {}", size(low), size(high)),
    };
    format!("{said} ({band} in 95% of draws of the hosts)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skill_below_nothing_is_said_as_worse_and_no_number_is_infinite() {
        let said = |value, low, high| beside_straight(&Banded { value, low, high });
        assert_eq!(
            said(0.54, 0.2, 0.6),
            "54% better than a straight line (20% to 60% in 95% of draws of the hosts)"
        );
        assert_eq!(
            said(-2.23, -3.0, -1.06),
            "223% worse than a straight line (106% to 300% in 95% of draws of the hosts)"
        );
        assert_eq!(
            said(0.1, -0.2, 0.6),
            "10% better than a straight line (20% worse to 60% better in 95% of draws of the hosts)"
        );
        for (low, high) in [(f64::NEG_INFINITY, -1.06), (f64::NAN, f64::NAN)] {
            let found = said(-2.23, low, high);
            assert!(found.starts_with("223% worse than a straight line (how sure"), "{found}");
            assert!(!found.contains("inf") && !found.contains("NaN"), "{found}");
        }
        for value in [f64::NEG_INFINITY, f64::NAN] {
            assert!(said(value, value, value).starts_with("a straight line was never wrong"));
        }
    }
}
