//! Any history of a small cluster: what may happen to it, drawn at random, and what a master knows of it meanwhile.

use std::time::Duration;

use proptest::prelude::*;
use tepui_model::{
    AgentCapabilities, Attributes, Conversion, DiskInfo, DiskKind, DiskSource, FrameworkCapabilities,
    Metadata, OfferConstraints, Persistence, Quota, Reservation, Resource, ResourceQuantities, Resources,
    Role, Scalar, Value,
};

use crate::testing::*;
use crate::{AgentDescription, Allocation, Call, FrameworkDescription, Held, Settings};

/// One thing that may happen; numbers pick among what is there.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    AddAgent(u32, usize),
    UpdateAgent(u32, usize),
    ActivateAgent(u32),
    DeactivateAgent(u32),
    RemoveAgent(u32),
    AddFramework(u32, &'static str, usize),
    UpdateFramework(u32, &'static str, usize),
    ActivateFramework(u32),
    DeactivateFramework(u32),
    RemoveFramework(u32),
    Launch(usize),
    Reserve(usize),
    Unreserve(usize),
    Decline(usize, u64),
    Finish(usize),
    Suppress(u32, &'static str),
    Revive(u32, &'static str),
    Weigh(&'static str, u32),
    SetQuota(&'static str, usize),
    Whitelist(Option<u32>),
    Run,
    Batch,
}

/// How many kinds of agents, frameworks and quotas there are.
const AGENTS: usize = 9;
const FRAMEWORKS: usize = 5;
const QUOTAS: usize = 6;

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let agent = || 0_u32..5;
    let framework = || 0_u32..5;
    let in_roles = || prop_oneof![Just("a"), Just("a/b"), Just("a a/b c"), Just("* c"), Just("c a/b/d")];
    let top = || prop_oneof![Just("a"), Just("c"), Just("*")];
    prop_oneof![
        4 => (agent(), 0..AGENTS).prop_map(|(slot, kind)| Event::AddAgent(slot, kind)),
        1 => (agent(), 0..AGENTS).prop_map(|(slot, kind)| Event::UpdateAgent(slot, kind)),
        1 => agent().prop_map(Event::ActivateAgent),
        1 => agent().prop_map(Event::DeactivateAgent),
        1 => agent().prop_map(Event::RemoveAgent),
        4 => (framework(), in_roles(), 0..FRAMEWORKS).prop_map(|(slot, roles, kind)| Event::AddFramework(slot, roles, kind)),
        1 => (framework(), in_roles(), 0..FRAMEWORKS).prop_map(|(slot, roles, kind)| Event::UpdateFramework(slot, roles, kind)),
        1 => framework().prop_map(Event::ActivateFramework),
        1 => framework().prop_map(Event::DeactivateFramework),
        1 => framework().prop_map(Event::RemoveFramework),
        4 => any::<usize>().prop_map(Event::Launch),
        1 => any::<usize>().prop_map(Event::Reserve),
        1 => any::<usize>().prop_map(Event::Unreserve),
        4 => (any::<usize>(), 0_u64..4).prop_map(|(at, secs)| Event::Decline(at, secs)),
        3 => any::<usize>().prop_map(Event::Finish),
        1 => (framework(), in_roles()).prop_map(|(slot, roles)| Event::Suppress(slot, roles)),
        1 => (framework(), in_roles()).prop_map(|(slot, roles)| Event::Revive(slot, roles)),
        1 => (in_roles(), 1_u32..5).prop_map(|(roles, weight)| Event::Weigh(roles, weight)),
        2 => (top(), 0..QUOTAS).prop_map(|(role, kind)| Event::SetQuota(role, kind)),
        1 => proptest::option::of(agent()).prop_map(Event::Whitelist),
        3 => Just(Event::Run),
        5 => Just(Event::Batch),
    ]
}

/// The same agent is on the same host, whatever it has.
fn agent_like(slot: u32, kind: usize) -> AgentDescription {
    let hostname = format!("host-{slot}");
    let disk = |disk: DiskInfo, shared: bool, reservations: Vec<Reservation>| {
        let metadata = Metadata { disk: Some(disk), shared, reservations, ..Metadata::default() };
        Resource::new("disk", Value::Scalar(Scalar::from_units(60))).with_metadata(metadata)
    };
    let (text, more) = match kind {
        0 => ("cpus:4; mem:512", None),
        1 => ("cpus:2; mem:64; cpus(a):1; ports:[1-9]", None),
        2 => ("cpus:0.5; mem(a/b):100", None),
        3 => ("cpus:1; gpus:1; mem:64", None),
        4 => {
            let metadata = Metadata { revocable: true, ..Metadata::default() };
            let spare = Resource::new("cpus", Value::Scalar(Scalar::from_units(2))).with_metadata(metadata);
            ("cpus:1; mem:32", Some(spare))
        }
        5 => {
            let persistence = Some(Persistence { id: "v".to_owned(), principal: None });
            let volume = DiskInfo { source: None, persistence, volume: None };
            ("cpus:2", Some(disk(volume, true, vec![Reservation::fixed(role("a"))])))
        }
        6 => {
            let kind = DiskKind::Mount { root: None };
            let source = Some(DiskSource { kind, vendor: None, id: None, metadata: None, profile: None });
            let mount = DiskInfo { source, persistence: None, volume: None };
            ("cpus:1; disk:50", Some(disk(mount, false, vec![])))
        }
        7 => ("cpus:3; mem:33", None),
        _ => ("cpus:1; mem:1024; license:3", None),
    };
    let mut total = resources(text);
    if let Some(more) = more {
        total += more;
    }
    let capabilities = if kind == 7 { AgentCapabilities::default() } else { AgentCapabilities::ALL };
    let region = (kind == 8).then(|| "far".to_owned());
    let attributes = if kind < 2 { Attributes::parse("rack:r1").unwrap() } else { Attributes::new() };
    AgentDescription { hostname, total, capabilities, region, attributes, ..has("") }
}

fn framework_like(slot: u32, in_roles: &str, kind: usize) -> FrameworkDescription {
    let capabilities = FrameworkCapabilities {
        multi_role: kind != 0,
        gpu_resources: kind == 1,
        shared_resources: kind >= 2,
        revocable_resources: kind == 3,
        reservation_refinement: kind != 4,
        region_aware: kind == 2,
        ..FrameworkCapabilities::default()
    };
    let quantities = |text| ResourceQuantities::parse(text).unwrap();
    let min_allocatable = match kind {
        2 => [(role("a"), vec![])].into(),
        4 => {
            [(role("a"), vec![quantities("cpus:1;mem:64")]), (role("c"), vec![quantities("mem:100")])].into()
        }
        _ => [].into(),
    };
    let constraints = match kind {
        1 => OfferConstraints::equal(role("a"), "rack", "r1").into(),
        _ => Default::default(),
    };
    FrameworkDescription { capabilities, min_allocatable, constraints, ..wants(slot, in_roles) }
}

fn quota(kind: usize) -> Quota {
    let (guarantees, limits) = match kind {
        0 => ("", ""),
        1 => ("cpus:2", ""),
        2 => ("", "cpus:3"),
        3 => ("cpus:1;mem:100", "cpus:4;mem:300"),
        4 => ("cpus:6;mem:600;disk:70", "disk:100"),
        _ => ("", "cpus:1.5;mem:200;gpus:0"),
    };
    let limits = ResourceQuantities::parse(limits).unwrap();
    let mut quota = Quota {
        guarantees: ResourceQuantities::parse(guarantees).unwrap(),
        limits: limits.iter().map(|(name, limit)| (name.clone(), limit)).collect(),
    };
    if kind == 5 {
        quota.limits.set(&"gpus".into(), Scalar::ZERO);
    }
    quota
}

/// A cluster together with what a master knows: its offers and its tasks.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    offers: Vec<Allocation>,
    tasks: Vec<Allocation>,
    pub(crate) transcript: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(Settings::new(seed))
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self { cluster: Cluster::with(settings), offers: vec![], tasks: vec![], transcript: vec![] }
    }

    fn knows_agent(&self, slot: u32) -> bool {
        self.cluster.allocator.agents.contains(agent(slot))
    }

    fn knows_framework(&self, slot: u32) -> bool {
        self.cluster.allocator.frameworks.contains(framework(slot))
    }

    pub(crate) fn happens(&mut self, event: Event) {
        match event {
            Event::AddAgent(slot, kind) if !self.knows_agent(slot) => {
                self.cluster.add_agent_like(slot, agent_like(slot, kind));
            }
            Event::AddFramework(slot, roles, kind) if !self.knows_framework(slot) => {
                self.cluster.add_framework_like(slot, framework_like(slot, roles, kind));
            }
            Event::AddAgent(..) | Event::AddFramework(..) => {}
            Event::UpdateAgent(slot, kind) => {
                let description = agent_like(slot, kind);
                self.cluster.call(Call::UpdateAgent { agent: agent(slot), description });
            }
            Event::ActivateAgent(slot) => _ = self.cluster.call(Call::ActivateAgent(agent(slot))),
            Event::DeactivateAgent(slot) => _ = self.cluster.call(Call::DeactivateAgent(agent(slot))),
            Event::RemoveAgent(slot) => {
                self.cluster.call(Call::RemoveAgent(agent(slot)));
                self.forget(|allocation| allocation.agent == agent(slot));
            }
            Event::UpdateFramework(slot, roles, kind) => {
                let (framework, description) = (framework(slot), framework_like(slot, roles, kind));
                self.cluster.call(Call::UpdateFramework { framework, description });
            }
            Event::ActivateFramework(slot) => _ = self.cluster.call(Call::ActivateFramework(framework(slot))),
            Event::DeactivateFramework(slot) => {
                _ = self.cluster.call(Call::DeactivateFramework(framework(slot)))
            }
            Event::RemoveFramework(slot) => {
                self.cluster.call(Call::RemoveFramework(framework(slot)));
                self.forget(|allocation| allocation.framework == framework(slot));
            }
            Event::Launch(at) => self.launch(at),
            Event::Reserve(at) => self.reserve(at),
            Event::Unreserve(at) => self.unreserve(at),
            Event::Decline(at, secs) => {
                if let Some(offer) = pick(&mut self.offers, at) {
                    self.cluster.recover(&offer, Held::Offered, Some(Duration::from_secs(secs)));
                }
            }
            Event::Finish(at) => {
                if let Some(task) = pick(&mut self.tasks, at) {
                    self.cluster.recover(&task, Held::Used, None);
                }
            }
            Event::Suppress(slot, names) => {
                self.cluster.call(Call::Suppress { framework: framework(slot), roles: roles(names) });
            }
            Event::Revive(slot, names) => {
                self.cluster.call(Call::Revive { framework: framework(slot), roles: roles(names) });
            }
            Event::Weigh(names, weight) => {
                let weights = roles(names).into_iter().map(|role| (role, f64::from(weight))).collect();
                self.cluster.call(Call::UpdateWeights(weights));
            }
            Event::SetQuota(name, kind) => {
                self.cluster.call(Call::UpdateQuota { role: role(name), quota: quota(kind) });
            }
            Event::Whitelist(but) => {
                let hosts = |but: u32| {
                    (0..5).filter(|slot| *slot != but).map(|slot| format!("host-{slot}")).collect()
                };
                self.cluster.call(Call::SetWhitelist(but.map(hosts)));
            }
            Event::Run => self.offered(Cluster::run),
            Event::Batch => self.offered(Cluster::next_batch),
        }
    }

    fn offered(&mut self, run: fn(&mut Cluster) -> Vec<Allocation>) {
        let missing = self.missing_headroom();
        let offers = run(&mut self.cluster);
        self.check_limits(&offers);
        assert!(missing.contains(&self.missing_headroom()), "headroom was offered: {}", lines(&offers));
        self.transcript.push(lines(&offers));
        self.offers.extend(offers);
    }

    /// What guarantees need beyond what is free.
    fn missing_headroom(&self) -> ResourceQuantities {
        self.cluster.allocator.required_headroom() - &self.cluster.allocator.free
    }

    /// Whatever was offered just now is within the limits of its role.
    fn check_limits(&self, offers: &[Allocation]) {
        for offer in offers {
            let top = self.cluster.allocator.roles.find_top(&offer.role.top()).unwrap();
            let offered = offer.resources.unreserved().non_revocable().quantities();
            for (name, _) in offered.iter() {
                let limit = top.quota.limits.get(name);
                assert!(
                    limit.is_none_or(|limit| top.consumed.get(name) <= limit),
                    "{offer} exceeds {}",
                    top.quota
                );
            }
        }
    }

    /// A task uses half a cpu of an offer, or all of it; the rest comes back.
    fn launch(&mut self, at: usize) {
        let Some(offer) = pick(&mut self.offers, at) else { return };
        let half = resources("cpus:0.5").allocated_to(&offer.role);
        let used = if offer.resources.contains(&half) { half } else { offer.resources.clone() };
        let task = Allocation { resources: used.clone(), ..offer.clone() };
        self.cluster.call(Call::Launch {
            agent: task.agent,
            framework: task.framework,
            resources: used.clone(),
        });
        let rest = Allocation { resources: &offer.resources - &used, ..offer };
        self.cluster.recover(&rest, Held::Offered, None);
        self.tasks.push(task);
    }

    /// Half a cpu of an offer is kept for its role from now on.
    fn reserve(&mut self, at: usize) {
        let Some(offer) = pick(&mut self.offers, at) else { return };
        let half = resources("cpus:0.5").allocated_to(&offer.role);
        let reservation = Reservation::dynamic(offer.role.clone(), None);
        let converted = half.push_reservation(&reservation);
        let converted =
            converted.ok().filter(|_| offer.resources.contains(&half) && offer.role != Role::star());
        self.convert(offer, half, converted);
    }

    /// All that an offer has of its role's dynamic reservations is for everybody again.
    fn unreserve(&mut self, at: usize) {
        let Some(offer) = pick(&mut self.offers, at) else { return };
        let reserved = Reservation::dynamic(offer.role.clone(), None);
        let reserved = offer.resources.filter(|entry| entry.reservation() == Some(&reserved));
        let converted = reserved.pop_reservation().filter(|_| !reserved.is_empty());
        self.convert(offer, reserved, converted);
    }

    fn convert(&mut self, offer: Allocation, consumed: Resources, converted: Option<Resources>) {
        let mut offer = offer;
        if let Some(converted) = converted {
            let conversion = Conversion { consumed, converted };
            offer.resources = offer.resources.apply(&conversion).unwrap();
            let (agent, framework) = (offer.agent, offer.framework);
            self.cluster.call(Call::Convert { agent, framework, conversions: vec![conversion] });
        }
        self.offers.push(offer);
    }

    fn forget(&mut self, gone: impl Fn(&Allocation) -> bool) {
        self.offers.retain(|allocation| !gone(allocation));
        self.tasks.retain(|allocation| !gone(allocation));
    }

    /// Lets all be offered and no refusal lapse, until nothing happens any more.
    pub(crate) fn calm_down(&mut self) {
        for slot in 0..5 {
            // What is shared can be offered for ever.
            self.happens(Event::UpdateAgent(slot, slot as usize % 5));
        }
        for _ in 0..8 {
            self.happens(Event::Batch);
        }
    }

    /// The ledger says exactly what the master knows: nothing is handed out twice, nothing is lost.
    pub(crate) fn check_ledger(&self) {
        for (handle, page) in self.cluster.allocator.agents.iter() {
            let here = self.offers.iter().chain(&self.tasks).filter(|allocation| allocation.agent == handle);
            let known: Resources = here.map(|allocation| &allocation.resources).sum();
            let held: Resources = page.held().values().sum();
            assert_eq!(known, held, "on {handle}");
        }
    }
}

fn pick(from: &mut Vec<Allocation>, at: usize) -> Option<Allocation> {
    if from.is_empty() { None } else { Some(from.swap_remove(at % from.len())) }
}
