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
    /// An operator must act.
    pub fn error(what: &'static str) -> Fact {
        Fact { level: Level::Error, what, fields: Vec::new() }
    }

    /// Unexpected, and handled.
    pub fn warn(what: &'static str) -> Fact {
        Fact { level: Level::Warn, what, fields: Vec::new() }
    }

    /// A lifecycle changed.
    pub fn info(what: &'static str) -> Fact {
        Fact { level: Level::Info, what, fields: Vec::new() }
    }

    /// The same with one more field.
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Fact {
        self.fields.push((name, value.to_string()));
        self
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        };
        write!(f, "{level}: {}", self.what)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}
