//! Control records as bytes: a version byte, a checksum, then the record in bincode 1.3's
//! variable form. The only file that names bincode; samples never pass through it.

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::fs::fault::planted;

/// The version byte of records written now.
const RECORD_VERSION: u8 = 1;
/// Version byte and CRC32C before the record itself.
const PREFIX_BYTES: usize = 5;
/// A record describes a thing; it never holds one. The largest is a segment's footer.
const RECORD_BYTES_MAX: u64 = 1 << 20;

fn options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_varint_encoding()
        .with_little_endian()
        .with_limit(RECORD_BYTES_MAX)
        .reject_trailing_bytes()
}

/// A record as bytes.
pub fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    let body = options().serialize(record);
    let body = body.map_err(|why| Error::invalid(format!("a record cannot be written: {why}")))?;
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + body.len());
    bytes.push(RECORD_VERSION);
    bytes.extend_from_slice(&checksum(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// The record in `bytes`; any change of any byte is an error.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let (prefix, body) = bytes
        .split_first_chunk::<PREFIX_BYTES>()
        .ok_or_else(|| Error::decode("a record of fewer than 5 bytes"))?;
    let [version, crc @ ..] = *prefix;
    if version != RECORD_VERSION {
        let old = if version == 0 { ", of before the format was fixed" } else { "" };
        let what = format!("a record of version {version}{old}, not {RECORD_VERSION}");
        return Err(Error::decode(what));
    }
    if u32::from_le_bytes(crc) != checksum(body) && !planted("record-not-verified") {
        return Err(Error::decode("a record whose checksum does not fit"));
    }
    options().deserialize(body).map_err(|why| Error::decode(format!("a record: {why}")))
}

/// The version byte is part of the sum, so that changing it is seen as damage too.
fn checksum(body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[RECORD_VERSION]), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Example {
        number: u64,
        text: String,
        list: Vec<u32>,
    }

    #[test]
    fn golden_bytes() {
        let record = Example { number: 7_000, text: "ab".into(), list: vec![1] };
        let bytes = encode(&record).unwrap();
        // bincode 1.3, variable form: numbers up to 250 are one byte, 251 says that two follow; a
        // text and a list begin with their length.
        let body = [251, 0x58, 0x1b, 2, b'a', b'b', 1, 1];
        assert_eq!(bytes.get(PREFIX_BYTES..), Some(&body[..]));
        assert_eq!(decode::<Example>(&bytes).unwrap(), record);
    }

    #[test]
    fn any_changed_or_missing_byte_is_an_error() {
        let bytes = encode(&Example { number: 1, text: "x".into(), list: vec![] }).unwrap();
        for at in 0..bytes.len() {
            assert!(decode::<Example>(&bytes[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(decode::<Example>(&damaged).is_err(), "bit {bit} of byte {at}");
            }
        }
    }
}
