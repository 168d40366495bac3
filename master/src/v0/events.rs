//! What drivers are told: the events of the v1 API, each as its message.

use tepui_master_core::Pid;
use tepui_model::FrameworkId;
use tepui_proto::v1::scheduler::Event;
use tepui_proto::v1::scheduler::event::{Failure, Message, Offers, Subscribed, Update};
use tepui_proto::{internal, v1};

/// A message to a driver.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    Registered(Box<internal::FrameworkRegisteredMessage>),
    Reregistered(Box<internal::FrameworkReregisteredMessage>),
    Offers(internal::ResourceOffersMessage),
    Rescinded(internal::RescindResourceOfferMessage),
    StatusUpdate(Box<internal::StatusUpdateMessage>),
    FromExecutor(internal::ExecutorToFrameworkMessage),
    LostAgent(internal::LostSlaveMessage),
    ExitedExecutor(internal::ExitedExecutorMessage),
    Error(internal::FrameworkErrorMessage),
}

/// What the messages say and the events do not.
pub(super) struct Whereabouts<'a> {
    /// The driver's framework.
    pub(super) framework: Option<&'a FrameworkId>,
    /// The address of an agent, if it is registered.
    pub(super) agent: &'a dyn Fn(&v1::AgentId) -> Option<&'a Pid>,
    /// The driver had a framework before, and asked for it again without force: it is told so, since it tells its own
    /// program which of the two happened.
    pub(super) driver_returns: bool,
}

/// The message for an event. There is none for heartbeats, inverse offers and the states of operations: drivers have no
/// word for them.
pub(super) fn told(event: Event, whereabouts: &Whereabouts<'_>) -> Option<Told> {
    let framework = || whereabouts.framework.map(FrameworkId::to_wire);
    if let Some(subscribed) = event.subscribed {
        return Some(subscription(*subscribed, whereabouts.driver_returns));
    }
    if let Some(offers) = event.offers {
        return Some(Told::Offers(resource_offers(offers, whereabouts)));
    }
    if let Some(rescind) = event.rescind {
        return Some(Told::Rescinded(internal::RescindResourceOfferMessage { offer_id: rescind.offer_id }));
    }
    if let Some(update) = event.update {
        let update = status_update(*update, framework()?, whereabouts);
        return Some(Told::StatusUpdate(Box::new(update)));
    }
    if let Some(message) = event.message {
        return Some(Told::FromExecutor(from_executor(*message, framework()?)));
    }
    if let Some(failure) = event.failure {
        return failed(*failure, framework()?);
    }
    event.error.map(|error| Told::Error(internal::FrameworkErrorMessage { message: error.message }))
}

fn subscription(subscribed: Subscribed, returns: bool) -> Told {
    let Subscribed { framework_id, master_info, .. } = subscribed;
    let master_info = master_info.map(|info| *info).unwrap_or_default();
    if returns {
        Told::Reregistered(Box::new(internal::FrameworkReregisteredMessage { framework_id, master_info }))
    } else {
        Told::Registered(Box::new(internal::FrameworkRegisteredMessage { framework_id, master_info }))
    }
}

/// A driver sends messages for executors straight to the agents whose addresses stand beside the offers. An agent that is
/// gone by now has an empty one: there must be as many as offers.
fn resource_offers(offers: Offers, whereabouts: &Whereabouts<'_>) -> internal::ResourceOffersMessage {
    let address = |offer: &v1::Offer| {
        (whereabouts.agent)(&offer.agent_id).map_or_else(String::new, ToString::to_string)
    };
    let pids = offers.offers.iter().map(address).collect();
    internal::ResourceOffersMessage { offers: offers.offers, pids }
}

/// Without a uuid there must be no pid either: a driver acknowledges what has one of them.
fn status_update(
    update: Update,
    framework_id: v1::FrameworkId,
    whereabouts: &Whereabouts<'_>,
) -> internal::StatusUpdateMessage {
    let status = update.status;
    let agent = status.agent_id.as_ref().and_then(whereabouts.agent);
    let pid = status.uuid.is_some().then(|| agent.map(ToString::to_string)).flatten();
    internal::StatusUpdateMessage {
        update: internal::StatusUpdate {
            framework_id,
            executor_id: status.executor_id.clone(),
            slave_id: status.agent_id.clone(),
            timestamp: status.timestamp(),
            uuid: status.uuid.clone(),
            latest_state: None,
            status,
        },
        pid,
    }
}

fn from_executor(message: Message, framework_id: v1::FrameworkId) -> internal::ExecutorToFrameworkMessage {
    internal::ExecutorToFrameworkMessage {
        slave_id: message.agent_id,
        framework_id,
        executor_id: message.executor_id,
        data: message.data,
    }
}

/// The end of an agent, or of an executor on it.
fn failed(failure: Failure, framework_id: v1::FrameworkId) -> Option<Told> {
    let slave_id = failure.agent_id?;
    Some(match failure.executor_id {
        None => Told::LostAgent(internal::LostSlaveMessage { slave_id }),
        Some(executor_id) => Told::ExitedExecutor(internal::ExitedExecutorMessage {
            slave_id,
            framework_id,
            executor_id,
            status: failure.status.unwrap_or_default(),
        }),
    })
}
