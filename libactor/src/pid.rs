//! The address of an actor: `name@ip:port`.
//!
//! A [`Pid`] can be printed, parsed, sent in a message, and used from another machine or language.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use crate::limits::ACTOR_NAME_BYTES;

/// Where an actor lives and what it is called there, for example `slave(1)@10.0.0.7:5051`.
///
/// Cheap to clone. Ordered by name, then by address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pid {
    // Never empty, and free of what would make the printed form ambiguous: see `check_name`.
    name: Arc<str>,
    address: SocketAddr,
}

/// Why a text is not a pid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePidError {
    /// There is no `@` between a name and an address.
    #[error("pid '{0}' is not of the form name@ip:port")]
    NoAt(String),
    /// What follows the `@` is not `ip:port`.
    #[error("address '{0}' of a pid is not ip:port")]
    Address(String),
    /// What precedes the `@` cannot name an actor.
    #[error("actor name '{0}' is empty, too long, or contains '/', '@', a space or a control character")]
    Name(String),
}

impl Pid {
    /// The pid of the actor called `name` at `address`.
    ///
    /// # Errors
    /// The name is empty, longer than 1 KiB, or contains `/`, `@`, white space or a control character.
    pub fn new(name: &str, address: SocketAddr) -> Result<Pid, ParsePidError> {
        check_name(name)?;
        Ok(Pid { name: name.into(), address })
    }

    /// For names that were checked before.
    pub(crate) fn from_parts(name: Arc<str>, address: SocketAddr) -> Pid {
        Pid { name, address }
    }

    /// The actor's name on its node: `master`, `slave(1)`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address of the node where the actor lives.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as `==`, and quicker if one is a clone of the other.
    #[inline]
    pub(crate) fn is(&self, other: &Pid) -> bool {
        self.address == other.address && (Arc::ptr_eq(&self.name, &other.name) || self.name == other.name)
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), ParsePidError> {
    let forbidden = |c: char| c == '/' || c == '@' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > ACTOR_NAME_BYTES || name.contains(forbidden) {
        return Err(ParsePidError::Name(name.chars().take(64).collect()));
    }
    Ok(())
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.address)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Pid {
    type Err = ParsePidError;

    fn from_str(text: &str) -> Result<Pid, ParsePidError> {
        let Some((name, address)) = text.rsplit_once('@') else {
            return Err(ParsePidError::NoAt(text.chars().take(64).collect()));
        };
        let address =
            address.parse().map_err(|_| ParsePidError::Address(address.chars().take(64).collect()))?;
        Pid::new(name, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_prints_as_it_parses() {
        for text in ["master@10.0.0.1:5050", "slave(1)@127.0.0.1:5051", "x@[::1]:80"] {
            assert_eq!(text.parse::<Pid>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_pid_says_why() {
        let error = |text: &str| text.parse::<Pid>().unwrap_err().to_string();

        assert_eq!(error("master"), "pid 'master' is not of the form name@ip:port");
        assert_eq!(error("master@host"), "address 'host' of a pid is not ip:port");
        assert!(error("@1.2.3.4:5").starts_with("actor name ''"));
        assert!(error("a/b@1.2.3.4:5").starts_with("actor name 'a/b'"));
    }
}
