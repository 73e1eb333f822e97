//! Sixteen numbers side by side, one of each of sixteen series.
//!
//! A recurrence over time waits for its own last step; sixteen of them at once hide that wait, and
//! fill the machine's vectors. Every operation is lane by lane, never across lanes and never fused,
//! so that a series' result is the same whatever its neighbours and whatever the machine.
#![expect(clippy::inline_always, reason = "a loop is vectors only where all of it is in one place")]

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// How many series lie side by side. Four vectors of AVX2: enough in flight to hide the latency of
/// a dependent chain, few enough for a recurrence's state to stay in registers.
pub const LANES: usize = 16;

/// One number of each of [`LANES`] series.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub struct Wide(pub [f64; LANES]);

impl Wide {
    /// Zero in every lane.
    pub const ZERO: Self = Self([0.0; LANES]);
    /// One in every lane.
    pub const ONE: Self = Self([1.0; LANES]);

    /// The same number in every lane.
    #[inline(always)]
    pub const fn splat(value: f64) -> Self {
        Self([value; LANES])
    }

    /// One number per lane.
    #[inline(always)]
    pub fn from_fn(of_lane: impl FnMut(usize) -> f64) -> Self {
        Self(std::array::from_fn(of_lane))
    }

    /// `change` of each lane.
    #[inline(always)]
    #[must_use]
    pub fn map(self, mut change: impl FnMut(f64) -> f64) -> Self {
        Self::from_fn(|lane| change(self.0[lane]))
    }

    /// `join` of each lane of two.
    #[inline(always)]
    #[must_use]
    pub fn zip(self, other: Self, mut join: impl FnMut(f64, f64) -> f64) -> Self {
        Self::from_fn(|lane| join(self.0[lane], other.0[lane]))
    }

    /// The smaller of each lane.
    #[inline(always)]
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    /// The larger of each lane.
    #[inline(always)]
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    /// Each lane without its sign.
    #[inline(always)]
    #[must_use]
    pub fn abs(self) -> Self {
        self.map(f64::abs)
    }

    /// `self` where `first < second`, else `other`, lane by lane.
    #[inline(always)]
    #[must_use]
    pub fn where_less(self, first: Self, second: Self, other: Self) -> Self {
        Self::from_fn(|l| if first.0[l] < second.0[l] { self.0[l] } else { other.0[l] })
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $assign:ident, $assigned:ident, $op:tt) => {
        impl $trait for Wide {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $op b)
            }
        }

        impl $trait<f64> for Wide {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                self.map(|a| a $op other)
            }
        }

        impl $assign for Wide {
            #[inline(always)]
            fn $assigned(&mut self, other: Self) {
                *self = *self $op other;
            }
        }
    };
}

operator!(Add, add, AddAssign, add_assign, +);
operator!(Sub, sub, SubAssign, sub_assign, -);
operator!(Mul, mul, MulAssign, mul_assign, *);
operator!(Div, div, DivAssign, div_assign, /);

impl Neg for Wide {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|a| -a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_lane_by_lane() {
        let a = Wide::from_fn(|lane| lane as f64 + 1.0);
        let b = Wide::splat(4.0);
        for lane in 0..LANES {
            let (x, y) = (a.0[lane], b.0[lane]);
            assert_eq!((a + b).0[lane], x + y);
            assert_eq!((a - b).0[lane], x - y);
            assert_eq!((a * b).0[lane], x * y);
            assert_eq!((a / b).0[lane], x / y);
            assert_eq!((-a).0[lane], -x);
            assert_eq!((a.min(b).0[lane], a.max(b).0[lane]), (x.min(y), x.max(y)));
            assert_eq!((a - b).abs().0[lane], (x - y).abs());
            assert_eq!(Wide::ONE.where_less(a, b, Wide::ZERO).0[lane], f64::from(x < y));
        }
        let mut sum = a;
        sum += b;
        sum -= a;
        sum *= a;
        sum /= a;
        assert_eq!(sum, b);
    }
}
