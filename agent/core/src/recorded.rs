//! The agent in recordings.

use tepui_model::{Time, recorded};

use crate::agent::Agent;
use crate::cx::Cx;
use crate::effect::Effect;
use crate::input::Input;

impl recorded::Core for Agent {
    type Input = Input;
    type Effect = Effect;

    const NAME: &'static str = "agent";

    fn take(&mut self, now: Time, input: Input) -> Vec<Effect> {
        let mut cx = Cx::new(now);
        self.step(&mut cx, input);
        cx.effects
    }
}

impl Agent {
    /// A hash of everything this agent knows.
    pub fn digest(&self) -> u64 {
        recorded::Core::digest(self)
    }
}
