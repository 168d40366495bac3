//! What schedulers ask for: one file for each call, and here the way to them.

mod accept;
mod accept_operation;
mod acknowledge;
mod deactivate;
mod decline;
mod driver;
mod inverse_offers;
mod kill;
mod message;
mod operations;
mod reconcile;
mod revive;
mod shutdown;
mod subscribe;
mod suppress;
mod teardown;
mod update_framework;

#[cfg(test)]
mod tests;

use tepui_proto::v1::scheduler::{Call, call::Type};

use crate::cx::Cx;
use crate::effect::Answer;
use crate::events;
use crate::fact::Fact;
use crate::frameworks::Way;
use crate::input::{HttpRequest, SchedulerCall, Via};
use crate::master::Master;
use crate::names::{FrameworkHandle, RequestId};
use crate::validation;

use subscribe::NewLink;

impl Master {
    pub(crate) fn scheduler_call(&mut self, cx: &mut Cx, call: SchedulerCall) {
        match call.via {
            Via::Http(request) => self.http_call(cx, call.call, request),
            Via::Actor(pid) => self.actor_call(cx, call.call, NewLink::Actor(pid)),
            Via::Driver(driver) => self.driver_call(cx, call.call, driver),
        }
    }

    fn http_call(&mut self, cx: &mut Cx, call: Call, http: HttpRequest) {
        let request = http.request;
        if !self.is_serving() {
            return cx.answer(request, Answer::refused(503, "Master has not finished recovery"));
        }
        let r#type = match validation::call::check(&call, http.principal.as_deref()) {
            Ok(r#type) => r#type,
            Err(why) => {
                count_invalid(cx, &call);
                let body = format!("Failed to validate scheduler::Call: {why}");
                return cx.answer(request, Answer::refused(400, body));
            }
        };
        if matches!(r#type, Type::Subscribe | Type::ReconcileOperations) && !http.acceptable {
            let body = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";
            return cx.answer(request, Answer::refused(406, body));
        }
        if r#type == Type::Subscribe {
            return self.http_subscribe(cx, call, http);
        }
        let mut call = call;
        if let (Some(principal), Some(update)) = (&http.principal, &mut call.update_framework) {
            // As it was filled in when the framework subscribed.
            update.framework_info.principal.get_or_insert_with(|| principal.clone());
        }
        match self.caller(&call, &http) {
            Ok(framework) => self.answered_call(cx, framework, r#type, call, request),
            Err(answer) => cx.answer(request, answer),
        }
    }

    fn http_subscribe(&mut self, cx: &mut Cx, call: Call, http: HttpRequest) {
        if http.stream_id.is_some() {
            let body = "Subscribe calls should not include the 'Mesos-Stream-Id' header";
            return cx.answer(http.request, Answer::refused(400, body));
        }
        let mut subscribe = *call.subscribe.expect("the check saw it");
        if subscribe.framework_info.principal.is_none() {
            subscribe.framework_info.principal = http.principal;
        }
        let stream = http.stream.expect("the shell makes a stream for every SUBSCRIBE");
        let link =
            NewLink::Http { request: http.request, connection: stream.connection, stream_id: stream.id };
        self.subscribe(cx, link, subscribe);
    }

    /// The framework that an HTTP call comes from, or why it is refused. The order of the checks is Mesos'.
    fn caller(&self, call: &Call, http: &HttpRequest) -> Result<FrameworkHandle, Answer> {
        let id = call.framework_id.as_ref().map_or("", |id| id.value.as_str());
        let Some(handle) = self.frameworks.find(id) else {
            return Err(Answer::refused(400, "Framework cannot be found"));
        };
        let framework = &self.frameworks.registered[handle];
        if let Some(principal) = &http.principal
            && *principal != *framework.info.principal()
        {
            let body = format!(
                "Authenticated principal '{principal}' does not match principal '{}' set in `FrameworkInfo`",
                framework.info.principal()
            );
            return Err(Answer::refused(400, body));
        }
        let stream_id = match framework.link().map(|link| &link.way) {
            None => return Err(Answer::refused(403, "Framework is not subscribed")),
            Some(Way::Actor(_) | Way::Driver(_)) => {
                return Err(Answer::refused(403, "Framework is not connected via HTTP"));
            }
            Some(Way::Http { stream_id, .. }) => stream_id,
        };
        match &http.stream_id {
            None => {
                let body = "All non-subscribe calls should include the 'Mesos-Stream-Id' header";
                Err(Answer::refused(400, body))
            }
            Some(given) if given != stream_id => {
                let body = format!(
                    "The stream ID '{given}' included in this request didn't match the stream ID currently associated \
                     with framework ID {id}"
                );
                Err(Answer::refused(400, body))
            }
            Some(_) => Ok(handle),
        }
    }

    fn answered_call(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        r#type: Type,
        call: Call,
        request: RequestId,
    ) {
        let answer = match r#type {
            Type::Unknown => Answer::refused(501, "501 Not Implemented."),
            Type::UpdateFramework => match self.update_framework(cx, from, call) {
                Ok(()) => Answer::ok(),
                Err(why) => Answer::refused(400, why),
            },
            r#type => match self.call_from(cx, from, r#type, call) {
                Ok(()) => Answer::accepted(),
                Err(why) => Answer::refused(400, why),
            },
        };
        cx.answer(request, answer);
    }

    /// A call that nothing answers but events; `link` is what a SUBSCRIBE makes of its sender.
    fn actor_call(&mut self, cx: &mut Cx, call: Call, link: NewLink) {
        if !self.is_serving() {
            return cx.count("master/dropped_messages");
        }
        let r#type = match validation::call::check(&call, None) {
            Ok(r#type) => r#type,
            Err(why) => {
                count_invalid(cx, &call);
                return cx.log(Fact::warn("invalid call dropped").with("from", link.peer()).with("why", why));
            }
        };
        if r#type == Type::Subscribe {
            let subscribe = *call.subscribe.expect("the check saw it");
            return self.subscribe(cx, link, subscribe);
        }
        let Some(framework) = self.actor_caller(&call, &link) else {
            cx.count("master/dropped_messages");
            let call = r#type.as_str_name();
            return cx.log(
                Fact::warn("call of a framework that is not subscribed dropped")
                    .with("from", link.peer())
                    .with("call", call),
            );
        };
        let done = match r#type {
            Type::UpdateFramework => self.update_framework(cx, framework, call),
            r#type => self.call_from(cx, framework, r#type, call),
        };
        if let Err(why) = done {
            cx.event(link.peer(), events::error(why));
        }
    }

    fn actor_caller(&self, call: &Call, link: &NewLink) -> Option<FrameworkHandle> {
        let framework = self.frameworks.find(&call.framework_id.as_ref()?.value)?;
        let is_its_own = self.frameworks.registered[framework].peer() == Some(link.peer());
        is_its_own.then_some(framework)
    }

    /// Performs a checked call of a connected framework. What is wrong with it beyond its form is told by events.
    /// The error is a call too big to be taken.
    fn call_from(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        r#type: Type,
        call: Call,
    ) -> Result<(), String> {
        const CHECKED: &str = "the check saw it";
        match r#type {
            Type::Teardown => self.teardown(cx, from),
            Type::Accept => self.accept(cx, from, *call.accept.expect(CHECKED))?,
            Type::Decline => self.decline(cx, from, *call.decline.expect(CHECKED))?,
            Type::AcceptInverseOffers => {
                self.accept_inverse_offers(cx, from, *call.accept_inverse_offers.expect(CHECKED))?;
            }
            Type::DeclineInverseOffers => {
                self.decline_inverse_offers(cx, from, *call.decline_inverse_offers.expect(CHECKED))?;
            }
            Type::Revive => self.revive(cx, from, &call.revive.unwrap_or_default().roles),
            Type::Suppress => self.suppress(cx, from, &call.suppress.unwrap_or_default().roles),
            Type::Kill => self.kill(cx, from, *call.kill.expect(CHECKED)),
            Type::Shutdown => self.shutdown_executor(cx, from, *call.shutdown.expect(CHECKED)),
            Type::Acknowledge => self.acknowledge(cx, from, *call.acknowledge.expect(CHECKED)),
            Type::AcknowledgeOperationStatus => {
                self.acknowledge_operation(cx, from, *call.acknowledge_operation_status.expect(CHECKED));
            }
            Type::Reconcile => self.reconcile(cx, from, &call.reconcile.expect(CHECKED).tasks),
            Type::ReconcileOperations => {
                self.reconcile_operations(cx, from, &call.reconcile_operations.expect(CHECKED).operations);
            }
            Type::Message => self.message_to_executor(cx, from, *call.message.expect(CHECKED)),
            Type::Request => cx.count("master/messages_resource_request"),
            // Answered by the callers, and nothing an actor could be told.
            Type::Subscribe | Type::UpdateFramework | Type::Unknown => {}
        }
        Ok(())
    }
}

fn count_invalid(cx: &mut Cx, call: &Call) {
    if let Some(counter) = validation::call::invalid_counter(call) {
        cx.count(counter);
    }
}
