//! Explanations with the names of agents: why a framework gets no offer of each of them. The numbers add up to all agents,
//! also those of which the allocator does not know because they are not registered now.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use tepui_allocator::{Explanation, FrameworkHandle, Reason};
use tepui_master_core::{AgentStanding, AgentView, FrameworkStanding, FrameworkView};
use tepui_model::{FrameworkId, ResourceQuantities, Role};

use super::cluster::Cluster;

/// A framework by its id, the beginning of it, or its name; in one role, or all of its own.
#[derive(Debug, Clone)]
pub(crate) struct FrameworkQuery {
    pub(crate) name: String,
    pub(crate) role: Option<Role>,
}

/// The framework that was meant, and the roles to look at.
#[derive(Debug, Clone)]
pub(crate) struct FoundFramework {
    pub(crate) handle: FrameworkHandle,
    pub(crate) id: FrameworkId,
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
}

/// What the allocator said.
#[derive(Debug, Clone)]
pub(crate) struct Explained {
    pub(crate) found: FoundFramework,
    pub(crate) wanted: ResourceQuantities,
    pub(crate) explanations: Vec<Explanation>,
}

/// Which framework is meant: the one of the id, else the one whose id begins so, else the one of the name.
pub(super) fn find(query: &FrameworkQuery, cluster: &Cluster) -> Result<FoundFramework, (u16, String)> {
    let name = query.name.as_str();
    let all: Vec<&FrameworkView> = cluster.frameworks().collect();
    let live = || all.iter().copied().filter(|view| view.standing != FrameworkStanding::Completed);
    let by_id: Vec<_> = live().filter(|view| view.id.as_str() == name).collect();
    let by_prefix: Vec<_> = live().filter(|view| view.id.as_str().starts_with(name)).collect();
    let by_name: Vec<_> = live().filter(|view| view.info.name == name).collect();
    let candidates = [by_id, by_prefix, by_name].into_iter().find(|found| !found.is_empty());
    let view = match candidates.as_deref() {
        Some([view]) => *view,
        Some(several) => {
            let ids: Vec<&str> = several.iter().take(5).map(|view| view.id.as_str()).collect();
            let why = format!(
                "{} frameworks are meant by '{name}', among them {}; give more of the id",
                several.len(),
                ids.join(", ")
            );
            return Err((400, why));
        }
        None if all.iter().any(|view| view.id.as_str() == name || view.info.name == name) => {
            return Err((404, format!("Framework '{name}' has ended")));
        }
        None => return Err((404, format!("No framework has the id or name '{name}'; see /frameworks"))),
    };
    let subscribed = super::roles::of_framework(view).into_iter().filter_map(|role| Role::parse(role).ok());
    let roles = query.role.clone().map_or_else(|| subscribed.collect(), |role| vec![role]);
    Ok(FoundFramework { handle: view.handle, id: view.id.clone(), name: view.info.name.clone(), roles })
}

pub(super) fn write(explained: &Explained, cluster: &Cluster) -> Vec<u8> {
    let Explained { found, wanted, explanations } = explained;
    let answer = Written {
        framework: Named { id: found.id.as_str(), name: &found.name },
        wanted: wanted.iter().map(|(name, amount)| (name.as_str(), amount.as_f64())).collect(),
        agents: cluster.agents().count(),
        roles: explanations.iter().map(|explanation| of_role(explanation, cluster)).collect(),
    };
    serde_json::to_vec(&answer).expect("these types have no keys that are not text")
}

/// The answer as it is written.
#[derive(Serialize)]
struct Written<'a> {
    framework: Named<'a>,
    wanted: BTreeMap<&'a str, f64>,
    agents: usize,
    roles: Vec<OfRole<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct OfRole<'a> {
    role: &'a str,
    reasons: Vec<Counted<'a>>,
    agents: Vec<OfAgent<'a>>,
}

#[derive(Serialize)]
struct Counted<'a> {
    #[serde(flatten)]
    why: Told<'a>,
    agents: usize,
}

#[derive(Serialize)]
struct OfAgent<'a> {
    id: &'a str,
    hostname: &'a str,
    why: Told<'a>,
}

fn of_role<'a>(explanation: &'a Explanation, cluster: &'a Cluster) -> OfRole<'a> {
    let mut counted: BTreeMap<(&str, &str), Counted<'_>> = BTreeMap::new();
    let mut agents = Vec::new();
    for view in cluster.agents() {
        let why = Told::of(view, explanation);
        let hostname = view.info.as_deref().map_or("", |info| info.hostname.as_str());
        agents.push(OfAgent { id: view.id.as_str(), hostname, why });
        let all = counted.entry(why.key()).or_insert(Counted { why, agents: 0 });
        // Of refusals the longest stands for all.
        all.why = why.max(all.why);
        all.agents += 1;
    }
    let mut reasons: Vec<Counted<'_>> = counted.into_values().collect();
    reasons.sort_by(|left, right| right.agents.cmp(&left.agents).then(left.why.cmp(&right.why)));
    OfRole { role: explanation.role.as_str(), reasons, agents }
}

/// Why one agent is not offered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told<'a> {
    ByTheAllocator(&'a Reason),
    /// It registered after the allocator was asked.
    New,
    /// It is in the registry, and has not come back since the master's start.
    Recovered,
    Unreachable,
}

impl<'a> Told<'a> {
    fn of(view: &AgentView, explanation: &'a Explanation) -> Told<'a> {
        let known = view.handle.and_then(|handle| explanation.agents.get(&handle));
        match (view.standing, known) {
            (AgentStanding::Recovered, _) => Told::Recovered,
            (AgentStanding::Unreachable { .. }, _) => Told::Unreachable,
            (AgentStanding::Active | AgentStanding::Disconnected, Some(reason)) => {
                Told::ByTheAllocator(reason)
            }
            (AgentStanding::Active | AgentStanding::Disconnected, None) => Told::New,
        }
    }

    /// What counts as the same reason.
    fn key(&self) -> (&'a str, &'a str) {
        match self {
            Told::ByTheAllocator(reason) => {
                (reason.name(), reason.resource().map_or("", |name| name.as_str()))
            }
            Told::New => ("NEW", ""),
            Told::Recovered => ("RECOVERED", ""),
            Told::Unreachable => ("UNREACHABLE", ""),
        }
    }

    fn message(&self) -> String {
        match self {
            Told::ByTheAllocator(reason) => reason.to_string(),
            Told::New => "registered just now".into(),
            Told::Recovered => "not back since the master's start".into(),
            Told::Unreachable => "unreachable".into(),
        }
    }
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let (reason, resource) = self.key();
        map.serialize_entry("reason", reason)?;
        if !resource.is_empty() {
            map.serialize_entry("resource", resource)?;
        }
        if let Told::ByTheAllocator(Reason::Refused(left)) = self {
            map.serialize_entry("seconds_left", &left.as_secs_f64())?;
        }
        map.serialize_entry("message", &self.message())?;
        map.end()
    }
}
