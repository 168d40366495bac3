//! Drivers: schedulers of the unversioned API, as programs linked against libmesos have them. To the core a driver is one
//! more way in; what is said is the same, in other messages.
//!
//! Drivers since Mesos 0.22 say everything with `mesos.scheduler.Call`, older ones and those of other languages with a message
//! for each verb ([`calls`]). Both are told everything with a message for each event ([`events`]).

mod calls;
mod events;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use libactor::{Context, Pid, Receive, Routes};
use tepui_master_core::{Driver, Input, SchedulerCall, Via};
use tepui_model::about::{About as _, Kind as _};
use tepui_proto::internal;
use tepui_proto::mesos::scheduler::Call as DriverCall;
use tepui_proto::v1::scheduler::{Call, Event, call};

use crate::actor::{MasterActor, core_pid};
use crate::perform::tell_about;
use crate::rate_limits::What;
use calls::IntoCall;
pub(crate) use calls::Said;
use events::{Told, Whereabouts};

/// The messages of drivers.
pub(crate) fn install(routes: &mut Routes<MasterActor>) {
    routes
        .message::<DriverCall>()
        .message::<internal::RegisterFrameworkMessage>()
        .message::<internal::ReregisterFrameworkMessage>()
        .message::<internal::UnregisterFrameworkMessage>()
        .message::<internal::DeactivateFrameworkMessage>()
        .message::<internal::ResourceRequestMessage>()
        .message::<internal::LaunchTasksMessage>()
        .message::<internal::ReviveOffersMessage>()
        .message::<internal::KillTaskMessage>()
        .message::<internal::StatusUpdateAcknowledgementMessage>()
        .message::<internal::FrameworkToExecutorMessage>()
        .message::<internal::ReconcileTasksMessage>();
}

impl MasterActor {
    /// A driver calls.
    pub(crate) fn driver_says(&mut self, cx: &mut Context<Self>, from: &Pid, said: Said) {
        let Said { call, force } = said;
        let call = match self.vouched(from, call) {
            Ok(Some(call)) => call,
            Ok(None) => return,
            Err(why) => return cx.tell(from, internal::FrameworkErrorMessage { message: why }),
        };
        // What a driver that already knows its id is told when it is subscribed.
        let is_known = call.framework_id.as_ref().is_some_and(|id| !id.value.is_empty());
        self.call.driver_returns = call.r#type() == call::Type::Subscribe && is_known && !force;
        let driver = Driver { pid: core_pid(from), force };
        self.step(cx, Input::Call(Box::new(SchedulerCall { call, via: Via::Driver(driver) })));
        self.call.driver_returns = false;
    }

    /// One event is one message; some events are none.
    pub(crate) fn tell_driver(&mut self, cx: &Context<Self>, to: &tepui_master_core::Pid, event: Arc<Event>) {
        let kind = [("kind", event.kind().to_owned())];
        let tags = kind.into_iter().chain(event.about()).collect();
        let whereabouts = Whereabouts {
            framework: self.core.framework_at(to),
            agent: &|id| self.core.agent_pid(id),
            driver_returns: self.call.driver_returns,
        };
        match events::told(Arc::unwrap_or_clone(event), &whereabouts) {
            None => {}
            Some(Told::Registered(message)) => tell_about(cx, to, *message, tags),
            Some(Told::Reregistered(message)) => tell_about(cx, to, *message, tags),
            Some(Told::Offers(message)) => tell_about(cx, to, message, tags),
            Some(Told::Rescinded(message)) => tell_about(cx, to, message, tags),
            Some(Told::StatusUpdate(message)) => tell_about(cx, to, *message, tags),
            Some(Told::FromExecutor(message)) => tell_about(cx, to, message, tags),
            Some(Told::LostAgent(message)) => tell_about(cx, to, message, tags),
            Some(Told::ExitedExecutor(message)) => tell_about(cx, to, message, tags),
            Some(Told::Error(message)) => tell_about(cx, to, message, tags),
        }
    }
}

impl Receive<internal::DeactivateFrameworkMessage> for MasterActor {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: internal::DeactivateFrameworkMessage) {
        cx.tag("framework", &message.framework_id.value);
        let what = What::Deactivate(message.framework_id);
        self.metered::<internal::DeactivateFrameworkMessage>(cx, from, what);
    }
}

/// A driver's message becomes the call of its name.
macro_rules! from_drivers {
    ($($message:ty),* $(,)?) => {$(
        impl Receive<$message> for MasterActor {
            fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: $message) {
                match message.into_call() {
                    Ok(said) => {
                        cx.tag("kind", said.call.kind());
                        said.call.about().iter().for_each(|(key, value)| cx.tag(key, value));
                        self.metered::<$message>(cx, from, What::Driver(said));
                    }
                    Err(why) => {
                        tracing::info!(%from, why, "refused a driver's message");
                        cx.tell(from, internal::FrameworkErrorMessage { message: why.into() });
                    }
                }
            }
        }
    )*};
}

from_drivers! {
    DriverCall,
    internal::RegisterFrameworkMessage,
    internal::ReregisterFrameworkMessage,
    internal::UnregisterFrameworkMessage,
    internal::ResourceRequestMessage,
    internal::LaunchTasksMessage,
    internal::ReviveOffersMessage,
    internal::KillTaskMessage,
    internal::StatusUpdateAcknowledgementMessage,
    internal::FrameworkToExecutorMessage,
    internal::ReconcileTasksMessage,
}

/// The call of the v1 API that a message stands for.
fn call_of(framework: tepui_proto::v1::FrameworkId, r#type: call::Type) -> Call {
    Call { framework_id: Some(framework), r#type: Some(r#type as i32), ..Call::default() }
}
