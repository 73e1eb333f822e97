//! Hot loops over slices: free functions, plain arguments, no state.
//!
//! In: slices of times and values. Out: numbers, or values written into a caller's slice. Never: a
//! label, a file, a clock, or an allocation per sample.
//!
//! Two rules hold everywhere. NaN is "no sample": it is skipped, and a window of nothing but NaN
//! yields NaN (a count of 0). Sums are added in one order, so a result does not depend on how many
//! threads shared the work.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_lists;
pub(crate) mod bits;
mod cholesky;
mod counter;
mod distribution;
mod integers;
pub(crate) mod lanes;
pub(crate) mod lists;
mod quantile;
mod random;
mod reduce;
mod rows;
mod running;
pub(crate) mod simd;
mod sketch;
pub(crate) mod symbols;
mod trend;
mod wide;

pub use cholesky::Cholesky;
pub use counter::growth;
pub use distribution::{normal_cdf, normal_ln_cdf, normal_quantile, student_factor, student_p};
pub use integers::{Integers, integer_quantile, integer_quantile_within};
pub use lanes::Arithmetic;
pub use quantile::{median, quantile, quantile_sorted};
pub use random::Random;
pub use reduce::{Spread, Total};
pub use rows::{add_row, greatest_sum};
pub use running::{EXACT_MAX, RunningTotal};
pub(crate) use simd::{Loop, widest};
pub use simd::{greatest, least, prefetch, spread, total};
pub use sketch::{Bin, Sketch};
pub use trend::{Line, robust_deviation, theil_sen};
pub use wide::{LANES, Wide};
