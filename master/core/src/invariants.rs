//! What must hold between any two steps. Counts everything anew: as much work as the cluster is large.

use tepui_model::Resources;

use crate::agents::{Agent, Phase as AgentPhase};
use crate::frameworks::{Framework, Way};
use crate::master::Master;
use crate::names::{AgentHandle, FrameworkHandle};

impl Master {
    /// What does not fit together; nothing if all is well.
    pub fn invariants(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (handle, agent) in self.agents.registered.iter() {
            self.check_agent(&mut broken, handle, agent);
        }
        for (handle, framework) in self.frameworks.registered.iter() {
            self.check_framework(&mut broken, handle, framework);
        }
        self.check_offers(&mut broken);
        self.check_operations(&mut broken);
        self.check_indexes(&mut broken);
        broken
    }

    fn check_agent(&self, broken: &mut Vec<String>, handle: AgentHandle, agent: &Agent) {
        let id = &agent.id;
        let mut used = Resources::new();
        for (framework, task) in &agent.tasks {
            match self.frameworks.registered.get(*framework).and_then(|framework| framework.tasks.get(task)) {
                Some(task) if task.agent != handle => {
                    broken.push(format!("task {} is on two agents", task.id))
                }
                Some(task) if task.holds_resources() => used += &task.resources,
                Some(_) => {}
                None => {
                    broken.push(format!("agent {id} has the task {task}, which its framework does not have"))
                }
            }
        }
        for (framework, executor) in &agent.executors {
            let key = (handle, executor.clone());
            match self
                .frameworks
                .registered
                .get(*framework)
                .and_then(|framework| framework.executors.get(&key))
            {
                Some(executor) => used += &executor.resources,
                None => broken.push(format!(
                    "agent {id} has the executor {executor}, which its framework does not have"
                )),
            }
        }
        let offers = agent.offers.iter().filter_map(|offer| self.offers.outstanding.get(*offer));
        let offered: Resources = offers.map(|offer| &offer.resources).sum();
        if used != agent.used {
            broken
                .push(format!("agent {id} says {} is used, its tasks and executors use {used}", agent.used));
        }
        if offered != agent.offered {
            broken.push(format!("agent {id} says {} is offered, its offers hold {offered}", agent.offered));
        }
        // An agent may come back with less than its tasks use; then nothing more of it is offered.
        let fits = |resources: &Resources| agent.total.contains(&resources.non_shared().unallocated());
        if !agent.offered.is_empty() && fits(&used) && !fits(&(&used + &offered)) {
            broken
                .push(format!("agent {id} has {}, but {used} is used and {offered} is offered", agent.total));
        }
        let is_out = agent.phase != AgentPhase::Active || self.agents.deactivated.contains(id);
        if is_out && !agent.offers.is_empty() {
            broken.push(format!("agent {id} is away or deactivated, but offered"));
        }
    }

    fn check_framework(&self, broken: &mut Vec<String>, handle: FrameworkHandle, framework: &Framework) {
        let id = &framework.id;
        let tasks =
            framework.tasks.values().filter(|task| task.holds_resources()).map(|task| &task.resources);
        let executors = framework.executors.values().map(|executor| &executor.resources);
        let used: Resources = tasks.chain(executors).sum();
        if used != framework.used.total() {
            broken.push(format!(
                "framework {id} says it uses {}, its tasks and executors use {used}",
                framework.used.total()
            ));
        }
        for task in framework.tasks.values() {
            let agent = self.agents.registered.get(task.agent);
            if !agent.is_some_and(|agent| agent.tasks.contains(&(handle, task.id.clone()))) {
                broken
                    .push(format!("framework {id} has the task {}, which its agent does not have", task.id));
            }
        }
        for (agent, executor) in framework.executors.keys() {
            let agent = self.agents.registered.get(*agent);
            if !agent.is_some_and(|agent| agent.executors.contains(&(handle, executor.clone()))) {
                broken.push(format!(
                    "framework {id} has the executor {executor}, which its agent does not have"
                ));
            }
        }
        let offers = framework.offers.iter().filter_map(|offer| self.offers.outstanding.get(*offer));
        let offered: Resources = offers.map(|offer| &offer.resources).sum();
        if offered != framework.offered.total() {
            broken.push(format!(
                "framework {id} says it is offered {}, its offers hold {offered}",
                framework.offered.total()
            ));
        }
        if framework.link().is_none() && !framework.offers.is_empty() {
            broken.push(format!("framework {id} is away, but has offers"));
        }
        let is_linked = match framework.link().map(|link| &link.way) {
            Some(Way::Http { connection, .. }) => {
                self.frameworks.by_connection.get(connection) == Some(&handle)
            }
            Some(Way::Actor(pid) | Way::Driver(pid)) => self.frameworks.by_pid.get(pid) == Some(&handle),
            None => true,
        };
        if !is_linked {
            broken.push(format!("framework {id} is not found by its connection"));
        }
        let limits = [
            ("completed", framework.completed.len(), self.config.max_completed_tasks_per_framework),
            ("unreachable", framework.unreachable.len(), self.config.max_unreachable_tasks_per_framework),
        ];
        for (what, there, limit) in limits {
            if there > limit {
                broken.push(format!("framework {id} keeps {there} {what} tasks, {limit} at most"));
            }
        }
    }

    fn check_offers(&self, broken: &mut Vec<String>) {
        for (handle, offer) in self.offers.outstanding.iter() {
            let framework = self.frameworks.registered.get(offer.framework);
            let agent = self.agents.registered.get(offer.agent);
            let is_known = framework.is_some_and(|framework| framework.offers.contains(&handle))
                && agent.is_some_and(|agent| agent.offers.contains(&handle));
            if !is_known {
                broken.push(format!("offer {} is not known to its framework and agent", offer.id));
            }
            let is_of_role =
                offer.resources.iter().all(|resource| resource.allocation() == Some(&offer.role));
            if !is_of_role || offer.resources.is_empty() {
                broken.push(format!("offer {} for {} holds {}", offer.id, offer.role, offer.resources));
            }
        }
        if self.offers.by_id.len() != self.offers.outstanding.len() {
            broken.push("the index of offers is not the offers".into());
        }
    }

    fn check_operations(&self, broken: &mut Vec<String>) {
        let operations = &self.operations;
        for (uuid, operation) in &operations.all {
            let agent = self.agents.registered.get(operation.agent);
            if !agent.is_some_and(|agent| agent.operations.contains(uuid)) {
                broken.push(format!("operation {uuid} is not known to its agent"));
            }
        }
        let of_agents: usize = self.agents.registered.iter().map(|(_, agent)| agent.operations.len()).sum();
        if of_agents != operations.all.len() {
            broken.push(format!("agents have {of_agents} operations, there are {}", operations.all.len()));
        }
        if operations.by_id.values().any(|uuid| !operations.all.contains_key(uuid)) {
            broken.push("an operation is found by its id that is not there".into());
        }
    }

    fn check_indexes(&self, broken: &mut Vec<String>) {
        let agents = &self.agents;
        if agents.by_id.len() != agents.registered.len() {
            broken.push("the index of agents is not the agents".into());
        }
        for id in agents.by_id.keys() {
            let elsewhere = agents.recovered.contains_key(id)
                || agents.unreachable.contains_key(id)
                || agents.gone.contains_key(id);
            if elsewhere {
                broken.push(format!("agent {id} is registered, and recovered, unreachable or gone"));
            }
        }
        let frameworks = &self.frameworks;
        if frameworks.by_id.len() != frameworks.registered.len() {
            broken.push("the index of frameworks is not the frameworks".into());
        }
        for id in frameworks.by_id.keys().filter(|id| frameworks.completed.contains_key(*id)) {
            broken.push(format!("framework {id} has ended and has not"));
        }
        for (_, framework) in frameworks.registered.iter() {
            if !(framework.completed.is_counted() && framework.unreachable.is_counted()) {
                broken
                    .push(format!("ended or unreachable tasks of framework {} are miscounted", framework.id));
            }
        }
        let completed = frameworks.completed.len();
        if completed != frameworks.completed_order.len() || completed > self.config.max_completed_frameworks {
            broken.push(format!("{completed} completed frameworks are kept"));
        }
        if !self.changes.is_empty() {
            broken.push("changes were not published".into());
        }
    }
}
