//! Whether an operation may be asked for, in Mesos' words.

use tepui_model::{DiskKind, OfferOperation, ReservationKind, Resource, Resources, Role, Scalar, Value};
use tepui_proto::v1::volume::Mode;

use super::{Checked, resources};
use crate::agents::Agent;
use crate::frameworks::Framework;

/// Who asks, and of what.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub agent: &'a Agent,
    /// `None`: an operator.
    pub framework: Option<&'a Framework>,
    /// Who is known to ask: what is reserved or created must bear this name.
    pub principal: Option<&'a str>,
}

/// The order of the checks is Mesos', since the first failure is what is read.
pub fn check(operation: &OfferOperation, scene: &Scene<'_>) -> Checked {
    match operation {
        OfferOperation::Reserve { source, resources } => check_reserve(source, resources, scene),
        OfferOperation::Unreserve(resources) => check_unreserve(resources),
        OfferOperation::Create(volumes) => check_create(volumes, scene),
        OfferOperation::Destroy(volumes) => check_destroy(volumes, scene),
        OfferOperation::GrowVolume { volume, addition } => check_grow(volume, addition, scene),
        OfferOperation::ShrinkVolume { volume, subtract } => check_shrink(volume, *subtract, scene),
    }
}

fn check_reserve(source: &Resources, reserved: &Resources, scene: &Scene<'_>) -> Checked {
    check_resources(reserved)?;
    resources::check(source).map_err(|why| format!("Invalid source: {why}"))?;
    if !source.is_empty() {
        check_source(source, reserved, scene)?;
    }
    // Its directory goes by its reservation: with another one its data would be lost.
    if let Some(volume) = source.iter().chain(reserved).find(|resource| resource.is_persistent_volume()) {
        return Err(format!("A persistent volume {volume} must already be reserved"));
    }
    for resource in reserved {
        check_dynamic(resource)?;
        check_capabilities(resource, scene, "cannot be reserved", "Resource")?;
        let reservation = resource.reservation().expect("it is dynamic");
        match (scene.principal, &reservation.principal) {
            (Some(principal), None) => {
                return Err(format!(
                    "A reserve operation was attempted by principal '{principal}', but there is a reserved resource in the \
                     request with no principal set"
                ));
            }
            (Some(principal), Some(named)) if principal != named => {
                return Err(format!(
                    "A reserve operation was attempted by authenticated principal '{principal}', which does not match a \
                     reserved resource in the request with principal '{named}'"
                ));
            }
            _ => {}
        }
        check_reserved_role(resource, &reservation.role, scene)?;
    }
    check_single_role(reserved, scene, "reservation resources")
}

/// Resources that are reserved otherwise: identical but for that. Frameworks may only push.
fn check_source(source: &Resources, target: &Resources, scene: &Scene<'_>) -> Checked {
    if scene.framework.is_some() {
        return Err("Reservation updates ('source') are not supported for frameworks".into());
    }
    let are_mixed = |resources: &Resources| {
        let first = resources.iter().next().map(Resource::reservations);
        resources.iter().any(|resource| Some(resource.reservations()) != first)
    };
    for (name, resources) in [("source", source), ("resources", target)] {
        if are_mixed(resources) {
            return Err(format!("Invalid {name}: Mixed reservations are not supported{resources}"));
        }
    }
    let fixed = |resources: &Resources| {
        let first = resources.iter().next().and_then(|resource| resource.reservations().first().cloned());
        first.filter(|reservation| reservation.kind == ReservationKind::Static)
    };
    if fixed(source) != fixed(target) {
        return Err(format!("What --resources of the agent reserve cannot be reserved otherwise: {source}"));
    }
    if source.flatten() != target.flatten() {
        return Err(format!(
            "Source and target resources should refer to identical resource quantities: {} vs. {}",
            source.flatten(),
            target.flatten()
        ));
    }
    Ok(())
}

/// Frameworks reserve what they were offered, for the role it was offered to; operators what nobody has.
fn check_reserved_role(resource: &Resource, reserved: &Role, scene: &Scene<'_>) -> Checked {
    let Some(framework) = scene.framework else {
        return match resource.allocation() {
            None => Ok(()),
            Some(_) => Err("A reserve operation was attempted with an allocated resource, but the operator API only allows \
                            reservations to be made to unallocated resources"
                .into()),
        };
    };
    let Some(allocated) = resource.allocation() else {
        return Err(format!(
            "A reserve operation was attempted on unallocated resource {resource}, but frameworks can only perform \
             reservations on allocated resources"
        ));
    };
    if allocated != reserved {
        return Err(format!(
            "A reserve operation was attempted for a resource with role '{reserved}', but the resource was allocated to \
             role '{allocated}'"
        ));
    }
    if !framework.roles.contains(allocated) {
        let roles: Vec<&str> = framework.roles.iter().map(Role::as_str).collect();
        return Err(format!(
            "A reserve operation was attempted for a resource allocated to role '{allocated}', but the framework only has \
             roles '{{ {} }}'",
            roles.join(", ")
        ));
    }
    Ok(())
}

fn check_unreserve(reserved: &Resources) -> Checked {
    check_resources(reserved)?;
    for resource in reserved {
        check_dynamic(resource)?;
        if resource.is_persistent_volume() {
            return Err(format!(
                "A dynamically reserved persistent volume {resource} cannot be unreserved directly. Please destroy the \
                 persistent volume first then unreserve the resource"
            ));
        }
    }
    Ok(())
}

fn check_create(volumes: &Resources, scene: &Scene<'_>) -> Checked {
    check_resources(volumes)?;
    check_volumes(volumes)?;
    resources::check_unique_persistence(&(scene.agent.total.checkpointed() + &volumes.unallocated()))?;
    for volume in volumes {
        if let Some(framework) = scene.framework
            && volume.is_shared()
            && !framework.capabilities.shared_resources
        {
            return Err(format!(
                "Create volume operation for '{volume}' has been attempted by framework '{}' with no SHARED_RESOURCES \
                 capability",
                framework.id
            ));
        }
        check_capabilities(volume, scene, "cannot be created", "Volume")?;
        let persistence = volume.disk().and_then(|disk| disk.persistence.as_ref());
        match (scene.principal, persistence.and_then(|persistence| persistence.principal.as_deref())) {
            (Some(principal), None) => {
                return Err(format!(
                    "Create volume operation attempted by principal '{principal}', but there is a volume in the operation \
                     with no principal set in 'disk.persistence'"
                ));
            }
            (Some(principal), Some(named)) if principal != named => {
                return Err(format!(
                    "Create volume operation attempted by authenticated principal '{principal}', which does not match a \
                     volume in the operation with principal '{named}' set in 'disk.persistence'"
                ));
            }
            _ => {}
        }
    }
    check_single_role(volumes, scene, "volume resources")
}

fn check_destroy(volumes: &Resources, scene: &Scene<'_>) -> Checked {
    let volumes = volumes.unallocated();
    check_resources(&volumes)?;
    check_volumes(&volumes)?;
    let one = |volume: &Resource| volume.clone().with_copies(1);
    if volumes.iter().any(|volume| !scene.agent.total.contains_entry(&one(volume))) {
        return Err("Persistent volumes not found".into());
    }
    let used = scene.agent.used.unallocated();
    if volumes.iter().any(|volume| used.contains_entry(&one(volume))) {
        return Err("Persistent volumes in use".into());
    }
    Ok(())
}

fn check_grow(volume: &Resource, addition: &Resource, scene: &Scene<'_>) -> Checked {
    if amount(addition).is_zero() {
        return Err("The size of 'GrowVolume.addition' field must be greater than zero".into());
    }
    check_volume(volume)
        .map_err(|why| format!("Invalid persistent volume in the 'GrowVolume.volume' field: {why}"))?;
    if volume.is_shared() {
        return Err("Growing a shared persistent volume is not supported".into());
    }
    // What the volume is made of, and what is added, must melt into one.
    let melted: Resources = [volume.space(), addition.clone()].into_iter().collect();
    if melted.iter().count() != 1 {
        return Err(
            "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields".into()
        );
    }
    check_resizes(volume, scene, "cannot be grown")
}

fn check_shrink(volume: &Resource, subtract: Scalar, scene: &Scene<'_>) -> Checked {
    if subtract.is_zero() {
        return Err("Value of 'ShrinkVolume.subtract' must be greater than zero".into());
    }
    if amount(volume) <= subtract {
        return Err(
            "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'".into(),
        );
    }
    let source = volume.disk().and_then(|disk| disk.source.as_ref());
    if source.is_some_and(|source| matches!(source.kind, DiskKind::Mount { .. })) {
        return Err("Shrinking a volume on a MOUNT disk is not supported".into());
    }
    check_volume(volume)
        .map_err(|why| format!("Invalid persistent volume in the 'ShrinkVolume.volume' field: {why}"))?;
    if volume.is_shared() {
        return Err("Shrinking a shared persistent volume is not supported".into());
    }
    check_resizes(volume, scene, "cannot be shrunk")
}

fn amount(resource: &Resource) -> Scalar {
    match resource.value() {
        Value::Scalar(amount) => *amount,
        Value::Ranges(_) | Value::Set(_) => Scalar::ZERO,
    }
}

fn check_resources(given: &Resources) -> Checked {
    if given.is_empty() {
        return Err("Operation contains no resources".into());
    }
    resources::check(given).map_err(|why| format!("Invalid resources: {why}"))
}

fn check_dynamic(resource: &Resource) -> Checked {
    match resource.reservation() {
        Some(last) if last.kind == ReservationKind::Dynamic => Ok(()),
        Some(_) | None => Err(format!("Resource {resource} is not dynamically reserved")),
    }
}

fn check_volumes(volumes: &Resources) -> Checked {
    volumes.iter().try_for_each(check_volume).map_err(|why| format!("Not a persistent volume: {why}"))
}

fn check_volume(volume: &Resource) -> Checked {
    let Some(disk) = volume.disk() else {
        return Err(format!("Resource {volume} does not have DiskInfo"));
    };
    if disk.persistence.is_none() {
        return Err("'persistence' is not set in DiskInfo".into());
    }
    match &disk.volume {
        None => Err("Expecting 'volume' to be set for persistent volume".into()),
        Some(volume) if volume.mode() == Mode::Ro => Err("Read-only persistent volume not supported".into()),
        Some(_) => Ok(()),
    }
}

fn check_capabilities(resource: &Resource, scene: &Scene<'_>, cannot: &str, what: &str) -> Checked {
    let capabilities = &scene.agent.capabilities;
    let role = resource.reservation().map_or("", |reservation| reservation.role.as_str());
    if !capabilities.hierarchical_role && role.contains('/') {
        return Err(format!(
            "{what} {resource} with reservation for hierarchical role '{role}' {cannot} on an agent without \
             HIERARCHICAL_ROLE capability"
        ));
    }
    if !capabilities.reservation_refinement && resource.has_refined_reservation() {
        return Err(format!(
            "{what} {resource} with reservation refinement {cannot} on an agent without RESERVATION_REFINEMENT capability"
        ));
    }
    Ok(())
}

fn check_resizes(volume: &Resource, scene: &Scene<'_>, cannot: &str) -> Checked {
    if scene.agent.capabilities.resize_volume {
        return Ok(());
    }
    Err(format!("Volume {volume} {cannot} on an agent without RESIZE_VOLUME capability"))
}

fn check_single_role(resources: &Resources, scene: &Scene<'_>, what: &str) -> Checked {
    if scene.framework.is_none() {
        return Ok(());
    }
    let roles: Vec<String> =
        resources.iter().filter_map(|it| it.allocation()).map(ToString::to_string).collect();
    super::resources::check_single_role(&roles).map_err(|why| format!("Invalid {what}: {why}"))
}
