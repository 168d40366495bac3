//! Register: a new agent. It gets an id, and is there once the registry holds it.

use tepui_model::AgentId;
use tepui_proto::internal::{RegisterSlaveMessage, SlaveRegisteredMessage};
use tepui_proto::v1;

use super::reregister::{MACHINE_DOWN, shut_down};
use crate::agent_life::Introduction;
use crate::cx::Cx;
use crate::effect::ToAgent;
use crate::fact::Fact;
use crate::limits;
use crate::maintenance::Machine;
use crate::master::{Master, Pending};
use crate::names::{AgentHandle, Pid};
use crate::registry::RegistryOperation;
use crate::validation;

impl Master {
    pub(crate) fn register(&mut self, cx: &mut Cx, from: Pid, message: RegisterSlaveMessage) {
        cx.count("master/messages_register_slave");
        if self.agents.registering.contains(&from) {
            // It asks again while the registry is written.
            return;
        }
        let new = validation::agent::introduction(&from, message, self.next_agent_id());
        let new = match new.and_then(|new| self.check_domain(&new.info).map(|()| new)) {
            Ok(new) => new,
            Err(why) => {
                let refused =
                    Fact::warn("registration of an agent refused").with("from", from).with("why", why);
                return cx.log(refused);
            }
        };
        if self.maintenance.is_down(&Machine::of_agent(&new.info, &from)) {
            return shut_down(cx, &from, MACHINE_DOWN);
        }
        if let Some(known) = self.agents.by_pid.get(&from).copied() {
            if self.agents.registered[known].is_active() {
                // The acknowledgement was lost, or is under way.
                return self.tell_registered(cx, known);
            }
            let why = "a new agent registered at the same address";
            self.remove_agent(cx, known, why, Some("master/slave_removals/reason_registered"));
        }
        if self.agents.registered.len() >= limits::AGENTS {
            let refused = Fact::warn("registration of an agent refused, there are too many");
            return cx.log(refused.with("from", from).with("limit", limits::AGENTS));
        }
        self.agents.next_id += 1;
        self.agents.registering.insert(from);
        let operation = RegistryOperation::AdmitAgent(Box::new(new.info.clone()));
        self.persist(cx, operation, Pending::Admit(Box::new(new)));
    }

    /// Where an agent is means nothing to a master that does not know where it is itself.
    pub(crate) fn check_domain(&self, info: &v1::AgentInfo) -> Result<(), String> {
        if info.domain.is_some() && self.info.domain.is_none() {
            return Err("it has a domain and this master has none; start the master with --domain".into());
        }
        Ok(())
    }

    fn next_agent_id(&self) -> AgentId {
        AgentId::parse(format!("{}-S{}", self.info.id, self.agents.next_id))
            .expect("the master's id is valid")
    }

    /// The registry holds the agent now.
    pub(crate) fn admitted(&mut self, cx: &mut Cx, new: Introduction) {
        self.agents.registering.remove(&new.pid);
        cx.count("master/slave_registrations");
        cx.log(
            Fact::info("agent registered")
                .with("agent", &new.id)
                .with("at", &new.pid)
                .with("resources", &new.total),
        );
        let handle = self.add_agent(cx, new);
        self.tell_registered(cx, handle);
        self.first_ping(cx, handle);
        self.tell_allocator_of_agent(cx, handle);
        self.take_down_if_due(cx, handle);
    }

    fn tell_registered(&mut self, cx: &mut Cx, handle: AgentHandle) {
        let agent = &self.agents.registered[handle];
        let message = SlaveRegisteredMessage { slave_id: agent.id.to_wire(), connection: self.connection() };
        cx.send(&agent.pid, ToAgent::Registered(message));
    }
}
