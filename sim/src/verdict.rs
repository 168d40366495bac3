//! What must hold: what the cores say of themselves, each second, and what must be true of the whole at the end.

use tepui_agent_core::Phase;
use tepui_proto::v1::TaskState;

use crate::ledger::Life;
use crate::scheduler::has_ended;
use crate::world::World;

impl World {
    /// What the scenario wants looked at this second.
    pub(crate) fn check(&mut self) {
        let second = self.now.as_secs();
        if second.is_multiple_of(self.scenario.checks.master_every) {
            self.check_master();
        }
        let agents = self.machines.len();
        let each = self.scenario.checks.agents_per_second.min(agents);
        let first = (second as usize).wrapping_mul(each);
        for n in 0..each {
            self.check_agent((first + n) % agents);
        }
    }

    fn check_master(&mut self) {
        if let Some(core) = &self.master.core {
            self.broken.extend(core.invariants().into_iter().map(|broken| format!("master: {broken}")));
        }
        if let Some(allocator) = &self.master.allocator {
            self.broken
                .extend(allocator.invariants().into_iter().map(|broken| format!("allocator: {broken}")));
        }
    }

    fn check_agent(&mut self, agent: usize) {
        if let Some(Err(broken)) = self.machines[agent].core.as_ref().map(|core| core.check()) {
            self.broken.push(format!("agent{agent}: {broken}"));
        }
    }

    /// The last look at everything, when all had time to settle.
    pub(crate) fn check_end(&mut self) {
        self.check_master();
        (0..self.machines.len()).for_each(|agent| self.check_agent(agent));
        let mut broken = Vec::new();
        self.check_everybody_is_back(&mut broken);
        self.check_beliefs(&mut broken);
        self.check_reality(&mut broken);
        let unkept = self.ledger.unkept();
        broken.extend(unkept.map(|(framework, task)| {
            format!("the end of {task} of {framework} was acknowledged to its executor, and never told")
        }));
        self.broken.extend(broken);
    }

    fn check_everybody_is_back(&self, broken: &mut Vec<String>) {
        if !self.master.core.as_ref().is_some_and(|core| core.is_serving()) {
            broken.push("the master does not serve".into());
        }
        for (agent, machine) in self.machines.iter().enumerate() {
            let is_running =
                machine.core.as_ref().is_some_and(|core| matches!(core.phase(), Phase::Running { .. }));
            if !is_running {
                let phase = machine.core.as_ref().map(|core| core.phase().clone());
                broken.push(format!("agent{agent} is not registered but {phase:?}"));
            }
        }
        for scheduler in self.schedulers.iter().filter(|scheduler| !scheduler.is_subscribed()) {
            broken.push(format!("{} is not subscribed", self.scheduler_name(scheduler.number)));
        }
    }

    /// Every launched task has ended as far as its framework knows, or lives.
    fn check_beliefs(&self, broken: &mut Vec<String>) {
        for scheduler in &self.schedulers {
            let Some(id) = &scheduler.id else { continue };
            for (task, believed) in &scheduler.tasks {
                // An agent that lost its identity with its disk stays unreachable under the old one.
                let waits_for_ever =
                    believed.state == TaskState::TaskUnreachable && !self.is_somebody(&believed.agent);
                if !has_ended(believed.state) && !waits_for_ever && !self.lives(&id.value, task) {
                    let state = believed.state.as_str_name();
                    broken.push(format!(
                        "framework{} believes {task} on {} is {state}, which does not live",
                        scheduler.number, believed.agent
                    ));
                }
            }
        }
    }

    fn is_somebody(&self, agent: &str) -> bool {
        let cores = self.machines.iter().filter_map(|machine| machine.core.as_ref());
        cores.filter_map(|core| core.id()).any(|id| id.as_str() == agent)
    }

    fn lives(&self, framework: &str, task: &str) -> bool {
        let containers = self.machines.iter().flat_map(|machine| machine.containers.values());
        let of_framework = containers.filter(|container| container.run.framework.as_str() == framework);
        of_framework.flat_map(|container| container.live_tasks()).any(|(id, _)| id == task)
    }

    /// Everything that lives is known to its agent, and to a framework that lives.
    fn check_reality(&self, broken: &mut Vec<String>) {
        for (agent, machine) in self.machines.iter().enumerate() {
            for (id, container) in &machine.containers {
                let is_known = machine.core.as_ref().is_some_and(|core| core.executor_of(id).is_some());
                if !is_known {
                    broken.push(format!("agent{agent} does not know its container {}", container.run));
                }
                for (task, _) in container.live_tasks() {
                    self.check_live_task(broken, agent, container.run.framework.as_str(), task);
                }
            }
        }
    }

    fn check_live_task(&self, broken: &mut Vec<String>, agent: usize, framework: &str, task: &str) {
        match self.ledger.life(framework) {
            Some(Life::Lives(scheduler)) => {
                let believed = self.schedulers[scheduler].tasks.get(task);
                if believed.is_none_or(|believed| has_ended(believed.state)) {
                    let state = believed.map(|believed| believed.state.as_str_name());
                    broken
                        .push(format!("{task} lives on agent{agent}, but its framework believes {state:?}"));
                }
            }
            // A master that started since does not know that the framework has ended.
            Some(Life::Ended { master }) if master != self.master.life => {}
            Some(Life::Ended { .. }) | None => {
                broken.push(format!("{task} lives on agent{agent}, but its framework {framework} has ended"));
            }
        }
    }
}
