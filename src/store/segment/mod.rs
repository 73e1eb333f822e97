//! Segments: sealed, immutable, checksummed files of sorted columns. The bytes are described in
//! `docs/format/segment.md`.
//!
//! In: columns of one series after another, metric-major. Out: the samples of one series in a
//! range, or the fields and sketches of its buckets where these are rollups. Never: a change to a
//! published file, or a byte used before its checksum was verified.

mod axes;
mod column;
mod columns;
mod format;
mod index;
pub(super) mod label_file;
mod place;
mod reader;
mod sketches;
mod statistics;
mod whole;
mod writer;

pub(super) use column::EncodedColumn;
pub(super) use format::{BUCKET_FIELDS, Footer, RollupNote, SegmentIdentity, StoreNotes};
pub(super) use place::{ColumnReader, Place};
pub use reader::Segment;
pub(super) use sketches::{EncodedSketches, SketchColumns};
pub(super) use whole::{number, whole};
pub(super) use writer::SegmentWriter;
