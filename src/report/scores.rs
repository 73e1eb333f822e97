//! Scores of forecasts, and of probabilities of exhaustion, for people.

use std::io::{self, Write};

use super::table::{Columns, numbers, words};
use crate::capacity::exhaustion::score::{CaseScore, ExhaustionScore, HorizonScore};
use crate::forecast::score::Scores;

/// Writes a line per method, and what was scored.
pub fn scores_text(scores: &Scores, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{} forecasts scored, {} left out; errors scaled over {} step{}, intervals of {:.0}%",
        scores.forecasts,
        scores.left_out,
        scores.period,
        if scores.period == 1 { "" } else { "s" },
        scores.interval * 100.0
    )?;
    let mut table = Columns::new(&[
        words("method"),
        numbers("forecasts"),
        numbers("sMAPE"),
        numbers("MASE"),
        numbers("OWA"),
        numbers("MSIS"),
        numbers("inside"),
        numbers("wQL"),
    ]);
    let some = |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(String::new, show);
    for method in &scores.methods {
        table.row(&[
            method.method.clone(),
            method.forecasts.to_string(),
            format!("{:.3}", method.smape),
            format!("{:.3}", method.mase),
            format!("{:.3}", method.owa),
            some(method.msis, |value| format!("{value:.3}")),
            some(method.coverage, |share| format!("{:.1}%", share * 100.0)),
            format!("{:.4}", method.wql),
        ]);
    }
    table.write(out)
}

/// Writes, for each horizon, the skill and how often what was said came true.
pub fn exhaustion_scores_text(scores: &ExhaustionScore, out: &mut impl Write) -> io::Result<()> {
    for (at, horizon) in scores.horizons.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        horizon_text(horizon, out)?;
    }
    Ok(())
}

fn horizon_text(horizon: &HorizonScore, out: &mut impl Write) -> io::Result<()> {
    let days = horizon.horizon_days;
    let (Some((first, last)), Some(score)) =
        (horizon.origins, horizon.scored.as_ref().or(horizon.all.as_ref()))
    else {
        return writeln!(out, "within {days} days: no series is long enough to score");
    };
    let multiples: Vec<String> = horizon.scored_multiples.iter().map(ToString::to_string).collect();
    let lines = if multiples.is_empty() { "all".to_owned() } else { multiples.join(", ") };
    writeln!(
        out,
        "within {days} days: {} cases of {} hosts, from days {first} to {last}, lines {lines} \
         deviations above the last peak",
        score.cases, score.hosts
    )?;
    case_text(score, out)
}

fn case_text(score: &CaseScore, out: &mut impl Write) -> io::Result<()> {
    let base = score.base_rate.value * 100.0;
    writeln!(out, "  reached          {base:.1}% of the time")?;
    writeln!(
        out,
        "  Brier score      {:.4}; of a straight line {:.4}",
        score.brier.value, score.brier_straight
    )?;
    writeln!(
        out,
        "  skill            {:.0}% over the straight line ({:.0} to {:.0} in 95% of draws)",
        score.skill.value * 100.0,
        score.skill.low * 100.0,
        score.skill.high * 100.0
    )?;
    let mut table =
        Columns::new(&[words("  said"), numbers("cases"), numbers("mean"), numbers("came true")]);
    for decile in &score.deciles {
        table.row(&[
            format!("  {:.0} to {:.0}%", decile.from * 100.0, decile.from * 100.0 + 10.0),
            decile.cases.to_string(),
            format!("{:.1}%", decile.forecast * 100.0),
            format!("{:.1}%", decile.observed * 100.0),
        ]);
    }
    table.write(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::score::MethodScore;

    #[test]
    fn a_method_without_intervals_leaves_their_cells_empty() {
        let method = |name: &str, msis| MethodScore {
            method: name.to_owned(),
            forecasts: 2,
            smape: 8.5,
            mase: 0.75,
            owa: 0.4,
            msis,
            coverage: msis.map(|_| 0.948),
            wql: 0.02,
        };
        let scores = Scores {
            forecasts: 2,
            left_out: 1,
            period: 24,
            interval: 0.95,
            methods: vec![method("ensemble", Some(6.0)), method("naive2", None)],
        };
        let mut out = Vec::new();
        scores_text(&scores, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("2 forecasts scored, 1 left out; errors scaled over 24 steps"));
        let lines: Vec<Vec<&str>> =
            text.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines[0],
            ["ensemble", "2", "8.500", "0.750", "0.400", "6.000", "94.8%", "0.0200"]
        );
        assert_eq!(lines[1], ["naive2", "2", "8.500", "0.750", "0.400", "0.0200"]);
    }
}
