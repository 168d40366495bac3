//! What is said about a machine that nobody consumes: `rack:r12; os:debian; ssd:1`.

use std::fmt;

use serde::{Deserialize, Serialize};
use tepui_proto::v1;
use v1::value;

use crate::resources::{Ranges, Scalar, ranges_from_wire, ranges_to_wire};
use crate::value_text::{self, InvalidValue, ValueText};

/// A machine's attributes, in the order they were given. A key may occur more than once; the first counts where only
/// one can.
#[derive(Clone, Debug, Default, Eq, Serialize, Deserialize)]
pub struct Attributes(Vec<Attribute>);

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attribute {
    /// The key.
    pub name: String,
    /// What it says.
    pub value: AttributeValue,
}

/// A number, ranges or text; Mesos has no sets here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AttributeValue {
    /// A number with three decimals.
    Scalar(Scalar),
    /// Whole numbers.
    Ranges(Ranges),
    /// Text without spaces.
    Text(String),
}

/// Why a text or message is not attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttributes {
    /// No colon, or nothing on one side of it.
    #[error("invalid attribute key:value pair '{0}'; write key:value, such as rack:r12")]
    Pair(String),
    /// The value is not one.
    #[error("failed to parse attribute {name} value '{value}': {reason}")]
    Value {
        /// The key.
        name: String,
        /// As written.
        value: String,
        /// Why.
        reason: InvalidValue,
    },
    /// A set.
    #[error("bad type for attribute {0}: sets are not supported")]
    Set(String),
    /// A message whose type and value do not go together.
    #[error("invalid attribute '{0}': name, type and value must be set and go together")]
    Message(String),
}

impl Attributes {
    /// None.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads a flag.
    pub fn parse(text: &str) -> Result<Self, InvalidAttributes> {
        let tokens = text.split([';', '\n']).filter(|token| !token.trim().is_empty());
        tokens.map(parse_one).collect::<Result<_, _>>().map(Self)
    }

    /// The first value of a key.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.value)
    }

    /// In the order given.
    pub fn iter(&self) -> std::slice::Iter<'_, Attribute> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads messages.
    pub fn from_wire(wire: &[v1::Attribute]) -> Result<Self, InvalidAttributes> {
        wire.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The messages.
    pub fn to_wire(&self) -> Vec<v1::Attribute> {
        self.0.iter().map(write).collect()
    }
}

fn parse_one(token: &str) -> Result<Attribute, InvalidAttributes> {
    let pair = token.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
    let pair = pair.filter(|(name, value)| !name.is_empty() && !value.is_empty());
    let (name, text) = pair.ok_or_else(|| InvalidAttributes::Pair(token.to_owned()))?;
    let value = match value_text::parse(text) {
        Ok(ValueText::Scalar(scalar)) => AttributeValue::Scalar(scalar),
        Ok(ValueText::Ranges(ranges)) => AttributeValue::Ranges(ranges),
        Ok(ValueText::Text(text)) => AttributeValue::Text(text),
        Ok(ValueText::Set(_)) => return Err(InvalidAttributes::Set(name.to_owned())),
        Err(reason) => {
            return Err(InvalidAttributes::Value { name: name.to_owned(), value: text.to_owned(), reason });
        }
    };
    Ok(Attribute { name: name.to_owned(), value })
}

fn read(wire: &v1::Attribute) -> Result<Attribute, InvalidAttributes> {
    let invalid = || InvalidAttributes::Message(wire.name.clone());
    let value = match value::Type::try_from(wire.r#type) {
        Ok(value::Type::Scalar) => {
            wire.scalar.and_then(|scalar| Scalar::from_f64(scalar.value)).map(AttributeValue::Scalar)
        }
        Ok(value::Type::Ranges) => wire.ranges.as_ref().map(ranges_from_wire).map(AttributeValue::Ranges),
        Ok(value::Type::Text) => wire.text.as_ref().map(|text| AttributeValue::Text(text.value.clone())),
        Ok(value::Type::Set) => return Err(InvalidAttributes::Set(wire.name.clone())),
        Err(_) => None,
    };
    let value = value.filter(|_| !wire.name.is_empty()).ok_or_else(invalid)?;
    Ok(Attribute { name: wire.name.clone(), value })
}

fn write(attribute: &Attribute) -> v1::Attribute {
    let mut wire = v1::Attribute { name: attribute.name.clone(), ..Default::default() };
    match &attribute.value {
        AttributeValue::Scalar(scalar) => {
            wire.set_type(value::Type::Scalar);
            wire.scalar = Some(value::Scalar { value: scalar.as_f64() });
        }
        AttributeValue::Ranges(ranges) => {
            wire.set_type(value::Type::Ranges);
            wire.ranges = Some(ranges_to_wire(ranges));
        }
        AttributeValue::Text(text) => {
            wire.set_type(value::Type::Text);
            wire.text = Some(value::Text { value: text.clone() });
        }
    }
    wire
}

impl PartialEq for Attributes {
    /// Order does not matter.
    fn eq(&self, other: &Self) -> bool {
        let sorted = |attributes: &Self| {
            let mut list = attributes.0.clone();
            list.sort();
            list
        };
        self.0 == other.0 || sorted(self) == sorted(other)
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => write!(f, "{scalar}"),
            Self::Ranges(ranges) => write!(f, "{ranges}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Attributes {
    /// In the form that [`Attributes::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Attribute { name, value }) in self.0.iter().enumerate() {
            let separator = if n > 0 { "; " } else { "" };
            write!(f, "{separator}{name}:{value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_printed_and_go_through_their_messages() {
        let attributes = Attributes::parse("rack:r12;ssd:1; ports:[1-2] ;url:http://x:80/").unwrap();

        assert_eq!(attributes.to_string(), "rack:r12; ssd:1; ports:[1-2]; url:http://x:80/");
        assert_eq!(Attributes::parse(&attributes.to_string()).unwrap(), attributes);
        assert_eq!(Attributes::from_wire(&attributes.to_wire()).unwrap(), attributes);
        assert_eq!(attributes.get("rack"), Some(&AttributeValue::Text("r12".to_owned())));
    }

    #[test]
    fn order_does_not_matter_for_equality() {
        assert_eq!(Attributes::parse("a:1;b:2").unwrap(), Attributes::parse("b:2;a:1").unwrap());
        assert_ne!(Attributes::parse("a:1;a:1").unwrap(), Attributes::parse("a:1").unwrap());
    }

    #[test]
    fn a_bad_attribute_is_named() {
        let why = |text: &str| Attributes::parse(text).unwrap_err().to_string();

        assert_eq!(why("rack"), "invalid attribute key:value pair 'rack'; write key:value, such as rack:r12");
        assert_eq!(why("a:1;b:{x}"), "bad type for attribute b: sets are not supported");
        assert_eq!(why("b:[1"), "failed to parse attribute b value '[1': mismatched brackets");
        let message = v1::Attribute { name: "x".to_owned(), ..Default::default() };
        assert!(Attributes::from_wire(&[message]).is_err());
    }
}
