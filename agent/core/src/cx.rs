//! What a step is given besides its input, and where it leaves what it decided.

use tepui_model::Time;

use crate::effect::Effect;
use crate::fact::Fact;

/// The context of one step.
#[derive(Debug, Default)]
pub struct Cx {
    /// The moment of this step.
    pub now: Time,
    /// What is to be done, in order. The shell takes it after the step.
    pub effects: Vec<Effect>,
}

impl Cx {
    /// A context without effects.
    pub fn new(now: Time) -> Cx {
        Cx { now, effects: Vec::new() }
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn log(&mut self, fact: Fact) {
        self.effects.push(Effect::Log(fact));
    }
}
