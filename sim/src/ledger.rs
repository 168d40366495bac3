//! What really happened, against which the cluster's word is held: no task runs twice, no machine runs more than it has,
//! and what an executor was promised reaches its framework.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tepui_model::{ContainerId, FrameworkId, Resources};
use tepui_proto::v1;

use crate::world::World;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Every task that ever ran, by framework and id.
    began: BTreeMap<(String, String), ContainerId>,
    /// Last words about tasks that an agent acknowledged to its executor, and that no scheduler has heard: whose.
    promised: BTreeMap<Bytes, (String, String)>,
    told: BTreeSet<Bytes>,
    frameworks: BTreeMap<String, Life>,
    /// Frameworks that a master has ended: what they used is free in its books, though it may run on for a while.
    written_off: BTreeSet<String>,
}

/// What is known of a framework id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Of this scheduler.
    Lives(usize),
    /// Torn down, or away for too long; under which process of the master.
    Ended { master: u64 },
}

impl Ledger {
    pub fn lives(&mut self, framework: &str, scheduler: usize) {
        self.frameworks.insert(framework.into(), Life::Lives(scheduler));
    }

    pub fn ended(&mut self, framework: &str, master: u64) {
        self.frameworks.insert(framework.into(), Life::Ended { master });
    }

    pub fn write_off(&mut self, framework: &str) {
        if !self.written_off.contains(framework) {
            self.written_off.insert(framework.into());
        }
    }

    pub fn life(&self, framework: &str) -> Option<Life> {
        self.frameworks.get(framework).copied()
    }

    /// A scheduler has heard an update.
    pub fn told(&mut self, uuid: &Bytes) {
        self.promised.remove(uuid);
        self.told.insert(uuid.clone());
    }

    /// Promises to frameworks that live, which nobody kept.
    pub fn unkept(&self) -> impl Iterator<Item = &(String, String)> {
        self.promised.values().filter(|(framework, _)| matches!(self.life(framework), Some(Life::Lives(_))))
    }
}

impl World {
    /// An executor starts a task.
    pub(crate) fn begin_in_ledger(
        &mut self,
        agent: usize,
        container: &ContainerId,
        task: &str,
        resources: &Resources,
    ) {
        let framework = self.machines[agent].containers[container].run.framework.to_string();
        self.counters.add("tasks begun");
        let key = (framework, task.to_owned());
        if let Some(before) = self.ledger.began.insert(key, container.clone()) {
            self.broken.push(format!("task {task} runs twice: in {before} and {container} on agent{agent}"));
        }
        let used = self.really_used(agent) + resources;
        let total = &self.machines[agent].total;
        if !total.contains(&used) {
            self.broken.push(format!("agent{agent} has {total} and runs {used} with {task}"));
        }
    }

    /// What tasks and executors really use on a machine. Not counted is what the master has written off already: what
    /// belongs to frameworks that ended, or that do not checkpoint, is freed in the books before it has ended.
    fn really_used(&self, agent: usize) -> Resources {
        let mut used = Resources::new();
        for container in self.machines[agent].containers.values() {
            let is_written_off = self.ledger.written_off.contains(container.run.framework.as_str());
            if !container.checkpoints || is_written_off {
                continue;
            }
            used += &container.resources;
            for (_, task) in container.live_tasks() {
                used += &task.resources;
            }
        }
        used
    }

    /// An agent acknowledged the last word about a task: it will not be forgotten.
    pub(crate) fn promise(&mut self, framework: &FrameworkId, status: &v1::TaskStatus) {
        let Some(uuid) = &status.uuid else { return };
        if !self.ledger.told.contains(uuid) {
            let whose = (framework.to_string(), status.task_id.value.clone());
            self.ledger.promised.insert(uuid.clone(), whose);
        }
    }
}
