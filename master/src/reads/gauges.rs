//! How much there is of what, under the names of Mesos' metrics.

use tepui_master_core::{AgentStanding, FrameworkStanding, TaskStanding};
use tepui_model::{ResourceName, Scalar};
use tepui_proto::v1::offer::operation;
use tepui_proto::v1::{OperationState, TaskState};

use super::cluster::Cluster;

/// Total, used, and the share that is used: of what stays, and of what can be taken back.
const NAMES: [(ResourceName, [[&str; 3]; 2]); 4] = [
    (
        ResourceName::Cpus,
        [
            ["master/cpus_total", "master/cpus_used", "master/cpus_percent"],
            ["master/cpus_revocable_total", "master/cpus_revocable_used", "master/cpus_revocable_percent"],
        ],
    ),
    (
        ResourceName::Mem,
        [
            ["master/mem_total", "master/mem_used", "master/mem_percent"],
            ["master/mem_revocable_total", "master/mem_revocable_used", "master/mem_revocable_percent"],
        ],
    ),
    (
        ResourceName::Disk,
        [
            ["master/disk_total", "master/disk_used", "master/disk_percent"],
            ["master/disk_revocable_total", "master/disk_revocable_used", "master/disk_revocable_percent"],
        ],
    ),
    (
        ResourceName::Gpus,
        [
            ["master/gpus_total", "master/gpus_used", "master/gpus_percent"],
            ["master/gpus_revocable_total", "master/gpus_revocable_used", "master/gpus_revocable_percent"],
        ],
    ),
];

/// All states together, then each.
const STATES: [OperationState; 9] = [
    OperationState::OperationUnsupported,
    OperationState::OperationPending,
    OperationState::OperationRecovering,
    OperationState::OperationUnreachable,
    OperationState::OperationFinished,
    OperationState::OperationFailed,
    OperationState::OperationError,
    OperationState::OperationDropped,
    OperationState::OperationGoneByOperator,
];

/// The names of one row, in the order of [`STATES`].
macro_rules! names {
    ($of:literal) => {
        [
            concat!("master/operations/", $of, "total"),
            concat!("master/operations/", $of, "pending"),
            concat!("master/operations/", $of, "recovering"),
            concat!("master/operations/", $of, "unreachable"),
            concat!("master/operations/", $of, "finished"),
            concat!("master/operations/", $of, "failed"),
            concat!("master/operations/", $of, "error"),
            concat!("master/operations/", $of, "dropped"),
            concat!("master/operations/", $of, "gone_by_operator"),
        ]
    };
}

/// All operations together, then each type.
const OPERATIONS: [(Option<operation::Type>, [&str; STATES.len()]); 9] = [
    (None, names!("")),
    (Some(operation::Type::Reserve), names!("reserve/")),
    (Some(operation::Type::Unreserve), names!("unreserve/")),
    (Some(operation::Type::Create), names!("create/")),
    (Some(operation::Type::Destroy), names!("destroy/")),
    (Some(operation::Type::GrowVolume), names!("grow_volume/")),
    (Some(operation::Type::ShrinkVolume), names!("shrink_volume/")),
    (Some(operation::Type::CreateDisk), names!("create_disk/")),
    (Some(operation::Type::DestroyDisk), names!("destroy_disk/")),
];

/// What there is, and what is offered or used.
const ALLOCATED: [(ResourceName, [&str; 2]); 3] = [
    (
        ResourceName::Cpus,
        ["allocator/mesos/resources/cpus/total", "allocator/mesos/resources/cpus/offered_or_allocated"],
    ),
    (
        ResourceName::Mem,
        ["allocator/mesos/resources/mem/total", "allocator/mesos/resources/mem/offered_or_allocated"],
    ),
    (
        ResourceName::Disk,
        ["allocator/mesos/resources/disk/total", "allocator/mesos/resources/disk/offered_or_allocated"],
    ),
];

impl Cluster {
    /// The gauges of `/metrics/snapshot` that count entities.
    pub(super) fn gauges(&self) -> Vec<(&'static str, f64)> {
        let mut gauges = Vec::new();
        self.count_agents(&mut gauges);
        self.count_frameworks(&mut gauges);
        self.count_tasks(&mut gauges);
        self.count_operations(&mut gauges);
        self.sum_resources(&mut gauges);
        self.sum_allocated(&mut gauges);
        gauges
    }

    fn count_agents(&self, gauges: &mut Vec<(&'static str, f64)>) {
        let count = |wanted: fn(AgentStanding) -> bool| {
            self.agents().filter(|agent| wanted(agent.standing)).count() as f64
        };
        let connected = count(|standing| standing == AgentStanding::Active);
        let connected_agents = self.agents().filter(|agent| agent.standing == AgentStanding::Active);
        let idle = connected_agents.filter(|agent| agent.deactivated).count() as f64;
        gauges.push(("master/slaves_active", connected - idle));
        gauges.push(("master/slaves_connected", connected));
        let disconnected = count(|standing| standing == AgentStanding::Disconnected);
        gauges.push(("master/slaves_disconnected", disconnected));
        gauges.push(("master/slaves_inactive", disconnected + idle));
        let unreachable = count(|standing| matches!(standing, AgentStanding::Unreachable { .. }));
        gauges.push(("master/slaves_unreachable", unreachable));
    }

    fn count_frameworks(&self, gauges: &mut Vec<(&'static str, f64)>) {
        let count = |standing| self.frameworks().filter(|view| view.standing == standing).count() as f64;
        let (active, inactive) = (count(FrameworkStanding::Active), count(FrameworkStanding::Inactive));
        let disconnected = count(FrameworkStanding::Disconnected);
        gauges.push(("master/frameworks_active", active));
        gauges.push(("master/frameworks_connected", active + inactive));
        gauges.push(("master/frameworks_disconnected", disconnected));
        gauges.push(("master/frameworks_inactive", inactive + disconnected));
        let offers: usize = self.frameworks().map(|view| self.offers_of(&view.id).count()).sum();
        gauges.push(("master/outstanding_offers", offers as f64));
    }

    fn count_tasks(&self, gauges: &mut Vec<(&'static str, f64)>) {
        let mut counted = [
            ("master/tasks_staging", TaskState::TaskStaging, 0),
            ("master/tasks_starting", TaskState::TaskStarting, 0),
            ("master/tasks_running", TaskState::TaskRunning, 0),
            ("master/tasks_killing", TaskState::TaskKilling, 0),
            ("master/tasks_unreachable", TaskState::TaskUnreachable, 0),
        ];
        for view in self.tasks().filter(|view| view.standing != TaskStanding::Completed) {
            let state = view.task.state();
            counted.iter_mut().filter(|(_, of, _)| *of == state).for_each(|(.., count)| *count += 1);
        }
        gauges.extend(counted.map(|(name, _, count)| (name, f64::from(count))));
    }

    fn count_operations(&self, gauges: &mut Vec<(&'static str, f64)>) {
        let mut counts = [[0_u32; STATES.len()]; OPERATIONS.len()];
        for operation in self.operations() {
            let state = operation.latest_status.state();
            let column = STATES.iter().position(|of| *of == state).filter(|column| *column > 0);
            let kind = OPERATIONS.iter().position(|(of, _)| *of == Some(operation.info.r#type()));
            for row in [Some(0), kind].into_iter().flatten() {
                // The sum of all states comes first, and counts those without a name as well.
                for column in [Some(0), column].into_iter().flatten() {
                    counts[row][column] += 1;
                }
            }
        }
        for (counts, (_, names)) in counts.into_iter().zip(OPERATIONS) {
            gauges.extend(names.into_iter().zip(counts.map(f64::from)));
        }
    }

    fn sum_resources(&self, gauges: &mut Vec<(&'static str, f64)>) {
        // Of each name: total and used, once of what stays and once of what can be taken back.
        let mut sums = [[[Scalar::ZERO; 2]; 2]; NAMES.len()];
        let registered = self
            .agents()
            .filter(|agent| matches!(agent.standing, AgentStanding::Active | AgentStanding::Disconnected));
        for agent in registered {
            for (column, resources) in [&agent.total, &agent.used].into_iter().enumerate() {
                for (row, part) in [resources.non_revocable(), resources.revocable()].iter().enumerate() {
                    for (sums, (name, _)) in sums.iter_mut().zip(&NAMES) {
                        sums[row][column] += part.scalar(name);
                    }
                }
            }
        }
        for (rows, (_, names)) in sums.into_iter().zip(NAMES) {
            for (sums, [total, used, percent]) in rows.into_iter().zip(names) {
                let [all, taken] = sums.map(Scalar::as_f64);
                gauges.extend([(total, all), (used, taken)]);
                gauges.push((percent, if all > 0.0 { taken / all } else { 0.0 }));
            }
        }
    }

    fn sum_allocated(&self, gauges: &mut Vec<(&'static str, f64)>) {
        let mut sums = [[Scalar::ZERO; 2]; ALLOCATED.len()];
        for agent in self.agents().filter(|agent| agent.standing == AgentStanding::Active) {
            for (sums, (name, _)) in sums.iter_mut().zip(&ALLOCATED) {
                sums[0] += agent.total.scalar(name);
                sums[1] += agent.used.scalar(name);
                sums[1] += agent.offered.scalar(name);
            }
        }
        for (sums, (_, names)) in sums.into_iter().zip(ALLOCATED) {
            gauges.extend(names.into_iter().zip(sums.map(Scalar::as_f64)));
        }
    }
}
