//! What a step is given besides its input: the time, and a place for its effects.

use tepui_model::Time;
use tepui_proto::v1;

use crate::counter::Counter;
use crate::effect::{Answer, Effect, Peer, ToAgent};
use crate::fact::Fact;
use crate::names::{Pid, RequestId};

/// The context of a step. The shell makes one, sets `now` before each step and drains `effects` after it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cx {
    /// The time of the input.
    pub now: Time,
    /// What the step asked for, in order.
    pub effects: Vec<Effect>,
}

impl Cx {
    /// A context without effects.
    pub fn at(now: Time) -> Cx {
        Cx { now, effects: Vec::new() }
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn answer(&mut self, request: RequestId, answer: Answer) {
        self.push(Effect::Answer { request, answer });
    }

    pub(crate) fn event(&mut self, to: Peer, event: v1::scheduler::Event) {
        self.push(Effect::Event { to, event: event.into() });
    }

    pub(crate) fn send(&mut self, to: &Pid, message: ToAgent) {
        self.push(Effect::Send { to: to.clone(), message });
    }

    pub(crate) fn count(&mut self, name: &'static str) {
        self.push(Effect::Count(Counter::named(name)));
    }

    pub(crate) fn log(&mut self, fact: Fact) {
        self.push(Effect::Log(fact));
    }
}
