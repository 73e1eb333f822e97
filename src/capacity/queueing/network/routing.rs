//! Visits from routing: how often a job comes by each station on its way through.

use crate::error::{Error, Result};

/// Rows may pass 1 by so much: shares are written with few digits, and thirds do not add up.
const ROUNDING: f64 = 1e-9;

/// How often a job visits each station, where `entry[i]` is the probability that it begins at
/// station `i`, and `routing[i][j]` the probability that from `i` it goes to `j`; what a row lacks
/// to 1 leaves. Solves `v = entry + routing' v` (Jackson 1957).
///
/// ```
/// use plimsoll::capacity::queueing::visits;
/// // Half of all jobs come back: each comes by twice.
/// assert_eq!(visits(&[1.0], &[vec![0.5]])?, [2.0]);
/// # Ok::<(), plimsoll::Error>(())
/// ```
///
/// # Errors
///
/// Unless all are probabilities, rows add up to at most 1 and the entry to 1, and every job that
/// gets anywhere gets out again.
pub fn visits(entry: &[f64], routing: &[Vec<f64>]) -> Result<Vec<f64>> {
    let stations = entry.len();
    if routing.len() != stations || routing.iter().any(|row| row.len() != stations) {
        return Err(Error::invalid(format!(
            "routing is a square table, as wide as the {stations} stations that may be entered"
        )));
    }
    let is_probability = |share: &f64| (0.0..=1.0 + ROUNDING).contains(share);
    if !entry.iter().all(is_probability) || (entry.iter().sum::<f64>() - 1.0).abs() > ROUNDING {
        return Err(Error::invalid("where jobs enter is given as probabilities that add up to 1"));
    }
    for (from, row) in routing.iter().enumerate() {
        let sum: f64 = row.iter().sum();
        if !row.iter().all(is_probability) || sum > 1.0 + ROUNDING {
            return Err(Error::invalid(format!(
                "from station {}, routing is given as probabilities that add up to at most 1; \
                 they add up to {sum}",
                from + 1
            )));
        }
    }
    let reached = closure(entry.iter().map(|share| *share > 0.0).collect(), |from, to| {
        routing[from][to] > 0.0
    });
    let leaves = routing.iter().map(|row| row.iter().sum::<f64>() < 1.0 - ROUNDING).collect();
    let out = closure(leaves, |from, to| routing[to][from] > 0.0);
    if let Some(stuck) = (0..stations).find(|station| reached[*station] && !out[*station]) {
        return Err(Error::invalid(format!(
            "a job that comes to station {} never leaves: let some routes out of the network",
            stuck + 1
        )));
    }
    // Stations that are never reached would only disturb: their rows and columns are left out.
    let kept: Vec<usize> = (0..stations).filter(|station| reached[*station]).collect();
    let mut equations: Vec<Vec<f64>> = Vec::with_capacity(kept.len());
    for to in &kept {
        let mut row: Vec<f64> =
            kept.iter().map(|from| f64::from(from == to) - routing[*from][*to]).collect();
        row.push(entry[*to]);
        equations.push(row);
    }
    let mut found = vec![0.0; stations];
    for (station, visits) in kept.into_iter().zip(solve(equations)?) {
        found[station] = visits;
    }
    Ok(found)
}

/// All that can be come to from what is marked.
fn closure(mut marked: Vec<bool>, leads: impl Fn(usize, usize) -> bool) -> Vec<bool> {
    let mut open: Vec<usize> = (0..marked.len()).filter(|at| marked[*at]).collect();
    while let Some(from) = open.pop() {
        for (to, marked) in marked.iter_mut().enumerate() {
            if !*marked && leads(from, to) {
                *marked = true;
                open.push(to);
            }
        }
    }
    marked
}

/// Gaussian elimination with the largest pivot; each row ends with its right-hand side.
fn solve(mut rows: Vec<Vec<f64>>) -> Result<Vec<f64>> {
    let count = rows.len();
    for column in 0..count {
        let size = |row: &usize| rows[*row][column].abs();
        let best = (column..count).max_by(|a, b| size(a).total_cmp(&size(b))).unwrap_or(column);
        rows.swap(column, best);
        let pivot = rows[column].clone();
        if pivot[column].abs() < f64::MIN_POSITIVE {
            return Err(Error::invalid("jobs hardly ever leave: let more routes out"));
        }
        for row in &mut rows[column + 1..] {
            let factor = row[column] / pivot[column];
            for (cell, above) in row.iter_mut().zip(&pivot).skip(column) {
                *cell -= factor * above;
            }
        }
    }
    let mut found = vec![0.0; count];
    for at in (0..count).rev() {
        let known: f64 = (at + 1..count).map(|other| rows[at][other] * found[other]).sum();
        found[at] = (rows[at][count] - known) / rows[at][at];
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_never_leaves_is_refused() {
        let round = vec![vec![0.0, 1.0], vec![1.0, 0.0]];
        let why = visits(&[1.0, 0.0], &round).unwrap_err().to_string();
        assert!(why.contains("station 1 never leaves"), "{why}");
        // A ring that nobody enters disturbs nobody.
        let apart = vec![vec![0.0, 0.0, 0.0], vec![0.0, 0.0, 1.0], vec![0.0, 1.0, 0.0]];
        assert_eq!(visits(&[1.0, 0.0, 0.0], &apart).unwrap(), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn tables_that_are_no_routing_are_refused() {
        for (entry, routing) in [
            (vec![1.0], vec![]),
            (vec![0.5], vec![vec![0.0]]),
            (vec![1.0], vec![vec![1.5]]),
            (vec![1.0], vec![vec![-0.5]]),
            (vec![1.0, 0.0], vec![vec![0.6, 0.6], vec![0.0, 0.0]]),
            (vec![f64::NAN], vec![vec![0.0]]),
        ] {
            assert!(visits(&entry, &routing).is_err(), "{entry:?} {routing:?}");
        }
    }
}
