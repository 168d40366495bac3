//! What executors say, one file per verb.

mod message;
mod subscribe;
mod update;

use tepui_model::{ContainerId, ExecutorId, FrameworkId};
use tepui_proto::v1::executor::call;

use crate::agent::{Agent, Phase};
use crate::checks;
use crate::cx::Cx;
use crate::effect::{Effect, Reply};
use crate::executor::{Executor, ExecutorPhase};
use crate::fact::Fact;
use crate::framework::Framework;
use crate::input::ExecutorCall;
use crate::limits;
use crate::names::{Peer, Pid, RequestId, Timer};
use crate::run::Run;

impl Agent {
    /// The checks and their order are those of Mesos' executor API, but for one: what an executor that is already back says
    /// during recovery is taken, because it would not say it again.
    pub(crate) fn executor_call(&mut self, cx: &mut Cx, call: ExecutorCall) {
        let request = call.request;
        match self.admit(&call) {
            Err(Reply::Accepted) => reply(cx, request, Reply::Accepted),
            Err(refusal) => {
                if request.is_none() {
                    cx.log(Fact::warn("call of an executor refused").with("why", format!("{refusal:?}")));
                }
                reply(cx, request, refusal);
            }
            Ok((kind, framework, executor)) => match kind {
                call::Type::Subscribe => self.subscribe(cx, &framework, &executor, call),
                call::Type::Update => {
                    reply(cx, request, Reply::Accepted);
                    self.update(cx, &framework, &executor, call.call);
                }
                call::Type::Message => {
                    reply(cx, request, Reply::Accepted);
                    self.message(cx, &framework, &executor, call.call);
                }
                call::Type::Heartbeat => reply(cx, request, Reply::Accepted),
                call::Type::Unknown => {
                    reply(cx, request, Reply::NotImplemented("501 Not Implemented.".into()))
                }
            },
        }
    }

    fn admit(&self, call: &ExecutorCall) -> Result<(call::Type, FrameworkId, ExecutorId), Reply> {
        let kind = checks::call(&call.call).map_err(Reply::BadRequest)?;
        if kind == call::Type::Heartbeat {
            return Err(Reply::Accepted);
        }
        let too_early = || Reply::Unavailable("Agent has not finished recovery".into());
        if self.phase == Phase::Starting {
            return Err(too_early());
        }
        let no_framework = || Reply::BadRequest("Framework cannot be found".into());
        let framework = FrameworkId::from_wire(&call.call.framework_id).map_err(|_| no_framework())?;
        let found = self.frameworks.get(&framework).ok_or_else(no_framework)?;
        let no_executor = || Reply::BadRequest("Executor cannot be found".into());
        let id = ExecutorId::from_wire(&call.call.executor_id).map_err(|_| no_executor())?;
        let executor = found.executors.get(&id).ok_or_else(no_executor)?;
        if kind != call::Type::Subscribe && !is_subscribed(executor, call.peer.as_ref()) {
            return Err(match self.phase {
                Phase::Starting | Phase::Recovering => too_early(),
                Phase::Disconnected { .. } | Phase::Running { .. } | Phase::Terminating { .. } => {
                    Reply::Forbidden("Executor is not subscribed".into())
                }
            });
        }
        Ok((kind, framework, id))
    }

    /// The run and the framework of the executor that is this driver.
    pub fn driver_at(&self, pid: &Pid) -> Option<(&Run, &Framework)> {
        let is_its = |executor: &&Executor| executor.peer() == Some(&Peer::Driver(pid.clone()));
        self.frameworks
            .values()
            .find_map(|framework| Some((&framework.executors.values().find(is_its)?.run, framework)))
    }

    /// An executor's stream or actor is gone. Its container tells whether it is.
    pub(crate) fn executor_gone(&mut self, cx: &mut Cx, peer: &Peer) {
        for framework in self.frameworks.values_mut() {
            for executor in framework.executors.values_mut() {
                let is_gone =
                    |own: &Peer| own == peer || own.pid().is_some_and(|own| Some(own) == peer.pid());
                if !executor.peer().is_some_and(is_gone) {
                    continue;
                }
                cx.log(Fact::info("executor disconnected").with("executor", &executor.run));
                let lost = match &mut executor.phase {
                    ExecutorPhase::Running { peer } => peer.take(),
                    ExecutorPhase::Terminating { peer } => {
                        *peer = None;
                        None
                    }
                    ExecutorPhase::Registering | ExecutorPhase::Terminated => None,
                };
                if let Some(Peer::Driver(pid)) = lost {
                    // Its own connection to us may stand: it does not notice, and has to be asked.
                    executor.to_reconnect = Some(pid);
                    let container = executor.run.container.clone();
                    self.call_back(cx, &container, limits::CALLS_TO_COME_BACK);
                }
                return;
            }
        }
    }
}

impl Agent {
    /// Asks a driver that was lost to register again, as long as its container lives and it has not. `calls` are left.
    pub(crate) fn call_back(&mut self, cx: &mut Cx, container: &ContainerId, calls: u32) {
        let (Some(agent), Some(executor)) = (self.id.clone(), self.executor_in(container)) else { return };
        let ExecutorPhase::Running { peer: None } = executor.phase else { return };
        let Some(to) = executor.to_reconnect.clone() else { return };
        cx.push(Effect::Reconnect { to, agent });
        if calls > 1 {
            let timer = Timer::CallBack { container: container.clone(), calls: calls - 1 };
            cx.push(Effect::Arm { timer, after: limits::CALL_BACK_AFTER });
        }
    }
}

/// An actor must be the one that subscribed; over HTTP any connection may carry the calls of a subscribed executor.
fn is_subscribed(executor: &Executor, caller: Option<&Peer>) -> bool {
    match (executor.peer(), caller) {
        (Some(Peer::Actor(subscribed)), Some(Peer::Actor(caller)))
        | (Some(Peer::Driver(subscribed)), Some(Peer::Driver(caller))) => subscribed == caller,
        (Some(Peer::Http(_)), Some(Peer::Http(_)) | None) => true,
        (Some(_) | None, _) => false,
    }
}

pub(crate) fn reply(cx: &mut Cx, request: Option<RequestId>, reply: Reply) {
    if let Some(request) = request {
        cx.push(Effect::Reply { request, reply });
    }
}
