//! Times: whatever is encoded comes back; whatever else is decoded fails or gives as many times as
//! were asked for.
//!
//! The first two bytes say how many times to ask of the rest; the rest is then also taken as times,
//! eight bytes each, and as steps between times.

use plimsoll::codec;

pub(crate) fn run(input: &[u8]) {
    let Some((count, rest)) = input.split_first_chunk::<2>() else { return };
    let count = usize::from(u16::from_le_bytes(*count)) % 1100;
    let mut times = Vec::new();
    let decoded = codec::decode_times(rest, count, &mut times);
    assert_eq!(times.len(), if decoded.is_ok() { count } else { 0 });

    round_trip(&times);
    let words = rest.as_chunks::<8>().0;
    let words: Vec<i64> = words.iter().map(|word| i64::from_le_bytes(*word)).collect();
    round_trip(&words);
    // Small steps of whole seconds, as clocks make them.
    let mut time = words.first().copied().unwrap_or_default();
    let steps = rest.iter().map(|step| {
        time = time.wrapping_add(i64::from(*step) * 1_000_000_000);
        time
    });
    round_trip(&steps.collect::<Vec<i64>>());
}

fn round_trip(times: &[i64]) {
    let (mut bytes, mut found) = (Vec::new(), Vec::new());
    codec::encode_times(times, &mut bytes);
    assert!(bytes.len() <= 1 + 8 * times.len());
    codec::decode_times(&bytes, times.len(), &mut found).unwrap();
    assert_eq!(found, times);
}
