//! Resources in flags: `cpus:4; mem(eng):1024; ports:[31000-32000]`, or a JSON array of resource messages.

use std::collections::BTreeMap;

use tepui_proto::{json, v1};

use super::{InvalidResource, Metadata, Reservation, Resource, ResourceName, Resources, Value, wire};
use crate::value_text::{self, InvalidValue, ValueText};
use crate::{InvalidRole, Role};

/// Why a flag's text is not resources; names the part that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResources {
    /// Not one colon between name and value.
    #[error("bad value for resources, missing or extra ':' in '{0}'; write name:value, such as cpus:4")]
    Colon(String),
    /// A role without its other parenthesis.
    #[error(
        "bad value for resources, mismatched parentheses in '{0}'; write name(role):value, such as cpus(web):4"
    )]
    Parentheses(String),
    /// The value is not one.
    #[error("failed to parse resource {name} value '{value}': {reason}")]
    Value {
        /// The resource's name.
        name: String,
        /// The value as written.
        value: String,
        /// Why.
        reason: InvalidValue,
    },
    /// The value is text.
    #[error("bad type for resource {name}: '{value}' is neither a number, nor [ranges], nor a {{set}}")]
    Text {
        /// The resource's name.
        name: String,
        /// The value as written.
        value: String,
    },
    /// Quantities are numbers.
    #[error("failed to parse '{0}': only scalar values are allowed")]
    NotScalar(String),
    /// The role in parentheses is not one.
    #[error("bad role in '{token}': {reason}")]
    Role {
        /// The part of the flag.
        token: String,
        /// Why.
        reason: InvalidRole,
    },
    /// There is no name before the colon.
    #[error("empty resource name in '{0}'")]
    EmptyName(String),
    /// Not the JSON of resource messages.
    #[error("some JSON resources were not formatted properly: {0}")]
    Json(String),
    /// A resource that Mesos refuses.
    #[error(transparent)]
    Invalid(InvalidResource),
    /// Volumes, revocable resources and dynamic reservations come about at run time.
    #[error("'{resource}' cannot be specified at the command line: {what} come about at run time only")]
    RunTimeOnly {
        /// Which.
        resource: Box<Resource>,
        /// What it is.
        what: &'static str,
    },
    /// `cpus:4;cpus:[1-2]`
    #[error("resources with the same name ('{0}') but different types are not allowed")]
    MixedTypes(ResourceName),
}

impl InvalidResources {
    pub(super) fn value(name: &str, value: &str, reason: InvalidValue) -> Self {
        Self::Value { name: name.to_owned(), value: value.trim().to_owned(), reason }
    }
}

impl Resources {
    /// Reads a flag. What names no role is reserved, statically, to the default role, unless that is `*`.
    pub fn parse(text: &str, default_role: &Role) -> Result<Self, InvalidResources> {
        let is_json = text.trim_start().starts_with('[');
        let entries = if is_json { from_json(text, default_role)? } else { from_text(text, default_role)? };
        check_static(&entries)?;
        Ok(entries.into_iter().collect())
    }
}

fn from_text(text: &str, default_role: &Role) -> Result<Vec<Resource>, InvalidResources> {
    let tokens = text.split(';').filter(|token| !token.trim().is_empty());
    tokens.map(|token| parse_entry(token.trim(), default_role)).collect()
}

fn parse_entry(token: &str, default_role: &Role) -> Result<Resource, InvalidResources> {
    let (left, value) = split_pair(token)?;
    let (name, role) = split_role(token, left, default_role)?;
    if name.is_empty() {
        return Err(InvalidResources::EmptyName(token.to_owned()));
    }
    let parsed = value_text::parse(value).map_err(|why| InvalidResources::value(name, value, why))?;
    let parsed = match parsed {
        ValueText::Scalar(scalar) => Value::Scalar(scalar),
        ValueText::Ranges(ranges) => Value::Ranges(ranges),
        ValueText::Set(set) => Value::Set(set),
        ValueText::Text(value) => return Err(InvalidResources::Text { name: name.to_owned(), value }),
    };
    let reservations = if role.is_star() { Vec::new() } else { vec![Reservation::fixed(role)] };
    Ok(Resource::new(name, parsed).with_metadata(Metadata { reservations, ..Metadata::default() }))
}

/// Name and value, with exactly one colon between them.
pub(super) fn split_pair(token: &str) -> Result<(&str, &str), InvalidResources> {
    let pair = token.split_once(':').filter(|(_, value)| !value.contains(':') && !value.trim().is_empty());
    pair.ok_or_else(|| InvalidResources::Colon(token.trim().to_owned()))
}

/// `cpus(web)` is the name `cpus` and the role `web`.
fn split_role<'a>(
    token: &str,
    left: &'a str,
    default_role: &Role,
) -> Result<(&'a str, Role), InvalidResources> {
    match (left.find('('), left.find(')')) {
        (None, None) => Ok((left.trim(), default_role.clone())),
        (Some(open), Some(close)) if open < close => {
            let role = Role::parse(left[open + 1..close].trim());
            let role = role.map_err(|reason| InvalidResources::Role { token: token.to_owned(), reason })?;
            Ok((left[..open].trim(), role))
        }
        _ => Err(InvalidResources::Parentheses(token.to_owned())),
    }
}

fn from_json(text: &str, default_role: &Role) -> Result<Vec<Resource>, InvalidResources> {
    let values: Vec<serde_json::Value> =
        serde_json::from_str(text).map_err(|why| InvalidResources::Json(why.to_string()))?;
    let mut entries = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        let wire = json::from_slice::<v1::Resource>(value.to_string().as_bytes());
        let mut wire = wire.map_err(|why| InvalidResources::Json(format!("element {at}: {why}")))?;
        if wire::pre_format_role(&wire).is_none() && wire.reservations.is_empty() {
            wire::set_role(&mut wire, default_role.as_str());
        }
        entries.push(Resource::from_wire(&wire).map_err(InvalidResources::Invalid)?);
    }
    Ok(entries)
}

/// A flag describes the machine, not what happens on it.
fn check_static(entries: &[Resource]) -> Result<(), InvalidResources> {
    let mut types = BTreeMap::new();
    for entry in entries {
        let run_time_only = |what| InvalidResources::RunTimeOnly { resource: Box::new(entry.clone()), what };
        if entry.is_persistent_volume() {
            return Err(run_time_only("persistent volumes"));
        }
        if entry.is_revocable() {
            return Err(run_time_only("revocable resources"));
        }
        if entry.reservation().is_some_and(|reservation| reservation.kind == super::ReservationKind::Dynamic)
        {
            return Err(run_time_only("dynamic reservations"));
        }
        let kind = std::mem::discriminant(entry.value());
        if *types.entry(entry.name()).or_insert(kind) != kind {
            return Err(InvalidResources::MixedTypes(entry.name().clone()));
        }
    }
    Ok(())
}
