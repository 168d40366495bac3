//! The calls and events of HTTP schedulers in the flight recorder, where they stand beside the messages of actors.

use bytes::Bytes;
use libactor::trace::{Cause, Causes, Entry, Outcome};
use libactor::{Context, Pid};
use prost::Name as _;
use tepui_master_core::{Input, SchedulerCall};
use tepui_model::about::{About as _, Kind as _};
use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Call, Event};

use crate::actor::MasterActor;

/// Offers, and updates, whose events are remembered until a call of a client without trace context answers them: more than
/// are outstanding in the largest clusters. Beyond it, the oldest begin a trace of their own.
const REMEMBERED: usize = 65_536;

/// What clients were told: their calls follow from it, also when they do not say so.
pub(crate) struct Told {
    offers: Causes<String>,
    updates: Causes<Bytes>,
}

impl Told {
    pub(crate) fn new() -> Told {
        Told { offers: Causes::new(REMEMBERED), updates: Causes::new(REMEMBERED) }
    }

    fn note(&mut self, event: &Event, cause: Cause) {
        for offer in event.offers.iter().flat_map(|offers| &offers.offers) {
            self.offers.note(offer.id.value.clone(), cause);
        }
        if let Some(uuid) = event.update.as_ref().and_then(|update| update.status.uuid.clone()) {
            self.updates.note(uuid, cause);
        }
    }

    /// The event that the call answers.
    fn answered(&self, call: &Call) -> Option<Cause> {
        let accepted = call.accept.iter().flat_map(|accept| &accept.offer_ids);
        let declined = call.decline.iter().flat_map(|decline| &decline.offer_ids);
        let offer = accepted.chain(declined).find_map(|offer| self.offers.find(&offer.value));
        offer.or_else(|| self.updates.find(&call.acknowledge.as_ref()?.uuid))
    }
}

/// The pid of a client, which has no address of its own.
pub(crate) fn client(cx: &Context<MasterActor>, framework: Option<&v1::FrameworkId>) -> Pid {
    let name = framework.map_or_else(|| "http".to_owned(), |id| format!("http({})", id.value));
    Pid::new(&name, cx.node().address()).unwrap_or_else(|_| cx.node().pid("http"))
}

impl MasterActor {
    /// A call that came over HTTP; what the core does follows from it.
    pub(crate) fn recorded(&mut self, cx: &mut Context<Self>, call: Box<SchedulerCall>, arrival: &Arrival) {
        let SchedulerCall { call: said, .. } = &*call;
        let cause = arrival.parent.or_else(|| self.told.answered(said)).unwrap_or_else(Cause::current);
        let name = format!("{}.{}", Call::full_name(), said.kind());
        let from = client(cx, said.framework_id.as_ref());
        let mut entry = Entry::received(&from, cx.me(), name, arrival.size).caused_by(cause);
        for (key, value) in said.about() {
            entry = entry.tag(key, &value);
        }
        let this = cx.node().recorder().record(entry);
        cx.node().recorder().began(this.message);
        this.during(|| self.step(cx, Input::Call(call)));
        cx.node().recorder().ended(this.message, Outcome::Handled);
    }

    /// An event that is about to be sent to a client; what it answers follows from it.
    pub(crate) fn record_event(&mut self, cx: &Context<Self>, to: &Pid, event: &Event, size: usize) -> Cause {
        let name = format!("{}.{}", Event::full_name(), event.kind());
        let mut entry = Entry::sent(cx.me(), to, name, size);
        for (key, value) in event.about() {
            entry = entry.tag(key, &value);
        }
        let cause = cx.node().recorder().record(entry);
        self.told.note(event, cause);
        cause
    }
}

/// How a call came.
pub(crate) struct Arrival {
    /// Bytes of its body.
    pub(crate) size: usize,
    /// The message that it follows from, as its header `traceparent` says.
    pub(crate) parent: Option<Cause>,
    /// Whether events are to say which message they are: a client that asks for it passes it on in `traceparent`.
    pub(crate) wants_causes: bool,
}
