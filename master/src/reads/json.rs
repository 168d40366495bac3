//! Pieces of Mesos' hand-written JSON, the one of the endpoints that are older than the v1 API.
//!
//! Apart from the v1 JSON because it is another language: resources are maps of numbers, labels are lists, and what a
//! message says by leaving a field out is said by an empty string.

use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_model::{ResourceName, Resources, Value};
use tepui_proto::json::AsJson;
use tepui_proto::v1;

/// A list written straight from an iterator.
pub(crate) struct List<I>(pub(crate) I);

impl<I> Serialize for List<I>
where
    I: Iterator + Clone,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

/// `{"cpus":1.0,…,"ports":"[31000-32000]"}`: the four well-known scalars always, then whatever else there is.
pub(crate) struct ResourceMap<'a>(pub(crate) &'a Resources);

impl Serialize for ResourceMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let firm = self.0.non_revocable();
        let mut map = serializer.serialize_map(None)?;
        for name in [ResourceName::Disk, ResourceName::Mem, ResourceName::Gpus, ResourceName::Cpus] {
            map.serialize_entry(name.as_str(), &firm.scalar(&name).as_f64())?;
        }
        write_others(&mut map, &firm, "", |name| {
            !matches!(name, ResourceName::Disk | ResourceName::Mem | ResourceName::Gpus | ResourceName::Cpus)
        })?;
        write_others(&mut map, &self.0.revocable(), "_revocable", |_| true)?;
        map.end()
    }
}

fn write_others<M: SerializeMap>(
    map: &mut M,
    resources: &Resources,
    suffix: &str,
    wanted: impl Fn(&ResourceName) -> bool,
) -> Result<(), M::Error> {
    let mut written: Option<&ResourceName> = None;
    // Entries are sorted by name, so that all of one name stand together.
    for entry in resources {
        if !wanted(entry.name()) || written == Some(entry.name()) {
            continue;
        }
        written = Some(entry.name());
        let key = format!("{}{suffix}", entry.name().as_str());
        match entry.value() {
            Value::Scalar(_) => map.serialize_entry(&key, &resources.scalar(entry.name()).as_f64())?,
            Value::Ranges(_) => map.serialize_entry(&key, &resources.ranges(entry.name()).to_string())?,
            Value::Set(_) => map.serialize_entry(&key, &entry.value().to_string())?,
        }
    }
    Ok(())
}

/// `{"role":{…}}`: the reserved resources of each role.
pub(crate) struct ReservedMap<'a>(pub(crate) &'a Resources);

impl Serialize for ReservedMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let by_role = self.0.reservations();
        serializer
            .collect_map(by_role.iter().map(|(role, resources)| (role.as_str(), ResourceMap(resources))))
    }
}

/// `{"role":[…]}`: the same as v1 resources.
pub(crate) struct ReservedFull<'a>(pub(crate) &'a Resources);

impl Serialize for ReservedFull<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let by_role = self.0.reservations();
        serializer.collect_map(by_role.iter().map(|(role, resources)| (role.as_str(), FullList(resources))))
    }
}

/// Resources as v1 messages, in the format that says `role` and `reservation`, as endpoints of this age do.
pub(crate) struct FullList<'a>(pub(crate) &'a Resources);

impl Serialize for FullList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.to_endpoint().iter().map(AsJson))
    }
}

/// `[{"key":…,"value":…}]`.
pub(crate) struct Labels<'a>(pub(crate) &'a v1::Labels);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.labels.iter().map(Label))
    }
}

/// Without the way over the wire that other messages take: most text of large answers is labels.
struct Label<'a>(&'a v1::Label);

impl Serialize for Label<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &self.0.key)?;
        if let Some(value) = &self.0.value {
            map.serialize_entry("value", value)?;
        }
        map.end()
    }
}

/// `{"rack":"a","level":3.0}`.
pub(crate) struct Attributes<'a>(pub(crate) &'a [v1::Attribute]);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for attribute in self.0 {
            if let Some(scalar) = &attribute.scalar {
                map.serialize_entry(&attribute.name, &scalar.value)?;
            } else if let Some(text) = &attribute.text {
                map.serialize_entry(&attribute.name, &text.value)?;
            } else if let Some(ranges) = &attribute.ranges {
                let ranges: Vec<_> = ranges.range.iter().map(|r| format!("{}-{}", r.begin, r.end)).collect();
                map.serialize_entry(&attribute.name, &format!("[{}]", ranges.join(", ")))?;
            }
        }
        map.end()
    }
}
