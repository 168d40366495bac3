//! A duration in 32 bits: exact to the nanosecond below a quarter of a second, to a part in 67 million above.

use std::time::Duration;

/// No duration.
pub(super) const NONE: u32 = u32::MAX;

/// Digits above the exponent, which counts steps of two binary digits.
const EXPONENT: u32 = 4;
const DIGITS: u32 = u32::BITS - EXPONENT;

/// The longest: two years. Longer ones are cut to it. Its exponent is the last but one; the last is for none.
const LONGEST: u64 = ((1 << DIGITS) - 1) << 28;

pub(super) fn pack(span: Duration) -> u32 {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).min(LONGEST);
    let surplus = (u64::BITS - nanos.leading_zeros()).saturating_sub(DIGITS);
    let exponent = surplus.div_ceil(2);
    ((nanos >> (2 * exponent)) as u32) << EXPONENT | exponent
}

pub(super) fn unpack(packed: u32) -> Option<Duration> {
    let (digits, exponent) = (u64::from(packed >> EXPONENT), packed & 0b1111);
    (packed != NONE).then(|| Duration::from_nanos(digits << (2 * exponent)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_years_are_the_most_and_none_is_none() {
        assert_eq!(unpack(pack(Duration::MAX)), Some(Duration::from_nanos(LONGEST)));
        assert_ne!(pack(Duration::MAX), NONE);
        assert_eq!(unpack(NONE), None);
    }

    proptest! {
        #[test]
        fn a_duration_loses_little_and_never_its_order(first in 0..1_u64 << 55, second in 0..1_u64 << 55, shift in 0..55_u32) {
            let packed = |nanos: u64| unpack(pack(Duration::from_nanos(nanos >> shift))).unwrap().as_nanos() as u64;

            let (nanos, loss) = (first >> shift, (first >> shift) - packed(first));

            prop_assert!(loss <= nanos >> 26, "{nanos} lost {loss}");
            prop_assert!(nanos >= 1 << DIGITS || loss == 0);
            prop_assert!(first > second || packed(first) <= packed(second));
        }
    }
}
