//! Roles: who resources are reserved for and shared between, arranged in a hierarchy by `/`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A valid role, such as `*`, `web` or `ads/prod`. Ordered by its text; cloning shares it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Arc<str>);

/// Why a text is not a role, in Mesos' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRole {
    /// There is no text.
    #[error("Role names cannot be the empty string")]
    Empty,
    /// `/web`
    #[error("Role '{0}' cannot start with a slash")]
    LeadingSlash(String),
    /// `web/`
    #[error("Role '{0}' cannot end with a slash")]
    TrailingSlash(String),
    /// `web//prod`
    #[error("Role '{0}' cannot contain two adjacent slashes")]
    AdjacentSlashes(String),
    /// `.`, `..`, or `*` beside other components.
    #[error("Role '{role}' cannot include '{component}' as a component")]
    Component {
        /// The whole role.
        role: String,
        /// The offending part.
        component: String,
    },
    /// `-web`
    #[error("Role component '{0}' is invalid because it starts with a dash")]
    Dash(String),
    /// More than [`Role::MOST_BYTES`].
    #[error("Role names have at most {most} bytes, and this one has {0}", most = Role::MOST_BYTES)]
    TooLong(usize),
    /// More than [`Role::MOST_COMPONENTS`].
    #[error("Role names have at most {most} components, and this one has {0}", most = Role::MOST_COMPONENTS)]
    TooDeep(usize),
    /// White space or backspace.
    #[error("Role component '{0}' is invalid because it contains backspace or whitespace")]
    Characters(String),
}

/// Mesos' set: tab, line feed, vertical tab, form feed, carriage return, space, delete.
const FORBIDDEN: [char; 7] = ['\t', '\n', '\u{b}', '\u{c}', '\r', ' ', '\u{7f}'];

impl Role {
    /// Mesos has no bound. Names of file systems stop at 255 bytes; four of these are room for any organisation's chart.
    pub const MOST_BYTES: usize = 1024;

    /// Mesos has no bound. Each component is a level in the allocator's tree, which keeps the name of each.
    pub const MOST_COMPONENTS: usize = 32;

    /// The default role, `*`: not reservable, and without children.
    pub fn star() -> Self {
        Self("*".into())
    }

    /// Checks the text and makes it a role.
    pub fn parse(text: &str) -> Result<Self, InvalidRole> {
        check(text)?;
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `*`.
    pub fn is_star(&self) -> bool {
        &*self.0 == "*"
    }

    /// Whether this is a role below another.
    pub fn is_nested(&self) -> bool {
        self.0.contains('/')
    }

    /// Whether this role lies below `ancestor`, at any depth; a role is not below itself.
    pub fn is_below(&self, ancestor: &Self) -> bool {
        self.0.len() > ancestor.0.len()
            && self.0.as_bytes()[ancestor.0.len()] == b'/'
            && self.0.starts_with(&*ancestor.0)
    }

    /// Whether this role is `top` or lies below it.
    pub fn is_within(&self, top: &Self) -> bool {
        self == top || self.is_below(top)
    }

    /// The roles above this one, nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        self.0.rmatch_indices('/').map(|(at, _)| Self(self.0[..at].into()))
    }

    /// The outermost role: `ads` of `ads/prod/eu`.
    pub fn top(&self) -> Self {
        match self.0.split_once('/') {
            Some((top, _)) => Self(top.into()),
            None => self.clone(),
        }
    }

    /// The names between the slashes.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

fn check(text: &str) -> Result<(), InvalidRole> {
    // First, so that no other error shows a name that fills a page.
    if text.len() > Role::MOST_BYTES {
        return Err(InvalidRole::TooLong(text.len()));
    }
    let components = text.split('/').count();
    if components > Role::MOST_COMPONENTS {
        return Err(InvalidRole::TooDeep(components));
    }
    if text == "*" {
        return Ok(());
    }
    if text.is_empty() {
        return Err(InvalidRole::Empty);
    }
    if text.starts_with('/') {
        return Err(InvalidRole::LeadingSlash(text.to_owned()));
    }
    if text.ends_with('/') {
        return Err(InvalidRole::TrailingSlash(text.to_owned()));
    }
    if text.contains("//") {
        return Err(InvalidRole::AdjacentSlashes(text.to_owned()));
    }
    for component in text.split('/') {
        if [".", "..", "*"].contains(&component) {
            return Err(InvalidRole::Component { role: text.to_owned(), component: component.to_owned() });
        }
        if component.starts_with('-') {
            return Err(InvalidRole::Dash(component.to_owned()));
        }
        if component.contains(FORBIDDEN) {
            return Err(InvalidRole::Characters(component.to_owned()));
        }
    }
    Ok(())
}

impl Default for Role {
    fn default() -> Self {
        Self::star()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Role {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(text: &str) -> Role {
        Role::parse(text).unwrap()
    }

    #[test]
    fn a_role_is_refused_in_the_words_of_mesos() {
        let why = |text: &str| Role::parse(text).unwrap_err().to_string();

        assert_eq!(why(""), "Role names cannot be the empty string");
        assert_eq!(why("/a"), "Role '/a' cannot start with a slash");
        assert_eq!(why("a/"), "Role 'a/' cannot end with a slash");
        assert_eq!(why("a//b"), "Role 'a//b' cannot contain two adjacent slashes");
        assert_eq!(why("a/../b"), "Role 'a/../b' cannot include '..' as a component");
        assert_eq!(why("a/*"), "Role 'a/*' cannot include '*' as a component");
        assert_eq!(why("a/-b"), "Role component '-b' is invalid because it starts with a dash");
        assert_eq!(why("a b"), "Role component 'a b' is invalid because it contains backspace or whitespace");
    }

    #[test]
    fn a_role_is_neither_long_nor_deep_without_bound() {
        let deep = ["a"; 33].join("/");

        assert_eq!(Role::parse(&"a".repeat(1025)), Err(InvalidRole::TooLong(1025)));
        assert_eq!(Role::parse(&deep), Err(InvalidRole::TooDeep(33)));
        assert!(Role::parse(&"a".repeat(1024)).is_ok());
        assert!(Role::parse(&deep[2..]).is_ok());
    }

    #[test]
    fn a_role_knows_its_place() {
        let prod = role("ads/prod/eu");

        assert_eq!(prod.ancestors().collect::<Vec<_>>(), [role("ads/prod"), role("ads")]);
        assert_eq!(prod.top(), role("ads"));
        assert!(prod.is_below(&role("ads")));
        assert!(!prod.is_below(&prod));
        assert!(prod.is_within(&prod));
        assert!(!role("adsx").is_below(&role("ads")));
        assert!(prod.is_nested() && !role("ads").is_nested());
        assert_eq!(Role::default(), role("*"));
    }
}
