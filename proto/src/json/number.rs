//! Numbers from JSON: as integers, as floats, and as text, into the type a field has.

use crate::schema::Kind;

/// A number as JSON wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

/// A number as the wire wants it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WireNumber {
    Varint(u64),
    Double(f64),
}

impl Number {
    /// Reads a number from a string, as some clients write them. Only `double` knows infinities.
    pub fn parse(text: &str) -> Option<Number> {
        let text = text.trim();
        match text {
            "Infinity" => return Some(Number::Float(f64::INFINITY)),
            "-Infinity" => return Some(Number::Float(f64::NEG_INFINITY)),
            "NaN" => return Some(Number::Float(f64::NAN)),
            _ => {}
        }
        // Rust also reads "inf", "+1" and ".5", which are no JSON.
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        if let Ok(signed) = text.parse() {
            return Some(Number::Signed(signed));
        }
        if let Ok(unsigned) = text.parse() {
            return Some(Number::Unsigned(unsigned));
        }
        text.parse().ok().filter(|float: &f64| float.is_finite()).map(Number::Float)
    }

    /// The number as a field of this kind holds it; none if it is out of the kind's range.
    ///
    /// A fraction is cut off, as Mesos does.
    pub fn into_kind(self, kind: Kind) -> Option<WireNumber> {
        let varint = match kind {
            Kind::Double => return Some(WireNumber::Double(self.as_f64())),
            Kind::Int64 => self.as_i64()? as u64,
            Kind::Int32 => i64::from(i32::try_from(self.as_i64()?).ok()?) as u64,
            Kind::Uint64 => self.as_u64()?,
            Kind::Uint32 => u64::from(u32::try_from(self.as_u64()?).ok()?),
            _ => return None,
        };
        Some(WireNumber::Varint(varint))
    }

    fn as_f64(self) -> f64 {
        match self {
            Number::Signed(number) => number as f64,
            Number::Unsigned(number) => number as f64,
            Number::Float(number) => number,
        }
    }

    fn as_i64(self) -> Option<i64> {
        /// The first float above the range; the largest `i64` itself is none.
        const END: f64 = 9_223_372_036_854_775_808.0;
        match self {
            Number::Signed(number) => Some(number),
            Number::Unsigned(number) => i64::try_from(number).ok(),
            Number::Float(number) => (-END..END).contains(&number).then_some(number as i64),
        }
    }

    fn as_u64(self) -> Option<u64> {
        const END: f64 = 18_446_744_073_709_551_616.0;
        match self {
            Number::Signed(number) => u64::try_from(number).ok(),
            Number::Unsigned(number) => Some(number),
            Number::Float(number) => (-1.0 < number && number < END).then_some(number as u64),
        }
    }
}
