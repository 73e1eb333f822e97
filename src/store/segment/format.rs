//! The fixed parts of a segment file: header, footer, trailer, padding and checksums. Constants
//! exist once, here; the document is `docs/format/segment.md`.

use std::path::Path;

use crate::error::{Error, Result};
use crate::fs::fault::planted;
use crate::model::{TimeRange, Timestamp};

/// First bytes of a segment.
const HEADER_MAGIC: [u8; 8] = *b"PLIMSEG\0";
/// Last bytes of a segment.
const TRAILER_MAGIC: [u8; 8] = *b"PLIMEND\0";
/// The version written now, and the only one: 0 is of before the format was fixed.
pub(super) const FORMAT_VERSION: u32 = 1;
/// Every region starts at a multiple of this, so that a map of it is aligned for vector loads.
pub(super) const ALIGN_BYTES: usize = 64;
pub(super) const HEADER_BYTES: usize = 64;
pub(super) const TRAILER_BYTES: usize = 32;
/// A checksum ends every region.
pub(super) const CRC_BYTES: usize = 4;

/// Columns of one series of a segment of rollups, one after the other: the fields of its buckets.
pub(in crate::store) const BUCKET_FIELDS: usize = 9;

/// What binds every checksum of a segment to its place: bytes copied from another segment or
/// another store do not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct SegmentIdentity {
    pub(in crate::store) store_id: u128,
    pub(in crate::store) segment_id: u64,
}

/// What a segment says of itself, at its end.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::store) struct Footer {
    pub(in crate::store) segment_id: u64,
    /// Precedence: on equal series and instant the sample of the higher order counts.
    pub(in crate::store) order: u64,
    pub(in crate::store) range: TimeRange,
    pub(in crate::store) samples: u64,
    pub(in crate::store) series: u64,
    /// Content address of the label file.
    pub(in crate::store) label_file: u128,
    /// Head epochs whose samples are here.
    pub(in crate::store) epochs: Vec<u64>,
    /// Segments whose samples are here.
    pub(in crate::store) supersedes: Vec<u64>,
    /// Whether columns are in the cold form, as far as that is shorter.
    pub(in crate::store) cold: bool,
    /// Where these are rollups: of which tier, and of which time.
    pub(in crate::store) rollup: Option<RollupNote>,
    pub(in crate::store) notes: StoreNotes,
    pub(super) index: Region,
    pub(super) statistics: Region,
}

/// What a segment of rollups says of its buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::store) struct RollupNote {
    /// The length of each bucket.
    pub(in crate::store) span_nanos: i64,
    /// All that the store held of this time is in the buckets; both ends are multiples of the span.
    pub(in crate::store) covers: TimeRange,
}

/// What the store's database said when the segment was made, for the day the database is lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::store) struct StoreNotes {
    /// The units of the metrics in the segment, by metric.
    pub(in crate::store) units: Vec<(String, String)>,
    /// Samples before this instant were gone.
    pub(in crate::store) retain_from: Option<Timestamp>,
    /// Sequence number of the last batch of the store.
    pub(in crate::store) last_sequence: u64,
}

/// A region of the file: where it starts, and its length without checksum and padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

impl Region {
    /// Fails where what is in it is not as long.
    pub(super) fn check_length(self, bytes: u64) -> Result<()> {
        if bytes == self.bytes {
            return Ok(());
        }
        Err(Error::decode(format!("blocks of {bytes} bytes in a region of {}", self.bytes)))
    }
}

impl Footer {
    /// A footer without the parts that the writer fills in.
    pub(in crate::store) fn new(
        order: u64,
        label_file: u128,
        epochs: Vec<u64>,
        supersedes: Vec<u64>,
        cold: bool,
        rollup: Option<RollupNote>,
        notes: StoreNotes,
    ) -> Self {
        let (range, none) = (TimeRange::ALL, Region { offset: 0, bytes: 0 });
        let (index, statistics) = (none, none);
        let (segment_id, samples, series) = (0, 0, 0);
        Self {
            segment_id,
            order,
            range,
            samples,
            series,
            label_file,
            epochs,
            supersedes,
            cold,
            rollup,
            notes,
            index,
            statistics,
        }
    }
}

impl RollupNote {
    /// Whether an instant is where a bucket starts.
    pub(super) fn is_start(&self, nanos: i64) -> bool {
        nanos.checked_rem_euclid(self.span_nanos) == Some(0)
    }

    /// Where such a segment stands among others: by tier, then by time.
    pub(in crate::store) fn place(&self) -> (i64, Timestamp) {
        (self.span_nanos, self.covers.start)
    }

    /// Whether it contradicts neither itself nor the starts of the buckets.
    pub(super) fn fits(&self, starts: TimeRange) -> bool {
        let TimeRange { start, end } = self.covers;
        let last = starts.end.nanos().saturating_sub(1);
        self.span_nanos > 0
            && self.is_start(start.nanos())
            && self.is_start(end.nanos())
            && start <= starts.start
            && last.checked_add(self.span_nanos).is_some_and(|last| last <= end.nanos())
    }
}

impl SegmentIdentity {
    /// The checksum of a region: CRC32C over store id, segment id, offset, then the bytes.
    pub(super) fn checksum(&self, offset: u64, bytes: &[u8]) -> u32 {
        let store_id = if planted("checksum-without-store") { 0 } else { self.store_id };
        let seed = crc32c::crc32c(&store_id.to_le_bytes());
        let seed = crc32c::crc32c_append(seed, &self.segment_id.to_le_bytes());
        let offset = if planted("checksum-without-place") { 0 } else { offset };
        let seed = crc32c::crc32c_append(seed, &offset.to_le_bytes());
        crc32c::crc32c_append(seed, bytes)
    }

    pub(super) fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&HEADER_MAGIC);
        header[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        header[16..32].copy_from_slice(&self.store_id.to_le_bytes());
        header[32..40].copy_from_slice(&self.segment_id.to_le_bytes());
        let crc = crc32c::crc32c(&header[..60]);
        header[60..].copy_from_slice(&crc.to_le_bytes());
        header
    }

    /// Reads the identity from a header, without knowing which store it should belong to.
    pub(super) fn from_header(path: &Path, file: &[u8]) -> Result<Self> {
        let Some(header) = file.first_chunk::<HEADER_BYTES>() else {
            let what = format!("{} bytes are too few for a segment", file.len());
            return Err(Error::corrupt(path, 0, what));
        };
        if header[..8] != HEADER_MAGIC {
            return Err(Error::corrupt(path, 0, "it does not start as a segment does"));
        }
        // Before the version, and at this place in every version: a flipped bit in the version
        // must cost this file, not the store.
        if u32::from_le_bytes(*field(header, 60)) != crc32c::crc32c(&header[..60]) {
            return Err(Error::corrupt(path, 0, "the header's checksum does not fit"));
        }
        Error::expect_version(path, u32::from_le_bytes(*field(header, 8)), FORMAT_VERSION)?;
        Ok(Self {
            store_id: u128::from_le_bytes(*field(header, 16)),
            segment_id: u64::from_le_bytes(*field(header, 32)),
        })
    }

    /// The trailer of a file of `file_bytes`, whose footer is at `footer`.
    pub(super) fn trailer(&self, footer: Region, file_bytes: u64) -> [u8; TRAILER_BYTES] {
        let mut trailer = [0; TRAILER_BYTES];
        trailer[..8].copy_from_slice(&footer.offset.to_le_bytes());
        trailer[8..12].copy_from_slice(&(footer.bytes as u32).to_le_bytes());
        trailer[12..20].copy_from_slice(&file_bytes.to_le_bytes());
        let crc = self.checksum(file_bytes, &trailer[..20]);
        trailer[20..24].copy_from_slice(&crc.to_le_bytes());
        trailer[24..].copy_from_slice(&TRAILER_MAGIC);
        trailer
    }

    /// Reads the trailer: where the footer is.
    pub(super) fn footer_region(&self, path: &Path, file: &[u8]) -> Result<Region> {
        let at = (file.len() as u64).saturating_sub(TRAILER_BYTES as u64);
        let damaged = |what: &str| Error::corrupt(path, at, what);
        let trailer = file
            .last_chunk::<TRAILER_BYTES>()
            .filter(|trailer| trailer[24..] == TRAILER_MAGIC)
            .ok_or_else(|| damaged("it does not end as a segment does (cut short?)"))?;
        let file_bytes = u64::from_le_bytes(*field(trailer, 12));
        if u32::from_le_bytes(*field(trailer, 20)) != self.checksum(file_bytes, &trailer[..20]) {
            return Err(damaged("the trailer's checksum does not fit"));
        }
        if file_bytes != file.len() as u64 {
            return Err(damaged(&format!(
                "it has {} bytes, its trailer says {file_bytes}",
                file.len()
            )));
        }
        let bytes = u64::from(u32::from_le_bytes(*field(trailer, 8)));
        Ok(Region { offset: u64::from_le_bytes(*field(trailer, 0)), bytes })
    }

    /// The verified bytes of a region, its padding verified to be zeros.
    pub(super) fn region<'a>(
        &self,
        path: &Path,
        file: &'a [u8],
        region: Region,
    ) -> Result<&'a [u8]> {
        let outside = || Error::corrupt(path, region.offset, "a region reaches out of the file");
        let start = usize::try_from(region.offset).map_err(|_| outside())?;
        let bytes = usize::try_from(region.bytes).map_err(|_| outside())?;
        let rest = file.get(start..).ok_or_else(outside)?;
        let (body, rest) = rest.split_at_checked(bytes).ok_or_else(outside)?;
        let (crc, rest) = rest.split_first_chunk::<CRC_BYTES>().ok_or_else(outside)?;
        let fits = u32::from_le_bytes(*crc) == self.checksum(region.offset, body);
        if !fits && !planted("checksum-not-compared") {
            return Err(Error::corrupt(path, region.offset, "a checksum does not fit"));
        }
        let padding = rest.get(..padding_bytes(bytes + CRC_BYTES)).ok_or_else(outside)?;
        let unseen = usize::from(planted("length-off-by-one"));
        if padding.iter().skip(unseen).any(|byte| *byte != 0) {
            let at = region.offset + region.bytes;
            return Err(Error::corrupt(path, at, "padding that is not zero"));
        }
        Ok(body)
    }
}

/// Zeros that follow `bytes` so that the next region is aligned.
pub(super) fn padding_bytes(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGN_BYTES) - bytes
}

/// The file bytes of a region with `bytes` of its own.
pub(super) fn padded_bytes(bytes: u64) -> u64 {
    (bytes + CRC_BYTES as u64).next_multiple_of(ALIGN_BYTES as u64)
}

/// `N` bytes at a fixed place inside a fixed-size structure.
fn field<const N: usize>(bytes: &[u8], at: usize) -> &[u8; N] {
    bytes.get(at..).and_then(<[u8]>::first_chunk).unwrap_or(&[0; N])
}
