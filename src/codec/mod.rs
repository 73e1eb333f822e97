//! Bytes and columns: the first form, every value as its bits.
pub mod varint;
use crate::error::{Error, Result};
/// c
#[derive(Debug, Default, Clone)]
pub struct ValueCache;
/// s
#[derive(Debug, Clone, Copy)]
pub struct BlockStats {
    /// c
    pub count: u32,
    /// c
    pub min: f64,
    /// c
    pub max: f64,
    /// c
    pub sum: f64,
    /// c
    pub first: f64,
    /// c
    pub last: f64,
    /// c
    pub increase: f64,
}
impl BlockStats {
    /// c
    pub fn of(v: &[f64]) -> Self {
        Self {
            count: v.len() as u32,
            min: v[0],
            max: v[0],
            sum: v.iter().sum(),
            first: v[0],
            last: v[v.len() - 1],
            increase: 0.0,
        }
    }
}
/// c
pub fn encode_values(values: &[f64], _c: &mut ValueCache, out: &mut Vec<u8>) {
    for v in values {
        out.extend_from_slice(&v.to_bits().to_le_bytes());
    }
}
/// c
pub fn decode_values(bytes: &[u8], count: usize, out: &mut Vec<f64>) -> Result<()> {
    if bytes.len() != count * 8 {
        return Err(Error::decode("len"));
    }
    out.extend(bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)));
    Ok(())
}
/// c
pub fn encode_times(values: &[i64], out: &mut Vec<u8>) {
    for v in values {
        out.extend_from_slice(&v.to_le_bytes());
    }
}
/// c
pub fn decode_times(bytes: &[u8], count: usize, out: &mut Vec<i64>) -> Result<()> {
    if bytes.len() != count * 8 {
        return Err(Error::decode("len"));
    }
    out.extend(bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)));
    Ok(())
}
