//! A cluster in words, for tests: agents `a0`, `a1`, … and frameworks `f0`, `f1`, …, each call followed by a check of
//! everything that must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tepui_model::{AgentCapabilities, Attributes, FrameworkCapabilities, FrameworkId, Resources, Role, Time};

use crate::{
    AgentDescription, AgentHandle, Allocation, Allocator, Call, FrameworkDescription, FrameworkHandle, Held,
    Settings, Sorting, reference,
};

pub(crate) struct Cluster {
    pub(crate) allocator: Allocator,
    pub(crate) now: Time,
}

pub(crate) fn agent(slot: u32) -> AgentHandle {
    AgentHandle::new(slot, 0)
}

pub(crate) fn framework(slot: u32) -> FrameworkHandle {
    FrameworkHandle::new(slot, 0)
}

pub(crate) fn role(text: &str) -> Role {
    Role::parse(text).unwrap()
}

pub(crate) fn roles(text: &str) -> BTreeSet<Role> {
    text.split_whitespace().map(role).collect()
}

pub(crate) fn resources(text: &str) -> Resources {
    Resources::parse(text, &Role::star()).unwrap()
}

pub(crate) fn has(total: &str) -> AgentDescription {
    AgentDescription {
        hostname: "host".to_owned(),
        total: resources(total),
        capabilities: AgentCapabilities::ALL,
        attributes: Attributes::new(),
        region: None,
        zone: None,
    }
}

pub(crate) fn wants(slot: u32, in_roles: &str) -> FrameworkDescription {
    let capabilities = FrameworkCapabilities { multi_role: true, ..FrameworkCapabilities::default() };
    FrameworkDescription {
        id: FrameworkId::parse(format!("master-{slot:04}")).unwrap(),
        roles: roles(in_roles),
        suppressed: BTreeSet::new(),
        capabilities,
        min_allocatable: BTreeMap::new(),
        constraints: Default::default(),
    }
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self::with(Settings::new(1))
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self { allocator: Allocator::new(settings, Time::ZERO), now: Time::ZERO }
    }

    pub(crate) fn call(&mut self, call: Call) -> &mut Self {
        let told = call.to_string();
        self.allocator.call(self.now, call);
        assert_eq!(self.allocator.invariants(), Vec::<String>::new(), "after: {told}");
        self
    }

    pub(crate) fn add_agent(&mut self, slot: u32, total: &str) -> &mut Self {
        self.add_agent_like(slot, has(total))
    }

    pub(crate) fn add_agent_like(&mut self, slot: u32, description: AgentDescription) -> &mut Self {
        self.call(Call::AddAgent { agent: agent(slot), description, active: true, used: BTreeMap::new() })
    }

    pub(crate) fn add_framework(&mut self, slot: u32, in_roles: &str) -> &mut Self {
        self.add_framework_like(slot, wants(slot, in_roles))
    }

    pub(crate) fn add_framework_like(&mut self, slot: u32, description: FrameworkDescription) -> &mut Self {
        self.call(Call::AddFramework { framework: framework(slot), description, active: true })
    }

    pub(crate) fn recover(
        &mut self,
        allocation: &Allocation,
        held: Held,
        refused: Option<Duration>,
    ) -> &mut Self {
        let Allocation { framework, agent, resources, .. } = allocation.clone();
        self.call(Call::Recover { agent, framework, resources, held, refused })
    }

    pub(crate) fn decline_all(&mut self, allocations: &[Allocation], refused: Option<Duration>) -> &mut Self {
        for allocation in allocations {
            self.recover(allocation, Held::Offered, refused);
        }
        self
    }

    /// Runs now, because of what happened.
    pub(crate) fn run(&mut self) -> Vec<Allocation> {
        let before = self.allocator.clone();
        let allocations = self.allocator.on_timer(self.now);
        let settings = &before.settings;
        let by_share = [settings.role_sorter, settings.framework_sorter] == [Sorting::DominantShare; 2];
        if by_share && self.allocator.pause.is_none() {
            let obvious = reference::run(&before, self.now, &self.allocator.visited);
            assert_eq!(lines(&allocations), lines(&obvious), "the reference allocates otherwise");
        }
        assert_eq!(self.allocator.invariants(), Vec::<String>::new(), "after a run");
        allocations
    }

    /// Lets time pass up to the next run of all agents, and runs.
    pub(crate) fn next_batch(&mut self) -> Vec<Allocation> {
        self.now = self.allocator.next_batch.max(self.now);
        self.run()
    }

    /// Runs now, in text.
    pub(crate) fn offers(&mut self) -> String {
        lines(&self.run())
    }
}

pub(crate) fn lines(allocations: &[Allocation]) -> String {
    if allocations.is_empty() {
        return "no offers".to_owned();
    }
    allocations.iter().map(Allocation::to_string).collect::<Vec<_>>().join("\n")
}
