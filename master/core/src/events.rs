//! The events schedulers get, built from what they carry.

use tepui_model::{AgentId, ExecutorId, FrameworkId, OfferId};
use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Event, event};

use event::Type;

fn of(r#type: Type) -> Event {
    Event { r#type: Some(r#type as i32), ..Event::default() }
}

pub fn subscribed(framework: &FrameworkId, heartbeat_seconds: f64, master: &v1::MasterInfo) -> Event {
    let subscribed = event::Subscribed {
        framework_id: framework.to_wire(),
        heartbeat_interval_seconds: Some(heartbeat_seconds),
        master_info: Some(Box::new(master.clone())),
    };
    Event { subscribed: Some(Box::new(subscribed)), ..of(Type::Subscribed) }
}

pub fn heartbeat() -> Event {
    of(Type::Heartbeat)
}

pub fn offers(offers: Vec<v1::Offer>) -> Event {
    Event { offers: Some(event::Offers { offers }), ..of(Type::Offers) }
}

pub fn rescind(offer: &OfferId) -> Event {
    Event { rescind: Some(event::Rescind { offer_id: offer.to_wire() }), ..of(Type::Rescind) }
}

pub fn inverse_offers(inverse_offers: Vec<v1::InverseOffer>) -> Event {
    Event { inverse_offers: Some(event::InverseOffers { inverse_offers }), ..of(Type::InverseOffers) }
}

pub fn rescind_inverse(offer: &OfferId) -> Event {
    let rescind = event::RescindInverseOffer { inverse_offer_id: offer.to_wire() };
    Event { rescind_inverse_offer: Some(rescind), ..of(Type::RescindInverseOffer) }
}

pub fn update(status: v1::TaskStatus) -> Event {
    Event { update: Some(Box::new(event::Update { status })), ..of(Type::Update) }
}

pub fn operation_update(status: v1::OperationStatus) -> Event {
    let update = event::UpdateOperationStatus { status };
    Event { update_operation_status: Some(Box::new(update)), ..of(Type::UpdateOperationStatus) }
}

pub fn message(agent_id: v1::AgentId, executor_id: v1::ExecutorId, data: bytes::Bytes) -> Event {
    let message = event::Message { agent_id, executor_id, data };
    Event { message: Some(Box::new(message)), ..of(Type::Message) }
}

pub fn agent_failure(agent: &AgentId) -> Event {
    let failure = event::Failure { agent_id: Some(agent.to_wire()), executor_id: None, status: None };
    Event { failure: Some(Box::new(failure)), ..of(Type::Failure) }
}

pub fn executor_failure(agent: &AgentId, executor: &ExecutorId, status: i32) -> Event {
    let failure = event::Failure {
        agent_id: Some(agent.to_wire()),
        executor_id: Some(executor.to_wire()),
        status: Some(status),
    };
    Event { failure: Some(Box::new(failure)), ..of(Type::Failure) }
}

pub fn error(message: impl Into<String>) -> Event {
    Event { error: Some(event::Error { message: message.into() }), ..of(Type::Error) }
}
