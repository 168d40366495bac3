//! Whether the offers that an ACCEPT names may be used together: outstanding, its framework's, of one agent and one role.

use std::collections::BTreeSet;

use tepui_proto::v1::OfferId;

use crate::master::Master;
use crate::names::{FrameworkHandle, OfferHandle};

/// The offers, at least one; or why none of them can be used.
pub fn check(master: &Master, from: FrameworkHandle, ids: &[OfferId]) -> Result<Vec<OfferHandle>, String> {
    if ids.is_empty() {
        return Err("No offers specified".into());
    }
    let mut seen = BTreeSet::new();
    if let Some(repeated) = ids.iter().find(|id| !seen.insert(&id.value)) {
        return Err(format!("Duplicate offer {} in offer list", repeated.value));
    }
    let find =
        |id: &OfferId| master.offers.find(id).ok_or_else(|| format!("Offer {} is no longer valid", id.value));
    let offers = ids.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    for handle in &offers {
        check_owner(master, from, *handle)?;
    }
    for handle in &offers[1..] {
        check_fits(master, offers[0], *handle)?;
    }
    Ok(offers)
}

fn check_owner(master: &Master, from: FrameworkHandle, handle: OfferHandle) -> Result<(), String> {
    let offer = &master.offers.outstanding[handle];
    if offer.framework == from {
        return Ok(());
    }
    let frameworks = &master.frameworks.registered;
    Err(format!(
        "Offer {} has invalid framework {} while framework {} is expected",
        offer.id, frameworks[offer.framework].id, frameworks[from].id
    ))
}

fn check_fits(master: &Master, first: OfferHandle, handle: OfferHandle) -> Result<(), String> {
    let (first, offer) = (&master.offers.outstanding[first], &master.offers.outstanding[handle]);
    if offer.role != first.role {
        return Err(format!(
            "Aggregated offers must be allocated to the same role. Offer {} uses role '{}' but another is using role '{}'",
            offer.id, offer.role, first.role
        ));
    }
    if offer.agent != first.agent {
        let agents = &master.agents.registered;
        return Err(format!(
            "Aggregated offers must belong to one single agent. Offer {} uses agent {} and agent {}",
            offer.id, agents[offer.agent].id, agents[first.agent].id
        ));
    }
    Ok(())
}
