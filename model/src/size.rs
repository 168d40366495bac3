//! Amounts of bytes as Mesos writes them in flags: `2GB`, `32MB`.

use std::fmt;
use std::str::FromStr;

/// An amount of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// Units, each 1024 times the one before.
const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];

/// Why a text is not an amount of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSize {
    /// No whole number, or no unit.
    #[error("invalid size '{0}'; write a whole number and one of B, KB, MB, GB, TB, such as '32MB'")]
    Malformed(String),
    /// Mesos takes whole numbers only.
    #[error("fractional size '{0}'; write a whole number in a smaller unit")]
    Fraction(String),
    /// A unit Mesos does not know.
    #[error("unknown unit '{unit}' in size '{text}'; supported units are B, KB, MB, GB and TB")]
    Unit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// More than 16 EiB.
    #[error("size '{0}' does not fit into 64 bits")]
    TooLarge(String),
}

impl Size {
    /// So many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many mebibytes (`MB` to Mesos), at most what fits into 64 bits.
    pub const fn megabytes(megabytes: u64) -> Self {
        Self(megabytes.saturating_mul(1 << 20))
    }

    /// In bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// In whole mebibytes, rounded down.
    pub const fn as_megabytes(self) -> u64 {
        self.0 >> 20
    }
}

impl FromStr for Size {
    type Err = InvalidSize;

    /// Units are read in either case.
    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let malformed = || InvalidSize::Malformed(text.to_owned());
        let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(malformed)?;
        let (number, unit) = text.split_at(at);
        if unit.starts_with('.') {
            return Err(InvalidSize::Fraction(text.to_owned()));
        }
        if number.is_empty() {
            return Err(malformed());
        }
        let power = UNITS
            .iter()
            .position(|name| name.eq_ignore_ascii_case(unit))
            .ok_or_else(|| InvalidSize::Unit { unit: unit.to_owned(), text: text.to_owned() })?;
        let number: Option<u64> = number.parse().ok();
        number
            .and_then(|number| number.checked_mul(1 << (10 * power)))
            .map(Self)
            .ok_or_else(|| InvalidSize::TooLarge(text.to_owned()))
    }
}

impl fmt::Display for Size {
    /// The largest unit that loses nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut number, mut unit) = (self.0, 0);
        while number != 0 && number.is_multiple_of(1024) && unit + 1 < UNITS.len() {
            number /= 1024;
            unit += 1;
        }
        write!(f, "{number}{}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_printed() {
        for text in ["0B", "1B", "1023B", "32MB", "2GB", "1025KB", "5TB"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        assert_eq!("2gb".parse(), Ok(Size::bytes(2 << 30)));
        assert_eq!("1024MB".parse::<Size>().unwrap().to_string(), "1GB");
    }

    #[test]
    fn a_bad_size_names_what_is_wrong() {
        let why = |text: &str| text.parse::<Size>().unwrap_err().to_string();

        assert_eq!(
            why("32"),
            "invalid size '32'; write a whole number and one of B, KB, MB, GB, TB, such as '32MB'"
        );
        assert_eq!(why("1.5GB"), "fractional size '1.5GB'; write a whole number in a smaller unit");
        assert_eq!(why("1XB"), "unknown unit 'XB' in size '1XB'; supported units are B, KB, MB, GB and TB");
        assert_eq!(why("99999999TB"), "size '99999999TB' does not fit into 64 bits");
        assert!(why("MB").starts_with("invalid size 'MB'"));
    }
}
