//! The master in recordings.

use tepui_model::{Time, recorded};

use crate::cx::Cx;
use crate::effect::Effect;
use crate::input::Input;
use crate::master::Master;

impl recorded::Core for Master {
    type Input = Input;
    type Effect = Effect;

    const NAME: &'static str = "master";

    fn take(&mut self, now: Time, input: Input) -> Vec<Effect> {
        let mut cx = Cx::at(now);
        self.step(&mut cx, input);
        cx.effects
    }
}

impl Master {
    /// A hash of everything the master knows. Costs as much as the cluster is large.
    pub fn digest(&self) -> u64 {
        recorded::Core::digest(self)
    }
}
