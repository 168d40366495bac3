//! Operations among whatever happens: agents apply what they are told, or never hear of it, and what they have is never more or
//! less than it was.

use tepui_model::{OfferOperation, Reservation, Resources, Role};
use tepui_proto::internal::UpdateOperationStatusMessage;
use tepui_proto::internal::update_slave_message::Operations;
use tepui_proto::v1::master::{self, Call};
use tepui_proto::v1::scheduler::call;
use tepui_proto::v1::{self, OperationState, OperationStatus};

use super::{AGENTS, FRAMEWORKS, World};
use crate::FromAgent;
use crate::cluster::uuid;

/// The framework whose role can be reserved for.
const AWARE: usize = 1;

fn reserved(cpus: u8) -> Resources {
    let cpus = Resources::parse(&format!("cpus:{}", cpus + 1), &Role::star()).expect("it is a resource");
    let web = Role::parse("web").expect("it is a role");
    cpus.push_reservation(&Reservation::dynamic(web, None)).expect("it can be reserved")
}

fn operation(cpus: u8, undo: bool) -> OfferOperation {
    match undo {
        true => OfferOperation::Unreserve(reserved(cpus)),
        false => OfferOperation::Reserve { source: Resources::new(), resources: reserved(cpus) },
    }
}

impl World {
    pub(super) fn operate_on_offer(&mut self, offer: usize, cpus: u8, undo: bool) {
        let Some((offer, _)) = self.offer(AWARE, offer) else { return };
        self.launched += 1;
        let id = v1::OperationId { value: format!("op{}", self.launched) };
        let wire = operation(cpus, undo).to_wire((!self.launched.is_multiple_of(3)).then_some(id));
        self.cluster.accept(FRAMEWORKS[AWARE], &[&offer], vec![wire]);
    }

    pub(super) fn operate_on_agent(&mut self, agent: usize, cpus: u8, undo: bool) {
        let agent_id = self.reports[agent].slave.id.clone().expect("it was registered");
        let resources = reserved(cpus).to_wire();
        let of = |kind: master::call::Type| Call { r#type: Some(kind as i32), ..Call::default() };
        let call = if undo {
            let unreserve = master::call::UnreserveResources { agent_id, resources };
            let of = of(master::call::Type::UnreserveResources);
            Call { unreserve_resources: Some(unreserve.into()), ..of }
        } else {
            let reserve = master::call::ReserveResources { agent_id, source: Vec::new(), resources };
            Call { reserve_resources: Some(reserve.into()), ..of(master::call::Type::ReserveResources) }
        };
        self.cluster.decide(call);
    }

    /// The agent of the n-th operation tells what became of it, and its framework acknowledges.
    pub(super) fn finish_operation(&mut self, n: usize, acknowledge: bool) {
        let all = &self.cluster.master.operations.all;
        let Some((id, found)) = all.iter().nth(n % all.len().max(1)).map(|(id, it)| (*id, it.clone())) else {
            return;
        };
        let Some(agent) = found.message.agent_id.as_ref().and_then(|id| self.agent_of(id)) else { return };
        let status = OperationStatus {
            state: OperationState::OperationFinished as i32,
            uuid: Some(Box::new(v1::Uuid { value: uuid(n as u8) })),
            ..OperationStatus::default()
        };
        let message = UpdateOperationStatusMessage {
            slave_id: found.message.agent_id.clone(),
            status,
            operation_uuid: Some(Box::new(id.to_wire())),
            ..UpdateOperationStatusMessage::default()
        };
        self.cluster.say(agent, FromAgent::OperationStatus(Box::new(message)));
        let Some(operation_id) = found.id().cloned().filter(|_| acknowledge) else { return };
        let acknowledge = call::AcknowledgeOperationStatus {
            agent_id: found.message.agent_id.clone(),
            resource_provider_id: None,
            uuid: uuid(n as u8),
            operation_id,
        };
        self.cluster.call(FRAMEWORKS[AWARE], call::Type::AcknowledgeOperationStatus, |call| {
            call.acknowledge_operation_status = Some(acknowledge.into());
        });
    }

    /// What an agent says once it is registered again: all operations it was told of, or none; then it is asked for them.
    pub(super) fn tell_operations(&mut self, agent: usize, forgetful: bool) {
        let Some(handle) = self.registered(agent) else { return };
        let known = self.cluster.master.agents.registered[handle].operations.clone();
        let operation =
            |id: &tepui_model::OperationUuid| (*self.cluster.master.operations.all[id].message).clone();
        let operations = if forgetful { Vec::new() } else { known.iter().map(operation).collect() };
        let slave_id = self.reports[agent].slave.id.clone().expect("it is registered");
        let update = tepui_proto::internal::UpdateSlaveMessage {
            slave_id: slave_id.clone(),
            operations: Some(Operations { operations }),
            ..Default::default()
        };
        self.cluster.say(AGENTS[agent], FromAgent::Update(Box::new(update)));
        for id in known.iter().filter(|_| forgetful) {
            let status = OperationStatus {
                state: OperationState::OperationDropped as i32,
                ..OperationStatus::default()
            };
            let message = UpdateOperationStatusMessage {
                slave_id: Some(slave_id.clone()),
                status,
                operation_uuid: Some(Box::new(id.to_wire())),
                ..UpdateOperationStatusMessage::default()
            };
            self.cluster.say(AGENTS[agent], FromAgent::OperationStatus(Box::new(message)));
        }
    }

    fn registered(&self, agent: usize) -> Option<crate::AgentHandle> {
        let id = self.reports[agent].slave.id.as_ref()?;
        let handle = self.cluster.master.agents.find(id)?;
        self.cluster.master.agents.registered[handle].is_active().then_some(handle)
    }

    /// Whatever is reserved, an agent has what it had, and each operation is known to its agent and nobody else's.
    pub(super) fn check_operations(&self) {
        let master = &self.cluster.master;
        let whole =
            Resources::parse("cpus:4; mem:1024; ports:[31000-31003]", &Role::star()).expect("it is so");
        let mut known = 0;
        for (handle, agent) in master.agents.registered.iter() {
            assert_eq!(agent.total.flatten(), whole, "{} has {}", agent.id, agent.total);
            known += agent.operations.len();
            for id in &agent.operations {
                assert_eq!(master.operations.all[id].agent, handle);
            }
        }
        assert_eq!(known, master.operations.all.len(), "every operation has its agent");
    }
}
