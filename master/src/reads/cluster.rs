//! The cluster as readers see it: the latest value of every entity, and which belong together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tepui_master_core::{
    AgentView, Changed, ExecutorView, FrameworkView, MaintenanceView, OfferView, TaskStanding, TaskView,
};
use tepui_model::{AgentId, ExecutorId, FrameworkId, OfferId, Role, Time};
use tepui_proto::v1;
use tepui_proto::v1::quota::QuotaConfig;

/// The latest values. A value replaces the one of the same key.
#[derive(Default)]
pub(crate) struct Cluster {
    serving_since: Option<Time>,
    agents: BTreeMap<AgentId, Arc<AgentView>>,
    frameworks: BTreeMap<FrameworkId, Arc<FrameworkView>>,
    tasks: BTreeMap<u64, TaskView>,
    tasks_of: BTreeMap<FrameworkId, BTreeSet<u64>>,
    executors: BTreeMap<(FrameworkId, AgentId, ExecutorId), ExecutorView>,
    offers: BTreeMap<OfferId, Arc<OfferView>>,
    offers_of: BTreeMap<FrameworkId, BTreeSet<OfferId>>,
    pub(super) quotas: BTreeMap<Role, QuotaConfig>,
    pub(super) weights: BTreeMap<Role, f64>,
    pub(super) maintenance: MaintenanceView,
    operations: BTreeMap<Vec<u8>, Arc<v1::Operation>>,
}

impl Cluster {
    pub(crate) fn apply(&mut self, change: Changed) {
        match change {
            Changed::Serving { since } => self.serving_since = Some(since),
            Changed::Agent(agent) => {
                self.agents.insert(agent.id.clone(), agent);
            }
            Changed::AgentForgotten(id) => {
                self.agents.remove(&id);
            }
            Changed::Framework(framework) => {
                self.frameworks.insert(framework.id.clone(), framework);
            }
            Changed::FrameworkForgotten(id) => self.forget_framework(&id),
            Changed::Task(task) => {
                self.tasks_of.entry(task.framework.clone()).or_default().insert(task.record);
                self.tasks.insert(task.record, task);
            }
            Changed::TaskForgotten(record) => self.forget_task(record),
            Changed::Executor(executor) => {
                let id = ExecutorId::from_wire(&executor.info.executor_id);
                // The core has checked the id: an executor without a valid one never started.
                let Ok(id) = id else { return };
                self.executors.insert((executor.framework.clone(), executor.agent.clone(), id), executor);
            }
            Changed::ExecutorGone { framework, agent, executor } => {
                self.executors.remove(&(framework, agent, executor));
            }
            Changed::Operation(operation) => {
                self.operations.insert(operation.uuid.value.to_vec(), operation);
            }
            Changed::OperationGone(uuid) => {
                self.operations.remove(&uuid[..]);
            }
            Changed::Offer(offer) => {
                self.offers_of.entry(offer.framework.clone()).or_default().insert(offer.id.clone());
                self.offers.insert(offer.id.clone(), offer);
            }
            Changed::OfferGone(id) => self.forget_offer(&id),
            Changed::Quota { role, config: Some(config) } => drop(self.quotas.insert(role, *config)),
            Changed::Quota { role, config: None } => drop(self.quotas.remove(&role)),
            Changed::Maintenance(maintenance) => self.maintenance = *maintenance,
            Changed::Weight { role, weight } => drop(self.weights.insert(role, weight)),
        }
    }

    fn forget_framework(&mut self, id: &FrameworkId) {
        self.frameworks.remove(id);
        for record in self.tasks_of.remove(id).unwrap_or_default() {
            self.tasks.remove(&record);
        }
        self.executors.retain(|(framework, ..), _| framework != id);
        for offer in self.offers_of.remove(id).unwrap_or_default() {
            self.offers.remove(&offer);
        }
    }

    fn forget_task(&mut self, record: u64) {
        let Some(task) = self.tasks.remove(&record) else { return };
        if let Some(records) = self.tasks_of.get_mut(&task.framework) {
            records.remove(&record);
        }
    }

    fn forget_offer(&mut self, id: &OfferId) {
        let Some(offer) = self.offers.remove(id) else { return };
        if let Some(ids) = self.offers_of.get_mut(&offer.framework) {
            ids.remove(id);
        }
    }

    /// When this master began to serve, if it does.
    pub(crate) fn serving_since(&self) -> Option<Time> {
        self.serving_since
    }

    pub(crate) fn agent(&self, id: &AgentId) -> Option<&AgentView> {
        self.agents.get(id).map(Arc::as_ref)
    }

    pub(crate) fn framework(&self, id: &FrameworkId) -> Option<&FrameworkView> {
        self.frameworks.get(id).map(Arc::as_ref)
    }

    pub(crate) fn shared_agents(&self) -> impl Iterator<Item = &Arc<AgentView>> {
        self.agents.values()
    }

    pub(crate) fn shared_frameworks(&self) -> impl Iterator<Item = &Arc<FrameworkView>> {
        self.frameworks.values()
    }

    pub(crate) fn task(&self, record: u64) -> Option<&TaskView> {
        self.tasks.get(&record)
    }

    pub(crate) fn agents(&self) -> impl Iterator<Item = &AgentView> + Clone {
        self.agents.values().map(Arc::as_ref)
    }

    pub(crate) fn frameworks(&self) -> impl Iterator<Item = &FrameworkView> + Clone {
        self.frameworks.values().map(Arc::as_ref)
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = &TaskView> + Clone {
        self.tasks.values()
    }

    pub(crate) fn executors(&self) -> impl Iterator<Item = &ExecutorView> + Clone {
        self.executors.values()
    }

    pub(crate) fn all_tasks_of(&self, framework: &FrameworkId) -> impl Iterator<Item = &TaskView> + Clone {
        let records = self.tasks_of.get(framework).into_iter().flatten();
        records.filter_map(|record| self.tasks.get(record))
    }

    pub(crate) fn tasks_of(
        &self,
        framework: &FrameworkId,
        standing: TaskStanding,
    ) -> impl Iterator<Item = &TaskView> + Clone {
        self.all_tasks_of(framework).filter(move |task| task.standing == standing)
    }

    pub(crate) fn executors_of(
        &self,
        framework: &FrameworkId,
    ) -> impl Iterator<Item = &ExecutorView> + Clone {
        self.executors.values().filter(move |executor| executor.framework == *framework)
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = &v1::Operation> + Clone {
        self.operations.values().map(Arc::as_ref)
    }

    pub(crate) fn offers_of(&self, framework: &FrameworkId) -> impl Iterator<Item = &OfferView> + Clone {
        let ids = self.offers_of.get(framework).into_iter().flatten();
        ids.filter_map(|id| self.offers.get(id)).map(Arc::as_ref)
    }
}
