//! Scores of forecasts, and of probabilities of exhaustion, for people.

use std::io::{self, Write};

use super::table::{Columns, numbers, words};
use crate::capacity::exhaustion::score::{Banded, CaseScore, ExhaustionScore, HorizonScore};
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
    let (Some((first, last)), Some(all)) = (horizon.origins, &horizon.all) else {
        return writeln!(
            out,
            "within {days} days: no series has enough days before and after an origin to score"
        );
    };
    let lines = |multiples: &[f64]| -> String {
        multiples.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let every: Vec<f64> = horizon.by_multiple.iter().map(|one| one.multiple).collect();
    let mut block = |score: &CaseScore, multiples: &[f64], which: &str| {
        writeln!(
            out,
            "within {days} days: {} cases of {} hosts, from days {first} to {last}, {which} {} \
             deviations above the last peak",
            score.cases,
            score.hosts,
            lines(multiples)
        )?;
        case_text(score, out)
    };
    match &horizon.scored {
        Some(scored) if horizon.scored_multiples != every => {
            block(scored, &horizon.scored_multiples, "scored by lines")?;
            block(all, &every, "all lines")
        }
        Some(scored) => block(scored, &every, "lines"),
        None => block(all, &every, "not between 20 and 80% reached, lines"),
    }
}

fn case_text(score: &CaseScore, out: &mut impl Write) -> io::Result<()> {
    let Banded { value, low, high } = score.base_rate;
    let [base, low, high] = [value, low, high].map(|share| share * 100.0);
    writeln!(
        out,
        "  reached          {base:.1}% of the time ({low:.0} to {high:.0} in 95% of draws)"
    )?;
    writeln!(
        out,
        "  Brier score      {:.4}; of a straight line {:.4}",
        score.brier.value, score.brier_straight
    )?;
    let percent = |skill: f64| {
        let known = skill.is_finite().then(|| format!("{:.0}%", skill * 100.0));
        known.unwrap_or_else(|| "none".to_owned())
    };
    let Banded { value, low, high } = score.skill;
    let band = if low.is_finite() && high.is_finite() {
        format!("{:.0} to {:.0} in 95% of draws", low * 100.0, high * 100.0)
    } else {
        "no band: in too many draws it was never wrong".to_owned()
    };
    writeln!(
        out,
        "  skill            {} over the straight line ({band}), {} over saying the share that was \
         reached",
        percent(value),
        percent(score.skill_over_base_rate)
    )?;
    let mut table = Columns::new(&[
        words("  said"),
        numbers("cases"),
        numbers("mean"),
        numbers("came true"),
        numbers("off"),
        numbers("in 95% of draws"),
    ]);
    for decile in &score.deciles {
        let Banded { value, low, high } = decile.off;
        table.row(&[
            format!("  {:.0} to {:.0}%", decile.from * 100.0, decile.from * 100.0 + 10.0),
            decile.cases.to_string(),
            format!("{:.1}%", decile.forecast * 100.0),
            format!("{:.1}%", decile.observed * 100.0),
            points(value),
            format!("{} to {}", points(low), points(high)),
        ]);
    }
    table.write(out)
}

/// A difference of shares in points, with its sign.
fn points(share: f64) -> String {
    // No difference has no sign.
    let points = (share * 1000.0).round() / 10.0 + 0.0;
    if points == 0.0 { "0.0".to_owned() } else { format!("{points:+.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::exhaustion::score::{Decile, MultipleScore};
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

    #[test]
    fn the_scored_lines_and_all_lines_stand_below_each_other_with_their_bands() {
        let banded = |value: f64| Banded { value, low: value - 0.02, high: value + 0.03 };
        let score = |cases| CaseScore {
            cases,
            hosts: 4,
            base_rate: banded(0.5),
            brier: banded(0.125),
            brier_straight: 0.25,
            straight_days: None,
            skill: banded(0.5),
            skill_over_base_rate: 0.31,
            deciles: vec![Decile {
                from: 0.2,
                cases: 90,
                forecast: 0.25,
                observed: 0.313,
                off: Banded { value: 0.063, low: -0.0004, high: 0.094 },
            }],
        };
        let alone = |multiple| MultipleScore { multiple, score: score(40) };
        let horizon = |scored: &[f64], cases: Option<usize>| HorizonScore {
            horizon_days: 30,
            origins: Some((21, 31)),
            scored_multiples: scored.to_vec(),
            scored: cases.map(score),
            all: Some(score(120)),
            by_multiple: [0.5, 1.0, 2.0].map(alone).to_vec(),
        };
        let written = |horizon| {
            let mut out = Vec::new();
            exhaustion_scores_text(&ExhaustionScore { horizons: vec![horizon] }, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let both = written(horizon(&[1.0, 2.0], Some(80)));
        let heads: Vec<&str> = both.lines().filter(|line| line.starts_with("within")).collect();
        assert_eq!(
            heads,
            [
                "within 30 days: 80 cases of 4 hosts, from days 21 to 31, scored by lines 1, 2 \
                 deviations above the last peak",
                "within 30 days: 120 cases of 4 hosts, from days 21 to 31, all lines 0.5, 1, 2 \
                 deviations above the last peak"
            ]
        );
        assert!(both.contains("50.0% of the time (48 to 53 in 95% of draws)"), "{both}");
        assert!(both.contains("(48 to 53 in 95% of draws), 31% over saying the share"), "{both}");
        let mut unlike = horizon(&[], None);
        let all = unlike.all.as_mut().unwrap();
        all.skill = Banded { value: -2.23, low: f64::NEG_INFINITY, high: -1.06 };
        all.skill_over_base_rate = f64::NAN;
        let said = written(unlike);
        assert!(
            said.contains(
                "skill            -223% over the straight line (no band: in too many draws it was \
                 never wrong), none over saying"
            ),
            "{said}"
        );
        let row = both.lines().find(|line| line.contains("20 to 30%")).unwrap();
        let cells: Vec<&str> = row.split_whitespace().skip(3).collect();
        assert_eq!(cells, ["90", "25.0%", "31.3%", "+6.3", "0.0", "to", "+9.4"]);
        let one = written(horizon(&[0.5, 1.0, 2.0], Some(120)));
        assert_eq!(one.matches("within").count(), 1);
        assert!(one.contains("from days 21 to 31, lines 0.5, 1, 2 dev"), "{one}");
        let none = written(horizon(&[], None));
        assert!(none.contains(", not between 20 and 80% reached, lines 0.5, 1, 2 dev"), "{none}");
        let nothing = HorizonScore { origins: None, all: None, ..horizon(&[], None) };
        assert!(written(nothing).contains("no series has enough days"));
    }
}
