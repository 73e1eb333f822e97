//! A dictionary: a few distinct values that a column jumps between, such as a capacity that is
//! reported with a little noise. Its integers are places in the list.

#![warn(clippy::indexing_slicing)]

use super::sparse::{take, take_byte};
use crate::error::{Error, Result};

/// The most values that a dictionary has: a power of two, since places are masked with it.
const ENTRIES_MAX: usize = 16;

/// Distinct bit patterns; behind the last one come zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entries {
    patterns: [u64; ENTRIES_MAX],
    count: usize,
}

impl Entries {
    /// The distinct values of a block, in the order of the numbers; none for too many or just one.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut patterns = [0; ENTRIES_MAX];
        let (mut count, mut last) = (0, None);
        for value in values {
            let pattern = value.to_bits();
            if last == Some(pattern) {
                continue;
            }
            last = Some(pattern);
            if !patterns.iter().take(count).any(|known| *known == pattern) {
                *patterns.get_mut(count)? = pattern;
                count += 1;
            }
        }
        let by_value = |a: &u64, b: &u64| f64::from_bits(*a).total_cmp(&f64::from_bits(*b));
        patterns.get_mut(..count)?.sort_unstable_by(by_value);
        (count > 1).then_some(Self { patterns, count })
    }

    /// The place of a value; 0 for a stranger.
    #[inline]
    pub(super) fn place(&self, value: f64) -> i64 {
        let pattern = value.to_bits();
        self.patterns.iter().take(self.count).position(|p| *p == pattern).unwrap_or(0) as i64
    }

    /// The value at a place.
    #[inline]
    pub(super) fn value(&self, place: i64) -> f64 {
        let place = place as usize & (ENTRIES_MAX - 1);
        f64::from_bits(self.patterns.get(place).copied().unwrap_or_default())
    }

    /// Whether all places are in the list.
    pub(super) fn check(&self, places: &[i64]) -> Result<()> {
        let valid = 0..self.count as i64;
        if places.iter().all(|place| valid.contains(place)) {
            return Ok(());
        }
        Err(Error::decode(format!("a place beyond a dictionary of {}", self.count)))
    }

    pub(super) const fn bytes(&self) -> usize {
        1 + 8 * self.count
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.count as u8);
        for pattern in self.patterns.iter().take(self.count) {
            out.extend_from_slice(&pattern.to_le_bytes());
        }
    }

    #[cold]
    pub(super) fn read(bytes: &mut &[u8]) -> Result<Self> {
        let count = usize::from(take_byte(bytes)?);
        if count == 0 || count > ENTRIES_MAX {
            return Err(Error::decode(format!("a dictionary of {count} values")));
        }
        let mut patterns = [0; ENTRIES_MAX];
        let words = take(bytes, 8 * count)?.as_chunks().0;
        for (pattern, word) in patterns.iter_mut().zip(words) {
            *pattern = u64::from_le_bytes(*word);
        }
        Ok(Self { patterns, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_bit_patterns_in_order() {
        let values = [2.0, f64::NAN, -0.0, 2.0, 0.0, -5.0];
        let entries = Entries::of(&values).unwrap();
        assert_eq!(values.map(|v| entries.place(v)), [3, 4, 1, 3, 2, 0]);
        for value in values {
            assert_eq!(entries.value(entries.place(value)).to_bits(), value.to_bits());
        }
        let mut bytes = Vec::new();
        entries.write(&mut bytes);
        assert_eq!(bytes.len(), entries.bytes());
        assert_eq!(Entries::read(&mut bytes.as_slice()).unwrap(), entries);
    }

    #[test]
    fn bounds() {
        let many: Vec<f64> = (0..17).map(f64::from).collect();
        assert_eq!(Entries::of(&many), None);
        assert_eq!(Entries::of(&[1.0; 9]), None);
        let entries = Entries::of(&many[..16]).unwrap();
        assert!(entries.check(&[0, 15]).is_ok());
        assert!(entries.check(&[16]).is_err());
        assert!(entries.check(&[-1]).is_err());
        for bytes in [&[0][..], &[17; 200], &[2; 16]] {
            assert!(Entries::read(&mut &bytes[..]).is_err());
        }
    }
}
