//! Importers: text that other systems exported becomes groups of samples.
//!
//! In: the bytes of one file, its name, and what the user says about its columns and times.
//! Out: series and groups handed to a [`Sink`](crate::Sink), and an [`ImportReport`]. Never: a
//! guess where the data allows two readings, a bad line that stops the others (unless `strict`), a
//! panic, or memory that grows with the length of the file.
//!
//! ```
//! use plimsoll::ingest::{CsvOptions, Source, import_csv};
//! # struct Print;
//! # impl plimsoll::Sink for Print {
//! #     fn series(
//! #         &mut self,
//! #         labels: &plimsoll::Labels,
//! #         _: Option<&plimsoll::Unit>,
//! #     ) -> plimsoll::Result<plimsoll::SeriesId> {
//! #         assert_eq!(labels.to_string(), r#"cpu_usage{host="web-1"}"#);
//! #         Ok(plimsoll::SeriesId(0))
//! #     }
//! #     fn group(&mut self, group: &plimsoll::Group) -> plimsoll::Result<()> {
//! #         assert_eq!(group.values, [12.5, 13.0]);
//! #         Ok(())
//! #     }
//! # }
//! # let mut sink = Print;
//! let text = "time;CPU usage [%]\n2013-08-01T00:00:00Z;12.5\n2013-08-01T00:05:00Z;13\nlost;1\n";
//! let labels = [("host".to_owned(), "web-1".to_owned())];
//! let mut input = text.as_bytes();
//! let source = Source::new(&mut input, "web-1.csv", &labels);
//! let report = import_csv(source, &CsvOptions::default(), &mut sink)?;
//! assert_eq!((report.samples, report.rejected), (2, 1));
//! assert!(report.problems[0].to_string().starts_with("web-1.csv:4: "));
//! # Ok::<(), plimsoll::Error>(())
//! ```

#![warn(clippy::indexing_slicing)]

mod collect;
mod csv;
mod influx;
mod lines;
mod number;
mod path;
mod report;
mod series_rows;
mod time;

#[cfg(test)]
mod testing;

pub use csv::{ColumnRule, CsvOptions, Shape, import_csv};
pub use influx::{InfluxOptions, import_influx};
pub use lines::Source;
pub use path::{PathPattern, host_from_file};
pub use report::{ImportReport, Note, Problem, Reason};
pub use series_rows::{SeriesRow, read_series_rows};
pub use time::{TimeForm, TimeOptions, TimeUnit};
