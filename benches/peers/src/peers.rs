//! The peers, each as its documentation says it is used best.

use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, PagingSpec};
use zstd::bulk;

use crate::codec::{BLOCK, BoxError, Codec};

const ZSTD_LEVEL: i32 = 3;

/// Every peer.
pub(crate) fn all() -> Result<Vec<Box<dyn Codec>>, BoxError> {
    Ok(vec![
        Box::new(Pco::new("pco 1k", BLOCK)?),
        Box::new(Pco::new("pco series", usize::MAX)?),
        Box::new(FastAlp::new()),
        Box::new(Zstd::new()?),
    ])
}

/// pco in its wrapped form, for containers that keep lengths themselves, as Plimsoll's segments do.
struct Pco {
    name: &'static str,
    block: usize,
    compressor: FileCompressor,
    decompressor: FileDecompressor,
    values: Vec<f64>,
}

impl Pco {
    fn new(name: &'static str, block: usize) -> Result<Self, BoxError> {
        let compressor = FileCompressor::default();
        let mut header = Vec::new();
        compressor.write_header(&mut header)?;
        let (decompressor, _) = FileDecompressor::new(header.as_slice())?;
        Ok(Self { name, block, compressor, decompressor, values: Vec::new() })
    }
}

impl Codec for Pco {
    fn name(&self) -> &'static str {
        self.name
    }

    fn block(&self) -> usize {
        self.block
    }

    fn encode(&mut self, values: &[f64], out: &mut Vec<u8>) -> Result<(), BoxError> {
        // One page: what is encoded by itself.
        let config = ChunkConfig::default().with_paging_spec(PagingSpec::Exact(vec![values.len()]));
        let mut chunk = self.compressor.chunk_compressor(values, &config)?;
        chunk.write_meta(&mut *out)?;
        chunk.write_page(0, out)?;
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8], count: usize) -> Result<&[f64], BoxError> {
        if self.values.len() < count {
            self.values.resize(count, 0.0);
        }
        let values = &mut self.values[..count];
        let (mut chunk, rest) = self.decompressor.chunk_decompressor::<f64, _>(bytes)?;
        chunk.page_decompressor(rest, count)?.read(values)?;
        Ok(values)
    }
}

/// fastalp, searching in every block. Its encoder that remembers parameters is faster, and needs a
/// fifth more bytes on Bitbrains.
struct FastAlp {
    values: Vec<f64>,
}

impl FastAlp {
    fn new() -> Self {
        Self { values: vec![0.0; BLOCK] }
    }
}

impl Codec for FastAlp {
    fn name(&self) -> &'static str {
        "fastalp"
    }

    fn encode(&mut self, values: &[f64], out: &mut Vec<u8>) -> Result<(), BoxError> {
        fastalp::compress_into(values, out);
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8], count: usize) -> Result<&[f64], BoxError> {
        let values = self.values.get_mut(..count).ok_or("a block that is too long")?;
        let found = fastalp::decompress_into_slice(bytes, values)?;
        if found != count {
            return Err(format!("fastalp: {found} values of {count}").into());
        }
        Ok(values)
    }
}

/// zstd over the values' bytes, with contexts that are used again.
struct Zstd {
    compressor: bulk::Compressor<'static>,
    decompressor: bulk::Decompressor<'static>,
    bytes: Vec<u8>,
    packed: Vec<u8>,
    values: Vec<f64>,
}

impl Zstd {
    fn new() -> Result<Self, BoxError> {
        Ok(Self {
            compressor: bulk::Compressor::new(ZSTD_LEVEL)?,
            decompressor: bulk::Decompressor::new()?,
            bytes: vec![0; 8 * BLOCK],
            packed: vec![0; zstd::zstd_safe::compress_bound(8 * BLOCK)],
            values: Vec::new(),
        })
    }
}

impl Codec for Zstd {
    fn name(&self) -> &'static str {
        "zstd -3"
    }

    fn encode(&mut self, values: &[f64], out: &mut Vec<u8>) -> Result<(), BoxError> {
        self.bytes.clear();
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let length = self.compressor.compress_to_buffer(&self.bytes, &mut self.packed[..])?;
        out.extend_from_slice(&self.packed[..length]);
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8], count: usize) -> Result<&[f64], BoxError> {
        self.bytes.resize(8 * BLOCK, 0);
        let length = self.decompressor.decompress_to_buffer(bytes, &mut self.bytes[..])?;
        let words = self.bytes[..length].as_chunks::<8>().0;
        if words.len() != count {
            return Err(format!("zstd: {} values of {count}", words.len()).into());
        }
        self.values.clear();
        self.values.extend(words.iter().map(|word| f64::from_le_bytes(*word)));
        Ok(&self.values)
    }
}
