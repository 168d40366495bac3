//! What a framework is offered of what is left on an agent, and why it is offered nothing.

use tepui_model::{FrameworkCapabilities, Resource, ResourceQuantities, Resources, Role, Time};

use super::Stage;
use crate::agent::Agent;
use crate::framework::Framework;
use crate::roles::{RoleId, Top, is_quota_counted};
use crate::{AgentHandle, Allocator, FrameworkHandle};

/// What is offered.
pub(crate) enum Offer {
    /// Whatever is available, which is the usual case.
    Everything,
    Part {
        resources: Resources,
        /// What of that was guaranteed.
        guaranteed: ResourceQuantities,
    },
}

/// What came of an agent that a framework had a turn on.
pub(crate) struct Cut {
    pub(crate) offer: Result<Offer, Why>,
    /// The limits of the role made it less.
    pub(crate) limited: bool,
    /// The headroom of others made it less.
    pub(crate) held_back: bool,
}

/// Why it was offered nothing: the first reason, in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The framework's constraints.
    Constraints,
    /// Less is available to the role than makes an offer.
    TooLittle,
    Gpus,
    Region,
    /// What the framework understands of it is less than makes an offer.
    NotUnderstood,
    /// Nothing of it would count towards the guarantee.
    NothingGuaranteed,
    /// Limits and headroom leave less than makes an offer.
    CutToNothing,
    AgentWithoutMultiRole,
    AgentWithoutHierarchicalRoles,
    RefusedUntil(Time),
}

/// Part of what the framework understands.
pub(crate) struct Portion {
    pub(crate) resources: Resources,
    pub(crate) guaranteed: ResourceQuantities,
    limited: bool,
    held_back: bool,
}

impl Allocator {
    /// Whether nothing on the agent can be for the role, by a look at flags only.
    pub(super) fn passes_over(&mut self, role: RoleId, agent: AgentHandle, stage: Stage) -> bool {
        let kinds = self.agents[agent].kinds;
        let top = self.roles.top_of_mut(role);
        match stage {
            Stage::Guarantees => top.unsatisfied.is_empty(),
            Stage::FairShare => {
                let is_spent = kinds.is_within(top.spent);
                top.pinched |= is_spent;
                is_spent
            }
        }
    }

    /// What the role may have of what is left on the agent, without the shared resources that the run has offered.
    pub(crate) fn available_to(
        &self,
        role: RoleId,
        agent: AgentHandle,
        offered: Option<&Resources>,
    ) -> Resources {
        let available = self.agents[agent].available().allocatable_to(&self.roles.member(role).role);
        match offered {
            Some(offered) => available - offered,
            None => available,
        }
    }

    pub(crate) fn offer_for(
        &self,
        framework: FrameworkHandle,
        role: RoleId,
        agent: AgentHandle,
        available: &Resources,
        surplus: Option<&ResourceQuantities>,
        stage: Stage,
    ) -> Cut {
        let (known, page) = (&self.frameworks[framework], &self.agents[agent]);
        let name = &self.roles.member(role).role;
        let nothing = |why| Cut { offer: Err(why), limited: false, held_back: false };
        if known.description.constraints.exclude(name, page.traits()) {
            return nothing(Why::Constraints);
        }
        if !self.is_allocatable(available, name, known) {
            return nothing(Why::TooLittle);
        }
        if let Err(why) = self.check_capable(known, page) {
            return nothing(why);
        }
        let top = self.roles.top_of(role);
        let capabilities = &known.description.capabilities;
        let portion = if understands_all(capabilities, available) {
            let is_everything = !page.is_special && !page.shrunk;
            if is_everything && stage == Stage::FairShare && !is_bounded(top, surplus) {
                let offer = self.check_wanted(framework, role, agent, available);
                return Cut { offer: offer.map(|()| Offer::Everything), limited: false, held_back: false };
            }
            portion(available, top, surplus, stage)
        } else {
            let understood = understood_by(capabilities, available);
            if !self.is_allocatable(&understood, name, known) {
                return nothing(Why::NotUnderstood);
            }
            portion(&understood, top, surplus, stage)
        };
        let Portion { resources, guaranteed, limited, held_back } = portion;
        let offer = if stage == Stage::Guarantees && guaranteed.is_empty() {
            Err(Why::NothingGuaranteed)
        } else if !self.is_allocatable(&resources, name, known) {
            Err(Why::CutToNothing)
        } else {
            let wanted = self.check_wanted(framework, role, agent, &resources);
            wanted.map(|()| Offer::Part { resources, guaranteed })
        };
        Cut { offer, limited, held_back }
    }

    /// Whether it is enough for an offer: it holds all of at least one of the sets that the framework, or else the
    /// operator, wants.
    fn is_allocatable(&self, resources: &Resources, role: &Role, framework: &Framework) -> bool {
        let sets = self.minima(framework, role);
        !resources.is_empty()
            && (sets.is_empty() || sets.iter().any(|set| resources.contains_quantities(set)))
    }

    /// The sets of which an offer must hold one; none means that any offer will do.
    pub(crate) fn minima<'a>(&'a self, framework: &'a Framework, role: &Role) -> &'a [ResourceQuantities] {
        framework.description.min_allocatable.get(role).unwrap_or(&self.settings.min_allocatable)
    }

    /// Whether the framework says it knows what is special about the agent.
    pub(crate) fn check_capable(&self, framework: &Framework, page: &Agent) -> Result<(), Why> {
        let capabilities = &framework.description.capabilities;
        if self.settings.filter_gpu_resources && !capabilities.gpu_resources && page.has_gpus {
            return Err(Why::Gpus);
        }
        let region = page.description.region.as_ref();
        let is_remote = region.is_some() && region != self.settings.region.as_ref();
        if is_remote && !capabilities.region_aware { Err(Why::Region) } else { Ok(()) }
    }

    /// Whether nothing is wrong with framework and agent together, and the framework did not refuse the offer.
    fn check_wanted(
        &self,
        framework: FrameworkHandle,
        role: RoleId,
        agent: AgentHandle,
        offer: &Resources,
    ) -> Result<(), Why> {
        let page = &self.agents[agent];
        check_fit(&self.frameworks[framework], &self.roles.member(role).role, page)?;
        let refusals = page.refusals.get(&(role, framework));
        match refusals.and_then(|refusals| refusals.cover(offer)) {
            Some(until) => Err(Why::RefusedUntil(until)),
            None => Ok(()),
        }
    }
}

/// Whether the agent does not understand the framework or its role.
pub(crate) fn check_fit(framework: &Framework, role: &Role, page: &Agent) -> Result<(), Why> {
    let agent = &page.description.capabilities;
    if framework.description.capabilities.multi_role && !agent.multi_role {
        return Err(Why::AgentWithoutMultiRole);
    }
    if role.is_nested() && !agent.hierarchical_role {
        return Err(Why::AgentWithoutHierarchicalRoles);
    }
    Ok(())
}

/// What the framework knows how to use.
pub(crate) fn understood_by(capabilities: &FrameworkCapabilities, resources: &Resources) -> Resources {
    resources.filter(|entry| is_understood(capabilities, entry))
}

fn understands_all(capabilities: &FrameworkCapabilities, resources: &Resources) -> bool {
    resources.iter().all(|entry| is_understood(capabilities, entry))
}

fn is_understood(capabilities: &FrameworkCapabilities, entry: &Resource) -> bool {
    (capabilities.shared_resources || !entry.is_shared())
        && (capabilities.revocable_resources || !entry.is_revocable())
        && (capabilities.reservation_refinement || !entry.has_refined_reservation())
}

/// Whether a role may not have everything.
fn is_bounded(top: &Top, surplus: Option<&ResourceQuantities>) -> bool {
    surplus.is_some() || !top.quota.limits.is_empty()
}

/// What a role gets of what its framework could have. Whatever quota does not count is always part of it.
pub(crate) fn portion(
    available: &Resources,
    top: &Top,
    surplus: Option<&ResourceQuantities>,
    stage: Stage,
) -> Portion {
    if stage == Stage::FairShare && !is_bounded(top, surplus) {
        let (resources, guaranteed) = (available.clone(), ResourceQuantities::new());
        return Portion { resources, guaranteed, limited: false, held_back: false };
    }
    let counted = available.filter(is_quota_counted);
    let guaranteed = match stage {
        Stage::Guarantees => counted.shrink(&top.unsatisfied),
        Stage::FairShare => Resources::new(),
    };
    let more = &counted - &guaranteed;
    let guaranteed_quantities = guaranteed.quantities();
    let allowed = if top.quota.limits.is_empty() {
        more.clone()
    } else {
        let left = top.quota.limits.remaining(&top.consumed).remaining(&guaranteed_quantities);
        more.shrink_within(&left)
    };
    let spared = match surplus {
        Some(surplus) => allowed.shrink(surplus),
        None => allowed.clone(),
    };
    let (limited, held_back) = (allowed != more, spared != allowed);
    let always = available.filter(|entry| !is_quota_counted(entry));
    let resources = always + &guaranteed + &spared;
    Portion { resources, guaranteed: guaranteed_quantities, limited, held_back }
}
