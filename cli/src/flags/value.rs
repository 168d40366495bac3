//! A flag's value, read from its text as its kind says.

use std::net::IpAddr;
use std::time::Duration;

use tepui_model::{Size, duration};

use super::flag::Kind;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Switch(bool),
    Text(String),
    Integer(u64),
    Real(f64),
    Duration(Duration),
    Size(Size),
    Address(IpAddr),
}

impl Value {
    /// Reads the text; the error says what would be right.
    pub fn read(kind: Kind, text: &str) -> Result<Self, String> {
        match kind {
            Kind::Switch => match text {
                "true" | "1" => Ok(Self::Switch(true)),
                "false" | "0" => Ok(Self::Switch(false)),
                _ => Err("write true or false".to_owned()),
            },
            Kind::Text | Kind::Path => Ok(Self::Text(text.to_owned())),
            Kind::Integer => text.parse().map(Self::Integer).map_err(|_| "write a whole number".to_owned()),
            Kind::Real => {
                read_real(text).map(Self::Real).ok_or_else(|| "write a number, such as 0.8".to_owned())
            }
            Kind::Percentage => text
                .strip_suffix('%')
                .and_then(read_real)
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(Self::Real)
                .ok_or_else(|| "write a percentage, such as 50%".to_owned()),
            Kind::Duration { least, most } => {
                let read = duration::parse(text).map_err(|error| error.to_string())?;
                if read < least || read > most {
                    return Err(bounds(least, most));
                }
                Ok(Self::Duration(read))
            }
            Kind::Size => {
                text.parse().map(Self::Size).map_err(|error: tepui_model::InvalidSize| error.to_string())
            }
            Kind::Address => {
                text.parse().map(Self::Address).map_err(|_| "write an address, such as 10.0.0.1".to_owned())
            }
        }
    }
}

fn read_real(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn bounds(least: Duration, most: Duration) -> String {
    match (least.is_zero(), most == Duration::from_secs(u64::MAX)) {
        (true, _) => format!("write at most {}secs", most.as_secs()),
        (false, true) => format!("write at least {}secs", least.as_secs()),
        (false, false) => format!("write between {}secs and {}secs", least.as_secs(), most.as_secs()),
    }
}
