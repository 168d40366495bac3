//! Offer constraints: which agents a framework wants offers from, said by what agents are and not by what they have free.
//!
//! Patterns are matched by an engine that takes time in proportion to the text, whatever the pattern: a framework cannot
//! stop a master with one.

use std::collections::BTreeMap;
use std::fmt;

use regex::{Regex, RegexBuilder};
use tepui_proto::v1::scheduler as wire;
use wire::attribute_constraint::predicate::Predicate as WirePredicate;
use wire::attribute_constraint::selector::{PseudoattributeType, Selector as WireSelector};

use crate::{AttributeValue, Attributes, Role};

/// The compiled size of a pattern. Mesos allows RE2 4 kB and 100 steps; the same patterns take this engine some ten times
/// that. Beyond it the constraints are refused.
const LARGEST_PATTERN: usize = 64 * 1024;

/// The text of a pattern: reading it takes memory before its compiled size is known. Beyond it the constraints are refused.
const LONGEST_PATTERN: usize = 1024;

/// What the engine keeps of a pattern to match faster; beyond it, it matches slower.
const PATTERN_CACHE: usize = 64 * 1024;

/// Constraints of one framework. Each is looked at for every agent that is offered; a framework that needs more describes
/// its agents by an attribute of their own. Beyond it they are refused.
const MOST_CONSTRAINTS: usize = 1000;

/// Per role: alternatives, each of which is a list of constraints that must all hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OfferConstraints {
    roles: BTreeMap<Role, Vec<Vec<Constraint>>>,
}

/// What constraints look at.
#[derive(Clone, Copy, Debug)]
pub struct AgentTraits<'a> {
    /// Its host's name.
    pub hostname: &'a str,
    /// Its fault domain's region.
    pub region: Option<&'a str>,
    /// Its fault domain's zone.
    pub zone: Option<&'a str>,
    /// Its attributes.
    pub attributes: &'a Attributes,
}

#[derive(Clone, Debug, PartialEq)]
struct Constraint {
    of: Trait,
    demand: Demand,
}

#[derive(Clone, Debug, PartialEq)]
enum Trait {
    Hostname,
    Region,
    Zone,
    /// The first attribute of this name.
    Attribute(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Demand {
    Exists,
    NotExists,
    Equals(String),
    NotEquals(String),
    Matches(Pattern),
    NotMatches(Pattern),
}

/// A trait's value, as far as demands can tell.
enum Found<'a> {
    Nothing,
    Text(&'a str),
    /// A number or ranges: neither equal nor unequal to text, which Mesos takes for passing.
    Other,
}

#[derive(Clone)]
struct Pattern {
    text: String,
    regex: Regex,
}

impl OfferConstraints {
    /// One demand: in the role, the attribute must be this text.
    pub fn equal(role: Role, attribute: &str, text: &str) -> Self {
        let demand = Demand::Equals(text.to_owned());
        let constraint = Constraint { of: Trait::Attribute(attribute.to_owned()), demand };
        Self { roles: [(role, vec![vec![constraint]])].into() }
    }

    /// Checks the message and makes it constraints; refused in Mesos' words.
    pub fn from_wire(wire: &wire::OfferConstraints) -> Result<Self, String> {
        let mut count = 0;
        let mut roles = BTreeMap::new();
        for (name, of_role) in &wire.role_constraints {
            let role = Role::parse(name).map_err(|why| why.to_string())?;
            if of_role.groups.is_empty() {
                return Err(format!(
                    "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role {name}"
                ));
            }
            let mut groups = Vec::new();
            for group in &of_role.groups {
                if group.attribute_constraints.is_empty() {
                    return Err(format!(
                        "'OfferConstraints::RoleConstraints::groups' for role {name}contains an empty \
                         RoleConstraints::Group"
                    ));
                }
                count += group.attribute_constraints.len();
                if count > MOST_CONSTRAINTS {
                    return Err(format!("there are more than {MOST_CONSTRAINTS} constraints; use fewer"));
                }
                let constraints = group.attribute_constraints.iter().map(Constraint::from_wire);
                let constraints: Result<Vec<_>, String> = constraints.collect();
                groups.push(
                    constraints.map_err(|why| {
                        format!("A role {name} has an invalid 'AttributeConstraint': {why}")
                    })?,
                );
            }
            roles.insert(role, groups);
        }
        Ok(Self { roles })
    }

    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty()
    }

    /// Whether the framework wants no offers of the agent in this role.
    pub fn exclude(&self, role: &Role, agent: AgentTraits<'_>) -> bool {
        let Some(groups) = self.roles.get(role) else { return false };
        !groups.iter().any(|group| group.iter().all(|constraint| constraint.holds(agent)))
    }
}

impl Constraint {
    fn from_wire(wire: &wire::AttributeConstraint) -> Result<Self, String> {
        let of = match &wire.selector.selector {
            Some(WireSelector::AttributeName(name)) => Trait::Attribute(name.clone()),
            Some(WireSelector::PseudoattributeType(kind)) => match PseudoattributeType::try_from(*kind) {
                Ok(PseudoattributeType::Hostname) => Trait::Hostname,
                Ok(PseudoattributeType::Region) => Trait::Region,
                Ok(PseudoattributeType::Zone) => Trait::Zone,
                Ok(PseudoattributeType::Unknown) | Err(_) => {
                    return Err("Unknown pseudoattribute type".to_owned());
                }
            },
            None => {
                return Err("Exactly one of 'AttributeConstraint::Selector::name' or \
                            'AttributeConstraint::Selector::pseudoattribute_type' must be set"
                    .to_owned());
            }
        };
        let demand = match &wire.predicate.predicate {
            Some(WirePredicate::Exists(_)) => Demand::Exists,
            Some(WirePredicate::NotExists(_)) => Demand::NotExists,
            Some(WirePredicate::TextEquals(wanted)) => Demand::Equals(wanted.value.clone()),
            Some(WirePredicate::TextNotEquals(unwanted)) => Demand::NotEquals(unwanted.value.clone()),
            Some(WirePredicate::TextMatches(wanted)) => Demand::Matches(Pattern::new(&wanted.regex)?),
            Some(WirePredicate::TextNotMatches(unwanted)) => {
                Demand::NotMatches(Pattern::new(&unwanted.regex)?)
            }
            None => return Err("Unknown predicate type".to_owned()),
        };
        Ok(Self { of, demand })
    }

    fn holds(&self, agent: AgentTraits<'_>) -> bool {
        let found = match &self.of {
            Trait::Hostname => Found::Text(agent.hostname),
            Trait::Region => agent.region.map_or(Found::Nothing, Found::Text),
            Trait::Zone => agent.zone.map_or(Found::Nothing, Found::Text),
            Trait::Attribute(name) => match agent.attributes.get(name) {
                None => Found::Nothing,
                Some(AttributeValue::Text(text)) => Found::Text(text),
                Some(AttributeValue::Scalar(_) | AttributeValue::Ranges(_)) => Found::Other,
            },
        };
        self.demand.is_met(&found)
    }
}

impl Demand {
    fn is_met(&self, found: &Found<'_>) -> bool {
        match (self, found) {
            (Self::Exists | Self::Equals(_) | Self::Matches(_), Found::Nothing) => false,
            (Self::NotExists | Self::NotEquals(_) | Self::NotMatches(_), Found::Nothing) => true,
            (Self::Exists, Found::Text(_) | Found::Other) => true,
            (Self::NotExists, Found::Text(_) | Found::Other) => false,
            (Self::Equals(wanted), Found::Text(text)) => text == wanted,
            (Self::NotEquals(unwanted), Found::Text(text)) => text != unwanted,
            (Self::Matches(pattern), Found::Text(text)) => pattern.regex.is_match(text),
            (Self::NotMatches(pattern), Found::Text(text)) => !pattern.regex.is_match(text),
            (Self::Equals(_) | Self::NotEquals(_) | Self::Matches(_) | Self::NotMatches(_), Found::Other) => {
                true
            }
        }
    }
}

impl Pattern {
    /// A pattern that matches whole texts.
    fn new(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_PATTERN {
            return Err(format!("A regex has {} bytes, at most {LONGEST_PATTERN} are taken", text.len()));
        }
        // By itself first, so that an unbalanced parenthesis does not close the one around it.
        let build = |pattern: &str| {
            RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).dfa_size_limit(PATTERN_CACHE).build()
        };
        let plain = ascii_classes(text);
        let regex = build(&plain).and_then(|_| build(&format!(r"\A(?:{plain})\z")));
        match regex {
            Ok(regex) => Ok(Self { text: text.to_owned(), regex }),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(format!("Regex '{text}' is too complex: it takes more than {LARGEST_PATTERN} bytes"))
            }
            Err(why) => {
                let why = why.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Err(format!("Failed to construct regex from pattern '{text}': {last}"))
            }
        }
    }
}

/// RE2's `\d`, `\w` and `\s` are about ASCII; this engine's are about Unicode.
fn ascii_classes(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(next) = chars.next() {
        if next != '\\' {
            plain.push(next);
            continue;
        }
        match chars.next() {
            Some('d') => plain.push_str("[0-9]"),
            Some('D') => plain.push_str("[^0-9]"),
            Some('w') => plain.push_str("[0-9A-Za-z_]"),
            Some('W') => plain.push_str("[^0-9A-Za-z_]"),
            Some('s') => plain.push_str("[\\t\\n\\f\\r ]"),
            Some('S') => plain.push_str("[^\\t\\n\\f\\r ]"),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}

#[cfg(test)]
mod tests;
