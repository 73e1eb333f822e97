//! The parameters of a recursion: a coarse grid, then steps around its best point, lane by lane.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use crate::kernel::{Loop, Wide, widest};

/// Parameters of a recursion, at most four; what a recursion does not know of it leaves alone.
pub(super) type Parameters = [Wide; 4];

/// Rounds of refinement; each halves its steps.
const ROUNDS: usize = 3;

/// Steps of the past that are forecast from to compare models, and steps ahead of each.
const TRIALS: usize = 48;
const TRIAL_AHEAD: usize = 32;
/// A level that moves slowly is taken where its squared errors ahead are less by this factor than
/// those of what is best for the next step.
pub(super) const SLOW_MARGIN: f64 = 1.25;

/// A model that runs over the values once, with a state that moves on.
pub(super) trait Recursion {
    /// What it remembers.
    type State: Clone;

    /// Runs over the steps in `[from, to)` and returns the sum of squared errors.
    fn run(&self, state: &mut Self::State, p: &Parameters, from: usize, to: usize) -> Wide;

    /// By how much the squared errors up to `state` would be less with the best first state.
    #[inline(always)]
    fn saved(&self, _: &Self::State) -> Wide {
        Wide::ZERO
    }
}

/// A recursion that can be asked for more than the next step.
pub(super) trait Ahead: Recursion {
    /// By how much the value of a step is above a forecast; nothing where it is not known.
    fn error(&self, step: usize, forecast: Wide) -> Wide;

    /// The forecasts of the steps from `next` on, with `state` before them.
    fn ahead(
        &self,
        state: Self::State,
        parameters: &Parameters,
        next: usize,
    ) -> impl Iterator<Item = Wide>;
}

/// What was found for each lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) parameters: Parameters,
    /// The sum of squared errors with them.
    pub(super) squares: Wide,
}

/// Values that each parameter may take: those of the grid, and all between the first and the last.
pub(super) type Axes<'a> = [&'a [f64]; 4];

/// The parameters with the least squared errors in `[warm, until)`, from the state `start` on.
///
/// Every lane makes the same number of runs, each with its own parameters, so that a lane's result
/// does not depend on its neighbours.
pub(super) fn search<R: Recursion>(
    recursion: &R,
    start: &R::State,
    axes: Axes<'_>,
    (warm, until): (usize, usize),
) -> Found {
    let mut state = start.clone();
    let mut squares_of = |p: &Parameters| {
        state.clone_from(start);
        widest(Pass { recursion, state: &mut state, parameters: p, from: 0, to: warm });
        let squares =
            widest(Pass { recursion, state: &mut state, parameters: p, from: warm, to: until });
        squares - recursion.saved(&state)
    };
    let first = axes.map(|axis| Wide::splat(axis[0]));
    let mut best = Found { parameters: first, squares: Wide::splat(f64::INFINITY) };
    for point in grid(axes) {
        let parameters = point.map(Wide::splat);
        let squares = squares_of(&parameters);
        best.keep(&Found { parameters, squares });
    }
    for round in 0..ROUNDS {
        for (at, axis) in axes.iter().enumerate().filter(|(_, axis)| axis.len() > 1) {
            let (low, high) = (axis[0], axis[axis.len() - 1]);
            // Half the typical distance of grid points at first.
            let step = (high - low) / (axis.len() - 1) as f64 * 0.5_f64.powi(round as i32 + 1);
            for step in [step, -step] {
                let mut parameters = best.parameters;
                parameters[at] = parameters[at].map(|value| (value + step).clamp(low, high));
                let squares = squares_of(&parameters);
                best.keep(&Found { parameters, squares });
            }
        }
    }
    best
}

/// The states at each of some ascending origins.
pub(super) fn states_at<R: Recursion>(
    recursion: &R,
    start: &R::State,
    parameters: &Parameters,
    origins: &[usize],
) -> Vec<R::State> {
    let mut state = start.clone();
    let mut from = 0;
    let at_origin = origins.iter().map(|&origin| {
        widest(Pass { recursion, state: &mut state, parameters, from, to: origin });
        from = origin;
        state.clone()
    });
    at_origin.collect()
}

/// The squared errors of forecasts of up to 32 steps from steps of the past before `until`, the
/// first third of it left out, with the state `start` at first.
pub(super) fn squares_ahead<A: Ahead>(
    recursion: &A,
    start: &A::State,
    parameters: &Parameters,
    until: usize,
) -> Wide {
    let ahead = TRIAL_AHEAD.min(until / 4);
    let (first, last) = (until / 3, until - ahead);
    let origins: Vec<usize> =
        (0..TRIALS).map(|at| first + (last - first) * at / (TRIALS - 1)).collect();
    let states = states_at(recursion, start, parameters, &origins);
    let mut squares = Wide::ZERO;
    for (state, origin) in states.into_iter().zip(origins) {
        let forecasts = recursion.ahead(state, parameters, origin);
        for (step, forecast) in (origin..origin + ahead).zip(forecasts) {
            let error = recursion.error(step, forecast);
            squares += error * error;
        }
    }
    squares
}

/// The steps of a recursion in `[from, to)`.
struct Pass<'a, R: Recursion> {
    recursion: &'a R,
    state: &'a mut R::State,
    parameters: &'a Parameters,
    from: usize,
    to: usize,
}

impl<R: Recursion> Loop for Pass<'_, R> {
    type Output = Wide;

    #[inline(always)]
    fn run(self) -> Wide {
        self.recursion.run(self.state, self.parameters, self.from, self.to)
    }
}

impl Found {
    /// Takes over the lanes in which `other` is better.
    fn keep(&mut self, other: &Self) {
        for (mine, theirs) in self.parameters.iter_mut().zip(&other.parameters) {
            *mine = theirs.where_less(other.squares, self.squares, *mine);
        }
        // In this order NaN changes nothing.
        self.squares = other.squares.min(self.squares);
    }
}

fn grid(axes: Axes<'_>) -> impl Iterator<Item = [f64; 4]> {
    let [a, b, c, d] = axes;
    a.iter().flat_map(move |a| {
        b.iter()
            .flat_map(move |b| c.iter().flat_map(move |c| d.iter().map(move |d| [*a, *b, *c, *d])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::LANES;

    /// Squares that are least at a point of its own in each lane, and a state that counts steps.
    struct Bowl([Wide; 2]);

    impl Recursion for Bowl {
        type State = usize;

        fn run(&self, state: &mut usize, p: &Parameters, from: usize, to: usize) -> Wide {
            *state += to - from;
            let off = [p[0] - self.0[0], p[1] - self.0[1]];
            (off[0] * off[0] + off[1] * off[1]) * (to - from) as f64
        }
    }

    /// Forecasts are the numbers of their steps.
    impl Ahead for Bowl {
        fn error(&self, step: usize, forecast: Wide) -> Wide {
            assert!(forecast == Wide::splat(step as f64) && (33..100).contains(&step));
            Wide::splat(2.0)
        }

        fn ahead(&self, state: usize, _: &Parameters, next: usize) -> impl Iterator<Item = Wide> {
            assert_eq!(state, next);
            (next..100).map(|step| Wide::splat(step as f64))
        }
    }

    #[test]
    fn errors_ahead_are_those_of_the_last_two_thirds() {
        let squares = squares_ahead(&Bowl([Wide::ZERO; 2]), &0, &[Wide::ZERO; 4], 100);
        assert_eq!(squares, Wide::splat((TRIALS * 25 * 4) as f64));
        assert_eq!(squares_ahead(&Bowl([Wide::ZERO; 2]), &0, &[Wide::ZERO; 4], 3), Wide::ZERO);
    }

    const TENTHS: [f64; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
    const AXES: Axes<'static> = [&TENTHS, &TENTHS, &[0.25], &[0.5]];

    #[test]
    fn each_lane_finds_its_own_least_squares_inside_the_axes() {
        let first = Wide::from_fn(|lane| lane as f64 / 12.0);
        let bowl = Bowl([first, Wide::ONE - first]);
        let found = search(&bowl, &0, AXES, (3, 10));
        for lane in 0..LANES {
            for (at, wanted) in [(0, bowl.0[0]), (1, bowl.0[1])] {
                let value = found.parameters[at].0[lane];
                // What lies beyond the axes is found at their end.
                let wanted = wanted.0[lane].clamp(0.0, 1.0);
                assert!((value - wanted).abs() <= 0.025 + 1e-9, "{lane}: {value} {wanted}");
            }
            assert_eq!((found.parameters[2].0[lane], found.parameters[3].0[lane]), (0.25, 0.5));
        }
        let again = bowl.run(&mut 0, &found.parameters, 3, 10);
        assert_eq!(found.squares, again);
    }

    #[test]
    fn squares_that_are_no_number_are_never_the_least() {
        let at = |value: f64, squares: f64| Found {
            parameters: [Wide::splat(value); 4],
            squares: Wide::splat(squares),
        };
        let mut best = at(0.0, f64::INFINITY);
        for (value, squares) in [(1.0, f64::NAN), (2.0, 5.0), (3.0, f64::NAN), (4.0, 6.0)] {
            best.keep(&at(value, squares));
        }
        assert_eq!((best.parameters[0].0[1], best.squares.0[1]), (2.0, 5.0));
    }

    #[test]
    fn a_lane_with_no_finite_squares_keeps_the_first_parameters() {
        let found = search(&Bowl([Wide::splat(f64::NAN); 2]), &0, AXES, (0, 5));
        assert_eq!(found.parameters[0].0[3], 0.0);
        assert_eq!(found.squares.0[3], f64::INFINITY);
    }

    #[test]
    fn states_are_those_at_the_origins() {
        let bowl = Bowl([Wide::ZERO; 2]);
        assert_eq!(states_at(&bowl, &0, &[Wide::ZERO; 4], &[4, 9, 20]), [4, 9, 20]);
        assert!(states_at(&bowl, &0, &[Wide::ZERO; 4], &[]).is_empty());
    }
}
