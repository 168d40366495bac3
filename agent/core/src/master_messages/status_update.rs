//! Status updates on their way to the master: from executors, and the agent's own.
//!
//! ```text
//! arrives ──► decided by (Executor::heard) ──► written ──► shown, sent, acknowledged to the executor
//! ```

use std::sync::Arc;

use tepui_model::{ExecutorId, FrameworkId, TaskId};
use tepui_proto::internal::status_update_record::Type;
use tepui_proto::internal::{StatusUpdate, StatusUpdateRecord};
use tepui_proto::v1::task_status::Source;
use tepui_proto::v1::{self, TaskStatus};

use crate::agent::{Agent, Pending};
use crate::cx::Cx;
use crate::effect::{Effect, Write};
use crate::event;
use crate::executor::Executor;
use crate::fact::Fact;
use crate::framework::FrameworkPhase;
use crate::names::UpdateId;
use crate::run::Run;
use crate::status::{self, Verdict};
use crate::updates::{Arrival, StreamKey};

/// What is appended to `task.updates`.
pub(crate) fn update_record(run: &Run, task: &TaskId, update: &StatusUpdate) -> Write {
    let update = Some(Box::new(update.clone()));
    let record = StatusUpdateRecord { r#type: Type::Update as i32, update, uuid: None };
    Write::Update { run: run.clone(), task: task.clone(), record: Box::new(record) }
}

/// Who made an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    Agent,
    /// It waits for an acknowledgement.
    Executor,
}

impl Agent {
    /// The agent itself has something to say about a task.
    pub(crate) fn report(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        task: &TaskId,
        executor: Option<&ExecutorId>,
        verdict: Verdict,
    ) {
        let Some(agent) = self.id.clone() else { return };
        let id = UpdateId(self.uuid());
        // As Mesos does: an executor that the agent made is not named for tasks that it never got.
        let status = verdict.status(cx.now, &agent, task, executor, id);
        self.take_update(cx, framework, task, executor, status, Sender::Agent);
    }

    /// An executor reports on one of its tasks.
    pub(crate) fn executor_update(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        executor: &ExecutorId,
        status: TaskStatus,
    ) {
        let Ok(task) = TaskId::from_wire(&status.task_id) else {
            self.counters.invalid_status_updates += 1;
            cx.log(Fact::warn("update of a task with a bad id dropped").with("task", status.task_id.value));
            return;
        };
        if self.executor_mut(framework, executor).is_some_and(|executor| !executor.may_report(&task)) {
            self.counters.invalid_status_updates += 1;
            let fact = Fact::warn("update dropped: its executor reports on too many tasks it was not given");
            return cx.log(fact.with("executor", executor).with("task", task));
        }
        let status = TaskStatus { source: Some(Source::Executor as i32), ..status };
        self.take_update(cx, framework, &task, Some(executor), status, Sender::Executor);
    }

    fn take_update(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        task: &TaskId,
        executor: Option<&ExecutorId>,
        mut status: TaskStatus,
        sender: Sender,
    ) {
        self.explain_drain(framework, &mut status);
        let ids = (
            self.id.clone(),
            status.uuid.as_deref().and_then(UpdateId::from_bytes),
            status::state_of(&status),
        );
        let (Some(agent), Some(id), Some(state)) = ids else { return };
        let known = self.frameworks.get(framework);
        if known.is_some_and(|known| known.phase == FrameworkPhase::Terminating) {
            self.counters.invalid_status_updates += 1;
            cx.log(Fact::warn("update of a framework that shuts down dropped").with("task", task));
            return;
        }
        status.agent_id = Some(agent.to_wire());
        let found = known.zip(executor).and_then(|(known, executor)| known.executors.get(executor));
        if let Some(executor) = found {
            status.container_status = Some(self.container_status(executor, status.container_status.take()));
        }
        let run = found.filter(|executor| executor.checkpointed).map(|executor| executor.run.clone());
        let key: StreamKey = (framework.clone(), task.clone());
        let arrival = self.updates.arrive(&key, id, status::is_terminal(state), run);
        match arrival {
            Arrival::New => {}
            Arrival::Writing => return,
            Arrival::Duplicate => {
                let waits = executor.filter(|_| sender == Sender::Executor);
                return self.acknowledge_to_executor(cx, framework, waits, &status);
            }
            Arrival::Full => {
                self.counters.invalid_status_updates += 1;
                cx.log(
                    Fact::error("update dropped: too many of its task wait for acknowledgement")
                        .with("task", task),
                );
                return;
            }
        }
        self.counters.valid_status_updates += 1;
        if let Some(executor) = executor.and_then(|executor| self.executor_mut(framework, executor)) {
            executor.heard(task, state);
        }
        let waits = executor.filter(|_| sender == Sender::Executor).cloned();
        let update = Arc::new(status::update(framework, &agent, status, cx.now));
        match self.updates.run_of(&key) {
            None => self.update_stored(cx, &key, id, update, waits.as_ref()),
            Some(run) => {
                let is_first = self.updates.is_writing_one(&key);
                let pending = Pending::Update { key: key.clone(), id, run, update, waits };
                self.held.entry(key.clone()).or_default().push_back(pending);
                if is_first {
                    self.write_next_update(cx, &key);
                }
            }
        }
    }

    /// Asks for the write of the next update of a task, if one waits for the one before it.
    pub(crate) fn write_next_update(&mut self, cx: &mut Cx, key: &StreamKey) {
        let Some(held) = self.held.get_mut(key) else { return };
        let next = held.pop_front();
        if held.is_empty() {
            self.held.remove(key);
        }
        let Some(next) = next else { return };
        if let Pending::Update { run, update, .. } = &next {
            let write = update_record(run, &key.1, update);
            self.checkpoint(cx, next, vec![write]);
        }
    }

    /// The update will not be forgotten: everybody may know. `waits` is the executor that wants to hear so.
    pub(crate) fn update_stored(
        &mut self,
        cx: &mut Cx,
        key: &StreamKey,
        id: UpdateId,
        update: Arc<StatusUpdate>,
        waits: Option<&ExecutorId>,
    ) {
        let (framework, task) = key;
        let executors =
            self.frameworks.get_mut(framework).into_iter().flat_map(|found| found.executors.values_mut());
        let ended: Vec<ExecutorId> = executors
            .filter_map(|executor| executor.shows(task, &update.status).then(|| executor.id().clone()))
            .collect();
        self.acknowledge_to_executor(cx, framework, waits, &update.status);
        let state = status::state_of(&update.status);
        self.updates.stored(cx, key, id, update);
        for executor in &ended {
            state.into_iter().for_each(|state| self.counters.task_ended(state));
            self.settle_resources(cx, framework, executor);
        }
    }

    fn acknowledge_to_executor(
        &self,
        cx: &mut Cx,
        framework: &FrameworkId,
        waits: Option<&ExecutorId>,
        status: &TaskStatus,
    ) {
        let found = self.frameworks.get(framework).zip(waits).and_then(|(found, id)| found.executors.get(id));
        if let (Some(peer), Some(uuid)) = (found.and_then(Executor::peer), &status.uuid) {
            let event = event::acknowledged(&status.task_id, uuid.clone());
            cx.push(Effect::Event { to: peer.clone(), event });
        }
    }

    /// Says where the task runs: its container, first process and address.
    fn container_status(
        &self,
        executor: &Executor,
        told: Option<Box<v1::ContainerStatus>>,
    ) -> Box<v1::ContainerStatus> {
        let mut status = told.unwrap_or_default();
        status.container_id = Some(Box::new(executor.run.container.to_wire()));
        if status.executor_pid.is_none() {
            status.executor_pid = executor.pid;
        }
        if status.network_infos.is_empty() {
            let protocol = Some(v1::network_info::Protocol::IPv4 as i32);
            let ip_address = Some(self.settings.ip.clone());
            let address = v1::network_info::IpAddress { protocol, ip_address };
            status
                .network_infos
                .push(v1::NetworkInfo { ip_addresses: vec![address], ..v1::NetworkInfo::default() });
        }
        status
    }
}
