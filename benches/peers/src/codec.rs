//! What every compared codec does: bytes of a block of values, and the values again.

/// Any failure; a comparison ends with the first.
pub(crate) type BoxError = Box<dyn std::error::Error>;

/// Values of one block, the unit that Plimsoll stores and reads.
pub(crate) const BLOCK: usize = 1024;

/// A codec with its buffers. It decodes into memory of its own, so that none pays for a copy that
/// its interface does not need.
pub(crate) trait Codec {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// Values that it encodes by themselves; the rest of a series is a shorter block.
    fn block(&self) -> usize {
        BLOCK
    }

    /// A new series begins: what was learnt from the last one is forgotten.
    fn start_series(&mut self) {}

    /// Appends the bytes of a block.
    fn encode(&mut self, values: &[f64], out: &mut Vec<u8>) -> Result<(), BoxError>;

    /// The `count` values of a block's bytes.
    fn decode(&mut self, bytes: &[u8], count: usize) -> Result<&[f64], BoxError>;
}
