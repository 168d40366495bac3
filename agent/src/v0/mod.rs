//! Executors that are linked against libmesos: to the core one more way in; what is said is the same, in other messages.

mod calls;
mod events;

#[cfg(test)]
mod tests;

use libactor::{Context, Pid, Receive, Routes};
use tepui_agent_core::{ExecutorCall, Input, Pid as CorePid};
use tepui_model::about::{About as _, Kind as _};
use tepui_proto::internal;
use tepui_proto::v1::AgentId;
use tepui_proto::v1::executor::{Call, Event, call, event};

use crate::actor::AgentActor;
use crate::perform::tell_about;
use calls::IntoCall;
use events::{Told, Whereabouts};

/// The messages of executors. The agent gets no others of these names.
pub(crate) fn install(routes: &mut Routes<AgentActor>) {
    routes
        .message::<internal::RegisterExecutorMessage>()
        .message::<internal::ReregisterExecutorMessage>()
        .message::<internal::StatusUpdateMessage>()
        .message::<internal::ExecutorToFrameworkMessage>();
}

/// What a driver says is the call of its name.
macro_rules! from_executors {
    ($($message:ident),* $(,)?) => {$(
        impl Receive<internal::$message> for AgentActor {
            fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: internal::$message) {
                self.driver_says(cx, from, message.into_call());
            }
        }
    )*};
}

from_executors! {
    RegisterExecutorMessage,
    StatusUpdateMessage,
    ExecutorToFrameworkMessage,
}

impl Receive<internal::ReregisterExecutorMessage> for AgentActor {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: internal::ReregisterExecutorMessage) {
        self.driver_returns = true;
        self.driver_says(cx, from, message.into_call());
        self.driver_returns = false;
    }
}

impl AgentActor {
    fn driver_says(&mut self, cx: &mut Context<Self>, from: &Pid, call: Call) {
        cx.tag("kind", call.kind());
        call.about().iter().for_each(|(key, value)| cx.tag(key, value));
        let from = CorePid::new(from.to_string());
        if call.r#type() == call::Type::Subscribe {
            self.told.actor_calls(from.clone(), &call);
        }
        self.step(cx, Input::Executor(Box::new(ExecutorCall::driver(call, from))));
    }

    /// One event is one message; some events are none.
    pub(crate) fn tell_driver(&mut self, cx: &mut Context<Self>, to: &CorePid, event: &Event) {
        let kind = [("kind", event.kind().to_owned())];
        let tags = kind.into_iter().chain(event.about()).collect();
        let Some(whereabouts) = self.core.driver_at(to).map(|(run, framework)| Whereabouts {
            agent: run.agent.to_wire(),
            framework: run.framework.to_wire(),
            executor: run.executor.to_wire(),
            info: framework.info.clone(),
            pid: framework.pid.clone(),
            returns: self.driver_returns,
        }) else {
            // It came too late to be anybody, and may only end; anything else is not for it any more.
            if event.r#type() == event::Type::Shutdown {
                tell_about(cx, to, internal::ShutdownExecutorMessage::default(), tags);
            }
            return;
        };
        match events::told(event, whereabouts) {
            None => {}
            Some(Told::Registered(message)) => tell_about(cx, to, *message, tags),
            Some(Told::Reregistered(message)) => tell_about(cx, to, *message, tags),
            Some(Told::Run(message)) => tell_about(cx, to, *message, tags),
            Some(Told::Kill(message)) => tell_about(cx, to, message, tags),
            Some(Told::Acknowledged(message)) => tell_about(cx, to, message, tags),
            Some(Told::FromFramework(message)) => tell_about(cx, to, message, tags),
            Some(Told::Shutdown(message)) => tell_about(cx, to, message, tags),
        }
    }
}

/// Asks an executor of this agent's earlier life to register again: its driver does not know that there was another.
pub(crate) fn reconnect(cx: &mut Context<AgentActor>, to: &CorePid, slave_id: AgentId) {
    match to.as_str().parse::<Pid>() {
        Ok(pid) => {
            // This node has not heard from it yet.
            cx.node().speak_libprocess(pid.address());
            cx.tell(&pid, internal::ReconnectExecutorMessage { slave_id });
        }
        Err(why) => tracing::warn!(%why, "an executor has no address to be reached at"),
    }
}
