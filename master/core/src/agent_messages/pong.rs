//! Pong: an agent is alive. It says no more than that; the sender's address tells which one.

use crate::master::Master;
use crate::names::Pid;

impl Master {
    pub(crate) fn pong(&mut self, from: &Pid) {
        if let Some(handle) = self.agents.by_pid.get(from) {
            let pings = &mut self.agents.registered[*handle].pings;
            pings.answered = true;
            pings.missed = 0;
        }
    }
}
