//! Values: whatever is encoded comes back bit for bit, with a cache that has seen earlier blocks;
//! whatever else is decoded fails or gives as many values as were asked for.
//!
//! The first two bytes say how many values to ask of the rest; the rest is then also taken as
//! values, eight bytes each, in blocks.

use plimsoll::codec::{self, ValueCache};

pub(crate) fn run(input: &[u8]) {
    let Some((count, rest)) = input.split_first_chunk::<2>() else { return };
    let count = usize::from(u16::from_le_bytes(*count)) % 1100;
    let mut values = Vec::new();
    let decoded = codec::decode_values(rest, count, &mut values);
    assert_eq!(values.len(), if decoded.is_ok() { count } else { 0 });

    // Decoded values are structured as no random bytes are: encode them as well.
    let mut cache = ValueCache::default();
    round_trip(&values, &mut cache);
    let words = rest.as_chunks::<8>().0;
    let words: Vec<f64> = words.iter().map(|word| f64::from_le_bytes(*word)).collect();
    for block in words.chunks((count + 1).min(1024)) {
        round_trip(block, &mut cache);
    }
}

fn round_trip(values: &[f64], cache: &mut ValueCache) {
    let (mut bytes, mut found) = (Vec::new(), Vec::new());
    codec::encode_values(values, cache, &mut bytes);
    assert!(bytes.len() <= 1 + 8 * values.len());
    codec::decode_values(&bytes, values.len(), &mut found).unwrap();
    let bits = |value: &f64| value.to_bits();
    assert!(found.iter().map(bits).eq(values.iter().map(bits)));
}
