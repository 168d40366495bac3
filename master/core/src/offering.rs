//! From what the allocator decides to offers, and the ways an offer ends without being accepted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tepui_model::{Format, OfferId, Resources};
use tepui_proto::v1::{self, resource::AllocationInfo};

use crate::agents::Agent;
use crate::changed::Changed;
use crate::cx::Cx;
use crate::effect::Effect;
use crate::events;
use crate::fact::Fact;
use crate::frameworks::{Framework, Phase};
use crate::master::Master;
use crate::names::{AgentHandle, Alarm, FrameworkHandle, OfferHandle, Timer};
use crate::offers::Offer;
use tepui_allocator::{Allocation, Call, Held};

impl Master {
    /// Makes offers of allocations, one event for each framework. What became stale on its way is returned at once.
    pub(crate) fn allocated(&mut self, cx: &mut Cx, allocations: Vec<Allocation>) {
        let mut by_framework: BTreeMap<FrameworkHandle, Vec<v1::Offer>> = BTreeMap::new();
        for allocation in allocations {
            if self.is_fresh(&allocation) {
                let framework = allocation.framework;
                let offer = self.make_offer(cx, allocation);
                by_framework.entry(framework).or_default().push(offer);
            } else {
                give_back_stale(cx, allocation);
            }
        }
        for (framework, offers) in by_framework {
            if let Some(peer) = self.frameworks.registered[framework].peer() {
                cx.event(peer, events::offers(offers));
            }
        }
    }

    /// Whether an allocation can still be offered: framework and agent are there, and so are the resources.
    fn is_fresh(&self, allocation: &Allocation) -> bool {
        let wanted = self.frameworks.registered.get(allocation.framework);
        let there = self.agents.registered.get(allocation.agent);
        let Some((wanted, there)) = wanted.zip(there) else { return false };
        // A driver may have aborted since, and would never answer.
        let is_active = matches!(wanted.phase, Phase::Active(_));
        let is_wanted = is_active && wanted.roles.contains(&allocation.role);
        // An agent that came back with less may have been allocated as it was.
        let mut taken = &there.used + &there.offered;
        taken += &allocation.resources;
        let fits = there.total.contains(&taken.non_shared().unallocated());
        // Shared volumes are not taken, but may have been destroyed meanwhile.
        let shared = allocation.resources.shared().unallocated();
        let there_are = shared.iter().all(|it| there.total.contains_entry(&it.clone().with_copies(1)));
        let is_offered = there.is_active() && !self.agents.deactivated.contains(&there.id);
        is_wanted && is_offered && fits && there_are
    }

    /// Adds the offer and returns what the framework is sent.
    fn make_offer(&mut self, cx: &mut Cx, allocation: Allocation) -> v1::Offer {
        let (framework_handle, agent_handle) = (allocation.framework, allocation.agent);
        let id = self.new_offer_id();
        let handle = self.offers.outstanding.next_handle();
        let timeout = self.config.offer_timeout.map(|after| self.arm(cx, Alarm::OfferTimeout(handle), after));

        let unavailability = self.unavailability_of(&self.agents.registered[agent_handle]);
        let framework = &mut self.frameworks.registered[framework_handle];
        let agent = &mut self.agents.registered[agent_handle];
        let mut message = offer_message(&id, framework, agent_handle, agent, &allocation);
        message.url = agent_url(agent, self.config.https_agents).map(Box::new);
        message.unavailability = unavailability;
        let sent = sent_message(&message, framework, &allocation.resources);
        let offer = Offer {
            id: id.clone(),
            framework: framework_handle,
            agent: agent_handle,
            role: allocation.role,
            resources: allocation.resources,
            message: Arc::new(message),
            timeout,
        };
        framework.offered += &offer.resources;
        framework.offers.insert(handle);
        agent.offered += &offer.resources;
        agent.offers.insert(handle);
        self.changes.push(Changed::Offer(offer.view(framework, agent).into()));
        self.changes.frameworks.insert(framework_handle);
        self.changes.agents.insert(agent_handle);
        self.offers.outstanding.insert(offer);
        self.offers.by_id.insert(id, handle);
        sent
    }

    /// Where the agent can be asked.
    pub(crate) fn url_of(&self, agent: &Agent) -> Option<v1::Url> {
        agent_url(agent, self.config.https_agents)
    }

    pub(crate) fn new_offer_id(&mut self) -> OfferId {
        let number = self.offers.next_id;
        self.offers.next_id += 1;
        OfferId::parse(format!("{}-O{number}", self.info.id)).expect("the master's id is valid")
    }

    /// Takes an offer off the books, without telling anybody; the caller decides about its resources.
    pub(crate) fn remove_offer(&mut self, cx: &mut Cx, handle: OfferHandle) -> Offer {
        let offer = self.offers.outstanding.remove(handle).expect("the caller found it");
        self.offers.by_id.remove(&offer.id);
        if let Some(timer) = offer.timeout {
            cx.push(Effect::Disarm(timer));
        }
        let framework = &mut self.frameworks.registered[offer.framework];
        framework.offers.remove(&handle);
        framework.offered -= &offer.resources;
        let agent = &mut self.agents.registered[offer.agent];
        agent.offers.remove(&handle);
        agent.offered -= &offer.resources;
        self.changes.push(Changed::OfferGone(offer.id.clone()));
        self.changes.frameworks.insert(offer.framework);
        self.changes.agents.insert(offer.agent);
        offer
    }

    /// Takes an offer back from a framework that will not miss it, and returns its resources, refused for a while or not.
    pub(crate) fn discard_offer(&mut self, cx: &mut Cx, handle: OfferHandle, refused: Option<Duration>) {
        let offer = self.remove_offer(cx, handle);
        self.return_offered(cx, offer.framework, offer.agent, offer.resources, refused);
    }

    pub(crate) fn discard_offers_of(&mut self, cx: &mut Cx, framework: FrameworkHandle) {
        for offer in self.frameworks.registered[framework].offers.clone() {
            self.discard_offer(cx, offer, None);
        }
    }

    /// Takes an offer back and tells the framework.
    pub(crate) fn rescind_offer(&mut self, cx: &mut Cx, handle: OfferHandle) {
        let offer = &self.offers.outstanding[handle];
        if let Some(peer) = self.frameworks.registered[offer.framework].peer() {
            cx.event(peer, events::rescind(&offer.id));
        }
        self.discard_offer(cx, handle, None);
    }

    pub(crate) fn rescind_offers_on(&mut self, cx: &mut Cx, agent: AgentHandle) {
        for offer in self.agents.registered[agent].offers.clone() {
            self.rescind_offer(cx, offer);
        }
    }

    pub(crate) fn offer_timeout_due(&mut self, cx: &mut Cx, handle: OfferHandle, timer: Timer) {
        if self.offers.outstanding.get(handle).is_some_and(|offer| offer.timeout == Some(timer)) {
            self.rescind_offer(cx, handle);
        }
    }

    pub(crate) fn return_offered(
        &mut self,
        cx: &mut Cx,
        framework: FrameworkHandle,
        agent: AgentHandle,
        resources: Resources,
        refused: Option<Duration>,
    ) {
        cx.push(Effect::Allocator(Call::Recover {
            agent,
            framework,
            resources,
            held: Held::Offered,
            refused,
        }));
    }
}

fn give_back_stale(cx: &mut Cx, allocation: Allocation) {
    cx.log(
        Fact::debug("stale allocation returned")
            .with("framework", allocation.framework)
            .with("agent", allocation.agent)
            .with("resources", &allocation.resources),
    );
    cx.push(Effect::Allocator(Call::Recover {
        agent: allocation.agent,
        framework: allocation.framework,
        resources: allocation.resources,
        held: Held::Offered,
        refused: None,
    }));
}

fn offer_message(
    id: &OfferId,
    framework: &Framework,
    agent_handle: AgentHandle,
    agent: &Agent,
    allocation: &Allocation,
) -> v1::Offer {
    let executors = framework.executors.keys().filter(|(on, _)| *on == agent_handle);
    v1::Offer {
        id: id.to_wire(),
        framework_id: framework.id.to_wire(),
        agent_id: agent.id.to_wire(),
        hostname: agent.info.hostname.clone(),
        url: None,
        domain: agent.info.domain.clone(),
        resources: allocation.resources.to_wire(),
        attributes: agent.info.attributes.clone(),
        executor_ids: executors.map(|(_, executor)| executor.to_wire()).collect(),
        unavailability: None,
        allocation_info: Some(AllocationInfo { role: Some(allocation.role.to_string()) }),
    }
}

/// Where the agent can be asked: `http://ADDRESS/slave(1)`, taken from its actor's address.
fn agent_url(agent: &Agent, https: bool) -> Option<v1::Url> {
    let (name, address) = agent.pid.as_str().split_once('@')?;
    let (ip, port) = address.rsplit_once(':')?;
    Some(v1::Url {
        scheme: if https { "https" } else { "http" }.into(),
        address: v1::Address {
            hostname: Some(agent.info.hostname.clone()),
            ip: Some(ip.trim_start_matches('[').trim_end_matches(']').into()),
            port: port.parse().ok()?,
        },
        path: Some(format!("/{name}")),
        query: Vec::new(),
        fragment: None,
    })
}

/// The offer in the words of this framework: without roles if it knows of one only, in the old resource format if it does
/// not know the new one, and never with what agents keep for themselves.
fn sent_message(message: &v1::Offer, framework: &Framework, resources: &Resources) -> v1::Offer {
    let mut resources = resources.filter(|resource| resource.name().as_str() != "ephemeral_ports");
    let mut sent = message.clone();
    if !framework.capabilities.multi_role {
        resources.unallocate();
        sent.allocation_info = None;
    }
    sent.resources = if framework.capabilities.reservation_refinement {
        resources.to_wire()
    } else {
        // The allocator keeps refined reservations from such frameworks; one that slipped through cannot be told.
        let tellable = resources.filter(|resource| !resource.has_refined_reservation());
        tellable.to_wire_as(Format::PreRefinement).unwrap_or_default()
    };
    sent
}
