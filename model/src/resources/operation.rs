//! Operations of offers that turn resources into others: reserving, unreserving, volumes. What each takes away and puts in
//! its place is said here once, for masters and agents, which must come to the same.

use tepui_proto::v1;
use v1::offer::operation::{Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Type, Unreserve};

use super::{Conversion, InvalidResource, Metadata, Resource, Resources, Scalar, Value};
use crate::Role;

/// An operation whose resources were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferOperation {
    /// Keeps resources for a role.
    Reserve {
        /// The same resources as they are reserved now; empty if one reservation is pushed.
        source: Resources,
        /// As they are reserved then.
        resources: Resources,
    },
    /// Takes the last reservation of each away.
    Unreserve(Resources),
    /// Makes volumes of disk space.
    Create(Resources),
    /// Makes disk space of volumes.
    Destroy(Resources),
    /// Adds disk space to a volume.
    GrowVolume {
        /// As it is.
        volume: Resource,
        /// What it gets.
        addition: Resource,
    },
    /// Takes disk space from a volume.
    ShrinkVolume {
        /// As it is.
        volume: Resource,
        /// What it loses.
        subtract: Scalar,
    },
}

/// Why a message is not such an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOperation {
    /// One of its resources is not one.
    #[error(transparent)]
    Resource(#[from] InvalidResource),
    /// The field that belongs to the type is not there.
    #[error("Expecting '{0}' to be present")]
    Missing(&'static str),
    /// An amount that is none.
    #[error("Invalid scalar resource")]
    Scalar,
    /// It does something else.
    #[error("Operation not supported")]
    Unsupported,
}

impl OfferOperation {
    /// Reads a message.
    ///
    /// # Errors
    /// It is of another kind, incomplete, or about what are not resources.
    pub fn from_wire(wire: &v1::offer::Operation) -> Result<Self, InvalidOperation> {
        let missing = InvalidOperation::Missing;
        Ok(match wire.r#type() {
            Type::Reserve => {
                let reserve = wire.reserve.as_ref().ok_or(missing("reserve"))?;
                let source = Resources::from_wire(&reserve.source)?;
                Self::Reserve { source, resources: Resources::from_wire(&reserve.resources)? }
            }
            Type::Unreserve => {
                let unreserve = wire.unreserve.as_ref().ok_or(missing("unreserve"))?;
                Self::Unreserve(Resources::from_wire(&unreserve.resources)?)
            }
            Type::Create => {
                let create = wire.create.as_ref().ok_or(missing("create"))?;
                Self::Create(Resources::from_wire(&create.volumes)?)
            }
            Type::Destroy => {
                let destroy = wire.destroy.as_ref().ok_or(missing("destroy"))?;
                Self::Destroy(Resources::from_wire(&destroy.volumes)?)
            }
            Type::GrowVolume => {
                let grow = wire.grow_volume.as_ref().ok_or(missing("grow_volume"))?;
                let volume = Resource::from_wire(&grow.volume)?;
                Self::GrowVolume { volume, addition: Resource::from_wire(&grow.addition)? }
            }
            Type::ShrinkVolume => {
                let shrink = wire.shrink_volume.as_ref().ok_or(missing("shrink_volume"))?;
                let subtract = Scalar::from_f64(shrink.subtract.value).ok_or(InvalidOperation::Scalar)?;
                Self::ShrinkVolume { volume: Resource::from_wire(&shrink.volume)?, subtract }
            }
            Type::Unknown | Type::Launch | Type::LaunchGroup | Type::CreateDisk | Type::DestroyDisk => {
                return Err(InvalidOperation::Unsupported);
            }
        })
    }

    /// The message, under the id that its framework gave it.
    pub fn to_wire(&self, id: Option<v1::OperationId>) -> v1::offer::Operation {
        let mut wire =
            v1::offer::Operation { id, r#type: Some(self.kind() as i32), ..v1::offer::Operation::default() };
        match self {
            Self::Reserve { source, resources } => {
                let reserve = Reserve { source: source.to_wire(), resources: resources.to_wire() };
                wire.reserve = Some(reserve.into());
            }
            Self::Unreserve(resources) => wire.unreserve = Some(Unreserve { resources: resources.to_wire() }),
            Self::Create(volumes) => wire.create = Some(Create { volumes: volumes.to_wire() }),
            Self::Destroy(volumes) => wire.destroy = Some(Destroy { volumes: volumes.to_wire() }),
            Self::GrowVolume { volume, addition } => {
                let grow = GrowVolume { volume: volume.to_wire(), addition: addition.to_wire() };
                wire.grow_volume = Some(grow.into());
            }
            Self::ShrinkVolume { volume, subtract } => {
                let subtract = v1::value::Scalar { value: subtract.as_f64() };
                wire.shrink_volume = Some(ShrinkVolume { volume: volume.to_wire(), subtract }.into());
            }
        }
        wire
    }

    /// What it is called.
    pub fn kind(&self) -> Type {
        match self {
            Self::Reserve { .. } => Type::Reserve,
            Self::Unreserve(_) => Type::Unreserve,
            Self::Create(_) => Type::Create,
            Self::Destroy(_) => Type::Destroy,
            Self::GrowVolume { .. } => Type::GrowVolume,
            Self::ShrinkVolume { .. } => Type::ShrinkVolume,
        }
    }

    /// What it wants to have, in the words of its sender: the reserved resources, the volumes.
    pub fn subject(&self) -> Resources {
        match self {
            Self::Reserve { resources, .. } => resources.clone(),
            Self::Unreserve(resources) | Self::Create(resources) | Self::Destroy(resources) => {
                resources.clone()
            }
            Self::GrowVolume { volume, .. } | Self::ShrinkVolume { volume, .. } => one(volume.clone()),
        }
    }

    /// The same, with everything that is allocated to no role allocated to this one.
    pub fn allocated_by_default_to(&self, role: &Role) -> Self {
        self.each(&|resource: Resource| match resource.allocation() {
            Some(_) => resource,
            None => resource.allocated_to(role.clone()),
        })
    }

    /// The same, allocated to nobody.
    pub fn unallocated(&self) -> Self {
        self.each(&Resource::unallocated)
    }

    fn each(&self, change: &impl Fn(Resource) -> Resource) -> Self {
        let all = |resources: &Resources| -> Resources { resources.iter().cloned().map(change).collect() };
        match self {
            Self::Reserve { source, resources } => {
                Self::Reserve { source: all(source), resources: all(resources) }
            }
            Self::Unreserve(resources) => Self::Unreserve(all(resources)),
            Self::Create(volumes) => Self::Create(all(volumes)),
            Self::Destroy(volumes) => Self::Destroy(all(volumes)),
            Self::GrowVolume { volume, addition } => {
                Self::GrowVolume { volume: change(volume.clone()), addition: change(addition.clone()) }
            }
            Self::ShrinkVolume { volume, subtract } => {
                Self::ShrinkVolume { volume: change(volume.clone()), subtract: *subtract }
            }
        }
    }

    /// What it takes away and puts in its place, in this order.
    ///
    /// # Errors
    /// It would unreserve what is not reserved, or push a reservation on nothing.
    pub fn conversions(&self) -> Result<Vec<Conversion>, String> {
        let popped = |resources: &Resources| {
            resources.pop_reservation().ok_or_else(|| format!("{resources} is not reserved"))
        };
        Ok(match self {
            Self::Reserve { source, resources } => {
                let consumed = if source.is_empty() { popped(resources)? } else { source.clone() };
                vec![Conversion { consumed, converted: resources.clone() }]
            }
            Self::Unreserve(resources) => {
                let unreserve = |resource: Resource| {
                    let consumed = one(resource);
                    Ok(Conversion { converted: popped(&consumed)?, consumed })
                };
                each_copy(resources).map(unreserve).collect::<Result<_, String>>()?
            }
            Self::Create(volumes) => {
                let create =
                    |volume: Resource| Conversion { consumed: one(volume.space()), converted: one(volume) };
                each_copy(volumes).map(create).collect()
            }
            Self::Destroy(volumes) => {
                let destroy =
                    |volume: Resource| Conversion { converted: one(volume.space()), consumed: one(volume) };
                each_copy(volumes).map(destroy).collect()
            }
            Self::GrowVolume { volume, addition } => {
                let grown = sized(volume, amount(volume) + amount(addition));
                let consumed = one(volume.clone()) + &one(addition.clone());
                vec![Conversion { consumed, converted: one(grown) }]
            }
            Self::ShrinkVolume { volume, subtract } => {
                let shrunk = sized(volume, amount(volume) - *subtract);
                let freed = sized(&volume.space(), *subtract);
                vec![Conversion { consumed: one(volume.clone()), converted: one(shrunk) + &one(freed) }]
            }
        })
    }

    /// What becomes of these resources.
    ///
    /// # Errors
    /// They are not all there, or a shared volume would be left after it was destroyed.
    pub fn apply(&self, held: &Resources) -> Result<Resources, String> {
        let mut held = held.clone();
        for conversion in self.conversions()? {
            held = held.apply(&conversion).map_err(|why| why.to_string())?;
            let is_destroyed = matches!(self, Self::Destroy(_));
            if is_destroyed && held.contains(&conversion.consumed) {
                return Err(format!(
                    "Persistent volume {} cannot be removed due to additional shared copies",
                    conversion.consumed
                ));
            }
        }
        Ok(held)
    }
}

fn one(resource: Resource) -> Resources {
    std::iter::once(resource).collect()
}

/// Entries as messages have them: a shared resource as often as it has copies.
fn each_copy(resources: &Resources) -> impl Iterator<Item = Resource> {
    let copies =
        |entry: &Resource| std::iter::repeat_n(entry.clone().with_copies(1), entry.copies() as usize);
    resources.iter().flat_map(copies)
}

impl Resource {
    /// The disk space that a volume is made of.
    pub fn space(&self) -> Resource {
        let metadata = self.metadata_to_change();
        let disk = metadata.disk.and_then(|disk| {
            let source = disk.source?;
            Some(super::DiskInfo { source: Some(source), persistence: None, volume: None })
        });
        self.clone().with_copies(1).with_metadata(Metadata { disk, shared: false, ..metadata })
    }
}

fn amount(resource: &Resource) -> Scalar {
    match resource.value() {
        Value::Scalar(amount) => *amount,
        Value::Ranges(_) | Value::Set(_) => Scalar::ZERO,
    }
}

fn sized(resource: &Resource, amount: Scalar) -> Resource {
    Resource { value: Value::Scalar(amount), ..resource.clone() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::resources::{DiskInfo, Persistence, Reservation};

    fn parse(text: &str) -> Resources {
        Resources::parse(text, &Role::star()).unwrap()
    }

    fn reserved(text: &str) -> Resources {
        let reservation = Reservation::dynamic(Role::parse("web").unwrap(), Some("ops".into()));
        parse(text).push_reservation(&reservation).unwrap()
    }

    fn volume(size: u32, shared: bool) -> Resource {
        let disk = reserved(&format!("disk:{size}")).iter().next().unwrap().clone();
        let volume = v1::Volume { container_path: "data".into(), ..v1::Volume::default() };
        let info = DiskInfo {
            source: None,
            persistence: Some(Persistence { id: "v1".into(), principal: None }),
            volume: Some(Arc::new(volume)),
        };
        let metadata = Metadata { disk: Some(info), shared, ..disk.metadata_to_change() };
        disk.with_metadata(metadata)
    }

    #[test]
    fn what_was_reserved_made_a_volume_and_undone_is_what_was_there() {
        let before = parse("cpus:4;disk:100");
        let reserve = OfferOperation::Reserve { source: Resources::new(), resources: reserved("disk:60") };
        let create = OfferOperation::Create(one(volume(60, false)));
        let destroy = OfferOperation::Destroy(one(volume(60, false)));
        let unreserve = OfferOperation::Unreserve(reserved("disk:60"));

        let mut now = before.clone();
        let mut seen = Vec::new();
        for operation in [reserve, create, destroy, unreserve] {
            now = operation.apply(&now).unwrap();
            seen.push(now.to_string());
            assert_eq!(OfferOperation::from_wire(&operation.to_wire(None)).unwrap(), operation);
        }

        assert_eq!(
            seen,
            [
                "cpus:4; disk:40; disk(reservations: [(DYNAMIC,web,ops)]):60",
                "cpus:4; disk:40; disk(reservations: [(DYNAMIC,web,ops)])[v1:data]:60",
                "cpus:4; disk:40; disk(reservations: [(DYNAMIC,web,ops)]):60",
                "cpus:4; disk:100",
            ]
        );
        assert_eq!(now, before);
    }

    #[test]
    fn a_volume_grows_and_shrinks_by_the_space_beside_it() {
        let held = one(volume(60, false)) + &reserved("disk:40");
        let addition = reserved("disk:10").iter().next().unwrap().clone();
        let grow = OfferOperation::GrowVolume { volume: volume(60, false), addition };
        let shrink =
            OfferOperation::ShrinkVolume { volume: volume(70, false), subtract: Scalar::from_units(30) };

        let grown = grow.apply(&held).unwrap();
        let shrunk = shrink.apply(&grown).unwrap();

        assert_eq!(grown, one(volume(70, false)) + &reserved("disk:30"));
        assert_eq!(shrunk, one(volume(40, false)) + &reserved("disk:60"));
        assert!(shrink.apply(&held).unwrap_err().contains("does not contain"));
    }

    #[test]
    fn a_shared_volume_is_destroyed_with_its_last_copy() {
        let create = OfferOperation::Create(one(volume(60, true)));
        let destroy = OfferOperation::Destroy(one(volume(60, true)));
        let held = create.apply(&reserved("disk:60")).unwrap();
        let twice = held.clone() + &one(volume(60, true));

        assert_eq!(destroy.apply(&held).unwrap(), reserved("disk:60"));
        assert!(destroy.apply(&twice).unwrap_err().ends_with("due to additional shared copies"));
    }
}
