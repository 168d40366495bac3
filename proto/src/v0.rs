//! The one unversioned message whose bytes differ from v1 and which peers still send: `mesos.scheduler.Call`.

use crate::{mesos::scheduler as v0, v1::scheduler as v1};

impl From<v0::Call> for v1::Call {
    fn from(call: v0::Call) -> v1::Call {
        v1::Call {
            framework_id: call.framework_id,
            r#type: call.r#type,
            subscribe: call.subscribe.map(|subscribe| Box::new(v1::call::Subscribe::from(*subscribe))),
            accept: call.accept,
            decline: call.decline,
            accept_inverse_offers: call.accept_inverse_offers,
            decline_inverse_offers: call.decline_inverse_offers,
            revive: call.revive,
            kill: call.kill,
            shutdown: call.shutdown,
            acknowledge: call.acknowledge,
            acknowledge_operation_status: call.acknowledge_operation_status,
            reconcile: call.reconcile,
            reconcile_operations: call.reconcile_operations,
            message: call.message,
            request: call.request,
            suppress: call.suppress,
            update_framework: call.update_framework,
        }
    }
}

impl From<v0::call::Subscribe> for v1::call::Subscribe {
    /// `force` is dropped. Unset or false it asks not to displace a connected instance of the framework; who honours that
    /// reads it before.
    fn from(subscribe: v0::call::Subscribe) -> v1::call::Subscribe {
        v1::call::Subscribe {
            framework_info: subscribe.framework_info,
            suppressed_roles: subscribe.suppressed_roles,
            offer_constraints: subscribe.offer_constraints,
        }
    }
}
