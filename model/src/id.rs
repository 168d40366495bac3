//! Names of things: text that is safe as a path component, one type per kind of thing.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tepui_proto::v1;

/// What kind of thing an [`Id`] names, and which message carries it.
pub trait IdKind: Ord + fmt::Debug {
    /// The message with the single field `value`.
    type Wire;
    /// Wraps the text.
    fn wire(text: String) -> Self::Wire;
    /// Unwraps the text.
    fn text(wire: &Self::Wire) -> &str;
}

/// An identifier: 1 to 255 bytes, not `.` or `..`, no control characters, no `/` and no `\`, because ids become
/// directories of the sandbox tree. Cloning shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<K> {
    text: Arc<str>,
    kind: PhantomData<K>,
}

/// Names an agent: `<master id>-S<n>`, kept over restarts of the agent.
pub type AgentId = Id<kind::Agent>;
/// Names a framework: `<master id>-<nnnn>`, assigned by a master.
pub type FrameworkId = Id<kind::Framework>;
/// Names an offer or inverse offer: `<master id>-O<n>`.
pub type OfferId = Id<kind::Offer>;
/// Names a task: chosen by the framework, unique among its tasks that have not ended.
pub type TaskId = Id<kind::Task>;
/// Names an executor: chosen by the framework, unique per framework and agent while it lives.
pub type ExecutorId = Id<kind::Executor>;
/// Names an operation of a framework that asked for feedback.
pub type OperationId = Id<kind::Operation>;

/// The longest id, in bytes: `NAME_MAX` of Linux file systems, because ids become directories.
const LONGEST: usize = 255;

/// Why a text is not an id; worded as Mesos words it, for it ends up in task status messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// There is no text.
    #[error("ID must not be empty")]
    Empty,
    /// More bytes than a directory name may have.
    #[error("ID must not be greater than {LONGEST} characters")]
    TooLong,
    /// `.` or `..`.
    #[error("'{0}' is disallowed")]
    Disallowed(String),
    /// A control character, `/` or `\`.
    #[error("'{0}' contains invalid characters")]
    Characters(String),
}

impl<K> Id<K> {
    /// Checks the text and makes it an id.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, InvalidId> {
        let text = text.into();
        check(&text)?;
        Ok(Self { text, kind: PhantomData })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The rule common to all ids.
pub(crate) fn check(text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty);
    }
    if text.len() > LONGEST {
        return Err(InvalidId::TooLong);
    }
    if text == "." || text == ".." {
        return Err(InvalidId::Disallowed(text.to_owned()));
    }
    if text.bytes().any(|byte| byte.is_ascii_control() || byte == b'/' || byte == b'\\') {
        return Err(InvalidId::Characters(text.to_owned()));
    }
    Ok(())
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<K> AsRef<str> for Id<K> {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl<K> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl<K: IdKind> Id<K> {
    /// The id a message carries.
    pub fn from_wire(wire: &K::Wire) -> Result<Self, InvalidId> {
        Self::parse(K::text(wire))
    }

    /// The message that carries this id.
    pub fn to_wire(&self) -> K::Wire {
        K::wire(self.text.to_string())
    }
}

/// The kinds of [`Id`]; never values.
pub mod kind {
    use super::{IdKind, v1};

    /// See [`AgentId`](super::AgentId).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Agent {}
    /// See [`FrameworkId`](super::FrameworkId).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Framework {}
    /// See [`OfferId`](super::OfferId).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Offer {}
    /// See [`TaskId`](super::TaskId).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Task {}
    /// See [`ExecutorId`](super::ExecutorId).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Executor {}
    /// See [`OperationId`](super::OperationId).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Operation {}

    impl IdKind for Agent {
        type Wire = v1::AgentId;
        fn wire(value: String) -> v1::AgentId {
            v1::AgentId { value }
        }
        fn text(wire: &v1::AgentId) -> &str {
            &wire.value
        }
    }

    impl IdKind for Framework {
        type Wire = v1::FrameworkId;
        fn wire(value: String) -> v1::FrameworkId {
            v1::FrameworkId { value }
        }
        fn text(wire: &v1::FrameworkId) -> &str {
            &wire.value
        }
    }

    impl IdKind for Offer {
        type Wire = v1::OfferId;
        fn wire(value: String) -> v1::OfferId {
            v1::OfferId { value }
        }
        fn text(wire: &v1::OfferId) -> &str {
            &wire.value
        }
    }

    impl IdKind for Task {
        type Wire = v1::TaskId;
        fn wire(value: String) -> v1::TaskId {
            v1::TaskId { value }
        }
        fn text(wire: &v1::TaskId) -> &str {
            &wire.value
        }
    }

    impl IdKind for Executor {
        type Wire = v1::ExecutorId;
        fn wire(value: String) -> v1::ExecutorId {
            v1::ExecutorId { value }
        }
        fn text(wire: &v1::ExecutorId) -> &str {
            &wire.value
        }
    }

    impl IdKind for Operation {
        type Wire = v1::OperationId;
        fn wire(value: String) -> v1::OperationId {
            v1::OperationId { value }
        }
        fn text(wire: &v1::OperationId) -> &str {
            &wire.value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_refused_in_the_words_of_mesos() {
        let why = |text: &str| TaskId::parse(text).unwrap_err().to_string();

        assert_eq!(why(""), "ID must not be empty");
        assert_eq!(why(&"x".repeat(256)), "ID must not be greater than 255 characters");
        assert_eq!(why(".."), "'..' is disallowed");
        assert_eq!(why("a/b"), "'a/b' contains invalid characters");
        assert_eq!(why("a\\b"), "'a\\b' contains invalid characters");
        assert_eq!(why("a\nb"), "'a\nb' contains invalid characters");
    }

    #[test]
    fn an_id_of_255_bytes_with_dots_and_spaces_is_fine() {
        assert!(TaskId::parse("x".repeat(255)).is_ok());
        assert!(TaskId::parse("web.1 of 3…").is_ok());
    }

    #[test]
    fn an_id_keeps_its_text_through_its_message() {
        let id: AgentId = "m-S0".parse().unwrap();

        assert_eq!(AgentId::from_wire(&id.to_wire()).unwrap(), id);
        assert_eq!(id.to_string(), "m-S0");
    }
}
