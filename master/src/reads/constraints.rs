//! `/allocator/offer_constraints_debug`: which agents the offer constraints of each framework exclude.
//!
//! Readers hand out the values; whoever asked looks at them, since every constraint has to be held against every agent.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tepui_master_core::{AgentView, FrameworkStanding, FrameworkView};
use tepui_model::{AgentTraits, Attributes, OfferConstraints, Role};

use super::cluster::Cluster;
use super::{legacy, roles};

/// Everything that it depends on.
pub(crate) struct Constrained {
    frameworks: Vec<Arc<FrameworkView>>,
    agents: Vec<Arc<AgentView>>,
}

#[derive(Serialize)]
struct Framework<'a> {
    suppressed_roles: &'a [String],
    excluded_by_attribute_constraints: BTreeMap<&'a str, Vec<&'a str>>,
}

impl Constrained {
    pub(super) fn of(cluster: &Cluster) -> Constrained {
        let has_ended = |view: &FrameworkView| view.standing == FrameworkStanding::Completed;
        Constrained {
            frameworks: cluster.shared_frameworks().filter(|view| !has_ended(view)).cloned().collect(),
            agents: cluster.shared_agents().filter(|view| legacy::is_registered(view)).cloned().collect(),
        }
    }

    /// The answer. Takes as long as there are constraints and agents: not for a thread that others wait for.
    pub(crate) fn write(&self) -> Vec<u8> {
        let attributes: Vec<Attributes> = self.agents.iter().map(|agent| attributes_of(agent)).collect();
        let all: BTreeMap<&str, Framework<'_>> = self
            .frameworks
            .iter()
            .map(|view| (view.id.as_str(), self.framework(view, &attributes)))
            .collect();
        serde_json::to_vec(&BTreeMap::from([("frameworks", all)]))
            .expect("these types have no keys that are not text")
    }

    fn framework<'a>(&'a self, view: &'a FrameworkView, attributes: &[Attributes]) -> Framework<'a> {
        // The core has read them before: what it takes can be read again.
        let given = view.offer_constraints.as_deref();
        let constraints = given.and_then(|given| OfferConstraints::from_wire(given).ok()).unwrap_or_default();
        let excluded = |name: &str| match Role::parse(name) {
            Ok(role) if !constraints.is_empty() => self.excluded(&constraints, &role, attributes),
            Ok(_) | Err(_) => Vec::new(),
        };
        Framework {
            suppressed_roles: &view.suppressed_roles,
            excluded_by_attribute_constraints: roles::of_framework(view)
                .into_iter()
                .map(|role| (role, excluded(role)))
                .collect(),
        }
    }

    fn excluded(&self, constraints: &OfferConstraints, role: &Role, attributes: &[Attributes]) -> Vec<&str> {
        let agents = self.agents.iter().zip(attributes);
        let excluded =
            agents.filter(|(agent, attributes)| constraints.exclude(role, traits(agent, attributes)));
        excluded.map(|(agent, _)| agent.id.as_str()).collect()
    }
}

/// The core has read them before.
fn attributes_of(agent: &AgentView) -> Attributes {
    let info = agent.info.as_deref();
    info.and_then(|info| Attributes::from_wire(&info.attributes).ok()).unwrap_or_default()
}

fn traits<'a>(agent: &'a AgentView, attributes: &'a Attributes) -> AgentTraits<'a> {
    let info = agent.info.as_deref();
    let domain = info.and_then(|info| info.domain.as_ref()?.fault_domain.as_ref());
    AgentTraits {
        hostname: info.map_or("", |info| &info.hostname),
        region: domain.map(|domain| domain.region.name.as_str()),
        zone: domain.map(|domain| domain.zone.name.as_str()),
        attributes,
    }
}
