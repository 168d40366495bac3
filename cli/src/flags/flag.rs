//! What one flag is: a row of a table. The tables say what Mesos has, and what becomes of it here.

use std::time::Duration;

/// Every flag of one daemon.
#[derive(Debug)]
pub struct Table {
    /// As typed: `tepui master`.
    pub program: &'static str,
    pub groups: &'static [&'static Group],
}

/// Flags that belong together, under the title that `--help` prints.
#[derive(Debug)]
pub struct Group {
    pub title: &'static str,
    pub flags: &'static [Flag],
}

#[derive(Debug)]
pub struct Flag {
    pub name: &'static str,
    /// Deprecated names that Mesos still takes.
    pub aliases: &'static [&'static str],
    pub kind: Kind,
    /// As Mesos prints it; empty where there is none, or where the daemon finds it out.
    pub default: &'static str,
    pub treatment: Treatment,
}

/// How the value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `--flag` and `--no-flag`.
    Switch,
    Text,
    /// A path: with `file://` before it, it is still the path and not what the file says.
    Path,
    Integer,
    Real,
    /// `100%`.
    Percentage,
    /// `10secs`, within the bounds that Mesos gives.
    Duration {
        least: Duration,
        most: Duration,
    },
    /// `2GB`.
    Size,
    /// An IPv4 or IPv6 address.
    Address,
}

/// What happens when someone sets the flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It does what it does in Mesos: the text that `--help` prints.
    Done(&'static str),
    /// It changes nothing here, and nobody can tell: the reason that the warning gives.
    Accepted(&'static str),
    /// Going on without it would betray whoever set it: what the error says to do. Values that ask for what
    /// happens anyway are let through, beside the default.
    Refused { instead: &'static str, harmless: &'static [&'static str] },
}

pub const SWITCH: Kind = Kind::Switch;
pub const TEXT: Kind = Kind::Text;
pub const PATH: Kind = Kind::Path;
pub const INTEGER: Kind = Kind::Integer;
pub const REAL: Kind = Kind::Real;
pub const PERCENTAGE: Kind = Kind::Percentage;
pub const DURATION: Kind = between(0, u64::MAX);
pub const SIZE: Kind = Kind::Size;
pub const ADDRESS: Kind = Kind::Address;

/// A duration of so many seconds at least and at most.
pub const fn between(least: u64, most: u64) -> Kind {
    Kind::Duration { least: Duration::from_secs(least), most: Duration::from_secs(most) }
}

pub const fn done(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, aliases: &[], kind, default, treatment: Treatment::Done(help) }
}

pub const fn accepted(name: &'static str, kind: Kind, default: &'static str, why: &'static str) -> Flag {
    Flag { name, aliases: &[], kind, default, treatment: Treatment::Accepted(why) }
}

pub const fn refused(name: &'static str, kind: Kind, default: &'static str, instead: &'static str) -> Flag {
    Flag { name, aliases: &[], kind, default, treatment: Treatment::Refused { instead, harmless: &[] } }
}

impl Flag {
    pub const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Of a refused flag: values that ask for what happens anyway.
    pub const fn unless(mut self, values: &'static [&'static str]) -> Self {
        if let Treatment::Refused { instead, .. } = self.treatment {
            self.treatment = Treatment::Refused { instead, harmless: values };
        }
        self
    }

    /// Whether the flag is called so, now or formerly.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

impl Table {
    pub fn flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.groups.iter().flat_map(|group| group.flags)
    }

    /// The flag of this name, new or old.
    pub fn find(&self, name: &str) -> Option<&'static Flag> {
        self.flags().find(|flag| flag.is_called(name))
    }
}
