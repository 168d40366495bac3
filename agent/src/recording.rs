//! Recording the core: the tape runs while somebody reads it over HTTP.

use libactor::{Context, Handler};
use tepui_agent_core::Agent;
use tepui_recording::{Begin, Busy, Finish, Recorded, Records, Tape};

use crate::actor::AgentActor;

impl Recorded for AgentActor {
    type Core = Agent;

    fn taped(&mut self) -> (&mut Tape, &Self::Core) {
        (&mut self.tape, &self.core)
    }
}

impl Handler<Begin> for AgentActor {
    fn handle(&mut self, cx: &mut Context<Self>, begin: Begin) -> Result<Records, Busy> {
        self.begin(cx, begin)
    }
}

impl Handler<Finish> for AgentActor {
    fn handle(&mut self, _cx: &mut Context<Self>, finish: Finish) {
        self.finish(finish);
    }
}
