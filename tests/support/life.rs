//! The life of a small store, step by step, with what it should hold after each: for tests that
//! stop it, fail its disk, or start it again at any moment.

use std::time::Duration;

use plimsoll::store::{Conflict, Durability, Retention, Store, StoreOptions};
use plimsoll::{Batch, Result, Span, Timestamp};

use super::prng::Prng;
use super::sim::{Machine, World};
use super::small::{self, Content};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Append {
        host: u32,
        start: i64,
        rows: i64,
        /// Added to every value.
        salt: f64,
    },
    Seal,
    Compact(bool),
    Retain(i64),
    /// Retention that keeps rollups: samples before the first instant are rolled up, buckets before
    /// the second dropped.
    RollUp(i64, i64),
    /// Close, if so, and open again under a rule for conflicts.
    Reopen(bool, Conflict),
    Tick(Duration),
}

/// How a store is opened, and what is done to it.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) options: StoreOptions,
    pub(crate) steps: Vec<Step>,
}

/// Nanoseconds between two rows. All instants of steps are counted in rows.
pub(crate) const PACE: i64 = Span::DAY.nanos() / 40;
/// The tiers of lives that roll up, in nanoseconds: one without sketches and one with them.
const SPANS: [i64; 2] = [10 * PACE, 40 * PACE];

/// The interval of lives that have one.
const INTERVAL: Duration = Duration::from_secs(1);

impl Life {
    /// All that moves files: seals, an overwriting segment, merges, retention with and without
    /// whole segments, reopening, and a head at the end.
    pub(crate) fn scripted(durability: Durability) -> Self {
        let append = |host, start, rows, salt| Step::Append { host, start, rows, salt };
        let steps = vec![
            append(0, 0, 40, 0.0),
            append(1, 0, 40, 0.0),
            Step::Seal,
            append(0, 20, 40, 0.5),
            Step::Seal,
            append(1, 100, 5, 0.0),
            Step::Compact(true),
            append(1, 102, 5, 0.25),
            Step::Reopen(false, Conflict::LastWins),
            Step::Seal,
            Step::Retain(60),
            append(2, 50, 20, 0.0),
            Step::Seal,
            Step::Compact(true),
            Step::RollUp(110, 0),
            append(2, 90, 5, 0.0),
            Step::Reopen(true, Conflict::FirstWins),
            append(2, 93, 5, 0.5),
            Step::RollUp(130, 0),
            append(2, 110, 20, 0.0),
            Step::Compact(true),
            // The buckets that there are go, and of the new ones the first do not come to be.
            append(2, 130, 70, 0.0),
            Step::RollUp(200, 170),
            append(2, 130, 5, 0.0),
            // Of host 0 nothing is left since the first compaction after retention.
            append(0, 130, 5, 0.0),
        ];
        let options = StoreOptions { durability, ahead_max: None, ..small::options() };
        Self { options, steps }
    }

    /// Any steps, under any options.
    pub(crate) fn random(seed: u64) -> Self {
        let mut prng = Prng(seed);
        let rule = |prng: &mut Prng| {
            if prng.chance(3) { Conflict::FirstWins } else { Conflict::LastWins }
        };
        let durabilities = [Durability::Sync, Durability::Interval(INTERVAL), Durability::Buffered];
        let options = StoreOptions {
            durability: durabilities[seed as usize % 3],
            conflict: rule(&mut prng),
            head_samples_max: if prng.chance(2) { 60 } else { 4_000_000 },
            compact_after_seal: prng.chance(2),
            ahead_max: None,
            ..StoreOptions::default()
        };
        let (mut now, mut steps) = (0, Vec::new());
        for _ in 0..45 {
            steps.push(match prng.below(40) {
                0..=21 => {
                    let (host, rows) = (prng.below(4) as u32, 1 + prng.below(30) as i64);
                    now += prng.below(20) as i64;
                    let late = if prng.chance(3) { prng.below(100) as i64 } else { 0 };
                    let salt = prng.below(8) as f64 / 2.0;
                    Step::Append { host, start: (now - late).max(0), rows, salt }
                }
                22..=29 => Step::Seal,
                30..=32 => Step::Compact(prng.chance(2)),
                33 if prng.chance(2) => Step::Retain((now - prng.below(80) as i64).max(0)),
                33 => {
                    let before = (now - prng.below(80) as i64).max(0);
                    Step::RollUp(before, before * prng.below(4) as i64 / 4)
                }
                34..=36 => Step::Reopen(prng.chance(2), rule(&mut prng)),
                _ => Step::Tick(Duration::from_millis(300 * prng.below(5))),
            });
        }
        Self { options, steps }
    }
}

/// What a store held, or may hold, after a step.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) content: Content,
    /// The samples that were rolled up.
    rolled: Content,
    /// Their buckets of each tier that start before are gone.
    gone: [i64; 2],
    pub(crate) fingerprint: u64,
    /// The last batch that was appended.
    sequence: u64,
}

impl State {
    fn fingerprint_of(&self) -> u64 {
        let tiers: Vec<(i64, i64)> = SPANS.into_iter().zip(self.gone).collect();
        let rolled = small::rolled_fingerprint_of(&self.rolled, &tiers);
        small::fingerprint_of(&self.content).wrapping_add(rolled)
    }
}

/// What a store should hold after each step so far.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) states: Vec<State>,
    /// The first state that may survive a stop: what came before it is durable.
    pub(crate) least: usize,
    /// What comes in before is not seen.
    retained: i64,
    /// To where the last retention should have gone, whether it did or not.
    to_retain: i64,
    /// Whether something failed since the store was opened.
    uncertain: bool,
    pub(crate) options: StoreOptions,
}

impl Expected {
    pub(crate) fn new(options: &StoreOptions) -> Self {
        let (content, rolled) = (Content::new(), Content::new());
        let first = State { content, rolled, gone: [0; 2], fingerprint: 0, sequence: 0 };
        Self {
            states: vec![first],
            least: 0,
            retained: 0,
            to_retain: 0,
            uncertain: false,
            options: options.clone(),
        }
    }

    pub(crate) fn last(&self) -> &State {
        self.states.last().unwrap()
    }

    /// Carries out a step and notes what it leads to. A step that fails led to what the store then
    /// shows: all of the step or nothing of it.
    pub(crate) fn step(
        &mut self,
        machine: &Machine,
        store: &mut Option<Store>,
        step: Step,
    ) -> Result<()> {
        let before = self.last().clone();
        let mut next = before.clone();
        let done = self.carry_out(machine, store, step, &mut next);
        next.fingerprint = next.fingerprint_of();
        self.states.push(next);
        self.uncertain |= done.is_err();
        let Some(store) = store else { return done };
        let found = small::fingerprint(store).unwrap();
        let reopened = matches!(step, Step::Reopen(..));
        // After a failure a start shows what of it reached the disk.
        let after_failure = reopened && std::mem::take(&mut self.uncertain);
        let may_be = match &done {
            _ if after_failure => self.states[self.least..].iter().collect(),
            Err(_) => vec![&before, self.last()],
            Ok(()) => vec![self.last()],
        };
        let seen = may_be.into_iter().find(|state| state.fingerprint == found).cloned();
        let mut seen = seen.unwrap_or_else(|| panic!("{step:?} led elsewhere: {done:?}"));
        if reopened {
            seen.sequence = store.durable_sequence();
        }
        // A retention that failed may have been kept, and hide what comes in late: ask again.
        if after_failure && store.retain(Timestamp::from_nanos(self.to_retain)).is_ok() {
            self.retained = self.to_retain;
            seen.content.retain(|(_, time), _| *time >= self.retained);
            seen.fingerprint = seen.fingerprint_of();
        }
        self.states.push(seen);
        let durable = store.durable_sequence();
        let least = self.states.iter().rposition(|state| state.sequence <= durable);
        if done.is_ok() {
            self.least = self.least.max(least.unwrap_or(0));
        }
        done
    }

    fn carry_out(
        &mut self,
        machine: &Machine,
        place: &mut Option<Store>,
        step: Step,
        next: &mut State,
    ) -> Result<()> {
        if let Step::Reopen(close, rule) = step {
            self.options.conflict = rule;
            let closed = place.take().filter(|_| close).map_or(Ok(()), Store::close);
            *place = Some(machine.open(self.options.clone())?);
            return closed;
        }
        let store = place.as_ref().unwrap();
        match step {
            Step::Append { host, start, rows, salt } => {
                let rows = start..start + rows;
                let (group, content) = small::paced_group(store, host, rows, salt, PACE)?;
                // What comes in before the instant of the last retention is not seen.
                for (key, value) in content.into_iter().filter(|((_, t), _)| *t >= self.retained) {
                    match self.options.conflict {
                        Conflict::LastWins => drop(next.content.insert(key, value)),
                        Conflict::FirstWins => drop(next.content.entry(key).or_insert(value)),
                    }
                }
                // A batch of which all is refused takes no number.
                let raw_from = store.snapshot()?.raw_from().nanos();
                next.sequence += u64::from(group.times.iter().any(|time| *time >= raw_from));
                let sequence = store.append(&Batch { groups: vec![group] })?.sequence;
                assert_eq!(sequence, next.sequence, "a sequence number is missing or used twice");
                Ok(())
            }
            Step::Seal => store.seal(),
            Step::Compact(whole) => store.compact(whole).map(drop),
            Step::Retain(before) => {
                let before = before * PACE;
                self.retained = self.retained.max(before);
                self.to_retain = self.retained;
                next.content.retain(|(_, time), _| *time >= before);
                store.retain(Timestamp::from_nanos(before))
            }
            Step::RollUp(before, kept) => self.roll_up(store, before * PACE, kept * PACE, next),
            Step::Tick(time) => {
                machine.advance(time);
                store.tick()
            }
            Step::Reopen(..) => Ok(()),
        }
    }
}

impl Expected {
    fn roll_up(&mut self, store: &Store, before: i64, kept: i64, next: &mut State) -> Result<()> {
        self.to_retain = self.to_retain.max(before / SPANS[1] * SPANS[1]);
        let to = self.to_retain;
        let (old, new) = std::mem::take(&mut next.content).into_iter().partition(|s| s.0.1 < to);
        next.content = new;
        next.rolled.extend::<Content>(old);
        let at = Timestamp::from_nanos;
        let mut retention = Retention::new(at(before));
        for (span, gone) in SPANS.into_iter().zip(&mut next.gone) {
            retention = retention.rollup(Span::from_nanos(span), Some(at(kept)));
            *gone = (*gone).max(kept.min(to) / span * span);
        }
        let done = store.retain_with(&retention);
        // What failed before it was kept hides nothing.
        self.retained = self.retained.max(store.snapshot()?.raw_from().nanos());
        done.map(drop)
    }
}

/// The machine at one moment of a life.
pub(crate) struct Moment {
    pub(crate) world: World,
    /// The states that a stop now may leave are from here
    pub(crate) least: usize,
    /// to here.
    pub(crate) most: usize,
}

/// A life that was lived to its end without a failure.
pub(crate) struct Lived {
    pub(crate) options: StoreOptions,
    pub(crate) states: Vec<State>,
    pub(crate) moments: Vec<Moment>,
}

impl Life {
    /// Lives it, and keeps the machine as it was before every operation that changes anything.
    pub(crate) fn record(&self) -> Lived {
        let machine = Machine::start_recording(World::default());
        let mut expected = Expected::new(&self.options);
        let mut store = Some(machine.open(self.options.clone()).unwrap());
        let mut bounds = vec![(0, 0); machine.moments()];
        for step in &self.steps {
            let least = expected.least;
            let done = expected.step(&machine, &mut store, *step);
            done.unwrap_or_else(|why| panic!("{step:?}: {why}"));
            bounds.resize(machine.moments(), (least, expected.states.len() - 1));
        }
        let mut worlds = machine.take_moments();
        worlds.push(machine.world());
        bounds.push((expected.least, expected.states.len() - 1));
        let moments = worlds.into_iter().zip(bounds);
        let moments = moments.map(|(world, (least, most))| Moment { world, least, most });
        let moments = moments.collect();
        Lived { options: expected.options, states: expected.states, moments }
    }
}
