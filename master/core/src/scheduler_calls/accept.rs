//! ACCEPT: offers become tasks. One bad offer voids them all; after that each operation, and in a LAUNCH each task, stands
//! for itself. What is left over goes back.

use tepui_model::{Conversion, ExecutorId, Resource, Resources, Role, TaskId};
use tepui_proto::internal::{ResourceVersionUuid, RunTaskMessage};
use tepui_proto::v1::offer::{Operation, operation::Type};
use tepui_proto::v1::scheduler::call::Accept;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, FrameworkInfo, TaskInfo, TaskState, health_check};

use crate::agents::Agent;
use crate::cx::Cx;
use crate::effect::{Effect, ToAgent};
use crate::fact::Fact;
use crate::limits;
use crate::master::Master;
use crate::names::{AgentHandle, FrameworkHandle, OfferHandle};
use crate::status::Verdict;
use crate::task::{Task, staged};
use crate::validation;
use crate::validation::task::Launch;
use tepui_allocator::{Call, refusal};

/// What a framework does with an accepted offer.
pub(super) struct Bargain {
    pub framework: FrameworkHandle,
    pub agent: AgentHandle,
    pub role: Role,
    /// All that was offered.
    pub offered: Resources,
    /// Not used yet; with what operations have made of it.
    pub remaining: Resources,
    /// Shared volumes, also those that were launched with: any number of tasks may have the same.
    pub shared: Resources,
    /// Grown and shrunk volumes, which no further operation may touch.
    pub resized: Resources,
    /// What operations did, and further copies of shared volumes.
    pub conversions: Vec<Conversion>,
    /// Used by what was launched.
    pub launched: Resources,
}

impl Master {
    pub(crate) fn accept(&mut self, cx: &mut Cx, from: FrameworkHandle, call: Accept) -> Result<(), String> {
        limits::check_offers(call.offer_ids.len(), "accept.offer_ids")?;
        for operation in call.operations.iter().filter(|operation| operation.r#type() == Type::Launch) {
            let is_decline = operation.launch.as_ref().is_none_or(|launch| launch.task_infos.is_empty());
            cx.count(if is_decline {
                "master/messages_decline_offers"
            } else {
                "master/messages_launch_tasks"
            });
        }
        let offers = match validation::offers::check(self, from, &call.offer_ids) {
            Ok(offers) => offers,
            Err(why) => {
                self.refuse_accept(cx, from, &call, &why);
                return Ok(());
            }
        };
        let mut bargain = self.take_offers(cx, from, &offers);
        for operation in call.operations {
            self.perform(cx, &mut bargain, operation);
        }
        self.settle(cx, bargain, refusal(call.filters.unwrap_or_default().refuse_seconds()));
        Ok(())
    }

    /// No operation is applied, and the framework's offers that were named are void too.
    fn refuse_accept(&mut self, cx: &mut Cx, from: FrameworkHandle, call: &Accept, why: &str) {
        for id in &call.offer_ids {
            let offer = self.offers.find(id);
            if let Some(offer) = offer.filter(|offer| self.offers.outstanding[*offer].framework == from) {
                self.discard_offer(cx, offer, None);
            }
        }
        cx.log(
            Fact::warn("accept of invalid offers")
                .with("framework", &self.frameworks.registered[from].id)
                .with("why", why),
        );
        let partition_aware = self.frameworks.registered[from].is_partition_aware();
        let verdict = Verdict {
            state: if partition_aware { TaskState::TaskDropped } else { TaskState::TaskLost },
            reason: Reason::InvalidOffers,
            message: &format!("Task launched with invalid offers: {why}"),
        };
        for operation in &call.operations {
            match operation.r#type() {
                Type::Launch | Type::LaunchGroup => {
                    self.reject_tasks(cx, from, tasks_of(operation), &verdict)
                }
                _ => self.reject_operation(
                    cx,
                    from,
                    operation,
                    &format!("Operation attempted with invalid offers: {why}"),
                ),
            }
        }
    }

    fn take_offers(&mut self, cx: &mut Cx, framework: FrameworkHandle, offers: &[OfferHandle]) -> Bargain {
        let first = &self.offers.outstanding[offers[0]];
        let (agent, role) = (first.agent, first.role.clone());
        let mut remaining = Resources::new();
        for offer in offers {
            remaining += &self.remove_offer(cx, *offer).resources;
        }
        Bargain {
            framework,
            agent,
            role,
            offered: remaining.clone(),
            shared: remaining.shared(),
            remaining,
            resized: Resources::new(),
            conversions: Vec::new(),
            launched: Resources::new(),
        }
    }

    fn perform(&mut self, cx: &mut Cx, bargain: &mut Bargain, operation: Operation) {
        let framework = bargain.framework;
        match operation.r#type() {
            Type::Launch => self.launch(cx, bargain, operation),
            Type::LaunchGroup => {
                let verdict = Verdict {
                    state: TaskState::TaskError,
                    reason: Reason::TaskGroupInvalid,
                    message: "Task groups need the default executor, which this version does not have; launch the tasks \
                              one by one with LAUNCH",
                };
                self.reject_tasks(cx, framework, tasks_of(&operation), &verdict);
            }
            Type::Unknown => cx.log(Fact::warn("operation without a known type ignored")),
            Type::Reserve
            | Type::Unreserve
            | Type::Create
            | Type::Destroy
            | Type::GrowVolume
            | Type::ShrinkVolume => self.operate_on_offer(cx, bargain, operation),
            Type::CreateDisk | Type::DestroyDisk => {
                let why = "Disks are made by resource providers, which this version does not have";
                self.reject_operation(cx, framework, &operation, why);
            }
        }
    }

    fn launch(&mut self, cx: &mut Cx, bargain: &mut Bargain, operation: Operation) {
        let has_id = operation.id.is_some();
        let tasks = operation.launch.unwrap_or_default().task_infos;
        let framework = self.frameworks.registered[bargain.framework].id.to_wire();
        let prepared = if has_id {
            Err("The `id` field cannot be set on LAUNCH operations".to_owned())
        } else {
            tasks
                .iter()
                .map(|task| prepare(task, &bargain.role, &framework))
                .collect::<Result<Vec<Launch>, String>>()
        };
        match prepared {
            // A malformed resource voids its whole operation, as in Mesos.
            Err(why) => self.reject_tasks(cx, bargain.framework, &tasks, &invalid(&why)),
            Ok(launches) => {
                for launch in launches {
                    self.launch_task(cx, bargain, launch);
                }
            }
        }
    }

    fn launch_task(&mut self, cx: &mut Cx, bargain: &mut Bargain, launch: Launch) {
        let available = bargain.remaining.non_shared() + &bargain.shared;
        let scene = validation::task::Scene {
            framework: &self.frameworks.registered[bargain.framework],
            agent: &self.agents.registered[bargain.agent],
            agent_handle: bargain.agent,
            available: &available,
        };
        if let Err(why) = validation::task::check(&launch, &scene) {
            return self.reject_task(cx, bargain.framework, &launch.info, &invalid(&why));
        }
        let id = TaskId::from_wire(&launch.info.task_id).expect("the check saw it");
        let mut consumed = launch.resources.clone();
        let mut launch_executor = true;
        if let Some(executor) = &launch.info.executor {
            let executor_id = ExecutorId::from_wire(&executor.executor_id).expect("the check saw it");
            launch_executor = !self.has_executor(bargain.framework, bargain.agent, &executor_id);
            if launch_executor {
                consumed += &launch.executor_resources;
                let resources = launch.executor_resources.clone();
                self.add_executor(
                    bargain.framework,
                    bargain.agent,
                    executor_id,
                    (**executor).clone(),
                    resources,
                );
            }
        }
        let further = consumed.shared() - &bargain.remaining.shared();
        if !further.is_empty() {
            bargain.conversions.push(Conversion { consumed: Resources::new(), converted: further });
        }
        bargain.remaining -= &consumed;
        bargain.launched += &consumed;
        self.stage(bargain, id, &launch);
        self.send_to_agent(cx, bargain, launch.info, launch_executor);
    }

    fn stage(&mut self, bargain: &Bargain, id: TaskId, launch: &Launch) {
        let framework = self.frameworks.registered[bargain.framework].id.to_wire();
        let task = Task {
            record: self.new_record(),
            id,
            agent: bargain.agent,
            resources: launch.resources.clone(),
            message: staged(&launch.info, framework).into(),
        };
        self.add_task(bargain.framework, task);
    }

    fn send_to_agent(&mut self, cx: &mut Cx, bargain: &Bargain, task: TaskInfo, launch_executor: bool) {
        let framework = &self.frameworks.registered[bargain.framework];
        let agent = &self.agents.registered[bargain.agent];
        cx.log(
            Fact::info("launching task")
                .with("task", &task.task_id.value)
                .with("framework", &framework.id)
                .with("agent", &agent.id),
        );
        let message = RunTaskMessage {
            framework: FrameworkInfo::clone(&framework.info),
            task,
            resource_version_uuids: resource_versions(agent),
            pid: framework.pid().map(ToString::to_string),
            launch_executor: Some(launch_executor),
            ..RunTaskMessage::default()
        };
        cx.send(&agent.pid, ToAgent::RunTask(Box::new(message)));
    }

    /// What was changed is so now, what was used is used now; the rest goes back. What operations made is not refused.
    fn settle(&mut self, cx: &mut Cx, bargain: Bargain, refused: Option<std::time::Duration>) {
        if !bargain.conversions.is_empty() {
            cx.push(Effect::Allocator(Call::Convert {
                agent: bargain.agent,
                framework: bargain.framework,
                conversions: bargain.conversions,
            }));
        }
        if !bargain.launched.is_empty() {
            cx.push(Effect::Allocator(Call::Launch {
                agent: bargain.agent,
                framework: bargain.framework,
                resources: bargain.launched,
            }));
        }
        let converted = (&bargain.remaining + &bargain.resized) - &bargain.offered;
        let declined = bargain.remaining - &converted;
        if !converted.is_empty() {
            self.return_offered(cx, bargain.framework, bargain.agent, converted, None);
        }
        if !declined.is_empty() {
            self.return_offered(cx, bargain.framework, bargain.agent, declined, refused);
        }
    }

    fn reject_tasks(
        &mut self,
        cx: &mut Cx,
        framework: FrameworkHandle,
        tasks: &[TaskInfo],
        verdict: &Verdict<'_>,
    ) {
        for task in tasks {
            self.reject_task(cx, framework, task, verdict);
        }
    }
}

fn invalid(why: &str) -> Verdict<'_> {
    Verdict { state: TaskState::TaskError, reason: Reason::TaskInvalid, message: why }
}

fn tasks_of(operation: &Operation) -> &[TaskInfo] {
    match (&operation.launch, &operation.launch_group) {
        (Some(launch), _) if operation.r#type() == Type::Launch => &launch.task_infos,
        (_, Some(group)) if operation.r#type() == Type::LaunchGroup => &group.task_group.tasks,
        _ => &[],
    }
}

/// Reads the resources of a task, and fills in what its framework may leave out.
fn prepare(task: &TaskInfo, role: &Role, framework: &v1::FrameworkId) -> Result<Launch, String> {
    let resources = read(&task.resources, role)?;
    let executor_resources = match &task.executor {
        Some(executor) => read(&executor.resources, role)?,
        None => Resources::new(),
    };
    let roles = validation::resources::roles_of(&task.resources, role);
    let had_resources = !task.resources.is_empty();
    let mut info = task.clone();
    info.resources = resources.to_wire();
    if let Some(executor) = &mut info.executor {
        executor.resources = executor_resources.to_wire();
        executor.framework_id.get_or_insert_with(|| framework.clone());
    }
    if let Some(check) = &mut info.health_check
        && check.r#type.is_none()
    {
        check.r#type = derived_type(check).map(|r#type| r#type as i32);
    }
    Ok(Launch { info, resources, executor_resources, roles, had_resources })
}

/// Resources that name no role are those of the offer's role.
fn read(wire: &[v1::Resource], role: &Role) -> Result<Resources, String> {
    let resources = Resources::from_wire(wire).map_err(|why| why.to_string())?;
    let allocate = |resource: Resource| match resource.allocation() {
        Some(_) => resource,
        None => resource.allocated_to(role.clone()),
    };
    Ok(resources.into_iter().map(allocate).collect())
}

/// Old frameworks do not say which kind of health check theirs is.
fn derived_type(check: &v1::HealthCheck) -> Option<health_check::Type> {
    match (&check.command, &check.http) {
        (Some(_), None) => Some(health_check::Type::Command),
        (None, Some(_)) => Some(health_check::Type::Http),
        _ => None,
    }
}

fn resource_versions(agent: &Agent) -> Vec<ResourceVersionUuid> {
    let own = agent.resource_version.as_deref().cloned();
    own.into_iter().map(|uuid| ResourceVersionUuid { resource_provider_id: None, uuid }).collect()
}
