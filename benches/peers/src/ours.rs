//! Plimsoll's forms of a block. The one file to change when the codec's interface does.

use plimsoll::codec::{ValueCache, decode_values, encode_values};

use crate::codec::{BoxError, Codec};

/// Every form that is compared. A further one, such as that of compacted data, joins here.
pub(crate) fn forms() -> Vec<Box<dyn Codec>> {
    vec![Box::new(Sealed::default())]
}

/// A block as sealing writes it: one cache for a series, as in the store.
#[derive(Default)]
struct Sealed {
    cache: ValueCache,
    values: Vec<f64>,
}

impl Codec for Sealed {
    fn name(&self) -> &'static str {
        "plimsoll"
    }

    fn start_series(&mut self) {
        self.cache = ValueCache::default();
    }

    fn encode(&mut self, values: &[f64], out: &mut Vec<u8>) -> Result<(), BoxError> {
        encode_values(values, &mut self.cache, out);
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8], count: usize) -> Result<&[f64], BoxError> {
        self.values.clear();
        decode_values(bytes, count, &mut self.values)?;
        Ok(&self.values)
    }
}
