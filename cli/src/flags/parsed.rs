//! The values of one command line, by the names of its table.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tepui_model::Size;

use super::flag::{Flag, Table};
use super::value::Value;

/// Defaults included. The accessors panic on a name or a type that the table does not have: that is our bug, and the
/// tests of the commands read every flag they use.
#[derive(Debug)]
pub struct Parsed {
    /// The flags of the table that have a value.
    pub(super) values: BTreeMap<&'static str, Value>,
    /// Those of them that somebody set.
    pub(super) given: BTreeMap<&'static str, String>,
    /// What the operator should know, a line each.
    pub warnings: Vec<String>,
}

impl Parsed {
    /// Every flag of the table that has a value, as text; for the daemons' `/flags`. It holds no secret: a flag that
    /// would is refused.
    pub fn texts(&self, table: &Table) -> BTreeMap<String, String> {
        let text = |flag: &Flag| match self.given.get(flag.name) {
            Some(text) => Some(text.clone()),
            None => (!flag.default.is_empty()).then(|| flag.default.to_owned()),
        };
        table.flags().filter_map(|flag| Some((flag.name.to_owned(), text(flag)?))).collect()
    }

    /// Whether somebody wrote the flag.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// What somebody wrote, unless it was the default of something refused.
    #[cfg(test)]
    pub fn given(&self) -> &BTreeMap<&'static str, String> {
        &self.given
    }

    pub fn switch(&self, name: &str) -> bool {
        match self.values.get(name) {
            Some(Value::Switch(on)) => *on,
            other => panic!("{name} is no switch but {other:?}"),
        }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| match value {
            Value::Text(text) => text.as_str(),
            other => panic!("{name} is no text but {other:?}"),
        })
    }

    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    pub fn integer(&self, name: &str) -> Option<u64> {
        self.values.get(name).map(|value| match value {
            Value::Integer(number) => *number,
            other => panic!("{name} is no whole number but {other:?}"),
        })
    }

    pub fn real(&self, name: &str) -> Option<f64> {
        self.values.get(name).map(|value| match value {
            Value::Real(number) => *number,
            other => panic!("{name} is no number but {other:?}"),
        })
    }

    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.values.get(name).map(|value| match value {
            Value::Duration(duration) => *duration,
            other => panic!("{name} is no duration but {other:?}"),
        })
    }

    pub fn size(&self, name: &str) -> Option<Size> {
        self.values.get(name).map(|value| match value {
            Value::Size(size) => *size,
            other => panic!("{name} is no size but {other:?}"),
        })
    }

    pub fn address(&self, name: &str) -> Option<IpAddr> {
        self.values.get(name).map(|value| match value {
            Value::Address(address) => *address,
            other => panic!("{name} is no address but {other:?}"),
        })
    }
}
