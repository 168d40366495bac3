//! A framework's life beside its calls: how it is added, changed, disconnected, and ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tepui_model::{FrameworkCapabilities, FrameworkId, ResourceQuantities, Role, duration};
use tepui_proto::internal::ShutdownFrameworkMessage;
use tepui_proto::v1::scheduler::OfferConstraints as WireConstraints;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{FrameworkInfo, TaskState};

use crate::changed::{Changed, TaskStanding};
use crate::constraints::Constraints;
use crate::cx::Cx;
use crate::effect::{Answer, Effect, ToAgent};
use crate::events;
use crate::fact::Fact;
use crate::frameworks::{Framework, Link, Phase, Ring, Tally, Way};
use crate::master::Master;
use crate::names::{Alarm, Connection, FrameworkHandle, Pid, RequestId, Timer};
use crate::operator_calls::Refused;
use crate::status::Verdict;
use crate::validation;
use tepui_allocator::{Call, FrameworkDescription};

/// What a framework may get, checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    roles: BTreeSet<Role>,
    suppressed: BTreeSet<Role>,
    constraints: Option<Constraints>,
    capabilities: FrameworkCapabilities,
    min_allocatable: BTreeMap<Role, Vec<ResourceQuantities>>,
}

impl Profile {
    pub fn new(
        info: &FrameworkInfo,
        roles: BTreeSet<Role>,
        suppressed: &[String],
        constraints: Option<WireConstraints>,
    ) -> Result<Profile, String> {
        let suppressed = validation::framework::suppressed(&roles, suppressed)?;
        let constraints = constraints.map(|given| Constraints::checked(&roles, given)).transpose()?;
        let capabilities = FrameworkCapabilities::from(info.capabilities.as_slice());
        let min_allocatable = validation::framework::min_allocatable(info)?;
        Ok(Profile { roles, suppressed, constraints, capabilities, min_allocatable })
    }
}

impl Profile {
    /// The role of a framework that has one.
    pub fn only_role(&self) -> Option<&Role> {
        self.roles.first().filter(|_| self.roles.len() == 1)
    }
}

impl Framework {
    fn description(&self) -> FrameworkDescription {
        FrameworkDescription {
            id: self.id.clone(),
            roles: self.roles.clone(),
            suppressed: self.suppressed.clone(),
            capabilities: self.capabilities,
            min_allocatable: self.min_allocatable.clone(),
            constraints: self
                .constraints
                .as_ref()
                .map(|constraints| constraints.kept.clone())
                .unwrap_or_default(),
        }
    }
}

impl Master {
    /// A framework without a scheduler, of which the allocator does not know yet.
    pub(crate) fn add_framework(
        &mut self,
        cx: &mut Cx,
        id: FrameworkId,
        info: FrameworkInfo,
        profile: Profile,
    ) -> FrameworkHandle {
        let handle = self.frameworks.registered.insert(Framework {
            id: id.clone(),
            info: Arc::new(info),
            roles: profile.roles,
            suppressed: profile.suppressed,
            constraints: profile.constraints,
            capabilities: profile.capabilities,
            min_allocatable: profile.min_allocatable,
            phase: Phase::Recovered,
            last_driver: None,
            registered: cx.now,
            reregistered: None,
            tasks: BTreeMap::new(),
            unreachable: Ring::default(),
            completed: Ring::default(),
            executors: BTreeMap::new(),
            offers: BTreeSet::new(),
            used: Tally::default(),
            offered: Tally::default(),
        });
        self.frameworks.by_id.insert(id, handle);
        self.changes.frameworks.insert(handle);
        handle
    }

    /// A framework that others knew before this master did.
    pub(crate) fn recover_framework(
        &mut self,
        cx: &mut Cx,
        id: FrameworkId,
        info: FrameworkInfo,
        profile: Profile,
    ) -> FrameworkHandle {
        cx.log(Fact::info("framework recovered").with("framework", &id));
        let handle = self.add_framework(cx, id, info, profile);
        self.tell_allocator_of_framework(cx, handle);
        handle
    }

    pub(crate) fn tell_allocator_of_framework(&mut self, cx: &mut Cx, handle: FrameworkHandle) {
        let framework = &self.frameworks.registered[handle];
        cx.push(Effect::Allocator(Call::AddFramework {
            framework: handle,
            description: framework.description(),
            active: matches!(framework.phase, Phase::Active(_)),
        }));
    }

    /// A known framework describes itself anew. Offers in roles it left are rescinded; its tasks go on.
    pub(crate) fn change_framework(
        &mut self,
        cx: &mut Cx,
        handle: FrameworkHandle,
        info: FrameworkInfo,
        profile: Profile,
    ) {
        let framework = &mut self.frameworks.registered[handle];
        framework.info = Arc::new(info);
        framework.roles = profile.roles;
        framework.suppressed = profile.suppressed;
        framework.constraints = profile.constraints;
        framework.capabilities = profile.capabilities;
        framework.min_allocatable = profile.min_allocatable;
        self.changes.frameworks.insert(handle);

        let framework = &self.frameworks.registered[handle];
        cx.push(Effect::Allocator(Call::UpdateFramework {
            framework: handle,
            description: framework.description(),
        }));
        let offers = framework.offers.iter().copied();
        let left = offers.filter(|offer| !framework.roles.contains(&self.offers.outstanding[*offer].role));
        for offer in left.collect::<Vec<_>>() {
            self.rescind_offer(cx, offer);
        }
    }

    pub(crate) fn heartbeat_due(&mut self, cx: &mut Cx, handle: FrameworkHandle, timer: Timer) {
        let next = Timer { serial: self.next_serial(), ..timer };
        let Some(framework) = self.frameworks.registered.get_mut(handle) else { return };
        let (Phase::Active(link) | Phase::Inactive(link)) = &mut framework.phase else { return };
        if link.heartbeat != timer {
            return;
        }
        link.heartbeat = next;
        cx.event(link.peer(), events::heartbeat());
        cx.push(Effect::Arm { timer: next, at: cx.now + self.config.heartbeat_interval });
    }

    pub(crate) fn stream_ended(&mut self, cx: &mut Cx, connection: Connection) {
        let Some(handle) = self.frameworks.by_connection.remove(&connection) else {
            // Its framework ended, or has a newer stream.
            return;
        };
        self.disconnected(cx, handle);
    }

    pub(crate) fn scheduler_exited(&mut self, cx: &mut Cx, pid: &Pid) {
        if let Some(handle) = self.frameworks.by_pid.remove(pid) {
            self.disconnected(cx, handle);
        }
    }

    /// The scheduler is away: its offers go back, and it has its failover timeout to return.
    fn disconnected(&mut self, cx: &mut Cx, handle: FrameworkHandle) {
        if let Some(link) = self.frameworks.registered[handle].link() {
            cx.push(Effect::Disarm(link.heartbeat));
        }
        let timeout = self.frameworks.registered[handle].info.failover_timeout().max(0.0);
        let timeout = duration::from_secs(timeout).unwrap_or(Duration::MAX);
        let until = self.arm(cx, Alarm::Failover(handle), timeout);
        let framework = &mut self.frameworks.registered[handle];
        let was_active = matches!(framework.phase, Phase::Active(_));
        framework.phase = Phase::Disconnected { until };
        let id = framework.id.clone();
        cx.log(
            Fact::info("framework disconnected")
                .with("framework", &id)
                .with("failover_timeout", duration::print(timeout)),
        );
        self.changes.frameworks.insert(handle);
        if was_active {
            cx.push(Effect::Allocator(Call::DeactivateFramework(handle)));
        }
        self.discard_offers_of(cx, handle);
        self.discard_inverse_offers_of(cx, handle);
    }

    pub(crate) fn failover_due(&mut self, cx: &mut Cx, handle: FrameworkHandle, timer: Timer) {
        let Some(framework) = self.frameworks.registered.get(handle) else { return };
        match framework.phase {
            Phase::Disconnected { until } if until == timer => {
                cx.log(Fact::info("failover timeout over").with("framework", &framework.id));
                self.remove_framework(cx, handle);
            }
            Phase::Disconnected { .. } | Phase::Active(_) | Phase::Inactive(_) | Phase::Recovered => {}
        }
    }

    pub(crate) fn teardown_call(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        framework: &str,
    ) -> Result<(), Refused> {
        let Some(handle) = self.frameworks.find(framework) else {
            return Err(Answer::refused(400, "No framework found with specified ID"));
        };
        self.remove_framework(cx, handle);
        cx.answer(request, Answer::ok());
        Ok(())
    }

    /// Ends a framework and everything it runs. Its tasks are killed in the books at once; agents do it in their time.
    pub(crate) fn remove_framework(&mut self, cx: &mut Cx, handle: FrameworkHandle) {
        let id = self.frameworks.registered[handle].id.clone();
        cx.log(Fact::info("framework removed").with("framework", &id));
        self.hang_up(cx, handle);
        self.discard_offers_of(cx, handle);
        self.discard_inverse_offers_of(cx, handle);
        for (_, agent) in self.agents.registered.iter() {
            let message = ShutdownFrameworkMessage { framework_id: id.to_wire() };
            cx.send(&agent.pid, ToAgent::ShutdownFramework(message));
        }
        self.kill_in_the_books(cx, handle);
        self.remove_executors_of(cx, handle);
        cx.push(Effect::Allocator(Call::RemoveFramework(handle)));
        self.complete(cx, handle);
    }

    /// Lets go of the scheduler without a word; it asked for the end, or is away.
    fn hang_up(&mut self, cx: &mut Cx, handle: FrameworkHandle) {
        match self.frameworks.registered[handle].phase.clone() {
            Phase::Active(link) => {
                cx.push(Effect::Allocator(Call::DeactivateFramework(handle)));
                self.cut(cx, link);
            }
            Phase::Inactive(link) => self.cut(cx, link),
            Phase::Disconnected { until } => cx.push(Effect::Disarm(until)),
            Phase::Recovered => {}
        }
    }

    fn cut(&mut self, cx: &mut Cx, link: Link) {
        cx.push(Effect::Disarm(link.heartbeat));
        match link.way {
            Way::Http { connection, .. } => {
                self.frameworks.by_connection.remove(&connection);
                cx.push(Effect::Close(connection));
            }
            Way::Actor(pid) | Way::Driver(pid) => {
                self.frameworks.by_pid.remove(&pid);
            }
        }
    }

    fn kill_in_the_books(&mut self, cx: &mut Cx, handle: FrameworkHandle) {
        let framework = &self.frameworks.registered[handle];
        let why = format!("Framework {} removed", framework.id);
        let verdict =
            Verdict { state: TaskState::TaskKilled, reason: Reason::FrameworkRemoved, message: &why };
        for task in framework.tasks.keys().cloned().collect::<Vec<_>>() {
            let status = self.frameworks.registered[handle].tasks[&task].judged(&verdict, cx.now);
            self.update_task(cx, handle, &task, TaskState::TaskKilled, &status);
            self.remove_task(cx, handle, &task, TaskStanding::Completed);
        }
        let unreachable = self.frameworks.registered[handle].unreachable.take(|_| true);
        for mut task in unreachable {
            let status = task.judged(&verdict, cx.now);
            task.record_status(TaskState::TaskKilled, &status);
            self.complete_task(handle, task);
        }
    }

    /// Moves the framework into the ring of those that ended.
    fn complete(&mut self, cx: &mut Cx, handle: FrameworkHandle) {
        let framework = self.frameworks.registered.remove(handle).expect("it is removed once");
        assert!(framework.tasks.is_empty() && framework.executors.is_empty() && framework.offers.is_empty());
        self.frameworks.by_id.remove(&framework.id);
        self.forget_answers_of(handle);
        for (_, agent) in self.agents.registered.iter_mut() {
            agent.killed.retain(|(of, _)| *of != handle);
        }
        let view = Arc::new(framework.last_view(handle, cx.now));
        self.changes.push(Changed::Framework(view.clone()));
        self.frameworks.completed.insert(framework.id.clone(), view);
        self.frameworks.completed_order.push_back(framework.id);
        while self.frameworks.completed_order.len() > self.config.max_completed_frameworks {
            let Some(oldest) = self.frameworks.completed_order.pop_front() else { break };
            self.frameworks.completed.remove(&oldest);
            self.changes.push(Changed::FrameworkForgotten(oldest));
        }
    }
}
