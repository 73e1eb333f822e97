//! Columns and bytes: lossless codecs for blocks of values and of times.
//!
//! In: at most 1,024 values or times. Out: bytes, and from them the same columns, bit for bit. Never:
//! a file, a label, a checksum (whoever stores the bytes guards them), or a panic on any bytes.
//!
//! The contract of every form: *estimate* its bytes or decline, *encode*, *decode*. The estimate
//! decides, so a form that does not pay is not used. Decoders trust no length: they allocate what the
//! caller asked for and nothing that the bytes claim. The bytes are described in
//! `docs/format/codec.md`; tags are on disk and are never renumbered.

mod bitpack;
mod integers;
mod scale;
mod statistics;
mod times;
mod values;
pub mod varint;

pub use statistics::BlockStats;
pub use times::{decode_times, encode_times};
pub use values::{ValueCache, decode_values, encode_values};
