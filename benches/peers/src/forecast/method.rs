//! What every compared method does: series in, their next two days out.

use crate::m4::Series;

/// Any failure; a comparison ends with the first.
pub(crate) type BoxError = Box<dyn std::error::Error>;

/// Steps that are forecast, as in M4.
pub(crate) const HORIZON: usize = 48;
/// Steps of a day, the season of M4 Hourly.
pub(crate) const DAY: usize = 24;
/// Steps of a week.
pub(crate) const WEEK: usize = 168;

/// A way to forecast. Nothing learnt from one series may be used on another.
pub(crate) trait Method {
    /// Its name in tables: the library's, then the model's.
    fn name(&self) -> &'static str;

    /// The name of our method that stands beside it; none for ours.
    fn beside(&self) -> Option<&'static str> {
        None
    }

    /// The next [`HORIZON`] values of up to sixteen series of one length.
    fn forecast(&self, series: &[Series]) -> Result<Vec<Vec<f64>>, BoxError>;
}
