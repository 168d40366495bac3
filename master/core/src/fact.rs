//! What belongs into the log: a short sentence and fields, never prose with values in it.

use std::fmt;

/// How much an operator should care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// An operator must act.
    Error,
    /// Unexpected, and handled.
    Warn,
    /// A lifecycle changed.
    Info,
    /// A decision and its reason.
    Debug,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// How much to care.
    pub level: Level,
    /// What happened, lowercase, without values.
    pub what: &'static str,
    /// The values.
    pub fields: Vec<(&'static str, String)>,
}

impl Fact {
    /// A lifecycle changed.
    pub fn info(what: &'static str) -> Fact {
        Fact { level: Level::Info, what, fields: Vec::new() }
    }

    /// Unexpected, and handled.
    pub fn warn(what: &'static str) -> Fact {
        Fact { level: Level::Warn, what, fields: Vec::new() }
    }

    /// A decision and its reason.
    pub fn debug(what: &'static str) -> Fact {
        Fact { level: Level::Debug, what, fields: Vec::new() }
    }

    /// The same with one more field.
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Fact {
        self.fields.push((name, value.to_string()));
        self
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        })
    }
}

impl fmt::Display for Fact {
    /// What happened and the fields, without the level: whoever logs it has its own way to show that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        for (name, value) in &self.fields {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}
