//! The cluster as readers see it: the latest value of every entity, and which belong together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tepui_master_core::{
    AgentView, Changed, ExecutorView, FrameworkView, Machine, Maintenance, OfferView, TaskView,
};
use tepui_model::{AgentId, ExecutorId, FrameworkId, OfferId, Role, Time};
use tepui_proto::v1;
use tepui_proto::v1::allocator::InverseOfferStatus;
use tepui_proto::v1::maintenance::ClusterStatus;
use tepui_proto::v1::quota::QuotaConfig;

use super::kept::Kept;

/// Texts are kept this long after the last question: whoever watches a cluster asks several times a minute.
const TEXTS_KEPT: Duration = Duration::from_secs(5 * 60);

/// An agent as it is kept.
pub(super) type KeptAgent = Arc<Kept<Arc<AgentView>>>;
/// A task as it is kept.
pub(super) type KeptTask = Arc<Kept<TaskView>>;

/// The latest values. A value replaces the one of the same key.
#[derive(Default)]
pub(crate) struct Cluster {
    /// How often something changed.
    version: u64,
    /// When somebody last asked for what texts are kept of, if they are.
    asked: Option<Instant>,
    serving_since: Option<Time>,
    agents: BTreeMap<AgentId, KeptAgent>,
    frameworks: BTreeMap<FrameworkId, Arc<FrameworkView>>,
    tasks: BTreeMap<u64, KeptTask>,
    tasks_of: BTreeMap<FrameworkId, BTreeSet<u64>>,
    executors: BTreeMap<FrameworkId, BTreeMap<(AgentId, ExecutorId), Arc<ExecutorView>>>,
    offers: BTreeMap<OfferId, Arc<OfferView>>,
    offers_of: BTreeMap<FrameworkId, BTreeSet<OfferId>>,
    pub(super) quotas: BTreeMap<Role, QuotaConfig>,
    pub(super) weights: BTreeMap<Role, f64>,
    pub(super) maintenance: Maintenance,
    inverse_answers: BTreeMap<Machine, Vec<InverseOfferStatus>>,
    operations: BTreeMap<Vec<u8>, Arc<v1::Operation>>,
}

impl Cluster {
    pub(crate) fn apply(&mut self, change: Changed) {
        self.version += 1;
        match change {
            Changed::Serving { since } => self.serving_since = Some(since),
            Changed::Agent(agent) => {
                self.agents.insert(agent.id.clone(), Kept::new(agent).into());
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
                self.tasks.insert(task.record, Kept::new(task).into());
            }
            Changed::TaskForgotten(record) => self.forget_task(record),
            Changed::Executor(executor) => {
                let id = ExecutorId::from_wire(&executor.info.executor_id);
                // The core has checked the id: an executor without a valid one never started.
                let Ok(id) = id else { return };
                let executors = self.executors.entry(executor.framework.clone()).or_default();
                executors.insert((executor.agent.clone(), id), executor.into());
            }
            Changed::ExecutorGone { framework, agent, executor } => {
                if let Some(executors) = self.executors.get_mut(&framework) {
                    executors.remove(&(agent, executor));
                }
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
            Changed::InverseAnswers { machine, answers } if answers.is_empty() => {
                self.inverse_answers.remove(&machine);
            }
            Changed::InverseAnswers { machine, answers } => {
                self.inverse_answers.insert(machine, answers);
            }
            Changed::Weight { role, weight } => drop(self.weights.insert(role, weight)),
        }
    }

    fn forget_framework(&mut self, id: &FrameworkId) {
        self.frameworks.remove(id);
        for record in self.tasks_of.remove(id).unwrap_or_default() {
            self.tasks.remove(&record);
        }
        self.executors.remove(id);
        for offer in self.offers_of.remove(id).unwrap_or_default() {
            self.offers.remove(&offer);
        }
    }

    fn forget_task(&mut self, record: u64) {
        let Some(task) = self.tasks.remove(&record) else { return };
        if let Some(records) = self.tasks_of.get_mut(&task.value.framework) {
            records.remove(&record);
        }
    }

    fn forget_offer(&mut self, id: &OfferId) {
        let Some(offer) = self.offers.remove(id) else { return };
        if let Some(ids) = self.offers_of.get_mut(&offer.framework) {
            ids.remove(id);
        }
    }

    /// Notes that somebody asks for what texts are kept of.
    pub(super) fn asked(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// Lets go of the texts if nobody asks for them any more.
    pub(super) fn forget_texts(&mut self, now: Instant) {
        if self.asked.is_none_or(|asked| now.duration_since(asked) < TEXTS_KEPT) {
            return;
        }
        self.asked = None;
        for task in self.tasks.values_mut().filter(|task| task.has_texts()) {
            *task = Kept::new(task.value.clone()).into();
        }
        for agent in self.agents.values_mut().filter(|agent| agent.has_texts()) {
            *agent = Kept::new(agent.value.clone()).into();
        }
    }

    /// A number that grows with every change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Machines in maintenance, and what frameworks say to it.
    pub(super) fn maintenance_status(&self) -> ClusterStatus {
        self.maintenance.status(&self.inverse_answers)
    }

    /// When this master began to serve, if it does.
    pub(crate) fn serving_since(&self) -> Option<Time> {
        self.serving_since
    }

    pub(crate) fn agent(&self, id: &AgentId) -> Option<&AgentView> {
        self.agents.get(id).map(|agent| &*agent.value)
    }

    pub(crate) fn framework(&self, id: &FrameworkId) -> Option<&FrameworkView> {
        self.frameworks.get(id).map(Arc::as_ref)
    }

    pub(crate) fn shared_agents(&self) -> impl Iterator<Item = &Arc<AgentView>> {
        self.agents.values().map(|agent| &agent.value)
    }

    pub(crate) fn task(&self, record: u64) -> Option<&TaskView> {
        self.tasks.get(&record).map(|task| &task.value)
    }

    pub(super) fn kept_agents(&self) -> impl Iterator<Item = &KeptAgent> + Clone {
        self.agents.values()
    }

    pub(crate) fn agents(&self) -> impl Iterator<Item = &AgentView> + Clone {
        self.agents.values().map(|agent| &*agent.value)
    }

    pub(super) fn shared_frameworks(&self) -> impl Iterator<Item = &Arc<FrameworkView>> + Clone {
        self.frameworks.values()
    }

    pub(crate) fn frameworks(&self) -> impl Iterator<Item = &FrameworkView> + Clone {
        self.frameworks.values().map(Arc::as_ref)
    }

    pub(super) fn kept_tasks(&self) -> impl Iterator<Item = &KeptTask> + Clone {
        self.tasks.values()
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = &TaskView> + Clone {
        self.tasks.values().map(|task| &task.value)
    }

    pub(super) fn executors(&self) -> impl Iterator<Item = &Arc<ExecutorView>> + Clone {
        self.executors.values().flat_map(BTreeMap::values)
    }

    pub(super) fn kept_tasks_of(&self, framework: &FrameworkId) -> impl Iterator<Item = &KeptTask> + Clone {
        let records = self.tasks_of.get(framework).into_iter().flatten();
        records.filter_map(|record| self.tasks.get(record))
    }

    pub(crate) fn all_tasks_of(&self, framework: &FrameworkId) -> impl Iterator<Item = &TaskView> + Clone {
        self.kept_tasks_of(framework).map(|task| &task.value)
    }

    pub(super) fn executors_of(
        &self,
        framework: &FrameworkId,
    ) -> impl Iterator<Item = &Arc<ExecutorView>> + Clone {
        self.executors.get(framework).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = &v1::Operation> + Clone {
        self.operations.values().map(Arc::as_ref)
    }

    pub(super) fn offers_of(&self, framework: &FrameworkId) -> impl Iterator<Item = &Arc<OfferView>> + Clone {
        let ids = self.offers_of.get(framework).into_iter().flatten();
        ids.filter_map(|id| self.offers.get(id))
    }
}
