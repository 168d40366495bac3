//! What a resource in a message must obey, and why one is refused: in Mesos' words, for frameworks read them in
//! `TASK_ERROR` updates and operators in refused calls.

use std::collections::BTreeSet;

use tepui_proto::v1;
use v1::resource::disk_info::source::Type as SourceType;
use v1::resource::reservation_info::Type as ReservationType;
use v1::value::Type;

use super::{Reservation, ReservationKind, Scalar, wire};
use crate::{InvalidRole, Role};

/// A resource in a message that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Resource '{resource}' is invalid: {reason}")]
pub struct InvalidResource {
    /// The resource as it was written.
    pub resource: String,
    /// What is wrong with it.
    pub reason: ResourceProblem,
}

/// What is wrong with a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says it in its text")]
pub enum ResourceProblem {
    #[error("Empty resource name")]
    EmptyName,
    #[error("Invalid resource type")]
    Type,
    #[error("Unsupported resource type")]
    UnsupportedType,
    #[error("Invalid scalar resource")]
    Scalar,
    #[error("Invalid scalar resource: value <= 0")]
    ScalarNotPositive,
    #[error("Invalid scalar resource: value is not a number")]
    ScalarNotANumber,
    #[error("Invalid scalar resource: value > {max}", max = Scalar::MAX)]
    ScalarTooLarge,
    #[error("Invalid ranges resource")]
    Ranges,
    #[error("Invalid ranges resource: begin > end")]
    RangeInverted,
    #[error("Invalid ranges resource: overlapping ranges")]
    RangesOverlap,
    #[error("Invalid set resource")]
    Set,
    #[error("Invalid set resource: duplicated elements")]
    SetDuplicate,
    #[error("DiskInfo should not be set for {0} resource")]
    DiskInfoNotOnDisk(String),
    #[error("Unsupported 'DiskInfo.Source.Type'")]
    DiskSourceType,
    #[error("{field} should not be set for {source_type} disk source")]
    DiskSourceField { field: &'static str, source_type: &'static str },
    #[error("{0}")]
    Role(#[from] InvalidRole),
    #[error("'Resource.ReservationInfo.{0}' must not be set for the 'Resource.reservation' field")]
    PreFormatField(&'static str),
    #[error("Invalid reservation: role \"*\" cannot be dynamically reserved")]
    StarDynamicallyReserved,
    #[error("Invalid reservation: 'Resource.ReservationInfo.{0}' field must be set.")]
    ReservationField(&'static str),
    #[error("Invalid reservation: role \"*\" cannot be reserved")]
    StarReserved,
    #[error("Unsupported 'Resource.ReservationInfo.Type'")]
    ReservationType,
    #[error("Invalid refined reservation: A refined reservation cannot be STATIC")]
    RefinedStatic,
    #[error("Invalid refined reservation: role '{role}' is not a refinement of '{of}'")]
    NotARefinement { role: Role, of: Role },
    #[error(
        "Invalid resource format: 'Resource.role' field with '{role}' does not match the role '{reserved}' in \
         'Resource.reservations'"
    )]
    RoleMismatch { role: String, reserved: String },
    #[error(
        "Invalid resource format: 'Resource.reservation' must not be set if the single reservation in \
         'Resource.reservations' is STATIC"
    )]
    StaticWithReservation,
    #[error(
        "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set \
         if the single reservation in 'Resource.reservations' is DYNAMIC"
    )]
    DynamicHalfSet,
    #[error(
        "Invalid resource format: 'Resource.reservation.{0}' field does not match the {0} in 'Resource.reservations'"
    )]
    ReservationMismatch(&'static str),
    #[error(
        "Invalid resource format: 'Resource.{0}' must not be set if there is more than one reservation in \
         'Resource.reservations'"
    )]
    PreFormatWithStack(&'static str),
    #[error("Invalid 'Resource.allocation_info.role': {0}")]
    AllocationRole(InvalidRole),
    #[error("Resource {0} cannot be shared")]
    NotShareable(String),
    #[error("Only persistent volumes can be shared")]
    SharedNotPersistent,
    #[error("more than {0} resources in one message")]
    TooMany(usize),
    #[error("Revocable resources cannot be reserved or made into a persistent volume")]
    RevocableKept,
}

/// Everything that Mesos checks, in its order.
pub(super) fn check(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    if resource.name.is_empty() {
        return Err(ResourceProblem::EmptyName);
    }
    check_value(resource)?;
    check_disk(resource)?;
    if resource.reservations.is_empty() {
        check_pre_format(resource)?;
    } else {
        check_post_format(resource)?;
    }
    check_shared(resource)?;
    check_revocable(resource)
}

fn check_value(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    let given = (resource.scalar.as_ref(), resource.ranges.as_deref(), resource.set.as_deref());
    match (Type::try_from(resource.r#type).map_err(|_| ResourceProblem::Type)?, given) {
        (Type::Scalar, (Some(scalar), None, None)) => check_scalar(scalar.value),
        (Type::Scalar, _) => Err(ResourceProblem::Scalar),
        (Type::Ranges, (None, Some(ranges), None)) => check_ranges(&ranges.range),
        (Type::Ranges, _) => Err(ResourceProblem::Ranges),
        (Type::Set, (None, None, Some(set))) => {
            let mut seen = BTreeSet::new();
            if set.item.iter().all(|item| seen.insert(item)) {
                Ok(())
            } else {
                Err(ResourceProblem::SetDuplicate)
            }
        }
        (Type::Set, _) => Err(ResourceProblem::Set),
        (Type::Text, _) => Err(ResourceProblem::UnsupportedType),
    }
}

/// Zero is fine, and ignored later; what is not zero must not become zero by rounding.
fn check_scalar(value: f64) -> Result<(), ResourceProblem> {
    if value.is_nan() {
        return Err(ResourceProblem::ScalarNotANumber);
    }
    match Scalar::from_f64(value) {
        Some(scalar) if value != 0.0 && scalar.is_zero() => Err(ResourceProblem::ScalarNotPositive),
        Some(_) => Ok(()),
        None if value < 0.0 => Err(ResourceProblem::ScalarNotPositive),
        None => Err(ResourceProblem::ScalarTooLarge),
    }
}

fn check_ranges(ranges: &[v1::value::Range]) -> Result<(), ResourceProblem> {
    if ranges.iter().any(|range| range.begin > range.end) {
        return Err(ResourceProblem::RangeInverted);
    }
    let mut sorted: Vec<_> = ranges.iter().map(|range| (range.begin, range.end)).collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[1].0 <= pair[0].1) {
        return Err(ResourceProblem::RangesOverlap);
    }
    Ok(())
}

fn check_disk(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    let Some(disk) = &resource.disk else { return Ok(()) };
    if resource.name != "disk" {
        return Err(ResourceProblem::DiskInfoNotOnDisk(resource.name.clone()));
    }
    let Some(source) = &disk.source else { return Ok(()) };
    let (path, mount) = (source.path.is_some(), source.mount.is_some());
    let kind = SourceType::try_from(source.r#type).map_err(|_| ResourceProblem::DiskSourceType)?;
    let wrong = match kind {
        SourceType::Unknown => return Err(ResourceProblem::DiskSourceType),
        SourceType::Path => mount.then_some("Mount"),
        SourceType::Mount => path.then_some("Path"),
        SourceType::Block | SourceType::Raw => mount.then_some("Mount").or(path.then_some("Path")),
    };
    match wrong {
        Some(field) => Err(ResourceProblem::DiskSourceField { field, source_type: kind.as_str_name() }),
        None => Ok(()),
    }
}

fn check_pre_format(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    let role = Role::parse(wire::pre_format_role(resource).unwrap_or("*"))?;
    let Some(reservation) = &resource.reservation else { return Ok(()) };
    if reservation.r#type.is_some() {
        return Err(ResourceProblem::PreFormatField("type"));
    }
    if reservation.role.is_some() {
        return Err(ResourceProblem::PreFormatField("role"));
    }
    if role.is_star() {
        return Err(ResourceProblem::StarDynamicallyReserved);
    }
    Ok(())
}

fn check_post_format(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    let stack: Vec<Reservation> =
        resource.reservations.iter().map(wire::reservation).collect::<Result<_, _>>()?;
    check_stack(&stack)?;
    match stack.as_slice() {
        [single] => check_both_formats(resource, single),
        _ if wire::pre_format_role(resource).is_some() => Err(ResourceProblem::PreFormatWithStack("role")),
        _ if resource.reservation.is_some() => Err(ResourceProblem::PreFormatWithStack("reservation")),
        _ => Ok(()),
    }
}

/// Endpoints show a single reservation in both formats; then they must agree.
fn check_both_formats(resource: &v1::Resource, single: &Reservation) -> Result<(), ResourceProblem> {
    let role = wire::pre_format_role(resource);
    if let Some(role) = role.filter(|role| *role != single.role.as_str()) {
        let (role, reserved) = (role.to_owned(), single.role.to_string());
        return Err(ResourceProblem::RoleMismatch { role, reserved });
    }
    let other = resource.reservation.as_deref();
    match (single.kind, other) {
        (ReservationKind::Static, Some(_)) => Err(ResourceProblem::StaticWithReservation),
        (ReservationKind::Dynamic, other) if role.is_some() != other.is_some() => {
            Err(ResourceProblem::DynamicHalfSet)
        }
        (ReservationKind::Dynamic, Some(other)) => {
            if other.principal() != single.principal.as_deref().unwrap_or_default() {
                return Err(ResourceProblem::ReservationMismatch("principal"));
            }
            let labels = other.labels.as_ref().map(wire::labels).unwrap_or_default();
            if labels != single.labels.clone().unwrap_or_default() {
                return Err(ResourceProblem::ReservationMismatch("labels"));
            }
            Ok(())
        }
        (ReservationKind::Static | ReservationKind::Dynamic, None) => Ok(()),
    }
}

/// Each layer refines the one below.
pub(super) fn check_stack(stack: &[Reservation]) -> Result<(), ResourceProblem> {
    if stack.iter().any(|reservation| reservation.role.is_star()) {
        return Err(ResourceProblem::StarReserved);
    }
    for pair in stack.windows(2) {
        if pair[1].kind == ReservationKind::Static {
            return Err(ResourceProblem::RefinedStatic);
        }
        if !pair[1].role.is_below(&pair[0].role) {
            let (role, of) = (pair[1].role.clone(), pair[0].role.clone());
            return Err(ResourceProblem::NotARefinement { role, of });
        }
    }
    Ok(())
}

fn check_shared(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    if resource.shared.is_none() {
        return Ok(());
    }
    if resource.name != "disk" {
        return Err(ResourceProblem::NotShareable(resource.name.clone()));
    }
    if resource.disk.as_ref().is_none_or(|disk| disk.persistence.is_none()) {
        return Err(ResourceProblem::SharedNotPersistent);
    }
    Ok(())
}

fn check_revocable(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    let reserved =
        !resource.reservations.is_empty() || wire::pre_format_role(resource).is_some_and(|role| role != "*");
    let persistent = resource.disk.as_ref().is_some_and(|disk| disk.persistence.is_some());
    if resource.revocable.is_some() && (reserved || persistent) {
        return Err(ResourceProblem::RevocableKept);
    }
    Ok(())
}

/// The type of a reservation in the post-refinement format.
pub(super) fn reservation_kind(given: Option<i32>) -> Result<ReservationKind, ResourceProblem> {
    match given.map(ReservationType::try_from) {
        None => Err(ResourceProblem::ReservationField("type")),
        Some(Ok(ReservationType::Static)) => Ok(ReservationKind::Static),
        Some(Ok(ReservationType::Dynamic)) => Ok(ReservationKind::Dynamic),
        Some(Ok(ReservationType::Unknown) | Err(_)) => Err(ResourceProblem::ReservationType),
    }
}
