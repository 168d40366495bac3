//! What a framework or agent says it understands, as flags.

use serde::{Deserialize, Serialize};
use tepui_proto::v1;
use v1::agent_info::capability::Type as AgentType;
use v1::framework_info::capability::Type as FrameworkType;

/// What a framework understands. Unknown capabilities are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameworkCapabilities {
    /// May be offered revocable resources.
    pub revocable_resources: bool,
    /// Its executors may send `TASK_KILLING`.
    pub task_killing_state: bool,
    /// May be offered anything on agents with GPUs.
    pub gpu_resources: bool,
    /// May be offered shared volumes.
    pub shared_resources: bool,
    /// Receives the states that tell how a task was lost.
    pub partition_aware: bool,
    /// Uses `roles`, and sees `allocation_info`.
    pub multi_role: bool,
    /// Knows the stack of reservations.
    pub reservation_refinement: bool,
    /// May be offered agents in another region than the master's.
    pub region_aware: bool,
}

/// What an agent understands. Unknown capabilities are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgentCapabilities {
    /// Knows `allocation_info`.
    pub multi_role: bool,
    /// Knows roles with slashes.
    pub hierarchical_role: bool,
    /// Knows the stack of reservations.
    pub reservation_refinement: bool,
    /// Has resource providers.
    pub resource_provider: bool,
    /// Can grow and shrink volumes.
    pub resize_volume: bool,
    /// Reports on operations.
    pub agent_operation_feedback: bool,
    /// Can be drained.
    pub agent_draining: bool,
    /// Knows limits that differ from requests.
    pub task_resource_limits: bool,
}

impl AgentCapabilities {
    /// All of them, as a current agent advertises.
    pub const ALL: Self = Self {
        multi_role: true,
        hierarchical_role: true,
        reservation_refinement: true,
        resource_provider: true,
        resize_volume: true,
        agent_operation_feedback: true,
        agent_draining: true,
        task_resource_limits: true,
    };
}

impl From<&[v1::framework_info::Capability]> for FrameworkCapabilities {
    fn from(wire: &[v1::framework_info::Capability]) -> Self {
        let mut all = Self::default();
        for capability in wire {
            match capability.r#type() {
                FrameworkType::Unknown => {}
                FrameworkType::RevocableResources => all.revocable_resources = true,
                FrameworkType::TaskKillingState => all.task_killing_state = true,
                FrameworkType::GpuResources => all.gpu_resources = true,
                FrameworkType::SharedResources => all.shared_resources = true,
                FrameworkType::PartitionAware => all.partition_aware = true,
                FrameworkType::MultiRole => all.multi_role = true,
                FrameworkType::ReservationRefinement => all.reservation_refinement = true,
                FrameworkType::RegionAware => all.region_aware = true,
            }
        }
        all
    }
}

impl From<&[v1::agent_info::Capability]> for AgentCapabilities {
    fn from(wire: &[v1::agent_info::Capability]) -> Self {
        let mut all = Self::default();
        for capability in wire {
            match capability.r#type() {
                AgentType::Unknown => {}
                AgentType::MultiRole => all.multi_role = true,
                AgentType::HierarchicalRole => all.hierarchical_role = true,
                AgentType::ReservationRefinement => all.reservation_refinement = true,
                AgentType::ResourceProvider => all.resource_provider = true,
                AgentType::ResizeVolume => all.resize_volume = true,
                AgentType::AgentOperationFeedback => all.agent_operation_feedback = true,
                AgentType::AgentDraining => all.agent_draining = true,
                AgentType::TaskResourceLimits => all.task_resource_limits = true,
            }
        }
        all
    }
}
