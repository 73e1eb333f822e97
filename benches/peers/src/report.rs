//! What was measured, as a table for people and as JSON.

use std::fmt;

use serde::Serialize;

use crate::codec::BLOCK;
use crate::data::Column;
use crate::measure::Need;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema_version: u32,
    block_values: usize,
    rounds: usize,
    sets: Vec<SetReport>,
}

/// Columns of one origin; the last is all of them together, where there are several.
#[derive(Debug, Serialize)]
pub(crate) struct SetReport {
    name: String,
    columns: Vec<ColumnReport>,
}

#[derive(Debug, Serialize)]
struct ColumnReport {
    name: String,
    values: usize,
    codecs: Vec<CodecReport>,
}

#[derive(Debug, Serialize)]
struct CodecReport {
    name: &'static str,
    bytes_per_value: f64,
    encode_values_per_second: f64,
    decode_values_per_second: f64,
    /// Beside this peer: each of Plimsoll's forms; none in the reports on those themselves.
    beside: Vec<Ratios>,
}

/// A form of Plimsoll's as a multiple of a peer: a smaller size and a larger rate are better.
#[derive(Debug, Serialize)]
struct Ratios {
    form: &'static str,
    size: f64,
    encode: f64,
    decode: f64,
}

impl Report {
    pub(crate) fn new(rounds: usize, sets: Vec<SetReport>) -> Self {
        Self { schema_version: 1, block_values: BLOCK, rounds, sets }
    }
}

impl SetReport {
    /// The first `ours` of the codecs are forms of Plimsoll's, the others peers.
    pub(crate) fn new(
        name: &str,
        codecs: &[&'static str],
        ours: usize,
        columns: &[(&Column, Vec<Need>)],
    ) -> Self {
        let mut all = (0, vec![Need::default(); codecs.len()]);
        let mut reports = Vec::new();
        for (column, needs) in columns {
            let values = column.series.iter().map(Vec::len).sum();
            all.0 += values;
            for (all, need) in all.1.iter_mut().zip(needs) {
                all.bytes += need.bytes;
                all.encode += need.encode;
                all.decode += need.decode;
            }
            reports.push(ColumnReport::new(&column.name, values, codecs, ours, needs));
        }
        if columns.len() > 1 {
            reports.push(ColumnReport::new("all", all.0, codecs, ours, &all.1));
        }
        Self { name: name.to_owned(), columns: reports }
    }
}

impl ColumnReport {
    fn new(
        name: &str,
        values: usize,
        codecs: &[&'static str],
        ours: usize,
        needs: &[Need],
    ) -> Self {
        let mut reports: Vec<CodecReport> = Vec::new();
        for (at, (codec, need)) in codecs.iter().zip(needs).enumerate() {
            let mut report = CodecReport {
                name: codec,
                bytes_per_value: need.bytes as f64 / values as f64,
                encode_values_per_second: values as f64 / need.encode.as_secs_f64(),
                decode_values_per_second: values as f64 / need.decode.as_secs_f64(),
                beside: Vec::new(),
            };
            if at >= ours {
                report.beside = reports.iter().take(ours).map(|form| form.to(&report)).collect();
            }
            reports.push(report);
        }
        Self { name: name.to_owned(), values, codecs: reports }
    }
}

impl CodecReport {
    fn to(&self, peer: &Self) -> Ratios {
        Ratios {
            form: self.name,
            size: self.bytes_per_value / peer.bytes_per_value,
            encode: self.encode_values_per_second / peer.encode_values_per_second,
            decode: self.decode_values_per_second / peer.decode_values_per_second,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block_values, rounds, .. } = self;
        writeln!(f, "Blocks of {block_values} values, medians of {rounds} rounds, one thread.")?;
        writeln!(f, "On the right: Plimsoll as a multiple of the peer; size below 1 is smaller,")?;
        writeln!(f, "rates above 1 are faster.")?;
        self.sets.iter().try_for_each(|set| write!(f, "\n{set}"))
    }
}

impl fmt::Display for SetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        let (of_bytes, of_rates) = ("bytes", "M values/s");
        write!(f, "{:27}{of_bytes:>7}  {of_rates:>17}", "")?;
        for form in self.forms() {
            write!(f, "  {form:>26}")?;
        }
        writeln!(f)?;
        write!(
            f,
            "{:10} {:12} {:>10} {:>8} {:>8}",
            "column", "codec", "per value", "encode", "decode"
        )?;
        for _ in self.forms() {
            write!(f, "  {:>8} {:>8} {:>8}", "size", "encode", "decode")?;
        }
        writeln!(f)?;
        self.columns.iter().try_for_each(|column| write!(f, "{column}"))
    }
}

impl SetReport {
    fn forms(&self) -> impl Iterator<Item = &'static str> {
        let peer = self.columns.first().and_then(|column| column.codecs.last());
        peer.into_iter().flat_map(|peer| peer.beside.iter().map(|ratios| ratios.form))
    }
}

impl fmt::Display for ColumnReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut column = self.name.as_str();
        for codec in &self.codecs {
            let (encode, decode) =
                (codec.encode_values_per_second / 1e6, codec.decode_values_per_second / 1e6);
            let (name, bytes) = (codec.name, codec.bytes_per_value);
            write!(f, "{column:10} {name:12} {bytes:10.4} {encode:8.1} {decode:8.0}")?;
            for Ratios { size, encode, decode, .. } in &codec.beside {
                write!(f, "  {size:8.3} {encode:8.2} {decode:8.2}")?;
            }
            writeln!(f)?;
            column = "";
        }
        Ok(())
    }
}
