//! The grammar that resources and attributes share: `2.5`, `[1-5, 8-9]`, `{a, b}`, anything else is text.

use std::collections::BTreeSet;

use crate::resources::{Ranges, Scalar};

/// A value as written in a flag.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueText {
    Scalar(Scalar),
    Ranges(Ranges),
    Set(BTreeSet<String>),
    Text(String),
}

/// Why a text is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// Nothing but spaces.
    #[error("expecting non-empty string")]
    Empty,
    /// Brackets that do not pair up.
    #[error("mismatched brackets")]
    Brackets,
    /// A bracket after the first character.
    #[error("unexpected '{0}' found")]
    Unexpected(char),
    /// A range that is not two whole numbers.
    #[error("expecting one or more \"ranges\" such as [1-5], found '{0}'")]
    Range(String),
    /// A range that ends before it begins.
    #[error("range '{0}' ends before it begins")]
    Inverted(String),
    /// A number Mesos does not work with.
    #[error("the number '{0}' is too large; the limit is {max}", max = Scalar::MAX)]
    TooLarge(String),
}

/// Reads a value; spaces mean nothing, not even inside text.
pub(crate) fn parse(text: &str) -> Result<ValueText, InvalidValue> {
    let text = text.replace(' ', "");
    if text.is_empty() {
        return Err(InvalidValue::Empty);
    }
    for (open, close) in [('{', '}'), ('[', ']'), ('(', ')')] {
        if !is_balanced(&text, open, close) {
            return Err(InvalidValue::Brackets);
        }
    }
    match (text.find('['), text.find('{')) {
        (Some(0), _) => parse_ranges(&text).map(ValueText::Ranges),
        (Some(_), _) => Err(InvalidValue::Unexpected('[')),
        (None, Some(0)) => Ok(ValueText::Set(parse_set(&text))),
        (None, Some(_)) => Err(InvalidValue::Unexpected('{')),
        (None, None) => parse_plain(text),
    }
}

fn is_balanced(text: &str, open: char, close: char) -> bool {
    let mut depth = 0_usize;
    for c in text.chars() {
        if c == open {
            depth += 1;
        } else if c == close {
            let Some(outer) = depth.checked_sub(1) else { return false };
            depth = outer;
        }
    }
    depth == 0
}

fn parse_ranges(text: &str) -> Result<Ranges, InvalidValue> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.ok_or_else(|| InvalidValue::Range(text.to_owned()))?;
    let mut ranges = Ranges::new();
    for range in inner.split([',', '\n']).filter(|range| !range.is_empty()) {
        let bounds =
            range.split_once('-').and_then(|(begin, end)| Some((begin.parse().ok()?, end.parse().ok()?)));
        let (begin, end) = bounds.ok_or_else(|| InvalidValue::Range(range.to_owned()))?;
        if begin > end {
            return Err(InvalidValue::Inverted(range.to_owned()));
        }
        ranges.insert(begin, end);
    }
    Ok(ranges)
}

fn parse_set(text: &str) -> BTreeSet<String> {
    let items = text.split(['{', '}', ',', '\n']);
    items.filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// A number if it reads as one that a resource can have; otherwise text.
fn parse_plain(text: String) -> Result<ValueText, InvalidValue> {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '+');
    let Some(number) = text.parse::<f64>().ok().filter(|number| is_number && number.is_finite()) else {
        return Ok(ValueText::Text(text));
    };
    match Scalar::from_f64(number) {
        Some(scalar) => Ok(ValueText::Scalar(scalar)),
        None => Err(InvalidValue::TooLarge(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_character_tells_the_type() {
        assert_eq!(parse(" 2.5 "), Ok(ValueText::Scalar(Scalar::from_millis(2_500))));
        assert_eq!(parse("[ 3-5, 1-2 ]"), Ok(ValueText::Ranges([(1, 5)].into_iter().collect())));
        assert_eq!(parse("[]"), Ok(ValueText::Ranges(Ranges::new())));
        assert_eq!(parse("{b, a,b}"), Ok(ValueText::Set(["a".to_owned(), "b".to_owned()].into())));
        assert_eq!(parse("us east"), Ok(ValueText::Text("useast".to_owned())));
        assert_eq!(parse("-1"), Ok(ValueText::Text("-1".to_owned())));
        assert_eq!(parse("nan"), Ok(ValueText::Text("nan".to_owned())));
    }

    #[test]
    fn a_bad_value_names_the_offending_part() {
        let why = |text: &str| parse(text).unwrap_err().to_string();

        assert_eq!(why("  "), "expecting non-empty string");
        assert_eq!(why("[1-2"), "mismatched brackets");
        assert_eq!(why("}a{"), "mismatched brackets");
        assert_eq!(why("a[1-2]"), "unexpected '[' found");
        assert_eq!(why("a{b}"), "unexpected '{' found");
        assert_eq!(why("[1-2, 7]"), "expecting one or more \"ranges\" such as [1-5], found '7'");
        assert_eq!(why("[-1-2]"), "expecting one or more \"ranges\" such as [1-5], found '-1-2'");
        assert_eq!(why("[9-2]"), "range '9-2' ends before it begins");
        assert_eq!(why("1e300"), "the number '1e300' is too large; the limit is 9007199254740");
    }
}
