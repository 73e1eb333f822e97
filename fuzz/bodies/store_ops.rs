//! A store lives as the input says, on a disk that fails as it says, then stops as it says; a model
//! holds what must be there at every step and after the stop.
//!
//! Input: options, which operation fails (2 bytes, 0 for none), how, and how all ends; then 4 bytes
//! for each step.

use std::time::Duration;

use plimsoll::StoreOptions;
use plimsoll::store::{Conflict, Durability};

use crate::support::failure::live_failing;
use crate::support::life::{Life, Step};
use crate::support::sim::{Failure, Plan};

pub(crate) fn run(input: &[u8]) {
    let Some(([choice, at_low, at_high, how, end], steps)) = input.split_first_chunk::<5>() else {
        return;
    };
    let rule = |first: bool| if first { Conflict::FirstWins } else { Conflict::LastWins };
    let interval = Durability::Interval(Duration::from_secs(1));
    let options = StoreOptions {
        durability: [Durability::Sync, interval, Durability::Buffered][usize::from(choice % 3)],
        conflict: rule(choice & 0x10 != 0),
        head_samples_max: if choice & 0x20 != 0 { 40 } else { 4_000_000 },
        compact_after_seal: choice & 0x40 != 0,
        ahead_max: None,
        ..StoreOptions::default()
    };
    let step = |[what, a, b, c]: &[u8; 4]| match what % 10 {
        0..=4 => Step::Append {
            host: u32::from(what / 10 % 4),
            start: i64::from(*a),
            rows: 1 + i64::from(b % 40),
            salt: f64::from(c % 8) / 2.0,
        },
        5 | 6 => Step::Seal,
        7 => Step::Compact(a % 2 == 0),
        8 if a % 8 == 4 => Step::RollUp(i64::from(*b), i64::from(b / 4 * (c % 4))),
        8 if a % 4 == 0 => Step::Retain(i64::from(*b)),
        8 => Step::Tick(Duration::from_millis(u64::from(*b) * 10)),
        _ => Step::Reopen(a % 2 == 0, rule(b % 2 == 0)),
    };
    let steps = steps.as_chunks::<4>().0.iter().take(64).map(step).collect();
    let failure = [Failure::InputOutput, Failure::NoSpace, Failure::TooManyFiles, Failure::Short]
        [usize::from(how % 4)];
    let at = u64::from(u16::from_le_bytes([*at_low, *at_high]));
    let plan = Plan { at, failure, for_ever: how & 0x80 != 0 };
    live_failing(&Life { options, steps }, plan, u64::from(*end));
}
