//! Where the data sets lie.

use std::path::PathBuf;

/// The folder of data sets: that of `PLIMSOLL_DATA`, or `../shared/data` beside the project.
pub(crate) fn data() -> PathBuf {
    std::env::var_os("PLIMSOLL_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    )
}
