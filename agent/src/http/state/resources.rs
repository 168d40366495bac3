//! Resources and attributes as `/state` shows them.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use tepui_model::{ResourceName, Resources};
use tepui_proto::json::AsJson;
use tepui_proto::v1;

/// Four scalars that are always there, then what else there is: other scalars as numbers, ranges and sets as text.
pub(super) struct Summary<'a>(Cow<'a, Resources>);

const ALWAYS: [&str; 4] = ["disk", "mem", "gpus", "cpus"];

impl<'a> Summary<'a> {
    pub fn of(resources: &'a Resources) -> Summary<'a> {
        Summary(Cow::Borrowed(resources))
    }

    pub fn owned(resources: Resources) -> Summary<'static> {
        Summary(Cow::Owned(resources))
    }

    pub fn unreserved(resources: &Resources) -> Summary<'static> {
        Summary(Cow::Owned(resources.unreserved()))
    }
}

impl Serialize for Summary<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for name in ALWAYS {
            map.serialize_entry(name, &self.0.scalar(&ResourceName::from(name)).as_f64())?;
        }
        // Without allocations and reservations, each name has one value.
        let sum = self.0.flatten().unallocated();
        for resource in sum.iter().filter(|resource| !ALWAYS.contains(&resource.name().as_str())) {
            let name = resource.name();
            match resource.is_scalar() {
                true => map.serialize_entry(name.as_str(), &self.0.scalar(name).as_f64())?,
                false => map.serialize_entry(name.as_str(), &resource.value().to_string())?,
            }
        }
        map.end()
    }
}

/// By role, each as a [`Summary`].
pub(super) struct Reserved<'a>(pub &'a Resources);

impl Serialize for Reserved<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(
            self.0.reservations().into_iter().map(|(role, held)| (role.to_string(), Summary::owned(held))),
        )
    }
}

/// Every resource as its message.
pub(super) struct Full<'a>(Cow<'a, Resources>);

impl Full<'_> {
    pub fn unreserved(resources: &Resources) -> Full<'static> {
        Full(Cow::Owned(resources.unreserved()))
    }
}

impl Serialize for Full<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        for resource in &self.0.to_endpoint() {
            list.serialize_element(&AsJson(resource))?;
        }
        list.end()
    }
}

/// By role, each as [`Full`].
pub(super) struct ReservedFull<'a>(pub &'a Resources);

impl Serialize for ReservedFull<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let by_role = self.0.reservations().into_iter();
        to.collect_map(by_role.map(|(role, held)| (role.to_string(), Full(Cow::Owned(held)))))
    }
}

/// By name: numbers, ranges as text, text.
pub(super) struct Attributes<'a>(pub &'a [v1::Attribute]);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for attribute in self.0 {
            let name = &attribute.name;
            if let Some(scalar) = &attribute.scalar {
                map.serialize_entry(name, &scalar.value)?;
            } else if let Some(ranges) = &attribute.ranges {
                let each = ranges.range.iter().map(|range| format!("{}-{}", range.begin, range.end));
                map.serialize_entry(name, &format!("[{}]", each.collect::<Vec<_>>().join(", ")))?;
            } else if let Some(text) = &attribute.text {
                map.serialize_entry(name, &text.value)?;
            }
        }
        map.end()
    }
}
