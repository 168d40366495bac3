//! Amounts with exactly three decimals.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// An amount such as 0.1 cpus or 32 (MB of) mem, counted in thousandths, never negative.
///
/// Messages carry doubles. Rounding them once to thousandths makes sums exact: ten times 0.1 is 1.
/// Arithmetic stops at zero and at [`i64::MAX`] thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scalar(i64);

impl Scalar {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The largest amount accepted from outside: beyond 2^53 thousandths a double no longer holds three decimals.
    pub const MAX: Self = Self((1 << 53) / 1000 * 1000);

    /// So many thousandths; a negative number is zero.
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    /// So many whole units.
    pub const fn from_units(units: u32) -> Self {
        Self(units as i64 * 1000)
    }

    /// Rounds to thousandths, halves away from zero. `None` if negative, not a number, or above [`Scalar::MAX`].
    pub fn from_f64(value: f64) -> Option<Self> {
        let millis = (value * 1000.0).round();
        let fits = (0.0..=Self::MAX.0 as f64).contains(&millis);
        fits.then_some(Self(millis as i64))
    }

    /// In thousandths.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// In whole units, rounded down.
    pub const fn as_units(self) -> u64 {
        self.0 as u64 / 1000
    }

    /// As messages carry it: the whole part plus the thousandths, so that no digit is made up.
    pub fn as_f64(self) -> f64 {
        (self.0 / 1000) as f64 + (self.0 % 1000) as f64 / 1000.0
    }

    /// Whether there is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The difference, if it is not negative.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        if other.0 > self.0 { None } else { Some(Self(self.0 - other.0)) }
    }
}

impl Add for Scalar {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Scalar {
    type Output = Self;

    /// Stops at zero.
    fn sub(self, other: Self) -> Self {
        Self((self.0 - other.0).max(0))
    }
}

impl SubAssign for Scalar {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, millis) = (self.0 / 1000, self.0 % 1000);
        if millis == 0 {
            return write!(f, "{units}");
        }
        let decimals = format!("{millis:03}");
        write!(f, "{units}.{}", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tenths_are_one() {
        let tenth = Scalar::from_f64(0.1).unwrap();

        let one: Scalar = std::iter::repeat_n(tenth, 10).sum();

        assert_eq!(one, Scalar::from_units(1));
        assert_eq!(one.as_f64(), 1.0);
    }

    #[test]
    fn halves_round_away_from_zero_and_outsiders_numbers_are_bounded() {
        assert_eq!(Scalar::from_f64(0.0005), Some(Scalar::from_millis(1)));
        assert_eq!(Scalar::from_f64(0.0004), Some(Scalar::ZERO));
        assert_eq!(Scalar::from_f64(-0.001), None);
        assert_eq!(Scalar::from_f64(f64::NAN), None);
        assert_eq!(Scalar::from_f64(f64::INFINITY), None);
        assert_eq!(Scalar::from_f64(1e16), None);
        assert_eq!(Scalar::from_f64(Scalar::MAX.as_f64()), Some(Scalar::MAX));
    }

    #[test]
    fn an_amount_prints_without_needless_digits() {
        let text = |millis| Scalar::from_millis(millis).to_string();

        assert_eq!(text(4_000), "4");
        assert_eq!(text(100), "0.1");
        assert_eq!(text(1_005), "1.005");
        assert_eq!(text(0), "0");
    }
}
