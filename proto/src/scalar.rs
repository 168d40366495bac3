//! Equality of `Value.Scalar`, by bits: `build/scalar.rs` says why.

use crate::v1::value::Scalar;

impl PartialEq for Scalar {
    fn eq(&self, other: &Scalar) -> bool {
        self.value.to_bits() == other.value.to_bits()
    }
}
