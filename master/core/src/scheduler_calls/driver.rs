//! What is different when a call comes from a driver of the unversioned API: what it may not ask, and what it cannot
//! know.

use tepui_proto::v1::scheduler::{Call, call::Type};

use super::subscribe::NewLink;
use crate::cx::Cx;
use crate::effect::Peer;
use crate::events;
use crate::fact::Fact;
use crate::frameworks::Phase;
use crate::input::Driver;
use crate::master::Master;
use crate::names::Pid;

impl Master {
    pub(crate) fn driver_call(&mut self, cx: &mut Cx, call: Call, driver: Driver) {
        let peer = Peer::Driver(driver.pid.clone());
        if matches!(call.r#type(), Type::ReconcileOperations | Type::AcknowledgeOperationStatus) {
            // A driver could not be told the answer: its API has no message for it.
            let dropped = Fact::warn("call dropped, drivers do not have it");
            return cx.log(dropped.with("from", driver.pid).with("call", call.r#type().as_str_name()));
        }
        if self.is_cut_off(&call, &driver.pid) {
            // Without heartbeats it cannot have noticed.
            cx.log(Fact::info("call of a disconnected framework refused").with("from", driver.pid));
            return cx.event(peer, events::error("Framework disconnected"));
        }
        self.actor_call(cx, call, NewLink::Driver { pid: driver.pid, force: driver.force });
    }

    /// A framework whose connection to us broke while its own to us still stands.
    fn is_cut_off(&self, call: &Call, from: &Pid) -> bool {
        let named = call.framework_id.as_ref().and_then(|id| self.frameworks.find(&id.value));
        call.r#type() != Type::Subscribe
            && !self.frameworks.by_pid.contains_key(from)
            && named.is_some_and(|named| {
                let named = &self.frameworks.registered[named];
                matches!(named.phase, Phase::Disconnected { .. }) && named.last_driver.as_ref() == Some(from)
            })
    }
}
