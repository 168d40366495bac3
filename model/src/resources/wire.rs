//! From and to messages, in each of the three formats that tell reservations.

use std::sync::Arc;

use tepui_proto::v1;
use v1::resource::disk_info::{Persistence as WirePersistence, Source, source};
use v1::resource::reservation_info::Type as ReservationType;
use v1::resource::{AllocationInfo, DiskInfo as WireDiskInfo, ReservationInfo, RevocableInfo, SharedInfo};
use v1::value;

use super::as_written;
use super::validation::{self, InvalidResource, ResourceProblem};
use super::{
    DiskInfo, DiskKind, DiskSource, Metadata, Persistence, Ranges, Reservation, ReservationKind, Resource,
    Resources, Scalar, Value,
};
use crate::Role;

/// Key and value pairs in order of keys.
type Labels = Vec<(String, Option<String>)>;

/// So many resources one message may list. An agent with a thousand reservations and volumes stays far below; sums are
/// quadratic in the entries that differ in size only, which a sender could abuse.
const MOST_ENTRIES: usize = 10_000;

/// How a message tells reservations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The stack `reservations`. For whoever knows RESERVATION_REFINEMENT, and inside a cluster.
    PostRefinement,
    /// `role` and `reservation`. For whoever does not; cannot tell a refined reservation.
    PreRefinement,
    /// Both where possible: for endpoints that people and old tools read.
    Endpoint,
}

/// A refined reservation has no form in [`Format::PreRefinement`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has a refined reservation, which the pre-reservation-refinement format cannot tell")]
pub struct RefinedReservation(pub Resource);

impl Resource {
    /// Checks a message in any format and reads it. A zero amount is valid; sums ignore it.
    pub fn from_wire(wire: &v1::Resource) -> Result<Self, InvalidResource> {
        read(wire).map_err(|reason| InvalidResource { resource: as_written::text(wire), reason })
    }

    /// The message in the post-refinement format. Of a shared resource, one copy.
    pub fn to_wire(&self) -> v1::Resource {
        let mut wire = v1::Resource {
            name: self.name.to_string(),
            allocation_info: self
                .allocation
                .as_ref()
                .map(|role| AllocationInfo { role: Some(role.to_string()) }),
            ..Default::default()
        };
        write_value(&mut wire, &self.value);
        if let Some(metadata) = self.metadata() {
            wire.reservations = metadata.reservations.iter().map(write_reservation).collect();
            wire.disk = metadata.disk.as_ref().map(|disk| Box::new(write_disk(disk)));
            wire.revocable = metadata.revocable.then_some(RevocableInfo {});
            wire.shared = metadata.shared.then_some(SharedInfo {});
            let provider_id = metadata.provider_id.clone();
            wire.provider_id = provider_id.map(|value| Box::new(v1::ResourceProviderId { value }));
        }
        wire
    }

    /// The message in the wanted format.
    pub fn to_wire_as(&self, format: Format) -> Result<v1::Resource, RefinedReservation> {
        let mut wire = self.to_wire();
        if format == Format::PostRefinement {
            return Ok(wire);
        }
        match self.reservations() {
            [] => set_role(&mut wire, "*"),
            [single] => {
                set_role(&mut wire, single.role.as_str());
                if single.kind == ReservationKind::Dynamic {
                    let full = write_reservation(single);
                    wire.reservation = Some(Box::new(ReservationInfo { r#type: None, role: None, ..full }));
                }
                if format == Format::PreRefinement {
                    wire.reservations.clear();
                }
            }
            _ if format == Format::PreRefinement => return Err(RefinedReservation(self.clone())),
            _ => {}
        }
        Ok(wire)
    }
}

impl Resources {
    /// Checks messages in any format and sums them up.
    pub fn from_wire(wire: &[v1::Resource]) -> Result<Self, InvalidResource> {
        if let Some(beyond) = wire.get(MOST_ENTRIES) {
            return Err(InvalidResource {
                resource: as_written::text(beyond),
                reason: ResourceProblem::TooMany(MOST_ENTRIES),
            });
        }
        wire.iter().map(Resource::from_wire).collect()
    }

    /// The messages in the post-refinement format; a shared resource as often as it has copies.
    pub fn to_wire(&self) -> Vec<v1::Resource> {
        let copies = self.iter().flat_map(|entry| std::iter::repeat_n(entry, entry.copies as usize));
        copies.map(Resource::to_wire).collect()
    }

    /// The messages in the wanted format.
    pub fn to_wire_as(&self, format: Format) -> Result<Vec<v1::Resource>, RefinedReservation> {
        let copies = self.iter().flat_map(|entry| std::iter::repeat_n(entry, entry.copies as usize));
        copies.map(|entry| entry.to_wire_as(format)).collect()
    }

    /// The messages for endpoints that people and old tools read.
    pub fn to_endpoint(&self) -> Vec<v1::Resource> {
        self.to_wire_as(Format::Endpoint).expect("the endpoint format tells every reservation")
    }
}

impl TryFrom<&[v1::Resource]> for Resources {
    type Error = InvalidResource;

    fn try_from(wire: &[v1::Resource]) -> Result<Self, InvalidResource> {
        Self::from_wire(wire)
    }
}

impl From<&Resources> for Vec<v1::Resource> {
    fn from(resources: &Resources) -> Self {
        resources.to_wire()
    }
}

/// `Resource.role`, which only the pre-refinement and endpoint formats set.
#[expect(deprecated, reason = "old frameworks and agents still send it")]
pub(super) fn pre_format_role(wire: &v1::Resource) -> Option<&str> {
    wire.role.as_deref()
}

#[expect(deprecated, reason = "old frameworks and agents still read it")]
pub(super) fn set_role(wire: &mut v1::Resource, role: &str) {
    wire.role = Some(role.to_owned());
}

fn read(wire: &v1::Resource) -> Result<Resource, ResourceProblem> {
    validation::check(wire)?;
    let metadata = Metadata {
        reservations: read_reservations(wire)?,
        disk: wire.disk.as_deref().map(read_disk).transpose()?,
        revocable: wire.revocable.is_some(),
        shared: wire.shared.is_some(),
        provider_id: wire.provider_id.as_ref().map(|id| id.value.clone()),
    };
    let mut resource = Resource::new(wire.name.as_str(), read_value(wire)?).with_metadata(metadata);
    if let Some(role) = wire.allocation_info.as_ref().and_then(|info| info.role.as_deref()) {
        resource.allocation = Some(Role::parse(role).map_err(ResourceProblem::AllocationRole)?);
    }
    Ok(resource)
}

fn read_value(wire: &v1::Resource) -> Result<Value, ResourceProblem> {
    if let Some(scalar) = &wire.scalar {
        return Ok(Value::Scalar(Scalar::from_f64(scalar.value).ok_or(ResourceProblem::Scalar)?));
    }
    if let Some(ranges) = &wire.ranges {
        return Ok(Value::Ranges(ranges_from_wire(ranges)));
    }
    let set = wire.set.as_ref().ok_or(ResourceProblem::Set)?;
    Ok(Value::Set(set.item.iter().cloned().collect()))
}

fn read_reservations(wire: &v1::Resource) -> Result<Vec<Reservation>, ResourceProblem> {
    if !wire.reservations.is_empty() {
        return wire.reservations.iter().map(reservation).collect();
    }
    let role = Role::parse(pre_format_role(wire).unwrap_or("*"))?;
    if role.is_star() {
        return Ok(Vec::new());
    }
    let Some(dynamic) = wire.reservation.as_deref() else { return Ok(vec![Reservation::fixed(role)]) };
    let labels_of = dynamic.labels.as_ref().map(labels);
    let reservation =
        Reservation { labels: labels_of, ..Reservation::dynamic(role, dynamic.principal.clone()) };
    Ok(vec![reservation])
}

pub(super) fn reservation(wire: &ReservationInfo) -> Result<Reservation, ResourceProblem> {
    let kind = validation::reservation_kind(wire.r#type)?;
    let role = wire.role.as_deref().ok_or(ResourceProblem::ReservationField("role"))?;
    let (principal, labels) = (wire.principal.clone(), wire.labels.as_ref().map(labels));
    Ok(Reservation { kind, role: Role::parse(role)?, principal, labels })
}

pub(super) fn labels(wire: &v1::Labels) -> Labels {
    let mut pairs: Labels =
        wire.labels.iter().map(|label| (label.key.clone(), label.value.clone())).collect();
    pairs.sort();
    pairs
}

fn read_disk(wire: &WireDiskInfo) -> Result<DiskInfo, ResourceProblem> {
    let persistence = wire.persistence.as_ref();
    Ok(DiskInfo {
        source: wire.source.as_deref().map(read_source).transpose()?,
        persistence: persistence.map(|p| Persistence { id: p.id.clone(), principal: p.principal.clone() }),
        volume: wire.volume.as_deref().map(|volume| Arc::new(volume.clone())),
    })
}

fn read_source(wire: &Source) -> Result<DiskSource, ResourceProblem> {
    let kind = match source::Type::try_from(wire.r#type) {
        Ok(source::Type::Path) => {
            DiskKind::Path { root: wire.path.as_ref().and_then(|path| path.root.clone()) }
        }
        Ok(source::Type::Mount) => {
            DiskKind::Mount { root: wire.mount.as_ref().and_then(|mount| mount.root.clone()) }
        }
        Ok(source::Type::Block) => DiskKind::Block,
        Ok(source::Type::Raw) => DiskKind::Raw,
        Ok(source::Type::Unknown) | Err(_) => return Err(ResourceProblem::DiskSourceType),
    };
    Ok(DiskSource {
        kind,
        vendor: wire.vendor.clone(),
        id: wire.id.clone(),
        metadata: wire.metadata.as_ref().map(labels),
        profile: wire.profile.clone(),
    })
}

fn write_value(wire: &mut v1::Resource, value: &Value) {
    match value {
        Value::Scalar(scalar) => {
            wire.set_type(value::Type::Scalar);
            wire.scalar = Some(value::Scalar { value: scalar.as_f64() });
        }
        Value::Ranges(ranges) => {
            wire.set_type(value::Type::Ranges);
            wire.ranges = Some(Box::new(ranges_to_wire(ranges)));
        }
        Value::Set(set) => {
            wire.set_type(value::Type::Set);
            wire.set = Some(Box::new(value::Set { item: set.iter().cloned().collect() }));
        }
    }
}

pub(crate) fn ranges_from_wire(wire: &value::Ranges) -> Ranges {
    wire.range.iter().map(|range| (range.begin, range.end)).collect()
}

pub(crate) fn ranges_to_wire(ranges: &Ranges) -> value::Ranges {
    value::Ranges { range: ranges.iter().map(|(begin, end)| value::Range { begin, end }).collect() }
}

fn write_reservation(reservation: &Reservation) -> ReservationInfo {
    let kind = match reservation.kind {
        ReservationKind::Static => ReservationType::Static,
        ReservationKind::Dynamic => ReservationType::Dynamic,
    };
    ReservationInfo {
        r#type: Some(kind.into()),
        role: Some(reservation.role.to_string()),
        principal: reservation.principal.clone(),
        labels: reservation.labels.as_ref().map(write_labels),
    }
}

fn write_labels(labels: &Labels) -> v1::Labels {
    let labels = labels.iter().map(|(key, value)| v1::Label { key: key.clone(), value: value.clone() });
    v1::Labels { labels: labels.collect() }
}

fn write_disk(disk: &DiskInfo) -> WireDiskInfo {
    let persistence = disk.persistence.as_ref();
    WireDiskInfo {
        persistence: persistence
            .map(|p| Box::new(WirePersistence { id: p.id.clone(), principal: p.principal.clone() })),
        volume: disk.volume.as_ref().map(|volume| Box::new(v1::Volume::clone(volume))),
        source: disk.source.as_ref().map(|source| Box::new(write_source(source))),
    }
}

fn write_source(disk: &DiskSource) -> Source {
    let mut wire = Source {
        vendor: disk.vendor.clone(),
        id: disk.id.clone(),
        metadata: disk.metadata.as_ref().map(write_labels),
        profile: disk.profile.clone(),
        ..Default::default()
    };
    match &disk.kind {
        DiskKind::Path { root } => {
            wire.set_type(source::Type::Path);
            wire.path = root.clone().map(|root| source::Path { root: Some(root) });
        }
        DiskKind::Mount { root } => {
            wire.set_type(source::Type::Mount);
            wire.mount = root.clone().map(|root| source::Mount { root: Some(root) });
        }
        DiskKind::Block => wire.set_type(source::Type::Block),
        DiskKind::Raw => wire.set_type(source::Type::Raw),
    }
    wire
}
