//! `--rate_limits`: how many messages frameworks may send that are actors or drivers. Those over HTTP wait for their answers anyway; as in
//! Mesos, they are not limited.

mod limits;
mod throttle;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use libactor::trace::Cause;
use libactor::{Context, Handler, Message, Pid, WireMessage};
use metrics::Counter;
use prost::Message as _;
use tepui_master_core::Input;
use tepui_model::Time;
use tepui_proto::v1::scheduler::{self, Call, Event};
use tepui_proto::{internal, json, v1};

use crate::actor::{MasterActor, core_pid};
use crate::v0::Said;
use throttle::{Admission, Name, Throttle, Weight};

/// How often whom may speak.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RateLimits {
    named: BTreeMap<String, Rate>,
    others: Rate,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Rate {
    /// Messages a second; any number if not set.
    qps: Option<f64>,
    /// How many may wait.
    capacity: Option<u64>,
}

/// Why a text holds no rate limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRateLimits {
    /// Not JSON, or not of this form.
    #[error(
        "{0}; write JSON such as {{\"limits\": [{{\"principal\": \"p\", \"qps\": 10, \"capacity\": 100}}]}}"
    )]
    Json(String),
    /// A rate that is none.
    #[error("{place} {qps} is no rate; write a number above 0, or leave it out for no limit")]
    Rate {
        /// Which field.
        place: String,
        /// What it says.
        qps: String,
    },
    /// One of two would be ignored.
    #[error("limits: principal '{0}' stands there twice; keep one")]
    Twice(String),
}

impl RateLimits {
    /// Reads what `--rate_limits` says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<RateLimits, InvalidRateLimits> {
        let given: v1::RateLimits =
            json::from_slice(text.as_bytes()).map_err(|why| InvalidRateLimits::Json(why.to_string()))?;
        let mut named = BTreeMap::new();
        for limit in given.limits {
            let qps = checked(limit.qps, || format!("limits of '{}': qps", limit.principal))?;
            if named.insert(limit.principal.clone(), Rate { qps, capacity: limit.capacity }).is_some() {
                return Err(InvalidRateLimits::Twice(limit.principal));
            }
        }
        let qps = checked(given.aggregate_default_qps, || "aggregate_default_qps:".into())?;
        Ok(RateLimits { named, others: Rate { qps, capacity: given.aggregate_default_capacity } })
    }
}

fn checked(qps: Option<f64>, place: impl Fn() -> String) -> Result<Option<f64>, InvalidRateLimits> {
    match qps {
        Some(rate) if !(rate.is_finite() && rate > 0.0) => {
            Err(InvalidRateLimits::Rate { place: place(), qps: rate.to_string() })
        }
        qps => Ok(qps),
    }
}

/// What frameworks say, on its way to the core.
pub(crate) struct Meter {
    throttle: Throttle<Held>,
    counters: BTreeMap<String, Counters>,
}

/// `frameworks/PRINCIPAL/…`.
struct Counters {
    received: Counter,
    processed: Counter,
}

/// A message, until it may go on.
pub(crate) struct Held {
    from: Pid,
    what: What,
    principal: Option<String>,
    /// What it follows from.
    cause: Cause,
}

/// What came from a framework's address.
pub(crate) enum What {
    /// A call of an actor.
    Actor(Call),
    /// A message of a driver.
    Driver(Said),
    /// A driver aborts.
    Deactivate(v1::FrameworkId),
    /// The connection is lost.
    Exited,
}

impl Weight for Held {
    fn bytes(&self) -> usize {
        match &self.what {
            What::Actor(call) | What::Driver(Said { call, .. }) => call.encoded_len(),
            What::Deactivate(_) | What::Exited => 0,
        }
    }
}

/// A message of that lane may go on.
struct Due(Name);

impl Message for Due {
    type Reply = ();
}

impl Meter {
    pub(crate) fn new(limits: &RateLimits) -> Meter {
        Meter { throttle: Throttle::new(limits), counters: BTreeMap::new() }
    }

    fn counters(&mut self, principal: &str) -> Option<&Counters> {
        if !self.counters.contains_key(principal) {
            let is_too_long = principal.len() > limits::COUNTED_PRINCIPAL_BYTES;
            if is_too_long || self.counters.len() >= limits::COUNTED_PRINCIPALS {
                return None;
            }
            let counter = |what: &str| metrics::counter!(format!("frameworks/{principal}/{what}"));
            let counters =
                Counters { received: counter("messages_received"), processed: counter("messages_processed") };
            self.counters.insert(principal.to_owned(), counters);
        }
        self.counters.get(principal)
    }

    fn received(&mut self, principal: Option<&str>) {
        if let Some(counters) = principal.and_then(|principal| self.counters(principal)) {
            counters.received.increment(1);
        }
    }

    fn processed(&mut self, principal: Option<&str>) {
        if let Some(counters) = principal.and_then(|principal| self.counters(principal)) {
            counters.processed.increment(1);
        }
    }
}

impl MasterActor {
    /// Something came from the address of a program that may be a framework: it goes on now, later, or not at all.
    pub(crate) fn metered<M: WireMessage>(&mut self, cx: &mut Context<Self>, from: &Pid, what: What) {
        // Who is no framework yet, or none at all, is nobody's principal.
        let Some(principal) = self.core.principal_at(&core_pid(from)) else {
            return self.hear(cx, from, what);
        };
        let principal = principal.map(str::to_owned);
        self.meter.received(principal.as_deref());
        let (now, cause) = (self.time(cx), Cause::current());
        let held = Held { from: from.clone(), what, principal: principal.clone(), cause };
        match self.meter.throttle.admit(now, principal.as_deref(), held) {
            Admission::Now(held) => self.go_on(cx, held),
            Admission::Held { lane, wake } => self.wake(cx, lane, wake),
            Admission::Full { item, capacity } => {
                let name = M::full_name();
                let why = format!("Message {name} dropped: capacity({capacity}) exceeded");
                tracing::warn!(%from, principal, why);
                match item.what {
                    What::Actor(_) => cx.tell(from, error(why)),
                    What::Driver(_) | What::Deactivate(_) | What::Exited => {
                        cx.tell(from, internal::FrameworkErrorMessage { message: why });
                    }
                }
            }
        }
    }

    /// The connection to somebody is lost, after everything that it has said.
    pub(crate) fn metered_exit(&mut self, cx: &mut Context<Self>, pid: &Pid) {
        let principal = self.core.principal_at(&core_pid(pid)).flatten().map(str::to_owned);
        let (from, cause) = (pid.clone(), Cause::current());
        let held = Held { from, what: What::Exited, principal: principal.clone(), cause };
        if let Some(held) = self.meter.throttle.behind(principal.as_deref(), held) {
            self.hear(cx, &held.from, held.what);
        }
    }

    fn go_on(&mut self, cx: &mut Context<Self>, held: Held) {
        let Held { from, what, principal, cause } = held;
        cause.during(|| self.hear(cx, &from, what));
        self.meter.processed(principal.as_deref());
    }

    fn hear(&mut self, cx: &mut Context<Self>, from: &Pid, what: What) {
        match what {
            What::Actor(call) => self.actor_says(cx, from, call),
            What::Driver(said) => self.driver_says(cx, from, said),
            What::Deactivate(framework) => {
                self.step(cx, Input::Deactivate { from: core_pid(from), framework });
            }
            What::Exited => self.step(cx, Input::Exited(core_pid(from))),
        }
    }

    fn wake(&self, cx: &mut Context<Self>, lane: Name, at: Option<Time>) {
        if let Some(at) = at {
            let pause = at.since(self.time(cx));
            Cause::default().during(|| cx.after(pause, Due(lane)));
        }
    }

    fn time(&self, cx: &Context<Self>) -> Time {
        Time::from_nanos(cx.now().as_nanos())
    }
}

impl Handler<Due> for MasterActor {
    fn handle(&mut self, cx: &mut Context<Self>, Due(lane): Due) {
        let now = self.time(cx);
        let (released, again) = self.meter.throttle.due(now, &lane);
        for held in released {
            self.go_on(cx, held);
        }
        self.wake(cx, lane, again);
    }
}

/// What a framework that is an actor is told before it has a place in the core, or beyond it.
pub(crate) fn error(message: String) -> Event {
    let error = scheduler::event::Error { message };
    Event { r#type: Some(scheduler::event::Type::Error as i32), error: Some(error), ..Event::default() }
}
