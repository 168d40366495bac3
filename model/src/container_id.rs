//! Names of containers: a chain from the outermost container to the nested one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tepui_proto::v1;

use crate::id::{self, InvalidId};

/// A container and the containers it is nested in, outermost first; printed with dots, `outer.inner`.
///
/// Ordering puts a container right before those nested in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId {
    /// Never empty; each part obeys the rule of ids, has at most [`LONGEST_PART`] bytes, no dot and no space.
    parts: Vec<Arc<str>>,
}

/// The longest part, in bytes: Mesos' bound, which leaves room for a prefix in cgroup and file names.
const LONGEST_PART: usize = 242;

/// The deepest nesting: Linux refuses more than 32 nested pid or user namespaces.
const DEEPEST: usize = 32;

/// Why a text or message is not a container id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidContainerId {
    /// Breaks the rule common to all ids.
    #[error("'ContainerID.value': {0}")]
    Id(InvalidId),
    /// More than 242 bytes.
    #[error("'ContainerID.value' '{0}' exceeds the maximum length ({LONGEST_PART})")]
    TooLong(String),
    /// A dot, which separates parts, or a space.
    #[error("'ContainerID.value' '{0}' contains invalid characters")]
    Characters(String),
    /// Nested deeper than the kernel nests namespaces.
    #[error("'ContainerID.parent' is nested deeper than {DEEPEST} levels")]
    TooDeep,
}

impl ContainerId {
    /// An outermost container.
    pub fn root(part: &str) -> Result<Self, InvalidContainerId> {
        Ok(Self { parts: vec![checked(part)?] })
    }

    /// A container nested directly in this one.
    pub fn child(&self, part: &str) -> Result<Self, InvalidContainerId> {
        if self.parts.len() >= DEEPEST {
            return Err(InvalidContainerId::TooDeep);
        }
        let mut parts = self.parts.clone();
        parts.push(checked(part)?);
        Ok(Self { parts })
    }

    /// This container's own part, without those of its parents.
    pub fn value(&self) -> &str {
        self.parts.last().expect("a container id has at least one part")
    }

    /// The container this one is nested in.
    pub fn parent(&self) -> Option<Self> {
        let parts = &self.parts[..self.parts.len() - 1];
        (!parts.is_empty()).then(|| Self { parts: parts.to_vec() })
    }

    /// The outermost container of the chain.
    pub fn outermost(&self) -> Self {
        Self { parts: self.parts[..1].to_vec() }
    }

    /// Outermost part first.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| &**part)
    }

    /// The id a message carries.
    pub fn from_wire(wire: &v1::ContainerId) -> Result<Self, InvalidContainerId> {
        let mut parts = Vec::new();
        let mut next = Some(wire);
        while let Some(id) = next {
            if parts.len() == DEEPEST {
                return Err(InvalidContainerId::TooDeep);
            }
            parts.push(checked(&id.value)?);
            next = id.parent.as_deref();
        }
        parts.reverse();
        Ok(Self { parts })
    }

    /// The message that carries this id.
    pub fn to_wire(&self) -> v1::ContainerId {
        let mut wire = v1::ContainerId { value: self.parts[0].to_string(), parent: None };
        for part in &self.parts[1..] {
            wire = v1::ContainerId { value: part.to_string(), parent: Some(Box::new(wire)) };
        }
        wire
    }
}

fn checked(part: &str) -> Result<Arc<str>, InvalidContainerId> {
    id::check(part).map_err(InvalidContainerId::Id)?;
    if part.len() > LONGEST_PART {
        return Err(InvalidContainerId::TooLong(part.to_owned()));
    }
    if part.contains(['.', ' ']) {
        return Err(InvalidContainerId::Characters(part.to_owned()));
    }
    Ok(part.into())
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, part) in self.parts.iter().enumerate() {
            if n > 0 {
                f.write_str(".")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ContainerId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContainerId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl FromStr for ContainerId {
    type Err = InvalidContainerId;

    /// Reads the printed form.
    fn from_str(text: &str) -> Result<Self, InvalidContainerId> {
        let mut parts = text.split('.');
        let mut id = Self::root(parts.next().unwrap_or_default())?;
        for part in parts {
            id = id.child(part)?;
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_container_prints_its_chain_and_is_read_back() {
        let outer = ContainerId::root("outer").unwrap();

        let inner = outer.child("redis").unwrap().child("backup").unwrap();

        assert_eq!(inner.to_string(), "outer.redis.backup");
        assert_eq!("outer.redis.backup".parse(), Ok(inner.clone()));
        assert_eq!(ContainerId::from_wire(&inner.to_wire()), Ok(inner.clone()));
        assert_eq!(inner.outermost(), outer);
        assert_eq!(inner.parent().unwrap().parent(), Some(outer));
        assert_eq!(inner.value(), "backup");
    }

    #[test]
    fn dots_spaces_length_and_depth_are_bounded() {
        let why = |part: &str| ContainerId::root(part).unwrap_err().to_string();

        assert_eq!(why("a.b"), "'ContainerID.value' 'a.b' contains invalid characters");
        assert_eq!(why("a b"), "'ContainerID.value' 'a b' contains invalid characters");
        assert_eq!(why(""), "'ContainerID.value': ID must not be empty");
        assert!(why(&"x".repeat(243)).ends_with("exceeds the maximum length (242)"));

        let deep = ["x"; 33].join(".").parse::<ContainerId>().unwrap_err();
        assert_eq!(deep.to_string(), "'ContainerID.parent' is nested deeper than 32 levels");
    }
}
