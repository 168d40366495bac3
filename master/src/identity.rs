//! Who this master is: what it says of itself in every place where Mesos' master does.

use std::collections::{BTreeMap, BTreeSet};

use serde::ser::SerializeMap;
use tepui_model::Time;
use tepui_proto::v1;

/// The API level, in the dotted integers that clients take apart; what Tepui itself is stands beside it.
pub const MESOS_VERSION: &str = "1.11.0";
/// Tepui's own version.
pub const TEPUI_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What does not change while a master runs.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) info: v1::MasterInfo,
    pub(crate) start_time: Time,
    /// Every flag and its value, as `/flags` shows them.
    pub(crate) flags: BTreeMap<String, String>,
    /// The only roles there may be, if it was said.
    pub(crate) roles: Option<BTreeSet<String>>,
}

impl Identity {
    /// The version as `/state` begins with it.
    pub(crate) fn write_version<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("version", MESOS_VERSION)?;
        map.serialize_entry("tepui_version", TEPUI_VERSION)
    }

    /// The version as the v1 API gives it, which has no field for ours.
    pub(crate) fn version_info() -> v1::VersionInfo {
        v1::VersionInfo { version: MESOS_VERSION.into(), ..v1::VersionInfo::default() }
    }
}

/// The capabilities of this master. The third, QUOTA_V2, has no name in the v1 API; Mesos prints it as `{}` and so do we.
pub(crate) fn capabilities() -> Vec<v1::master_info::Capability> {
    use v1::master_info::capability::Type;
    let capability = |kind: Type| v1::master_info::Capability { r#type: Some(kind as i32) };
    vec![
        capability(Type::AgentUpdate),
        capability(Type::AgentDraining),
        v1::master_info::Capability { r#type: None },
    ]
}
