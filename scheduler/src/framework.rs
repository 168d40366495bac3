//! The trait a framework implements.

use bytes::Bytes;
use tepui_proto::v1;

use crate::{Context, Offer};

/// Decides what runs where. Every callback is optional but [`Framework::offers`].
///
/// The SDK subscribes, reconnects, acknowledges updates after [`Framework::update`] has returned, watches the master's
/// heartbeat, and reconciles after every reconnection. An update may arrive more than once when it was on its way during
/// a reconnection; an exact repetition (same uuid) is acknowledged and not shown again.
pub trait Framework: Sized + 'static {
    /// The master knows us under this id. Called again after every reconnection.
    fn subscribed(&mut self, cx: &mut Context<Self>, id: &v1::FrameworkId) {
        let _ = (cx, id);
    }

    /// Resources to use. What is neither launched upon nor kept is declined after this returns.
    fn offers(&mut self, cx: &mut Context<Self>, offers: Vec<Offer>);

    /// An offer kept earlier is no longer valid.
    fn rescinded(&mut self, cx: &mut Context<Self>, offer_id: &v1::OfferId) {
        let _ = (cx, offer_id);
    }

    /// A task's state.
    fn update(&mut self, cx: &mut Context<Self>, status: &v1::TaskStatus) {
        let _ = (cx, status);
    }

    /// A message from an executor; best effort.
    fn message(&mut self, cx: &mut Context<Self>, from: Origin, data: Bytes) {
        let _ = (cx, from, data);
    }

    /// An agent is gone, or one of our executors on it (with its raw wait status).
    fn failure(&mut self, cx: &mut Context<Self>, failure: &v1::scheduler::event::Failure) {
        let _ = (cx, failure);
    }

    /// The master is out of reach; the SDK is already trying to find it again.
    fn disconnected(&mut self, cx: &mut Context<Self>, why: &str) {
        let _ = (cx, why);
    }
}

/// Where a message came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The executor's agent.
    pub agent_id: v1::AgentId,
    /// The executor.
    pub executor_id: v1::ExecutorId,
}
