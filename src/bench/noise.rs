//! Noise on a load: what hardly compresses, as nearly no real metric is.

use crate::kernel::Random;

/// Random fractions from a seed.
#[derive(Debug)]
pub struct Noise(Random);

impl Noise {
    /// Equal seeds give equal fractions.
    pub fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// Adds a fraction in `[0, 1)` to every value.
    pub fn add_to(&mut self, values: &mut [f64]) {
        for value in values {
            *value += self.0.uniform();
        }
    }
}
